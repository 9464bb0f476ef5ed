"""A callback in, an answer out: the store, the engine and the outbox put together.

One turn is one write: session, stored answer, journal row, effects and timers, or nothing. A callback that comes
again gets the stored answer; one whose session moved on meanwhile is run again with what the world said the
first time. Whatever fails, the caller gets an answer that was ready before.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any, ClassVar

import orjson

from flowengine.callbacks import EVENTS, BadBody, Callback, call_key, dedupe_key, read
from flowengine.chats import Chats
from flowengine.engine.fallback import fallbacks
from flowengine.engine.library import Library, dialled
from flowengine.engine.outcome import Effect as Wish
from flowengine.engine.outcome import NotTaken, Outcome, Reacted
from flowengine.engine.person import contact_record, known_of
from flowengine.engine.session import Session, load, new_call
from flowengine.engine.voice import (
    CONTINUE_BODY,
    HANGUP_BODY,
    PATCHED,
    failed,
    hear,
    lost,
    mode,
    outside,
    place_call,
    shows_change,
    start,
)
from flowengine.engine.world import World
from flowengine.heard import Heard
from flowengine.linking import SECRET_CLOSE, SECRET_OPEN
from flowengine.logs import told
from flowengine.numbers import normal_caller
from flowengine.sinch.credentials import APP
from flowengine.stores.base import StoreDown
from flowengine.turns import WITHIN, Attempt, Busy, Heed, ReadAgain, Result, Turns

LOG = logging.getLogger("flowengine")

CUSTOM = "fe."
_OPEN = SECRET_OPEN.encode()


class UnknownSession(Exception):
    """There is no such session."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back over HTTP."""

    status: int
    body: bytes = b""


