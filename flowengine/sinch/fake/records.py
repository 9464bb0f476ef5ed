"""What the fake platform remembers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

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
        return " / ".join(_texts(self.message))

    @property
    def options(self) -> list[tuple[str, str]]:
        """What can be tapped: what stands on it, and the postback data it gives."""
        return [(label, postback or f"{self.message_id}_{label}") for label, postback in _options(self.message)]

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


def _texts(message: Mapping[str, Any]) -> Iterator[str]:
    for kind in message.values():
        if not isinstance(kind, dict):
            continue
        found = [kind.get("text_message", {}).get("text"), *(kind.get(name) for name in ("text", "title"))]
        found += [kind.get("description"), kind.get("url"), kind.get("media_message", {}).get("url")]
        yield from (str(each) for each in found if each)
        for card in kind.get("cards", ()):
            yield from _texts({"card": card})
        for template in kind.get("channel_template", {}).values():
            yield f"[{template['template_id']}]"


def _options(message: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for kind in message.values():
        if not isinstance(kind, dict):
            continue
        for card in kind.get("cards", ()):
            yield from _options({"card": card})
        for section in kind.get("sections", ()):
            for item in section["items"]:
                row = item.get("choice", {})
                yield str(row.get("title", "")), str(row.get("postback_data", ""))
        for choice in kind.get("choices", ()):
            yield _label(choice), str(choice.get("postback_data", ""))


def _label(choice: Mapping[str, Any]) -> str:
    for value in choice.values():
        if isinstance(value, dict):
            return str(value.get("text") or value.get("title") or "")
    return ""
