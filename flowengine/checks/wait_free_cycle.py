"""
States that run on by themselves lead round to each other with nothing to wait for: the answer would never be
finished, and the caller would hear an apology. A state with `visits` bounds a cycle.

```yaml wrong
flow: wrong
channel: voice
calendars: { office: { timezone: Europe/Stockholm, open: { mon-fri: 09:00-17:00 } } }
start: greet
states:
  greet: { say: Hello., next: opening }
  opening:
    hours: office
    on: { open: goodbye, closed: greet }
  goodbye: { say: Goodbye., next: end }
```
```yaml right
flow: right
channel: voice
calendars: { office: { timezone: Europe/Stockholm, open: { mon-fri: 09:00-17:00 } } }
start: greet
states:
  greet: { say: Hello., next: opening }
  opening:
    hours: office
    on: { open: goodbye, closed: goodbye }
  goodbye: { say: Goodbye., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx

from flowengine.checks.base import View, problem
from flowengine.checks.cycles import circle, edges, knots, names_of, round_trip
from flowengine.checks.lookup import apology, shown
from flowengine.problems import Problem

SEVERITY = "error"
_PLAYS = "plays at once"


def check(view: View) -> Iterator[Problem]:
    graph = circle(view, frozenset())
    for part in knots(graph):
        source, target, way = next(edges(graph, part))
        cycle = names_of(round_trip(graph, part, (source, target)))
        yield problem(
            view,
            "wait-free-cycle",
            way.mark,
            f"these states run round without ever waiting: {shown(cycle)}",
            notes=[f"the answer would never be finished; {apology(view)}"],
            fix=f'lead out of the circle, or bound it: add "visits: {{ max: 3, then: end }}" to {source}',
            state=source,
            outcome=way.event,
        )
    yield from _flows(view)


def _flows(view: View) -> Iterator[Problem]:
    """Flows that play each other, or themselves, before anything is waited for."""
    graph = _plays(view)
    for callee in graph.successors(view.flow.name):
        name: str = graph.edges[view.flow.name, callee]["state"]
        if nx.has_path(graph, callee, view.flow.name):
            way = [view.flow.name, *nx.shortest_path(graph, callee, view.flow.name)]
            yield problem(
                view,
                "wait-free-cycle",
                view.flow.states[name].kind_mark,
                f"these flows play each other without ever waiting: {shown(way)}",
                notes=[f"they would be played deeper and deeper; {apology(view)}"],
                fix="lead back by return, or wait for an answer before the flow is played again",
                state=name,
            )


def _plays(view: View) -> nx.DiGraph[str]:
    """Which flow plays which on a way from its start that waits nowhere; edge data ``state``."""
    if _PLAYS not in view.book.cache:
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(view.book.flows)
        for flow in view.book.flows.values():
            if flow.start not in flow.states:
                continue
            steps = circle(View(flow, view.book), frozenset())
            for name in sorted(nx.descendants(steps, flow.start) | {flow.start}):
                state = flow.states[name]
                callee = state.config["flow"] if state.kind == "subflow" and not state.visits else ""
                if callee in view.book.flows:
                    graph.add_edge(flow.name, callee, state=name)
        view.book.cache[_PLAYS] = graph
    known: nx.DiGraph[str] = view.book.cache[_PLAYS]
    return known
