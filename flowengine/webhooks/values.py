"""Single values out of a notification, whatever stands in their place."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from flowengine.callbacks import Fields
from flowengine.messages.channels import PHONE_CHANNELS

SCOPED_CHANNELS = frozenset({"MESSENGER", "INSTAGRAM", "LINE", "WECHAT"})
"""Where an identity means somebody else in every app."""

_CHANNELS = {name: name for name in PHONE_CHANNELS | SCOPED_CHANNELS} | {"VIBER": "VIBERBM"}
_LONGEST_TIME = 64


def phone(channel: str, identity: str) -> str:
    """``+`` and the digits where the identity is a phone number, else ``""``."""
    channel = channel_named(channel)
    digits = bare(channel, identity)
    usable = channel in PHONE_CHANNELS and digits.isascii() and digits.isdigit() and len(digits) <= 15
    return f"+{digits}" if usable and digits[0] != "0" else ""


def unix(text: Any) -> float:
    """Unix seconds of an ISO time with any number of fraction digits, in UTC where it names no offset; else 0."""
    if text.__class__ is not str or len(text) > _LONGEST_TIME:
        return 0.0
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def text_of(value: Any) -> str:
    """A text, or a whole number that stands in its place; nothing else is one."""
    if value.__class__ is str:
        return value
    return str(value) if value.__class__ is int else ""


def texts_of(*values: Any) -> tuple[str, ...]:
    """Texts out of fields; joining finds out in one go whether all of them are texts already."""
    try:
        "".join(values)
    except TypeError:
        return tuple(map(text_of, values))
    return values


def json_of(value: Any) -> str:
    """Metadata: a text, or the text of what should have been one."""
    if value.__class__ is str:
        return value
    return "" if value is None else orjson.dumps(value).decode()


def object_in(value: Any) -> Fields:
    """The object in a field, or an empty one."""
    return value if value.__class__ is dict else {}


def objects_in(value: Any) -> list[Fields]:
    """The objects of a list, or the one object that stands where a list should."""
    values = value if value.__class__ is list else [value]
    return [each for each in values if each.__class__ is dict]


def channel_named(name: str) -> str:
    """A channel by today's name in upper case; channels that are not known keep theirs."""
    known = _CHANNELS.get(name)
    if known is None:
        name = name.strip().upper()
        known = _CHANNELS.get(name, name)
    return known


def bare(channel: str, identity: str) -> str:
    """An identity as it is compared: a phone number has no ``+``."""
    identity = identity.strip()
    return identity.lstrip("+") if channel in PHONE_CHANNELS else identity


def who(part: Fields) -> tuple[str, str, str]:
    """Channel, identity and the app it holds in, of an identity that is an object, a text or two fields."""
    given = part.get("channel_identity")
    if given.__class__ is dict:
        get = given.get
        channel, identity, scope = texts_of(get("channel", ""), get("identity", ""), get("app_id", ""))
    else:
        channel, identity, scope = "", text_of(given), ""
    channel = channel_named(channel or text_of(part.get("channel")))
    identity = bare(channel, identity or text_of(part.get("identity")))
    return channel, identity, scope if channel in SCOPED_CHANNELS else ""
