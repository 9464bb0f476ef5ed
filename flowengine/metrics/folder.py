"""The folder in which processes count: made or emptied by who starts them; what the dead have counted is put together.

Every process writes files of its own, named by its id. Without this, processes that come and go with every reload would
leave more and more files, which each look at the figures reads.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flowengine.metrics import FOLDER, SETTING

FILES = "*_*.db"
TOGETHER = "0"
"""In place of a process id: no process has this one."""


def prepared(env: Mapping[str, str], inside: Path) -> dict[str, str]:
    """What to add to the environment of processes that are started, where they are to count.

    Their folder is the one that ``env`` names, emptied, or a new one in ``inside``.
    """
    if env.get(SETTING, "").strip().lower() != "on":
        return {}
    folder = Path(env.get(FOLDER) or inside / "metrics")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in folder.glob(FILES):
        each.unlink()
    return {FOLDER: str(folder)}


@contextmanager
def held(folder: Path, alone: bool) -> Iterator[None]:
    """Nobody puts files together while they are read, nor two at once."""
    with open(folder / "lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


def put_together(folder: Path) -> None:
    """Add what processes counted that are no more to one file of each kind, and take theirs away."""
    from prometheus_client import mmap_dict

    Figures: Any = mmap_dict.MmapedDict
    with held(folder, alone=True):
        for path in sorted(folder.glob(FILES)):
            kind, _, pid = path.stem.rpartition("_")
            if not pid.isdigit() or pid == TOGETHER or _alive(int(pid)):
                continue
            whole = Figures(str(folder / f"{kind}_{TOGETHER}.db"))
            for key, value, _, _ in Figures.read_all_values_from_file(str(path)):
                whole.write_value(key, whole.read_value(key)[0] + value, 0.0)
            whole.close()
            path.unlink()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # of another user
        return True
    return True
