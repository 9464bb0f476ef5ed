"""What every store offers: sessions, stored answers, the journal, the outbox and timers, in one transaction.

A store is chosen by the scheme of ``FLOWENGINE_STORE``. Times are Unix seconds, UTC. Keys are made by the
caller (hashes; never a bare call id or number). A session is bytes that the store does not look into.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class StoreDown(Exception):
    """The store cannot be reached or is locked; the turn must be answered without it."""


class Verdict(Enum):
    """What became of a :class:`Write`."""

    DONE = "done"
    DUPLICATE = "duplicate"
    """This very callback was answered before: read the stored answer."""
    CONFLICT = "conflict"
    """The session moved on since it was read: read it again and run the turn again."""
    LIMIT = "limit"
    """A :class:`Count` would pass its limit; nothing was written."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A session as read. ``version`` is 0 and ``session`` None where there is none yet."""

    key: str
    version: int = 0
    session: bytes | None = None
    answer: bytes | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """A row of the outbox: something to do outside once the turn is committed."""

    id: str
    kind: str
    payload: bytes
    due: float = 0.0


@dataclass(frozen=True, slots=True)
class Leased:
    """An effect or timer taken by one worker until its lease ends; ``token`` proves who holds it."""

    id: str
    kind: str
    session: str
    payload: bytes
    due: float
    attempts: int
    token: str


@dataclass(frozen=True, slots=True)
class Timer:
    """Wakes a session at ``due``. A session has at most one timer of each name; ``due`` None takes it away."""

    name: str
    due: float | None


@dataclass(frozen=True, slots=True)
class Count:
    """One more of something in a window, refused beyond ``limit`` (``per_hour``)."""

    name: str
    window: int
    limit: int


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One turn, already redacted. ``body`` is JSON with what the columns do not hold."""

    n: int
    at: float
    flow: str
    event: str
    source: str
    target: str
    revision: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Write:
    """Everything one turn changes, written at once or not at all.

    ``version`` is the version that was read (0: the session is new). ``dedupe`` is the key of the callback,
    empty where there is none. ``aliases`` are further keys under which the session is found.
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


class Store(Protocol):
    """One suite (``tests/test_stores.py``) runs over every implementation."""

    shared: bool
    """Whether several processes see the same state."""

    @property
    def durability(self) -> str:
        """One true sentence about what survives, for ``serve`` and ``doctor``."""
        ...

    def load(self, key: str, dedupe: str = "") -> Loaded:
        """The session under ``key`` or one of its aliases, and the stored answer to ``dedupe`` if any."""
        ...

    def commit(self, write: Write) -> Verdict: ...

    def claim(self, dedupe: str, now: float, lease: float) -> bool:
        """Reserve a callback before doing something outside that must happen once; False: another has it."""
        ...

    def take(self, now: float, lease: float, limit: int = 16) -> list[Leased]:
        """Outbox rows due now, leased to the caller; a row whose lease ended may be taken again."""
        ...

    def settle(self, leased: Leased) -> bool:
        """The effect is done: the row goes. False when the lease was lost to another worker."""
        ...

    def retry(self, leased: Leased, due: float) -> bool:
        """Try again at ``due``."""
        ...

    def bury(self, leased: Leased, reason: str, now: float) -> bool:
        """Move the row to the dead letters."""
        ...

    def dead_letter(self, kind: str, reason: str, payload: bytes, now: float) -> None:
        """Keep (redacted) what could not be used."""
        ...

    def due(self, now: float, lease: float, limit: int = 16) -> list[Leased]:
        """Timers due now, leased; ``kind`` is the timer's name."""
        ...

    def fired(self, leased: Leased) -> bool:
        """The timer has done its work and goes, unless a turn has set it anew meanwhile."""
        ...

    def count(self, name: str, window: int) -> int:
        """How many were counted in this window."""
        ...

    def journal(self, key: str) -> list[JournalRow]:
        """Every turn of a session, in order."""
        ...

    def dead_letters(self) -> int: ...

    def sweep(self, now: float) -> int:
        """Forget what has expired; the number of sessions that went."""
        ...

    def ping(self) -> None:
        """Raise :class:`StoreDown` if a turn could not be stored now."""
        ...

    def close(self) -> None: ...
