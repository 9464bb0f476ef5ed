"""What a turn comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from flowengine.engine.trail import Step
from flowengine.svaml import Position

Wake = float | Literal["keep"] | None


class TurnFailed(Exception):
    """The turn cannot be finished; the message names no value that a caller gave."""


class NotTaken(Exception):
    """The place takes no such event."""


@dataclass(slots=True)
class Effect:
    """Something to do outside once the turn is stored, at once unless it is ``due`` later (Unix seconds).

    ``lane`` and ``rank`` keep it in order, see :class:`flowengine.stores.base.Effect`; without an ``id`` it gets one.
    """

    kind: str
    payload: dict[str, Any]
    id: str = ""
    lane: str = ""
    rank: float = 0.0
    due: float | None = None


class Outcome(NamedTuple):
    """``body`` is empty where nobody waits for an answer; ``digits``: it may hold a number.

    ``timer``: seconds until the place wakes up; None takes the timer away; ``keep`` leaves it. ``counts`` are
    calls to count against an hourly limit. ``sensitive`` are values that nothing kept may show. ``records`` are
    changes of what outlives the session, by key; ``drops`` are lanes of the outbox whose rows go. ``trail`` is there
    where the library is tracked, see :mod:`flowengine.engine.trail`.
    """

    body: bytes
    position: Position
    path: list[str]
    because: list[list[Any]]
    effects: list[Effect]
    notes: list[list[str]]
    changes: dict[str, Any]
    timer: Wake
    counts: list[tuple[str, int]]
    sensitive: list[str]
    digits: bool = True
    records: Sequence[tuple[str, dict[str, Any]]] = ()
    drops: Sequence[str] = ()
    trail: Sequence[Step] = ()


@dataclass(slots=True)
class Reacted:
    """What became of an event. ``outcome`` is None where nothing happened; then ``body`` is the whole answer."""

    event: str
    outcome: Outcome | None = None
    body: bytes = b""
    source: str = ""
