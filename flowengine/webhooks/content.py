"""What a contact sent: the kinds of ``contact_message``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowengine.callbacks import BadBody, Fields, json_object
from flowengine.webhooks.parts import Location, Media
from flowengine.webhooks.values import object_in, objects_in, text_of, texts_of

MAX_TEXT = 100_000
"""Characters of a text that are kept."""


def content_of(given: Fields) -> tuple[str, Fields]:
    """The kind of a ``contact_message``, and what :class:`Inbound` has of it. What cannot be read is ``unknown``."""
    for key, (kind, reader) in _KINDS.items():
        value = given.get(key)
        if value.__class__ is dict or (value.__class__ is list and kind == "media"):
            content = reader(value)
            return ("unknown", {}) if content is None else (kind, content)
    return "unknown", {}


def _typed(value: Any) -> Fields:
    """What the contact typed, within bounds."""
    text = text_of(value)
    return {"text": text} if len(text) <= MAX_TEXT else {"text": text[:MAX_TEXT], "cut": True}


def _typed_text(message: Fields) -> Fields:
    return _typed(message.get("text"))


def _media(message: Any) -> Fields:
    found = []
    for each in objects_in(message):
        get = each.get
        texts = texts_of(get("url", ""), get("caption", ""), get("filename_override", ""), get("thumbnail_url", ""))
        if texts[0]:
            found.append(Media(*texts))
    return {"media": tuple(found), **_typed(found[0].caption if found else "")}


def _location(message: Fields) -> Fields | None:
    """A place, or None without coordinates that can be; one that is left out is 0, as proto-style JSON does."""
    coordinates = message.get("coordinates")
    if coordinates.__class__ is not dict:
        return None
    latitude, longitude = _degrees(coordinates.get("latitude"), 90), _degrees(coordinates.get("longitude"), 180)
    if latitude is None or longitude is None:
        return None
    title, label = texts_of(message.get("title", ""), message.get("label", ""))
    return {"location": Location(title, label, latitude, longitude)}


def _degrees(value: Any, most: int) -> float | None:
    if value is None:
        return 0.0
    if value.__class__ not in (int, float) or not -most <= value <= most:
        return None
    return float(value)


def _tap(message: Fields) -> Fields:
    answers, postback = texts_of(message.get("message_id", ""), message.get("postback_data", ""))
    return {"answers": answers, "postback": postback}


def _order(message: Fields) -> Fields:
    return {
        "products": tuple(objects_in(message.get("products"))),
        **_typed(message.get("title") or message.get("text")),
    }


def _nothing(message: Fields) -> Fields:
    return {}


def _specific(message: Fields) -> Fields:
    given = object_in(object_in(message.get("message")).get("nfm_reply")).get("response_json")
    if given.__class__ is str:
        try:
            given = json_object(given.encode())
        except BadBody:
            given = None
    return {"form": given if given.__class__ is dict else None}


_KINDS: dict[str, tuple[str, Callable[[Any], Fields | None]]] = {
    "text_message": ("text", _typed_text),
    "choice_response_message": ("tap", _tap),
    "media_message": ("media", _media),
    "media_card_message": ("media", _media),
    "location_message": ("location", _location),
    "product_response_message": ("product", _order),
    "fallback_message": ("fallback", _nothing),
    "channel_specific_message": ("channel_specific", _specific),
}
