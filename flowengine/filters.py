"""What stands after ``|`` in an expression, and how values print in a text.

Every filter takes the value before the bar first. One that cannot do its work raises
:class:`EvaluationFailed`; its sentence never holds the value, which may be a caller's secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date as Date
from datetime import datetime as Moment
from datetime import time as Clock
from decimal import ROUND_HALF_UP, Decimal
from math import isfinite
from typing import Any

from jinja2 import StrictUndefined

LONGEST_TEXT = 20_000
LARGEST_NUMBER = 1e15
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_NUMBER = re.compile(r"(?a:\s*[+-]?\d{1,16}(?:\.\d{1,16})?\s*)")


class EvaluationFailed(Exception):
    """An expression that has no value now: ``str()`` is a sentence without the values."""


class Undefined(EvaluationFailed):
    """A name without a value was read; ``path`` says which, dotted."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} has no value")
        self.path = path


class Missing(StrictUndefined):
    """Stands for a value that is not there until something needs it, and then raises :class:`Undefined`."""

    __slots__ = ()

    def __init__(self, hint: str | None = None, obj: Any = None, name: str | None = None, **_: Any) -> None:
        super().__init__(hint, obj, name, Undefined)  # type: ignore[arg-type]

    @property
    def _undefined_message(self) -> str:
        return self.path

    @property
    def path(self) -> str:
        return str(self._undefined_name)


def printed(value: Any) -> str:
    """How a value reads in a text: ``3`` for 3.0, ``true``, nothing for none, ISO times, ``a, b`` for a list.

    >>> printed([1.0, True, None, Date(2026, 12, 24)])
    '1, true, , 2026-12-24'
    """
    printer = _PRINTERS.get(type(value)) or _printer(value)
    return printer(value)


def _printer(value: Any) -> Callable[[Any], str]:
    if isinstance(value, Missing):
        raise Undefined(value.path)
    for kind, printer in _PRINTERS.items():
        if isinstance(value, kind):
            return printer
    if isinstance(value, Mapping):
        raise EvaluationFailed("a record cannot be printed; name one of its fields")
    raise EvaluationFailed("a value of this kind cannot be printed")


def _print_list(values: Any) -> str:
    return join(values)


def _print_float(value: float) -> str:
    if not isfinite(value):
        raise EvaluationFailed("a number is too large")
    if value.is_integer():
        return str(int(value))
    return f"{value:.10f}".rstrip("0").rstrip(".")


_PRINTERS: dict[type, Callable[[Any], str]] = {
    str: str,
    bool: lambda value: "true" if value else "false",
    int: int.__repr__,
    float: _print_float,
    type(None): lambda value: "",
    list: _print_list,
    tuple: _print_list,
    Moment: Moment.isoformat,
    Date: Date.isoformat,
    Clock: Clock.isoformat,
}


def capped(number: float) -> float:
    """The number itself, unless it is too large to mean anything in a call."""
    if not abs(number) <= LARGEST_NUMBER:  # also true of NaN
        raise EvaluationFailed("a number is too large")
    return number


