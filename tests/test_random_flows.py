"""What validate accepts never raises at run time, answers legally, and goes only where the analysis says.

Random flows meet random callbacks: fitting ones, and stale, doubled, mistyped and misplaced ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from typing import Any

import orjson
import pytest
from generate import CALENDARS, DIALLED, ENTRY, RAW, RAW_INSTRUCTIONS, Generated, chances, project_of, projects
from hypothesis import given
from play import VALID
from stage import Draw, Stage, built, jitter, predicted, profile

from flowengine.build import Built
from flowengine.callbacks import Callback, call_key
from flowengine.engine.call_turn import CallTurn
from flowengine.engine.outcome import NotTaken, Outcome
from flowengine.problems import errors
from flowengine.service import UnknownSession
from flowengine.states import KINDS
from flowengine.svaml import PERMISSION, POSITIONS, Position, after_input

ENV = {"RECORDINGS": "key:secret:eu-north-1", "TOKEN": "t0ken", "GREETING": "Good morning"}
TEXTS = (
    "",
    "gold",
    "x];#href[https://evil.example/a.wav];#tts[",
    "{{ 7*7 }}",
    "a\nb\tc\0",
    "‮abc﻿",
    "'\"\\/<>&%",
    "ä" * 700,
    "long words " * 90,
    "[1, 2]",
)
CALLERS = ("+12025550142", "12025550142", "private", "", None, "Bob <+12025550142>", "bob", "+1900", 7)
RESPONSES: tuple[Any, ...] = (
    {"tier": "gold", "count": 4},
    {"tier": None, "count": "many"},
    {"tier": TEXTS[2], "count": 1e30},
    {"tier": ["a"], "count": True, "status": "x"},
    [1, 2],
    "text",
    None,
)
MENU_TYPES = ("return", "sequence", "timeout", "invalidinput", "hangup", "error", "Return", "odd", "", None, 5)
VERDICTS = ("human", "machine", "notsure", "hangup", "inprogress", "odd", "", None)
NOTICES = (
    "recording_finished", "recording_available", "transcription_available", "transcription_complete", "amd",
    "amd_beep", "callingerror", "odd", None,
)  # fmt: skip


@dataclass
class Seen:
    """What the engine did in one run of a flow, told by wrapped methods of the turn."""

    visited: set[tuple[str, str, Position]] = field(default_factory=set)
    acted: set[tuple[str, str, Position]] = field(default_factory=set)
    cells: set[tuple[str, Position]] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)
    positions: list[Position] = field(default_factory=list)


@contextmanager
def watched(seen: Seen) -> Iterator[None]:
    visit, act, outcome = CallTurn._visit, CallTurn._act, CallTurn.outcome

    def visits(self: CallTurn, name: str) -> str:
        if node := self.program.states.get(name):
            seen.visited.add((self.program.name, name, self.position))
            seen.kinds.add(node.kind.name if node.kind else "")
        return visit(self, name)

    def acts(self: CallTurn, node: Any) -> str:
        seen.acted.add((self.program.name, node.name, self.position))
        return act(self, node)

    def outcomes(self: CallTurn) -> Outcome:
        found = outcome(self)
        seen.positions.append(found.position)
        if found.body:
            seen.cells |= {(name, found.position) for name in names(orjson.loads(found.body))}
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CallTurn, "_visit", visits)
        patch.setattr(CallTurn, "_act", acts)
        patch.setattr(CallTurn, "outcome", outcomes)
        yield


def names(answer: Mapping[str, Any]) -> list[str]:
    return [each["name"] for each in (*answer.get("instructions", ()), answer["action"])]


@lru_cache(maxsize=20_000)
def wrong(body: bytes) -> str:
    """What the schema has against an answer."""
    return "; ".join(each.message for each in VALID.iter_errors(orjson.loads(body)))


class Line(Stage):
    """One call of a flow, with everything around it: caller, platform, worker, servers, functions and time."""

    env = ENV
    responses = RESPONSES

    def __init__(self, found: Built, outbound: bool, draw: Draw) -> None:
        super().__init__(found, draw, 1795000000.0)
        self.library.fuse = draw((True, True, False))
        self.library.use_blocks = draw((True, False))
        self.call_id = "call-1"
        self.key = call_key(Callback(call_id=self.call_id))
        self.calls = 1
        self.seen = Seen()
        self.outbound = outbound
        self.last: tuple[bytes, bytes] | None = None

    # --- what holds after every step -----------------------------------------------------------------------

    def check(self) -> None:
        assert self.service.counters.get("failed_turn", 0) == 0
        for row in self.store.journal(self.key):
            assert "incident" not in orjson.loads(row.body), row

    def answered(self, body: bytes, where: tuple[Position, ...]) -> None:
        if not body:
            return
        assert not wrong(body), body
        for name in names(orjson.loads(body)):
            assert any(PERMISSION[name][position] != "-" for position in where), (name, where, body)

    def where(self, event: str) -> tuple[Position, ...]:
        """What an answer to this callback may be taken for, told by the session alone."""
        session = self.session()
        if event == "ice" or session is None:
            return ("I", "Pi")
        if event == "ace":
            return ("A",) if session.pos == "O" else ("B",)
        return (after_input("I" if session.pos in ("N", "O") else session.pos),)  # type: ignore[arg-type]

    # --- callbacks -----------------------------------------------------------------------------------------

    def post(self, event: str, **fields: Any) -> None:
        self.time += self.draw((0, 1, 1, 5, 30, 1000))
        body = {"event": event, "callid": self.call_id, "timestamp": f"t{self.time}", "version": 1, **fields}
        if self.outbound and self.draw((True, False)):
            body.setdefault("custom", f"fe.{self.key}")
        self.send(event, orjson.dumps(body))

    def send(self, event: str, body: bytes) -> None:
        where = self.where(event)
        reply = self.service.callback(body)
        assert reply.status == 200
        self.answered(reply.body, where)
        if event in ("dice", "notify"):
            assert reply.body == b""
        if event == "ice":
            assert reply.body
        self.last = (body, reply.body)
        self.work()
        self.check()

    def again(self) -> None:
        """The last callback a second time: the same bytes, and nothing else."""
        if self.last is None:
            return
        rows = len(self.store.journal(self.key))
        before = self.store.load(self.key)
        reply = self.service.callback(self.last[0])
        assert (reply.status, reply.body) == (200, self.last[1])
        assert len(self.store.journal(self.key)) == rows
        assert self.store.load(self.key) == before

    def start(self) -> None:
        if self.outbound:
            self.key, _ = self.service.dial("main", {"friend": "+12025550144"})
            self.work()
            return
        to = {"type": "did", "endpoint": ENTRY}
        headers = [{"key": "X-Note", "value": self.draw(TEXTS)}]
        self.post("ice", cli=self.draw(CALLERS), to=to, custom=self.draw(TEXTS), callHeaders=headers)

    # --- the worker ----------------------------------------------------------------------------------------

    def work(self) -> None:
        """Calls are placed and changed, or refused; a changed call tells of it before or after."""
        for leased in self.store.take(self.time, 1.0):
            payload = orjson.loads(leased.payload)
            self.store.settle(leased)
            if leased.kind not in ("callout", "patch"):
                continue
            if self.draw((False, False, False, True)):
                self.service.refused(leased.session, "refused")
            elif leased.kind == "callout":
                self.calls += 1
                self.call_id = f"call-{self.calls}"
                self.answered(payload["ice"].encode(), ("O",))
                self.service.called(leased.session, self.call_id, "")
            else:
                self.answered(payload["svaml"].encode(), ("K", "L", "C"))
                self.service.patched(leased.session, payload["redo"], payload["at"])
        self.check()

    def wake(self) -> None:
        for leased in self.store.due(self.time + 30 * 86400, 0.0):
            self.time = max(self.time, leased.due)
            self.outside("elapsed")
            self.store.fired(leased)

    def outside(self, name: str) -> None:
        with suppress(NotTaken, UnknownSession):
            self.service.event(self.key, name, self.draw((None, {"a": 1}, "text", [1])))
        self.work()
        self.check()

    # --- what may happen -----------------------------------------------------------------------------------

    def step(self) -> None:
        session = self.session()
        kind = ""
        if session is not None and session.place:
            node = self.library.programs[session.flow].states[session.place]
            kind = node.kind.name if node.kind is not None else ""
            if kind == "svaml":
                kind = RAW_KINDS.get(node.op["name"], "connect")
        fitting = FITTING.get(kind)
        if fitting and self.draw((True, True, True, True, False)):
            getattr(self, f"_{self.draw(fitting)}")()
        else:
            getattr(self, f"_{self.draw(ANY)}")()

    def _choose(self) -> None:
        """A key that the place takes."""
        session = self.session()
        assert session is not None
        node = self.library.programs[session.flow].states[session.place]
        fused = node.op.get("fused") or {"menus": {node.name: "main"}, "ops": {node.name: node.op}}
        name = self.draw(sorted(fused["menus"]))
        op = fused["ops"][name]
        menu = fused["menus"][name] if self.library.fuse else "main"
        if "digits" in op and name in fused["menus"]:
            self._pie("sequence", self.draw(("0000", "1234", "12", "5")), menu)
        else:
            values = sorted(op.get("choices") or {"recorded": ""})
            self._pie("return", self.draw(values), menu)

    def _pie(self, kind: Any, value: Any, menu: Any = "main") -> None:
        self.post("pie", menuResult={"menuId": menu, "type": kind, "value": value, "inputMethod": "dtmf"})

    def _silent(self) -> None:
        self._pie(self.draw(("timeout", "timeout", "invalidinput", "error")), None)

    def _hang(self) -> None:
        self._pie("hangup", None)

    def _odd_pie(self) -> None:
        value = self.draw(("1", "²", "٣", "0" * 3000, "nothing", "repeat", "back", None, 12, {"a": 1}))
        self._pie(self.draw(MENU_TYPES), value, self.draw(("main", "main-2", "gone", "", None, "menu_1")))

    def _room(self) -> None:
        result = {"menuId": "lobby", "type": "sequence", "value": self.draw(("1", "12", ""))}
        self.post("pie", conferenceId="lobby", menuResult=result)

    def _ace(self) -> None:
        status = self.draw(VERDICTS)
        amd = {"amd": {"status": status, "reason": "n/a"}} if status is not None else {}
        self.post("ace", **amd)

    def _dice(self) -> None:
        result = self.draw(("ANSWERED", "NOANSWER", "FAILED", "odd", None))
        self.post("dice", reason=self.draw(("CALLERHANGUP", "TIMEOUT", 4)), result=result, duration=self.draw((0, 9)))

    def _notify(self) -> None:
        amd = {"status": self.draw(VERDICTS), "reason": "beep"}
        self.post("notify", type=self.draw(NOTICES), amd=amd, destination=self.draw(("s3://acme/a.mp3", None)))

    def _verdict(self) -> None:
        amd = {"status": self.draw(("human", "machine", "notsure", "hangup")), "reason": "beep"}
        self.post("notify", type=self.draw(("amd", "amd_beep")), amd=amd)

    def _recorded(self) -> None:
        self.post("notify", type=self.draw(NOTICES[:3]), destination="s3://acme/a.mp3")

    def _event(self) -> None:
        self.outside(self.draw(("ready", "moved", "noted", "elapsed", "odd")))

    def _wake(self) -> None:
        self.wake()

    def _again(self) -> None:
        self.again()

    def _ice(self) -> None:
        self.post("ice", to={"type": "did", "endpoint": ENTRY}, cli="+12025550142")

    def _odd(self) -> None:
        body = self.draw(
            (
                b"",
                b"null",
                b"[]",
                b'{"event":"pie"}',
                b'{"event":"later","callid":"call-1"}',
                b'{"event":"ice","event":"x"}',
            )
        )
        assert self.service.callback(body).status == 200


RAW_KINDS = {"runMenu": "menu", "park": "park", "connectConf": "conference"}
FITTING: dict[str, tuple[str, ...]] = {
    "menu": ("choose", "choose", "choose", "silent", "hang"),
    "collect": ("choose", "choose", "choose", "silent", "hang"),
    "voicemail": ("choose", "silent", "hang", "recorded"),
    "wait": ("silent", "silent", "event", "wake", "choose", "hang"),
    "connect": ("ace", "ace", "verdict", "dice"),
    "dial": ("ace", "ace", "verdict", "dice"),
    "conference": ("event", "event", "room", "dice"),
    "park": ("event", "event", "wake", "wake", "dice"),
}
ANY = (
    "odd_pie",
    "odd_pie",
    "silent",
    "ace",
    "dice",
    "notify",
    "recorded",
    "event",
    "wake",
    "again",
    "room",
    "odd",
    "ice",
)


def again_at(position: Position) -> tuple[Position, ...]:
    """Where a place acts again: a menu's own prompt after its own input, a wait at its timer."""
    if position in ("N", "O"):
        return ("N", "O")
    return (after_input(position), *(("K",) if position == "I" else ()))


