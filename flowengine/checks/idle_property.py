"""
A property can never be broken, because neither the flow nor a flow that it plays has anything it speaks of: it
promises what nothing threatens, and mostly a state or an instruction has gone that it was written for.

```yaml wrong
flow: wrong
channel: voice
properties: { record_after: is recorded }
start: greet
states:
  greet: { say: Welcome. This call is recorded., next: end }
```
```yaml right
flow: right
channel: voice
recordings: { to: "s3://acme-calls/{{ call.id }}.mp3", credentials: "{{ secret.RECORDINGS }}" }
may_dial: { sales: { number: "+12025550111" } }
properties: { record_after: is recorded }
start: greet
states:
  greet:
    do: [ { say: Welcome. This call is recorded. }, { record: {} } ]
    connect: { to: sales }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.lookup import understood
from flowengine.graph import Book, instructions_of
from flowengine.instructions import INSTRUCTIONS
from flowengine.model import Flow
from flowengine.problems import Problem, listed
from flowengine.states import KINDS

SEVERITY = "warning"


def check(view: View) -> Iterator[Problem]:
    flow = view.flow
    if not flow.properties or not understood(view):
        return
    there = _used(flow, view.book, set())
    for name, each in flow.properties.items():
        if each.needs and not each.needs & there:
            message = f'"{name}" can never be broken: there is no {listed(_missing(each.needs, flow))} here'
            yield problem(view, "idle-property", each.mark, message, severity="warning", fix=f"take {name} out")


def _missing(needs: frozenset[str], flow: Flow) -> list[str]:
    """What of it a flow of this sort could have."""
    return sorted(each for each in needs if flow.channel in (KINDS.get(each) or INSTRUCTIONS[each]).channels)


def _used(flow: Flow, book: Book, seen: set[str]) -> set[str]:
    """The kinds and instructions of a flow and of those that it plays."""
    seen.add(flow.name)
    found = {each.name for handler in flow.on.values() for branch in handler.branches for each in branch.do}
    for state in flow.states.values():
        found |= {state.kind, *(each.name for each in instructions_of(state))}
        callee = book.flows.get(state.config["flow"]) if state.kind in ("subflow", "call") else None
        if callee is not None and callee.name not in seen:
            found |= _used(callee, book, seen)
    return found
