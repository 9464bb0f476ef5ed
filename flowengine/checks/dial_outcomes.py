"""
A `dial` leaves open what happens when somebody, or a machine, picks up: the one who was rung would hear
silence.

Without `amd` that is `answered`; with `amd: sync` it is `human` and `machine`; with `amd: async` all three.

```yaml wrong
flow: wrong
channel: voice
triggers: [ { start: api } ]
cli: "+12025550100"
may_dial: { patient: { number: "+12025550111" } }
start: ring
states:
  ring:
    dial: { to: patient, amd: sync }
    on: { human: tell, disconnected: end }
  tell: { say: Your parcel is here., next: end }
```
```yaml right
flow: right
channel: voice
triggers: [ { start: api } ]
cli: "+12025550100"
may_dial: { patient: { number: "+12025550111" } }
start: ring
states:
  ring:
    dial: { to: patient, amd: sync }
    on: { human: tell, machine: record, disconnected: end }
  tell: { say: Your parcel is here., next: end }
  record: { say: [ { pause: 3s }, Your parcel is here. ], next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.lookup import on_mark, title
from flowengine.graph import unhandled
from flowengine.problems import Problem, listed

SEVERITY = "error"
CHANNELS = ("voice",)
_MUST = {
    "answered": "whoever picks up",
    "human": "a person who picks up",
    "machine": "an answering machine",
}


def check(view: View) -> Iterator[Problem]:
    for state in view.flow.states.values():
        if state.kind != "dial":
            continue
        left = [each.name for each in unhandled(state, view.flow, view.book) if each.name in _MUST]
        if left:
            yield problem(
                view,
                "dial-outcomes",
                on_mark(view, state),
                f"{title(state)} can end in {listed(left)}, but nothing says where that goes",
                notes=[f"{listed([_MUST[name] for name in left])} would hear nothing"],
                fix="add " + listed([f'"{name}: …"' for name in left], "and"),
                state=state.name,
                outcome=left[0],
            )
