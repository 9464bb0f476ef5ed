"""What begins a flow without a message: a date kept with a contact, and days of the week."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flowengine.engine.outcome import Effect
from flowengine.engine.quiet import at_minute, due_on, zone
from flowengine.linking import Program

LATE = 3600.0
"""Seconds after which a schedule that nobody kept is left out."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """A ``date`` or ``schedule`` trigger. ``key`` names it in rows and records.

    ``at`` is in minutes of the day, ``offset`` in seconds; ``timezone`` is empty for the contact's own.
    """

    key: str
    flow: str
    enter: str
    at: int
    timezone: str
    field: str = ""
    offset: float = 0.0
    days: tuple[int, ...] = ()
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Occasions:
    """``dates`` by the contact's field."""

    dates: Mapping[str, tuple[Occasion, ...]]
    schedules: tuple[Occasion, ...]


def occasions(programs: Mapping[str, Program]) -> Occasions:
    found = [each for program in programs.values() for each in _of_flow(program)]
    dates: dict[str, tuple[Occasion, ...]] = {}
    for each in found:
        if each.field:
            dates[each.field] = (*dates.get(each.field, ()), each)
    return Occasions(dates, tuple(each for each in found if not each.field))


def _of_flow(program: Program) -> Iterator[Occasion]:
    if program.channel != "message":
        return
    for number, (kind, value, more) in enumerate(program.image["triggers"]):
        if kind not in ("date", "schedule"):
            continue
        common = (more.get("enter", ""), more.get("at", 0), more.get("timezone", ""))
        key = f"{program.name}/{number}"
        if kind == "date":
            field = value.removeprefix("contact.")
            yield Occasion(key, program.name, *common, field=field, offset=more.get("offset", 0.0))
        else:
            yield Occasion(key, program.name, *common, days=tuple(more["days"]), tag=more.get("tag", ""))


def dated(known: Occasions, field: str, value: Any, contact: str, timezone: str, at: float) -> Iterator[Effect]:
    """The rows that a new value of a contact's field asks for, as far as they are still to come at ``at``."""
    for each in known.dates.get(field, ()):
        due = due_on(str(value), each.offset, each.at, each.timezone or timezone)
        if due > at:
            yield Effect("occasion", {"key": each.key, "contact": contact, "value": value}, due=due)


def latest(schedule: Occasion, now: float) -> float:
    """When a schedule was last due (Unix seconds): at most a week ago."""
    local = datetime.fromtimestamp(now, UTC).astimezone(zone(schedule.timezone))
    for back in range(8):
        day = local - timedelta(days=back)
        moment = at_minute(day, schedule.at)
        if day.weekday() in schedule.days and moment <= now:
            return moment
    return 0.0
