"""The loop of ``flowengine serve``: looks after the processes, and puts new flows in the place of old ones."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from flowengine.serving.outbox import Outbox
from flowengine.serving.ready import ready
from flowengine.serving.saying import say
from flowengine.serving.signals import Signals
from flowengine.serving.source import Made, Source
from flowengine.serving.watching import POLL, Watch
from flowengine.serving.web import Web

IDLE = 1.0


def publish(data: bytes, path: Path) -> None:
    """A file that is whole at every moment: processes may be started and read it while it is exchanged."""
    fresh = path.with_suffix(".fresh")
    fresh.write_bytes(data)
    os.replace(fresh, path)


@dataclass(slots=True)
class Supervisor:
    """``served`` are the flows in ``path``, which the processes read as they start.

    ``forgets``: the store is inside the process that serves, so that exchanging it loses what is under way.
    """

    source: Source
    path: Path
    served: Made
    signals: Signals
    web: Web
    outbox: Outbox | None = None
    watch: Watch | None = None
    forgets: bool = False

    def run(self) -> int:
        """Until somebody stops it or the server ends; the exit code."""
        while self.web.process.poll() is None and not self.signals.stop:
            self.signals.wait(POLL if self.watch else IDLE)
            if self.outbox is not None and not self.signals.stop:
                self.outbox.look_after()
            if self.signals.reload:
                self.signals.reload = False
                self.reload(asked=True)
            elif self.watch is not None and self.watch.changed():
                self.reload(asked=False)
        return self._stopped()

    def reload(self, asked: bool) -> None:
        """Serve what is there now, if it can be served. ``asked``: new processes even for the same flows."""
        if self.watch is not None:
            self.watch.heeded()
        made = self.source.made(self.path.parent, self.signals)
        if self.signals.stop:
            return
        if self.watch is not None and self.watch.moved():
            say("flowengine: files changed while they were compiled; they are compiled again.")
        elif made.code:
            say(f"flowengine: the old revision {self.served.revision} is still served.")
        elif made.revision == self.served.revision and not asked:
            say(f"flowengine: revision {made.revision} is what is served already.")
        else:
            self._exchange(made)

    def _exchange(self, made: Made) -> None:
        before, old = ready(self.web.folder), self.served
        if self.forgets:
            say("flowengine: state is in memory, so calls and conversations under way are forgotten now.")
        publish(made.data, self.path)
        if not self.web.exchange():
            self._back(old, before)
            return
        self.served = made
        if self.outbox is not None and not self.outbox.exchange() and not self.signals.stop:
            say("flowengine: a new worker did not start; the old one goes on.")
        if not self.signals.stop:
            say(f"flowengine: revision {made.revision} is served now, {_instead(made, old)}.")

    def _back(self, old: Made, before: set[int]) -> None:
        if self.signals.stop or self.web.process.poll() is not None:
            return
        publish(old.data, self.path)
        self.web.recover(before)
        say(f"flowengine: a new process did not start; the old revision {old.revision} is still served.")

    def _stopped(self) -> int:
        self.web.stop()
        if self.outbox is not None:
            self.outbox.stop()
        code = self.web.process.wait()
        if self.outbox is not None:
            self.outbox.join()
        return 0 if code in (0, -signal.SIGTERM) else code


def _instead(made: Made, old: Made) -> str:
    if made.revision == old.revision:
        return "by new processes"
    return f"in place of {old.revision}; what began with that goes on with it"
