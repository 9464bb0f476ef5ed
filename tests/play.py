"""A telephone for tests: it plays compiled flows over a real store, and holds every answer against the schema."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson
from jsonschema import Draft202012Validator

from flowengine import simulator, turns
from flowengine.build import build
from flowengine.callbacks import Callback, call_key
from flowengine.engine.library import Library, open_library
from flowengine.engine.outcome import NotTaken
from flowengine.engine.session import Session, load
from flowengine.fetch import Request, Response
from flowengine.problems import errors
from flowengine.service import Service, fill_secrets
from flowengine.simulator import Seen
from flowengine.stores import Store, open_store

ROOT = Path(__file__).parent.parent
SCHEMA: dict[str, Any] = json.loads((ROOT / "schema" / "svaml.schema.json").read_text("utf-8"))
VALID = Draft202012Validator(SCHEMA)
CALLER = "+12025550142"
OPEN = "2026-11-20T10:00:00+00:00"
"""A Friday morning."""
CLOSED = "2026-11-21T22:00:00+00:00"
FOREVER = 10 * 365 * 86_400.0
ENV = {
    "RECORDINGS": "key:secret:eu-north-1",
    "GREETING": "Good morning",
    "TOKEN": "t0ken",
    "CRM_TOKEN": "t0ken",
    "MEETINGS_TOKEN": "t0ken",
}

Answer = dict[str, Any]
Server = Callable[[Request], Response]


@lru_cache(maxsize=32)
def built(paths: tuple[str, ...]) -> tuple[dict[str, Any], str]:
    """The artefact of some paths, relative to the project, and its revision; they must be free of errors."""
    found = build([str(ROOT / path) for path in paths])
    wrong = errors(found.problems)
    assert not wrong, "\n".join(f"{each.mark}: {each.message} [{each.rule}]" for each in wrong)
    assert found.artefact is not None
    return found.artefact, found.revision


def warnings(paths: Iterable[str]) -> list[str]:
    """What ``validate --strict`` would refuse."""
    found = build([str(ROOT / path) for path in paths], compiled=False)
    return [f"{each.mark}: {each.message} [{each.rule}]" for each in found.problems]


def of_calls(flows: Mapping[str, Any]) -> dict[str, Any]:
    """The voice flows among some: the only ones a telephone can play."""
    return {name: image for name, image in flows.items() if image["channel"] == "voice"}


@lru_cache(maxsize=32)
def library(paths: tuple[str, ...]) -> Library:
    artefact, revision = built(paths)
    artefact = {**artefact, "flows": of_calls(artefact["flows"])}
    return open_library(json.loads(json.dumps(artefact)), revision, ENV, b"test")


def nobody(request: Request) -> Response:
    return Response(0, "", "unreachable")


def ok(**data: Any) -> Server:
    """A server that always gives this."""
    return lambda request: Response(200, data)


def failing(status: int = 500) -> Server:
    return lambda request: Response(status, "")


class _Loud(Service):
    """Keeps what a turn raised, so that a test can show it."""

    failure: Exception | None = None

    def _broken(self, attempt: Any, callback: Any, error: Exception) -> Any:
        self.failure = error
        return Service._broken(self, attempt, callback, error)


@dataclass
class Phone:
    """One call to (or by) a flow. ``answer`` is the last SVAML, None where a callback got none.

    The session is read from the store before every step and written after it, as it would be by a worker. The
    REST API is played too: a callout is taken, a change of the live call becomes the answer. With ``refuse`` set
    they fail instead. What is heard of an answer, and what a key does, is the simulator's to say (``line``); when a
    call ends is the test's, so that the DICE of the simulator is held back.
    """

    paths: tuple[str, ...] = ("flows",)
    flow: str = ""
    store_url: str = "memory://"
    now: str = OPEN
    server: Server = nobody
    fuse: bool = True
    draw: float = 0.0
    caller: str | None = CALLER
    call_id: str = "call-1"
    inputs: dict[str, str] = field(default_factory=dict)
    call: Callable[[str, Mapping[str, Any], float], Any] | None = None
    fetch: Callable[[Request, float], Response] | None = None
    refuse: bool = False

    def __post_init__(self) -> None:
        self.library = replace(library(self.paths), fuse=self.fuse)
        self.time = datetime.fromisoformat(self.now).timestamp()
        self.store: Store = open_store(self.store_url)
        self.asked: list[Request] = []
        self.sent: list[dict[str, Any]] = []
        self.answers: list[Answer] = []
        self.answer: Answer | None = None
        self.seen: list[Seen] = []
        self.key = ""
        self.placed = 0
        self.service = _Loud(self.library, self.store, self._ask, ENV, self._call, clock=lambda: self.time)
        self._connect()

    def _connect(self, outbound: bool = False) -> None:
        """The call that ``call_id`` names is on the line."""
        custom = self._custom() or ""
        self.line = simulator.Phone(self._told, lambda: self.time, self.seen.append, self.call_id, custom, outbound)

    # --- what the world does -------------------------------------------------------------------------------

    def _ask(self, request: Request, budget: float) -> Response:
        self.asked.append(request)
        return self.fetch(request, budget) if self.fetch else self.server(request)

    def _call(self, name: str, arguments: Mapping[str, Any], timeout: float) -> Any:
        if self.call is not None:
            return self.call(name, arguments, timeout)
        return self.library.functions[name](**arguments)

    # --- what can be seen ----------------------------------------------------------------------------------

    @property
    def session(self) -> Session:
        loaded = self.store.load(self._key())
        assert loaded.session is not None, "there is no session"
        return load(loaded.session)

    def _key(self) -> str:
        return self.key or call_key(Callback(call_id=self.call_id))

    @property
    def place(self) -> str:
        return self.session.place

    @property
    def action(self) -> str:
        return str(self.answer["action"]["name"]) if self.answer else ""

    @property
    def said(self) -> str:
        """Everything that is heard of the last answer."""
        return " ".join(each.text for each in self.seen if each.kind == "hears")

    @property
    def menu(self) -> str:
        """The menu that plays, ``main`` where none does."""
        return str(self.line.entry["id"]) if self.line.stands == "menu" else "main"

    @property
    def ended(self) -> bool:
        return self.session.ended

    def journal(self) -> list[tuple[str, str, dict[str, Any]]]:
        """``(event, source, body)`` of every turn."""
        return [(row.event, row.source, orjson.loads(row.body)) for row in self.store.journal(self._key())]

    # --- callbacks -----------------------------------------------------------------------------------------

    def post(self, event: str, **fields: Any) -> Answer | None:
        """One callback; its answer must be of the schema. A failed turn is an AssertionError."""
        self.time += 1
        when = datetime.fromtimestamp(self.time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = {"event": event, "callid": self.call_id, "timestamp": when, "version": 1, **fields}
        return self.send(orjson.dumps({key: value for key, value in body.items() if value is not None}))

    def send(self, body: bytes) -> Answer | None:
        answer = self._post(body)
        if answer:
            self.line.play(answer)
        return self.answer if answer else None

    def _told(self, body: bytes) -> bytes:
        """What the line posts."""
        return b"" if orjson.loads(body)["event"] == "dice" else self._post(body)

    def _post(self, body: bytes) -> bytes:
        before = self.service.counters.get("failed_turn", 0)
        with patch.object(turns, "random", lambda: self.draw):
            reply = self.service.callback(body)
        assert reply.status == 200
        if self.service.counters.get("failed_turn", 0) > before:
            raise AssertionError(f"the turn failed: {body!r}") from self.service.failure
        self.work()
        if reply.body:
            self._answered(reply.body)
        return reply.body

    def _answered(self, body: bytes) -> None:
        self.answer = legal(body)
        self.answers.append(self.answer)
        self.seen.clear()

    def _hear(self, body: bytes) -> None:
        self._answered(body)
        self.line.play(body)

    def ice(self, **fields: Any) -> Answer | None:
        dialled = self.library.programs[self.flow].image["triggers"] if self.flow else []
        to = next((value for kind, value, _ in dialled if kind == "to"), "+12025550100")
        to_did = {"type": "did", "endpoint": to}
        url = "https://calling-euc1.api.sinch.com/calling/v1/calls/id/" + self.call_id
        given: dict[str, Any] = {"cli": self.caller, "to": to_did, "domain": "pstn", "callResourceUrl": url}
        return self.post("ice", **{**given, **fields})

    def pie(self, kind: str, value: str | None = None, menu: str | None = None) -> Answer | None:
        result = {"menuId": self.menu if menu is None else menu, "type": kind, "inputMethod": "dtmf"}
        if value is not None:
            result["value"] = value
        return self.post("pie", menuResult=result)

    def press(self, keys: str) -> Answer | None:
        """Keys, where the last answer takes the first: a jump to another of its menus posts nothing."""
        assert keys[0] in self.line.keys or self.line.takes_digits, f"key {keys[0]} is not taken here: {self.entry()}"
        self.time += 1
        self.line.press(keys)
        return self.answer

    def entry(self) -> dict[str, Any]:
        """The menu that plays now."""
        assert self.line.stands == "menu", f"no menu is playing but {self.answer}"
        return self.line.entry

    def digits(self, value: str) -> Answer | None:
        most = self.line.takes_digits
        assert most, f"no digits are collected here: {self.entry()}"
        return self.press(value[:most])

    def silence(self) -> Answer | None:
        """Nothing is pressed until the menu gives up; no time passes."""
        told = self.line.heard
        self.entry()
        self.time += 1
        while self.line.heard == told:
            self.line.expire()
        return self.answer

    def wrong_key(self) -> Answer | None:
        return self.pie("invalidinput")

    def hang_up(self) -> None:
        """The caller hangs up: within a menu the platform tells it twice."""
        if self.action == "runMenu":
            self.pie("hangup")
        self.dice()

    def ace(self, amd: str = "") -> Answer | None:
        fields = {"amd": {"status": amd, "reason": "", "duration": 1}} if amd else {}
        return self.post("ace", custom=self._custom(), **fields)

    def dice(self, reason: str = "CALLERHANGUP", result: str = "ANSWERED", duration: int = 10) -> Answer | None:
        given = {"from": self.caller or "private", "reason": reason, "result": result, "duration": duration}
        return self.post("dice", custom=self._custom(), **given)

    def no_answer(self) -> Answer | None:
        return self.dice("TIMEOUT", "NOANSWER", 0)

    def notify(self, kind: str, amd: str = "", **fields: Any) -> Answer | None:
        """A notification; where it changes the live call, that change is the answer."""
        before = len(self.answers)
        if amd:
            fields["amd"] = {"status": amd, "reason": ""}
        if kind.endswith("_available"):
            fields.setdefault("destination", f"s3://acme-calls/{self.call_id}.mp3")
        self.post("notify", type=kind, **fields)
        return self.answer if len(self.answers) > before else None

    def room_digits(self, value: str) -> None:
        self.time += 1
        self.line.press(value)

    def _custom(self) -> str | None:
        return f"fe.{self.key}" if self.key else None

    # --- what is no callback -------------------------------------------------------------------------------

    def dial(self, **inputs: str) -> Answer | None:
        """Start the flow as ``flowengine dial`` does; the answer is the callout's inline ICE."""
        self.answer = None
        self.key, _ = self.service.dial(self.flow, inputs or self.inputs)
        self.work()
        return self.answer

    def event(self, name: str, data: Any = None) -> Answer | None:
        """An event from outside; where it changes the live call, that change is the answer."""
        self.time += 1
        before = len(self.answers)
        self.service.event(self._key(), name, data)
        self.work()
        return self.answer if len(self.answers) > before else None

    def due(self) -> float:
        """Seconds until the session's timer; fails where there is none."""
        found = self.store.due(self.time + FOREVER, 0.0)
        assert found, "no timer is set"
        return found[0].due - self.time

    def wake(self) -> Answer | None:
        """Let time pass until the timer is due, and fire it."""
        found = self.store.due(self.time + FOREVER, 0.0)
        assert found, "no timer is set"
        self.time = max(self.time, found[0].due)
        before = len(self.answers)
        with suppress(NotTaken):
            self.service.event(self._key(), "elapsed")
        self.store.fired(found[0])
        self.work()
        return self.answer if len(self.answers) > before else None

    def pass_time(self, seconds: float) -> None:
        self.time += seconds

    def work(self) -> None:
        """What the worker would do: place calls, change them, keep what is to be sent."""
        for leased in self.store.take(self.time, 1.0):
            payload = orjson.loads(leased.payload)
            self.store.settle(leased)
            _WORK[leased.kind](self, payload, leased.session)

    def _callout(self, payload: Answer, session: str) -> None:
        if self.refuse:
            self.service.refused(session, "refused")
            return
        self.placed += 1
        self.call_id = f"out-{self.placed}"
        self._connect(outbound=True)
        self._hear(fill_secrets(payload["ice"].encode(), ENV))
        self.service.called(session, self.call_id, "")

    def _patch(self, payload: Answer, session: str) -> None:
        if self.refuse:
            self.service.refused(session, "refused")
            return
        self._hear(fill_secrets(payload["svaml"].encode(), ENV))
        self.service.patched(session, payload["redo"], payload["at"])
        self.work()

    def _send(self, payload: Answer, session: str) -> None:
        self.sent.append(payload)

    def _http(self, payload: Answer, session: str) -> None:
        self.asked.append(
            Request(payload["request"]["method"], payload["request"]["url"], json=payload["request"]["json"])
        )

    # --- steps as words ------------------------------------------------------------------------------------

    def do(self, step: str) -> Answer | None:
        """A step as one reads it: ``press 1``, ``digits 1234``, ``ace human``, ``event agent_ready``, …"""
        before = len(self.answers)
        word, _, rest = step.partition(" ")
        getattr(self, f"_do_{word}")(rest)
        return self.answers[-1] if len(self.answers) > before else None

    def play(self, *steps: str) -> Answer | None:
        found = None
        for step in steps:
            found = self.do(step)
        return found

    def _do_ice(self, rest: str) -> None:
        self.ice()

    def _do_dial(self, rest: str) -> None:
        self.dial()

    def _do_press(self, rest: str) -> None:
        self.press(rest)

    def _do_digits(self, rest: str) -> None:
        self.digits(rest)

    def _do_silence(self, rest: str) -> None:
        self.silence()

    def _do_long(self, rest: str) -> None:
        """The silence in which a wait is over."""
        self.time = max(self.time, self.session.until)
        self.silence()

    def _do_menu(self, rest: str) -> None:
        self.pie({"wrong": "invalidinput"}.get(rest, rest))

    def _do_ace(self, rest: str) -> None:
        self.ace(rest)

    def _do_dice(self, rest: str) -> None:
        self.no_answer() if rest else self.dice()

    def _do_notify(self, rest: str) -> None:
        kind, _, amd = rest.partition(" ")
        self.notify(kind, amd)

    def _do_event(self, rest: str) -> None:
        self.event(rest)

    def _do_wake(self, rest: str) -> None:
        self.wake()

    def _do_room(self, rest: str) -> None:
        self.room_digits(rest)

    def _do_refuse(self, rest: str) -> None:
        self.refuse = True


