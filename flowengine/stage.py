"""Flows played without a network: a store in memory, a clock that is moved by hand, servers that are declared.

Everything else is real: callbacks and webhooks go in as bytes, turns are stored, and the worker's own carriers place
calls, change them and send messages, which the :mod:`flowengine.simulator` then plays.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any, NamedTuple

import orjson

from flowengine.callbacks import Callback, call_key
from flowengine.delivery.message import Messages, Pace
from flowengine.delivery.occasion import Schedules
from flowengine.engine.fallback import fallbacks
from flowengine.engine.library import Library
from flowengine.engine.occasions import LATE, dated
from flowengine.engine.outcome import NotTaken
from flowengine.engine.person import contact_record
from flowengine.engine.session import Session, load
from flowengine.engine.trail import Step
from flowengine.fetch import Request, Response
from flowengine.linking import Program
from flowengine.scenarios.model import Server, Stub
from flowengine.service import Service, UnknownSession
from flowengine.simulator import CALLS, CannotAct, Chat, Phone, Seen, newest
from flowengine.sinch.conversation import Permanent
from flowengine.sinch.voice import VoiceError
from flowengine.starting import CannotStart, start_conversation
from flowengine.stores.base import Effect, Record, Write
from flowengine.stores.memory import MemoryStore
from flowengine.turns import Attempt, Result
from flowengine.values import coerce
from flowengine.webhooks import talk_key
from flowengine.worker import Worker

logging.getLogger("flowengine").addHandler(logging.NullHandler())  # a refusal that is played is no news
APP = "01HX2APP0000000000000000A1"
CALLER = "+12025550142"
"""Who calls and writes unless it is said."""
WITHHELD = "private"
MOST_AT_ONCE = 10_000
"""Things that may become due while time passes."""
MOST_NOW = 1000
"""Things that the worker may have to do while no time passes."""
FASTEST = 1e12
LEASE = 30.0


@dataclass(frozen=True, slots=True)
class World:
    """What surrounds a play. ``now`` is Unix seconds; ``random`` names what states of that kind draw.

    ``ask`` answers requests that no server is declared for; without it they are trouble.
    """

    now: float
    servers: tuple[Server, ...] = ()
    functions: Mapping[str, Stub] = field(default_factory=dict)
    random: Mapping[str, str] = field(default_factory=dict)
    contact: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    ask: Callable[[Request], Response] | None = None


@dataclass(frozen=True, slots=True)
class Turned:
    """One turn that was written: the event, the state it came to, the states gone through, and every step."""

    event: str
    source: str
    place: str
    path: tuple[str, ...]
    trail: tuple[Step, ...]
    flow: str


class Asked(NamedTuple):
    """An http step asked this, and got that; the ``more`` of what is seen of it."""

    request: Request
    response: Response


class Trouble(Exception):
    """The play itself cannot go on: one sentence, and what to do."""


class _Env(dict[str, str]):
    """Every name has a value: one that was not given is ``test``."""

    def get(self, key: str, default: Any = None) -> Any:
        return super().get(key, "test")


class Theatre:
    """Flows made ready to be played often. ``library`` is not changed."""

    def __init__(self, library: Library) -> None:
        programs = {name: _startable(each) for name, each in library.programs.items()}
        self.library = replace(library, programs=programs, tracked=True, use_blocks=False, app=APP)
        self.library.ready = fallbacks(self.library)

    def stage(self, flow: str, world: World) -> Stage:
        return Stage(self, self.library.programs[flow], world)


class Stage:
    """One play of one flow: its calls and the chat with its contact. What is observed gathers in ``seen``."""

    def __init__(self, theatre: Theatre, program: Program, world: World) -> None:
        self.program, self.world, self.now = program, world, world.now
        self.seen: list[Seen] = []
        self.turns: list[Turned] = []
        self.trouble = ""
        self.refusing = False
        self.posted: list[tuple[bytes, bytes | None]] = []
        """Callbacks (with their answers) and webhooks (None) of the last act."""
        self.key = ""
        self.phones: dict[str, Phone] = {}
        self._before: list[tuple[bytes, bytes | None]] = []
        self._played: list[tuple[Phone, bytes]] = []
        self._asked: dict[int, int] = {}
        self._over = self._told_over = False
        self._open(theatre)

    def _open(self, theatre: Theatre) -> None:
        world = self.world
        env = _Env({"CONVERSATION_APP_ID": APP, **world.env})
        known = theatre.library.env
        self.library = replace(theatre.library, env={name: env.get(name) for name in known})
        self.store = MemoryStore()
        self.service = Service(
            self.library,
            self.store,
            self._ask,
            env,
            self._call,
            clock=lambda: self.now,
            given=list(_draws(self.library, world.random)),
            heed=self._heed,
        )
        self.worker = Worker(self.service, self, "", self, LEASE)
        self.worker.carriers["send"] = Messages(self.worker.desk, self, 2 * LEASE, Pace(FASTEST))
        number = str(world.contact.get("number") or CALLER)
        self.chat = Chat(
            self._deliver,
            lambda: self.now,
            self.saw,
            APP,
            self._channel(),
            number.removeprefix("+"),
            self._business(),
        )
        if world.contact:
            self._know(number, world.contact)

    def _channel(self) -> str:
        listed = self.program.image.get("channels") or ["SMS"]
        return str(listed[0])

    def _business(self) -> str:
        for kind, value, _ in self.program.image["triggers"]:
            if kind == "number":
                return str(value).removeprefix("+")
        return "12025550199"

    def _know(self, number: str, contact: Mapping[str, Any]) -> None:
        """What is known of the contact before."""
        own = {name: contact[name] for name in ("name", "language", "timezone") if name in contact}
        declared = self.library.contact
        fields = {name: coerce(declared[name]["type"], each) for name, each in contact.items() if name in declared}
        tags = dict.fromkeys(contact.get("tags") or (), True)
        known = {"number": number, **own, "fields": fields, "tags": tags}
        record = Record(contact_record(number), orjson.dumps(known))
        occasions = list(self._occasions(record.key, fields, str(own.get("timezone", ""))))
        self.store.commit(Write("before", 0, b"{}", self.now, self.now, effects=occasions, records=[record]))

    def _occasions(self, contact: str, fields: Mapping[str, Any], timezone: str) -> Iterator[Effect]:
        """What the dates that are known of the contact will begin."""
        for name, value in fields.items():
            for wish in dated(self.library.occasions, name, value, contact, timezone, self.now):
                yield Effect(f"{name} {wish.due}", wish.kind, orjson.dumps(wish.payload), wish.due or 0.0)

    # --- what is observed ----------------------------------------------------------------------------------

    def saw(self, seen: Seen) -> None:
        if seen.kind in ("connects", "rings"):
            seen = seen._replace(name=self._dialled())
        self.seen.append(seen)

    def _dialled(self) -> str:
        """What the flow that is dialling calls the number, in ``may_dial``."""
        for session in self.sessions():
            program = self.library.programs.get(session.flow)
            node = program.states.get(session.place) if program is not None else None
            name = node.op.get("to") if node is not None else None
            if program is not None and name in program.may_dial:
                return str(name)
        return ""

    def _heed(self, attempt: Attempt[Any], result: Result) -> None:
        session, outcome = attempt.session, result.outcome
        path, trail = (tuple(outcome.path), tuple(outcome.trail)) if outcome is not None else ((), ())
        if result.told:
            self.turns.append(Turned(result.event, result.source, session.place, path, trail, session.flow))
        if session.talk is not None and session.id == self._talk_key:
            self._over, self.key = session.ended and not session.place, session.id
        if result.incident and not self.trouble:
            error = result.error
            why = str(error) if error is not None and str(error) else type(error).__name__
            self.trouble = f"the turn {result.event} at {result.source or self.program.name} broke: {why}"

    @property
    def session(self) -> Session | None:
        """The call or conversation as it is stored."""
        loaded = self.store.load(self.key) if self.key else None
        return load(loaded.session) if loaded is not None and loaded.session is not None else None

    @property
    def _talk_key(self) -> str:
        chat = self.chat
        return talk_key(APP, chat.channel, chat.identity)

    def sessions(self) -> Iterable[Session]:
        """The flow's own session and those of the calls it placed."""
        keys = [self.key, *(call_key(Callback(call_id=each)) for each in reversed(self.phones))]
        for key in dict.fromkeys(filter(None, keys)):
            found = self.store.load(key).session
            if found is not None:
                yield load(found)

    def variables(self) -> dict[str, Any]:
        """The variables of the flow that is played and of those that play it, by name."""
        session = self.session
        if session is None:
            return {}
        found: dict[str, Any] = {}
        for flow, values in [*((each["flow"], each["vars"]) for each in session.frames), (session.flow, session.vars)]:
            if flow in self.library.programs:
                found.update(self.library.programs[flow].defaults)
            found.update(values)
        return found

    def contact(self) -> dict[str, Any]:
        """What is known of the contact now: the declared fields, name, language, time zone, number and tags."""
        number = f"+{self.chat.identity}"
        known = orjson.loads(self.store.record(contact_record(number)) or b"{}")
        tags = sorted(name for name, on in known.get("tags", {}).items() if on)
        own = {name: known.get(name, "") for name in ("name", "language", "timezone", "number")}
        return {**own, **known.get("fields", {}), "tags": tags}

    # --- acts ----------------------------------------------------------------------------------------------

    def begin_act(self) -> None:
        """A person needs a second for whatever they do."""
        self.now += 1.0
        self._before, self.posted = self.posted, []
        self.seen.clear()

    def take_back(self) -> None:
        """An act that nobody could do, and of which nothing came, was none: no time has passed."""
        if not self.posted and not self.seen:
            self.now -= 1.0
            self.posted, self._before = self._before, []

    def end_act(self) -> None:
        """The worker does what is to be done; trouble that came up is raised. Raises :class:`Trouble`."""
        self.work()
        if self.trouble:
            raise Trouble(self.trouble)

    def dial(self, to: str = "", cli: str = CALLER, custom: str = "", headers: Mapping[str, str] | None = None) -> None:
        """Somebody calls the number, or the flow's own."""
        dialled = to or self._number()
        call_id = f"call-{len(self.phones) + 1}"
        phone = self.phones[call_id] = self._phone(call_id, custom)
        self.key = self.key or call_key(Callback(call_id=call_id))
        phone.dial(dialled, cli, headers)

    def _number(self) -> str:
        for kind, value, _ in self.program.image["triggers"]:
            if kind == "to":
                return str(value)
        if self.program.name == self.library.anyone:
            return "+12025550100"
        raise CannotAct(f"no number leads to {self.program.name}: it has no trigger `to`")

    def _phone(self, call_id: str, custom: str, outbound: bool = False) -> Phone:
        return Phone(self._post, lambda: self.now, self.saw, call_id, custom, outbound)

    def start(self, inputs: Mapping[str, Any]) -> None:
        """The flow is started from outside, as through the API."""
        data: dict[str, Any] = {"inputs": dict(inputs)}
        if self.program.channel == "message":
            to = f"+{self.chat.identity}" if self.chat.identity.isdigit() else self.chat.identity
            data |= {"to": to, "channel": self.chat.channel, "app": APP}
        try:
            key, _ = start_conversation(self.service, self.program.name, data)
        except CannotStart as error:
            raise CannotAct(f"the flow cannot be started so: {error}") from None
        self.key = key

    @property
    def phone(self) -> Phone:
        """The newest call that is not over, else the newest. Raises :class:`CannotAct` where there is none."""
        phone = newest(self.phones)
        if phone is None:
            raise CannotAct("there is no call")
        return phone

    def silence(self) -> None:
        """Nobody says anything until the question that stands gives up."""
        phone = self.phone
        if phone.stands != "menu":
            raise CannotAct(f"nothing is asked: {phone.situation}")
        heard = phone.heard
        while phone.heard == heard and phone.due is not None:
            self._until(phone.due)

    def wait(self, seconds: float) -> None:
        """Time passes, and whatever becomes due happens."""
        self._until(self.now + seconds)

    def event(self, name: str, data: Any = None) -> None:
        """Another program tells of an event."""
        try:
            self.service.event(self.key, name, data)
        except NotTaken:
            session = self.session
            place = session.place if session is not None else ""
            raise CannotAct(f"{place or 'what stands now'} takes no event {name}: its until does not name it") from None
        except UnknownSession:
            raise CannotAct("nothing has begun yet that an event could be for") from None

    def again(self) -> None:
        """The callbacks or webhooks of the last act are delivered a second time. Raises :class:`Trouble`."""
        if not self._before:
            raise CannotAct("the last act posted no callback that could come again")
        turns = len(self.turns)
        for body, answer in self._before:
            if answer is None:
                self._webhook(body)
            elif self.service.callback(body).body != answer:
                raise Trouble("the second copy of the callback got another answer than the first")
        self.work()
        if len(self.turns) > turns:
            raise Trouble(f"the second copy of the callback made a turn of its own: {self.turns[-1].event}")
        self.posted = self._before

    # --- time ----------------------------------------------------------------------------------------------

    def _until(self, target: float) -> None:
        for _ in range(MOST_AT_ONCE):
            due = self._next(target)
            if due > target:
                self.now = max(self.now, target)
                return
            self.now = max(self.now, due)
            for phone in list(self.phones.values()):
                if phone.due is not None and phone.due <= self.now:
                    phone.expire()
            self.work()
        raise Trouble(f"more than {MOST_AT_ONCE} things became due: something goes round in circles")

    @property
    def due(self) -> float | None:
        """When the next thing happens by itself (Unix seconds), dates that contacts have aside."""
        return min(self._dues(), default=None)

    def _dues(self) -> list[float]:
        upcoming = self.store.upcoming(self.now)
        dues = [each.due for each in self.phones.values() if each.due is not None]
        return dues if upcoming is None else [*dues, upcoming]

    def _next(self, target: float) -> float:
        """When the next thing happens by itself; later than ``target`` where nothing does before."""
        dues = self._dues()
        if self.library.occasions.schedules and self.now < target:
            dues.append(min(target, self.now + LATE / 2))
        return min(dues, default=target + 1)

    def work(self) -> None:
        """What the worker does now, and what becomes of it. Raises :class:`Trouble` where that has no end."""
        if self.library.occasions.schedules:
            Schedules(self.worker.desk).tick()
        for _ in range(MOST_NOW):
            if not self.worker.step() and not self._played:
                break
            played, self._played = self._played, []
            for phone, svaml in played:
                phone.play(svaml)
        else:
            raise Trouble(f"{MOST_NOW} things happened and no time passed: {self._round()} goes round in circles")
        if self._over != self._told_over:
            self._told_over = self._over
            if self._over:
                self.seen.append(Seen("ends"))

    def _round(self) -> str:
        """The states that the last turns went through."""
        states = [state for turn in self.turns[-3:] for state in (turn.source, *turn.path) if state]
        return " -> ".join(dict.fromkeys(states)) or "something"

    # --- the platform --------------------------------------------------------------------------------------

    def _post(self, body: bytes) -> bytes:
        answer = self.service.callback(body).body
        self.posted.append((body, answer))
        return answer

    def _deliver(self, body: bytes) -> None:
        self.posted.append((body, None))
        self.key = self._talk_key if self.program.channel == "message" else self.key
        self._webhook(body)

    def _webhook(self, body: bytes) -> None:
        if self.service.chats.webhook(body) != 200 and not self.trouble:
            self.trouble = "the webhook was not accepted"

    def custom_callout(self, ice: str, custom: str = "") -> str:
        """The platform places a call for the worker."""
        if self.refusing:
            raise VoiceError(403, 40300, "The platform refuses, as the scenario says.")
        call_id = f"call-{len(self.phones) + 1}"
        phone = self.phones[call_id] = self._phone(call_id, custom, outbound=True)
        self._played.append((phone, ice.encode()))
        return call_id

    def patch_call(self, call_id: str, svaml: bytes, url: str = "") -> None:
        """The platform changes a live call for the worker."""
        phone = self.phones.get(call_id) or self.phones.get(url.removeprefix(CALLS))
        if self.refusing or phone is None or phone.stands == "over":
            raise VoiceError(404, 40400, "The platform knows no such call.")
        self._played.append((phone, svaml))

    def send(self, body: Mapping[str, Any]) -> None:
        """The platform takes a message from the worker."""
        if self.refusing:
            raise Permanent(400, "The platform refuses, as the scenario says.")
        if self.program.channel == "message":
            self.chat.receive(body, self._is_question(body))
        else:
            self.chat.receive_elsewhere(body)

    def _is_question(self, body: Mapping[str, Any]) -> bool:
        row = str(body.get("message_metadata", ""))
        found = self.store.load(row.partition(".")[0]).session
        session = load(found) if found is not None else None
        return session is not None and session.talk is not None and session.talk.row == row and bool(session.place)

    # --- what flows ask outside ----------------------------------------------------------------------------

    def _ask(self, request: Request, budget: float) -> Response:
        response = self._answer(request)
        self.seen.append(Seen("requests", f"{request.method.upper()} {request.url}", more=Asked(request, response)))
        return response

    def _answer(self, request: Request) -> Response:
        for server in self.world.servers:
            if _serves(server, request):
                return self._in_turn(server)
        if self.world.ask is not None:
            return self.world.ask(request)
        url = request.url.partition("?")[0]
        declare = f"{{ {request.method.lower()}: {url}, answers: {{ … }} }}"
        method = request.method.upper()
        others = dict.fromkeys(each.method for each in self.world.servers if fnmatchcase(url, each.url))
        instead = f" (a {' and a '.join(others)} is declared for it, no {method})" if others else ""
        self.trouble = f"no server is declared for {method} {url}{instead}; add it to servers: {declare}"
        raise Trouble(self.trouble)

    def _in_turn(self, server: Server) -> Response:
        at = self._asked.get(id(server), 0)
        self._asked[id(server)] = at + 1
        answer = server.answers[min(at, len(server.answers) - 1)]
        return Response(0 if answer.failure else answer.status, answer.data, answer.failure)

    def _call(self, name: str, arguments: Mapping[str, Any], timeout: float) -> Any:
        stub = self.world.functions.get(name)
        if stub is None:
            return self.library.functions[name](**arguments)
        if stub.fails:
            raise RuntimeError("as the scenario says")
        return stub.result


