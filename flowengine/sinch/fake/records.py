"""What the fake platform remembers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flowengine.messages.readable import Button, buttons, texts

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    """An accepted message: its id, the body that was sent, and when (Unix seconds)."""

    message_id: str
    body: Json
    time: float

    @property
    def message(self) -> Json:
        found: Json = self.body["message"]
        return found

    @property
    def channel(self) -> str:
        """The channel tried first; empty where only a contact id was given."""
        order = self.body.get("channel_priority_order") or [each["channel"] for each in self._identities()]
        return str(order[0]) if order else ""

    @property
    def identity(self) -> str:
        """The contact on that channel, without a ``+``."""
        for each in self._identities():
            if each["channel"] == self.channel:
                return str(each["identity"]).removeprefix("+")
        return ""

    @property
    def metadata(self) -> str:
        return str(self.body.get("message_metadata", ""))

    @property
    def text(self) -> str:
        """What a person reads of it, without what can be tapped."""
        return " / ".join(texts(self.message, self.channel))

    @property
    def buttons(self) -> list[Button]:
        """What can be tapped; where the message gives no postback data, the one that the platform makes up."""
        found = buttons(self.message, self.channel)
        return [each if each.postback else each._replace(postback=f"{self.message_id}_{each.label}") for each in found]

    @property
    def options(self) -> list[tuple[str, str]]:
        """What can be tapped: what stands on it, and the postback data it gives."""
        return [(each.label, each.postback) for each in self.buttons]

    def _identities(self) -> list[Json]:
        found: list[Json] = self.body["recipient"].get("identified_by", {}).get("channel_identities", [])
        return found


@dataclass(frozen=True, slots=True)
class Event:
    """An accepted event such as typing."""

    event_id: str
    body: Json
    time: float


@dataclass(frozen=True, slots=True)
class Callout:
    """A call that was asked for. ``svaml`` is what routes it, or empty where that is an address."""

    call_id: str
    body: Json
    svaml: Json
    time: float


@dataclass(frozen=True, slots=True)
class Patch:
    """A change of a call."""

    call_id: str
    svaml: Json
    time: float


@dataclass(frozen=True, slots=True)
class Problem:
    """A request that was answered 400: of which kind, why, and its body as data (None if it was no JSON)."""

    request: str
    sentence: str
    body: Any


@dataclass(frozen=True, slots=True)
class Posted:
    """A webhook that was posted: its body, the last status it got (0: no answer), and how often it was tried."""

    body: Json
    status: int
    tries: int
