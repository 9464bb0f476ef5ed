"""A callback in, an answer out: the store, the engine and the outbox put together.

One turn is one write: session, stored answer, journal row, effects and timers, or nothing. A callback that comes
again gets the stored answer; one whose session moved on meanwhile is run again with what the world said the
first time. Whatever fails, the caller gets an answer that was ready before.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import random
from secrets import token_hex
from time import monotonic, sleep, time
from typing import Any

import orjson

from flowengine.callbacks import EVENTS, BadBody, Callback, call_key, dedupe_key, read
from flowengine.engine.fallback import fallbacks
from flowengine.engine.library import Library, dialled
from flowengine.engine.session import BadSession, Session, load, new_call
from flowengine.engine.turn import Effect as Wish
from flowengine.engine.turn import Outcome
from flowengine.engine.voice import (
    CONTINUE_BODY,
    HANGUP_BODY,
    PATCHED,
    NotTaken,
    Reacted,
    failed,
    hear,
    mode,
    outside,
    place_call,
    shows_change,
    start,
)
from flowengine.engine.world import World
from flowengine.fetch import Request, Response
from flowengine.journal import journal_row
from flowengine.linking import SECRET_CLOSE, SECRET_OPEN
from flowengine.stores.base import Count, Effect, JournalRow, Loaded, Store, StoreDown, Timer, Verdict, Write

LOG = logging.getLogger("flowengine")
LEASE = 2.0
"""Seconds that a copy leaves to the process that answers: longer than a turn, short enough to answer after it."""
PATIENCE = 3.4
"""Seconds after which a copy no longer waits for another."""
TRIES = 6
HOUR = 3600
CALL_LIFE = 5 * HOUR
ENDED_LIFE = 24 * HOUR
HELD = 4102444800.0
"""When a message becomes due: it stays in the outbox until messages can be delivered."""

CUSTOM = "fe."
_OPEN = SECRET_OPEN.encode()


class Busy(Exception):
    """Another copy of this callback is being answered right now."""


class UnknownSession(Exception):
    """There is no such session."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back over HTTP."""

    status: int
    body: bytes = b""


