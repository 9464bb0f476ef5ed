"""Message flows as text → a conversation over a real store, with a clock that the test moves and a fake Sinch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from serving import Line

from flowengine.engine.session import Session, load
from flowengine.messages.envelope import envelope
from flowengine.messages.readable import buttons, texts
from flowengine.sinch.fake import bodies
from flowengine.sinch.fake.bodies import Bodies
from flowengine.sinch.fake.ids import Ids
from flowengine.webhooks import talk_key
from flowengine.worker import Worker

APP = "01HX2APP0000000000000000A1"
ME = "12025550150"
BUSINESS = "12025550199"


class Chat(Line):
    """One contact and what they get. Rows of the outbox are read as a worker would, without sending them.

    ``broken`` turns are expected, no more and no less.
    """

    def __init__(
        self,
        folder: Path,
        *flows: str,
        store: str = "memory:",
        channel: str = "SMS",
        identity: str = ME,
        env: Mapping[str, str] | None = None,
        project: str = "",
        functions: str = "",
    ) -> None:
        if functions:
            (folder / "flows").mkdir()
            (folder / "flows" / "functions.py").write_text(functions)
        if project:
            (folder / "flowengine.yaml").write_text(project)
        super().__init__(folder, *flows, store=store, env={"CONVERSATION_APP_ID": APP, **(env or {})})
        self.channel, self.identity = channel, identity
        self.sequence = 0
        self.sent: list[dict[str, Any]] = []
        self.rows: list[str] = []
        self.broken = 0
        self.worker = Worker(self.service, None)

    @property
    def key(self) -> str:  # type: ignore[override]
        return talk_key(APP, self.channel, self.identity)

    @property
    def talk(self) -> Session:
        loaded = self.store.load(self.key)
        assert loaded.session is not None
        return load(loaded.session)

    def body(self, id: str = "", at: float = 0.0, **content: Any) -> bytes:
        self.sequence += 1
        made = Bodies(APP, "p", Ids(0), lambda: at or self.now, "DISPATCH")
        named = id or f"01HX2MSG{self.sequence:018}"
        return orjson.dumps(made.inbound(content, self.channel, self.identity, BUSINESS, message_id=named))

    def write(self, text: str, **more: Any) -> list[str]:
        """A text of the contact, and the texts that answer it."""
        return self.deliver(self.body(**bodies.text(text), **more))

    def tap(self, postback: str, **more: Any) -> list[str]:
        return self.deliver(self.body(**bodies.tap("m", postback), **more))

    def postback(self, value: str) -> str:
        """What the newest button of this value sends back."""
        for body in reversed(self.sent):
            for button in buttons(body["message"]):
                if button.value == value:
                    return button.postback
        raise AssertionError(f"no button of value {value} was sent")

    def play(self, script: str) -> None:
        """A conversation as it should go.

        ``> text`` the contact writes, ``tap VALUE`` the newest button of that value, ``tap =DATA`` these bytes,
        ``photo``, ``place``, ``wait 2h`` time passes, ``event NAME`` another program says, ``< text`` what is sent.
        """
        steps = [line.strip() for line in script.strip().splitlines() if line.strip()]
        told = []
        for step in steps:
            if not step.startswith("<"):
                told += [step, *(f"< {each}" for each in self.step(step))]
        assert told == steps, "\n".join(told)

    def step(self, step: str) -> list[str]:
        word, _, rest = step.partition(" ")
        if word == ">":
            return self.write(rest)
        if word == "tap":
            return self.tap(rest[1:] if rest.startswith("=") else self.postback(rest))
        if word == "photo":
            return self.deliver(self.body(**bodies.media("https://media.example.com/p.jpg", rest)))
        if word == "place":
            return self.deliver(self.body(**bodies.location(59.33, 18.06, rest)))
        if word == "wait":
            return self.wait(float(rest[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[rest[-1]])
        assert word == "event", step
        self.service.event(self.key, rest, {"by": "desk"})
        return self.answers()

    def deliver(self, body: bytes) -> list[str]:
        assert self.service.chats.webhook(body) == 200
        return self.answers()

    def answers(self) -> list[str]:
        """What was put into the outbox since, in order, as it would be sent; other rows are worked on."""
        found = []
        while taken := self.store.take(self.now, 30, 1):
            (leased,) = taken
            if leased.kind != "send":
                self.worker._effect(leased)
                continue
            body = envelope(orjson.loads(leased.payload), leased.id)
            self.sent.append(body)
            found.append(words(body["message"]))
            self.rows.append(leased.id)
            assert self.store.settle(leased)
        return found

    def wait(self, seconds: float) -> list[str]:
        """Let time pass; what is sent meanwhile."""
        self.now += seconds
        found = []
        for _ in range(10):
            timers = self.store.due(self.now, 30)
            for leased in timers:
                self.worker._timer(leased)
            said = self.answers()
            found += said
            if not timers and not said:
                break
        return found


@pytest.fixture(params=["memory", "sqlite"])
def open_chat(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Chat]]:
    """Opens conversations over either store: ``open_chat(*flows, channel=…, project=…)``."""
    opened: list[Chat] = []

    def open_one(*flows: str, **more: Any) -> Chat:
        folder = tmp_path / str(len(opened))
        folder.mkdir()
        store = "memory:" if request.param == "memory" else f"sqlite:///{folder}/chat.db"
        opened.append(Chat(folder, *flows, store=store, **more))
        return opened[-1]

    yield open_one
    for chat in opened:
        assert chat.service.counters.get("failed_turn", 0) == chat.broken
        chat.store.close()


def words(message: Mapping[str, Any]) -> str:
    """A message as the words in it, and the labels of its buttons."""
    read = [re.sub(r"\n+", " / ", each) for each in texts(message)]
    return " | ".join([" / ".join(read), *(each.label for each in buttons(message))])
