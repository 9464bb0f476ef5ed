"""
A message that could not be delivered leads back to the same message: it fails again, and again, until it is stopped.
Lead `failed` elsewhere, or bound it by `retry` or `visits`.

```yaml wrong
flow: wrong
channel: message
triggers: [ { start: api } ]
session: { expires: 1d }
start: coming
states:
  coming:
    ask: { prompt: Are you coming?, choices: { here: "Yes", away: "No" } }
    on: { here: end, away: end, failed: coming, else: end }
```
```yaml right
flow: right
channel: message
triggers: [ { start: api } ]
session: { expires: 1d }
start: coming
states:
  coming:
    ask: { prompt: Are you coming?, choices: { here: "Yes", away: "No" } }
    on: { here: end, away: end, failed: { retry: 1, then: end }, else: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.cycles import circle, cycle_beyond, knots, names_of
from flowengine.checks.lookup import shown
from flowengine.problems import Problem, Severity

SEVERITY: Severity = "warning"
CHANNELS = ("message",)
FAILED = frozenset({"failed"})


def check(view: View) -> Iterator[Problem]:
    graph, unasked = circle(view, FAILED), circle(view, frozenset())
    for part in knots(graph):
        cycle = cycle_beyond(graph, unasked, part)
        if cycle:
            first = next((way for way in cycle if way.event == "failed"), cycle[0])
            yield problem(
                view,
                "failed-again",
                first.mark,
                f"a message that fails is sent again, and nothing bounds it: {shown(names_of(cycle))}",
                severity=SEVERITY,
                notes=["a number that does not exist never gets it, and each try costs"],
                fix='write "failed: { retry: 1, then: end }", or lead it elsewhere',
                state=first.source,
                outcome="failed",
            )
