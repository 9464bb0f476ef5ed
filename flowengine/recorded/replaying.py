"""Recorded calls and conversations played again, turn by turn, against the flows that are here.

A turn hears what it heard then, at the time it was then, and the world says what it said: servers, functions and
chance are not asked again. What the journal hides is made up (:mod:`flowengine.recorded.made_up`); where several
things may have been given, the first one by which the turn comes out as recorded is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, NamedTuple

import orjson

from flowengine.build import Built
from flowengine.callbacks import Callback, call_key
from flowengine.chats import Address
from flowengine.engine.fallback import fallbacks
from flowengine.engine.library import Library, open_library
from flowengine.engine.outcome import NotTaken
from flowengine.engine.person import contact_record, talk_record
from flowengine.engine.session import Session, load
from flowengine.engine.trail import Decided
from flowengine.fetch import Request, Response
from flowengine.linking import Node, Program
from flowengine.messages.channels import is_phone
from flowengine.recorded import made_up
from flowengine.recorded.comparing import Differs, Sameness
from flowengine.recorded.judging import Judge
from flowengine.recorded.made_up import FORMS, HASH, HIDDEN, Form, StandIns
from flowengine.recorded.reading import Recorded, read_row
from flowengine.recorded.telling import kind_of
from flowengine.scenarios.because import because, shown
from flowengine.scenarios.steps import Step
from flowengine.service import Service, UnknownSession
from flowengine.sinch.fake import bodies as contents
from flowengine.sinch.fake.bodies import Bodies
from flowengine.sinch.fake.ids import Ids
from flowengine.stage import Turned
from flowengine.stores.base import Record
from flowengine.stores.memory import MemoryStore
from flowengine.turns import Attempt, Result
from flowengine.webhooks import phone, talk_key

APP = "01HX2APP0000000000000000A1"
NO_BEGINNING = "its beginning is no longer in the journal"
NOT_HEARD = "it was recorded before the journal said what came"
MOST_TRIES = 40
"""Things that are tried for one turn where the journal hides what came."""
_NOT_PLAYED = frozenset({"behind"})
"""Events of turns that only put something off for what else was going on in the process."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first turn that does not come out as recorded.

    ``event`` came at the state ``source`` of ``flow`` over ``path`` (as recorded). ``because`` is the condition or way
    that decided it now; empty where nothing did.
    """

    n: int
    at: float
    flow: str
    event: str
    source: str
    path: Sequence[str]
    what: str
    then: str
    now: str
    because: str = ""
    heard: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """One ``kind`` (call or conversation) that began ``at`` (Unix seconds); ``skipped``: why it could not be played."""

    key: str
    kind: str
    flow: str
    at: float
    turns: int
    difference: Difference | None = None
    skipped: str = ""


class Replayer:
    """The flows of ``built``, made ready to play what is recorded. ``key`` is that of the hashes of numbers."""

    def __init__(self, built: Built, env: Mapping[str, str], key: bytes) -> None:
        assert built.artefact is not None
        self.book, self.env = built.book, {**env, "CONVERSATION_APP_ID": APP}
        library = open_library(built.artefact, built.revision, self.env, key)
        self.library: Library = replace(library, tracked=True, use_blocks=False, app=APP)
        self.judge = Judge(self.library)
        self.library.ready = fallbacks(self.library)
        images = [each.image for each in self.library.programs.values()]
        self.named = made_up.named(images, self.library.digest)

    def replay(self, key: str, turns: Sequence[Recorded], call_id: str = "") -> Replayed:
        """Play a session, of one turn at least, up to the first difference. ``call_id`` is that of its last call."""
        first = turns[0]
        program = self.library.programs.get(first.begun)
        kind = kind_of(first) if program is None else "call" if program.channel == "voice" else "conversation"
        found = Replayed(key, kind, first.begun, first.at, len(turns))
        if first.n != 1:
            return replace(found, skipped=NO_BEGINNING)
        if not all(each.heard for each in turns if not each.incident):
            return replace(found, skipped=NOT_HEARD)
        return replace(found, difference=self._searched(turns, call_id))

    def _searched(self, turns: Sequence[Recorded], call_id: str) -> Difference | None:
        """The difference that no choice of what is made up takes away."""
        chosen: dict[int, int] = {}
        first: dict[int, Difference] = {}
        while True:
            play = Play(self, turns, chosen, call_id)
            found = play.run()
            if found is None:
                return None
            first.setdefault(play.at, found)
            chosen[play.at] = chosen.get(play.at, 0) + 1
            if chosen[play.at] >= min(play.ways, MOST_TRIES):
                return first[play.at]


class Way(NamedTuple):
    """One thing that may have come: ``given`` in place of what is hidden, and how numbers were written.

    ``tag`` is the question whose button was tapped; ``full``: no call was left of the hour; ``older``: it is about
    the call before.
    """

    given: str = ""
    form: Form = "+"
    tag: str = ""
    full: bool = False
    older: bool = False


class _Store(MemoryStore):
    """``full``: every hourly limit is reached."""

    full = False

    def count(self, name: str, window: int) -> int:
        return 10**9 if self.full else super().count(name, window)


class Play:
    """One session played once. ``chosen`` says which way each turn takes; ``at`` is the turn it got to."""

    def __init__(self, replayer: Replayer, turns: Sequence[Recorded], chosen: Mapping[int, int], call_id: str) -> None:
        self.replayer, self.library, self.turns, self.chosen = replayer, replayer.library, turns, chosen
        self.stand_ins = StandIns(replayer.named)
        self.same = Sameness()
        self.store = _Store()
        self.at, self.ways, self.now = 0, 1, turns[0].at
        self.turned: list[Turned] = []
        self.unasked: list[str] = []
        self.service = Service(
            self.library,
            self.store,
            self._ask,
            replayer.env,
            self._call,
            clock=lambda: self.now,
            given=[],
            heed=self._heed,
        )
        self.key = ""
        self.tags: list[str] = []
        self._last_id = call_id
        self._ids = ["", ""]
        self._calls, self._wanted = 0, False
        self._bodies = Bodies(APP, "project", Ids(), lambda: self.now, "DISPATCH")

    # --- the loop ------------------------------------------------------------------------------------------

    def run(self) -> Difference | None:
        for at, turn in enumerate(self.turns):
            self.at = at
            if turn.event in _NOT_PLAYED:
                continue
            if not turn.heard:
                return None  # what broke it is all that is known
            try:
                now = self._turn(turn)
            except _Gone as gone:
                return self._told(turn, Differs("flow", turn.flow, str(gone)))
            differs = self.same.first(turn, now)
            if differs is not None:
                return self._told(turn, differs)
        return None

    def _turn(self, turn: Recorded) -> Recorded | None:
        """What the turn comes to now."""
        self.now = turn.at
        before = len(self.store.journal(self.key)) if self.key else 0
        ways = list(self._ways(turn))
        self.ways = len(ways)
        way = ways[min(self.chosen.get(self.at, 0), len(ways) - 1)]
        self._surround(turn, way)
        try:
            _HEAR[turn.heard["event"]](self, turn, way)
        except (NotTaken, UnknownSession):
            return None
        self._work(turn)
        rows = self.store.journal(self.key)[before:] if self.key else []
        return read_row(rows[-1]) if rows else None

    def _surround(self, turn: Recorded, way: Way) -> None:
        self.turned.clear()
        self.unasked.clear()
        self.store.full = way.full
        self.replayer.judge.begin(self.stand_ins, turn.because)
        if way.given:
            self.stand_ins.made(way.given)
        self.service.given[:] = [[asker, self.stand_ins.filled(value, way.form)] for asker, value in turn.recorded]

    def _work(self, turn: Recorded) -> None:
        """What was left to a worker is done; of what would go out only the calls are noted."""
        while taken := self.store.take(self.now, 30.0):
            for leased in taken:
                if leased.kind == "callout":
                    self._wanted = True
                if leased.kind == "turn":
                    self.replayer.judge.begin(self.stand_ins, turn.because)
                    self.service.chats.carry(leased.id, leased.session, orjson.loads(leased.payload))
                self.store.settle(leased)

    # --- what surrounds it ---------------------------------------------------------------------------------

    def _ask(self, request: Request, budget: float) -> Response:
        self.unasked.append(f"{request.method.upper()} {request.url.partition('?')[0]}")
        return Response(0, None, "unreachable")

    def _call(self, name: str, arguments: Mapping[str, Any], timeout: float) -> Any:
        self.unasked.append(f"the function {name}")
        raise LookupError(name)

    def _heed(self, attempt: Attempt[Any], result: Result) -> None:
        if not result.told:
            return
        session, outcome = attempt.session, result.outcome
        path, trail = (tuple(outcome.path), tuple(outcome.trail)) if outcome is not None else ((), ())
        self.turned.append(Turned(result.event, result.source, session.place, path, trail, session.flow))
        if session.talk is not None and session.talk.tag not in self.tags:
            self.tags.append(session.talk.tag)

    @property
    def session(self) -> Session | None:
        found = self.store.load(self.key).session if self.key else None
        return load(found) if found is not None else None

    # --- what may have come --------------------------------------------------------------------------------

    def _ways(self, turn: Recorded) -> Iterator[Way]:
        heard = turn.heard
        event = heard["event"]
        given = list(dict.fromkeys(self._given(turn)))[:MOST_TRIES] or [""]
        told = {name: each for name, each in heard.items() if name not in ("cli", "to")}
        forms = FORMS if made_up.hashes([told, turn.recorded]) else FORMS[:1]
        tags = self._tags(turn) if event == "message" and heard["kind"] == "tap" else [""]
        yield from (Way(each, form, tag) for each, tag, form in product(given, tags, forms))
        if event == "dice" and self._ids[1]:
            yield Way(older=True)
        if any(each.per_hour for program in self.library.programs.values() for each in program.may_dial.values()):
            yield from (Way(each, full=True) for each in given[:3])

    def _given(self, turn: Recorded) -> Iterable[str]:
        heard = turn.heard
        if heard["event"] == "pie":
            return self._pressed(turn)
        if heard["event"] == "message" and HIDDEN in (heard.get("text"), heard.get("choice")):
            session = self.session
            marks = session.talk.marks if session is not None and session.talk is not None else {}
            program, place = self._standing(session)
            if "choice" in heard:
                node = program.states.get(place)
                choices = node.op.get("choices") if node is not None else None
                acted = session.talk.acted if session is not None and session.talk is not None else ()
                known = [each.rpartition("#")[0] or each for each in reversed(acted)]
                return [turn.event, *(each["value"] for each in choices or ()), *known]
            return made_up.answers(program, place, self._came_to(turn), marks)
        return ()

    def _came_to(self, turn: Recorded) -> str:
        """The event of what was written; of a burst, the one that its last part came to."""
        return next((each.event for each in self.turns[self.at :] if each.event != "settling"), turn.event)

    def _pressed(self, turn: Recorded) -> Iterable[str]:
        heard = turn.heard
        value = heard["value"]
        hashed = bool(HASH.fullmatch(value))
        if value != HIDDEN and not hashed:
            return ()
        node = self._menu(heard["menuId"])
        choices = node.op.get("choices") if node is not None else None
        if heard["type"] == "return":
            return [turn.event, *(choices or ()), "another"]
        if node is None or "digits" not in node.op:
            return ["1", "11", "4821"] if not hashed else ["48210935"]
        return made_up.digits(node.op, turn.event != "invalidinput", made_up.LEAST if hashed else 1)

    def _menu(self, menu_id: str) -> Node | None:
        """The state whose menu this is."""
        program, place = self._standing(self.session)
        node = program.states.get(place)
        fused = (node.op.get("fused") or {}).get("states", {}) if node is not None else {}
        return program.states.get(fused.get(menu_id, place))

    def _standing(self, session: Session | None) -> tuple[Program, str]:
        if session is None:
            return self.library.program(""), ""
        return self.library.program(session.flow), session.place

    def _tags(self, turn: Recorded) -> list[str]:
        session = self.session
        now = session.talk.tag if session is not None and session.talk is not None else ""
        return list(dict.fromkeys([now, "", *reversed(self.tags)]))[:8]

    # --- calls ---------------------------------------------------------------------------------------------

    def _new_call(self) -> None:
        """Ids of calls are in no journal: the last one's may be known, what stands for another matches any."""
        self._calls += 1
        last = not any(each.heard.get("event") == "ace" for each in self.turns[self.at + 1 :]) or self._calls > 1
        own = self._last_id if last and self._last_id not in self._ids else ""
        self._ids = [own or f"{HIDDEN}call{self._calls}", self._ids[0]]

    def _callback(self, event: str, way: Way, **fields: Any) -> None:
        if self._wanted:
            self._wanted = False
            self._new_call()
            self.service.called(self.key, self._ids[0], "")
        call_id = self._ids[1] if way.older else self._ids[0]
        body = {"event": event, "callid": call_id, "timestamp": f"turn {self.at}", "version": 1, **fields}
        self.service.callback(orjson.dumps(body))

    def _ice(self, turn: Recorded, way: Way) -> None:
        heard = turn.heard
        if not self.key:
            self._new_call()
            self.key = call_key(Callback(call_id=self._ids[0]))
        cli = self.stand_ins.number(heard["cli"]).removeprefix("+") if heard["cli"] else "private"
        headers = heard.get("headers", {})
        listed = [] if headers == HIDDEN else [{"key": key, "value": each} for key, each in headers.items()]
        custom = heard.get("custom", "")
        self._callback(
            "ice",
            way,
            cli=cli,
            to={"type": "did", "endpoint": self._dialled(turn)},
            domain=heard.get("domain", ""),
            custom="" if custom == HIDDEN else self.stand_ins.filled(custom, way.form),
            callHeaders=self.stand_ins.filled(listed, way.form),
        )

    def _dialled(self, turn: Recorded) -> str:
        told, library = turn.heard["to"], self.library
        known = self.replayer.named.get(told)
        if known is not None and library.for_number(known.removeprefix("+")) is not None:
            return known
        if turn.begun == library.anyone:
            return self.stand_ins.number(told)
        for kind, value, _ in library.program(turn.begun).image["triggers"]:
            if kind == "to":
                return str(value)
        raise _Gone(f"no number leads to {turn.begun}")

    def _pie(self, turn: Recorded, way: Way) -> None:
        heard = turn.heard
        value = heard["value"]
        if HASH.fullmatch(value) and way.given:
            self.stand_ins.assign(value, way.given)
        given = way.given if way.given else self.stand_ins.filled(value, "")
        result = {"menuId": heard["menuId"], "type": heard["type"], "value": given, "inputMethod": heard["inputMethod"]}
        room = {"conferenceId": heard["conferenceId"]} if "conferenceId" in heard else {}
        self._callback("pie", way, menuResult=result, **room)

    def _ace(self, turn: Recorded, way: Way) -> None:
        self._callback("ace", way, **_amd(turn.heard))

    def _dice(self, turn: Recorded, way: Way) -> None:
        heard = turn.heard
        self._callback("dice", way, **{name: heard[name] for name in ("result", "reason", "duration")})

    def _notify(self, turn: Recorded, way: Way) -> None:
        told = {name: each for name, each in turn.heard.items() if name not in ("event", "amd")}
        self._callback("notify", way, **self.stand_ins.filled(told, way.form), **_amd(turn.heard))

    def _patched(self, turn: Recorded, way: Way) -> None:
        session = self.session
        if session is not None and session.pending:
            wish = orjson.loads(session.pending)
            self.service.patched(self.key, wish["redo"], wish["at"])

    def _refused(self, turn: Recorded, way: Way) -> None:
        self._wanted = False
        self.service.refused(self.key, self.stand_ins.filled(turn.heard["reason"], way.form))

    def _lost(self, turn: Recorded, way: Way) -> None:
        self.service.give_up(self.key)

    # --- both ----------------------------------------------------------------------------------------------

    def _start(self, turn: Recorded, way: Way) -> None:
        heard = turn.heard
        program = self.library.programs.get(heard["flow"])
        if program is None:
            raise _Gone(f"there is no flow {heard['flow']}")
        inputs = self._inputs(program, heard["inputs"], way)
        if program.channel == "voice":
            self.key = self.service.dial(program.name, inputs, "session")[0]
            return
        channel = heard.get("channel") or self._channel(turn) or program.image["channels"][0]
        self._know(turn, channel)
        address = Address(APP, channel, self._identity(channel))
        self.service.chats.begin(program.name, address, inputs, heard.get("state", ""))

    def _inputs(self, program: Program, told: Mapping[str, Any], way: Way) -> dict[str, Any]:
        found = {}
        for name, value in told.items():
            kind = program.image["inputs"].get(name, {}).get("type", "text")
            form: Form = "+" if kind == "phone" else "int" if kind == "number" else way.form
            hidden = value == HIDDEN
            found[name] = _HIDDEN_INPUT.get(kind, "Words") if hidden else self.stand_ins.filled(value, form)
        return found

    def _outside(self, turn: Recorded, way: Way) -> None:
        self.service.event(self.key, turn.heard["name"], self.stand_ins.filled(turn.heard["data"], way.form))

    def _elapsed(self, turn: Recorded, way: Way) -> None:
        self.service.event(self.key, "elapsed")

    # --- conversations -------------------------------------------------------------------------------------

    def _channel(self, turn: Recorded) -> str:
        """The channel that the conversation is on, as far as anything heard says."""
        return next((each.heard["channel"] for each in self.turns if "channel" in each.heard), "")

    def _identity(self, channel: str) -> str:
        return "12025550142" if is_phone(channel) else "contact"

    def _sender(self, turn: Recorded) -> str:
        """The business's side: the flow may begin for one of its numbers only."""
        for kind, value, _ in self.library.program(turn.begun).image["triggers"]:
            if kind == "number":
                return str(value).removeprefix("+")
        return "12025550199"

    def _know(self, turn: Recorded, channel: str) -> None:
        """The conversation's key, and what was known of the contact before this turn."""
        identity = self._identity(channel)
        own = talk_key(APP, channel, identity, APP if channel in contents.SCOPED else "")
        self.key = self.key or own
        if own != self.key:
            self.store.merge(Record(talk_record(own), orjson.dumps({"session": self.key})))
        known = next((each for asker, each in turn.recorded if asker == "contact"), None)
        if not isinstance(known, Mapping):
            return
        known = self.stand_ins.filled(known)
        number = phone(channel, identity)
        self._remember(contact_record(number, own), {name: each for name, each in known.items() if name != "out"})
        self._remember(talk_record(own if number else self.key), {"out": known.get("out", False)})

    def _remember(self, key: str, told: Mapping[str, Any]) -> None:
        """The record says this of a contact, and nothing else of them."""
        old = orjson.loads(self.store.record(key) or b"{}")
        if "out" in told:
            self.store.merge(Record(key, orjson.dumps(told)))
            return
        patch: dict[str, Any] = {name: told.get(name) for name in ("name", "language", "timezone")}
        for name in ("fields", "tags"):
            gone = dict.fromkeys(old.get(name, {}))
            patch[name] = {**gone, **told.get(name, {})}
        self.store.merge(Record(key, orjson.dumps(patch)))

    def _message(self, turn: Recorded, way: Way) -> None:
        heard = turn.heard
        channel = heard["channel"]
        self._know(turn, channel)
        content = self._content(heard, way)
        body = self._bodies.inbound(content, channel, self._identity(channel), self._sender(turn))
        self.service.chats.webhook(orjson.dumps(body))

    def _content(self, heard: Mapping[str, Any], way: Way) -> dict[str, Any]:
        kind = heard["kind"]
        text = way.given or self.stand_ins.filled(heard.get("text", ""), _written(way.form))
        if kind == "tap":
            value = way.given or self.stand_ins.filled(heard.get("choice", ""), _written(way.form))
            return contents.tap("message", f"{value}#{way.tag}" if way.tag else value)
        if kind == "media":
            return contents.media(self.stand_ins.filled(heard.get("media", HIDDEN), _written(way.form)), text)
        if kind == "location":
            place = heard.get("location", HIDDEN)
            place = {"latitude": 59.33, "longitude": 18.06, "title": "", "label": ""} if place == HIDDEN else place
            place = self.stand_ins.filled(place)
            return contents.location(place["latitude"], place["longitude"], place["title"], place["label"])
        if kind == "text":
            return contents.text(text)
        return _OTHER.get(kind, contents.fallback)()

    def _link(self, turn: Recorded, way: Way) -> None:
        channel, payload = turn.heard["channel"], self.stand_ins.filled(turn.heard["payload"], way.form)
        self._know(turn, channel)
        body = self._bodies.event(contents.link(payload, payload), channel, self._identity(channel))
        self.service.chats.webhook(orjson.dumps(body))

    def _timer(self, turn: Recorded, way: Way) -> None:
        self._known_again(turn)
        self.service.woken(self.key)

    def _receipt(self, turn: Recorded, way: Way) -> None:
        self._known_again(turn)
        session = self.session
        row = session.talk.row if session is not None and session.talk is not None else ""
        self.service.chats.undelivered(row, self.stand_ins.filled(turn.heard["reason"], way.form))

    def _consent(self, turn: Recorded, way: Way) -> None:
        channel = self._here(turn)
        self._know(turn, channel)
        body = self._bodies.consent(turn.heard["out"], channel, self._identity(channel))
        self.service.chats.webhook(orjson.dumps(body))

    def _called(self, turn: Recorded, way: Way) -> None:
        self._known_again(turn)
        session = self.session
        if session is None or session.talk is None:
            return
        heard = turn.heard
        result = self.stand_ins.filled(heard["result"] if heard["result"] != HIDDEN else {}, way.form)
        about = {"session": self.key, "state": session.place, "turn": session.talk.asked}
        self.service.chats.called({**about, "outcome": heard["outcome"], "result": result})

    def _known_again(self, turn: Recorded) -> None:
        if self.key and self.session is not None:
            self._know(turn, self._here(turn))

    def _here(self, turn: Recorded) -> str:
        session = self.session
        talk = session.talk if session is not None else None
        return talk.channel if talk is not None else self._channel(turn) or "SMS"

    # --- telling -------------------------------------------------------------------------------------------

    def _told(self, turn: Recorded, differs: Differs) -> Difference:
        heard = dict(turn.heard)
        return Difference(
            turn.n, turn.at, turn.flow, turn.event, turn.source, turn.path, *differs, self._because(turn), heard
        )

    def _because(self, turn: Recorded) -> str:
        if self.unasked:
            return f"it now asks {self.unasked[0]}, which was not asked then"
        decided = [each for turned in self.turned for each in turned.trail if isinstance(each, Decided)]
        for (_, source, true), now in zip(turn.because, decided, strict=False):
            if now.source == source and now.true != true:
                return f"{self._guard(now)} (then it was {'true' if true else 'false'})"
        expected = Step("state", turn.target) if turn.target else Step("ends")
        return because(expected, self.turned, self.replayer.book)

    def _guard(self, step: Decided) -> str:
        flow = self.replayer.book.flows.get(step.flow)
        values = "; ".join(f"{name} is {value}" for name, value in shown(step, flow).items())
        place = f"{flow.file}:{step.line}" if flow is not None else f"line {step.line}"
        return f"{place}: {step.source} is {'true' if step.true else 'false'}{'; ' + values if values else ''}"


class _Gone(Exception):
    """What is needed for a turn is not in the flows any more: one phrase."""


def _amd(heard: Mapping[str, Any]) -> dict[str, Any]:
    return {"amd": {**heard["amd"], "duration": 1}} if "amd" in heard else {}


def _written(form: Form) -> Form:
    """Texts hold no numbers of JSON."""
    return "" if form == "int" else form


_HIDDEN_INPUT = {"phone": "+12025550142", "number": 1, "digits": "4821", "boolean": True, "record": {}, "list": []}
_OTHER = {
    "product": lambda: contents.products("1"),
    "channel_specific": lambda: contents.form({}),
    "unknown": contents.typing,
}
_HEAR = {
    "ice": Play._ice,
    "pie": Play._pie,
    "ace": Play._ace,
    "dice": Play._dice,
    "notify": Play._notify,
    "patched": Play._patched,
    "refused": Play._refused,
    "lost": Play._lost,
    "start": Play._start,
    "outside": Play._outside,
    "elapsed": Play._elapsed,
    "message": Play._message,
    "link": Play._link,
    "timer": Play._timer,
    "receipt": Play._receipt,
    "consent": Play._consent,
    "called": Play._called,
}
