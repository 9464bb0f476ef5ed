"""Message flows as text → a conversation over a real store, with a clock that the test moves and a fake Sinch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from serving import Line

from flowengine.engine.session import Session, load
from flowengine.messages.envelope import envelope
from flowengine.webhooks import talk_key
from flowengine.worker import Worker

APP = "01HX2APP0000000000000000A1"
ME = "12025550150"
BUSINESS = "12025550199"


class Chat(Line):
    """One contact and what they get. Rows of the outbox are read as a worker would, without sending them."""

    def __init__(
        self,
        folder: Path,
        *flows: str,
        store: str = "memory:",
        channel: str = "SMS",
        identity: str = ME,
        env: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(folder, *flows, store=store, env={"CONVERSATION_APP_ID": APP, **(env or {})})
        self.channel, self.identity = channel, identity
        self.sequence = 0
        self.sent: list[dict[str, Any]] = []
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
        from datetime import UTC, datetime

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
            assert self.store.settle(leased)
        return found

    def wait(self, seconds: float) -> list[str]:
        """Let time pass; what is sent meanwhile."""
        self.now += seconds
        found = []
        for _ in range(10):
            timers = self.store.due(self.now, 30)
            if not timers:
                break
            for leased in timers:
                self.worker._timer(leased)
            found += self.answers()
        return found


def words(message: Mapping[str, Any]) -> str:
    """A message as the words in it."""
    for kind in ("text_message", "choice_message", "list_message", "card_message"):
        if kind in message:
            part = message[kind]
            text = part.get("text") or part.get("title") or part.get("text_message", {}).get("text", "")
            labels = [each["text_message"]["text"] for each in part.get("choices", ()) if "text_message" in each]
            return " | ".join([text, *labels])
    return next(iter(message))
