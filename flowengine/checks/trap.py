"""
From some states no way leads to an end, nor to anybody: whatever a caller does, only hanging up ends the
call.

`hangup` and `disconnected` do not count as ways out, nor does an `error` while the caller is asked or held; in
messages neither does a message that fails, nor the end that comes when the conversation expires.

```yaml wrong
flow: wrong
channel: voice
start: main
states:
  main:
    menu: { prompt: For news press 1., choices: { news: 1 } }
    on: { timeout: news, invalidinput: news }
  news:
    menu: { prompt: There is no news. To go on press 1., choices: { main: 1 } }
    on: { timeout: main, invalidinput: main }
```
```yaml right
flow: right
channel: voice
start: main
states:
  main:
    menu: { prompt: "For news press 1, to end press 2.", choices: { news: 1, goodbye: 2 } }
  news:
    menu: { prompt: There is no news. To go on press 1., choices: { main: 1 } }
    on: { timeout: goodbye, invalidinput: goodbye }
  goodbye: { say: Goodbye., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx

from flowengine.checks.base import View, problem
from flowengine.checks.cycles import shortest
from flowengine.checks.lookup import back_to, shown, unread, waits
from flowengine.graph import ENDS_CALL, Book, Way, unhandled
from flowengine.model import Flow, State
from flowengine.positions import analysis
from flowengine.problems import Problem
from flowengine.states.ask import offered

SEVERITY = "error"

_TALKS = ("connect", "dial", "conference", "svaml", "handover")
_LEFT_ASIDE = ("hangup", "disconnected")
_OUT = ""
_WHAT = {"voice": "call", "message": "conversation"}
_MEANS = {
    "voice": "a caller who gets here goes round until they hang up",
    "message": "whoever gets here goes round until the conversation expires",
}


def check(view: View) -> Iterator[Problem]:
    graph = _graph(view)
    free = nx.ancestors(graph, _OUT)
    graph.remove_nodes_from([name for name in graph if name in free or name not in view.reachable])
    order = {name: number for number, name in enumerate(graph)}
    for part in nx.strongly_connected_components(graph):
        if all(target in part for name in part for target in graph.successors(name)):
            yield _problem(view, graph, min(part, key=order.__getitem__), part)


def _problem(view: View, graph: nx.DiGraph[str], name: str, part: set[str]) -> Problem:
    after = next(iter(graph.successors(name)), "")
    round_trip = [name, *shortest(graph, part, after, name)] if after else [name]
    return problem(
        view,
        "trap",
        view.flow.states[name].mark,
        f'from "{name}" no way leads to an end or to anybody: {shown(round_trip)}',
        notes=[_MEANS[view.flow.channel]],
        fix=f"lead one outcome, such as timeout or a choice, to a state that ends the {_WHAT[view.flow.channel]}",
        state=name,
    )


def _graph(view: View) -> nx.DiGraph[str]:
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_node(_OUT)
    for state in view.flow.states.values():
        graph.add_node(state.name)
        if _is_out(state, view):
            graph.add_edge(state.name, _OUT)
        for way in view.all_ways[state.name]:
            if not _left_aside(way, state):
                graph.add_edges_from((state.name, target) for target in _targets(way, view))
        if state.kind in ("menu", "ask") and any(each.value == "back" for each in offered(state, view.flow)):
            graph.add_edges_from((state.name, target) for target in back_to(view)[state.name])
    return graph


def _left_aside(way: Way, state: State) -> bool:
    failed = way.event in ("error", "failed") and waits(state)
    expires = way.event == "timeout" and state.kind == "ask" and state.config["timeout"] is None
    late = way.outcome is not None and way.outcome.side
    return way.event in _LEFT_ASIDE or failed or expires or late


def _targets(way: Way, view: View) -> list[str]:
    if way.target in view.flow.states:
        return [way.target]
    if way.target == "back":
        return sorted(back_to(view).get(way.source, ()))
    if not way.target:
        stays = way.branch is not None and not waits(view.flow.states[way.source])
        return [_OUT] if stays or way.default in ENDS_CALL else []
    # What is not a state is an end, a bridge that goes on, or a mistake that another rule tells.
    return [_OUT]


def _is_out(state: State, view: View) -> bool:
    if state.kind in _TALKS or state.kind == "return" or unread(state):
        return True
    if state.kind == "subflow":
        return _plays_out(view.book, state.config["flow"])
    dead_end = not state.kind and state.next is None
    return dead_end or bool(unhandled(state, view.flow, view.book))


def _plays_out(book: Book, name: str) -> bool:
    """Whether the call may end, or reach somebody, while the flow of that name is played."""
    flow = book.flows.get(name)
    key = ("plays out", name)
    if flow is None:
        return True
    if key not in book.cache:
        book.cache[key] = False
        book.cache[key] = _talks(flow) or _hangs_up(flow, book) or _played_out(flow, book)
    return bool(book.cache[key])


def _played_out(flow: Flow, book: Book) -> bool:
    return any(_plays_out(book, state.config["flow"]) for state in flow.states.values() if state.kind == "subflow")


def _talks(flow: Flow) -> bool:
    return any(state.kind in _TALKS or unread(state) for state in flow.states.values())


def _hangs_up(flow: Flow, book: Book) -> bool:
    escapes = analysis(flow, "M" if flow.channel == "message" else "I", book).escapes
    return bool(escapes.keys() - {*_LEFT_ASIDE, "error"})
