"""Runs: states that follow each other without waiting, and so make one answer together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import networkx as nx

from flowengine.checks.base import View
from flowengine.graph import Way
from flowengine.model import State

STEPS = frozenset({"", "hours", "random", "route", "http", "function"})
"""Kinds whose outcome comes in the same answer. A subflow may wait inside, so a run is not followed through it."""


@dataclass(slots=True)
class Longest:
    """``total`` of the costliest run from each state on, and the way that leads there."""

    total: dict[str, float]
    through: dict[str, Way]

    def path(self, name: str) -> list[str]:
        found = [name]
        while found[-1] in self.through:
            found.append(self.through[found[-1]].target)
        return found


def onward(view: View) -> dict[str, list[Way]]:
    """For each state the ways that go on in the same answer."""
    if "onward" not in view.cache:
        view.cache["onward"] = {
            name: [way for way in found if _goes_on(view, view.flow.states[name], way)]
            for name, found in view.all_ways.items()
        }
    ways: dict[str, list[Way]] = view.cache["onward"]
    return ways


def _goes_on(view: View, state: State, way: Way) -> bool:
    if way.target not in view.flow.states:
        return False
    late = way.outcome is not None and way.outcome.side
    return way.via == "visits" or (state.kind in STEPS and not late)


def beginnings(view: View) -> list[Way]:
    """Ways that begin an answer: what was heard or came at a place that waits."""
    steps = {id(way) for ways in onward(view).values() for way in ways}
    return [
        way
        for ways in view.all_ways.values()
        for way in ways
        if way.target in view.flow.states and id(way) not in steps
    ]


def successors_first(view: View) -> list[str]:
    """The states in such an order that what follows in a run stands before; a wait-free cycle is cut somewhere."""
    if "successors first" not in view.cache:
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(view.flow.states)
        graph.add_edges_from((name, way.target) for name, ways in onward(view).items() for way in ways)
        found = [name for part in nx.strongly_connected_components(graph) for name in part]
        view.cache["successors first"] = found
    order: list[str] = view.cache["successors first"]
    return order


def longest(view: View, own: Callable[[State], float], along: Callable[[Way], float]) -> Longest:
    """The costliest run from every state: ``own`` cost of a state, and what a way adds."""
    found = Longest({}, {})
    ways = onward(view)
    for name in successors_first(view):
        cost = own(view.flow.states[name])
        found.total[name] = cost
        for way in ways[name]:
            here = 0.0 if way.via == "visits" else cost
            total = here + along(way) + found.total.get(way.target, 0.0)
            if way.target in found.total and total > found.total[name]:
                found.total[name], found.through[name] = total, way
    return found


def carried(view: View, own: Callable[[State], bool], along: Callable[[Way], bool]) -> dict[str, str]:
    """Which states are reached in one run after something: the state it was done in, by state."""
    found: dict[str, str] = {}
    for way in beginnings(view):
        if along(way):
            found.setdefault(way.target, way.source)
    ways = onward(view)
    for name in reversed(successors_first(view)):
        does = own(view.flow.states[name])
        for way in ways[name]:
            origin = name if along(way) or (does and way.via != "visits") else found.get(name)
            if origin is not None:
                found.setdefault(way.target, origin)
    return found
