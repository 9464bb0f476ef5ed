"""``until``: the outside events that a place takes from ``POST /sessions/{id}/events/{name}``."""

from __future__ import annotations

from typing import Any

from flowengine.fields import Field, ListOf, Name
from flowengine.model import State
from flowengine.states.base import Outcome, Where

UNTIL = Field(
    "until", ListOf(Name("an event name"), lone=True), "outside events this place takes, each handled in `on`"
)


def outside(state: State, *where: Where) -> tuple[Outcome, ...]:
    return tuple(Outcome(name, where, outside=True) for name in state.config["until"] or ())


def lower_until(state: State) -> dict[str, Any]:
    return {"until": list(state.config["until"])} if state.config["until"] else {}