def play(found: Built, outbound: bool, draw: Draw, steps: int) -> Seen:
    """One call of random steps, and what held after each; at last, that no more happened than was predicted."""
    line = Line(found, outbound, draw)
    with watched(line.seen), jitter(draw):
        line.start()
        for _ in range(steps):
            line.step()
    known = predicted(found)
    assert line.seen.visited <= known, sorted(line.seen.visited - known)
    own = {(flow, name, again) for flow, name, at in known for again in again_at(at)}
    assert line.seen.acted <= known | own, sorted(line.seen.acted - known - own)
    return line.seen


ALLOWED = {(name, position) for name, row in PERMISSION.items() for position in POSITIONS if row[position] != "-"}
PROFILE = profile(400)


def test_random_flows_meet_random_callbacks() -> None:
    seen, tried, accepted = Seen(), 0, 0

    @PROFILE
    @given(project=projects(), chance=chances())
    def run(project: Generated, chance: Random) -> None:
        nonlocal tried, accepted
        tried += 1
        found = built(project)
        if errors(found.problems):
            return
        accepted += 1
        for _ in range(2):
            played = play(found, project.outbound, chance.choice, 14)
            seen.cells.update(played.cells)
            seen.kinds.update(played.kinds)

    run()
    assert accepted >= tried / 2, f"only {accepted} of {tried} flows pass their own checks"
    assert {name for name, kind in KINDS.items() if "voice" in kind.channels} <= seen.kinds
    # Random search alone must reach most of the table; all of it is reached below, cell by cell.
    assert len(seen.cells) >= 0.75 * len(ALLOWED), sorted(ALLOWED - seen.cells)


