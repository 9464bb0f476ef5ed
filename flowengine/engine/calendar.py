"""``hours``: whether a calendar is open now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def opening(calendar: Mapping[str, Any], now: datetime) -> str:
    """``open``, ``closed`` or ``holiday``. A listed date is open within its own hours, else a holiday."""
    local = now.astimezone(_zone(calendar["timezone"]))
    minute = local.hour * 60 + local.minute
    special = calendar["holidays"].get(local.date().isoformat())
    if special is not None:
        return "open" if _within(special, minute) else "holiday"
    return "open" if _within(calendar["week"].get(str(local.weekday()), ()), minute) else "closed"


def _within(hours: Any, minute: int) -> bool:
    return any(start <= minute < stop for start, stop in hours)
