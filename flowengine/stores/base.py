"""What every store offers: sessions, stored answers, journal, outbox, timers and records, in one transaction.

A store is chosen by the scheme of ``FLOWENGINE_STORE``. Times are Unix seconds, UTC. Keys are made by the
caller (hashes; never a bare call id or number). A session is bytes that the store does not look into.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, Protocol

import orjson

DAY = 86_400.0
KEPT = 3 * DAY
"""Seconds that stored answers and counts are kept: longer than any redelivery of a callback."""
BURIED = 7 * DAY
"""Seconds that dead letters are kept."""


DROPPED = DAY
"""Seconds after the last :meth:`Store.keep` that an artefact is left when no session needs it."""


class StoreDown(Exception):
    """The store cannot be reached or is locked; the turn must be answered without it."""


class StoreRefused(Exception):
    """The store must not be used as it is: one sentence with what was found and the way out."""


class Verdict(Enum):
    """What became of a :class:`Write`."""

    DONE = "done"
    DUPLICATE = "duplicate"
    """This very callback was answered before: read the stored answer. Told before CONFLICT and LIMIT."""
    CONFLICT = "conflict"
    """The session moved on since it was read: read it again and run the turn again. Told before LIMIT."""
    LIMIT = "limit"
    """A :class:`Count` would pass its limit; nothing was written."""


class Loaded(NamedTuple):
    """A session as read. ``version`` is 0 and ``session`` None where there is none yet.

    ``key`` is the session's own key, also where it was found by an alias: commit under it. ``answer`` is None
    while the callback is unanswered, claimed or not (an answer may be empty bytes). ``records`` are those that
    were asked for, in that order.
    """

    key: str
    version: int = 0
    session: bytes | None = None
    answer: bytes | None = None
    records: Sequence[bytes | None] = ()


class Effect(NamedTuple):
    """A row of the outbox: something to do outside once the turn is committed. ``id`` is never used twice.

    Rows of one ``lane`` are taken one after the other, the lowest ``rank`` first and then in the order they were
    written: a row that must be tried again holds up those behind it. Without a lane nothing is kept in order.
    """

    id: str
    kind: str
    payload: bytes
    due: float = 0.0
    lane: str = ""
    rank: float = 0.0


@dataclass(frozen=True, slots=True)
class Leased:
    """An effect or timer taken by one worker until its lease ends; ``token`` proves who holds it.

    ``attempts`` counts how often it was taken, this time included. A timer's ``id`` is ``SESSION/NAME`` and
    its payload is empty; ``id`` and ``due`` together name one setting of the timer.
    """

    id: str
    kind: str
    session: str
    payload: bytes
    due: float
    attempts: int
    token: str


@dataclass(frozen=True, slots=True)
class Timer:
    """Wakes a session at ``due``; None takes the timer away. A session has at most one timer of each name."""

    name: str
    due: float | None


@dataclass(frozen=True, slots=True)
class Count:
    """One more of something in a window, refused beyond ``limit`` (``per_hour``).

    ``window`` is any number the caller gives the span of time, such as the hours since 1970. A count is
    forgotten by the sweep three days after it last grew.
    """

    name: str
    window: int
    limit: int


class Record(NamedTuple):
    """A change of something that outlives sessions: a JSON object merged into the one under ``key``.

    A null takes a field away (RFC 7396). Two writers that change different fields both succeed.
    """

    key: str
    patch: bytes


class JournalRow(NamedTuple):
    """One turn, already redacted. ``body`` is JSON with what the columns do not hold."""

    n: int
    at: float
    flow: str
    event: str
    source: str
    target: str
    revision: str
    body: bytes


class Write(NamedTuple):
    """Everything one turn changes, written at once or not at all.

    ``version`` is the version that was read (0: the session is new). ``dedupe`` is the key of the callback,
    empty where there is none; its answer is kept for three days. ``aliases`` are further keys under which the
    session is found; an alias that another session had moves to this one. ``drops`` are lanes whose rows go, but
    for one that is being carried out; the write's own effects come after that.

    ``revision`` is the content hash of the flows the session runs on; empty leaves what it was. ``over``: the call or
    conversation is over, and kept until ``expires`` only for late callbacks. ``durable``: a power cut after the commit
    must not lose it, where the store can promise that (see :attr:`Store.durability`).
    """

    key: str
    version: int
    session: bytes
    expires: float
    now: float
    dedupe: str = ""
    answer: bytes = b""
    journal: JournalRow | None = None
    effects: Sequence[Effect] = ()
    timers: Sequence[Timer] = ()
    aliases: Sequence[str] = ()
    counts: Sequence[Count] = ()
    records: Sequence[Record] = ()
    drops: Sequence[str] = ()
    revision: str = ""
    over: bool = False
    durable: bool = False


class Revision(NamedTuple):
    """Flows that are kept or that sessions run on. ``kept`` is when they were last (Unix seconds; 0: never).

    ``sessions`` counts all that run on them, ``live`` those that are not over.
    """

    hash: str
    kept: float
    sessions: int
    live: int


class Letter(NamedTuple):
    """A dead letter: ``at`` is when it was buried (Unix seconds), ``attempts`` how often it was tried."""

    at: float
    kind: str
    session: str
    reason: str
    payload: bytes
    attempts: int


def merged(document: bytes | None, patch: bytes) -> bytes:
    """A JSON object with a merge patch applied (RFC 7396)."""
    return orjson.dumps(_merge(orjson.loads(document) if document else {}, orjson.loads(patch)))


def _merge(target: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        elif isinstance(value, dict):
            inner = target.get(name)
            target[name] = _merge(inner if isinstance(inner, dict) else {}, value)
        else:
            target[name] = value
    return target


class Store(Protocol):
    """One suite (``tests/test_stores.py``) runs over every implementation."""

    shared: bool
    """Whether several processes see the same state."""

    @property
    def durability(self) -> str:
        """One true sentence about what survives, for ``serve`` and ``doctor``."""
        ...

    def load(self, key: str, dedupe: str = "", *records: str) -> Loaded:
        """The session under ``key`` or one of its aliases, and the stored answer to ``dedupe`` if any.

        The :class:`Record` of each of these keys comes along: one question to the store, not one more.
        """
        ...

    def commit(self, write: Write) -> Verdict:
        """Write everything, or nothing unless the verdict is DONE.

        A claim without an answer is filled in, whoever holds it. Raises :class:`ValueError` where a turn of
        the session has that ``n`` already, or an effect that ``id``: a mistake of the caller; nothing is
        written.
        """
        ...

    def claim(self, dedupe: str, now: float, lease: float) -> bool:
        """Reserve a callback before doing something outside that must happen once.

        False: it is answered, or another holds it and has seconds of its ``lease`` left.
        """
        ...

    def take(self, now: float, lease: float, limit: int = 16) -> list[Leased]:
        """Outbox rows due now, the longest due first, leased to the caller for ``lease`` seconds.

        A row whose lease ended may be taken again. Of a lane only the first row is taken; other rows of one session
        may overtake each other after a retry.
        """
        ...

    def hold(self, leased: Leased, until: float) -> bool:
        """Keep the effect from others until then, whatever becomes of the caller: what it does now may be done.

        False when the lease was lost to another worker, or the row is gone.
        """
        ...

    def settle(self, leased: Leased) -> bool:
        """The effect is done: the row goes. False when the lease was lost to another worker."""
        ...

    def retry(self, leased: Leased, due: float) -> bool:
        """Let the effect be taken again from ``due`` on. False when the lease was lost to another worker."""
        ...

    def arrived(self, id: str) -> bool:
        """The effect was carried out, as somebody else knows: its row goes, whoever holds it. False: there is none."""
        ...

    def bury(self, leased: Leased, reason: str, now: float) -> bool:
        """Move the row to the dead letters. False when the lease was lost to another worker."""
        ...

    def dead_letter(self, kind: str, reason: str, payload: bytes, now: float) -> None:
        """Keep (redacted) what could not be used."""
        ...

    def due(self, now: float, lease: float, limit: int = 16) -> list[Leased]:
        """Timers due now, leased; ``kind`` is the timer's name."""
        ...

    def fired(self, leased: Leased) -> bool:
        """The timer has done its work and goes.

        False: a turn has set it anew or taken it away meanwhile, or the lease was lost to another worker.
        """
        ...

    def record(self, key: str) -> bytes | None:
        """The JSON object under ``key``."""
        ...

    def read(self, *keys: str) -> list[bytes | None]:
        """Several records at once, as :meth:`record` of each."""
        ...

    def records(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Every record whose key begins so, by key."""
        ...

    def merge(self, record: Record) -> None:
        """Change a record beside any turn."""
        ...

    def count(self, name: str, window: int) -> int:
        """How many were counted in this window."""
        ...

    def journal(self, key: str) -> list[JournalRow]:
        """Every turn of a session, in order; the session may be named by an alias."""
        ...

    def keys(self, prefix: str, limit: int) -> list[str]:
        """The own keys of sessions that begin so, in order, at most so many: for people who type half a key."""
        ...

    def dead_letters(self) -> int:
        """How many dead letters are kept."""
        ...

    def letters(self, limit: int) -> list[Letter]:
        """The dead letters, the newest first, at most so many."""
        ...

    def keep(self, revision: str, artefact: bytes, now: float) -> None:
        """Keep compiled flows for the sessions that begin with them; again: they are still in use ``now``."""
        ...

    def artefact(self, revision: str) -> bytes | None:
        """The compiled flows of a revision."""
        ...

    def revisions(self) -> list[Revision]:
        """All that are kept or that sessions run on, by hash."""
        ...

    def of_revision(self, revision: str, limit: int | None = None) -> Iterator[tuple[str, bytes]]:
        """Own key and bytes of the sessions that run on it and are not over, by key, at most so many."""
        ...

    def overdue(self, now: float, limit: int) -> list[str]:
        """Own keys of sessions that expired and are not over, the longest overdue first, at most so many.

        Somebody has to end them: write them with ``over`` and a new ``expires``. Looks at every session, as the
        sweep does: not for every turn.
        """
        ...

    def search(self, text: str) -> Iterator[str]:
        """Own keys of the sessions whose bytes or journal (its bodies) have the text, by key. Reads everything.

        Nothing has an empty text. What was written as JSON is searched as it is written, escapes and all.
        """
        ...

    def forget(self, key: str) -> bool:
        """Erase a session, by its own key, and everything of it. False: there was nothing.

        That is: aliases, timers, journal, rows of the outbox (also those under way), stored answers and dead
        letters. Records are not of a session, see :meth:`forget_record`.
        """
        ...

    def forget_record(self, key: str) -> bool:
        """Erase a record. False: there was none."""
        ...

    def sweep(self, now: float) -> int:
        """Forget what has expired; the number of sessions that went.

        A session that is not over is left to those who end it (:meth:`overdue`) for a day more. With a session go its
        aliases, timers and journal. Its effects are left to the workers a day more. An artefact goes a day after it
        was last kept, once no session runs on it.
        """
        ...

    def ping(self) -> None:
        """Raise :class:`StoreDown` if a turn could not be stored now."""
        ...

    def close(self) -> None: ...
