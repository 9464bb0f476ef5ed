"""What waits in the outbox of a SQLite file, read beside a running server; for tools that show it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

SCHEME = "sqlite:///"


class Waiting(NamedTuple):
    """A row of the outbox; ``payload`` is JSON."""

    id: str
    kind: str
    payload: bytes


def waiting(url: str) -> list[Waiting] | None:
    """The rows that nothing has carried out yet, oldest first; None where the store cannot be looked into."""
    path = _path(url)
    if not url.startswith(SCHEME) or not path.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=1.0)) as file:
            return [Waiting(*each) for each in file.execute("SELECT id, kind, payload FROM outbox ORDER BY row")]
    except sqlite3.Error:
        return None


def missing(url: str) -> str:
    """The file of a SQLite store that is not there, so that nobody who only looks makes one; else nothing."""
    return str(_path(url)) if url.startswith(SCHEME) and not _path(url).exists() else ""


def _path(url: str) -> Path:
    return Path(unquote(url.removeprefix(SCHEME).partition("?")[0]))
