"""A contact as a turn sees it, and where what is known of it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

KNOWN = ("language", "name", "timezone")
"""What a flow may set of a contact beside its declared fields."""


TALK = "talk/"


@dataclass(slots=True)
class Person:
    """``key`` and ``talk`` name the records of the contact and of this conversation with it.

    ``out``: this conversation was opted out of; ``left`` is when the newest word for that was accepted and ``seen``
    when the contact last wrote (Unix seconds). ``met`` tells that the contact's record names this conversation.
    ``joined`` is the conversation that this channel belongs to, where one goes over several.
    """

    key: str = ""
    talk: str = ""
    identity: str = ""
    number: str = ""
    name: str = ""
    language: str = ""
    timezone: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, bool] = field(default_factory=dict)
    out: bool = False
    left: float = 0.0
    seen: float = 0.0
    met: bool = False
    joined: str = ""

    def known(self) -> dict[str, Any]:
        """What turns depend on and no turn of the conversation need have said: empty where nothing is known."""
        if not (self.fields or self.tags or self.name or self.language or self.timezone or self.out):
            return {}
        found = {name: getattr(self, name) for name in KNOWN}
        found |= {"fields": dict(self.fields), "tags": {**self.tags}, "out": self.out}
        return {name: each for name, each in found.items() if each}

    def facts(self, defaults: Mapping[str, Any]) -> dict[str, Any]:
        """``contact.`` in expressions; a declared field that was never set is its default, else empty."""
        return {
            **{name: self.fields.get(name, each) for name, each in defaults.items()},
            "identity": self.identity,
            "number": self.number,
            "name": self.name,
            "language": self.language,
            "timezone": self.timezone,
            "tags": sorted(name for name, on in self.tags.items() if on),
        }


class Names(NamedTuple):
    """Where what is known of a contact is kept: ``contact`` and ``talk`` are records.

    ``number`` is the contact's, empty where they are known by none; ``key`` is that of the conversation on this
    channel.
    """

    number: str
    key: str
    contact: str
    talk: str


def names_of(number: str, key: str) -> Names:
    """The names of a contact who has this number, or else only this conversation."""
    return Names(number, key, contact_record(number, key), talk_record(key))


def talk_record(key: str) -> str:
    """The record of a conversation, by its key."""
    return TALK + key


def contact_record(number: str, other: str = "") -> str:
    """The record of a contact: by their number, whatever channel it is on, else by the one conversation with them."""
    return f"contact/{blake2b((number or other).encode('utf-8', 'surrogatepass'), digest_size=16).hexdigest()}"


def read_person(names: Names, identity: str, contact: bytes | None, talk: bytes | None) -> Person:
    """The records of a contact and of a conversation, either of which may be missing."""
    known = orjson.loads(contact) if contact else {}
    state = orjson.loads(talk) if talk else {}
    return Person(
        key=names.contact,
        talk=names.talk,
        identity=identity,
        number=names.number,
        name=str(known.get("name", "")),
        language=str(known.get("language", "")),
        timezone=str(known.get("timezone", "")),
        fields=dict(known.get("fields", {})),
        tags=dict(known.get("tags", {})),
        out=bool(state.get("out")),
        left=float(state.get("left", 0)),
        seen=float(state.get("seen", 0)),
        met=names.key in known.get("talks", {}),
        joined=str(state.get("session", "")),
    )


def known_of(contact: bytes | None, number: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The declared fields of a contact and what else is known of them, for a call."""
    record = orjson.loads(contact) if contact else {}
    known = {name: record[name] for name in ("name", "timezone") if record.get(name)}
    tags = sorted(name for name, on in record.get("tags", {}).items() if on)
    return dict(record.get("fields", {})), {**known, "number": number, **({"tags": tags} if tags else {})}
