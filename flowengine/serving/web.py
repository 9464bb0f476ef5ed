"""The gunicorn that answers requests, and the exchange of its workers one by one."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from flowengine.serving.ready import READY, ready
from flowengine.serving.signals import Signals

START = 30.0
"""Seconds that a new worker has to be ready."""
LEAVE = 14.0
"""Seconds after which an old worker should be gone: gunicorn's grace, and a little."""
APART = 0.1
"""Seconds between two signals of one kind: two that are pending at once are one."""


@dataclass(slots=True)
class Web:
    """``size`` is how many workers there are."""

    command: Sequence[str]
    env: Mapping[str, str]
    folder: Path
    size: int
    signals: Signals
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.process = subprocess.Popen(self.command, env={**self.env, READY: str(self.folder)})

    def exchange(self) -> bool:
        """New workers beside the old ones, which stop accepting once the new ones serve and finish what they have.

        SIGHUP to gunicorn would stop the old ones first: callers would wait until the new ones have started, and there
        would be none left should those fail. False: a new one did not become ready, and the old ones still serve.
        """
        old = ready(self.folder)
        for _ in range(self.size):
            if not self._one_more():
                return False
        self._shrink()
        while old & ready(self.folder):  # a signal that was lost would leave one
            if not self._until(lambda: not old & ready(self.folder), LEAVE):
                if self._over():
                    break
                self._fewer()
        return True

    def recover(self, good: set[int]) -> None:
        """After an exchange that failed, with the old flows in their place again: back to ``size`` workers.

        ``good`` are those that served before it; others that have come since may serve what failed.
        """
        doubtful = ready(self.folder) - good
        self._until(lambda: len(ready(self.folder) - good - doubtful) > 0, START)
        self._shrink()
        if doubtful & ready(self.folder):
            self.exchange()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def _one_more(self) -> bool:
        before = ready(self.folder)
        self.process.send_signal(signal.SIGTTIN)
        return self._until(lambda: bool(ready(self.folder) - before), START)

    def _shrink(self) -> None:
        for _ in range(len(ready(self.folder)) - self.size):
            self._fewer()

    def _fewer(self) -> None:
        """The oldest worker stops accepting, finishes what it has and goes."""
        self.process.send_signal(signal.SIGTTOU)
        until = monotonic() + APART
        while (left := until - monotonic()) > 0:
            self.signals.wait(left)

    def _until(self, holds: Callable[[], bool], seconds: float) -> bool:
        until = monotonic() + seconds
        while not holds():
            if self._over() or monotonic() > until:
                return False
            self.signals.wait(0.05)
        return True

    def _over(self) -> bool:
        return self.signals.stop or self.process.poll() is not None
