"""Who is where: the live sessions of a revision, by the states they stand in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from flowengine.engine.session import BadSession, Session, load
from flowengine.stores.base import Revision, Store

LOOKED_AFTER = 150.0
"""Seconds within which a worker says again that its flows are served; twice as long as it may take, and a little."""


class Place(NamedTuple):
    """A state of a flow; ``state`` is empty where a session waits in none."""

    flow: str
    state: str


def standing(store: Store, revision: str) -> Iterator[Session]:
    """The sessions on it that are not over; those of another version of this code are left out."""
    for _, data in store.of_revision(revision):
        try:
            yield load(data)
        except BadSession:
            continue


def by_place(store: Store, revision: str) -> dict[Place, int]:
    """How many stand in each state, sorted."""
    found: dict[Place, int] = {}
    for session in standing(store, revision):
        place = Place(session.flow, session.place)
        found[place] = found.get(place, 0) + 1
    return dict(sorted(found.items()))


def is_served(revision: Revision, newest: float, now: float) -> str:
    """``now``, ``last`` where nothing was served after it (no worker says whether it still is), else ``no``."""
    if revision.kept and now - revision.kept <= LOOKED_AFTER:
        return "now"
    return "last" if revision.kept and revision.kept >= newest else "no"