@dataclass(slots=True)
class Service(Turns[Session]):
    """Calls, and ``chats`` beside them."""

    chats: Chats = field(init=False)
    within: ClassVar[float] = WITHIN

    def __post_init__(self) -> None:
        _ready(self.library)
        shared = (self.library, self.store, self.ask, self.env, self.call, self.clock, self.counters)
        self.chats = Chats(*shared, self.given, self.heed, self.older, self.env.get(APP, ""))

    def serve(self, library: Library) -> None:
        """From now on what begins runs on these flows; what began before goes on with those it began with."""
        _ready(library)
        self.library = self.chats.library = library

    def heeds(self, heed: Heed) -> None:
        """Tell it of every turn, beside those who are told already."""
        before = self.heed

        def both(attempt: Attempt[Any], result: Result) -> None:
            if before is not None:
                before(attempt, result)
            heed(attempt, result)

        self.heed = self.chats.heed = heed if before is None else both

    def opened(self, data: bytes) -> Session:
        return load(data)

    def begun(self, key: str, now: float) -> Session:
        return Session(id=key, started=now)

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
            incident = token_hex(4)
            LOG.error(
                "incident %s: the store is down in a %s turn: %s", incident, callback.event, error,
                extra=told("store_down", incident=incident, on=callback.event),
            )  # fmt: skip
        except Exception as error:
            self.counted("failed_turn")
            self._log_broken(token_hex(4), error, callback.event)
        return Reply(200, self._sorry("", callback))

    def _log_broken(self, incident: str, error: Exception, on: str, flow: str = "", place: str = "") -> None:
        name = type(error).__name__
        where = f" of {flow} at {place}" if flow else ""
        extra = told("failed_turn", incident=incident, error=name, on=on, flow=flow, state=place)
        LOG.error("incident %s: %s in a %s turn%s", incident, name, on, where, extra=extra)

    def _unusable(self, reason: str, body: bytes) -> Reply:
        self.counted("bad_body")
        if "v2" in reason:
            return Reply(400, orjson.dumps({"error": reason}))
        try:
            size = orjson.dumps({"bytes": len(body)})
            self.store.dead_letter("callback", reason, size, self.clock())
        except StoreDown as error:
            LOG.error("the store is down: %s", error, extra=told("store_down"))
        return Reply(200, self.library.say_and_hang_up("apology", self._language(), "I"))

    def _language(self) -> str:
        return next((program.languages[0] for program in self.library.programs.values()), "en-US")

    def _answer(self, callback: Callback, key: str, dedupe: str) -> Reply:
        body = self.once(key, dedupe, lambda attempt: self._heard(callback, attempt))
        return Reply(200, self._sorry("", callback) if body is None else self._filled(body))

    def _heard(self, callback: Callback, attempt: Attempt[Session]) -> Result:
        if attempt.loaded.session is None and callback.custom.startswith(CUSTOM):
            self._find_own(callback, attempt)
        session, new = attempt.session, attempt.loaded.session is None
        if session.pending and self._committed_late(callback, attempt):
            raise ReadAgain
        if new and callback.event != "ice":
            return Result(answer=self._stranger(callback), kept=False)
        flow, place = session.flow, session.place
        attempt.heard = Heard(callback, flow, place)
        try:
            reacted = self._react(attempt, callback, new)
        except (Busy, StoreDown):
            raise
        except Exception as error:
            hidden = attempt.library.hidden(session)
            incident = self._broken(attempt, callback, error)
            body = self._sorry(flow, callback, attempt.session)
            return Result(callback.event, place, None, body, body, (), incident, error, hidden)
        if not session.flow:
            return Result(answer=reacted.body, kept=False)
        return self._settled(callback, attempt, reacted)

    def _find_own(self, callback: Callback, attempt: Attempt[Session]) -> None:
        """A call that we placed is known by the token that it carries until its id is."""
        own = self.store.load(callback.custom[len(CUSTOM) :])
        if own.session is not None:
            attempt.aliases = (attempt.loaded.key,)
            attempt.loaded, attempt.session = own, load(own.session)
            self.pin(attempt)

    def _committed_late(self, callback: Callback, attempt: Attempt[Session]) -> bool:
        """A callback that can only come of a change whose worker died before it could say so: commit it first."""
        session = attempt.session
        if callback.event not in ("pie", "ace") or not shows_change(attempt.library, session, callback):
            return False
        wish = orjson.loads(session.pending)
        return self.patched(attempt.loaded.key, wish["redo"], wish["at"])

    def _settled(self, callback: Callback, attempt: Attempt[Session], reacted: Reacted) -> Result:
        outcome = reacted.outcome
        body = reacted.body or (outcome.body if outcome is not None else b"")
        if outcome is not None and outcome.position in PATCHED and outcome.body:
            return _intent(attempt, reacted, {"fields": callback.fields, "recorded": attempt.world.recorded})
        rows = _callouts(attempt.session, outcome)
        return Result(reacted.event, reacted.source, outcome, body, body, rows)

    def _react(self, attempt: Attempt[Session], callback: Callback, new: bool) -> Reacted:
        session, world = attempt.session, attempt.world
        if not new:
            if callback.url:
                session.call["url"] = callback.url
            return hear(attempt.library, session, callback, world)
        program = self.library.for_number(dialled(callback.to_endpoint))
        if program is None:
            self.counted("unused_number")
            return Reacted("unused", body=self.library.say_and_hang_up("unused", self._language(), "I"))
        session.flow, session.rev = program.name, self.library.revision
        self._meet(session, normal_caller(callback.cli) if callback.cli_known else "", world)
        return start(self.library, program, session, callback, world)

    def _meet(self, session: Session, number: str, world: World) -> None:
        """What is known of the one at the other end of a call, where some flow asks for it."""
        if not number or not self.library.keeps_callers:
            return
        session.person = session.told.get("person") or contact_record(number)
        session.contact, session.known = world.once(
            "contact", lambda: known_of(self.store.record(session.person), number)
        )

    def _stranger(self, callback: Callback) -> bytes:
        """A callback of a call that has no session."""
        self.counted("no_session")
        if callback.event == "pie":
            return self.library.say_and_hang_up("again", self._language(), "Pi")
        if callback.event == "ace":
            ours = callback.custom.startswith(CUSTOM)
            return HANGUP_BODY if ours else CONTINUE_BODY
        return b""

    def _broken(self, attempt: Attempt[Session], callback: Callback, error: Exception) -> str:
        """Back to the session as it was read; the incident's number."""
        session, incident = attempt.session, token_hex(4)
        self.counted("failed_turn")
        self._log_broken(incident, error, callback.event, session.flow, session.place)
        loaded, flow = attempt.loaded, session.flow
        session = Session(id=loaded.key, started=attempt.now, call=new_call(callback.call_id))
        if loaded.session is not None:
            session = load(loaded.session)
        session.flow = session.flow or flow
        session.rev = session.rev or self.library.revision
        if callback.event in ("ice", "pie"):
            session.ended, session.place = True, ""
        if callback.event == "dice":
            session.ended, session.over, session.place = True, True, ""
        attempt.session = session
        return incident

    def _sorry(self, flow: str, callback: Callback, session: Session | None = None) -> bytes:
        """The answer that was ready before, for the position of this callback."""
        position = {"ice": "I", "pie": "Pi", "ace": "B"}.get(callback.event, "N")
        if position == "N":
            return b""
        if callback.event == "ace" and callback.custom.startswith(CUSTOM):
            position = "A"
        name = flow or (session.flow if session is not None else "")
        library = self.library if session is None else self.runs_on(session)
        if not name and callback.event == "ice":
            program = self.library.for_number(dialled(callback.to_endpoint))
            name = program.name if program is not None else ""
        ready = _ready(library).get((name, position))
        if ready is not None:
            return ready
        if position == "B":
            return CONTINUE_BODY
        return self.library.say_and_hang_up("apology", self._language(), "I" if position == "I" else "Pi")

    # --- events that are no callbacks ----------------------------------------------------------------------

    def event(self, key: str, name: str, data: Any = None) -> str:
        """An event from another program or a timer: what became of it. Raises NotTaken, UnknownSession."""
        if self._talks(key):
            return self.chats.event(key, name, data)

        def run(attempt: Attempt[Session]) -> Result:
            session = attempt.session
            if session.pending:
                raise NotTaken(name)
            what = {"event": "elapsed"} if name == "elapsed" else {"event": "outside", "name": name, "data": data}
            attempt.heard = Heard(what, session.flow, session.place)
            reacted = outside(attempt.library, attempt.session, name, data, attempt.world)
            outcome = reacted.outcome
            if outcome is not None and outcome.position in PATCHED and outcome.body:
                return _intent(attempt, reacted, {"name": name, "data": data, "recorded": attempt.world.recorded})
            return _unasked(attempt, reacted)

        result = self.again(key, run)
        if result is None:
            raise UnknownSession(key)
        return result.event

    def woken(self, key: str) -> None:
        """The timer of a place is due. Raises NotTaken, UnknownSession."""
        if self._talks(key):
            self.chats.woken(key)
        else:
            self.event(key, "elapsed")

    def _talks(self, key: str) -> bool:
        """Whether this is a conversation."""
        found = self.store.load(key).session
        return found is not None and load(found).talk is not None

    def dial(
        self, flow: str, inputs: Mapping[str, Any], key: str = "", told: Mapping[str, Any] | None = None
    ) -> tuple[str, bool]:
        """Begin a flow that places a call: the new session's key, and whether a call will be placed.

        ``told`` names who wants to know what it came to. A ``key`` that is given begins one call only.
        """
        program = self.library.programs[flow]
        key = key or token_hex(16)

        def run(attempt: Attempt[Session]) -> Result | None:
            session = attempt.session
            if session.flow:
                return None
            session.flow, session.rev, session.pos = flow, self.library.revision, "O"
            session.told = dict(told or {})
            attempt.heard = Heard({"event": "start", "flow": flow, "inputs": inputs})
            phones = [name for name, each in program.image["inputs"].items() if each["type"] == "phone"]
            self._meet(session, next((str(inputs[name]) for name in phones if inputs.get(name)), ""), attempt.world)
            return _unasked(attempt, place_call(self.library, program, session, inputs, attempt.world))

        result = self.again(key, run, new=True)
        return key, result is not None and bool(result.shown)

    def patched(self, key: str, redo: Mapping[str, Any], at: float) -> bool:
        """The live call was changed: commit the place. False where the call was over before."""

        def run(attempt: Attempt[Session]) -> Result | None:
            session, world = attempt.session, attempt.world
            if session.ended or session.over or not session.pending:
                return None
            session.pending = ""
            attempt.heard = Heard({"event": "patched"}, session.flow, session.place)
            world.at, world.used = at, _none_used
            if "fields" in redo:
                reacted = hear(attempt.library, session, read(orjson.dumps(redo["fields"])), world)
            else:
                reacted = outside(attempt.library, session, redo["name"], redo["data"], world)
            if reacted.outcome is not None:
                reacted.outcome = reacted.outcome._replace(counts=[])
            return _unasked(attempt, reacted)

        return self.again(key, run, redo.get("recorded", ())) is not None

    def wanted(self, key: str, wish: Mapping[str, Any]) -> bool:
        """Whether the session still waits for what an outbox row was to do."""
        loaded = self.store.load(key)
        return loaded.session is not None and _waits_for(load(loaded.session), wish)

    def refused(self, key: str, reason: str, wish: Mapping[str, Any] | None = None) -> None:
        """A callout or a change of a live call failed: ``error`` at its place.

        ``wish`` is the payload of the row: nothing happens where the session went on without it.
        """

        def run(attempt: Attempt[Session]) -> Result | None:
            if wish is not None and not _waits_for(attempt.session, wish):
                return None
            session = attempt.session
            attempt.heard = Heard({"event": "refused", "reason": reason}, session.flow, session.place)
            reacted = failed(attempt.library, session, attempt.world, reason)
            rows = _callouts(attempt.session, reacted.outcome)
            return Result("error", reacted.source, reacted.outcome, rows=rows)

        self.again(key, run)

    def look_after(self, most: int = 100) -> None:
        """What nobody asks for and has to be done now and then, by a worker."""
        now = self.clock()
        self.older.keep(now)
        for key in self.store.overdue(now, most):
            self.give_up(key)
        self.store.sweep(now)

    def give_up(self, key: str) -> None:
        """A session ends of which nothing was heard any more, such as a call whose DICE never came."""

        def run(attempt: Attempt[Session]) -> Result:
            session = attempt.session
            attempt.heard = Heard({"event": "lost"}, session.flow, session.place)
            self.counted("given_up")
            if session.talk is not None or session.flow not in attempt.library.programs:
                source, session.place, session.ended = session.place, "", True
                return Result("lost", source)
            return _unasked(attempt, lost(attempt.library, session, attempt.world))

        self.again(key, run)

    def timer_broke(self, key: str, error: Exception) -> None:
        """The turn of a timer failed: the session ends, and a caller who is held hears why."""
        flow = ""

        def run(attempt: Attempt[Session]) -> Result:
            nonlocal flow
            flow = attempt.session.flow
            return self._broken_timer(attempt, error)

        result = self.again(key, run)
        if result is not None:
            self.counted("failed_turn")
            self._log_broken(result.incident, error, "timer", flow, result.source)

    def _broken_timer(self, attempt: Attempt[Session], error: Exception) -> Result:
        session = attempt.session
        library = attempt.library
        source, hidden = session.place, library.hidden(session)
        attempt.heard = Heard({"event": "elapsed"}, session.flow, source)
        node = library.programs[session.flow].states.get(source)
        position = mode(session, node) if node is not None and not session.over else None
        wishes = []
        if position in PATCHED:
            svaml = _ready(library)[session.flow, position].decode()
            wishes = [Wish("patch", _change("", svaml, session.call, {}, attempt.now))]
        session.ended, session.place, session.pending = True, "", ""
        outcome = Outcome(b"", "N", [], [], wishes, [], {}, None, [], hidden)
        return Result("error", source, outcome, incident=token_hex(4), error=error)

    def _written(self, attempt: Attempt[Session], result: Result) -> bool:
        """As of any turn; the last one of a call that somebody waits for says what it came to."""
        session = attempt.session
        if session.told and session.ended and not session.place:
            told = {"outcome": "done", "result": {}, **session.told}
            result.rows = [*result.rows, Wish("told", told)]
            session.told = {}
        return Turns._written(self, attempt, result)

    def called(self, key: str, call_id: str, application: str) -> None:
        """A callout was accepted under this call id: callbacks that carry it find the session."""
        alias = call_key(Callback(call_id=call_id), application)

        def run(attempt: Attempt[Session]) -> Result | None:
            if self.store.load(alias).session is not None:
                return None  # a callback overtook the reply: the session may be at its next call already
            call = attempt.session.call
            call["id"] = call.get("id") or call_id
            attempt.aliases = (alias,)
            return Result(told=False)

        self.again(key, run)

    def _filled(self, body: bytes) -> bytes:
        """An answer with the secrets it names."""
        return body if _OPEN not in body else fill_secrets(body, self.env)


