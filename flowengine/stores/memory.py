"""``memory://``: everything in this process, gone when it ends. For one worker, tests and play."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from secrets import token_hex
from threading import Lock
from typing import NamedTuple

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


@dataclass(slots=True)
class _Waiting:
    """An effect or timer: as it would be leased now, until when it is leased, and when it is forgotten.

    ``place`` is that in its lane.
    """

    leased: Leased
    until: float = 0.0
    expires: float = 0.0
    lane: str = ""
    place: tuple[float, int] = (0.0, 0)


class _Session(NamedTuple):
    version: int
    data: bytes
    expires: float
    over: bool
    revision: str


class _Answer(NamedTuple):
    """``answer`` is None while the callback is only claimed."""

    answer: bytes | None
    until: float
    expires: float
    session: str = ""


def opened(url: str) -> MemoryStore:
    """The store of a URL ``memory:``; there is nothing to address."""
    if url.removeprefix("memory:").strip("/"):
        raise StoreRefused("the memory store has no place and no settings, but its URL names some; write memory://")
    return MemoryStore()


class MemoryStore:
    shared = False
    durability = "Memory: calls in progress are lost when this process ends."

    def __init__(self) -> None:
        self._lock = Lock()
        self._sessions: dict[str, _Session] = {}
        self._aliases: dict[str, str] = {}
        self._answers: dict[str, _Answer] = {}
        self._journals: dict[str, dict[int, JournalRow]] = {}
        self._effects: dict[str, _Waiting] = {}
        self._timers: dict[str, dict[str, _Waiting]] = {}
        self._counts: dict[tuple[str, int], tuple[int, float]] = {}
        self._letters: list[tuple[float, Letter]] = []
        self._artefacts: dict[str, tuple[bytes, float]] = {}
        self._records: dict[str, bytes] = {}
        self._lanes: dict[str, dict[str, _Waiting]] = {}
        self._written = 0

    def load(self, key: str, dedupe: str = "", *records: str) -> Loaded:
        with self._lock:
            row = self._sessions.get(key)
            if row is None and (owner := self._aliases.get(key)):
                key, row = owner, self._sessions.get(owner)
            answer = self._answers[dedupe][0] if dedupe in self._answers else None
            found = [self._records.get(each) for each in records]
        return Loaded(key, row[0], row[1], answer, found) if row else Loaded(key, 0, None, answer, found)

    def commit(self, write: Write) -> Verdict:
        with self._lock:
            verdict = self._verdict(write)
            if verdict is Verdict.DONE:
                self._apply(write)
        return verdict

    def _verdict(self, write: Write) -> Verdict:
        known = self._answers.get(write.dedupe)
        if known is not None and known[0] is not None:
            return Verdict.DUPLICATE
        row = self._sessions.get(write.key)
        if row[0] != write.version if row else (write.version != 0 or write.key in self._aliases):
            return Verdict.CONFLICT
        if write.counts and not self._countable(write.counts):
            return Verdict.LIMIT
        return Verdict.DONE

    def _countable(self, counts: Sequence[Count]) -> bool:
        asked: Counter[tuple[str, int]] = Counter()
        for count in counts:
            place = (count.name, count.window)
            asked[place] += 1
            if self._counts.get(place, (0, 0.0))[0] + asked[place] > count.limit:
                return False
        return True

    def _apply(self, write: Write) -> None:
        key = write.key
        if write.journal is not None or write.effects:
            self._check(write)
        for lane in write.drops:
            self._drop(lane, write.now)
        if write.journal is not None or write.effects:
            self._record(write)
        revision = write.revision
        if not revision and write.version:
            revision = self._sessions[key].revision
        self._sessions[key] = _Session(write.version + 1, write.session, write.expires, write.over, revision)
        if write.dedupe:
            self._answers[write.dedupe] = _Answer(write.answer, 0.0, write.now + KEPT, key)
        for alias in write.aliases:
            self._aliases[alias] = key
        for timer in write.timers:
            self._set(key, timer)
        for count in write.counts:
            place = (count.name, count.window)
            self._counts[place] = (self._counts.get(place, (0, 0.0))[0] + 1, write.now + KEPT)
        for record in write.records:
            self._records[record.key] = merged(self._records.get(record.key), record.patch)

    def _drop(self, lane: str, now: float) -> None:
        for id in self._dropped(lane, now):
            self._drop_row(id)

    def _dropped(self, lane: str, now: float) -> list[str]:
        return [each.leased.id for each in self._lanes.get(lane, {}).values() if each.until <= now]

    def _drop_row(self, id: str) -> bool:
        """Take a row out of the outbox and out of its lane."""
        waiting = self._effects.pop(id, None)
        if waiting is not None and waiting.lane:
            lane = self._lanes[waiting.lane]
            del lane[id]
            if not lane:
                del self._lanes[waiting.lane]
        return waiting is not None

    def _check(self, write: Write) -> None:
        row = write.journal
        if row is not None and row.n in self._journals.get(write.key, ()):
            raise ValueError(f"turn {row.n} of this session is in the journal already")
        ids = {effect.id for effect in write.effects}
        known = ids & self._effects.keys()
        if known:
            known -= {id for lane in write.drops for id in self._dropped(lane, write.now)}
        if len(ids) < len(write.effects) or known:
            raise ValueError("an effect with this id is in the outbox already")

    def _record(self, write: Write) -> None:
        row = write.journal
        if row is not None:
            self._journals.setdefault(write.key, {})[row.n] = row
        for effect in write.effects:
            self._written += 1
            waiting = self._effects[effect.id] = _waiting(effect, write, self._written)
            if effect.lane:
                self._lanes.setdefault(effect.lane, {})[effect.id] = waiting

    def _set(self, key: str, timer: Timer) -> None:
        timers = self._timers.setdefault(key, {})
        timers.pop(timer.name, None)
        if timer.due is not None:
            name = timer.name
            timers[name] = _Waiting(Leased(f"{key}/{name}", name, key, b"", timer.due, 0, ""))

    def claim(self, dedupe: str, now: float, lease: float) -> bool:
        with self._lock:
            known = self._answers.get(dedupe)
            if known is not None and (known[0] is not None or known[1] > now):
                return False
            self._answers[dedupe] = _Answer(None, now + lease, now + KEPT)
        return True

    def take(self, now: float, lease: float, limit: int = 16) -> list[Leased]:
        with self._lock:
            first = [min(lane.values(), key=lambda each: each.place) for lane in self._lanes.values()]
            return _lease([*first, *(each for each in self._effects.values() if not each.lane)], now, lease, limit)

    def hold(self, leased: Leased, until: float) -> bool:
        with self._lock:
            waiting = self._held(leased)
            if waiting is not None:
                waiting.until = until
        return waiting is not None

    def settle(self, leased: Leased) -> bool:
        with self._lock:
            return self._held(leased) is not None and self._drop_row(leased.id)

    def arrived(self, id: str) -> bool:
        with self._lock:
            return self._drop_row(id)

    def retry(self, leased: Leased, due: float) -> bool:
        with self._lock:
            waiting = self._held(leased)
            if waiting is not None:
                waiting.leased = replace(waiting.leased, due=due, token="")
                waiting.until = 0.0
        return waiting is not None

    def bury(self, leased: Leased, reason: str, now: float) -> bool:
        with self._lock:
            if self._held(leased) is None:
                return False
            self._drop_row(leased.id)
            letter = Letter(now, leased.kind, leased.session, reason, leased.payload, leased.attempts)
            self._letters.append((now + BURIED, letter))
        return True

    def _held(self, leased: Leased) -> _Waiting | None:
        waiting = self._effects.get(leased.id)
        return waiting if waiting is not None and waiting.leased.token == leased.token else None

    def dead_letter(self, kind: str, reason: str, payload: bytes, now: float) -> None:
        with self._lock:
            self._letters.append((now + BURIED, Letter(now, kind, "", reason, payload, 0)))

    def due(self, now: float, lease: float, limit: int = 16) -> list[Leased]:
        with self._lock:
            waiting = [each for timers in self._timers.values() for each in timers.values()]
            return _lease(waiting, now, lease, limit)

    def fired(self, leased: Leased) -> bool:
        with self._lock:
            timers = self._timers.get(leased.session, {})
            waiting = timers.get(leased.kind)
            if waiting is None or waiting.leased.token != leased.token:
                return False
            del timers[leased.kind]
        return True

    def record(self, key: str) -> bytes | None:
        with self._lock:
            return self._records.get(key)

    def read(self, *keys: str) -> list[bytes | None]:
        with self._lock:
            return [self._records.get(key) for key in keys]

    def records(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        with self._lock:
            found = sorted(each for each in self._records.items() if each[0].startswith(prefix))
        yield from found

    def merge(self, record: Record) -> None:
        with self._lock:
            self._records[record.key] = merged(self._records.get(record.key), record.patch)

    def count(self, name: str, window: int) -> int:
        with self._lock:
            return self._counts.get((name, window), (0, 0.0))[0]

    def journal(self, key: str) -> list[JournalRow]:
        with self._lock:
            rows = self._journals.get(key if key in self._sessions else self._aliases.get(key, key), {})
            return [rows[n] for n in sorted(rows)]

    def keys(self, prefix: str, limit: int) -> list[str]:
        with self._lock:
            return sorted(key for key in self._sessions if key.startswith(prefix))[:limit]

    def dead_letters(self) -> int:
        with self._lock:
            return len(self._letters)

    def letters(self, limit: int) -> list[Letter]:
        with self._lock:
            return [letter for _, letter in self._letters[::-1][:limit]]

    def keep(self, revision: str, artefact: bytes, now: float) -> None:
        with self._lock:
            self._artefacts[revision] = (artefact, now)

    def artefact(self, revision: str) -> bytes | None:
        with self._lock:
            return self._artefacts[revision][0] if revision in self._artefacts else None

    def revisions(self) -> list[Revision]:
        with self._lock:
            every = Counter(row.revision for row in self._sessions.values() if row.revision)
            live = Counter(row.revision for row in self._sessions.values() if not row.over)
            return [
                Revision(each, self._artefacts.get(each, (b"", 0.0))[1], every[each], live[each])
                for each in sorted({*self._artefacts, *every})
            ]

    def of_revision(self, revision: str, limit: int | None = None) -> Iterator[tuple[str, bytes]]:
        with self._lock:
            rows = self._sessions.items()
            found = sorted((key, row.data) for key, row in rows if row.revision == revision and not row.over)
        yield from found[:limit]

    def overdue(self, now: float, limit: int) -> list[str]:
        with self._lock:
            found = sorted((row.expires, key) for key, row in self._sessions.items() if row.expires <= now)
            return [key for _, key in found if not self._sessions[key].over][:limit]

    def search(self, text: str) -> Iterator[str]:
        wanted = text.encode()
        with self._lock:
            found = sorted(key for key, row in self._sessions.items() if wanted and self._has(key, row, wanted))
        yield from found

    def _has(self, key: str, row: _Session, wanted: bytes) -> bool:
        return wanted in row.data or any(wanted in each.body for each in self._journals.get(key, {}).values())

    def forget(self, key: str) -> bool:
        with self._lock:
            before = self._size()
            self._end({key})
            self._answers = {dedupe: row for dedupe, row in self._answers.items() if row.session != key}
            for id in [id for id, row in self._effects.items() if row.leased.session == key]:
                self._drop_row(id)
            self._letters = [row for row in self._letters if row[1].session != key]
            return self._size() < before

    def _size(self) -> int:
        """How much there is that :meth:`forget` can take."""
        of_sessions = len(self._sessions) + len(self._aliases) + len(self._timers) + len(self._journals)
        return of_sessions + len(self._answers) + len(self._effects) + len(self._letters)

    def forget_record(self, key: str) -> bool:
        with self._lock:
            return self._records.pop(key, None) is not None

    def sweep(self, now: float) -> int:
        with self._lock:
            rows = self._sessions.items()
            gone = {key for key, row in rows if row.expires <= now and (row.over or row.expires + DAY <= now)}
            self._end(gone)
            self._answers = {key: row for key, row in self._answers.items() if row.expires > now}
            used = {row.revision for row in self._sessions.values()}
            kept = self._artefacts.items()
            self._artefacts = {each: row for each, row in kept if each in used or row[1] + DROPPED > now}
            self._counts = {place: row for place, row in self._counts.items() if row[1] > now}
            for id in [id for id, row in self._effects.items() if row.expires <= now]:
                self._drop_row(id)
            self._letters = [row for row in self._letters if row[0] > now]
        return len(gone)

    def _end(self, gone: Collection[str]) -> None:
        for key in gone:
            self._sessions.pop(key, None)
            self._timers.pop(key, None)
            self._journals.pop(key, None)
        self._aliases = {alias: key for alias, key in self._aliases.items() if key not in gone}

    def upcoming(self, now: float) -> float | None:
        """When the next timer or effect is due (Unix seconds), leases included; for clocks that are moved by hand."""
        with self._lock:
            waiting = [each for timers in self._timers.values() for each in timers.values()]
            waiting += [min(lane.values(), key=lambda each: each.place) for lane in self._lanes.values()]
            waiting += [each for each in self._effects.values() if not each.lane]
        return min((max(each.leased.due, each.until, now) for each in waiting), default=None)

    def ping(self) -> None:
        """Memory is always there."""

    def close(self) -> None:
        """There is nothing to close."""


def _waiting(effect: Effect, write: Write, written: int) -> _Waiting:
    leased = Leased(effect.id, effect.kind, write.key, effect.payload, effect.due, 0, "")
    return _Waiting(leased, 0.0, max(write.expires, effect.due) + DAY, effect.lane, (effect.rank, written))


def _lease(waiting: list[_Waiting], now: float, lease: float, limit: int) -> list[Leased]:
    ready = [each for each in waiting if each.leased.due <= now and each.until <= now]
    ready.sort(key=lambda each: (each.leased.due, each.place[1]))
    token = token_hex(8)
    for each in ready[:limit]:
        each.leased = replace(each.leased, attempts=each.leased.attempts + 1, token=token)
        each.until = now + lease
    return [each.leased for each in ready[:limit]]
