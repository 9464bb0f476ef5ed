"""Coverage of a flow as its picture shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from flowengine.diagram.exits import exits
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
    legend = f"{tested} of {counted(most, 'outcome')} tested"
    hidden = _without_cell(coverage, flow, book)
    return Overlay(states, found, f"{legend}; {_of_them(hidden)}: flowengine test --coverage" if hidden else legend)


def _without_cell(coverage: Coverage, flow: Flow, book: Book) -> int:
    """How many of the outcomes the picture does not draw: what a built-in default answers, such as an apology."""
    drawn = {(name, each.event) for name, state in flow.states.items() for each in exits(state, flow, book)}
    wanted = [each for each in coverage.wanted.get(flow.name, ()) if each.what in ("outcome", "choice") and each.state]
    return sum((each.state, each.event) not in drawn for each in wanted)


def _of_them(number: int) -> str:
    return (
        f"{number} of them {'falls to a built-in default' if number == 1 else 'fall to built-in defaults'}, not drawn"
    )


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
