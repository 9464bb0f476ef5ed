"""Calls and conversations recorded as in production: flows, a store on disk, a worker, and people at random."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import Any

import orjson
from serving import NOON

from flowengine.build import Built, build
from flowengine.callbacks import Callback, call_key
from flowengine.delivery.message import Messages, Pace
from flowengine.engine.library import open_library
from flowengine.engine.session import load
from flowengine.fetch import Request, Response
from flowengine.service import Service, UnknownSession
from flowengine.settings import journal_key
from flowengine.simulator import CALLS, CannotAct, Chat, Phone, Seen
from flowengine.sinch.voice import VoiceError
from flowengine.starting import CannotStart, start_conversation
from flowengine.stores import open_store
from flowengine.stores.base import Record
from flowengine.webhooks import talk_key
from flowengine.worker import Worker

APP = "01HX2APP0000000000000000A1"
BUSINESS = "12025550199"
FAST = 1e12


class Recorder:
    """A service that is called and written to. ``answers`` are what servers may say; what is drawn is ``random``'s."""

    def __init__(self, paths: Sequence[str], url: str, random: Random, answers: Mapping[str, Sequence[Any]]) -> None:
        self.built: Built = build(list(paths))
        assert self.built.artefact is not None, [each.message for each in self.built.problems]
        self.random, self.answers, self.now = random, answers, NOON
        self.env = {"CONVERSATION_APP_ID": APP, "PRACTICE_TOKEN": "canary-secret", "RECORDINGS": "canary:secret"}
        self.env |= {"MEETINGS_TOKEN": "canary-secret"}
        self.library = open_library(self.built.artefact, self.built.revision, self.env, journal_key({}))
        self.store = open_store(url)
        self.service = Service(self.library, self.store, self._ask, self.env, self._call, lambda: self.now)
        self.worker = Worker(self.service, self, "", self, 30.0)
        self.worker.carriers["send"] = Messages(self.worker.desk, self, 60.0, Pace(FAST))
        self.phones: dict[str, Phone] = {}
        self.chats: dict[str, Chat] = {}
        self.seen: list[Seen] = []
        self.refusing = 0.0
        self.events = ["returned", "taken"]
        self._delivered = 0
        self._placed: list[tuple[Phone, bytes]] = []

    # --- the platform --------------------------------------------------------------------------------------

    def custom_callout(self, ice: str, custom: str = "") -> str:
        if self.random.random() < self.refusing:
            raise VoiceError(403, 40300, "no")
        phone = self._phone(custom, outbound=True)
        self._placed.append((phone, ice.encode()))
        return phone.call_id

    def patch_call(self, call_id: str, svaml: bytes, url: str = "") -> None:
        phone = self.phones.get(call_id) or self.phones.get(url.removeprefix(CALLS))
        if phone is None or phone.stands == "over" or self.random.random() < self.refusing:
            raise VoiceError(404, 40400, "gone")
        self._placed.append((phone, svaml))

    def send(self, body: Mapping[str, Any]) -> None:
        for each in body["recipient"]["identified_by"]["channel_identities"][:1]:
            chat = self.chats.get(each["identity"])
            if chat is not None:
                chat.receive(body, False)

    def _phone(self, custom: str = "", outbound: bool = False) -> Phone:
        call_id = f"canary-call-{self.random.getrandbits(40)}"
        phone = self.phones[call_id] = Phone(
            lambda body: self.service.callback(body).body, lambda: self.now, self.seen.append, call_id, custom, outbound
        )
        return phone

    def _ask(self, request: Request, budget: float) -> Response:
        for part, found in self.answers.items():
            if part in request.url:
                answer = self.random.choice(found)
                return answer if isinstance(answer, Response) else Response(200, answer, "")
        return Response(0, None, "unreachable")

    def _call(self, name: str, arguments: Mapping[str, Any], timeout: float) -> Any:
        return self.library.functions[name](**arguments)

    # --- time ----------------------------------------------------------------------------------------------

    def work(self) -> None:
        while self.worker.step() or self._placed:
            placed, self._placed = self._placed, []
            for phone, svaml in placed:
                phone.play(svaml)

    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        while (due := min((each.due for each in self.phones.values() if each.due), default=until)) < until:
            self.now = max(self.now, due)
            for phone in list(self.phones.values()):
                if phone.due is not None and phone.due <= self.now:
                    phone.expire()
            self.work()
        steps = 6
        for step in range(1, steps + 1):
            self.now = max(self.now, until - seconds + seconds * step / steps)
            self.work()

    # --- people --------------------------------------------------------------------------------------------

    def number(self) -> str:
        """The number of somebody real: none of it may be told."""
        return f"+1{self.random.choice((415, 312, 212))}867{self.random.randrange(10_000):04}"

    def call(self, to: str) -> str:
        """Somebody calls and does this and that until it is over; the session's key."""
        phone = self._phone()
        phone.dial(to, self.random.choice([self.number(), self.number(), "private"]))
        self.work()
        self.go_on(phone)
        return call_key(Callback(call_id=phone.call_id))

    def start(self, flow: str, data: Mapping[str, Any]) -> str:
        """A flow is started; whoever is rung or written to does this and that."""
        key, _ = start_conversation(self.service, flow, dict(data))
        self.work()
        for _ in range(self.random.randrange(4, 14)):
            live = [each for each in self.phones.values() if each.stands not in ("over", "idle")]
            if live:
                self._do(live[-1])
            elif data.get("to"):
                self._write_something(data["to"].removeprefix("+"))
            else:
                self.wait(self.random.choice([60.0, 1000.0]))
        return key

    def go_on(self, phone: Phone) -> None:
        for _ in range(25):
            if phone.stands == "over":
                break
            self._do(phone)
        if phone.stands != "over":
            phone.hang_up()
            self.work()
        if self.random.random() < 0.3:
            self._post(phone, "recording_available")

    def _post(self, phone: Phone, kind: str) -> None:
        phone.notify(kind, {"destination": f"s3://acme/{phone.call_id}.mp3"})
        self.work()

    def _do(self, phone: Phone) -> None:
        self.now += self.random.choice([0.4, 1.7, 3.0])
        doings = {"menu": self._answer_menu, "ringing": self._answer_call, "talking": self._talk}
        with suppress(CannotAct):
            doings.get(phone.stands, self._wait_about)(phone)
        self.work()

    def _answer_menu(self, phone: Phone) -> None:
        keys, digits, luck = phone.keys, phone.takes_digits, self.random.random()
        if luck < 0.05:
            phone.hang_up()
        elif luck < 0.12:
            self.wait(phone.entry.get("timeoutMills", 5000) / 1000 * 4)
        elif luck < 0.17:
            phone.press(self.random.choice("0123456789*#"))
        elif digits:
            size = digits if self.random.random() < 0.8 else self.random.randrange(1, digits + 1)
            phone.press("".join(self.random.choice("0123456789") for _ in range(size)))
        elif keys:
            phone.press(self.random.choice(keys))
        else:
            self.wait(6)

    def _answer_call(self, phone: Phone) -> None:
        amd = ["human", "machine", "not sure", "hangs up"] if phone.detects == "sync" else []
        phone.callee(self.random.choice(["answers", "answers", "no answer", "busy", "unreachable", *amd]))

    def _talk(self, phone: Phone) -> None:
        ways: list[Callable[[], object]] = [phone.hang_up, lambda: phone.callee("hangs up"), lambda: self.wait(30)]
        self.random.choice(ways)()

    def _wait_about(self, phone: Phone) -> None:
        if phone.stands == "room" and self.random.random() < 0.5:
            phone.press(self.random.choice("0123456789*#"))
        elif self.random.random() < 0.3:
            phone.hang_up()
        elif self.random.random() < 0.4:
            self._tell(call_key(Callback(call_id=phone.call_id)))
        else:
            self.wait(self.random.choice([5.0, 40.0]))

    # --- conversations -------------------------------------------------------------------------------------

    def chat(self, identity: str, channel: str) -> Chat:
        if identity not in self.chats:
            self.chats[identity] = Chat(
                self._deliver, lambda: self.now, self.seen.append, APP, channel, identity, BUSINESS
            )
        return self.chats[identity]

    def _deliver(self, body: bytes) -> None:
        told = orjson.loads(body)
        for part in told.keys() & {"message", "event"}:  # every contact counts from the same number
            self._delivered += 1
            told[part]["id"] = f"01HX2MSG{self._delivered:018}"
        assert self.service.chats.webhook(orjson.dumps(told)) == 200

    def know(self, number: str, **known: Any) -> None:
        """What is known of somebody before."""
        from flowengine.engine.person import contact_record

        self.store.merge(Record(contact_record(number), orjson.dumps(known)))

    def converse(self, first: str, channel: str, turns: int) -> str:
        """Somebody writes, and goes on writing this and that; the session's key."""
        identity = self.number().removeprefix("+")
        chat = self.chat(identity, channel)
        chat.write(first)
        self.work()
        for _ in range(turns):
            self._write_something(identity)
        return talk_key(APP, channel, identity)

    def _write_something(self, identity: str) -> None:
        chat = self.chat(identity, "SMS")
        self.now += self.random.choice([1.3, 20.0, 100.0])
        session = self.store.load(talk_key(APP, chat.channel, identity)).session
        words = ["yes", "no", "1", "2", "A", "b", "list", "table", "4", "12", "help", "person", "tomorrow", "?"]
        numbers = [f"call me at {self.number()}", self.number(), "(415) 867-5309", "2026-12-24", "12345678"]
        luck = self.random.random()
        try:
            if luck < 0.25 and chat.got and chat.got[-1].options:
                chat.tap(self.random.choice(chat.got[-1].options)[0])
            elif luck < 0.3 and chat.got:
                chat.receipt("FAILED")
            elif luck < 0.33:
                chat.share({"location": {"latitude": 59.0, "longitude": 18.0, "title": "home"}})
            elif luck < 0.36:
                chat.share({"media": "https://media.example.com/p.jpg", "text": "look"})
            elif luck < 0.48:
                self.wait(self.random.choice([600.0, 7300.0, 90_000.0]))
            elif luck < 0.51:
                chat.write(self.random.choice(["STOP", "START"]))
            elif luck < 0.55 and session is not None and load(session).place:
                self._tell(talk_key(APP, chat.channel, identity))
            elif luck < 0.65:
                chat.write(self.random.choice(numbers))
            else:
                labels = [label for label, _ in chat.got[-1].options] if chat.got else []
                chat.write(self.random.choice([*words, *labels, *labels, *labels]))
        except CannotAct:
            pass
        self.work()

    def _tell(self, key: str) -> None:
        from flowengine.engine.outcome import NotTaken

        with suppress(NotTaken, UnknownSession):
            self.service.event(key, self.random.choice(self.events), {"by": "desk", "code": "A7"})


__all__ = ["APP", "CannotStart", "Recorder"]
