"""Durations, opening hours and weekdays as flows write them."""

from __future__ import annotations

import re
from datetime import date

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SCALE = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SPOKEN = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
_DURATION = re.compile(r"(?a:(\d{1,7}(?:\.\d{1,3})?)(ms|s|m|h|d))")
_CLOCK = re.compile(r"(?a:(\d\d):(\d\d))")
_DATE = re.compile(r"(?a:\d{4}-\d\d-\d\d)")


def seconds(text: str) -> float:
    """Seconds in a duration: a number and one of ``ms s m h d``.

    >>> seconds("800ms"), seconds("2m")
    (0.8, 120.0)

    Raises ValueError, with a sentence, for anything else.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f'found "{text}", expected a number with ms, s, m, h or d, such as 5s')
    return round(float(match[1]) * _SCALE[match[2]], 6)


def spoken(seconds: float) -> str:
    """A duration as a person writes it, in the largest unit that divides it.

    >>> spoken(25), spoken(120), spoken(0.8)
    ('25 s', '2 min', '800 ms')
    """
    for name, size in _SPOKEN:
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:g} s" if seconds > 1 or seconds == 0 else f"{seconds * 1000:g} ms"


def parse_clock(text: str) -> int:
    """Minutes after midnight; ``24:00`` is the end of the day.

    >>> parse_clock("09:30")
    570

    Raises ValueError, with a sentence.
    """
    match = _CLOCK.fullmatch(text)
    minutes = int(match[1]) * 60 + int(match[2]) if match and int(match[2]) < 60 else 1441
    if minutes > 1440:
        raise ValueError(f'found "{text}", expected a time of day, such as 09:00')
    return minutes


def parse_hours(text: str) -> tuple[int, int]:
    """``09:00-17:00`` as minutes after midnight: opening and, later on the same day, closing.

    >>> parse_hours("09:00-17:00")
    (540, 1020)

    Raises ValueError, with a sentence.
    """
    start, dash, stop = text.partition("-")
    if not dash:
        raise ValueError(f'found "{text}", expected two times of day, such as 09:00-17:00')
    hours = (parse_clock(start.strip()), parse_clock(stop.strip()))
    if hours[0] >= hours[1]:
        raise ValueError(f'found "{text}", expected the first time before the second, such as 09:00-17:00')
    return hours


def parse_days(text: str) -> tuple[int, ...]:
    """A weekday or a range of them, 0 for Monday to 6 for Sunday; a range may run over the weekend.

    >>> parse_days("mon-fri"), parse_days("sat-mon")
    ((0, 1, 2, 3, 4), (5, 6, 0))

    Raises ValueError, with a sentence.
    """
    first, dash, last = text.partition("-")
    if first not in DAYS or (dash and last not in DAYS):
        raise ValueError(f'found "{text}", expected a weekday or a range, such as sat or mon-fri')
    start = DAYS.index(first)
    count = (DAYS.index(last) - start) % 7 if dash else 0
    return tuple((start + each) % 7 for each in range(count + 1))


def parse_date(text: str) -> date:
    """A day of the calendar, ``2026-12-24``. Raises ValueError, with a sentence."""
    try:
        # fromisoformat also takes 20261224 and 2026-W52-4, which nobody means here.
        return date.fromisoformat(text if _DATE.fullmatch(text) else "")
    except ValueError:
        raise ValueError(f'found "{text}", expected a date, such as 2026-12-24') from None
