"""What erasing needs beside the store's own methods: what sessions that are gone have left, and the bytes on disk.

A store finds what it keeps by session. An ended session goes before its stored answers do, and what was deleted is in
the log of a database until that is written anew.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from flowengine.stores.redis_link import RedisLink

SCHEME = "sqlite:///"
LONGEST = 30.0
"""Seconds that others are waited for who still read what is in the log."""
LOOK = 0.1
LEFT = "SELECT session, {column} FROM {table} WHERE session <> '' AND instr({column}, ?)"
TABLES = (("dedupe", "answer"), ("outbox", "payload"), ("dead_letters", "payload"))
KINDS = (("answer", b"answer"), ("row", b"payload"), ("letter", b"payload"))
"""Of a Redis: what the keys begin with, and the field that has the text."""

Names = Callable[[str], bool]


def leftovers(url: str, texts: Sequence[str], names: Names) -> set[str]:
    """Keys of the sessions of which stored answers, rows of the outbox or dead letters have one of the texts.

    ``names`` says of a text whether it is one of those that are looked for. Reads everything. A store that lives in
    one process is not looked into.
    """
    found = _in_file(_path(url), texts) if url.startswith(SCHEME) else _in_redis(url, texts) if _is_redis(url) else ()
    return {session for session, text in found if names(text.decode("utf-8", "replace"))}


def drop_letters(url: str) -> int:
    """All dead letters go: how many there were."""
    if not url.startswith(SCHEME):
        with closing(_link(url)) as link:
            return int(link.run("drop_letters"))
    with closing(sqlite3.connect(f"{_path(url).resolve().as_uri()}?mode=rw", uri=True, timeout=5.0)) as file, file:
        file.execute("PRAGMA secure_delete=ON")
        return file.execute("DELETE FROM dead_letters").rowcount


def scrub(url: str, seconds: float = LONGEST) -> str:
    """Bring the bytes on disk to what the store holds: one sentence where that cannot be done now, else nothing."""
    if url.startswith(SCHEME):
        return _scrub_file(_path(url), seconds)
    return _scrub_redis(url, seconds) if _is_redis(url) else ""


def _path(url: str) -> Path:
    return Path(unquote(url.removeprefix(SCHEME).partition("?")[0]))


def _is_redis(url: str) -> bool:
    return url.startswith(("redis:", "rediss:", "redis+", "rediss+"))


# --- SQLite ----------------------------------------------------------------------------------------------------------


def _in_file(path: Path, texts: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5.0)) as file:
        for table, column in TABLES:
            for text in texts:
                yield from file.execute(LEFT.format(table=table, column=column), (text.encode(),))


def _scrub_file(path: Path, seconds: float) -> str:
    """What is deleted is zeroed as it goes; the log still has pages as they were."""
    until = time.monotonic() + seconds
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=1.0)) as file:
        file.execute("PRAGMA secure_delete=ON")
        while True:
            try:
                busy = file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            except sqlite3.OperationalError:
                busy = 1
            if not busy:
                return ""
            if time.monotonic() > until:
                return f"{path}-wal is being read and may still have it; run the same command again in a while"
            time.sleep(LOOK)


# --- Redis -----------------------------------------------------------------------------------------------------------


def _link(url: str) -> RedisLink:
    from flowengine.stores.redis_link import RedisLink
    from flowengine.stores.redis_url import read_url

    return RedisLink(read_url(url))


def _in_redis(url: str, texts: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    link = _link(url)
    wanted = [text.encode() for text in texts]
    with closing(link):
        for server in link.servers():
            for kind, field in KINDS:
                for key in server.scan_iter(match=f"{link.tag}:{kind}:*", count=1000):
                    session, text = server.hmget(key, ["session", field])
                    if session and text and any(each in text for each in wanted):
                        yield session.decode(), text


def _scrub_redis(url: str, seconds: float) -> str:
    """What was deleted is in the log of commands and in the snapshot until both are written anew."""
    from redis.exceptions import RedisError

    link = _link(url)
    try:
        with closing(link):
            settings = link.facts()
            for server in link.servers():
                _write_anew(server, settings, time.monotonic() + seconds)
    except (RedisError, OSError, TimeoutError):
        return (
            f"{link.url.shown} did not write its files anew, which may still have it: "
            "run BGREWRITEAOF and BGSAVE there, and see to the replicas' files and the backups"
        )
    return ""


def _write_anew(server: Any, settings: dict[str, str], until: float) -> None:
    if settings.get("appendonly") == "yes":
        _finished(server, "aof_rewrite_in_progress", until)
        server.bgrewriteaof()
        _finished(server, "aof_rewrite_in_progress", until)
    if settings.get("save") or server.info("persistence").get("rdb_saves", 0):
        _finished(server, "rdb_bgsave_in_progress", until)
        server.bgsave()
        _finished(server, "rdb_bgsave_in_progress", until)


def _finished(server: Any, name: str, until: float) -> None:
    while True:
        found = server.info("persistence")
        if not found.get(name) and not found.get("aof_rewrite_scheduled"):
            return
        if time.monotonic() > until:
            raise TimeoutError(name)
        time.sleep(LOOK)
