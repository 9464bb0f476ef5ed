"""Which day somebody means."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowengine.messages.dates import date_in

TODAY = date(2026, 11, 21)  # a Saturday


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-12-24", "2026-12-24"),
        ("24/12", "2026-12-24"),
        ("12/24", "2026-12-24"),
        ("24/12/2027", "2027-12-24"),
        ("24.12.2026", "2026-12-24"),
        ("24.12.", "2026-12-24"),
        ("24-12-26", "2026-12-24"),
        ("3/4", "2027-04-03"),
        ("24 December", "2026-12-24"),
        ("24th of December", "2026-12-24"),
        ("December 24, 2027", "2027-12-24"),
        ("dec 24", "2026-12-24"),
        ("on the 24 Dec.", "2026-12-24"),
        ("el 24 de diciembre de 2026", "2026-12-24"),
        ("20 November", "2027-11-20"),
        ("21 November", "2026-11-21"),
        ("29/2", "2028-02-29"),
        ("today", "2026-11-21"),
        ("Tomorrow!", "2026-11-22"),
        ("mañana", "2026-11-22"),
        ("pasado mañana", "2026-11-23"),
        ("saturday", "2026-11-28"),
        ("on Friday", "2026-11-27"),
        ("domingo", "2026-11-22"),
        ("٢٤/١٢", "2026-12-24"),
    ],
)
def test_days(text: str, day: str) -> None:
    assert str(date_in(text, TODAY)) == day


@pytest.mark.parametrize(
    "text",
    [
        "",
        "24",
        "24/13/2026",
        "31/2",
        "31 February",
        "2026-02-30",
        "next week",
        "next friday",
        "24 dozen",
        "24.13",
        "not friday",
        "24/12 or 25/12",
        "0/0",
        "29/2/2027",
        "12.24.2026",
        "friday" * 1000,
        "0000-01-01",
    ],
)
def test_no_day(text: str) -> None:
    assert date_in(text, TODAY) is None


def test_the_month_may_come_first() -> None:
    assert date_in("3/4", TODAY, month_first=True) == date(2027, 3, 4)
    assert date_in("24/12", TODAY, month_first=True) == date(2026, 12, 24)
    assert date_in("3.4.2027", TODAY, month_first=True) == date(2027, 4, 3)


@given(st.dates(), st.dates())
def test_a_day_written_out_is_read_back(day: date, today: date) -> None:
    assert date_in(day.isoformat(), today) == day
    assert date_in(f"{day.day} {day:%B} {day.year:04}", today) == day
    coming = date_in(f"{day.day}/{day.month}", today)
    assert coming is None or coming >= today


@given(st.text(), st.dates())
def test_takes_anything(text: str, today: date) -> None:
    date_in(text, today)


@pytest.mark.parametrize("word", ["today", "tomorrow", "friday", "24/12", "29/2"])
@pytest.mark.parametrize("today", [date.max, date.max - timedelta(days=3), date.min])
def test_the_ends_of_time(word: str, today: date) -> None:
    found = date_in(word, today)
    assert found is None or found >= today
