"""
```yaml
price:
  function: { name: price, with: { seats: "{{ seats }}" }, save: { total: "{{ result.total }}" }, timeout: 500ms }
  on: { ok: tell, error: sorry }
```
Calls a `@function` of the `functions.py` beside the flows with `with` as keyword arguments; what it returns is
`result`. Raising, taking longer than `timeout`, or a result without what `save` needs is `error`. All functions and
http steps of one call turn have 1.2 s together.
"""

from __future__ import annotations

from typing import Any

from flowengine.fields import DATA, TEXT, Duration, Field, MapOf, Name, Record
from flowengine.instructions.set import TARGET
from flowengine.lowering import lower_fields, lower_source
from flowengine.model import Flow, State
from flowengine.states.base import STEP_ERROR, Kind, Outcome


class Function(Kind):
    name = "function"
    glyph = "↔"
    family = "outside"
    channels = ("voice", "message")
    fields = Record(
        (
            Field("name", Name("a function"), "the function", True),
            Field("with", MapOf(DATA, "an argument"), "its arguments"),
            Field("save", MapOf(TEXT, "a variable", TARGET), "what to keep of `result`"),
            Field("timeout", Duration(0.05, 30), "how long it may take", default=1.0),
        ),
        "function",
        "name",
    )

    def outcomes(self, state: State, flow: Flow) -> tuple[Outcome, ...]:
        return (Outcome("ok", ("same",)), STEP_ERROR)

    def lower(self, state: State, flow: Flow) -> dict[str, Any]:
        save = [[name, lower_source(source)] for name, source in (state.config["save"] or {}).items()]
        return {**lower_fields(state.config, "name", "with", "timeout"), "save": save}

    def run(self, op: Any, call: Any) -> str | None:
        return str(call.ask_function(op))

    def summary(self, state: State, flow: Flow) -> str:
        return f"{state.config['name']}()"
