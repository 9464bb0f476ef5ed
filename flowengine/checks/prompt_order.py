"""
A prompt stands before an http step in the same run. All prompts of a run play after its http steps, so the caller
hears silence while the server is asked, and "One moment please" when it has already answered.

```yaml wrong
flow: wrong
channel: voice
start: greet
states:
  greet: { say: One moment please., next: look_up }
  look_up:
    http: { get: https://crm.example.com/status, timeout: 800ms }
    on: { ok: open, error: open }
  open: { say: We are open., next: end }
```
```yaml right
flow: right
channel: voice
start: look_up
states:
  look_up:
    http: { get: https://crm.example.com/status, timeout: 800ms }
    on: { ok: open, error: open }
  open: { say: Welcome. We are open., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.runs import carried
from flowengine.checks.texts import heard
from flowengine.graph import Way
from flowengine.model import State
from flowengine.problems import Problem, Severity

SEVERITY: Severity = "warning"
CHANNELS = ("voice",)


def check(view: View) -> Iterator[Problem]:
    before = carried(view, _speaks, _speaks_on)
    for state in view.flow.states.values():
        if state.kind != "http" or state.config["wait"] is False:
            continue
        origin = state.name if _speaks(state) else before.get(state.name)
        if origin is not None:
            message = f'the prompt of "{origin}" is heard only after this request has been answered'
            notes = ["all prompts of a run play after its http steps; until then the caller hears silence"]
            fix = "move the prompt behind the request"
            yield problem(
                view,
                "prompt-order",
                state.kind_mark,
                message,
                severity=SEVERITY,
                notes=notes,
                fix=fix,
                state=state.name,
            )


def _speaks(state: State) -> bool:
    return next(heard(state.do), None) is not None


def _speaks_on(way: Way) -> bool:
    return way.branch is not None and next(heard(way.branch.do), None) is not None