def short(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise EvaluationFailed(f"a text is longer than {LONGEST_TEXT:,} characters")
    return text


def _text(value: Any) -> str:
    return short(printed(value))


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        printed(value)  # a missing value says so itself
        raise EvaluationFailed("a number was expected")
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            raise EvaluationFailed("a number was expected")
        return Decimal(value.strip())
    return Decimal(repr(capped(value)))


def _rounded(value: Any, places: int) -> Decimal:
    number = _decimal(value)
    capped(float(number))
    return number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def default(value: Any, otherwise: Any = "") -> Any:
    """The value, or ``otherwise`` where there is none: not set, empty text, or none.

    >>> default("", "there"), default(0, "there")
    ('there', 0)
    """
    if isinstance(value, Missing) or value is None or (isinstance(value, str) and not value):
        return otherwise
    return value


def lower(value: Any) -> str:
    """Small letters.

    >>> lower("GOLD")
    'gold'
    """
    return _text(value).lower()


def upper(value: Any) -> str:
    """Capitals.

    >>> upper("gold")
    'GOLD'
    """
    return _text(value).upper()


def title(value: Any) -> str:
    """A capital at the start of each word, small letters after it.

    >>> title("ann o'neil")
    "Ann O'neil"
    """
    return re.sub(r"\S+", lambda word: word[0][:1].upper() + word[0][1:].lower(), _text(value))


def trim(value: Any) -> str:
    """Without the spaces at both ends.

    >>> trim("  Ann ")
    'Ann'
    """
    return _text(value).strip()


def length(value: Any) -> int:
    """How many items a list or record has, or characters a text.

    >>> length("1234"), length([1, 2])
    (4, 2)
    """
    return len(value if isinstance(value, list | tuple | Mapping) else printed(value))


def join(value: Any, separator: str = ", ") -> str:
    """The items of a list in a row, with a text between them.

    >>> join(["Ann", "Bo"], " and ")
    'Ann and Bo'
    """
    items, between, size = _items(value), _text(separator), 0
    words: list[str] = []
    for item in items:
        if isinstance(item, list | tuple):
            raise EvaluationFailed("a list inside a list cannot be printed")
        words.append(printed(item))
        size += len(words[-1]) + len(between)
        if size > LONGEST_TEXT + len(between):
            raise EvaluationFailed(f"a text is longer than {LONGEST_TEXT:,} characters")
    return between.join(words)


def _items(value: Any) -> list[Any] | tuple[Any, ...]:
    if isinstance(value, list | tuple):
        return value
    printed(value)
    raise EvaluationFailed("a list was expected")


def first(value: Any) -> Any:
    """The first item of a list or character of a text; no value if there is none.

    >>> first(["Ann", "Bo"])
    'Ann'
    """
    items = value if isinstance(value, list | tuple) else printed(value)
    return items[0] if items else Missing(name="the first of nothing")


def last(value: Any) -> Any:
    """The last item of a list or character of a text; no value if there is none.

    >>> last("1234")
    '4'
    """
    items = value if isinstance(value, list | tuple) else printed(value)
    return items[-1] if items else Missing(name="the last of nothing")


def round_(value: Any, places: int = 0) -> float:
    """The nearest number with so many decimals (0 to 10), halves away from zero; whole without ``places``.

    >>> round_(2.5), round_("3.14159", 2)
    (3, 3.14)
    """
    if isinstance(places, bool) or not isinstance(places, int) or not 0 <= places <= 10:
        raise EvaluationFailed("round takes 0 to 10 decimals")
    number = _rounded(value, places)
    return float(number) if places else int(number)


def int_(value: Any, otherwise: Any = Missing(name="int")) -> Any:  # noqa: B008  an immutable mark
    """The whole number in a text or number, its decimals cut off; ``otherwise`` where there is none.

    >>> int_("007"), int_(12.9), int_("seven", 0)
    (7, 12, 0)
    """
    try:
        return int(_whole(value))
    except EvaluationFailed:
        if isinstance(otherwise, Missing):
            raise
        return otherwise


def _whole(value: Any) -> Decimal:
    number = _decimal(value)
    capped(float(number))
    return number


def time(value: Any) -> str:
    """The time of day of a moment, on 24 hours.

    >>> time("2026-12-24T14:30:00+01:00")
    '14:30'
    """
    moment = _moment(value, Clock)
    if not isinstance(moment, Moment | Clock):
        raise EvaluationFailed("a time was expected")
    return moment.strftime("%H:%M")


def date(value: Any) -> str:
    """The day of a moment, as it is read aloud.

    >>> date("2026-12-24")
    '24 December 2026'
    """
    moment = _moment(value, Date)
    if not isinstance(moment, Date):
        raise EvaluationFailed("a date was expected")
    return f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}"


def _moment(value: Any, part: type[Clock] | type[Date]) -> Moment | Date | Clock:
    """The value as a moment, or as the ``part`` of one that a text may hold alone."""
    if isinstance(value, Date | Clock):
        return value
    text = _text(value).strip()
    for kind in (part, Moment):
        try:
            return kind.fromisoformat(text)
        except ValueError:
            continue
    raise EvaluationFailed("a moment was expected, such as 2026-12-24T14:30")


def spell(value: Any) -> str:
    """One character at a time.

    >>> spell("AB 12")
    'A B 1 2'
    """
    return short(" ".join("".join(_text(value).split())))


def digits(value: Any) -> str:
    """The digits 0 to 9 and nothing else.

    >>> digits("+1 202 555-0100")
    '12025550100'
    """
    return re.sub(r"[^0-9]", "", _text(value))


def money(value: Any) -> str:
    """Two decimals.

    >>> money(12.5)
    '12.50'
    """
    return str(_rounded(value, 2))


def replace(value: Any, old: str, new: str) -> str:
    """Every ``old`` changed to ``new``.

    >>> replace("2026-12-24", "-", " ")
    '2026 12 24'
    """
    text, was, becomes = _text(value), _text(old), _text(new)
    if not was:
        raise EvaluationFailed("replace needs something to look for")
    if len(text) + text.count(was) * (len(becomes) - len(was)) > LONGEST_TEXT:
        raise EvaluationFailed(f"a text is longer than {LONGEST_TEXT:,} characters")
    return text.replace(was, becomes)


FILTERS: dict[str, Callable[..., Any]] = {
    "default": default,
    "lower": lower,
    "upper": upper,
    "title": title,
    "trim": trim,
    "length": length,
    "join": join,
    "first": first,
    "last": last,
    "round": round_,
    "int": int_,
    "time": time,
    "date": date,
    "spell": spell,
    "digits": digits,
    "money": money,
    "replace": replace,
}
GIVES: dict[str, str] = {
    **dict.fromkeys(
        ("lower", "upper", "title", "trim", "join", "time", "date", "spell", "digits", "money", "replace"),
        "text",
    ),
    **dict.fromkeys(("length", "round", "int"), "number"),
    **dict.fromkeys(("first", "last"), "any"),
}
