"""Coverage of a flow as its picture shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from flowengine.diagram.overlay import Overlay, Tries
from flowengine.graph import Book, Way, ways
from flowengine.model import Flow, State
from flowengine.report import counted
from flowengine.scenarios.coverage import Coverage, Place


def overlay(coverage: Coverage, flow: Flow, book: Book) -> Overlay:
    """What was tried of one flow, way by way."""
    found: dict[tuple[str, str, int], Tries] = {}
    for state in flow.states.values():
        number: Counter[str] = Counter()
        for way in [*ways(state, flow, book), *_climbing(state, flow, book)]:
            number[way.event] += 1
            tries = _tries(coverage, _place(way, flow))
            if tries is not None:
                found[state.name, way.event, number[way.event]] = tries
    tested, most = coverage.share("outcome", flow.name)
    states = {name: coverage.hits[flow.name, name] for name in flow.states}
    return Overlay(states, found, f"{tested} of {counted(most, 'outcome')} tested")


def _climbing(state: State, flow: Flow, book: Book) -> Iterator[Way]:
    """What a flow played here leaves to a handler of this state."""
    raised = {way.event for way in ways(state, flow, book)}
    for event, handler in state.on.items() if state.kind == "subflow" else ():
        if event not in raised:
            yield from (Way(state.name, event, each.to, "on", each.mark, branch=each) for each in handler.branches)


def _place(way: Way, flow: Flow) -> Place:
    """The step that tries the way; a picture shows all branches of the flow's own handler as one."""
    if way.via == "flow":
        return (flow.name, way.source, way.event, "flow")
    line = way.branch.mark.line if way.branch is not None and way.via != "visits" else 0
    return (flow.name, way.source, way.event, line, way.target)


def _tries(coverage: Coverage, place: Place) -> Tries | None:
    item = coverage.item(place)
    return None if item is None else Tries(coverage.hits[place], item not in coverage.counts)
