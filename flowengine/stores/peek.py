"""What waits in the outbox of a SQLite file, read beside a running server; for tools that show it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

SCHEME = "sqlite:///"


class Waiting(NamedTuple):
    """A row of the outbox; ``payload`` is JSON."""

    id: str
    kind: str
    payload: bytes


def waiting(url: str) -> list[Waiting] | None:
    """The rows that nothing has carried out yet, oldest first; None where the store cannot be looked into."""
    path = Path(url.removeprefix(SCHEME).partition("?")[0])
    if not url.startswith(SCHEME) or not path.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=1.0)) as file:
            return [Waiting(*each) for each in file.execute("SELECT id, kind, payload FROM outbox ORDER BY row")]
    except sqlite3.Error:
        return None
