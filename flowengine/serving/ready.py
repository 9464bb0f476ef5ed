"""How a process that was started says that it serves now: a file with its process id, in a folder it was told."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

READY = "_FLOWENGINE_READY"
"""The environment variable with the folder; between our own processes only."""


def tell_ready(env: Mapping[str, str]) -> None:
    if folder := env.get(READY):
        with suppress(OSError):
            Path(folder, str(os.getpid())).touch()


def ready(folder: Path) -> set[int]:
    """Ids of the processes that serve; files of those that ended go."""
    found = {int(each.name) for each in folder.iterdir()}
    gone = {pid for pid in found if not _alive(pid)}
    for pid in gone:
        (folder / str(pid)).unlink(missing_ok=True)
    return found - gone


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
