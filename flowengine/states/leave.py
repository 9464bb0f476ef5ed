"""
```yaml
right: { return: { outcome: right, with: { account: "{{ account }}" } } }
```
Ends a subflow with one of the flow's `outcomes`. At top level it is `end`.
"""

from __future__ import annotations

from typing import Any

from flowengine.fields import TEXT, Field, MapOf, Name, Record
from flowengine.lowering import lower_fields
from flowengine.model import Flow, State
from flowengine.states.base import Kind, Outcome


class Return(Kind):
    name = "return"
    glyph = "≡"
    family = "outside"
    channels = ("voice", "message")
    fields = Record(
        (
            Field("outcome", Name("an outcome"), "one of the flow's `outcomes`", True),
            Field("with", MapOf(TEXT, "a name"), "what the caller reads as `result`"),
        ),
        "return",
        "outcome",
    )

    def outcomes(self, state: State, flow: Flow) -> tuple[Outcome, ...]:
        return ()

    def lower(self, state: State, flow: Flow) -> dict[str, Any]:
        return lower_fields(state.config, "outcome", "with")

    def run(self, op: Any, call: Any) -> str | None:
        return call.leave(op)  # type: ignore[no-any-return]

    def summary(self, state: State, flow: Flow) -> str:
        return f"returns {state.config['outcome']}"
