"""What waits for a worker, counted without taking any of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from flowengine.stores.base import StoreDown

SCHEME = "sqlite:///"


class Backlog(NamedTuple):
    """``rows`` of the outbox in all; ``due`` of them and ``timers`` are due and with no worker.

    ``oldest`` and ``oldest_timer`` are when the first of those was due (Unix seconds), 0 where there is none.
    """

    rows: int
    due: int = 0
    oldest: float = 0.0
    timers: int = 0
    oldest_timer: float = 0.0


def backlog(url: str, now: float) -> Backlog | None:
    """None where the store lives inside another process. Raises :class:`StoreDown`."""
    if url.startswith(SCHEME):
        return _of_file(Path(unquote(url.removeprefix(SCHEME).partition("?")[0])), now)
    return _of_redis(url, now) if url.startswith("redis") else None


def _of_file(path: Path, now: float) -> Backlog:
    from flowengine.stores.sqlite import READY

    ready = [f"SELECT count(*), coalesce(min(due), 0) FROM ({READY[table]})" for table in ("outbox", "timers")]
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=1.0)) as file:
            (rows,) = file.execute("SELECT count(*) FROM outbox").fetchone()
            (due, oldest), (timers, first) = (file.execute(each, (now, -1)).fetchone() for each in ready)
    except sqlite3.Error as error:
        raise StoreDown(f"{path}: {error}") from error
    return Backlog(rows, due, oldest, timers, first)


def _of_redis(url: str, now: float) -> Backlog:
    from flowengine.stores.redis_link import RedisLink
    from flowengine.stores.redis_url import read_url

    with closing(RedisLink(read_url(url))) as link:
        rows, due, oldest, timers, first = link.ask("backlog", now)
    return Backlog(rows, due, float(oldest) if due else 0.0, timers, float(first) if timers else 0.0)