# --- every cell of the position table ------------------------------------------------------------------------

ASK = {"prompt": "Press 1.", "choices": {"go": "1"}}
RING: dict[str, Any] = {"to": "sales", "amd": "async"}
ASKED = {"menu": ASK, "on": {"go": "target"}}
WAYS: dict[Position, tuple[dict[str, Any], tuple[str, ...]]] = {
    "I": ({}, ()),
    "O": ({}, ()),
    "A": ({"first": {"dial": {"to": "sales"}, "on": {"answered": "target"}}}, ("ace",)),
    "B": ({"first": {"connect": {"to": "sales"}, "on": {"answered": "target"}}}, ("ace",)),
    "Pi": ({"first": ASKED}, ("key",)),
    "Pa": ({"first": {"dial": {"to": "sales"}, "on": {"answered": "ask"}}, "ask": ASKED}, ("ace", "key")),
    "Pb": ({"first": {"connect": {"to": "sales"}, "on": {"answered": "ask"}}, "ask": ASKED}, ("ace", "key")),
    "K": ({"first": {"park": {"until": "ready"}, "on": {"ready": "target", "elapsed": "end"}}}, ("ready",)),
    "L": ({"first": {"connect": RING, "on": {"beep": "target"}}}, ("ace", "beep")),
    "C": ({"first": {"conference": {"id": "room", "until": "ready"}, "on": {"ready": "target"}}}, ("ready",)),
}


