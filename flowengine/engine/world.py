"""What a turn may ask of the world: time, chance, servers, functions, secrets. The engine holds none itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import inf
from typing import Any

from flowengine.fetch import Request, Response


def _no_server(request: Request, budget: float) -> Response:
    return Response(0, None, "unreachable")


def _no_function(name: str, arguments: Mapping[str, Any], timeout: float) -> Any:
    raise LookupError(name)


def _nothing() -> None:
    return None


def _unused(name: str) -> int:
    return 0


def _no_chance() -> float:
    return 0.0


class World:
    """``at`` is the moment of the turn in Unix seconds, UTC. ``random`` gives 0 ≤ x < 1.

    ``ask`` and ``call`` are told how long they may take; ``before_outside`` runs before either. ``used`` says how
    many calls an address has had this hour. ``recorded`` lists what came back, in order; a turn that is run again
    takes from ``replay`` first, so that nothing is asked twice. ``budget`` is how many seconds all of it may take
    together; ``by`` is when it must be over, by :func:`time.monotonic`.
    """

    __slots__ = (
        "_now", "ask", "at", "before_outside", "budget", "by", "call", "random",
        "recorded", "replay", "secrets", "used",
    )  # fmt: skip

    def __init__(
        self,
        at: float = 0.0,
        random: Callable[[], float] = _no_chance,
        ask: Callable[[Request, float], Response] = _no_server,
        call: Callable[[str, Mapping[str, Any], float], Any] = _no_function,
        secrets: Mapping[str, str] | None = None,
        used: Callable[[str], int] = _unused,
        before_outside: Callable[[], None] = _nothing,
        replay: list[Any] | None = None,
        budget: float = 1.2,
    ) -> None:
        self.at, self.random, self.ask, self.call = at, random, ask, call
        self.secrets = secrets or {}
        self.used, self.before_outside = used, before_outside
        self.replay, self.budget = list(replay or ()), budget
        self.by = inf
        self.recorded: list[Any] = []
        self._now: datetime | None = None

    @property
    def now(self) -> datetime:
        """The moment of the turn, aware, UTC."""
        if self._now is None:
            self._now = datetime.fromtimestamp(self.at, UTC)
        return self._now

    def once(self, kind: str, make: Callable[[], Any]) -> Any:
        """What ``make`` gives, recorded; on a second run of the turn what was recorded under this name.

        ``kind`` names who asks, too: a second run may take another way and must not get another step's reply.
        """
        found = next((at for at, each in enumerate(self.replay) if each[0] == kind), None)
        value = make() if found is None else self.replay.pop(found)[1]
        self.recorded.append([kind, value])
        return value
