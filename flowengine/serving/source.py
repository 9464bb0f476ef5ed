"""Where the flows that are served come from: YAML that is compiled, or an artefact that somebody compiled before."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from flowengine.build import BadArtefact, read_artefact
from flowengine.serving.compiling import ARTEFACT, DONE, FAILED, FLOWS
from flowengine.serving.saying import say
from flowengine.serving.signals import Signals

LONGEST = 120.0
"""Seconds after which a compilation is given up."""


@dataclass(frozen=True, slots=True)
class Made:
    """Flows that can be served. ``code`` is 0, or the exit code of what was told to be wrong."""

    code: int
    data: bytes = b""
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """``path`` is a folder, a flow file or an artefact, as ``kind`` says."""

    kind: str
    path: str

    @staticmethod
    def of(flows: str, artefact: str) -> Source:
        return Source(ARTEFACT, artefact) if artefact else Source(FLOWS, flows)

    def made(self, folder: Path, signals: Signals) -> Made:
        """What is there now, checked by a child that tells what is wrong on standard error."""
        output = folder / "new.artefact"
        output.unlink(missing_ok=True)
        command = [sys.executable, "-P", "-m", "flowengine.serving.compiling", self.kind, self.path, str(output)]
        code = _finished(subprocess.Popen(command, stdin=subprocess.DEVNULL), signals)
        if code != DONE:
            return Made(code)
        try:
            data = output.read_bytes()
            return Made(DONE, data, read_artefact(data)[1])
        except (OSError, BadArtefact) as error:
            say(f"flowengine: the compiled flows cannot be read: {error}")
            return Made(FAILED)


def _finished(child: subprocess.Popen[bytes], signals: Signals) -> int:
    until = monotonic() + LONGEST
    while (code := child.poll()) is None and not signals.stop and monotonic() < until:
        signals.wait(0.2)
    if code is None:
        child.kill()
        child.wait()
        if not signals.stop:
            say(f"flowengine: the flows were not compiled within {LONGEST:.0f} s")
        return FAILED
    if code < 0:
        say(f"flowengine: compiling the flows ended with signal {-code}")
        return FAILED
    return code
