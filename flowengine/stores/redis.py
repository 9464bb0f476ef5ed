"""``redis://host:port/db``: one Redis, shared by the workers of many machines. Needs ``flowengine[redis]``.

Whatever changes is one script, which Redis runs whole and alone: ``lua/``. All keys of a deployment share the hash tag
``{prefix}``, since a turn touches sessions, lanes, records and counters together; in a Cluster one deployment therefore
lives on one primary, and several deployments (prefixes) spread.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from secrets import token_hex
from typing import Any

import orjson

from flowengine.stores.base import (
    BURIED,
    DAY,
    DROPPED,
    KEPT,
    Effect,
    JournalRow,
    Leased,
    Letter,
    Loaded,
    Record,
    Revision,
    StoreDown,
    Verdict,
    Write,
    merged,
)
from flowengine.stores.redis_link import RedisLink
from flowengine.stores.redis_url import read_url

SLACK = 60.0
"""Seconds that Redis keeps things longer than the sweep does, should nobody sweep."""
PAGE = 100
"""Things that one script looks at where all are looked at: others wait meanwhile."""
FASTER = 50
"""Times that others may change a record between its reading and its writing."""
FORMAT = b"\x01"
"""What every value that we alone read begins with; another byte was written by a newer flowengine."""

VERDICTS = {each.value.encode(): each for each in Verdict}
MISTAKES = {
    b"turn": "a turn of this number is in the journal of the session already",
    b"effect": "an effect with this id is in the outbox already",
}


def opened(url: str) -> RedisStore:
    """The store of a URL; see :mod:`flowengine.stores.redis_url`. Raises :class:`StoreRefused`, :class:`StoreDown`."""
    link = RedisLink(read_url(url))
    link.examine()
    return RedisStore(link)


class RedisStore:
    shared = True

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    @property
    def durability(self) -> str:
        shown, found = self._link.url.shown, self._link.facts()
        survives = _survives(found.get("appendonly", ""), found.get("appendfsync", ""), found.get("save", ""))
        single = self._link.url.kind == "redis"
        failover = "" if single else "; a failover loses what the replica had not received yet"
        return f"{shown[0].upper()}{shown[1:]}: {survives}{failover}."

    def load(self, key: str, dedupe: str = "", *records: str) -> Loaded:
        own, version, data, answer, *found = self._link.ask("load", key, dedupe, *records)
        return Loaded(own.decode(), int(version or 0), self._opened(data), self._opened(answer), found)

    def commit(self, write: Write) -> Verdict:
        for _ in range(FASTER):
            told = self._link.run("commit", *_values(write, self._patched(write.records)))
            if told in MISTAKES:
                raise ValueError(MISTAKES[told])
            if told in VERDICTS:
                return VERDICTS[told]
        raise StoreDown(f"{self._link.url.shown}: others kept changing the same records")

    def claim(self, dedupe: str, now: float, lease: float) -> bool:
        return self._done("claim", dedupe, now, now + lease, now + KEPT, _ttl(KEPT))

    def take(self, now: float, lease: float, limit: int = 16) -> list[Leased]:
        token, ends = token_hex(8), now + lease
        rows = self._link.run("take", now, ends, token, limit, ceil(now * 1000), int(ends * 1000))
        return [_leased(row, token) for row in rows]

    def hold(self, leased: Leased, until: float) -> bool:
        return self._done("hold", leased.id, leased.token, until, int(until * 1000))

    def settle(self, leased: Leased) -> bool:
        return self._done("settle", leased.id, leased.token)

    def retry(self, leased: Leased, due: float) -> bool:
        return self._done("retry", leased.id, leased.token, due)

    def arrived(self, id: str) -> bool:
        return self._done("arrived", id)

    def bury(self, leased: Leased, reason: str, now: float) -> bool:
        what = (now, leased.kind, leased.session, reason, leased.payload, leased.attempts)
        return self._done("bury", leased.id, leased.token, *what, now + BURIED, _ttl(BURIED))

    def dead_letter(self, kind: str, reason: str, payload: bytes, now: float) -> None:
        self._link.run("bury", "", "", now, kind, "", reason, payload, 0, now + BURIED, _ttl(BURIED))

    def due(self, now: float, lease: float, limit: int = 16) -> list[Leased]:
        token = token_hex(8)
        found = [[each.decode() for each in row] for row in self._link.run("due", now, now + lease, token, limit)]
        return [
            Leased(f"{key}/{name}", name, key, b"", float(due), int(attempts), token)
            for key, name, due, attempts in found
        ]

    def fired(self, leased: Leased) -> bool:
        return self._done("fired", leased.session, leased.kind, leased.token)

    def record(self, key: str) -> bytes | None:
        return self.read(key)[0]

    def read(self, *keys: str) -> list[bytes | None]:
        found: list[bytes | None] = self._link.ask("values", *(f"record:{key}" for key in keys))
        return found

    def records(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        after: bytes = b""
        while found := self._link.ask("records", prefix, after, PAGE):
            yield from ((key.decode(), document) for key, document in _pairs(found))
            after = found[-2]

    def merge(self, record: Record) -> None:
        for _ in range(FASTER):
            ((key, known, before, after),) = self._patched([record])
            if self._done("merge", key, known, before, after):
                return
        raise StoreDown(f"{self._link.url.shown}: others kept changing the same record")

    def count(self, name: str, window: int) -> int:
        return int(self._link.ask("values", f"count:{window}:{name}")[0] or 0)

    def journal(self, key: str) -> list[JournalRow]:
        return sorted(self._turn(row) for row in self._link.ask("journal", key))

    def keys(self, prefix: str, limit: int) -> list[str]:
        return [key.decode() for key in self._link.ask("keys", prefix, limit)]

    def dead_letters(self) -> int:
        return int(self._link.ask("facts", "letters"))

    def letters(self, limit: int) -> list[Letter]:
        return [
            Letter(float(at), kind.decode(), session.decode(), reason.decode(), payload, int(attempts))
            for at, kind, session, reason, payload, attempts in self._link.ask("letters", limit)
        ]

    def keep(self, revision: str, artefact: bytes, now: float) -> None:
        self._link.run("keep", revision, FORMAT + artefact, now)

    def artefact(self, revision: str) -> bytes | None:
        return self._opened(self._link.ask("facts", "artefact", revision))

    def revisions(self) -> list[Revision]:
        return self._revisions(float("-inf"))

    def _revisions(self, dropped: float) -> list[Revision]:
        found = self._link.run("revisions", dropped)
        return sorted(Revision(each.decode(), float(kept), all, live) for each, kept, all, live in found)

    def of_revision(self, revision: str, limit: int | None = None) -> Iterator[tuple[str, bytes]]:
        last, left = b"", limit
        while left is None or left > 0:
            last, *found = self._link.ask("of_revision", revision, last, PAGE if left is None else min(left, PAGE))
            if last is None:
                return
            for key, data in _pairs(found):
                yield key.decode(), self._opened(data) or b""
            left = None if left is None else left - len(found) // 2

    def overdue(self, now: float, limit: int) -> list[str]:
        return [key.decode() for key in self._link.ask("facts", "overdue", now, limit)]

    def search(self, text: str) -> Iterator[str]:
        last = b""
        while text:
            last, *found = self._link.ask("search", text, last, PAGE)
            yield from (key.decode() for key in found)
            if last is None:
                return

    def forget(self, key: str) -> bool:
        return self._done("forget", key)

    def forget_record(self, key: str) -> bool:
        return self._done("forget_record", key)

    def sweep(self, now: float) -> int:
        gone, swept = 0, PAGE
        while swept == PAGE:
            swept, sessions = self._link.run("sweep", now, PAGE)
            gone += sessions
        self._revisions(now - DROPPED)
        return gone

    def ping(self) -> None:
        self._link.run("facts", "ping")

    def close(self) -> None:
        """End the connections of this process; the store may be used again."""
        self._link.close()

    def _done(self, name: str, *values: Any) -> bool:
        return int(self._link.run(name, *values)) > 0

    def _patched(self, records: Sequence[Record]) -> list[tuple[str, int, bytes, bytes]]:
        """Key, whether it is there, what it is and what it becomes: Lua would write other numbers than it read."""
        if not records:
            return []
        keys = list(dict.fromkeys(record.key for record in records))
        before = dict(zip(keys, self.read(*keys), strict=True))
        after = dict(before)
        for key, patch in records:
            after[key] = merged(after[key], patch)
        return [(key, int(before[key] is not None), before[key] or b"", after[key] or b"") for key in keys]

    def _opened(self, value: bytes | None) -> bytes | None:
        if value is None:
            return None
        if value[:1] != FORMAT:
            raise self._link.newer("a value in a form that is not known here")
        return value[1:]

    def _turn(self, row: bytes) -> JournalRow:
        head, _, body = (self._opened(row) or b"").partition(b"\n")
        n, at, flow, event, source, target, revision = orjson.loads(head)
        return JournalRow(n, at, flow, event, source, target, revision, body)


def _survives(append: str, sync: str, save: str) -> str:
    if not append:
        return "what survives its end cannot be known, for it does not tell its settings (CONFIG GET)"
    if append != "yes":
        lost = "what was written since the last snapshot is lost" if save else "everything is lost"
        return f"{lost} when redis dies (appendonly no)"
    if sync == "always":
        return "every answered turn survives the end of redis and a power cut (appendfsync always)"
    if sync == "everysec":
        return "when redis dies or the power is cut the last two seconds may be lost (appendfsync everysec)"
    return f"a power cut loses what the system had not written yet, half a minute or so (appendfsync {sync})"


def _values(write: Write, records: Sequence[tuple[str, int, bytes, bytes]]) -> list[Any]:
    """What ``commit.lua`` reads, in its order."""
    gone = write.expires + (0.0 if write.over else DAY)
    row = write.journal
    return [
        *(write.key, write.version, FORMAT + write.session, write.now, _ttl(gone - write.now)),
        *(write.expires, gone, int(write.over), write.revision),
        *(write.dedupe, FORMAT + write.answer, write.now + KEPT, _ttl(KEPT)),
        *(("", "") if row is None else (row.n, _packed(row))),
        *_list([(alias,) for alias in write.aliases]),
        *_list([(lane,) for lane in write.drops]),
        *_list([(each.name, "" if each.due is None else each.due) for each in write.timers]),
        *_list([(each.window, each.name, each.limit) for each in write.counts]),
        *_list(records),
        *_list([_effect(write, each) for each in write.effects]),
    ]


def _list(rows: Sequence[Sequence[Any]]) -> list[Any]:
    return [len(rows), *(value for row in rows for value in row)]


def _effect(write: Write, effect: Effect) -> tuple[Any, ...]:
    last = max(write.expires, effect.due) + DAY
    what = (effect.id, effect.kind, effect.payload, effect.due, effect.lane, effect.rank)
    return (*what, last, _ttl(last - write.now))


def _packed(row: JournalRow) -> bytes:
    return FORMAT + orjson.dumps(row[:-1]) + b"\n" + row.body


def _leased(row: tuple[bytes, bytes, bytes, bytes, bytes, int], token: str) -> Leased:
    id, kind, session, payload, due, attempts = row
    return Leased(id.decode(), kind.decode(), session.decode(), payload, float(due), attempts, token)


def _pairs(flat: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _ttl(seconds: float) -> int:
    """Milliseconds that Redis keeps what lives for so many seconds."""
    return int((max(0.0, seconds) + SLACK) * 1000)