@dataclass(slots=True)
class Service:
    """``ask`` makes http steps, ``call`` functions. ``counters`` count what nobody else tells."""

    library: Library
    store: Store
    ask: Callable[[Request, float], Response]
    env: Mapping[str, str]
    call: Callable[[str, Mapping[str, Any], float], Any]
    clock: Callable[[], float] = time
    ready: Mapping[tuple[str, Any], bytes] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ready = fallbacks(self.library)

    # --- callbacks -----------------------------------------------------------------------------------------

    def callback(self, body: bytes, application: str = "") -> Reply:
        """One authentic request body. Always a reply; 200 unless it is of another protocol."""
        try:
            callback = read(body)
        except BadBody as error:
            return self._unusable(error.reason, body)
        if callback.event not in EVENTS:
            self.counted("unknown_event")
            return Reply(200)
        if not callback.call_id:
            self.counted("no_call_id")
            return Reply(200, self._sorry("", callback))
        try:
            return self._answer(callback, call_key(callback, application), dedupe_key(callback, body, application))
        except StoreDown as error:
            self.counted("store_down")
            LOG.error("the store is down: %s", error)
        except Exception as error:
            self.counted("failed_turn")
            LOG.error("incident %s: %s in a %s turn", token_hex(4), type(error).__name__, callback.event)
        return Reply(200, self._sorry("", callback))

    def _unusable(self, reason: str, body: bytes) -> Reply:
        self.counted("bad_body")
        if "v2" in reason:
            return Reply(400, orjson.dumps({"error": reason}))
        try:
            size = orjson.dumps({"bytes": len(body)})
            self.store.dead_letter("callback", reason, size, self.clock())
        except StoreDown as error:
            LOG.error("the store is down: %s", error)
        return Reply(200, self.library.say_and_hang_up("apology", self._language(), "I"))

    def _language(self) -> str:
        return next((program.languages[0] for program in self.library.programs.values()), "en-US")

    def _answer(self, callback: Callback, key: str, dedupe: str) -> Reply:
        replay: list[Any] = []
        until = monotonic() + PATIENCE
        for _ in range(TRIES):
            loaded = self.store.load(key, dedupe)
            if loaded.answer is not None:
                return Reply(200, self._filled(loaded.answer))
            aliases: tuple[str, ...] = ()
            if loaded.session is None and callback.custom.startswith(CUSTOM):
                own = self.store.load(callback.custom[len(CUSTOM) :])
                if own.session is not None:
                    loaded, aliases = own, (key,)
            session = load(loaded.session) if loaded.session is not None else None
            if session is not None and session.pending and self._committed_late(callback, session, loaded.key):
                continue
            try:
                verdict, body, replay = self._attempt(callback, loaded, session, dedupe, aliases, replay)
            except Busy:
                if monotonic() > until:
                    break
                self._wait(dedupe, min(until, monotonic() + LEASE))
                continue
            if verdict is Verdict.DONE:
                return Reply(200, self._filled(body))
        return Reply(200, self._sorry("", callback))

    def _committed_late(self, callback: Callback, session: Session, key: str) -> bool:
        """A callback that can only come of a change whose worker died before it could say so: commit it first."""
        if callback.event not in ("pie", "ace") or not shows_change(self.library, session, callback):
            return False
        wish = orjson.loads(session.pending)
        return self.patched(key, wish["redo"], wish["at"])

    def _wait(self, dedupe: str, until: float) -> None:
        """Until the other copy has answered, or its lease is over because its process died."""
        sleep(0.02)
        while monotonic() < until and self.store.load("", dedupe).answer is None:
            sleep(0.02)

    def _attempt(
        self,
        callback: Callback,
        loaded: Loaded,
        session: Session | None,
        dedupe: str,
        aliases: tuple[str, ...],
        replay: list[Any],
    ) -> tuple[Verdict, bytes, list[Any]]:
        began = monotonic()
        now = self.clock()
        world = self._world(now, dedupe, replay)
        if session is None:
            if callback.event != "ice":
                return Verdict.DONE, self._stranger(callback), replay
            session = Session(id=loaded.key, started=now)
        place = session.flow
        before = session.place
        try:
            reacted = self._react(session, callback, world, loaded)
        except Busy:
            raise
        except Exception as error:
            reacted, hidden = None, self.library.hidden(session)
            session, incident = self._broken(loaded, callback, session, error, now)
            body = self._sorry(place, callback, session)
        if reacted is None:
            row = journal_row(
                self.library, session, callback.event, before, None, body, now, began, world, incident, hidden
            )
            write = self._write(loaded, session, row, body, now, dedupe, aliases, None)
            return self.store.commit(write), body, world.recorded
        if not session.flow:
            return Verdict.DONE, reacted.body, replay
        return self._settle(callback, loaded, session, reacted, world, now, began, dedupe, aliases)

    def _settle(
        self,
        callback: Callback,
        loaded: Loaded,
        session: Session,
        reacted: Reacted,
        world: World,
        now: float,
        began: float,
        dedupe: str,
        aliases: tuple[str, ...],
    ) -> tuple[Verdict, bytes, list[Any]]:
        outcome = reacted.outcome
        body = reacted.body or (outcome.body if outcome is not None else b"")
        if outcome is not None and outcome.position in PATCHED and outcome.body:
            redo = {"fields": callback.fields, "recorded": world.recorded}
            session, outcome = self._intent(loaded, reacted, redo, now)
            body = b""
        session.n += 1
        row = journal_row(self.library, session, reacted.event, reacted.source, outcome, body, now, began, world)
        write = self._write(loaded, session, row, body, now, dedupe, aliases, outcome)
        return self.store.commit(write), body, world.recorded

    def _react(self, session: Session, callback: Callback, world: World, loaded: Loaded) -> Reacted:
        if loaded.session is not None:
            if callback.url:
                session.call["url"] = callback.url
            return hear(self.library, session, callback, world)
        program = self.library.for_number(dialled(callback.to_endpoint))
        if program is None:
            self.counted("unused_number")
            return Reacted("unused", body=self.library.say_and_hang_up("unused", self._language(), "I"))
        session.flow, session.rev = program.name, self.library.revision
        return start(self.library, program, session, callback, world)

    def _stranger(self, callback: Callback) -> bytes:
        """A callback of a call that has no session."""
        self.counted("no_session")
        if callback.event == "pie":
            return self.library.say_and_hang_up("again", self._language(), "Pi")
        if callback.event == "ace":
            ours = callback.custom.startswith(CUSTOM)
            return HANGUP_BODY if ours else CONTINUE_BODY
        return b""

    def _broken(
        self, loaded: Loaded, callback: Callback, session: Session, error: Exception, now: float
    ) -> tuple[Session, str]:
        incident = token_hex(4)
        self.counted("failed_turn")
        LOG.error(
            "incident %s: %s in a %s turn of %s at %s",
            incident, type(error).__name__, callback.event, session.flow, session.place,
        )  # fmt: skip
        flow = session.flow
        new_session = Session(id=loaded.key, started=now, call=new_call(callback.call_id))
        try:
            session = load(loaded.session) if loaded.session is not None else new_session
        except BadSession:
            session = new_session
        session.flow = session.flow or flow
        session.rev = session.rev or self.library.revision
        if callback.event in ("ice", "pie"):
            session.ended, session.place = True, ""
        if callback.event == "dice":
            session.ended, session.over, session.place = True, True, ""
        session.n += 1
        return session, incident

    def _sorry(self, flow: str, callback: Callback, session: Session | None = None) -> bytes:
        """The answer that was ready before, for the position of this callback."""
        position = {"ice": "I", "pie": "Pi", "ace": "B"}.get(callback.event, "N")
        if position == "N":
            return b""
        if callback.event == "ace" and callback.custom.startswith(CUSTOM):
            position = "A"
        name = flow or (session.flow if session is not None else "")
        if not name and callback.event == "ice":
            program = self.library.for_number(dialled(callback.to_endpoint))
            name = program.name if program is not None else ""
        ready = self.ready.get((name, position))
        if ready is not None:
            return ready
        if position == "B":
            return CONTINUE_BODY
        return self.library.say_and_hang_up("apology", self._language(), "I" if position == "I" else "Pi")

    # --- events that are no callbacks ----------------------------------------------------------------------

    def event(self, key: str, name: str, data: Any = None) -> str:
        """An event from another program or a timer: what became of it. Raises NotTaken, UnknownSession."""
        replay: list[Any] = []
        for _ in range(TRIES):
            loaded = self.store.load(key)
            if loaded.session is None:
                raise UnknownSession(key)
            session = load(loaded.session)
            if session.pending:
                raise NotTaken(name)
            began, now = monotonic(), self.clock()
            world = self._world(now, "", replay)
            reacted = outside(self.library, session, name, data, world)
            outcome, body = reacted.outcome, b""
            if outcome is not None and outcome.position in PATCHED and outcome.body:
                redo = {"name": name, "data": data, "recorded": world.recorded}
                session, outcome = self._intent(loaded, reacted, redo, now)
            elif outcome is not None:
                body = outcome.body
            session.n += 1
            row = journal_row(self.library, session, reacted.event, reacted.source, outcome, body, now, began, world)
            write = self._write(loaded, session, row, b"", now, "", (), outcome)
            if self.store.commit(write) is Verdict.DONE:
                return reacted.event
            replay = world.recorded
        raise StoreDown("the session kept changing")

    def dial(self, flow: str, inputs: Mapping[str, Any]) -> tuple[str, bool]:
        """Begin a flow that places a call: the new session's key, and whether a call will be placed."""
        program = self.library.programs[flow]
        for _ in range(TRIES):
            key = token_hex(16)
            began, now = monotonic(), self.clock()
            session = Session(id=key, flow=flow, rev=self.library.revision, started=now, pos="O", n=1)
            world = self._world(now, "", [])
            reacted = place_call(self.library, program, session, inputs, world)
            assert reacted.outcome is not None
            row = journal_row(
                self.library, session, "start", "", reacted.outcome, reacted.outcome.body, now, began, world
            )
            write = self._write(Loaded(key), session, row, b"", now, "", (), reacted.outcome)
            if self.store.commit(write) is Verdict.DONE:
                return key, bool(reacted.outcome.body)
        raise StoreDown("the call could not be stored")

    def _intent(
        self, loaded: Loaded, reacted: Reacted, redo: dict[str, Any], now: float
    ) -> tuple[Session, Outcome | None]:
        """A live call is changed first and its place committed after it: until then only the wish is kept.

        What counts against an hourly limit counts now, or the change could be made and then not be committed.
        """
        outcome = reacted.outcome
        assert outcome is not None and loaded.session is not None
        session = load(loaded.session)
        session.pending = orjson.dumps({"event": reacted.event, "redo": redo, "at": now}).decode()
        call = session.call
        payload = _change(session.pending, outcome.body.decode(), call, redo, now)
        wish = Outcome(
            b"", "N", [], outcome.because, [Wish("patch", payload)], [], {}, "keep", outcome.counts, outcome.sensitive
        )
        return session, wish

    def patched(self, key: str, redo: Mapping[str, Any], at: float) -> bool:
        """The live call was changed: commit the place. False where the call was over before."""
        replay = redo.get("recorded", [])
        for _ in range(TRIES):
            loaded = self.store.load(key)
            if loaded.session is None:
                return False
            session = load(loaded.session)
            if session.ended or session.over or not session.pending:
                return False
            session.pending = ""
            began, now = monotonic(), self.clock()
            world = self._world(at, "", replay)
            world.used = _none_used
            if "fields" in redo:
                reacted = hear(self.library, session, read(orjson.dumps(redo["fields"])), world)
            else:
                reacted = outside(self.library, session, redo["name"], redo["data"], world)
            session.n += 1
            outcome = reacted.outcome._replace(counts=[]) if reacted.outcome is not None else None
            body = outcome.body if outcome is not None else b""
            row = journal_row(self.library, session, reacted.event, reacted.source, outcome, body, now, began, world)
            if self.store.commit(self._write(loaded, session, row, b"", now, "", (), outcome)) is Verdict.DONE:
                return True
            replay = world.recorded
        return False

    def wanted(self, key: str, wish: Mapping[str, Any]) -> bool:
        """Whether the session still waits for what an outbox row was to do."""
        loaded = self.store.load(key)
        return loaded.session is not None and _waits_for(load(loaded.session), wish)

    def refused(self, key: str, reason: str, wish: Mapping[str, Any] | None = None) -> None:
        """A callout or a change of a live call failed: ``error`` at its place.

        ``wish`` is the payload of the row: nothing happens where the session went on without it.
        """
        replay: list[Any] = []
        for _ in range(TRIES):
            loaded = self.store.load(key)
            if loaded.session is None:
                return
            session = load(loaded.session)
            if wish is not None and not _waits_for(session, wish):
                return
            began, now = monotonic(), self.clock()
            world = self._world(now, "", replay)
            reacted = failed(self.library, session, world, reason)
            session.n += 1
            row = journal_row(self.library, session, "error", reacted.source, reacted.outcome, b"", now, began, world)
            if self.store.commit(self._write(loaded, session, row, b"", now, "", (), reacted.outcome)) is Verdict.DONE:
                return
            replay = world.recorded

    def timer_broke(self, key: str, error: Exception) -> None:
        """The turn of a timer failed: the session ends, and a caller who is held hears why."""
        for _ in range(TRIES):
            loaded = self.store.load(key)
            if loaded.session is None:
                return
            session = load(loaded.session)
            began, now = monotonic(), self.clock()
            source, hidden, incident = session.place, self.library.hidden(session), token_hex(4)
            node = self.library.programs[session.flow].states.get(source)
            position = mode(session, node) if node is not None and not session.over else None
            wishes = []
            if position in PATCHED:
                call = session.call
                svaml = self.ready[session.flow, position].decode()
                wishes = [Wish("patch", _change("", svaml, call, {}, now))]
            session.ended, session.place, session.pending = True, "", ""
            session.n += 1
            outcome = Outcome(b"", "N", [], [], wishes, [], {}, None, [], hidden)
            row = journal_row(
                self.library, session, "error", source, outcome, b"", now, began, self._world(now, "", []), incident
            )
            if self.store.commit(self._write(loaded, session, row, b"", now, "", (), outcome)) is Verdict.DONE:
                self.counted("failed_turn")
                LOG.error(
                    "incident %s: %s in a timer of %s at %s", incident, type(error).__name__, session.flow, source
                )
                return

    def called(self, key: str, call_id: str, application: str) -> None:
        """A callout was accepted under this call id: callbacks that carry it find the session."""
        alias = call_key(Callback(call_id=call_id), application)
        for _ in range(TRIES):
            loaded = self.store.load(key)
            if loaded.session is None or self.store.load(alias).session is not None:
                return  # a callback overtook the reply: the session may be at its next call already
            session = load(loaded.session)
            session.call["id"] = session.call.get("id") or call_id
            write = self._write(loaded, session, None, b"", self.clock(), "", (alias,), None)
            if self.store.commit(write) is Verdict.DONE:
                return

    # --- parts ---------------------------------------------------------------------------------------------

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

    def _write(
        self,
        loaded: Loaded,
        session: Session,
        row: JournalRow | None,
        answer: bytes,
        now: float,
        dedupe: str,
        aliases: tuple[str, ...],
        outcome: Outcome | None,
    ) -> Write:
        timers: tuple[Timer, ...] = ()
        effects: list[Effect] = []
        counts: tuple[Count, ...] = ()
        if outcome is not None:
            if outcome.timer != "keep":
                timers = self._timers(session, outcome, now)
            if outcome.effects or outcome.position == "O":
                effects = self._effects(session, outcome, now)
            if outcome.counts:
                counts = tuple(Count(name, int(now) // HOUR, limit) for name, limit in outcome.counts)
        expires = now + (ENDED_LIFE if session.ended else CALL_LIFE)
        if timers or session.until:
            wakes = [timer.due for timer in timers if timer.due]
            expires = max(expires, *(due + CALL_LIFE for due in wakes), session.until + CALL_LIFE)
        data = session.dump()
        return Write(
            loaded.key, loaded.version, data, expires, now, dedupe, answer, row, effects, timers, aliases, counts
        )

    def _timers(self, session: Session, outcome: Outcome | None, now: float) -> tuple[Timer, ...]:
        if outcome is None or outcome.timer == "keep":
            return ()
        if outcome.timer is None:
            if not session.timed:
                return ()
            session.timed = False
            return (Timer("place", None),)
        session.timed = True
        return (Timer("place", now + float(outcome.timer)),)

    def _effects(self, session: Session, outcome: Outcome, now: float) -> list[Effect]:
        found = [
            Effect(token_hex(8), each.kind, orjson.dumps(each.payload), HELD if each.kind == "send" else now)
            for each in outcome.effects
        ]
        if outcome.position == "O" and outcome.body:
            payload = {"ice": outcome.body.decode(), "custom": CUSTOM + session.id, "place": session.place}
            found.append(Effect(token_hex(8), "callout", orjson.dumps(payload), now))
        return found

    def _filled(self, body: bytes) -> bytes:
        """An answer with the secrets it names."""
        return body if _OPEN not in body else fill_secrets(body, self.env)

    def counted(self, name: str) -> None:
        self.counters[name] = self.counters.get(name, 0) + 1


def _change(pending: str, svaml: str, call: Mapping[str, Any], redo: Mapping[str, Any], at: float) -> dict[str, Any]:
    """A wish to change a live call."""
    ids = {"call": call.get("id", ""), "url": call.get("url", "")}
    return {"pending": pending, "svaml": svaml, **ids, "redo": redo, "at": at}


def _waits_for(session: Session, wish: Mapping[str, Any]) -> bool:
    """A change is wanted until the call is over; a callout until anything was heard of its call."""
    if session.over:
        return False
    if "svaml" in wish:
        return bool(session.pending == wish["pending"])
    return bool(session.pos == "O" and session.place == wish["place"] and not session.call.get("id"))


def _none_used(name: str) -> int:
    return 0


def fill_secrets(body: bytes, env: Mapping[str, str]) -> bytes:
    """Puts the values of the environment where an answer names a secret; a missing one becomes empty."""
    text = body.decode()
    first, *rest = text.split(SECRET_OPEN)
    for part in rest:
        name, _, after = part.partition(SECRET_CLOSE)
        first += orjson.dumps(env.get(name, "")).decode()[1:-1] + after
    return first.encode()
