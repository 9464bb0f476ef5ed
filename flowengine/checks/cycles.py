"""Which cycles can go round for ever: states joined by what happens of itself, once every bound is used up.

A state with ``visits`` then leads on to its ``then`` alone: a cycle through it is bounded unless ``then`` is
part of it. A subflow leads on only by what its flow gives back in the same manner.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import pairwise

import networkx as nx

from flowengine.checks.base import View
from flowengine.checks.lookup import back_to, waits
from flowengine.graph import Book, Way, outcome_ways, ways
from flowengine.model import Flow, State
from flowengine.states import Outcome

Events = frozenset[str]


def circle(view: View, events: Events) -> nx.DiGraph[str]:
    """States joined by steps, and by what ``events`` of waiting states lead to; edge data ``way``."""
    key = f"circle {sorted(events)}"
    if key not in view.cache:
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(view.flow.states)
        for state in view.flow.states.values():
            for way in _driven(state, view.flow, view.book, events, view.all_ways[state.name]):
                for target in _targets(view, way):
                    if target in view.flow.states and not graph.has_edge(state.name, target):
                        graph.add_edge(state.name, target, way=way)
        view.cache[key] = graph
    known: nx.DiGraph[str] = view.cache[key]
    return known


def _targets(view: View, way: Way) -> Iterable[str]:
    return sorted(back_to(view).get(way.source, ())) if way.target == "back" else (way.target,)


def _driven(state: State, flow: Flow, book: Book, events: Events, all_ways: list[Way]) -> Iterator[Way]:
    if state.visits:
        yield next(way for way in all_ways if way.via == "visits")
        return
    quiet = _given_back(state, book, events) if state.kind == "subflow" else frozenset[str]()
    for way in all_ways:
        if state.kind == "subflow" and way.outcome is not None:
            if way.event in quiet or way.event == "error":
                yield way
        elif _drives(way, state, events):
            yield way
    for event in quiet - {way.event for way in all_ways}:
        yield from outcome_ways(state, Outcome(event, ("same",), "climbed"), flow)


def _drives(way: Way, state: State, events: Events) -> bool:
    if way.outcome is None:
        return not waits(state)
    return "same" in way.outcome.where or way.event in events


def _given_back(state: State, book: Book, events: Events) -> frozenset[str]:
    """The outcomes and events that a played flow gives back without anybody's doing."""
    callee = book.flows.get(state.config["flow"])
    if callee is None:
        return frozenset()
    key = ("given back", callee.name, events)
    if key not in book.cache:
        book.cache[key] = frozenset()
        book.cache[key] = frozenset(_walked(callee, book, events))
    found: frozenset[str] = book.cache[key]
    return found


def _walked(flow: Flow, book: Book, events: Events) -> Iterator[str]:
    seen, todo = {flow.start}, [flow.start]
    while todo:
        state = flow.states.get(todo.pop())
        if state is None:
            continue
        if state.kind == "return":
            yield state.config["outcome"]
        for way in _driven(state, flow, book, events, ways(state, flow, book)):
            if way.target == "end":
                yield "done"
            elif way.default:
                yield way.event
            elif way.target not in seen:
                seen.add(way.target)
                todo.append(way.target)


def knots(graph: nx.DiGraph[str]) -> Iterator[set[str]]:
    """Every set of states that lead round to each other."""
    for part in nx.strongly_connected_components(graph):
        if len(part) > 1 or any(graph.has_edge(name, name) for name in part):
            yield part


def cycle_beyond(graph: nx.DiGraph[str], smaller: nx.DiGraph[str], part: set[str]) -> list[Way]:
    """A cycle of the knot with an edge that the smaller graph has not; empty where that one tells it all."""
    for source, target, _ in edges(graph, part):
        if not smaller.has_edge(source, target):
            return round_trip(graph, part, (source, target))
    return []


def round_trip(graph: nx.DiGraph[str], part: set[str], first: tuple[str, str]) -> list[Way]:
    """A shortest cycle inside a knot that begins with the edge ``first``."""
    source, target = first
    names = [source, *shortest(graph, part, target, source)]
    return [graph.edges[edge]["way"] for edge in pairwise(names)]


def shortest(graph: nx.DiGraph[str], part: set[str], source: str, target: str) -> list[str]:
    """A shortest way inside a knot, always the same one (a subgraph view would go through a set)."""
    came: dict[str, str] = {source: ""}
    todo = deque([source])
    while todo and target not in came:
        name = todo.popleft()
        for each in graph.successors(name):
            if each in part and each not in came:
                came[each] = name
                todo.append(each)
    found = [target]
    while came[found[-1]]:
        found.append(came[found[-1]])
    return found[::-1]


def edges(graph: nx.DiGraph[str], part: set[str]) -> Iterator[tuple[str, str, Way]]:
    """The edges inside a knot, in the order of the file."""
    for source in sorted(part, key=lambda name: _place(graph, name)):
        for target in graph.successors(source):
            if target in part:
                yield source, target, graph.edges[source, target]["way"]


def _place(graph: nx.DiGraph[str], name: str) -> int:
    places: dict[str, int] = graph.graph.setdefault("places", {})
    if not places:
        places.update({each: number for number, each in enumerate(graph.nodes)})
    return places[name]


def names_of(cycle: list[Way]) -> list[str]:
    return [*(way.source for way in cycle), cycle[0].source]
