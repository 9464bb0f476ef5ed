"""What a turn may ask of the world: time, chance, servers, functions, secrets. The engine holds none itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flowengine.fetch import Request, Response


def _no_server(request: Request, budget: float) -> Response:
    return Response(0, None, "unreachable")


def _no_function(name: str, arguments: Mapping[str, Any], timeout: float) -> Any:
    raise LookupError(name)


@dataclass(slots=True)
class World:
    """``now`` is aware, UTC. ``random`` gives 0 ≤ x < 1. ``ask`` and ``call`` are told how long they may take.

    ``used`` says how many calls an address has had this hour. ``recorded`` lists what came back, in order; a turn
    that is run again takes from ``replay`` first, so that nothing is asked twice.
    """

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    random: Callable[[], float] = lambda: 0.0
    ask: Callable[[Request, float], Response] = _no_server
    call: Callable[[str, Mapping[str, Any], float], Any] = _no_function
    secrets: Mapping[str, str] = field(default_factory=dict)
    used: Callable[[str], int] = lambda name: 0
    before_outside: Callable[[], None] = lambda: None
    budget: float = 1.2
    recorded: list[Any] = field(default_factory=list)
    replay: list[Any] = field(default_factory=list)

    def once(self, kind: str, make: Callable[[], Any]) -> Any:
        """What ``make`` gives, recorded; on a second run of the turn the recorded one."""
        at = len(self.recorded)
        value = self.replay[at][1] if at < len(self.replay) and self.replay[at][0] == kind else make()
        self.recorded.append([kind, value])
        return value
