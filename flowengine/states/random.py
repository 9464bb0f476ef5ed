"""
```yaml
split:
  random: { short: 3, long: 1, into: arm }
```
Draws one name by weight; the draw holds for the rest of the session. Without a handler a name leads to the state
of that name.
"""

from __future__ import annotations

from typing import Any

from flowengine.document import Map, Node, Text
from flowengine.fields import NAME, Field, Integer, Name, Reader, Record
from flowengine.model import Flow, State
from flowengine.states.base import Kind, Outcome
from flowengine.states.choices import EVENTS


def _read(node: Node, reader: Reader) -> dict[str, Any] | None:
    if not isinstance(node, Map):
        reader.expected(node, "weights such as { a: 1, b: 3 }")
        return None
    into: str | None = None
    weights: dict[str, int] = {}
    for name, each in node.entries.items():
        if name == "into":
            into = Name("a variable").read(each, reader)
        elif not NAME.fullmatch(name) or name in EVENTS:
            fix = "choose another name (a-z, 0-9 and _)"
            reader.problem("name", node.keys[name], f'"{name}" cannot be a name to draw', fix)
        elif isinstance(each, Text) and (weight := Integer(0, 1000).read(each, reader)) is not None:
            weights[name] = weight
    if not sum(weights.values()):
        reader.problem("shape", node, "there is nothing to draw", "add names with weights, such as { a: 1, b: 1 }")
        return None
    return {"weights": weights, "into": into}


_SHAPE: dict[str, Any] = {
    "type": "object",
    "properties": {"into": {"type": "string"}},
    "additionalProperties": {"type": "integer", "minimum": 0, "maximum": 1000},
}


class Random(Kind):
    name = "random"
    glyph = "◊"
    family = "decide"
    channels = ("voice", "message")
    fields = Record(
        (
            Field("NAME", Integer(0, 1000), "a name and its weight, as many as needed"),
            Field("into", Name("a variable"), "keeps the drawn name"),
        ),
        "random",
    )

    def read(self, node: Node, reader: Reader) -> dict[str, Any] | None:
        return _read(node, reader)

    def schema(self) -> dict[str, Any]:
        return _SHAPE

    def outcomes(self, state: State, flow: Flow) -> tuple[Outcome, ...]:
        return tuple(Outcome(name, ("same",), choice=True) for name in state.config["weights"])

    def lower(self, state: State, flow: Flow) -> dict[str, Any]:
        config = state.config
        return {
            "weights": list(config["weights"].items()),
            **({"into": config["into"]} if config["into"] else {}),
        }

    def run(self, op: Any, call: Any) -> str | None:
        return str(call.draw(op["weights"]))

    def summary(self, state: State, flow: Flow) -> str:
        weights = state.config["weights"]
        return ", ".join(f"{name} {100 * weight // sum(weights.values())} %" for name, weight in weights.items())
