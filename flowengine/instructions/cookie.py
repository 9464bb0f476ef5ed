"""
```yaml
do:
  - cookie: { key: X-Ticket, value: "{{ ticket }}" }
```
Sets a cookie of the call: it travels with later events, and a key that begins with `X-` becomes a SIP header
on a later SIP leg. Keys and values of a call are at most 1,024 bytes together, a key at most 50 characters.
"""

from __future__ import annotations

from typing import Any

from flowengine.fields import TEXT, Constant, Field, Record
from flowengine.instructions.base import Instruct
from flowengine.lowering import lower_fields


class Cookie(Instruct):
    name = "cookie"
    type = Record(
        (
            Field(
                "key",
                Constant(r"[A-Za-z0-9_.-]+", "a key of letters, digits, _ . and -", 50),
                "its name",
                True,
            ),
            Field("value", TEXT, "its text", True),
        ),
        "cookie",
    )
    channels = ("voice",)
    nearest = "keep it in a variable or a contact field"
    emits = ("setCookie",)

    def lower(self, value: Any) -> Any:
        return lower_fields(value, "key", "value")

    def run(self, op: Any, call: Any) -> None:
        call.cookie(op["key"], call.line(op["value"]))
