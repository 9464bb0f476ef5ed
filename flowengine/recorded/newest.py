"""The newest calls and conversations of a store, each in a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest

from flowengine.stores.base import Store

SHOWN = 20
MOST = 5_000
"""Sessions that are looked at: a store keeps them by key, and only their journals know when they were."""


@dataclass(frozen=True, slots=True)
class Brief:
    """``at`` is when something last happened (Unix seconds, UTC), ``flow`` the one it began with."""

    session: str
    at: float
    flow: str
    events: Sequence[str]


def newest(store: Store, shown: int = SHOWN, most: int = MOST) -> tuple[list[Brief], bool]:
    """So many at most, the newest first; and whether all sessions were looked at."""
    keys = store.keys("", most + 1)
    found = ((rows[-1].at, key) for key in keys[:most] if (rows := store.journal(key)))
    return [_brief(store, key) for _, key in nlargest(shown, found)], len(keys) <= most


def _brief(store: Store, key: str) -> Brief:
    rows = store.journal(key)
    return Brief(key, rows[-1].at, rows[0].flow, [each.event for each in rows])
