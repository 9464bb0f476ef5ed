"""
A caller who does nothing is led round for ever by timeout, invalidinput and error: the call costs money until
the platform ends it. Bound it by `retry` or `visits`, or let the silence end the call.

```yaml wrong
flow: wrong
channel: voice
start: main
states:
  main:
    menu: { prompt: For news press 1., choices: { news: 1 } }
    on: { timeout: pardon, invalidinput: goodbye }
  pardon: { say: We did not hear you., next: main }
  news: { say: There is no news., next: end }
  goodbye: { say: Goodbye., next: end }
```
```yaml right
flow: right
channel: voice
start: main
states:
  main:
    menu: { prompt: For news press 1., choices: { news: 1 } }
    on:
      timeout: { say: We did not hear you., retry: 2, then: goodbye }
      invalidinput: goodbye
  news: { say: There is no news., next: end }
  goodbye: { say: Goodbye., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.cycles import circle, cycle_beyond, knots, names_of
from flowengine.checks.lookup import shown
from flowengine.graph import Way
from flowengine.problems import Problem, listed

SEVERITY = "error"
CHANNELS = ("voice",)
EVENTS = frozenset({"timeout", "invalidinput", "error"})


def check(view: View) -> Iterator[Problem]:
    graph, unasked = circle(view, EVENTS), circle(view, frozenset())
    for part in knots(graph):
        cycle = cycle_beyond(graph, unasked, part)
        if cycle:
            yield _problem(view, cycle)


def _problem(view: View, cycle: list[Way]) -> Problem:
    first = cycle[0]
    events = list(dict.fromkeys(way.event for way in cycle if way.event in EVENTS))
    how = f" by {listed(events, 'and')}" if events else ""
    return problem(
        view,
        "silent-caller",
        first.mark,
        f"a caller who does nothing goes round for ever{how}: {shown(names_of(cycle))}",
        notes=["the call lasts, and costs, until the platform ends it after hours"],
        fix=f'write "{first.event}: {{ retry: 2, then: … }}", or add "visits" to {first.source}',
        state=first.source,
        outcome=first.event,
    )
