"""
```yaml
ring:
  call: { flow: reminder, with: { to: "{{ contact.number }}" } }
  on: { done: bye, error: nobody }
```
Calls the person: plays a voice flow that begins with `dial`, and goes on in the conversation with one of its
`outcomes`, or `done` when it reached `end`. It sees only its `inputs`. What is written meanwhile is the event
`message`.
"""

from __future__ import annotations

from typing import Any

from flowengine.fields import TEXT, Field, MapOf, Name, Record
from flowengine.lowering import lower_fields
from flowengine.model import Flow, State
from flowengine.states.base import MESSAGE, Kind, Outcome


class Call(Kind):
    name = "call"
    glyph = "►"
    family = "talk"
    waits = True
    channels = ("message",)
    needs_credentials = True
    fields = Record(
        (
            Field("flow", Name("a flow"), "the voice flow to play", True),
            Field("with", MapOf(TEXT, "an input"), "its inputs"),
        ),
        "call",
        "flow",
    )

    def outcomes(self, state: State, flow: Flow) -> tuple[Outcome, ...]:
        """Without the callee's own outcomes, which only the project knows."""
        return (Outcome("done", ("next",)), MESSAGE, Outcome("error", ("next",), "apology", "failure"))

    def lower(self, state: State, flow: Flow) -> dict[str, Any]:
        return lower_fields(state.config, "flow", "with")

    def run(self, op: Any, call: Any) -> str | None:
        return call.start_call(op)  # type: ignore[no-any-return]

    def summary(self, state: State, flow: Flow) -> str:
        return f"calls by {state.config['flow']}"
