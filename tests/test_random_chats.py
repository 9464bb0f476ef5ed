"""What validate accepts never raises at run time, sends only what can be sent, and goes only where it was predicted.

Random message flows meet random conversations: fitting answers, nonsense, old and forged buttons, receipts, consent,
time, other programs, lost and doubled webhooks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
from generate import Generated, chances
from generate_chats import BUSINESS, CHANNELS, EVERYWHERE, chats
from hypothesis import given
from jsonschema import Draft202012Validator
from stage import MOSTLY, Draw, Stage, built, jitter, predicted, profile

from flowengine.build import Built
from flowengine.chats import Chats
from flowengine.conversation_wire import MESSAGE_KINDS
from flowengine.delivery.message import Pace
from flowengine.engine.chat import stands
from flowengine.engine.outcome import NotTaken
from flowengine.engine.turn import Turn
from flowengine.instructions import INSTRUCTIONS
from flowengine.messages.channels import is_phone
from flowengine.messages.envelope import envelope
from flowengine.problems import errors
from flowengine.service import UnknownSession
from flowengine.sinch.conversation import Ambiguous, Limited, Permanent, Sent, Unsent
from flowengine.sinch.fake import bodies
from flowengine.sinch.fake.ids import Ids
from flowengine.starting import CannotStart, start_conversation
from flowengine.states import KINDS
from flowengine.stores.base import Leased
from flowengine.webhooks import talk_key
from flowengine.worker import Worker

ROOT = Path(__file__).parent.parent
SCHEMA: dict[str, Any] = json.loads((ROOT / "schema" / "conversation.schema.json").read_text("utf-8"))
VALID = Draft202012Validator({"$defs": SCHEMA["$defs"], "$ref": "#/$defs/send"})
APP, OTHER_APP = "01HX2APP0000000000000000A1", "01HX2APP0000000000000000B2"
ME = "12025550150"
ENV = {"CONVERSATION_APP_ID": APP, "TOKEN": "t0ken", "GREETING": "Good morning"}
START = 1763978400.0
"""Mon 24 Nov 2025 10:00 UTC."""
MOST_BYTES = 600_000
"""Of a session: a few answers of the longest kind, and what is waited for."""
MOST_ROWS = 400
TEXTS = (
    "", " ", "hello", "hola", "other thing", "agent", "person", "please forget it now", "help", "yes", "Yes 0", "1",
    "2", "a", "b", "C.", "0", "77", "12 people", "tomorrow", "24/12", "2026-12-24", "AB-12", "word 1", "I said has2!",
    "narrow", "{{ 7*7 }}", "{% for a in b %}", "a\nb\tc\0", "‮abc﻿", "'\"\\/<>&%", "\ud800", "👍🏽", "1️⃣", "٢", "#", "x#y",
    "ä" * 700, "long words " * 90, "x" * 100_000, "9" * 5000, "1e400", "[1, 2]", "nothing like it", "America/New_York",
)  # fmt: skip
CONSENT = ("STOP", "stop.", "START", "YES", "END", "cancel", "HELP", "UNSUBSCRIBE", "unstop")
RESPONSES: tuple[Any, ...] = (
    {"tier": "gold", "slots": [{"time": "18:00", "room": "A"}, {"time": "20:00", "room": TEXTS[26]}]},
    {"tier": "gold", "slots": [{"time": f"{n}:00", "room": n} for n in range(60)]},
    {"tier": None, "slots": []},
    {"tier": "x" * 3000, "slots": [{}, 1, None, {"time": ["a"], "room": {"b": 1}}, {"time": "", "room": ""}]},
    {"slots": [{"time": "timeout"}, {"time": "back"}, {"time": "a"}, {"time": "a"}, {"time": "x" * 5000}]},
    {"tier": ["a"], "slots": {"time": 1}, "status": "x"},
    [1, 2],
    "text",
    None,
)
FAILURES = (
    Permanent(400, "the request is not valid", "INVALID_ARGUMENT"),
    Limited(429, "too many requests", retry_after=2.0),
    Ambiguous(0, "no answer"),
    Unsent(0, "no connection"),
)


@dataclass
class Seen:
    """What the engine did, told by wrapped methods, by the journal and by what was sent."""

    visited: set[tuple[str, str, Any]] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)
    instructions: set[str] = field(default_factory=set)
    events: set[str] = field(default_factory=set)
    sent: set[str] = field(default_factory=set)
    happened: set[str] = field(default_factory=set)
    broken: list[Exception] = field(default_factory=list)


@contextmanager
def watched(seen: Seen) -> Iterator[None]:
    visit, take, broke = Turn._visit, Turn._take, Chats._broken

    def visits(self: Turn, name: str) -> str:
        if self.program.channel == "message" and (node := self.program.states.get(name)):
            seen.visited.add((self.program.name, name, self.position))
            seen.kinds.add(node.kind.name if node.kind else "")
            seen.instructions |= {instruct.name for instruct, _ in node.do}
        return visit(self, name)

    def takes(self: Turn, branch: Any, *more: Any, **named: Any) -> str:
        if self.program.channel == "message":
            seen.instructions |= {instruct.name for instruct, _ in branch.do}
        return take(self, branch, *more, **named)

    def breaks(self: Chats, attempt: Any, talk: Any, error: Exception, *more: Any) -> Any:
        seen.broken.append(error)
        return broke(self, attempt, talk, error, *more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Chats, "_broken", breaks)
        patch.setattr(Turn, "_visit", visits)
        patch.setattr(Turn, "_take", takes)
        patch.setattr(Pace, "wait", lambda self: 0.0)
        yield


@lru_cache(maxsize=20_000)
def wrong(message: bytes) -> str:
    """What the schema has against a request."""
    found = [each for each in VALID.iter_errors(orjson.loads(message)) if not _is_long_address(each)]
    return "; ".join(each.message[:200] for each in found)


def _is_long_address(error: Any) -> bool:
    """An address that a template made too long cannot be cut: Sinch refuses it, which is the event ``failed``."""
    return error.validator == "maxLength" and str(error.instance).startswith("https://")


def checked(body: Mapping[str, Any]) -> None:
    same = {**body, "message_metadata": "row"}
    assert not wrong(orjson.dumps(same)), (wrong(orjson.dumps(same)), body)
    assert len(body["message_metadata"]) <= 1024


def postbacks(value: Any) -> list[str]:
    """What buttons of a message carry."""
    if isinstance(value, dict):
        own = [value["postback_data"]] if "postback_data" in value else []
        return own + [each for inner in value.values() for each in postbacks(inner)]
    return [each for inner in value for each in postbacks(inner)] if isinstance(value, list) else []


class Talk(Stage):
    """One contact on one channel, with everything around them: platform, worker, servers, calls and time."""

    env = ENV
    responses = RESPONSES
    works = MOSTLY

    def __init__(self, found: Built, draw: Draw, seen: Seen) -> None:
        super().__init__(found, draw, START)
        self.seen = seen
        self.worker = Worker(self.service, None, sender=self)
        declared = self.library.programs["main"].image["channels"]
        self.channel = draw((*declared, *declared, draw(CHANNELS)))
        self.identity = ME if is_phone(self.channel) else draw(("psid-1", "2384729384729384", "Ann of Acme"))
        self.ids, self.calls = Ids(7), 0
        mode = draw(("DISPATCH", "CONVERSATION"))
        self.bodies = bodies.Bodies(draw((APP, APP, OTHER_APP)), "p", self.ids, lambda: self.time, mode)
        scope = self.bodies.app if self.channel in bodies.SCOPED else ""
        self.key = talk_key(self.bodies.app, self.channel, self.identity, scope)
        self.sent: list[dict[str, Any]] = []
        self.arrived: list[bytes] = []
        self.told = 0
        self.farewells = 0
        self.forgets = False

    # --- what holds after every step -----------------------------------------------------------------------

    def is_out(self) -> bool:
        return bool(orjson.loads(self.store.record(f"talk/{self.key}") or b"{}").get("out"))

    def check(self) -> None:
        for error in self.seen.broken:
            raise error
        assert self.service.counters.get("failed_turn", 0) == 0
        journal = self.store.journal(self.key)
        for row in journal[self.told :]:
            assert b"incident" not in row.body, row
            self.seen.events.add(row.event)
        self.told = len(journal)
        loaded = self.store.load(self.key)
        session = self.session()
        timers = self.store._timers.get(self.key, {})  # type: ignore[attr-defined]
        assert len(timers) <= 1
        assert len(self.rows()) <= MOST_ROWS
        if session is None:
            return
        assert len(loaded.session or b"") <= MOST_BYTES, len(loaded.session or b"")
        assert session.talk is not None
        if not stands(session):
            assert not timers, session.talk.due
        if stands(session) and not session.talk.stale:
            node = self.library.programs[session.flow].states[session.place]
            assert timers or node.waits_as in ("call",), (node.name, session.talk)
        assert len(session.talk.acted) <= 8

    def rows(self) -> list[Leased]:
        """What waits in the outbox, whenever it is due."""
        return [each.leased for each in self.store._effects.values()]  # type: ignore[attr-defined]

    # --- webhooks ------------------------------------------------------------------------------------------

    def pass_time(self) -> None:
        self.time += self.draw((0, 1, 1, 5, 20, 400, 3600, 90_000))

    def post(self, body: Mapping[str, Any]) -> None:
        self.deliver(orjson.dumps(body))

    def deliver(self, body: bytes) -> None:
        assert self.service.chats.webhook(body) == 200
        self.arrived.append(body)
        self.check()

    def inbound(self, content: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        sender = self.draw((BUSINESS, BUSINESS[1:], ""))
        late = self.draw((None, None, None, self.time - 30, self.time + 500))
        identity = self.draw((self.identity, f"+{ME}")) if self.identity == ME else self.identity
        return self.bodies.inbound(dict(content), self.channel, identity, sender, accepted=late, **more)

    def write(self, content: Mapping[str, Any], **more: Any) -> None:
        self.pass_time()
        self.post(self.inbound(content, **more))
        if self.draw((True, True, True, False)):
            self.work()

    # --- the worker ----------------------------------------------------------------------------------------

    def send(self, body: Mapping[str, Any]) -> Sent:
        """As a client of the Conversation API."""
        checked(body)
        if self.draw((False,) * 9 + (True,)):
            failure = self.draw(FAILURES)
            self.seen.happened.add(f"send {type(failure).__name__}")
            raise failure
        self.sent.append(dict(body))
        self.seen.sent |= set(body["message"])
        return Sent(self.ids.new(), "")

    def work(self) -> None:
        """The outbox, as far as it is due now; calls are placed or refused."""
        for _ in range(40):
            taken = self.store.take(self.time, 1.0, 1)
            if not taken:
                break
            self.carry(taken[0])
        self.check()

    def carry(self, leased: Leased) -> None:
        payload = orjson.loads(leased.payload)
        self.seen.happened.add(f"row {leased.kind}")
        if leased.kind == "callout" and self.draw((True, True, False)):
            self.store.settle(leased)
            self.phone(leased.session)
            return
        before = len(self.sent)
        if leased.kind == "send":
            for shut in (), payload["channels"][:1]:
                checked(envelope(payload, leased.id, shut if payload.get("instead") else ()))
        was_out = self.is_out() and payload["talk"] == f"talk/{self.key}" if leased.kind == "send" else False
        self.worker._effect(leased)
        if not was_out:
            self.farewells = 0
        elif len(self.sent) > before:
            assert payload.get("farewell"), payload
            self.farewells += 1
            assert self.farewells <= 1

    def phone(self, session: str) -> None:
        """A call was placed: it is answered or not, and ends."""
        self.calls += 1
        call = f"call-{self.calls}"
        self.service.called(session, call, "")

        def post(event: str, **fields: Any) -> None:
            body = {"event": event, "callid": call, "timestamp": f"t{self.time}", "version": 1, **fields}
            assert self.service.callback(orjson.dumps(body)).status == 200

        if self.draw((True, True, False)):
            post("ace")
            result = {"menuId": "main", "type": "return", "value": "talked", "inputMethod": "dtmf"}
            if self.draw((True, True, False)):
                post("pie", menuResult=result)
        post("dice", reason="CALLERHANGUP", result=self.draw(("ANSWERED", "NOANSWER")), duration=3)
        self.check()

    # --- what may happen -----------------------------------------------------------------------------------

    def step(self) -> None:
        session = self.session()
        kind = ""
        if session is not None and stands(session):
            node = self.library.programs[session.flow].states[session.place]
            kind = node.waits_as
        fitting = FITTING.get(kind, DOOR)
        name = self.draw(fitting) if self.draw((True, True, True, True, False)) else self.draw(ANY)
        getattr(self, f"_{name}")()

    def _good(self) -> None:
        """Something that the question takes."""
        session = self.session()
        assert session is not None and session.talk is not None
        node = self.library.programs[session.flow].states[session.place]
        found: list[Callable[[], None]] = []
        for each in node.op.get("choices", ()):
            words = [*each["words"], *each["has"], each.get("key"), *(str(n) for n in each.get("number", ()))]
            found += [lambda word=word: self._text(word) for word in words if word]  # type: ignore[misc]
            if each.get("share_location"):
                found.append(self._location)
        found += [lambda mark=mark: self._text(mark) for mark in session.talk.marks.values()]  # type: ignore[misc]
        for each in node.op.get("expect", ()):
            found.append(getattr(self, f"_expect_{each['kind']}"))
        if self.sent and postbacks(self.sent[-1]["message"]):
            found += [self._tap] * 2
        self.draw(found or [self._nonsense])()

    def _text(self, words: str) -> None:
        self.write(bodies.text(words))

    def _expect_any(self) -> None:
        self.draw((self._nonsense, self._media, self._location))()

    def _expect_number(self) -> None:
        self._text(self.draw(("4", "12 people", "1.5", "20")))

    def _expect_date(self) -> None:
        self._text(self.draw(("tomorrow", "24/12", "2026-12-24", "friday")))

    def _expect_matches(self) -> None:
        self._text(self.draw(("AB-12", "ab-1")))

    def _expect_media(self) -> None:
        self._media()

    def _expect_location(self) -> None:
        self._location()

    def _nonsense(self) -> None:
        text = self.draw(TEXTS)
        # Half a character comes as an escape: no JSON writer makes one, but somebody's may.
        body = orjson.dumps(self.inbound(bodies.text(text.replace("\ud800", "HALF"))))
        self.pass_time()
        self.deliver(body.replace(b"HALF", b"\\ud800"))
        self.work()

    def _hello(self) -> None:
        self._text(self.draw(("hello", "Hola!", "HELLO", "other thing", "narrow")))

    def _consent(self) -> None:
        self._text(self.draw(CONSENT))

    def _start_words(self) -> None:
        self._text("START")

    def _tap(self) -> None:
        found = postbacks(self.sent[-1]["message"]) if self.sent else []
        self.write(bodies.tap(self.ids.new(), self.draw(found or ["yes"])))

    def _old_tap(self) -> None:
        found = [each for body in self.sent for each in postbacks(body["message"])]
        self.write(bodies.tap(self.ids.new(), self.draw(found or ["choice_0"])))

    def _forged_tap(self) -> None:
        session = self.session()
        tag = session.talk.tag if session is not None and session.talk is not None else "x.1"
        message = self.ids.new()
        given = self.draw(
            ("", "#", f"#{tag}", f"timeout#{tag}", f"end#{tag}", f"choice_0#{tag}", "choice_0#00000000.1", "agent_wide",
             "back", f"repeat#{tag}", "x" * 3000, "{{ 7*7 }}", f"{message}_Choice 0 silver", f"{message}_",
             "list_order", "yes#" * 20)
        )  # fmt: skip
        self.write(bodies.tap(message, given))

    def _media(self) -> None:
        url = self.draw(("https://files.example.com/a.jpg", "javascript:alert(1)", "x" * 5000, ""))
        self.write(bodies.media(url, self.draw(("", "A picture of {{ tier }}", "choice_0"))))

    def _location(self) -> None:
        self.write(bodies.location(self.draw((59.3, -90, 0)), 18.06, self.draw(("Acme", "", "{{ 7*7 }}")), "label"))

    def _odd_content(self) -> None:
        self.write(
            self.draw(
                (
                    bodies.products("sku-1", "sku-2", title="{{ tier }}"),
                    bodies.form({"a": 1, "b": {"c": "{{ 7*7 }}"}}),
                    bodies.fallback(),
                    bodies.location(91, 200),
                    {"text_message": {}},
                    {"text_message": None},
                    {"choice_response_message": {}},
                    {"media_message": []},
                    {"later_message": {"a": 1}},
                    {},
                )
            )
        )

    def _receipt(self) -> None:
        """For a send that there was, or none; of any status, in any order."""
        session = self.session()
        rows = [body["message_metadata"] for body in self.sent]
        rows += [session.talk.row] if session is not None and session.talk is not None else []
        row = self.draw((*rows[-3:], *rows[:1], "", "nothing.1", f"{self.key}.x.1.0", '{"a":1}', "." * 50))
        status = self.draw(("FAILED", "FAILED", "DELIVERED", "READ", "QUEUED_ON_CHANNEL", "odd", ""))
        self._tell(row, status)

    def _failed_question(self) -> None:
        """The question that stands was not delivered, if one does."""
        session = self.session()
        if session is not None and session.talk is not None:
            self._tell(session.talk.row, "FAILED")

    def _tell(self, row: str, status: str) -> None:
        report = {
            "message_id": self.ids.new(),
            "channel_identity": {"channel": self.channel, "identity": self.identity, "app_id": ""},
            "status": status,
            "metadata": row,
            "reason": {"code": "RECIPIENT_NOT_REACHABLE", "description": "{{ 7*7 }}"},
        }
        self.post(self.bodies.envelope("message_delivery_report", report))
        self.work()

    def _platform_consent(self) -> None:
        out = self.draw((True, True, False))
        self.pass_time()
        self.post(self.bodies.consent(out, self.channel, self.identity))
        self.work()

    def _event(self) -> None:
        content = self.draw(
            (
                bodies.link(self.draw(("spring", "promo-7", "nothing")), "{{ 7*7 }}"),
                bodies.link("", self.draw(("spring", "promo"))),
                bodies.typing(),
                bodies.reaction("m"),
            )
        )
        self.pass_time()
        self.post(self.bodies.event(content, self.channel, self.identity))
        self.work()

    def _contact(self) -> None:
        what = self.draw(("create", "update", "delete"))
        self.post(self.bodies.contact(what, self.draw(("Ann", "Unknown", "{{ 7*7 }}")), self.channel, self.identity))

    def _again(self) -> None:
        """Webhooks that came before, in another order: nothing changes."""
        before = self.store.load(self.key), len(self.store.journal(self.key)), self.rows()
        for body in self.arrived[-3:][:: self.draw((1, -1))]:
            assert self.service.chats.webhook(body) == 200
        if self.arrived and not self.forgets:
            assert (self.store.load(self.key), len(self.store.journal(self.key)), self.rows()) == before

    def _burst(self) -> None:
        """Several webhooks at once, doubled, and in another order than they were written."""
        texts = [self.draw(TEXTS[:30]).replace("\ud800", "") for _ in range(self.draw((2, 3, 8)))]
        made = [orjson.dumps(self.inbound(bodies.text(text))) for text in texts]
        order = [*made, *made[:2]][:: self.draw((1, -1))]
        for body in order:
            self.deliver(body)
        self.work()

    def _wake(self) -> None:
        """The timer, when it is due."""
        for leased in self.store.due(self.time + 90 * 86_400, 0.0, 100):
            self.time = max(self.time, leased.due)
            self.worker._timer(leased)
        self.check()
        self.work()

    def _wake_at_odd_times(self) -> None:
        """Timers early, late, and for nobody."""
        self.time += self.draw((0, 0, 90_000, 40 * 86_400))
        with suppress(NotTaken, UnknownSession):
            self.service.woken(self.draw((self.key, self.key, "nobody")))
        self.check()
        self.work()

    def _outside(self) -> None:
        name = self.draw(("ready", "moved", "returned", "taken", "message", "timeout", "odd", "elapsed"))
        with suppress(NotTaken, UnknownSession):
            self.service.event(self.key, name, self.draw((None, {"a": 1}, "{{ 7*7 }}", [1], "x" * 1000)))
            self.seen.happened.add("outside event")
        self.check()
        self.work()

    def _returned(self) -> None:
        with suppress(NotTaken, UnknownSession):
            self.service.event(self.key, self.draw(("returned", "taken", "ready", "moved")), {"by": "Ann"})
        self.check()
        self.work()

    def _begin(self) -> None:
        to = f"+{ME}" if self.identity == ME else self.identity
        data = {"to": to, "channel": self.channel, "app": self.bodies.app, "inputs": {"given": self.draw((7, "x", ""))}}
        if self.draw((True, False)):
            data["id"] = self.draw(("a", "b"))
        with suppress(CannotStart):
            _, became = start_conversation(self.service, self.draw(("main", "main", "other")), data)
            self.seen.happened.add(f"start {became}")
        self.check()
        self.work()

    def _work_later(self) -> None:
        self.time += self.draw((1, 60, 3600, 90_000))
        self.work()

    def _sweep(self) -> None:
        self.time += self.draw((0, 90_000, 400 * 86_400))
        self.forgets = True
        self.store.sweep(self.time)
        self.told = min(self.told, len(self.store.journal(self.key)))

    def _odd(self) -> None:
        self.deliver(self.draw(ODD))


ODD = (
    b"", b"null", b"[]", b"{}", b'{"message":{}}', b'{"message":null,"event":[]}', b"[" * 5000, b"\xff",
    b'{"a":1,"a":2}',
)  # fmt: skip
DOOR = ("hello", "hello", "hello", "begin", "begin", "event", "nonsense", "start_words")
FITTING: dict[str, tuple[str, ...]] = {
    "ask": ("good",) * 5 + ("nonsense", "nonsense", "wake", "wake", "old_tap", "burst"),
    "wait": ("wake", "wake", "returned", "returned", "nonsense"),
    "handover": ("returned", "returned", "wake", "wake", "nonsense"),
    "call": ("work_later", "work_later", "wake", "nonsense"),
}
ANY = (
    "nonsense", "nonsense", "hello", "consent", "tap", "old_tap", "forged_tap", "media", "location", "odd_content",
    "receipt", "receipt", "platform_consent", "event", "contact", "again", "burst", "wake", "wake_at_odd_times",
    "outside", "begin", "wake", "wake", "work_later", "sweep", "odd", "failed_question",
)  # fmt: skip


def play(found: Built, draw: Draw, steps: int, seen: Seen) -> None:
    """One conversation of random steps, and what held after each; at last, that no more happened than was predicted."""
    own = Seen()
    talk = Talk(found, draw, own)
    with watched(own), jitter(draw):
        for _ in range(steps):
            talk.step()
    known = predicted(found)
    assert own.visited <= known, sorted(own.visited - known)
    for name in ("kinds", "instructions", "events", "sent", "happened"):
        getattr(seen, name).update(getattr(own, name))


EVENTS = frozenset(
    """answer timeout invalidinput failed remind tick elapsed message taken returned ready moved done talked error
    expired paused resumed settling repeated repeat back ignored late quiet early opt_out opt_in opted_out help start
    unclaimed skipped choice_0 agent_wide""".split()
)
"""What the journal of a conversation tells of, beside choices of other names."""
HAPPENED = frozenset(
    " ".join(each.split())
    for each in """row callout, row dial, row http, row send, row told, row turn, send Permanent, send Limited,
    send Ambiguous, send Unsent, outside event, start start, start later, start skipped, start opted_out, start again,
    start queued""".replace("\n", " ")
    .replace("  ", " ")
    .strip()
    .split(", ")
)
PROFILE = profile(40)
PLAYS, STEPS = 2, 40


def test_random_flows_meet_random_conversations() -> None:
    seen, tried, accepted = Seen(), 0, 0

    @PROFILE
    @given(project=chats(), chance=chances())
    def run(project: Generated, chance: Random) -> None:
        nonlocal tried, accepted
        tried += 1
        found = built(project)
        if errors(found.problems):
            return
        accepted += 1
        for _ in range(PLAYS):
            play(found, chance.choice, STEPS, seen)

    run()
    assert accepted >= tried / 2, f"only {accepted} of {tried} flows pass their own checks"
    assert {name for name, kind in KINDS.items() if "message" in kind.channels} <= seen.kinds
    assert set(EVERYWHERE) <= seen.instructions
    assert set(MESSAGE_KINDS) | {"explicit_channel_message", "explicit_channel_omni_message"} <= seen.sent
    assert seen.events >= EVENTS, sorted(EVENTS - seen.events)
    assert seen.happened >= HAPPENED, sorted(HAPPENED - seen.happened)


def test_the_generator_knows_every_instruction_of_messages() -> None:
    """Those it leaves out are refused in a flow of messages."""
    assert set(INSTRUCTIONS) - set(EVERYWHERE) == {"play", "record", "dtmf", "cookie"}
