"""
```yaml
do:
  - send: { to: "{{ call.cli }}", text: "Sorry we missed you." }
```
Sends a message once the turn is stored. In a voice flow `to` is required and `channel` is SMS unless it says
otherwise; an empty `to` (a withheld caller) sends nothing and is counted.
"""

from __future__ import annotations

from typing import Any

from flowengine.fields import DATA, PROSE, TEXT, Field, OneOf, Record
from flowengine.instructions.base import Instruct
from flowengine.lowering import lower, lower_fields

CHANNELS = ("SMS", "MMS", "WHATSAPP", "RCS", "MESSENGER", "VIBER", "VIBERBM", "INSTAGRAM", "TELEGRAM", "LINE")
BODIES = ("text", "card", "carousel", "list", "media", "location", "contact", "template")


class Send(Instruct):
    name = "send"
    type = Record(
        (
            Field("to", TEXT, "the number; in a message flow the conversation's contact"),
            Field("channel", OneOf(CHANNELS), "the channel", shown="SMS from a call"),
            Field("text", PROSE, "the words"),
            *(Field(name, DATA, f"a {name}, in place of text") for name in BODIES[1:]),
        ),
        "send",
    )

    def lower(self, value: Any) -> Any:
        body = {name: lower(value[name]) for name in BODIES if value.get(name) is not None}
        return {**lower_fields(value, "to", "channel"), "body": {"$map": body}}

    def run(self, op: Any, call: Any) -> None:
        to = call.text(op.get("to", ""))
        if not to:
            call.note("unsent", "the receiver's number is empty")
            return
        call.effect("send", {"to": to, "channel": op.get("channel", "SMS"), "body": call.value(op["body"])})
