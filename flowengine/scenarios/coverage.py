"""What of the flows was tried, and how often. :mod:`flowengine.scenarios.survey` says what there is to try."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from flowengine.engine.trail import Decided, Step
from flowengine.problems import Mark

What = Literal["state", "outcome", "choice", "transition"]
Place = tuple[Any, ...]
"""A step of a trail as it was recorded; never a ``Decided``."""


class Item(NamedTuple):
    """One thing to try. ``state`` is empty where it is of the whole flow.

    ``line`` and ``target`` are those of the trail: line 0 where no branch is written, an empty target where the flow
    stays or the default ends it, ``again`` for another try.
    """

    what: What
    flow: str
    state: str
    event: str
    line: int
    target: str
    mark: Mark
    text: str


@dataclass(slots=True)
class Coverage:
    """``wanted`` by flow, and every step that was taken with how often."""

    wanted: dict[str, list[Item]]
    places: dict[Place, Item]
    hits: Counter[Place] = field(default_factory=Counter)
    _counts: Counter[Item] | None = None

    def add(self, trail: Iterable[Step]) -> None:
        """What one turn went through."""
        self.hits.update([step for step in trail if type(step) is not Decided])
        self._counts = None

    def merge(self, other: Coverage) -> None:
        """What another run of the same flows went through."""
        self.hits.update(other.hits)
        self._counts = None

    def item(self, place: Place) -> Item | None:
        """What a step counts for: its state's own, else the flow's."""
        return self.places.get(place) or self.places.get((place[0], "", *place[2:]))

    @property
    def counts(self) -> Mapping[Item, int]:
        """How often each was tried; what is not there never was."""
        if self._counts is None:
            self._counts = Counter()
            for place, times in self.hits.items():
                item = self.item(place)
                if item is not None:
                    self._counts[item] += times
        return self._counts

    def share(self, what: What | None = None, flow: str | None = None) -> tuple[int, int]:
        """How many were tried, and of how many. Outcomes include the choices."""
        whats = ("outcome", "choice") if what == "outcome" else (what,)
        found = [each for each in self._items(flow) if what is None or each.what in whats]
        return sum(each in self.counts for each in found), len(found)

    def percent(self, flow: str | None = None) -> float:
        """The share of the outcomes, which a threshold is held against; 100 where there are none."""
        tried, all_of_them = self.share("outcome", flow)
        return 100 * tried / all_of_them if all_of_them else 100.0

    def missing(self, flow: str | None = None) -> list[Item]:
        """What was never tried, by file and line."""
        found = [each for each in self._items(flow) if each not in self.counts]
        return sorted(found, key=lambda each: each.mark)

    def _items(self, flow: str | None) -> Iterator[Item]:
        for name, items in self.wanted.items():
            if flow in (None, name):
                yield from items
