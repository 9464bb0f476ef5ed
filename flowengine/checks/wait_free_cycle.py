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

from flowengine.checks.base import View, problem
from flowengine.checks.cycles import circle, edges, knots, names_of, round_trip
from flowengine.checks.lookup import shown
from flowengine.problems import Problem

SEVERITY = "error"


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
            notes=["the answer would never be finished; the caller would hear an apology"],
            fix=f'lead out of the circle, or bound it: add "visits: {{ max: 3, then: end }}" to {source}',
            state=source,
            outcome=way.event,
        )
