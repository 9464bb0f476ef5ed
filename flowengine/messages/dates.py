"""The day that somebody typed: a modest reader for short answers, not for sentences."""

from __future__ import annotations

import re
from datetime import date, timedelta

from flowengine.messages.folding import fold

_DAYS = {
    name: number
    for number, names in enumerate(
        (
            "monday mon lunes",
            "tuesday tue tues martes",
            "wednesday wed miércoles miercoles",
            "thursday thu thur thurs jueves",
            "friday fri viernes",
            "saturday sat sábado sabado",
            "sunday sun domingo",
        )
    )
    for name in names.split()
}
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan enero ene",
            "february feb febrero",
            "march mar marzo",
            "april apr abril abr",
            "may mayo",
            "june jun junio",
            "july jul julio",
            "august aug agosto ago",
            "september sep sept septiembre setiembre",
            "october oct octubre",
            "november nov noviembre",
            "december dec diciembre dic",
        ),
        1,
    )
    for name in names.split()
}
_NEAR = {"today": 0, "hoy": 0, "tomorrow": 1, "mañana": 1, "manana": 1, "day after tomorrow": 2, "pasado mañana": 2}
_LEAD = re.compile(r"(?:(?:on|for|this|the|el|este|para)\s+)+")
_ISO = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_NUMBERS = re.compile(r"([0-9]{1,2})([/.-])([0-9]{1,2})(?:\2([0-9]{4}|[0-9]{2}))?")
_DAY_MONTH = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th)?(?:\s+of|\s+de)?\s+(\w+)\.?,?(?:\s+(?:de\s+)?([0-9]{4}))?")
_MONTH_DAY = re.compile(r"(\w+)\.?\s+([0-9]{1,2})(?:st|nd|rd|th)?,?(?:\s+([0-9]{4}))?")
_LONGEST = 60


def date_in(text: str, today: date, month_first: bool = False) -> date | None:
    """The day that ``text`` names, in digits, English or Spanish; None if it names none or more is said.

    ``2026-12-24``, ``24/12``, ``24.12.2026``, ``24 December``, ``Dec 24``, ``tomorrow``, ``friday``. A day without
    a year is the next such day, today included; a weekday is the next one after today. In ``3/4`` the day comes
    first unless ``month_first``; where only the other order is a day, that is taken.

    >>> date_in("24/12", date(2026, 11, 21)), date_in("maybe friday?", date(2026, 11, 21))
    (datetime.date(2026, 12, 24), None)
    """
    folded = fold(text[: _LONGEST * 2])
    if len(folded) > _LONGEST:
        return None
    folded = _LEAD.sub("", folded, count=1) if _LEAD.match(folded) else folded
    if folded in _NEAR:
        return _after(today, _NEAR[folded])
    if folded in _DAYS:
        return _after(today, (_DAYS[folded] - today.weekday() - 1) % 7 + 1)
    return _written(folded, today) or _in_digits(folded, today, month_first)


def _written(text: str, today: date) -> date | None:
    if match := _DAY_MONTH.fullmatch(text):
        day, month, year = match[1], match[2], match[3]
    elif match := _MONTH_DAY.fullmatch(text):
        month, day, year = match[1], match[2], match[3]
    else:
        return None
    return _day(year, _MONTHS.get(month, 0), int(day), today)


def _in_digits(text: str, today: date, month_first: bool) -> date | None:
    if match := _ISO.fullmatch(text):
        return _day(match[1], int(match[2]), int(match[3]), today)
    match = _NUMBERS.fullmatch(text)
    if match is None:
        return None
    year = "20" + match[4] if match[4] and len(match[4]) == 2 else match[4]
    first, second = int(match[1]), int(match[3])
    day_month = _day(year, second, first, today)
    if match[2] != "/":
        return day_month
    month_day = _day(year, first, second, today)
    return (month_day or day_month) if month_first else (day_month or month_day)


def _day(year: str | None, month: int, day: int, today: date) -> date | None:
    """That day, in ``year`` or else the next one; 29 February waits up to eight years."""
    for each in [int(year)] if year else range(today.year, min(today.year + 9, date.max.year + 1)):
        try:
            found = date(each, month, day)
        except ValueError:
            if 1 <= month <= 12 and (month, day) == (2, 29):
                continue
            return None
        if year or found >= today:
            return found
    return None


def _after(today: date, days: int) -> date | None:
    try:
        return today + timedelta(days=days)
    except OverflowError:
        return None
