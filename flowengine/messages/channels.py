"""What each channel can show: one table, from the channels' published limits."""

from __future__ import annotations

from dataclasses import dataclass

REPLY = frozenset({"reply"})
EVERY_OPTION = frozenset({"reply", "url", "call", "location", "calendar", "share_location"})
DAY = 86_400
POSTBACK = 2048
CARDS = (2, 10)
PHONE_CHANNELS = frozenset({"SMS", "MMS", "RCS", "WHATSAPP", "VIBERBM"})
"""Where an identity is a telephone number: digits with the country code."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel. Lengths count UTF-16 units, ``postback`` bytes; ``None`` where nothing is published.

    ``beside`` is the longest text beside buttons or a list. ``buttons`` of the kinds ``options`` stand under one
    message, ``mixed`` if not all are replies; ``card_buttons`` on a card. ``rows`` is 0 where a list is not
    native. ``window`` counts seconds after the contact's last message in which anything may be sent.
    ``native`` names the kinds that are not turned into text. A label longer than ``label`` is not cut: the
    options become lines of text.
    """

    name: str
    text: int | None = None
    beside: int | None = None
    label: int = 20
    buttons: int = 0
    mixed: int = 0
    options: frozenset[str] = frozenset()
    card_buttons: int = 0
    card_title: int = 80
    card_description: int = 80
    outer_buttons: int = 0
    rows: int = 0
    row_title: int = 24
    row_description: int = 72
    menu: int = 20
    postback: int = POSTBACK
    media: str = ""
    window: int | None = None
    native: frozenset[str] = frozenset({"text"})


def _native(*kinds: str) -> frozenset[str]:
    return frozenset({"text", *kinds})


# Where a channel publishes no number for labels, the smallest of its kin stands: what is longer becomes text.
_TABLE = (
    Channel("SMS", text=2000, media="sent as its address"),
    Channel(
        "MMS",
        card_title=80,
        card_description=1000,
        media="about 1 MB; only in the US, Canada and Australia",
        native=_native("media", "card"),
    ),
    Channel(
        "WHATSAPP",
        text=4096,
        beside=1024,
        buttons=3,
        options=REPLY | {"share_location"},
        card_buttons=3,
        card_title=60,
        card_description=1024,
        rows=10,
        postback=200,
        media="image 5 MB (jpeg, png), video and audio 16 MB, document 100 MB, sticker 100 KB (webp)",
        window=DAY,
        native=_native("media", "choice", "card", "location", "list", "contact"),
    ),
    Channel(
        "RCS",
        text=3072,
        label=25,
        buttons=10,
        mixed=10,
        options=EVERY_OPTION,
        card_buttons=4,
        card_title=200,
        card_description=2000,
        outer_buttons=3,
        media="100 MiB, kept for 28 days",
        native=_native("media", "choice", "card", "carousel"),
    ),
    Channel(
        "MESSENGER",
        text=2000,
        buttons=10,
        mixed=3,
        options=REPLY | {"url", "call"},
        card_buttons=3,
        outer_buttons=3,
        window=DAY,
        native=_native("media", "choice", "card", "carousel", "location"),
    ),
    Channel(
        "INSTAGRAM",
        text=1000,
        buttons=10,
        mixed=3,
        options=REPLY | {"url"},
        card_buttons=3,
        outer_buttons=3,
        window=DAY,
        native=_native("media", "choice", "card", "carousel"),
    ),
    Channel(
        "VIBERBM",
        text=1000,
        label=30,
        buttons=1,
        mixed=1,
        options=frozenset({"url", "call", "location"}),
        card_buttons=1,
        card_title=30,
        card_description=1000,
        native=_native("media", "choice", "card"),
    ),
    Channel(
        "TELEGRAM",
        text=4096,
        buttons=10,
        mixed=10,
        options=REPLY | {"url"},
        card_buttons=10,
        card_description=1024,
        native=_native("media", "choice", "card", "location"),
    ),
    Channel(
        "LINE",
        text=5000,
        buttons=10,
        mixed=4,
        options=REPLY | {"url"},
        card_buttons=3,
        card_title=40,
        card_description=60,
        outer_buttons=3,
        native=_native("media", "choice", "card", "carousel", "location"),
    ),
    Channel(
        "KAKAOTALK",
        text=1000,
        label=14,
        buttons=5,
        mixed=5,
        options=REPLY | {"url"},
        card_buttons=5,
        card_description=1000,
        native=_native("media", "choice", "card"),
    ),
    Channel("WECHAT", native=_native("media")),
)
CHANNELS = {channel.name: channel for channel in _TABLE}


def channel(name: str) -> Channel:
    """What ``name`` can show; a channel nobody described gets text and nothing else."""
    return CHANNELS.get(name) or Channel(name)


def is_phone(name: str) -> bool:
    """Whether people are known there by their telephone number."""
    return name in PHONE_CHANNELS


def window(name: str) -> int | None:
    """Seconds after the contact's last message in which more than templates may be sent, or None if always."""
    known = CHANNELS.get(name)
    return known.window if known is not None else None
