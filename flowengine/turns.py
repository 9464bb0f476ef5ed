"""The loop of every turn: read the session, run, write everything at once, and again where it moved on meanwhile.

Of channels nothing is known here. What runs is handed in, sessions are opened and begun by a subclass, and what is
to be done outside is a row of the outbox like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from random import random
from secrets import token_hex
from time import monotonic, sleep, time
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import orjson

from flowengine.engine.library import Library
from flowengine.engine.outcome import Effect as Wish
from flowengine.engine.outcome import Outcome
from flowengine.engine.world import World
from flowengine.fetch import Request, Response
from flowengine.heard import Heard
from flowengine.journal import journal_row
from flowengine.stores.base import Count, Effect, Loaded, Record, Store, StoreDown, Timer, Verdict, Write

LEASE = 2.0
"""Seconds that a copy leaves to the process that answers: longer than a turn, short enough to answer after it."""
PATIENCE = 3.4
"""Seconds after which a copy no longer waits for another."""
WITHIN = 2.0
"""Seconds in which a call must have its answer, that of a copy which waited for another one aside."""
WRITING = 0.6
"""Of them, those that are left to the write at the end."""
TRIES = 6
HOUR = 3600
CALL_LIFE = 5 * HOUR
ENDED_LIFE = 24 * HOUR


class Busy(Exception):
    """Another copy of this callback is being answered right now."""


class ReadAgain(Exception):
    """Something else had to be written first: read the session again and begin anew."""


class Kept(Protocol):
    """What the loop needs of a session."""

    n: int
    rev: str
    flow: str
    place: str
    ended: bool
    until: float
    timed: bool

    @property
    def durable(self) -> bool:
        """Whether its turns must survive a power cut, where the store can promise that."""
        ...

    def dump(self) -> bytes: ...


S = TypeVar("S", bound=Kept)


@dataclass(slots=True)
class Attempt(Generic[S]):
    """One try at a turn, with the flows that its session runs on.

    ``dedupe`` is the key of its callback, empty where there is none; ``heard`` is what came.

    A run may put another session in the place of the one that was read, with ``loaded`` to match, and name the
    further keys under which it is found.
    """

    loaded: Loaded
    session: S
    now: float
    began: float
    world: World
    library: Library
    dedupe: str = ""
    aliases: tuple[str, ...] = ()
    heard: Heard | None = None


@dataclass(slots=True)
class Result:
    """What a run came to. ``event`` came at the state ``source``; ``shown`` is the answer as the journal keeps it.

    ``answer`` goes back to who called. ``rows`` are effects beside those of the outcome. ``hidden`` are values that
    the row must not show, beside those that the outcome names. Without ``told`` the turn is in no journal; without
    ``kept`` nothing is written at all. ``error`` is what broke it.
    """

    event: str = ""
    source: str = ""
    outcome: Outcome | None = None
    shown: bytes = b""
    answer: bytes = b""
    rows: Sequence[Wish] = ()
    incident: str = ""
    error: Exception | None = None
    hidden: Sequence[str] = ()
    told: bool = True
    kept: bool = True


Run = Callable[[Attempt[S]], Result | None]
Heed = Callable[[Attempt[Any], Result], None]


class Older(Protocol):
    """Finds the flows of another revision than the one that is served."""

    def __call__(self, revision: str) -> Library | None: ...

    def keep(self, now: float) -> None:
        """What is served is in use."""
        ...


class NoneOlder:
    """There is one revision only."""

    def __call__(self, revision: str) -> Library | None:
        return None

    def keep(self, now: float) -> None:
        """Nothing is kept."""


@dataclass(slots=True)
class Turns(Generic[S]):
    """``ask`` makes http steps, ``call`` functions. ``counters`` count what nobody else tells.

    ``given`` is what the world is known to have said, as :class:`World` records it; a turn takes from it before it
    asks. ``heed`` is told of every turn once it is written. ``library`` are the flows that are served now; ``older``
    finds those of another revision, on which sessions go on that began with them.
    """

    library: Library
    store: Store
    ask: Callable[[Request, float], Response]
    env: Mapping[str, str]
    call: Callable[[str, Mapping[str, Any], float], Any]
    clock: Callable[[], float] = time
    counters: dict[str, int] = field(default_factory=dict)
    given: list[Any] = field(default_factory=list)
    heed: Heed | None = None
    older: Older = field(default_factory=NoneOlder)
    within: ClassVar[float] = inf
    """Seconds in which somebody waits for the answer."""

    def runs_on(self, session: S) -> Library:
        """The flows of a session: those it began with, as long as they can be found."""
        library = self.library
        if session.rev in ("", library.revision):
            return library
        found = self.older(session.rev)
        if found is None:
            self.counted("unknown_revision")
        return found or library

    def pin(self, attempt: Attempt[S]) -> None:
        """Make the turn with the flows that its session runs on, and with their functions."""
        attempt.library = self.runs_on(attempt.session)
        if attempt.library.call is not None:
            attempt.world.call = attempt.library.call

    def opened(self, data: bytes) -> S:
        """A session as the store keeps it."""
        raise NotImplementedError

    def begun(self, key: str, now: float) -> S:
        """A session that has just begun."""
        raise NotImplementedError

    def once(self, key: str, dedupe: str, run: Callable[[Attempt[S]], Result], *records: str) -> bytes | None:
        """The answer to a callback, the stored one where it came before; None: there was none in time.

        ``run`` gets a new session where there is none, and may raise :class:`ReadAgain`. ``records`` are read
        together with the session.
        """
        replay, began = self.given, monotonic()
        until, by = began + PATIENCE, began + self.within
        for _ in range(TRIES):
            loaded = self.store.load(key, dedupe, *records)
            if loaded.answer is not None:
                return loaded.answer
            attempt = self._attempt(loaded, dedupe, replay)
            attempt.world.by = by - WRITING
            try:
                result = run(attempt)
            except ReadAgain:
                continue
            except Busy:
                if monotonic() > until:
                    break
                self._wait(dedupe, min(until, monotonic() + LEASE))
                by = max(by, until)
                continue
            if not result.kept or self._written(attempt, result):
                return result.answer
            if monotonic() > by:
                break
            replay = attempt.world.recorded
        return None

    def again(self, key: str, run: Run[S], replay: Sequence[Any] = (), new: bool = False) -> Result | None:
        """What a run came to that no callback asks for; None where there is no session or nothing to write.

        ``replay`` is what the world said before. Raises :class:`StoreDown` where others were always faster.
        """
        said = [*replay, *self.given]
        for _ in range(TRIES):
            loaded = self.store.load(key)
            if loaded.session is None and not new:
                return None
            attempt = self._attempt(loaded, "", said)
            result = run(attempt)
            if result is None or self._written(attempt, result):
                return result
            said = attempt.world.recorded
        raise StoreDown("the session kept changing")

    def counted(self, name: str) -> None:
        self.counters[name] = self.counters.get(name, 0) + 1

    def _wait(self, dedupe: str, until: float) -> None:
        """Until the other copy has answered, or its lease is over because its process died."""
        sleep(0.02)
        while monotonic() < until and self.store.load("", dedupe).answer is None:
            sleep(0.02)

    def _attempt(self, loaded: Loaded, dedupe: str, replay: list[Any]) -> Attempt[S]:
        began, now = monotonic(), self.clock()
        session = self.begun(loaded.key, now) if loaded.session is None else self.opened(loaded.session)
        attempt = Attempt(loaded, session, now, began, self._world(now, dedupe, replay), self.library, dedupe)
        self.pin(attempt)
        return attempt

    def _world(self, now: float, dedupe: str, replay: list[Any]) -> World:
        def claim() -> None:
            if dedupe and not replay and not claimed and not self.store.claim(dedupe, self.clock(), LEASE):
                raise Busy
            claimed.append(True)

        claimed: list[bool] = []
        span = int(now) // HOUR
        return World(
            at=now,
            random=random,
            ask=self.ask,
            call=self.call,
            secrets=self.env,
            used=lambda name: self.store.count(name, span),
            before_outside=claim,
            replay=replay,
        )

    def _written(self, attempt: Attempt[S], result: Result) -> bool:
        session = attempt.session
        row = None
        if result.told:
            session.n += 1
            row = journal_row(attempt.library, attempt, result)
        done = self.store.commit(_write(attempt, result, row)) is Verdict.DONE
        if done and self.heed is not None:
            self.heed(attempt, result)
        return done


def _write(attempt: Attempt[Any], result: Result, row: Any) -> Write:
    loaded, session, now, outcome = attempt.loaded, attempt.session, attempt.now, result.outcome
    timers: tuple[Timer, ...] = ()
    effects: list[Effect] = []
    counts: tuple[Count, ...] = ()
    records: Sequence[Record] = ()
    drops: Sequence[str] = ()
    if outcome is not None:
        if outcome.timer != "keep":
            timers = _timers(session, outcome.timer, now)
        if outcome.effects:
            effects = [_effect(each, now) for each in outcome.effects]
        if outcome.counts:
            counts = tuple(Count(name, int(now) // HOUR, limit) for name, limit in outcome.counts)
        if outcome.records:
            records = [Record(key, orjson.dumps(patch)) for key, patch in outcome.records]
        drops = outcome.drops
    if result.rows:
        effects += [_effect(each, now) for each in result.rows]
    expires = now + (ENDED_LIFE if session.ended else CALL_LIFE)
    for timer in timers:
        expires = max(expires, (timer.due or 0.0) + CALL_LIFE)
    expires = max(expires, session.until + CALL_LIFE)
    return Write(
        loaded.key, loaded.version, session.dump(), expires, now, attempt.dedupe, result.answer, row,
        effects, timers, attempt.aliases, counts, records, drops,
        session.rev, session.ended and not session.place, session.durable,
    )  # fmt: skip


def _timers(session: Kept, seconds: float | None, now: float) -> tuple[Timer, ...]:
    if seconds is None and not session.timed:
        return ()
    session.timed = seconds is not None
    return (Timer("place", None if seconds is None else now + seconds),)


def _effect(wish: Wish, now: float) -> Effect:
    due = now if wish.due is None else wish.due
    return Effect(wish.id or token_hex(8), wish.kind, orjson.dumps(wish.payload), due, wish.lane, wish.rank)
