"""Message flows as text → a conversation over a real store, with a clock that the test moves and a fake Sinch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from serving import Line

from flowengine.engine.session import Session, load
from flowengine.messages.envelope import envelope
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
        seconds = at or self.now
        time = datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
        message = {
            "id": id or f"01HX2MSG{self.sequence:018}",
            "direction": "TO_APP",
            "contact_message": content,
            "channel_identity": {"channel": self.channel, "identity": self.identity, "app_id": ""},
            "conversation_id": "",
            "contact_id": "",
            "metadata": "",
            "accept_time": time,
            "sender_id": BUSINESS,
            "processing_mode": "DISPATCH",
            "injected": False,
        }
        return orjson.dumps({"app_id": APP, "project_id": "p", "accepted_time": time, "message": message})

    def write(self, text: str, **more: Any) -> list[str]:
        """A text of the contact, and the texts that answer it."""
        return self.deliver(self.body(text_message={"text": text}, **more))

    def tap(self, postback: str, **more: Any) -> list[str]:
        return self.deliver(self.body(choice_response_message={"message_id": "m", "postback_data": postback}, **more))

    def postback(self, value: str) -> str:
        """What the newest button of this value sends back."""
        for body in reversed(self.sent):
            for found in re.findall(r'"postback_data":"([^"]*)"', orjson.dumps(body).decode()):
                if found.partition("#")[0] == value:
                    return str(found)
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
            return self.deliver(self.body(media_message={"url": "https://media.example.com/p.jpg", "caption": rest}))
        if word == "place":
            place = {"latitude": 59.33, "longitude": 18.06}
            return self.deliver(self.body(location_message={"title": rest, "label": "", "coordinates": place}))
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
    """A message as the words in it."""
    for kind in ("text_message", "choice_message", "list_message", "card_message"):
        if kind in message:
            part = message[kind]
            text = part.get("text") or part.get("title") or part.get("text_message", {}).get("text", "")
            labels = [each["text_message"]["text"] for each in part.get("choices", ()) if "text_message" in each]
            return " | ".join([re.sub(r"\n+", " / ", text), *labels])
    return next(iter(message))