_WORK: dict[str, Callable[[Phone, Answer, str], None]] = {
    "callout": Phone._callout,
    "patch": Phone._patch,
    "send": Phone._send,
    "http": Phone._http,
}


def legal(body: bytes) -> Answer:
    """The answer in a body, held against the schema."""
    answer: Answer = orjson.loads(body)
    assert orjson.dumps(answer) == body, "written otherwise than orjson writes it"
    wrong = [f"{'/'.join(map(str, each.absolute_path))}: {each.message}" for each in VALID.iter_errors(answer)]
    assert not wrong, f"{wrong}\n{body.decode()}"
    return answer


# --- playing everything --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Played:
    """One step of an exploration: the steps before it, itself last, and what was answered (None: nothing)."""

    steps: tuple[str, ...]
    answer: Answer | None
    event: str
    source: str
    place: str
    path: tuple[str, ...]


Make = Callable[[], Phone]


def explore(make: Make, most: int = 400, depth: int = 8) -> list[Played]:
    """Every simple event at every place that can be reached, each once; ``make`` gives a fresh phone."""
    first = "dial" if make().library.programs[make().flow].image["entries"][:1] == ["O"] else "ice"
    todo: list[tuple[str, ...]] = [(first,)]
    seen: set[bytes] = set()
    found: list[Played] = []
    while todo and len(found) < most:
        steps = todo.pop(0)
        phone = make()
        phone.play(*steps[:-1])
        turns = len(phone.journal()) if len(steps) > 1 else 0
        answer = phone.do(steps[-1])
        found.extend(_played(phone, steps, answer, turns))
        sign = _sign(phone)
        if sign not in seen and len(steps) < depth:
            seen.add(sign)
            todo.extend((*steps, each) for each in moves(phone))
    return found