def one_way(position: Position, target: dict[str, Any]) -> Generated:
    states = {**WAYS[position][0], "target": target}
    outbound = position in ("O", "A", "Pa")
    flow: dict[str, Any] = {"flow": "main", "channel": "voice", "cli": ENTRY, "may_dial": dict(DIALLED)}
    flow["triggers"] = [{"start": "api"}] if outbound else [{"to": ENTRY}]
    flow["inputs" if outbound else "variables"] = {"friend": {"type": "phone"} | ({} if outbound else FRIEND)}
    flow.setdefault("variables", {})["tier"] = {"type": "text", "default": "gold"}
    start = "first" if "first" in states else "target"
    return project_of([flow | {"calendars": CALENDARS, "start": start, "states": states}], outbound)


FRIEND = {"default": "+12025550133"}
STEPS: dict[str, Callable[[Line], None]] = {
    "ace": lambda line: line.post("ace"),
    "key": lambda line: line._pie("return", "go"),
    "ready": lambda line: line.outside("ready"),
    "beep": lambda line: line.post("notify", type="amd_beep"),
}


def target_of(name: str, position: Position) -> dict[str, Any]:
    """A state that puts one action or instruction into its answer."""
    if name in RAW:
        raw: dict[str, Any] = {"action": {"name": name, **RAW[name]}}
    else:
        action = "connectPstn" if position == "O" else "hangup"
        raw = {"instructions": [RAW_INSTRUCTIONS[name]], "action": {"name": action, **RAW[action]}}
    return {"svaml": raw, "on": {"yes": "end"}} if name == "runMenu" else {"svaml": raw}


