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

from flowengine.callbacks import Callback
from flowengine.fields import Record
from flowengine.model import Flow, State
from flowengine.states.base import Heard, Kind, Outcome
from flowengine.states.bridge import (
    FIELDS,
    action_of,
    bridge_outcomes,
    connect_action,
    hear_bridge,
    lower_bridge,
)
from flowengine.states.connect import dial_summary
from flowengine.svaml import Position


class Dial(Kind):
    name = "dial"
    glyph = "►"
    family = "talk"
    waits = True
    needs_credentials = True
    fields = Record(FIELDS, "dial")

    def outcomes(self, state: State, flow: Flow) -> tuple[Outcome, ...]:
        return bridge_outcomes(state, flow, "")

    def actions(self, state: State, flow: Flow, position: Position) -> tuple[str, ...]:
        return (action_of(state, flow) if position == "O" else "dial",)

    def lower(self, state: State, flow: Flow) -> dict[str, Any]:
        return lower_bridge(state, flow)

    def run(self, op: Any, call: Any) -> str | None:
        reached = call.reach(op["to"])
        if reached is None:
            return "error"
        if "amd" in op:
            call.arm("amd")
        call.place_call(connect_action(op, call, *reached))
        return None

    def hear(self, op: Any, call: Any, callback: Callback) -> Heard:
        return hear_bridge(op, call, callback)

    def summary(self, state: State, flow: Flow) -> str:
        return dial_summary(state)
