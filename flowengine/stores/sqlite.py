"""``sqlite:///path``: one file on a local disk, shared by the workers of one machine. Nothing to install."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from secrets import token_hex
from urllib.parse import parse_qsl, unquote

from flowengine.problems import did_you_mean
from flowengine.stores.base import (
    BURIED,
    DAY,
    DROPPED,
    KEPT,
    Count,
    Effect,
    JournalRow,
    Leased,
    Letter,
    Loaded,
    Record,
    Revision,
    StoreRefused,
    Timer,
    Verdict,
    Write,
    merged,
)
from flowengine.stores.sqlite_file import BEAT, SqliteFile, prepared

PAGE = 100
"""Sessions that are read at once where all are looked at."""
BATCH = 500
"""Rows that one transaction of the sweep forgets, so that no turn waits long for it."""

LOAD = """SELECT version, session, (SELECT answer FROM dedupe WHERE key = ?){records}
    FROM (SELECT 1) LEFT JOIN sessions ON key = ?"""
LOAD_RECORD = ", (SELECT document FROM records WHERE key = ?)"
LOAD_ALIAS = """SELECT sessions.key, version, sessions.session FROM aliases
    JOIN sessions ON sessions.key = aliases.session WHERE alias = ?"""
DEDUPE = """INSERT INTO dedupe (key, leased_until, expires, answer, session) VALUES (?, 0, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET expires = excluded.expires, answer = excluded.answer, session = excluded.session
    WHERE answer IS NULL"""
CLAIM = """INSERT INTO dedupe (key, leased_until, expires) VALUES (?, ?, ?) ON CONFLICT (key)
    DO UPDATE SET leased_until = excluded.leased_until, expires = excluded.expires
    WHERE answer IS NULL AND leased_until <= ?"""
BEGIN_SESSION = """INSERT INTO sessions (key, version, expires, session, revision, over) SELECT ?1, 1, ?2, ?3, ?4, ?5
    WHERE NOT EXISTS (SELECT 1 FROM aliases WHERE alias = ?1) ON CONFLICT (key) DO NOTHING"""
GO_ON = """UPDATE sessions SET version = version + 1, expires = ?1, session = ?2
    WHERE key = ?3 AND version = ?4 AND over = ?5 AND (?6 = '' OR revision = ?6)"""
TURN_OVER = """UPDATE sessions SET version = version + 1, expires = ?1, session = ?2, over = ?5,
    revision = CASE ?6 WHEN '' THEN revision ELSE ?6 END WHERE key = ?3 AND version = ?4"""
COUNT = """INSERT INTO counters (name, span, n, expires) SELECT ?1, ?2, 1, ?3 WHERE ?4 >= 1
    ON CONFLICT (name, span) DO UPDATE SET n = n + 1, expires = excluded.expires WHERE n < ?4"""
JOURNAL = "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
READ_JOURNAL = """SELECT n, at, flow, event, source, target, revision, body FROM journal
    WHERE session = CASE WHEN EXISTS (SELECT 1 FROM sessions WHERE key = ?1) THEN ?1
        ELSE coalesce((SELECT session FROM aliases WHERE alias = ?1), ?1) END ORDER BY n"""
EFFECT = """INSERT INTO outbox (id, kind, session, payload, due, expires, lane, rank)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
DROP = "DELETE FROM outbox WHERE lane = ? AND leased_until <= ?"
ARRIVED = "DELETE FROM outbox WHERE id = ?"
RECORD = "SELECT document FROM records WHERE key = ?"
RECORDS = "SELECT key, document FROM records WHERE key > ? AND key >= ? AND key < ? ORDER BY key LIMIT 100"
KEEP = "INSERT INTO records VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET document = excluded.document"
ALIAS = "INSERT INTO aliases VALUES (?, ?) ON CONFLICT (alias) DO UPDATE SET session = excluded.session"
SET_TIMER = """INSERT INTO timers (session, name, due) VALUES (?, ?, ?) ON CONFLICT (session, name)
    DO UPDATE SET due = excluded.due, attempts = 0, token = '', leased_until = 0"""
END_TIMER = "DELETE FROM timers WHERE session = ? AND name = ?"
FIRED = "DELETE FROM timers WHERE session = ? AND name = ? AND token = ?"
HOLD = "UPDATE outbox SET leased_until = ? WHERE id = ? AND token = ?"
SETTLE = "DELETE FROM outbox WHERE id = ? AND token = ?"
RETRY = "UPDATE outbox SET due = ?, token = '', leased_until = 0 WHERE id = ? AND token = ?"
LETTER = """INSERT INTO dead_letters (at, kind, session, reason, payload, attempts, expires)
    VALUES (?, ?, ?, ?, ?, ?, ?)"""

_READY = "due <= ?1 AND leased_until <= ?1"
_FIRST = """(lane = '' OR NOT EXISTS (SELECT 1 FROM outbox AS other
    WHERE other.lane = outbox.lane AND other.lane <> '' AND (other.rank, other.row) < (outbox.rank, outbox.row)))"""
READY = {
    "outbox": f"""SELECT row, id, kind, session, payload, due, attempts + 1 FROM outbox
        WHERE {_READY} AND {_FIRST} ORDER BY due, row LIMIT ?2""",
    "timers": f"""SELECT row, session || '/' || name, name, session, x'', due, attempts + 1
        FROM timers WHERE {_READY} ORDER BY due, row LIMIT ?2""",
}
LEASE = {
    table: f"UPDATE {table} SET attempts = attempts + 1, token = ?, leased_until = ? WHERE row = ?" for table in READY
}
KEYS = "SELECT key FROM sessions WHERE key >= ? AND key < ? ORDER BY key LIMIT ?"
ENDED = "expires <= CASE WHEN over THEN ?1 ELSE ?2 END"
EXPIRED_SESSIONS = f"SELECT rowid, key FROM sessions WHERE {ENDED} AND rowid > ?3 ORDER BY rowid LIMIT ?4"
END_SESSION = f"DELETE FROM sessions WHERE {ENDED} AND key = ?3"
OVERDUE = "SELECT key FROM sessions WHERE expires <= ? AND NOT over ORDER BY expires, key LIMIT ?"
KEEP_ARTEFACT = "INSERT INTO artefacts VALUES (?, ?, ?) ON CONFLICT (revision) DO UPDATE SET kept = excluded.kept"
DROP_ARTEFACTS = """DELETE FROM artefacts WHERE kept <= ?
    AND NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.revision = artefacts.revision)"""
REVISIONS = """SELECT revision, max(kept), sum(sessions), sum(live) FROM (
        SELECT revision, kept, 0 AS sessions, 0 AS live FROM artefacts
        UNION ALL SELECT revision, 0.0, count(*), sum(NOT over) FROM sessions WHERE revision <> '' GROUP BY revision)
    GROUP BY revision ORDER BY revision"""
OF_REVISION = """SELECT key, session FROM sessions WHERE revision = ? AND NOT over AND key > ?
    ORDER BY key LIMIT ?"""
EVERY = "SELECT key FROM sessions WHERE key > ? ORDER BY key LIMIT 100"
MENTIONS = """SELECT key FROM sessions WHERE key > ?1 AND key <= ?2 AND (instr(session, ?3)
    OR EXISTS (SELECT 1 FROM journal WHERE journal.session = sessions.key AND instr(body, ?3))) ORDER BY key"""
ANSWERS = "SELECT id FROM dedupe WHERE session = ? OR answer IS NULL"
LAST_ANSWER = "SELECT coalesce(max(id), 0) FROM dedupe"
FORGET_ANSWER = "DELETE FROM dedupe WHERE id = ? AND session = ?"
FORGET_LATER = "DELETE FROM dedupe WHERE id > ? AND session = ?"
FORGET = (
    "DELETE FROM sessions WHERE key = ?",
    *(f"DELETE FROM {table} WHERE session = ?" for table in ("aliases", "timers", "journal", "outbox", "dead_letters")),
)
LETTERS = "SELECT at, kind, session, reason, payload, attempts FROM dead_letters ORDER BY id DESC LIMIT ?"
DEPENDENTS = tuple(f"DELETE FROM {table} WHERE session = ?" for table in ("aliases", "timers", "journal"))
EXPIRED = tuple(
    f"DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE expires <= ? LIMIT {BATCH})"
    for table, key in (
        ("dedupe", "id"),
        ("outbox", "row"),
        ("counters", "name, span"),
        ("dead_letters", "id"),
    )
)


class _Undone(Exception):
    """Leaves a transaction without a trace."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict


def opened(url: str) -> SqliteStore:
    """The store of a URL ``sqlite:///PATH``. Raises :class:`StoreRefused`."""
    place, _, query = url.removeprefix("sqlite:").partition("?")
    name = unquote(place.removeprefix("///"))
    if not place.startswith("///") or not name or name.endswith("/"):
        raise StoreRefused(f'"sqlite:{place}" names no file; write sqlite:///relative/path or sqlite:////absolute/path')
    if name == ":memory:":
        raise StoreRefused("SQLite in memory is not shared by threads and workers; write memory://")
    synchronous = _synchronous(query)
    full = synchronous == "full"
    return SqliteStore(prepared(Path(name).absolute(), full), full, durable=synchronous != "normal")


def _synchronous(query: str) -> str:
    """``full`` or ``normal`` for every write; without the setting each write says whether it must be durable."""
    settings = dict(parse_qsl(query, keep_blank_values=True))
    for name in settings:
        if name != "synchronous":
            hint = did_you_mean(name, ["synchronous"])
            raise StoreRefused(f'the sqlite store has no setting "{name}"{hint}; it has synchronous')
    value = settings.get("synchronous", "each")
    if "synchronous" in settings and value not in ("normal", "full"):
        raise StoreRefused(f'synchronous is "{value}"; write normal or full')
    return value


class SqliteStore:
    shared = True

    def __init__(self, file: SqliteFile, full: bool = False, durable: bool = True) -> None:
        """``full``: every write reaches the disk; ``durable``: those that ask for it do."""
        self._file = file
        self._full = full
        self._durable = durable and not full

    @property
    def durability(self) -> str:
        survives = "every answered turn survives the end of a process"
        if self._full:
            return f"SQLite {self._file.path}: {survives} and a power cut."
        if not self._durable:
            return f"SQLite {self._file.path}: {survives}; a power cut may lose the last ones, messages too."
        lost = "a power cut may lose the last turns of calls, no message that was acknowledged"
        return f"SQLite {self._file.path}: {survives}; {lost} (?synchronous=full keeps all)."

    def load(self, key: str, dedupe: str = "", *records: str) -> Loaded:
        ((version, session, answer, *known),) = self._file.rows(_load(len(records)), dedupe, *records, key)
        if version is None:
            found = self._file.rows(LOAD_ALIAS, key)
            key, version, session = found[0] if found else (key, 0, None)
        return Loaded(key, version, session, answer, known)

    def commit(self, write: Write) -> Verdict:
        try:
            with self._file.transaction() as rows:
                _answer(rows, write)
                _go_on(rows, write)
                for count in write.counts:
                    _count(rows, count, write.now)
                if write.journal is not None:
                    _journal(rows, write.key, write.journal)
                _follow(rows, write)
        except _Undone as undone:
            return undone.verdict
        except sqlite3.IntegrityError as error:
            raise ValueError(f"a turn or an effect was written twice: {error}") from error
        if write.durable and self._durable:
            self._file.sync()
        return Verdict.DONE

    def claim(self, dedupe: str, now: float, lease: float) -> bool:
        return self._changed(CLAIM, dedupe, now + lease, now + KEPT, now)

    def take(self, now: float, lease: float, limit: int = 16) -> list[Leased]:
        return self._lease("outbox", now, lease, limit)

    def hold(self, leased: Leased, until: float) -> bool:
        return self._changed(HOLD, until, leased.id, leased.token)

    def settle(self, leased: Leased) -> bool:
        return self._changed(SETTLE, leased.id, leased.token)

    def retry(self, leased: Leased, due: float) -> bool:
        return self._changed(RETRY, due, leased.id, leased.token)

    def arrived(self, id: str) -> bool:
        return self._changed(ARRIVED, id)

    def bury(self, leased: Leased, reason: str, now: float) -> bool:
        with self._file.transaction() as rows:
            if not rows.execute(SETTLE, (leased.id, leased.token)).rowcount:
                return False
            letter = (now, leased.kind, leased.session, reason, leased.payload, leased.attempts, now + BURIED)
            rows.execute(LETTER, letter)
        return True

    def dead_letter(self, kind: str, reason: str, payload: bytes, now: float) -> None:
        self._changed(LETTER, now, kind, "", reason, payload, 0, now + BURIED)

    def due(self, now: float, lease: float, limit: int = 16) -> list[Leased]:
        return self._lease("timers", now, lease, limit)

    def fired(self, leased: Leased) -> bool:
        return self._changed(FIRED, leased.session, leased.kind, leased.token)

    def record(self, key: str) -> bytes | None:
        found = self._file.rows(RECORD, key)
        return bytes(found[0][0]) if found else None

    def read(self, *keys: str) -> list[bytes | None]:
        places = ", ".join("?" * len(keys))
        found = dict(self._file.rows(f"SELECT key, document FROM records WHERE key IN ({places})", *keys))
        return [found.get(key) for key in keys]

    def records(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        last, beyond = "", f"{prefix}\U0010ffff"
        while found := self._file.rows(RECORDS, last, prefix, beyond):
            yield from found
            last = found[-1][0]

    def merge(self, record: Record) -> None:
        with self._file.transaction() as rows:
            _record(rows, record)

    def count(self, name: str, window: int) -> int:
        found = self._file.rows("SELECT n FROM counters WHERE name = ? AND span = ?", name, window)
        return int(found[0][0]) if found else 0

    def journal(self, key: str) -> list[JournalRow]:
        return [JournalRow(*row) for row in self._file.rows(READ_JOURNAL, key)]

    def keys(self, prefix: str, limit: int) -> list[str]:
        return [key for (key,) in self._file.rows(KEYS, prefix, f"{prefix}\U0010ffff", limit)]

    def dead_letters(self) -> int:
        return int(self._file.rows("SELECT count(*) FROM dead_letters")[0][0])

    def letters(self, limit: int) -> list[Letter]:
        return [Letter(*row) for row in self._file.rows(LETTERS, limit)]

    def keep(self, revision: str, artefact: bytes, now: float) -> None:
        self._changed(KEEP_ARTEFACT, revision, now, artefact)

    def artefact(self, revision: str) -> bytes | None:
        found = self._file.rows("SELECT artefact FROM artefacts WHERE revision = ?", revision)
        return bytes(found[0][0]) if found else None

    def revisions(self) -> list[Revision]:
        return [Revision(*row) for row in self._file.rows(REVISIONS)]

    def of_revision(self, revision: str, limit: int | None = None) -> Iterator[tuple[str, bytes]]:
        last, left = "", limit
        while left is None or left > 0:
            found = self._file.rows(OF_REVISION, revision, last, PAGE if left is None else min(left, PAGE))
            yield from found
            if not found:
                return
            last, left = found[-1][0], None if left is None else left - len(found)

    def overdue(self, now: float, limit: int) -> list[str]:
        return [key for (key,) in self._file.rows(OVERDUE, now, limit)]

    def search(self, text: str) -> Iterator[str]:
        last, wanted = "", text.encode()
        while wanted and (page := self._file.rows(EVERY, last)):
            yield from (key for (key,) in self._file.rows(MENTIONS, last, page[-1][0], wanted))
            last = page[-1][0]

    def forget(self, key: str) -> bool:
        # Stored answers have no index by session, which would cost every turn: they are read through beforehand, and
        # only those that came since, or are still to be given, are looked at while nobody else can write.
        last = self._file.rows(LAST_ANSWER)[0][0]
        answers = self._file.rows(ANSWERS, key)
        with self._file.transaction() as rows:
            gone = sum(rows.execute(each, (key,)).rowcount for each in FORGET)
            gone += rows.executemany(FORGET_ANSWER, [(id, key) for (id,) in answers]).rowcount if answers else 0
            gone += rows.execute(FORGET_LATER, (last, key)).rowcount
        return gone > 0

    def forget_record(self, key: str) -> bool:
        return self._changed("DELETE FROM records WHERE key = ?", key)

    def sweep(self, now: float) -> int:
        gone = self._sweep_sessions(now)
        if self._file.rows("SELECT 1 FROM artefacts WHERE kept <= ?", now - DROPPED):
            self._changed(DROP_ARTEFACTS, now - DROPPED)
        for forget in EXPIRED:
            while self._forget(forget, now) == BATCH:
                pass
        return gone

    def ping(self) -> None:
        self._changed(BEAT)

    def close(self) -> None:
        """End the connections of this process; the store may be used again."""
        self._file.close()

    def _changed(self, sql: str, *values: object) -> bool:
        with self._file.transaction() as rows:
            return rows.execute(sql, values).rowcount > 0

    def _lease(self, table: str, now: float, lease: float, limit: int) -> list[Leased]:
        if not self._file.rows(READY[table], now, 1):
            return []
        token = token_hex(8)
        with self._file.transaction() as rows:
            ready = rows.execute(READY[table], (now, limit)).fetchall()
            rows.executemany(LEASE[table], [(token, now + lease, row[0]) for row in ready])
        return [_leased(row, token) for row in ready]

    def _sweep_sessions(self, now: float) -> int:
        gone = last = 0
        while expired := self._file.rows(EXPIRED_SESSIONS, now, now - DAY, last, BATCH):
            last = expired[-1][0]
            began = time.monotonic()
            with self._file.transaction() as rows:
                gone += sum(_end(rows, key, now) for _, key in expired)
            _let_others_write(began)
        return gone

    def _forget(self, sql: str, now: float) -> int:
        began = time.monotonic()
        with self._file.transaction() as rows:
            gone = rows.execute(sql, (now,)).rowcount
        if gone:
            _let_others_write(began)
        return gone


@cache
def _load(records: int) -> str:
    """The statement that reads a session together with so many records."""
    return LOAD.format(records=LOAD_RECORD * records)


def _leased(row: tuple[int, str, str, str, bytes, float, int], token: str) -> Leased:
    _, id, kind, session, payload, due, attempts = row
    return Leased(id, kind, session, payload, due, attempts, token)


def _answer(rows: sqlite3.Connection, write: Write) -> None:
    if write.dedupe and not rows.execute(DEDUPE, (write.dedupe, write.now + KEPT, write.answer, write.key)).rowcount:
        raise _Undone(Verdict.DUPLICATE)


def _go_on(rows: sqlite3.Connection, write: Write) -> None:
    if not write.version:
        done = rows.execute(BEGIN_SESSION, (write.key, write.expires, write.session, write.revision, write.over))
    else:
        values = (write.expires, write.session, write.key, write.version, write.over, write.revision)
        done = rows.execute(GO_ON, values)
        if not done.rowcount:
            # Only here does an index change: a session begins to be over, or goes on with other flows.
            done = rows.execute(TURN_OVER, values)
    if not done.rowcount:
        raise _Undone(Verdict.CONFLICT)


def _count(rows: sqlite3.Connection, count: Count, now: float) -> None:
    if not rows.execute(COUNT, (count.name, count.window, now + KEPT, count.limit)).rowcount:
        raise _Undone(Verdict.LIMIT)


def _journal(rows: sqlite3.Connection, key: str, row: JournalRow) -> None:
    columns = (row.n, row.at, row.flow, row.event, row.source, row.target, row.revision, row.body)
    rows.execute(JOURNAL, (key, *columns))


def _follow(rows: sqlite3.Connection, write: Write) -> None:
    for lane in write.drops:
        rows.execute(DROP, (lane, write.now))
    for alias in write.aliases:
        rows.execute(ALIAS, (alias, write.key))
    for effect in write.effects:
        _effect(rows, write, effect)
    for timer in write.timers:
        _timer(rows, write.key, timer)
    for record in write.records:
        _record(rows, record)


def _record(rows: sqlite3.Connection, record: Record) -> None:
    found = rows.execute(RECORD, (record.key,)).fetchone()
    rows.execute(KEEP, (record.key, merged(found[0] if found else None, record.patch)))


def _effect(rows: sqlite3.Connection, write: Write, effect: Effect) -> None:
    last = max(write.expires, effect.due) + DAY
    row = (effect.id, effect.kind, write.key, effect.payload, effect.due, last, effect.lane, effect.rank)
    rows.execute(EFFECT, row)


def _timer(rows: sqlite3.Connection, key: str, timer: Timer) -> None:
    if timer.due is None:
        rows.execute(END_TIMER, (key, timer.name))
    else:
        rows.execute(SET_TIMER, (key, timer.name, timer.due))


def _end(rows: sqlite3.Connection, key: str, now: float) -> int:
    gone = rows.execute(END_SESSION, (now, now - DAY, key)).rowcount
    if gone:
        for forget in DEPENDENTS:
            rows.execute(forget, (key,))
    return gone


def _let_others_write(began: float) -> None:
    """A process that waits for the lock only looks now and then: leave it free as long as it was taken."""
    time.sleep(max(0.001, time.monotonic() - began))
