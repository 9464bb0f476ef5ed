"""What a turn went through, step by step: what scenarios, coverage and replays know of it.

Only a library that is ``tracked`` records it. Every step names its flow, which is the callee's in a subflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from flowengine.expressions import Guard


class Entered(NamedTuple):
    """A state was entered."""

    flow: str
    state: str


class Happened(NamedTuple):
    """An event of a state, and by what it is handled: ``on``, ``name``, ``flow``, ``default`` … as in a `Reaction`.

    ``next``, ``route`` and ``visits`` are events of that name. With ``via`` ``flow`` the handler is the flow's own.
    """

    flow: str
    state: str
    event: str
    via: str


class Decided(NamedTuple):
    """A guard was true or false; ``values`` are those of the names in it."""

    flow: str
    state: str
    event: str
    line: int
    source: str
    true: bool
    values: Mapping[str, Any]


class Took(NamedTuple):
    """The way taken. ``line`` is 0 where it is no branch: a state named like the event, or a default.

    ``target`` is empty where the flow stays or the default ended it, ``AGAIN`` where the action is tried again.
    """

    flow: str
    state: str
    event: str
    line: int
    target: str


Step = Entered | Happened | Decided | Took
AGAIN = "again"


class Trail(list[Step]):
    """The steps of one turn; what happens next is decided at ``at``."""

    __slots__ = ("at",)

    def __init__(self) -> None:
        super().__init__()
        self.at = ("", "", "")

    def happened(self, flow: str, state: str, event: str, via: str) -> None:
        self.at = (flow, state, event)
        self.append(Happened(flow, state, event, via))

    def decided(self, line: int, guard: Guard, true: bool, scope: Mapping[str, Any]) -> None:
        values = {each.dotted: found for each in guard.names if (found := _value(scope, each.path)) is not None}
        self.append(Decided(*self.at, line, guard.source, true, values))

    def took(self, line: int, target: str) -> None:
        self.append(Took(*self.at, line, target))


def _value(scope: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        scope = scope.get(key) if isinstance(scope, Mapping) else None
    return scope
