"""Moments as scenarios write them: a day and a time, and whose clock that is."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from flowengine.document import Node, Text
from flowengine.fields import Reader, Type
from flowengine.problems import did_you_mean

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC).timestamp()
"""When a scenario happens that does not say so: a Tuesday."""

_MOMENT = re.compile(
    r"(?a:(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(?: ?(Z|[+-]\d\d:\d\d)| ([A-Za-z][\w+/-]*))?)"
)
_FIX = "write it as 2026-11-24 10:00 Europe/Stockholm; without a zone it is UTC"


class BadMoment(ValueError):
    """Text that is no moment: one sentence, and the mend."""

    def __init__(self, message: str, fix: str = _FIX) -> None:
        super().__init__(message)
        self.fix = fix


def moment(text: str, usual: str = "UTC") -> float:
    """Unix seconds of a day, a time, and a zone, an offset or ``Z``; with none of them ``usual``. Raises BadMoment.

    >>> moment("2026-11-24 10:00") == moment("2026-11-24T11:00:00+01:00") == moment("2026-11-24 11:00 Europe/Stockholm")
    True
    """
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise BadMoment(f'found "{text}"; expected a day and a time')
    zone = found[4] or usual
    try:
        local = datetime.fromisoformat(f"{found[1]}T{found[2]}")
        clock = _offset(found[3]) if found[3] else _zone(zone)
        told = local.replace(tzinfo=clock)
        there = told.astimezone(UTC).astimezone(clock).replace(tzinfo=None)
    except BadMoment:
        raise
    except (ValueError, OverflowError):
        raise BadMoment(f'there is no such day or time as "{text}"') from None
    if there != local:
        raise BadMoment(f'"{found[1]} {found[2]}" never comes in {zone}: the clocks are put forward')
    return told.timestamp()


def written(at: float) -> str:
    """The moment as :func:`moment` reads it, in UTC and to the microsecond."""
    when = datetime.fromtimestamp(at, UTC)
    clock = "%H:%M:%S.%f" if when.microsecond else "%H:%M:%S" if when.second else "%H:%M"
    return f"{when.year:04}-{when:%m-%d} {when.strftime(clock)} UTC"


def _offset(text: str) -> tzinfo:
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[4:6])
    if minutes > 59:
        raise ValueError(text)
    ahead = timedelta(hours=hours, minutes=minutes)
    return timezone(-ahead if text[0] == "-" else ahead)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = did_you_mean(name, available_timezones())
        raise BadMoment(f'there is no time zone "{name}"{hint}', "" if hint else _FIX) from None


class Moment(Type):
    """A day and a time; ``read`` gives Unix seconds."""

    def read(self, node: Node, reader: Reader) -> float | None:
        if not isinstance(node, Text):
            reader.expected(node, self.phrase())
            return None
        try:
            return moment(node.value)
        except BadMoment as error:
            if not node.empty:
                reader.problem("shape", node, str(error), error.fix)
            return None

    def schema(self) -> dict[str, Any]:
        return {
            "type": "string",
            "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}",
            "patternErrorMessage": "a day and a time, such as 2026-11-24 10:00 Europe/Stockholm",
            "examples": ["2026-11-24 10:00 Europe/Stockholm", "2026-11-24T10:00:00Z"],
        }

    def phrase(self) -> str:
        return "a day and a time such as 2026-11-24 10:00 Europe/Stockholm"