def _played(phone: Phone, steps: tuple[str, ...], answer: Answer | None, turns: int) -> Iterator[Played]:
    rows = phone.journal()[turns:]
    for event, source, body in rows or [("", "", {})]:
        yield Played(steps, answer, event, source, phone.place, tuple(body.get("path", ())))


def _sign(phone: Phone) -> bytes:
    session = phone.session
    kept = (session.flow, session.place, session.pos, session.retries, session.visits, session.armed, phone.menu)
    more = (session.ended, session.over, session.lang, bool(session.until), phone.action, session.back, phone.refuse)
    return orjson.dumps([*kept, *more])


def moves(phone: Phone) -> list[str]:
    """The simple events that may come now."""
    session = phone.session
    late = [f"notify {name}" for name in _LATE if "recording" in session.armed]
    if session.over and not session.place:
        return late
    node = phone.library.programs[session.flow].states.get(session.place)
    if node is None or node.kind is None:
        return ["dice", *late]
    own = _MOVES.get(phone.action if session.pos not in ("N",) and not session.over else "", _timed)(phone, node.op)
    events = [f"event {name}" for name in node.op.get("until") or ()]
    refused = ["refuse it"] if events and not phone.refuse else []
    return [*own, *events, *refused, *late]


_LATE = ("recording_finished", "recording_available", "transcription_available")


