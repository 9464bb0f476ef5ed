"""Times of day: quiet hours, and the hour at which something is due, where the contact is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """UTC where nothing or nothing known is named."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def at_minute(day: datetime, minute: int) -> float:
    """Unix seconds of a minute of the day."""
    return day.replace(hour=minute // 60, minute=minute % 60, second=0, microsecond=0).timestamp()


def end_of_quiet(quiet: Mapping[str, Any] | None, timezone: str, at: float) -> float:
    """When a quiet time that holds at ``at`` is over (Unix seconds); 0 when nothing is quiet.

    ``quiet`` has ``start`` and ``stop`` in minutes of the day, which may span midnight; ``timezone`` is the contact's.
    """
    if quiet is None:
        return 0.0
    local = datetime.fromtimestamp(at, zone(timezone if quiet["timezone"] == "contact" else quiet["timezone"]))
    minute, start, stop = local.hour * 60 + local.minute, quiet["start"], quiet["stop"]
    inside = start <= minute < stop if start <= stop else minute >= start or minute < stop
    if not inside:
        return 0.0
    day = local + timedelta(days=1) if start > stop and minute >= start else local
    return at_minute(day, stop)


def due_on(moment: str, offset: float, minute: int, timezone: str) -> float:
    """Unix seconds of a time of day on the day that is ``offset`` seconds from ``moment`` (ISO), where the contact is.

    0 where ``moment`` is no time.
    """
    try:
        base = datetime.fromisoformat(moment)
    except ValueError:
        return 0.0
    base = base if base.tzinfo else base.replace(tzinfo=UTC)
    return at_minute((base + timedelta(seconds=offset)).astimezone(zone(timezone)), minute)


def today(at: float, timezone: str) -> date:
    """The day it is for the contact."""
    return datetime.fromtimestamp(at, zone(timezone)).date()
