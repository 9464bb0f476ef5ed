"""Where typed lines come from: a person at a terminal, with a prompt and a history, or a pipe."""

from __future__ import annotations

import os
import re
import select
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

PAUSE = 0.2
"""Seconds between two looks at what came meanwhile."""
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
"""What takes no place on the screen; whoever edits the line must be told so."""


class Keyboard:
    """``live`` is whether a person sits there. ``idle`` is called while a person is waited for."""

    def __init__(self, source: TextIO | None = None, live: bool | None = None) -> None:
        self.source = source or sys.stdin
        self.live = self.source.isatty() and sys.stdout.isatty() if live is None else live
        self.idle: Callable[[], bool] | None = None
        self._held: list[str] = []
        self._typed = b""
        self._edits = self.live and self.source is sys.stdin and _remember_lines()

    def line(self, prompt: str) -> str | None:
        """The next line without its end; None where there are no more."""
        if self._held:
            return self._held.pop()
        if not self.live:
            found = self.source.readline()
            return found.rstrip("\r\n") if found else None
        if self.idle is not None:
            return self._while_idle(prompt)
        try:
            return input(_STYLE.sub("\x01\\g<0>\x02", prompt) if self._edits else prompt)
        except EOFError:
            return None

    def hold(self, line: str) -> None:
        """The line comes again next."""
        self._held.append(line)

    def _while_idle(self, prompt: str) -> str | None:
        """A line; whatever comes meanwhile is shown at once, and the prompt again below it."""
        assert self.idle is not None
        number = self.source.fileno()
        _show(prompt)
        while b"\n" not in self._typed:
            if not select.select([number], [], [], PAUSE)[0]:
                if self.idle():
                    _show(prompt)
                continue
            more = os.read(number, 4096)
            if not more:
                return None
            self._typed += more
        line, _, self._typed = self._typed.partition(b"\n")
        return line.decode("utf-8", "replace").rstrip("\r")


def _show(prompt: str) -> None:
    sys.stdout.write(prompt)
    sys.stdout.flush()


def _remember_lines() -> bool:
    """Arrow keys edit the line and bring earlier ones back, where the machine can."""
    with suppress(ImportError):
        import readline  # noqa: F401

        return True
    return False
