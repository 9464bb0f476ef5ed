"""
`start` names a state that does not exist, so a call has nowhere to begin and every caller hears an apology.

```yaml wrong
flow: wrong
channel: voice
start: greeting
states:
  greet: { say: Hello., next: end }
```
```yaml right
flow: right
channel: voice
start: greet
states:
  greet: { say: Hello., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.problems import Problem, did_you_mean

SEVERITY = "error"


def check(view: View) -> Iterator[Problem]:
    flow = view.flow
    if not flow.start or flow.start in flow.states:
        return
    hint = did_you_mean(flow.start, flow.states)
    first = next(iter(flow.states), "")
    fix = f"begin with {first}" if first and not hint else ""
    message = f'the flow starts at "{flow.start}", but there is no such state{hint}'
    notes = ["a caller would hear an apology, and the call would end"]
    yield problem(view, "missing-start", flow.start_mark, message, notes=notes, fix=fix)
