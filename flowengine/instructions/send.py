"""
```yaml
do:
  - send: { to: "{{ call.cli }}", text: "Sorry we missed you." }
```
Sends a message once the turn is stored. In a voice flow `to` is required and `channel` is SMS unless it says
otherwise; an empty `to` (a withheld caller) sends nothing and is counted. In a message flow both are the
conversation's. It says one thing: a `text` (with `choices` as its buttons), a `card`, `carousel`, `list`, `media`,
`location`, `contact` or `template`. `explicit` replaces it on the channels that it names, in their own JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowengine.choosing import SHOWN_CHOICES
from flowengine.content import EXPLICIT, SHAPES, check_content, lower_content
from flowengine.document import Map, Node
from flowengine.fields import LINE, TEXT, Field, OneOf, Reader, Record, meant
from flowengine.instructions.base import Instruct
from flowengine.lowering import lower_fields
from flowengine.model import CHANNELS
from flowengine.problems import listed

BODIES = ("text", *SHAPES)


class Send(Instruct):
    name = "send"
    type = Record(
        (
            Field("to", TEXT, "the number; in a message flow the conversation's contact"),
            Field("channel", OneOf(CHANNELS), "the channel", shown="SMS from a call"),
            Field("text", LINE, "the words"),
            Field("choices", SHOWN_CHOICES, "buttons under the text", channels=("message",)),
            *(Field(name, shape, f"a {name}, in place of text") for name, shape in SHAPES.items()),
            Field("explicit", EXPLICIT, "the message in a channel's own JSON, by channel"),
        ),
        "send",
    )

    def read(self, node: Node, reader: Reader) -> Any:
        value = self.type.read(node, reader)
        if isinstance(value, dict) and isinstance(node, Map):
            self._check(value, node, reader)
            value["in"] = reader.channel
        return value

    def _check(self, value: Mapping[str, Any], node: Map, reader: Reader) -> None:
        bodies = [name for name in BODIES if name in node.entries]
        unknown = meant(node, self.type.named())
        if len(bodies) > 1:
            message = f"the message has {listed(bodies, 'and')}; it takes one of them"
            reader.problem("shape", node.keys[bodies[1]], message, "send two messages")
        elif not bodies and "explicit" not in node.entries and not unknown & {*BODIES, "explicit"}:
            reader.problem("missing-key", node, "the message says nothing", "add text, or a card, list or media")
        if "choices" in node.entries and bodies and bodies != ["text"]:
            message = f"choices stand beside text; a {bodies[0]} has its own or none"
            reader.problem("shape", node.keys["choices"], message, "move them")
        if reader.channel == "voice" and not {"to"} & {*node.entries, *unknown}:
            reader.problem("missing-key", node, 'send has no "to"', 'add to: "{{ call.cli }}", or a number')
        for name in SHAPES:
            if isinstance(value.get(name), Mapping):
                check_content(name, value[name], node.entries[name], reader)

    def lower(self, value: Any) -> Any:
        content = {name: value[name] for name in (*BODIES, "choices", "explicit") if value.get(name)}
        head = lower_fields(value, "to", "channel")
        if value.get("in") == "message":
            return {**head, "content": {name: lower_content(name, each) for name, each in content.items()}}
        return {**head, "body": _mapped({name: lower_content(name, each) for name, each in content.items()})}

    def run(self, op: Any, call: Any) -> None:
        call.send(op)


def _mapped(value: Any) -> Any:
    """Plain mappings as data to fill in as a whole."""
    if isinstance(value, dict) and not any(key.startswith("$") for key in value):
        return {"$map": {key: _mapped(each) for key, each in value.items()}}
    return [_mapped(each) for each in value] if isinstance(value, list) else value
