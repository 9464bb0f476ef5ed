"""What the words of a scenario take that is more than a text."""

from __future__ import annotations

from typing import Any

from flowengine.document import Map, Node
from flowengine.fields import Field, MapOf, Name, OneOf, Reader, Record, Type
from flowengine.model import CHANNELS
from flowengine.problems import listed
from flowengine.scenarios.types import (
    EXPECTED,
    KEY,
    TEXT,
    Degrees,
    Given,
    Json,
    Number,
    NumberOrWithheld,
    Several,
    either,
    given,
    named,
)
from flowengine.states.http import METHODS

CALLEE = ("answers", "human", "machine", "not sure", "beep", "hangs up", "no answer", "busy", "unreachable")
NOTICES = ("recording_finished", "recording_available", "transcription_available", "callingerror")

_REQUEST = Record(
    (
        *(
            Field(method, EXPECTED, f"the URL, asked with {method.upper()}; `*` stands for anything")
            for method in METHODS
        ),
        Field("url", EXPECTED, "the URL, whatever it was asked with"),
        Field("json", Json(), "what the body holds at least"),
    ),
    "a request",
)


class Request(Type):
    """What an http step asked: a URL, or a method with its URL and what the body holds at least."""

    def read(self, node: Node, reader: Reader) -> dict[str, Any] | None:
        if not isinstance(node, Map):
            url = EXPECTED.read(node, reader)
            return None if url is None else {"url": url}
        read = _REQUEST.read(node, reader)
        if read is None:
            return None
        used = either(node, (*METHODS, "url"), reader, "the request") if not set(node.entries) - set(read) else ""
        if not used or read[used] is None:
            return None
        method = {} if used == "url" else {"method": used.upper()}
        return {**method, "url": read[used], **({"json": read["json"]} if "json" in node.entries else {})}

    def schema(self) -> dict[str, Any]:
        ways = [{"required": [name]} for name in (*METHODS, "url")]
        return {"anyOf": [EXPECTED.schema(), {**_REQUEST.schema(), "oneOf": ways}]}

    def phrase(self) -> str:
        return "a URL, or a request such as { post: URL, json: { … } }"


_PLACE = Record(
    (
        Field("title", TEXT, "what the place is called"),
        Field("latitude", Degrees(), "degrees north", True),
        Field("longitude", Degrees(), "degrees east", True),
    ),
    "a place",
)
_SHARED = Record(
    (
        Field("media", named("a URL"), "the URL of a picture, a film, a sound or a file"),
        Field("text", TEXT, "what is written below it"),
        Field("location", Given(_PLACE, least=0), "a place"),
    ),
    "what is shared",
)
_KINDS_SHARED = ("photo", "location")


class Shared(Type):
    """A picture, a file or a place that the contact sends."""

    def read(self, node: Node, reader: Reader) -> Any:
        if not isinstance(node, Map):
            return OneOf(_KINDS_SHARED).read(node, reader)
        read = Given(_SHARED).read(node, reader)
        if read is None or not either(node, ("media", "location"), reader, "what is shared"):
            return None
        if "location" in node.entries and "text" in node.entries:
            reader.problem("shape", node.keys["text"], '"text" belongs to media', "a location has a title")
            return None
        return read

    def schema(self) -> dict[str, Any]:
        ways = [{"required": ["media"]}, {"required": ["location"], "not": {"required": ["text"]}}]
        return {"anyOf": [{"enum": list(_KINDS_SHARED)}, {**_SHARED.schema(), "oneOf": ways}]}

    def phrase(self) -> str:
        return "photo, location, or a mapping with media or location"


class Notice(Type):
    """A notification of the platform: its name, or ``type`` and whatever fields it has."""

    def read(self, node: Node, reader: Reader) -> dict[str, Any] | None:
        name = node.entries.get("type") if isinstance(node, Map) else node
        if name is None:
            reader.problem("missing-key", node, 'the notification has no "type"', f"add type: {listed(NOTICES)}")
            return None
        kind = OneOf(NOTICES).read(name, reader)
        if kind is None:
            return None
        rest = Json(True).read(node, reader) if isinstance(node, Map) else {}
        return {**rest, "type": kind}

    def schema(self) -> dict[str, Any]:
        full = {"type": "object", "properties": {"type": {"enum": list(NOTICES)}}, "required": ["type"]}
        return {"anyOf": [{"enum": list(NOTICES)}, full]}

    def phrase(self) -> str:
        return f"{listed(NOTICES)}, or a mapping with type"


_CHANNEL = OneOf(CHANNELS)
_CHOICES = Several(EXPECTED, least=1)
_HEADERS = MapOf(TEXT, "a header name", r"[A-Za-z][A-Za-z0-9-]{0,63}")
WRITTEN = given(
    "what is written",
    "text",
    Field("text", TEXT, "the text", True),
    Field("channel", _CHANNEL, "the channel", shown="the conversation's"),
    Field("from", Number(), "who writes", shown="the contact"),
)
INCOMING = given(
    "a call that comes in",
    "to",
    Field("to", Number("+12025550100"), "the number that is called", shown="the flow's first `to`"),
    Field("from", NumberOrWithheld(), "who calls; `withheld` where no number is shown"),
    Field("custom", TEXT, "the custom field of the callback"),
    Field("headers", _HEADERS, "headers of a call over SIP"),
)
READ = given(
    "what is read",
    "text",
    Field("text", EXPECTED, "words in it"),
    Field("choices", _CHOICES, "the labels it shows"),
)
ASKED = given(
    "a question",
    "text",
    Field("text", EXPECTED, "words in it"),
    Field("choices", _CHOICES, "the labels it shows"),
    Field("keys", Several(KEY, least=1), "the keys it takes"),
)
SENT = given(
    "what is sent",
    "text",
    Field("to", Number(), "who gets it"),
    Field("text", EXPECTED, "words in it"),
    Field("channel", _CHANNEL, "on which channel"),
)
HAPPENED = given(
    "an event",
    "name",
    Field("name", Name("an event"), "its name", True),
    Field("data", Json(), "what it carries"),
)
