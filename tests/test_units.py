from __future__ import annotations

import doctest
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowengine import units


@pytest.mark.parametrize(
    ("text", "value"),
    [("5s", 5), ("800ms", 0.8), ("2m", 120), ("24h", 86400), ("3d", 259200), ("0s", 0), ("1.5s", 1.5)],
)
def test_seconds(text: str, value: float) -> None:
    assert units.seconds(text) == value
    assert isinstance(units.seconds(text), float)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0 s"),
        (25, "25 s"),
        (60, "1 min"),
        (90, "90 s"),
        (7200, "2 h"),
        (259200, "3 d"),
        (0.8, "800 ms"),
        (1.5, "1.5 s"),
    ],
)
def test_spoken(value: float, words: str) -> None:
    assert units.spoken(value) == words


@given(st.integers(0, 9_999_999), st.sampled_from(["ms", "s", "m", "h", "d"]))
def test_a_duration_is_its_number_times_its_unit(number: int, unit: str) -> None:
    size = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
    assert units.seconds(f"{number}{unit}") == pytest.approx(number * size)


def test_hours_days_and_dates() -> None:
    assert units.parse_hours("09:00-17:00") == (540, 1020)
    assert units.parse_hours("00:00 - 24:00") == (0, 1440)
    assert units.parse_days("mon-fri") == (0, 1, 2, 3, 4)
    assert units.parse_days("sat") == (5,)
    assert units.parse_days("fri-mon") == (4, 5, 6, 0)
    assert units.parse_date("2026-12-24") == date(2026, 12, 24)


@pytest.mark.parametrize(
    ("parse", "text", "example"),
    [
        *((units.seconds, text, "5s") for text in ("", "5", "s", "5 s", "-5s", "5S", "1e3s", "٣s", "5s\n", "5sec")),
        *((units.parse_clock, text, "09:00") for text in ("", "9:00", "24:01", "12:60", "12.00", "٠9:00")),
        *((units.parse_hours, text, "09:00-17:00") for text in ("", "09:00", "17:00-09:00", "09:00-09:00")),
        (units.parse_hours, "09:00-25:00", "09:00"),
        *((units.parse_days, text, "mon-fri") for text in ("", "monday", "mon-", "-fri", "mon-fri-sat", "Mon")),
        *((units.parse_date, text, "2026-12-24") for text in ("", "2026-13-01", "20261224", "2026-W52-4", "24.12.26")),
    ],
)
def test_a_wrong_text_gets_one_sentence(parse: Callable[[str], Any], text: str, example: str) -> None:
    with pytest.raises(ValueError, match=r"(?s)found .*expected") as error:
        parse(text)
    assert example in str(error.value)
    assert "\n" not in str(error.value).replace(text, "")


def test_examples() -> None:
    assert doctest.testmod(units).failed == 0
