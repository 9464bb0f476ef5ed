"""What an SMS costs."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowengine.messages.segments import EXTENDED, GSM, REPLACEMENTS, Segments, cheaper, count, culprits

GRIN = "\U0001f600"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("я" * 70, 1),
        ("я" * 71, 2),
        ("я" * 134, 2),
        ("я" * 135, 3),
        (GRIN * 35, 1),
        (GRIN * 36, 2),
        ("", 1),
    ],
)
def test_parts(text: str, parts: int) -> None:
    assert count(text).parts == parts


def test_a_character_of_two_units_is_not_split() -> None:
    assert count("a" * 152 + "€" + "a" * 7) == Segments("GSM-7", 161, 2, 153, 144)
    assert count("a" * 152 + "€" + "a" * 152).parts == 3  # 306 units, of which a part lost one
    assert count(GRIN * 66).parts == 2
    assert count(GRIN * 67).parts == 3  # 134 units would fit in two parts if pairs could be split


def test_what_is_left() -> None:
    assert count("abc") == Segments("GSM-7", 3, 1, 160, 157)
    assert count("я" * 71) == Segments("UCS-2", 71, 2, 67, 63)


@pytest.mark.parametrize("text", ["Åse å¿Qué ñ ü à É", "{[€]}", "Ça", "line\nfeed\r\f"])
def test_what_is_in_the_alphabet_never_complains(text: str) -> None:
    assert count(text).encoding == "GSM-7"
    assert culprits(text) == []
    assert cheaper(text * 100) is None


@pytest.mark.parametrize("char", ["’", "–", "…", "\u00a0", "`", "“", "\t", "e\u0301"])
def test_what_can_be_replaced(char: str) -> None:
    text = "a" * 90 + char
    told = cheaper(text)
    assert told is not None
    assert (told[0], told[1]) == (2, 1)
    assert told[2][0][0] == char
    assert count(text.replace(char, told[2][0][1])).encoding == "GSM-7"


def test_a_letter_is_not_replaced_by_another() -> None:
    assert culprits("aço") == [("ç", None)]
    assert cheaper("ç" + "a" * 90) is None


def test_no_word_where_nothing_is_saved() -> None:
    assert cheaper("It’s") is None  # one part either way
    assert cheaper("It’s я" + "a" * 90) is None  # the letter keeps it UCS-2
    assert cheaper("…" * 60) is None  # three dots each would make it longer


def test_every_replacement_is_in_the_alphabet() -> None:
    assert not [old for old, new in REPLACEMENTS.items() if set(new) - GSM or old in GSM | EXTENDED]


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("a€я’…")), max_size=500))
def test_parts_hold_the_units(text: str) -> None:
    told = count(text)
    assert told.units <= told.parts * told.per_part
    assert told.parts <= max(1, math.ceil(told.units / (told.per_part - 1)))
    assert 0 <= told.left <= told.per_part
    saved = cheaper(text)
    assert saved is None or saved[1] < saved[0] == told.parts