def _timed(phone: Phone, op: Any) -> list[str]:
    return ["wake"] if phone.store.due(phone.time + FOREVER, 0.0) else []


def _menu_moves(phone: Phone, op: Any) -> list[str]:
    keys = [f"press {each}" for each in phone.line.keys]
    own = op.get("fused", {}).get("ops", {}).get(_state_of(op, phone.menu), op)
    if phone.line.takes_digits:
        low = own.get("digits", (1, 1))[0]
        keys += [f"digits {'1234567890' * 2}"[: 7 + low], *(["digits 9"] if low > 1 else [])]
    waited = ["long silence"] if phone.session.until else []
    return [*keys, "silence", *waited, *(["menu wrong"] if keys else []), "menu error", "menu hangup", "dice"]


def _state_of(op: Any, menu: str) -> str:
    return str(op.get("fused", {}).get("states", {}).get(menu, ""))


def _bridge_moves(phone: Phone, op: Any) -> list[str]:
    assert phone.answer is not None
    action = phone.answer["action"]
    ends = ["dice", "dice no answer"]
    if action.get("suppressCallbacks"):
        return []
    if phone.session.call["answered"] and op.get("amd") != "async":
        return ["dice"]
    if op.get("amd") == "async":
        verdicts = [f"notify amd {each}" for each in _VERDICTS]
        return ["ace inprogress", "ace human", *verdicts, "notify amd_beep", *ends]
    return [*([f"ace {each}" for each in _VERDICTS] if op.get("amd") else []), "ace", *ends]


_VERDICTS = ("human", "machine", "notsure", "hangup")


def _room_moves(phone: Phone, op: Any) -> list[str]:
    return [*(["room 1"] if phone.line.listens else []), "dice"]


_MOVES: dict[str, Callable[[Phone, Any], list[str]]] = {
    "runMenu": _menu_moves,
    "connectPstn": _bridge_moves,
    "connectSip": _bridge_moves,
    "continue": _bridge_moves,
    "connectMxp": lambda phone, op: ["dice"],
    "connectStream": lambda phone, op: ["dice"],
    "connectConf": _room_moves,
    "park": lambda phone, op: [*_timed(phone, op), "dice"],
    "hangup": lambda phone, op: ["dice"],
}