@pytest.mark.parametrize("position", [each for each in POSITIONS if each != "N"])
def test_every_allowed_cell_can_be_answered(position: Position) -> None:
    for name in sorted(name for name, at in ALLOWED if at == position):
        project = one_way(position, target_of(name, position))
        found = built(project)
        assert not errors(found.problems), (name, position, errors(found.problems))
        line = Line(found, project.outbound, lambda options: options[0])
        with watched(line.seen):
            line.start()
            for step in WAYS[position][1]:
                STEPS[step](line)
        assert (name, position) in line.seen.cells


@pytest.mark.parametrize("position", POSITIONS)
def test_no_refused_cell_is_accepted(position: Position) -> None:
    """The other cells: an error of validate, wherever a flow can stand."""
    if position in ("N", "M"):
        return
    for name in sorted(name for name, row in PERMISSION.items() if row[position] == "-"):
        if (name, position) in QUIET:
            continue
        found = built(one_way(position, target_of(name, position)))
        assert errors(found.problems), (name, position)


QUIET: dict[tuple[str, Position], str] = {
    ("hangup", "O"): "the end of a call that was never placed: no call is placed",
    ("say", "O"): "a warning of its own: nobody hears it",
    ("playFiles", "O"): "a warning of its own: nobody hears it",
}
QUIET |= {("answer", at): "left to the compiler: it picks up where that is needed" for at in POSITIONS if at != "I"}


# --- what validate accepts and a turn cannot do --------------------------------------------------------------

KEPT = {
    "n": {"type": "number", "default": "0"},
    "who": {"type": "phone", "default": ENTRY},
    "code": {"type": "digits", "default": "1"},
    "size": {"type": "text", "default": "small", "one_of": ["small", "large"]},
}


@pytest.mark.parametrize(
    "instruction",
    [
        {"set": {"n": "{{ call.custom }}"}},
        {"set": {"who": "{{ call.custom }}"}},
        {"set": {"code": "{{ call.custom }}"}},
        {"set": {"size": "{{ call.custom }}"}},
        {"say": "{{ 5 / n }}"},
    ],
)
def test_a_value_of_another_kind_does_not_break_the_turn(instruction: dict[str, Any]) -> None:
    """Either validate refuses these, or the turn goes on without the value."""
    flow = {"flow": "main", "channel": "voice", "triggers": [{"to": ENTRY}], "variables": KEPT, "start": "take"}
    found = built(project_of([flow | {"states": {"take": {"do": [instruction], "next": "end"}}}]))
    if errors(found.problems):
        return
    line = Line(found, False, lambda options: options[0])
    line.post("ice", to={"type": "did", "endpoint": ENTRY}, custom="hello")
