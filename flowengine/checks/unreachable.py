"""
Nothing leads to a state, so no caller will ever hear it: a left-over, or a handler that was forgotten.

```yaml wrong
flow: wrong
channel: voice
start: greet
states:
  greet: { say: Hello., next: goodbye }
  offers: { say: We have a new offer., next: goodbye }
  goodbye: { say: Goodbye., next: end }
```
```yaml right
flow: right
channel: voice
start: greet
states:
  greet: { say: Hello., next: offers }
  offers: { say: We have a new offer., next: goodbye }
  goodbye: { say: Goodbye., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.lookup import understood
from flowengine.problems import Problem

SEVERITY = "warning"


def check(view: View) -> Iterator[Problem]:
    if view.flow.start not in view.flow.states or not understood(view):
        return
    for state in view.flow.states.values():
        if state.name not in view.reachable:
            message = f'nothing leads to "{state.name}"'
            yield problem(
                view,
                "unreachable",
                state.mark,
                message,
                severity="warning",
                notes=["nobody will ever read it" if view.flow.channel == "message" else "no caller will ever hear it"],
                fix="lead to it from another state, or remove it",
                state=state.name,
            )
