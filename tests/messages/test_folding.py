"""What is the same when it is compared, and what is not."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowengine.messages.folding import digits_of, fold, leading_number, number_in, words_of

THUMB, DOWN, BROWN = "\U0001f44d", "\U0001f44e", "\U0001f3fd"
JOIN, VARIATION, KEYCAP = "\u200d", "\ufe0f", "\u20e3"
HEART, FIRE = "\u2764", "\U0001f525"

TYPED = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(["1", VARIATION, KEYCAP, JOIN, THUMB, BROWN, " ", ">", "-", "*", ".", "'", "´", "ŉ", "\u0300"]),
    )
)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Yes", "yes"),
        ("  YES!  ", "yes"),
        ("yes.", "yes"),
        ("> BOOK A TABLE", "book a table"),
        (">> yes", "yes"),
        ("“Book”", "book"),
        ("«Sí»", "sí"),
        ("¿Qué?", "qué"),
        ("Don’t", "don't"),
        ("book   a\n\ttable", "book a table"),
        ("Book\u00a0a table", "book a table"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("e\u0301", "é"),
        ("２", "2"),
        ("٢", "2"),
        ("१२", "12"),
        ("1" + VARIATION + KEYCAP, "1"),
        ("2" + KEYCAP, "2"),
        ("\U0001f51f", "10"),
        ("²", "2"),
        ("2)", "2"),
        ("(2)", "2"),
        ("2.", "2"),
        ("*Yes*", "yes"),
        ("- yes", "yes"),
        ("\u202bכן\u202c", "כן"),
        ("\ufeffyes\u200b", "yes"),
        (THUMB + BROWN, THUMB),
        (HEART + VARIATION, HEART),
        ("…", "..."),
        ("?!", "?!"),
        (">", ">"),
        ("", ""),
        (" \n ", ""),
        (":D", ":d"),
        ("C++", "c++"),
        ("A-", "a-"),
        ("-5", "-5"),
        ("#1", "#1"),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (THUMB, DOWN),
        (HEART + VARIATION + JOIN + FIRE, HEART + VARIATION + FIRE),
        ("\U0001f468" + JOIN + "\U0001f469", "\U0001f468\U0001f469"),
        ("\U0001f3f4\U000e0067\U000e0062\U000e007f", "\U0001f3f4"),
        ("A+", "A-"),
        ("sí", "si"),
        ("C", "C#"),
        (BROWN, "\U0001f3fb"),
    ],
)
def test_what_differs_stays_different(one: str, other: str) -> None:
    assert fold(one) != fold(other)


def test_a_joiner_between_letters_goes() -> None:
    assert fold("می\u200cخواهم") == fold("میخواهم")
    assert fold("yes" + JOIN) == "yes"


@given(TYPED)
@example("´´")
@example("> - *'* - yes'")
@example("\U0001f468" + JOIN + VARIATION + JOIN + "\U0001f469")
def test_folding_twice_changes_nothing(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert folded == folded.strip()
    assert bool(folded) >= any(unicodedata.category(char)[0] in "LNPS" for char in text if not char.isspace())


def test_every_single_character_folds_once_and_for_all() -> None:
    for point in (*range(0x20000), *range(0xE0000, 0xE0200)):
        folded = fold(chr(point))
        assert fold(folded) == folded


@pytest.mark.timeout(10)
@pytest.mark.parametrize("part", ["- ", "*_", "> ", "-", "*(", "\u200d", "- x-", "9,"])
def test_long_text_takes_a_moment(part: str) -> None:
    text = part * 50_000
    for each in (text, text + "x" + text[::-1]):
        assert len(fold(each)) <= len(each)
        number_in(each)


def test_digits() -> None:
    assert digits_of("12-٣٤ x５") == "12345"
    assert digits_of("none") == ""


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2", 2),
        ("2 people", 2),
        ("we are 2!", 2),
        ("2nd", 2),
        ("٢", 2),
        ("1" + VARIATION + KEYCAP, 1),
        ("2,5", 2.5),
        ("2.5 kg", 2.5),
        ("2.0", 2),
        ("2.", 2),
        (".5", 0.5),
        ("no.5", 5),
        ("-5", -5),
        ("−5", -5),
        ("- 5", 5),
        ("0,500", 0.5),
        ("1,234,567", 1234567),
        ("1.234,50", 1234.5),
        ("1,234.5", 1234.5),
        ("٢٫٥", 2.5),
        ("$20", 20),
        ("007", 7),
        ("1,000", None),
        ("2 or 3", None),
        ("10:30", None),
        ("1/2", None),
        ("½", None),
        ("2-3", None),
        ("1.2.3", None),
        ("1,23,4", None),
        ("two", None),
        ("A4", None),
        ("covid-19", None),
        ("", None),
        ("9" * 5000, None),
    ],
)
def test_number_in(text: str, number: float | None) -> None:
    found = number_in(text)
    assert found == number
    assert type(found) is type(number)


@given(st.one_of(TYPED, st.text("0123456789.,- ax")))
def test_number_in_takes_anything(text: str) -> None:
    found = number_in(text)
    assert found is None or abs(found) < 1e15
    assert found is None or digits_of(text)


@given(st.integers(0, 10**12))
def test_a_whole_number_is_itself(number: int) -> None:
    assert number_in(f"about {number} of them") == number


def test_leading_number() -> None:
    assert leading_number("20 people") == "20"
    assert leading_number("10:30") == "10"
    assert leading_number("1" + VARIATION + KEYCAP + " Sales") == "1"
    assert leading_number("Table 2") == ""


def test_words() -> None:
    assert words_of("i want an agent, please") == ["i", "want", "an", "agent", "please"]
    assert words_of("ok" + THUMB) == ["ok", THUMB]
    assert words_of("हिन्दी में") == ["हिन्दी", "में"]
    assert words_of("") == []
