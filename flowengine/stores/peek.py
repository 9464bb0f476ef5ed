"""What waits in the outbox of a SQLite file, read beside a running server; for tools that show it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

SCHEME = "sqlite:///"


class Waiting(NamedTuple):
    """A row of the outbox: ``number`` grows with every row, ``payload`` is JSON."""

    number: int
    id: str
    kind: str
    payload: bytes


def newest(url: str) -> int | None:
    """The number of the newest row, 0 where there is none; None where the store cannot be looked into."""
    try:
        with closing(_opened(url)) as file:
            return int(file.execute("SELECT coalesce(max(row), 0) FROM outbox").fetchone()[0])
    except (sqlite3.Error, OSError):
        return None


def waiting(url: str, after: int) -> list[Waiting]:
    """The rows after ``after`` that nothing has carried out yet, oldest first."""
    try:
        with closing(_opened(url)) as file:
            found = file.execute("SELECT row, id, kind, payload FROM outbox WHERE row > ? ORDER BY row", (after,))
            return [Waiting(*each) for each in found]
    except (sqlite3.Error, OSError):
        return []


def _opened(url: str) -> sqlite3.Connection:
    path = Path(url.removeprefix(SCHEME).partition("?")[0])
    if not url.startswith(SCHEME) or not path.is_file():
        raise OSError
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=1.0)
