"""
```yaml
sales:
  connect: { to: sales, dial_timeout: 25s }
  on: { disconnected: end }
```
Connects the one on the line to a name in `may_dial`. When nobody answers the platform ends the call: only
`disconnected` runs then, and it cannot speak (`call.answered` says whether somebody answered).
"""

from __future__ import annotations

from typing import Any

from flowengine.fields import Record
from flowengine.model import Flow, State
from flowengine.states.base import Outcome
from flowengine.states.bridge import FIELDS, Bridge, action_of, bridge_outcomes, connect_action
from flowengine.svaml import Position


class Connect(Bridge):
    name = "connect"
    fields = Record(FIELDS, "connect")

    def outcomes(self, state: State, flow: Flow) -> tuple[Outcome, ...]:
        return bridge_outcomes(state, flow, "continue")

    def actions(self, state: State, flow: Flow, position: Position) -> tuple[str, ...]:
        return (action_of(state, flow),)

    def run(self, op: Any, call: Any) -> str | None:
        reached = call.reach(op["to"])
        if reached is None:
            return "error"
        call.place(connect_action(op, call, *reached))
        if "amd" in op:
            call.arm("amd")
        return None
