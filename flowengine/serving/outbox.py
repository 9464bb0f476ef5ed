"""The worker of the outbox beside the server: begun again when it dies, exchanged when there are new flows."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from flowengine.serving.ready import READY, ready
from flowengine.serving.saying import say
from flowengine.serving.signals import Signals
from flowengine.serving.web import START

REFUSED = 2
"""The exit code of a worker that cannot start as things are."""
PAUSE, LONG_PAUSE = 1.0, 30.0


@dataclass(slots=True)
class Outbox:
    """``leaving`` are workers that finish what they have under way; ``again`` is when the next one is begun."""

    env: Mapping[str, str]
    folder: Path
    signals: Signals
    process: subprocess.Popen[bytes] = field(init=False)
    leaving: list[subprocess.Popen[bytes]] = field(default_factory=list)
    again: float | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.process = self._begun()

    def _begun(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "flowengine", "worker", "--quiet"]
        return subprocess.Popen(command, env={**self.env, READY: str(self.folder)})

    def look_after(self) -> None:
        """What is in the outbox must not stay there: a worker that died is begun again."""
        self.leaving = [each for each in self.leaving if each.poll() is None]
        if self.again is None and (code := self.process.poll()) is not None:
            say(f"the worker ended with {code}; it is started again")
            self.again = monotonic() + (LONG_PAUSE if code == REFUSED else PAUSE)
        if self.again is not None and monotonic() >= self.again:
            self.process, self.again = self._begun(), None

    def exchange(self) -> bool:
        """A new one; the old one finishes what it has. False: the new one did not start, and the old one goes on."""
        new = self._begun()
        until = monotonic() + START
        while new.pid not in ready(self.folder):
            if self.signals.stop or new.poll() is not None or monotonic() > until:
                new.kill()
                new.wait()
                return False
            self.signals.wait(0.05)
        self._leave(self.process)
        self.process, self.again = new, None
        return True

    def _leave(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            self.leaving.append(process)

    def stop(self) -> None:
        self._leave(self.process)

    def join(self) -> None:
        for each in self.leaving:
            each.wait()
