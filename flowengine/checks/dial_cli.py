"""
A `dial` without a `cli`: the platform takes the call, reports success and never rings anybody.

```yaml wrong
flow: wrong
channel: voice
triggers: [ { start: api } ]
start: ring
may_dial: { office: { number: "+12025550111" } }
states:
  ring:
    dial: { to: office }
    on: { answered: hello, disconnected: end }
  hello: { say: This is a reminder., next: end }
```
```yaml right
flow: right
channel: voice
triggers: [ { start: api } ]
start: ring
cli: "+12025550100"
may_dial: { office: { number: "+12025550111" } }
states:
  ring:
    dial: { to: office }
    on: { answered: hello, disconnected: end }
  hello: { say: This is a reminder., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.problems import Problem, Severity

SEVERITY: Severity = "warning"
CHANNELS = ("voice",)


def check(view: View) -> Iterator[Problem]:
    for state in view.flow.states.values():
        if state.kind == "dial" and state.config["cli"] is None and view.flow.cli is None:
            message = "this dial shows no number, and without one a call never rings"
            fix = 'add cli: with one of your numbers, such as "+12025550100", to the flow'
            yield problem(view, "dial-cli", state.kind_mark, message, severity=SEVERITY, fix=fix, state=state.name)