def _startable(program: Program) -> Program:
    """A flow of messages that only others play can be started as well: scenarios play it by itself."""
    if program.channel != "message" or program.image["triggers"]:
        return program
    return replace(program, image={**program.image, "triggers": [["start", "api", {}]]})


def _serves(server: Server, request: Request) -> bool:
    return request.method.upper() == server.method and fnmatchcase(request.url.partition("?")[0], server.url)


def _draws(library: Library, wanted: Mapping[str, str]) -> Iterable[list[Any]]:
    """What chance says where a state is to draw a certain outcome."""
    for program in library.programs.values() if wanted else ():
        for name, outcome in wanted.items():
            node = program.states.get(name)
            if node is not None and node.kind is not None and node.kind.name == "random":
                yield [f"random {program.name}.{name}", _point(node.op["weights"], outcome, name)]


def _point(weights: list[list[Any]], outcome: str, state: str) -> float:
    """The middle of the stretch of 0 to 1 in which ``outcome`` is drawn."""
    total = sum(weight for _, weight in weights)
    edges = [0.0]
    for _, weight in weights:
        edges.append(edges[-1] + weight / total)
    for (name, _), (low, high) in zip(weights, pairwise(edges), strict=True):
        if name == outcome:
            return (low + high) / 2
    known = ", ".join(name for name, _ in weights)
    raise Trouble(f"the state {state} cannot draw {outcome}: its names are {known}")
