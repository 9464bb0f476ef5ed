"""What a message may hold beside text: cards, lists, media and the like, each with its keys and bounds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flowengine.choosing import LOCATION, PHONE, SHOWN_CHOICES, URL, lower_choice
from flowengine.document import Map, Node
from flowengine.fields import LINE, TEXT, Constant, Custom, Field, ListOf, MapOf, Name, OneOf, Reader, Record
from flowengine.lowering import lower, lower_source, lower_url
from flowengine.model import CHANNELS, Source

MOST_CARDS = 10
MOST_CHOICES = 10
MOST_OUTER_CHOICES = 3

MEDIA = Record(
    (
        Field("url", URL, "a public https URL", True),
        Field("caption", LINE, "a line under it"),
        Field("filename", TEXT, "what the file is called"),
    ),
    "media",
    "url",
)
CARD = Record(
    (
        Field("title", LINE, "the heading"),
        Field("description", LINE, "the text"),
        Field("media", URL, "a picture or video, as an https URL"),
        Field("height", OneOf(("short", "medium", "tall")), "how high the picture is"),
        Field("choices", SHOWN_CHOICES, "its buttons, at most 10", channels=("message",)),
    ),
    "card",
)
CAROUSEL = Record(
    (
        Field("cards", ListOf(CARD, least=1, most=MOST_CARDS), "the cards, at most 10", True),
        Field("choices", SHOWN_CHOICES, "buttons under all of them, at most 3", channels=("message",)),
    ),
    "carousel",
)
_ITEM = Record(
    (
        Field("title", LINE, "the row", True),
        Field("description", LINE, "a line under it"),
        Field("value", Name("a value"), "what is answered by it", True),
    ),
    "a row",
)
_SECTION = Record(
    (
        Field("title", LINE, "the heading of the rows"),
        Field("items", ListOf(_ITEM, least=1, most=100), "the rows", True),
    ),
    "a section",
)
LISTING = Record(
    (
        Field("title", LINE, "the heading", True),
        Field("description", LINE, "the text"),
        Field("menu", LINE, "what stands on the button that opens it"),
        Field("sections", ListOf(_SECTION, least=1, most=10), "rows under headings", True),
    ),
    "list",
)
CONTACT = Record(
    (
        Field("name", LINE, "the full name", True),
        Field("phone", PHONE, "a phone number"),
        Field("email", TEXT, "an e-mail address"),
        Field("organization", LINE, "where they work"),
        Field("url", URL, "their page"),
    ),
    "contact",
)


def _read_locale(node: Node, reader: Reader) -> Any:
    if not isinstance(node, Map):
        return _LOCALE.read(node, reader)
    found = {key: _LOCALE.read(each, reader) for key, each in node.entries.items()}
    return {key: each for key, each in found.items() if each}


_LOCALE = Constant(r"[a-z]{2,3}([_-][A-Za-z0-9]+)*", "a language such as en_US")
TEMPLATE = Record(
    (
        Field("name", Constant(what="the template's name"), "as it was approved", True),
        Field(
            "language",
            Custom(_read_locale, {"type": ["string", "object"]}, "a language, or one for each of the flow's"),
            "its language, such as `en_US`",
            True,
        ),
        Field("header", TEXT, "what fills the header"),
        Field("body", ListOf(TEXT), "what fills the gaps of the body, in order"),
        Field("buttons", ListOf(TEXT), "what fills the buttons, in order"),
        Field("version", Constant(what="a version"), "the version, for templates of several channels"),
    ),
    "template",
)


def _read_native(node: Node, reader: Reader) -> Any:
    """JSON text of an object. What its texts hold is put in afterwards, so that it can only ever be text."""
    found = TEXT.read(node, reader)
    if found is not None and found.dynamic and not isinstance(_json_of(found.text), dict):
        fix = "write an object, with every {{ }} inside a text of it"
        reader.problem("shape", node, "the message is no JSON object as it stands", fix)
        return None
    return found


def _json_of(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


EXPLICIT = MapOf(Custom(_read_native, TEXT.schema(), TEXT.phrase()), "a channel such as WHATSAPP", "|".join(CHANNELS))

SHAPES: Mapping[str, Record] = {
    "card": CARD,
    "carousel": CAROUSEL,
    "list": LISTING,
    "media": MEDIA,
    "location": LOCATION,
    "contact": CONTACT,
    "template": TEMPLATE,
}


def check_content(name: str, value: Mapping[str, Any], node: Node, reader: Reader) -> None:
    """What no key by itself can know: a card that says nothing, more buttons than any channel takes."""
    if name == "card":
        _check_card(value, node, reader)
    if name == "carousel":
        for card in value["cards"] or ():
            _check_card(card, node, reader)
        _count(value["choices"], MOST_OUTER_CHOICES, "a carousel", node, reader)


def _check_card(card: Mapping[str, Any], node: Node, reader: Reader) -> None:
    if isinstance(node, Map) and not any(card[key] for key in ("title", "description", "media")):
        reader.problem("missing-key", node, "the card is empty", "add a title, a description or media")
    _count(card["choices"], MOST_CHOICES, "a card", node, reader)


def _count(choices: Any, most: int, what: str, node: Node, reader: Reader) -> None:
    if choices and len(choices) > most:
        reader.problem("limit", node, f"{len(choices)} choices; {what} takes at most {most}", "leave some out")


def lower_content(name: str, value: Any) -> Any:
    """One piece of content as JSON: known keys as a plain mapping, without those that were not written."""
    if name == "choices":
        return [lower_choice(each) for each in value]
    if name in ("url", "media") and not isinstance(value, Mapping):
        return lower_url(value)
    if name == "explicit":
        return {channel: _lower_native(_json_of(each.text) or each.text, each) for channel, each in value.items()}
    if not isinstance(value, Mapping | tuple):
        return lower(value)
    if isinstance(value, Mapping):
        return {key: lower_content(key, each) for key, each in value.items() if each is not None}
    return [lower_content("", each) for each in value]


def _lower_native(value: Any, source: Source) -> Any:
    """Every text of the JSON in ``source``, which may hold templates."""
    if isinstance(value, Mapping):
        return {"$map": {key: _lower_native(each, source) for key, each in value.items()}}
    if isinstance(value, list):
        return [_lower_native(each, source) for each in value]
    return lower_source(replace(source, text=value)) if isinstance(value, str) else value
