"""What is over a channel's limits, and how it is cut."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import SAMPLES, SITE, replies

from flowengine.messages.channels import CHANNELS
from flowengine.messages.compose import form
from flowengine.messages.fitting import clean, cut, is_edge
from flowengine.messages.limits import limits
from flowengine.messages.numbering import units

LONG = "Talk to somebody in the office"


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        ({"text": "a" * 4097}, "WHATSAPP", "the text has 4,097 characters; WHATSAPP takes 4,096, so it is cut"),
        (
            {"text": "?", "options": replies(LONG)},
            "WHATSAPP",
            f'the label "{LONG}" has 30 characters; WHATSAPP takes 20, so the choices are sent as lines of text',
        ),
        (
            {"text": "?", "options": replies(LONG), "as": "buttons"},
            "RCS",
            f'the label "{LONG}" has 30 characters; RCS takes 25, so it is cut',
        ),
        (
            {"text": "?", "options": replies(*"ABCDEFGHIJK")},
            "WHATSAPP",
            "there are 11 choices; WHATSAPP shows 10, so the choices are sent as lines of text",
        ),
        (
            {"text": "a" * 1025, "options": replies("Yes")},
            "WHATSAPP",
            "the text has 1,025 characters; with WHATSAPP it takes 1,024 beside choices, so the choices are sent as "
            "lines of text",
        ),
        (
            {"card": {"title": "a" * 201}},
            "RCS",
            "the title of the card has 201 characters; RCS takes 200, so the card is sent as text",
        ),
        (
            {"card": {"title": "a", "choices": replies(*"ABCD")}},
            "WHATSAPP",
            "the card has 4 choices; WHATSAPP shows 3 on a card, so the card is sent as text",
        ),
        (
            {"carousel": {"cards": [{"title": "a"}] * 11}},
            "RCS",
            "the carousel has 11 cards; RCS shows 10, so they are sent as text",
        ),
        (
            {"list": {"title": "?", "sections": [{"items": [{"title": "a" * 25, "value": "a"}]}]}},
            "WHATSAPP",
            f'the row "{"a" * 25}" has 25 characters; WHATSAPP takes 24, so the list is sent as text',
        ),
        (
            {"list": {"title": "?", "sections": [{"items": [{"title": c, "value": c} for c in "abcdefghijk"]}]}},
            "WHATSAPP",
            "the list has 11 rows; WHATSAPP shows 10, so the list is sent as text",
        ),
    ],
)
def test_sentences(content: dict[str, Any], name: str, told: str) -> None:
    assert limits(content, name) == [told]


def test_no_word_where_the_channel_has_no_buttons_at_all() -> None:
    assert limits({"text": "?", "options": replies(LONG, *"ABCDEFGHIJKL")}, "SMS") == []
    assert limits({"text": "?", "options": [SITE, *replies(LONG)]}, "WHATSAPP") == []
    assert limits({"text": "?", "options": replies(LONG), "as": "text"}, "WHATSAPP") == []
    assert limits({"text": "?", "options": replies(*"ABCDE")}, "WHATSAPP") == []


@pytest.mark.parametrize("name", CHANNELS)
@pytest.mark.parametrize("sample", SAMPLES)
def test_what_the_channel_shows_otherwise_has_a_reason(sample: str, name: str) -> None:
    content = SAMPLES[sample]
    told = limits(content, name)
    is_native = "choice" in CHANNELS[name].native and {"reply"} <= CHANNELS[name].options
    only_replies = {option.get("kind", "reply") for option in content.get("options", ())} == {"reply"}
    shown = any(option.get("label") for option in content.get("options", ()))
    if is_native and only_replies and shown and content.get("as") != "text":
        assert bool(told) or form(content, name) != "text"


@pytest.mark.parametrize(
    ("text", "room", "short"),
    [
        ("Book a table", 12, "Book a table"),
        ("Book a table", 11, "Book a t..."),
        ("Book a table", 3, "Boo"),
        ("abcdefe\u0301ghi", 10, "abcdef..."),
        ("abcde\U0001f44d\U0001f3fdfg", 10, "abcde..."),
        ("abc\U0001f1f8\U0001f1ea\U0001f1f3\U0001f1f4def", 10, "abc\U0001f1f8\U0001f1ea..."),
        ("ab\U0001f468\u200d\U0001f469\u200d\U0001f467cdef", 10, "ab..."),
        ("abc\U0001f1f8\U0001f1ea\U0001f1f3\U0001f1f4def", 12, "abc\U0001f1f8\U0001f1ea..."),
        ("", 0, ""),
    ],
)
def test_cut(text: str, room: int, short: str) -> None:
    assert cut(text, room) == short


CLINGING = st.sampled_from(["e\u0301", "\U0001f44d\U0001f3fd", "\U0001f1f8\U0001f1ea", "1\ufe0f\u20e3", "\u200d", " "])


@given(st.text(st.characters(codec=None) | CLINGING.flatmap(st.sampled_from)), st.integers(0, 40))
def test_cutting_keeps_to_the_room_and_breaks_no_character(text: str, room: int) -> None:
    short = cut(clean(text), room)
    assert units(short) <= room
    clean(text).encode()
    if short != clean(text):
        kept = short.removesuffix("...")
        assert clean(text).startswith(kept)
        assert is_edge(clean(text), len(kept)) or clean(text)[len(kept)].isspace()


def test_halves_of_characters_are_joined_or_replaced() -> None:
    assert clean("\ud83d\udc4d") == "\U0001f44d"
    assert clean("a\ud83db\udc4d") == "a\ufffdb\ufffd"