def _ready(library: Library) -> Mapping[tuple[str, Any], bytes]:
    """The answers of a bad moment, by flow and position."""
    if not library.ready:
        library.ready = fallbacks(library)
    return library.ready


def _unasked(attempt: Attempt[Session], reacted: Reacted) -> Result:
    """The result of a run that nobody waits for: its answer is told and kept by no callback."""
    outcome = reacted.outcome
    shown = outcome.body if outcome is not None else b""
    return Result(reacted.event, reacted.source, outcome, shown, rows=_callouts(attempt.session, outcome))


def _callouts(session: Session, outcome: Outcome | None) -> tuple[Wish, ...]:
    if outcome is None or outcome.position != "O" or not outcome.body:
        return ()
    payload = {"ice": outcome.body.decode(), "custom": CUSTOM + session.id, "place": session.place}
    return (Wish("callout", payload),)


def _intent(attempt: Attempt[Session], reacted: Reacted, redo: dict[str, Any]) -> Result:
    """A live call is changed first and its place committed after it: until then only the wish is kept.

    What counts against an hourly limit counts now, or the change could be made and then not be committed.
    """
    outcome, now = reacted.outcome, attempt.now
    assert outcome is not None and attempt.loaded.session is not None
    session = load(attempt.loaded.session)
    session.pending = orjson.dumps({"event": reacted.event, "redo": redo, "at": now}).decode()
    payload = _change(session.pending, outcome.body.decode(), session.call, redo, now)
    wish = Outcome(
        b"", "N", [], outcome.because, [Wish("patch", payload)], [], {}, "keep", outcome.counts, outcome.sensitive
    )
    attempt.session = session
    return Result(reacted.event, reacted.source, wish)


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
