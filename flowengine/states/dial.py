"""
```yaml
ring:
  dial: { to: patient, dial_timeout: 30s, amd: sync }
  on: { human: greet, machine: leave_message, disconnected: end }
```
Rings a person: the call is placed by the engine, so `dial` begins a flow (or follows a `wait` when nobody is on
the line). Without a `cli` a call never rings.
"""

from __future__ import annotations

from typing import Any

from flowengine.fields import Record
from flowengine.model import Flow, State
from flowengine.states.base import Outcome
from flowengine.states.bridge import FIELDS, Bridge, action_of, bridge_outcomes, connect_action
from flowengine.svaml import Position


class Dial(Bridge):
    name = "dial"
    needs_credentials = True
    fields = Record(FIELDS, "dial")

    def outcomes(self, state: State, flow: Flow) -> tuple[Outcome, ...]:
        return bridge_outcomes(state, flow, "")

    def actions(self, state: State, flow: Flow, position: Position) -> tuple[str, ...]:
        return (action_of(state, flow) if position == "O" else "dial",)

    def run(self, op: Any, call: Any) -> str | None:
        reached = call.reach(op["to"])
        if reached is None:
            return "error"
        if "amd" in op:
            call.arm("amd")
        call.place_call(connect_action(op, call, *reached))
        return None
