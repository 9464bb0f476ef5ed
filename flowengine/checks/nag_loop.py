"""
Timers alone drive a loop that nothing bounds, such as ringing somebody again every quarter of an hour:
whoever does not pick up is rung for ever, and whoever does not answer is written to. `visits` on one of its states
bounds it.

```yaml wrong
flow: wrong
channel: voice
triggers: [ { start: api } ]
cli: "+12025550100"
may_dial: { patient: { number: "+12025550111" } }
start: ring
states:
  ring:
    dial: { to: patient }
    on: { answered: tell, disconnected: later }
  later: { wait: { for: 15m }, on: { elapsed: ring } }
  tell: { say: Your parcel is here., next: end }
```
```yaml right
flow: right
channel: voice
triggers: [ { start: api } ]
cli: "+12025550100"
may_dial: { patient: { number: "+12025550111" } }
start: ring
states:
  ring:
    visits: { max: 3, then: end }
    dial: { to: patient }
    on: { answered: tell, disconnected: later }
  later: { wait: { for: 15m }, on: { elapsed: ring } }
  tell: { say: Your parcel is here., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.cycles import circle, cycle_beyond, edges, knots, names_of, round_trip
from flowengine.checks.lookup import positions, shown, waits
from flowengine.checks.silent_caller import EVENTS
from flowengine.graph import Way, resolve
from flowengine.model import State
from flowengine.problems import Problem
from flowengine.units import spoken

SEVERITY = "warning"
TIMERS = EVENTS | {"elapsed", "recorded", "disconnected"}
UNASKED = frozenset({"timeout", "elapsed", "tick", "failed", "error"})
"""What comes in a conversation without anybody writing."""


_SENDS = ("say", "send")


def check(view: View) -> Iterator[Problem]:
    if view.flow.channel == "message":
        yield from _messages(view)
        return
    graph = circle(view, TIMERS).copy()
    graph.remove_edges_from([edge for edge in graph.edges if _left_to_others(view, graph.edges[edge]["way"])])
    silent = circle(view, EVENTS)
    for part in knots(graph):
        cycle = cycle_beyond(graph, silent, part)
        if cycle:
            yield _problem(view, cycle)


def _left_to_others(view: View, way: Way) -> bool:
    """Whether somebody on the line, or another program, may end this wait before its time."""
    state = view.flow.states[way.source]
    if way.event != "elapsed" or state.kind not in ("wait", "park"):
        return False
    listens = bool(state.config["until"] or state.config.get("choices"))
    return listens and not {"N", "O"} & set(positions(view).get(state.name, ()))


def _problem(view: View, cycle: list[Way]) -> Problem:
    first = cycle[0]
    rung = next((way.source for way in cycle if view.flow.states[way.source].kind == "dial"), first.source)
    whom = "whoever does not answer is rung again and again"
    rings = view.flow.states[rung].kind == "dial"
    return problem(
        view,
        "nag-loop",
        first.mark,
        f"timers alone drive this loop, and nothing bounds it: {shown(names_of(cycle))}",
        severity="warning",
        notes=[whom if rings else "the call lasts until the platform ends it"],
        fix=f'add "visits: {{ max: 3, then: end }}" to {rung}',
        state=first.source,
        outcome=first.event,
    )


# --- messages --------------------------------------------------------------------------------------------


def _messages(view: View) -> Iterator[Problem]:
    graph = circle(view, UNASKED).copy()
    graph.remove_edges_from([edge for edge in graph.edges if not _goes_round(view, graph.edges[edge]["way"])])
    for part in knots(graph):
        for source, target, way in edges(graph, part):
            cycle = round_trip(graph, part, (source, target)) if _sends(view, way) else []
            if any(waits(view.flow.states[each.source]) and each.event != "failed" for each in cycle):
                yield _nags(view, cycle)
                break
    for state in view.flow.states.values():
        if state.kind == "handover" and state.config and state.config["timeout"] is None:
            yield from _ticks(view, state)


def _ticks(view: View, state: State) -> Iterator[Problem]:
    """A person has taken over, and what comes every so often is a message to the contact."""
    for way in view.all_ways[state.name]:
        stays = way.event == "tick" and way.branch is not None and not way.target
        if stays and way.branch and any(each.name in _SENDS for each in way.branch.do):
            message = f"this goes out every {spoken(state.config['every'])} for as long as nobody answers"
            fix = f"add a timeout to {state.name}, or say it once before"
            yield problem(
                view, "nag-loop", way.mark, message, severity="warning", fix=fix, state=state.name, outcome="tick"
            )


def _goes_round(view: View, way: Way) -> bool:
    """Whether it may be taken for ever: no condition beside it counts, and it is no timeout that never comes."""
    state = view.flow.states[way.source]
    beside = resolve(state, way.outcome, view.flow).branches() if way.outcome else state.config.get("branches") or ()
    counted = any("visits." in branch.when.text for branch in beside if branch.when is not None)
    never = way.event == "timeout" and state.kind == "ask" and state.config["timeout"] is None
    return not counted and not never


def _sends(view: View, way: Way) -> bool:
    state = view.flow.states[way.source]
    do = (*state.do, *(way.branch.do if way.branch else ()))
    return state.kind in ("ask", "call") or any(each.name in _SENDS for each in do)


def _nags(view: View, cycle: list[Way]) -> Problem:
    first = next(way for way in cycle if waits(view.flow.states[way.source]))
    sender = next(way.source for way in cycle if _sends(view, way))
    return problem(
        view,
        "nag-loop",
        first.mark,
        f"timers alone drive this loop, and nothing bounds it: {shown(names_of(cycle))}",
        severity="warning",
        notes=["whoever does not answer is written to again and again"],
        fix=f'add "visits: {{ max: 3, then: end }}" to {sender}',
        state=first.source,
        outcome=first.event,
    )
