"""Noticing that files changed, by looking at them: it works on every file system, in containers and over symlinks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from time import monotonic

from flowengine.project import FILE, is_scenario_file
from flowengine.serving.compiling import ARTEFACT
from flowengine.serving.source import Source

POLL = 0.15
"""Seconds between two looks."""
QUIET = 0.3
"""Seconds that nothing must change before a change counts: editors and git write several files one after the other."""

Looks = dict[str, tuple[int, ...]]


def watched(source: Source) -> Iterator[Path]:
    """Every file that what is served depends on, there or not."""
    path = Path(source.path)
    if source.kind == ARTEFACT:
        yield path
        return
    if path.is_dir():
        found = (each for suffix in ("*.yaml", "*.yml") for each in path.rglob(suffix))
        yield from (each for each in found if not is_scenario_file(each) and each.name != FILE)
    else:
        yield path
    top = (path if path.is_dir() else path.parent).resolve()
    for folder in (top, *top.parents):
        yield folder / FILE
        yield folder / "functions.py"


def looks(source: Source) -> Looks:
    """What the file system says of each file that is there. Symlinks are followed: where one leads is what counts."""
    found: Looks = {}
    try:
        paths = list(watched(source))
    except OSError:  # a folder went while it was walked: the next look will be another
        return {}
    for path in paths:
        try:
            stat = os.stat(path)
        except OSError:
            continue
        found[str(path)] = (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino, stat.st_dev)
    return found


def contents(files: Looks) -> str:
    """A hash of what is in the files, and of their names."""
    whole = sha256()
    for name in sorted(files):
        try:
            data = Path(name).read_bytes()
        except OSError:
            continue
        whole.update(b"%b\0%d\0" % (name.encode("utf-8", "replace"), len(data)))
        whole.update(data)
    return whole.hexdigest()


@dataclass(slots=True)
class Watch:
    """Asked again and again whether something changed; yes only once it has stood still."""

    source: Source
    clock: Callable[[], float] = monotonic
    _looks: Looks = field(init=False)
    _contents: str = field(init=False)
    _since: float | None = None

    def __post_init__(self) -> None:
        self.heeded()

    def heeded(self) -> None:
        """What is there now is what will be compiled."""
        self._looks = looks(self.source)
        self._contents = contents(self._looks)
        self._since = None

    def changed(self) -> bool:
        """Whether files differ from those that were heeded, and nothing has moved for a moment."""
        now = looks(self.source)
        if now != self._looks:
            self._looks, self._since = now, self.clock()
            return False
        if self._since is None or self.clock() - self._since < QUIET:
            return False
        self._since = None
        return contents(now) != self._contents

    def moved(self) -> bool:
        """Whether something was written since :meth:`heeded`, so that what was compiled may be half of it."""
        return contents(looks(self.source)) != self._contents
