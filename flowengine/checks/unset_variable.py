"""
A variable without a default is read on a path on which nothing has set it: there is nothing to say there, so the
turn breaks and the caller hears the apology.

```yaml wrong
flow: wrong
channel: voice
start: ask
variables: { pin: { type: digits } }
states:
  ask:
    collect: { prompt: Please enter your code., digits: 4, into: pin }
    on: { digits: confirm, timeout: confirm, invalidinput: bye }
  confirm: { say: "Your code is {{ pin | spell }}.", next: end }
  bye: { say: Goodbye., next: end }
```
```yaml right
flow: right
channel: voice
start: ask
variables: { pin: { type: digits } }
states:
  ask:
    collect: { prompt: Please enter your code., digits: 4, into: pin }
    on: { digits: confirm, timeout: bye, invalidinput: bye }
  confirm: { say: "Your code is {{ pin | spell }}.", next: end }
  bye: { say: Goodbye., next: end }
```
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from flowengine.checks.assignment import Assignment, Edge, Reading, assignment
from flowengine.checks.base import View, problem
from flowengine.checks.places import inside
from flowengine.problems import Problem

SEVERITY = "error"
_MOST_PATHS = 10


def check(view: View) -> Iterator[Problem]:
    flow = assignment(view)
    if not flow.bits:
        return
    paths: dict[int, dict[str, Edge]] = {}
    for name in [*view.flow.states, *flow.extra]:
        if name not in flow.before:
            continue
        for reading, bit in flow.unset(name):
            if bit not in paths and len(paths) < _MOST_PATHS:
                paths[bit] = _unset_paths(flow, bit)
            yield _problem(view, name, reading, _path(paths.get(bit, {}), name))


def _problem(view: View, state: str, reading: Reading, path: str) -> Problem:
    where = inside(view, reading.source, reading.offset, len(reading.name))
    by = f" on the path {path}" if path else ""
    fix = f"set it before, give it a default, or write {{{{ {reading.name} | default('…') }}}}"
    if reading.source.guard:
        fix = f'set it before, give it a default, or write "{reading.name} is defined and …"'
    message = f'"{reading.name}" may be read before it is set{by}'
    return problem(view, "unset-variable", where, message, fix=fix, state=state if state in view.flow.states else "")


def _unset_paths(flow: Assignment, bit: int) -> dict[str, Edge]:
    """Breadth first along the edges over which a variable stays unset: the edge by which each state is reached."""
    found: dict[str, Edge] = {}
    todo = deque([""])
    while todo:
        name = todo.popleft()
        after = 0 if name == "" else flow.after(name, flow.before[name] & ~bit)
        for edge in flow.edges.get(name, ()):
            value = edge.fixed if edge.fixed is not None else after if edge.late else flow.before.get(name, 0) & ~bit
            if not edge.apply(value) & bit and edge.target not in found and edge.target in flow.before:
                found[edge.target] = edge
                todo.append(edge.target)
    return found


def _path(edges: dict[str, Edge], name: str) -> str:
    if name not in edges:
        return ""
    steps = [name]
    while name in edges and edges[name].source:
        edge = edges[name]
        steps.append(f"{edge.source} ({edge.event})" if edge.event not in ("next", "route") else edge.source)
        name = edge.source
        if len(steps) > 30:
            break
    if name in edges and edges[name].event == "error":
        steps.append("(error)")
    return " > ".join(reversed(steps))
