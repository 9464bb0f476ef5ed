"""What is read as a telephone number, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowengine.numbers import E164, e164, is_premium, normal_caller, region


@pytest.mark.parametrize("number", ["+12025550100", "+46701234567", "+442079460123"])
def test_a_valid_number_stays_as_it_is(number: str) -> None:
    assert e164(number) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "12025550100",
        "0012025550100",
        "+0012025550100",
        "+1 202 555 0100",
        "+1-202-555-0100",
        "+12025550100\n",
        "\n+12025550100",
        "+12025550100;ext=5",
        "+12025550100x5",
        "tel:+12025550100",
        "+1202555010\u0663",
        "\uff0b12025550100",
        "+\u0661\u0662\u0660\u0662\u0665\u0665\u0665\u0660\u0661\u0660\u0660",
        "+1800FLOWERS",
        "+1202555010",
        "+19765550100",
        "+12025550100,+19005550100",
        "sip:+12025550100@example.com",
        "+" + "1" * 5000,
    ],
)
def test_anything_else_is_no_number(text: str) -> None:
    assert e164(text) is None


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="+0123456789 ;ext=-()\n\u0663\u00b2\uff11", max_size=20))
def test_what_is_accepted_has_one_spelling(text: str) -> None:
    number = e164(text)
    assert number is None or (number == text and E164.fullmatch(number))


def test_regions() -> None:
    assert region("+12025550100") == "US"
    assert region("+46701234567") == "SE"
    assert region("+14165550123") == "CA"
    assert region("+80012345678") == "001"
    assert region("12025550100") == region("private") == ""


@pytest.mark.parametrize(
    "number",
    [
        "+19005550100",
        "+19765550100",
        "+12029765010",
        "+97912345678",
        "+448712345678",
        "+870773123456",
        "+881612345678",
        "+88213312345",
        "12025550100",
        "private",
        "+1900555010٠",
    ],
)
def test_dear_numbers_and_non_numbers_are_premium(number: str) -> None:
    assert is_premium(number)
    assert is_premium("")


@pytest.mark.parametrize("number", ["+12025550100", "+18005550100", "+46701234567", "+442079460123"])
def test_other_numbers_are_not_premium(number: str) -> None:
    assert not is_premium(number)


@pytest.mark.parametrize(
    ("text", "caller"),
    [
        ("+12025550123", "+12025550123"),
        ("12025550123", "+12025550123"),
        ("46701234567", "+46701234567"),
        ("0046701234567", "+46701234567"),
        ("+1 (202) 555-0123", "+12025550123"),
        ("Anna <+12025550123>", "+12025550123"),
        ('"Anna; x" <12025550123>', "+12025550123"),
        ("Anna <private>", ""),
        ("private", ""),
        ("anonymous", ""),
        ("", ""),
        ("0701234567", ""),
        ("2025550123", ""),
        ("ACME", ""),
        ("+1202555\u0660123", ""),
        (None, ""),
        (46701234567, ""),
        ("1" * 10_000, ""),
    ],
)
def test_callers_in_every_spelling(text: object, caller: str) -> None:
    assert normal_caller(text) == caller


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(), st.text(alphabet="+0123456789<> "), st.none(), st.integers(), st.lists(st.text())))
def test_no_caller_can_break_it(text: object) -> None:
    caller = normal_caller(text)
    assert caller == "" or E164.fullmatch(caller)


def test_the_metadata_is_loaded_late() -> None:
    code = "import sys, flowengine.numbers; print('phonenumbers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
