"""
What a recording, a transcript or keys in a conference set off runs beside the call and cannot wait for
anything: it may file, send and set, and then it is over.

```yaml wrong
flow: wrong
channel: voice
recordings: { to: "s3://acme-calls/{{ call.id }}.mp3", credentials: "{{ secret.RECORDINGS }}" }
on: { recording_available: later }
start: greet
states:
  greet:
    say: Please leave a message.
    voicemail: { max: 60s }
    on: { recorded: end }
  later: { wait: { for: 5m }, on: { elapsed: tell } }
  tell: { send: { to: "+12025550111", text: There is a message. }, next: end }
```
```yaml right
flow: right
channel: voice
recordings: { to: "s3://acme-calls/{{ call.id }}.mp3", credentials: "{{ secret.RECORDINGS }}" }
on: { recording_available: tell }
start: greet
states:
  greet:
    say: Please leave a message.
    voicemail: { max: 60s }
    on: { recorded: end }
  tell: { send: { to: "+12025550111", text: There is a message. }, next: end }
```
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.lookup import shown, title, waits
from flowengine.graph import Book, Way
from flowengine.model import LATE_EVENTS, State
from flowengine.problems import Problem

SEVERITY = "error"
CHANNELS = ("voice",)


def check(view: View) -> Iterator[Problem]:
    came: dict[str, tuple[str, Way]] = {}
    todo: deque[str] = deque()
    for way in _begun(view):
        if way.target in view.flow.states and way.target not in came:
            came[way.target] = ("", way)
            todo.append(way.target)
    while todo:
        state = view.flow.states[todo.popleft()]
        if _may_wait(state, view.book):
            yield _problem(view, state, came)
            continue
        for way in view.all_ways[state.name]:
            if _goes_on(way) and way.target in view.flow.states and way.target not in came:
                came[way.target] = (state.name, came[state.name][1])
                todo.append(way.target)


def _begun(view: View) -> Iterator[Way]:
    for found in view.all_ways.values():
        for way in found:
            if way.outcome is not None and (way.outcome.side or way.event in LATE_EVENTS):
                yield way


def _goes_on(way: Way) -> bool:
    return way.outcome is None or not way.outcome.side


def _may_wait(state: State, book: Book) -> bool:
    """Whether the state waits, or plays a flow that has a state which waits."""
    return waits(state) or (state.kind == "subflow" and _waits_inside(state.config["flow"], book))


def _waits_inside(name: str, book: Book) -> bool:
    flow, key = book.flows.get(name), ("waits", name)
    if flow is None:
        return False
    if key not in book.cache:
        book.cache[key] = False
        book.cache[key] = any(_may_wait(state, book) for state in flow.states.values())
    return bool(book.cache[key])


def _problem(view: View, state: State, came: dict[str, tuple[str, Way]]) -> Problem:
    names, begun = [state.name], came[state.name][1]
    while came[names[-1]][0]:
        names.append(came[names[-1]][0])
    return problem(
        view,
        "side-run",
        begun.mark,
        f'"{begun.event}" leads to {title(state)}, but it runs beside the call and cannot wait: '
        f"{shown([begun.event, *reversed(names)])}",
        notes=["the call may be over by then, and nobody would answer"],
        fix="let this run only file, send or set, and then end",
        state=state.name,
        outcome=begun.event,
    )
