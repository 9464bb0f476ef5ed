"""What every carrier of outbox rows shares: the service, the ways a row can end, and what became of each session."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import orjson

from flowengine.engine.session import BadSession, load
from flowengine.redact import redact
from flowengine.service import Service
from flowengine.stores.base import Leased, Store

MOST_TRIES = 6
PRIVATE = {
    "send": frozenset({"identity", "content", "instead"}),
    "turn": frozenset({"address", "inputs", "data"}),
}
"""What a dead letter does not show of a row: who it is about, and what they and the flow said."""
REMEMBERED = 1000


class Calls(Protocol):
    """What places calls and changes them: :class:`~flowengine.sinch.voice.VoiceClient`, and raises as that does."""

    def custom_callout(self, ice: str, custom: str = "") -> str: ...

    def patch_call(self, call_id: str, svaml: bytes, url: str = "") -> None: ...


class Sends(Protocol):
    """What sends messages: :class:`~flowengine.sinch.conversation.ConversationClient`, and raises as that does."""

    def send(self, body: Mapping[str, Any]) -> Any: ...


class Carrier(Protocol):
    """Carries out the rows of one kind. What it raises is tried again later, :class:`StoreDown` at once."""

    def __call__(self, leased: Leased, payload: Mapping[str, Any]) -> None: ...


@dataclass(slots=True)
class Desk:
    """``done`` says what went wrong with a session's last call, or nothing, for ``flowengine dial``."""

    service: Service
    done: dict[str, str] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        return self.service.store

    def now(self) -> float:
        return self.service.clock()

    def settled(self, session: str, reason: str) -> None:
        self.done[session] = reason
        if len(self.done) > REMEMBERED:
            del self.done[next(iter(self.done))]

    def refuse(self, leased: Leased, payload: Mapping[str, Any], reason: str) -> None:
        """A callout or a change of a live call cannot be made: ``error`` at its place."""
        # The row goes last: should this process die before, another one says it again, which changes nothing.
        self.service.refused(leased.session, reason, payload)
        self.settled(leased.session, reason)
        self.bury(leased, reason)

    def bury(self, leased: Leased, reason: str) -> None:
        """A dead letter says what was to be done, without numbers and what is sensitive."""
        current = self.store.load(leased.session).session
        library = self.service.library
        try:
            session = load(current) if current is not None else None
            hidden = self.service.runs_on(session).hidden(session) if session is not None else []
        except BadSession:
            hidden = []
        payload = orjson.loads(leased.payload)
        if "body" in payload:  # nobody has read it yet, so that nobody knows what of it is sensitive
            payload["body"] = f"{len(payload['body'])} characters"
        for name in PRIVATE.get(leased.kind, frozenset()) & payload.keys():
            payload[name] = "****"
        shown = redact(payload, hidden, library.digest)
        self.store.bury(replace(leased, payload=orjson.dumps(shown)), reason, self.now())

    def later(self, leased: Leased, reason: str) -> None:
        """Again after a while, longer each time, and after the last try never."""
        if leased.attempts >= MOST_TRIES:
            self.bury(leased, reason)
            return
        delay = min(600.0, 2.0**leased.attempts) * (0.5 + random.random())
        self.store.retry(leased, self.now() + delay)
