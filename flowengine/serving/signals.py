"""Signals that are looked at where the process waits, never in the middle of something."""

from __future__ import annotations

import os
import select
import signal
import sys
from types import FrameType

HEEDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


class Signals:
    """``stop``: SIGTERM or SIGINT came, or the terminal is gone. ``reload``: SIGHUP came; who heeds it clears it."""

    def __init__(self) -> None:
        self.stop = False
        self.reload = False
        self._on_terminal = sys.stderr.isatty()
        self._read, write = os.pipe()
        for each in (self._read, write):
            os.set_blocking(each, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in HEEDED:
            signal.signal(number, _ignored)

    def wait(self, seconds: float) -> None:
        """So long, or until a signal comes; that of a child that ended is one."""
        select.select([self._read], [], [], seconds)
        try:
            came = set(os.read(self._read, 4096))
        except BlockingIOError:
            return
        if came & {signal.SIGTERM, signal.SIGINT}:
            self.stop = True
        if signal.SIGHUP in came:
            # A terminal that is closed sends the same signal as somebody who wants new flows.
            gone = self._on_terminal and not sys.stderr.isatty()
            self.stop, self.reload = self.stop or gone, not gone


def _ignored(number: int, frame: FrameType | None) -> None:
    """A handler there must be, or the process would end."""
