"""
```yaml
check:
  subflow: { flow: check_pin, with: { length: "4" }, save: { account: "{{ result.account }}" } }
  on: { right: main, wrong: bye, done: bye }
```
Plays another flow and comes back with one of its `outcomes`, or `done` when it reached `end` (which then ends no
call). It sees only its `inputs`; what its `return` gives is `result`. A message flow may be played by message flows
only, a voice flow by voice flows.
"""

from __future__ import annotations

from typing import Any

from flowengine.fields import TEXT, Field, MapOf, Name, Record
from flowengine.instructions.set import TARGET
from flowengine.lowering import lower_fields, lower_source
from flowengine.model import Flow, State
from flowengine.states.base import STEP_ERROR, Kind, Outcome


class Subflow(Kind):
    name = "subflow"
    glyph = "≡"
    family = "outside"
    channels = ("voice", "message")
    fields = Record(
        (
            Field("flow", Name("a flow"), "the flow to play", True),
            Field("with", MapOf(TEXT, "an input"), "its inputs"),
            Field("save", MapOf(TEXT, "a variable", TARGET), "what to keep of `result`"),
        ),
        "subflow",
        "flow",
    )

    def outcomes(self, state: State, flow: Flow) -> tuple[Outcome, ...]:
        """Without the callee's own outcomes, which only the project knows."""
        expired = (Outcome("expired", ("same",), "end", "silence"),) if flow.channel == "message" else ()
        return (Outcome("done", ("same",)), *expired, STEP_ERROR)

    def lower(self, state: State, flow: Flow) -> dict[str, Any]:
        save = [[name, lower_source(source)] for name, source in (state.config["save"] or {}).items()]
        return {**lower_fields(state.config, "flow", "with"), "save": save}

    def run(self, op: Any, call: Any) -> str | None:
        return call.enter(op)  # type: ignore[no-any-return]

    def summary(self, state: State, flow: Flow) -> str:
        return f"plays {state.config['flow']}"
