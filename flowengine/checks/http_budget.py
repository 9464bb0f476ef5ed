"""
The http steps of one run may together take longer than the 1.2 seconds that a call turn has for them: the last
ones are then not asked at all and end in `error`.

```yaml wrong
flow: wrong
channel: voice
start: first
states:
  first:
    http: { get: https://crm.example.com/caller, timeout: 800ms }
    on: { ok: second, error: second }
  second:
    http: { get: https://crm.example.com/orders, timeout: 800ms }
    on: { ok: main, error: main }
  main: { say: Welcome., next: end }
```
```yaml right
flow: right
channel: voice
start: first
states:
  first:
    http: { get: https://crm.example.com/caller, timeout: 600ms }
    on: { ok: second, error: second }
  second:
    http: { get: https://crm.example.com/orders, timeout: 600ms }
    on: { ok: main, error: main }
  main: { say: Welcome., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.places import setting
from flowengine.checks.runs import longest, onward
from flowengine.model import State
from flowengine.problems import Problem, Severity
from flowengine.units import spoken

SEVERITY: Severity = "warning"
CHANNELS = ("voice",)
BUDGET = 1.2
_ROUNDING = 1e-6


def check(view: View) -> Iterator[Problem]:
    found = longest(view, _deadline, lambda way: 0.0)
    ways = onward(view)
    for name, total in found.total.items():
        rest = max((found.total.get(way.target, 0.0) for way in ways[name]), default=0.0)
        if total > BUDGET + _ROUNDING >= rest:
            state = view.flow.states[name]
            path = [each for each in found.path(name) if _deadline(view.flow.states[each])]
            run = f" on the run {' > '.join(path)}" if len(path) > 1 else ""
            message = f"http may take {spoken(round(total, 3))}{run}; a turn of a call has {spoken(BUDGET)}"
            notes = ["a request for which no time is left is not sent, and ends in error"]
            yield problem(
                view, "http-budget", setting(view, state, "timeout"), message,
                severity=SEVERITY, notes=notes, fix="shorten a timeout", state=name,
            )  # fmt: skip


def _deadline(state: State) -> float:
    return float(state.config["timeout"] or 0) if state.kind == "http" and state.config["wait"] is not False else 0.0
