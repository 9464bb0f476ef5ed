"""
```yaml
do:
  - log: "tier is {{ tier }}"
  - track: asked_for_sales
  - tag: vip
  - untag: new
  - opt_in: news
  - opt_out: news
```
`log` writes a line to the journal (numbers and sensitive values are masked), `track` counts a named happening,
`tag` and `untag` mark the contact, `opt_in` and `opt_out` keep what the contact agreed to.
"""

from __future__ import annotations

from typing import Any, ClassVar

from flowengine.fields import TEXT, Name, Type
from flowengine.instructions.base import Instruct


class _Note(Instruct):
    type: ClassVar[Type] = Name()

    def run(self, op: Any, call: Any) -> None:
        call.note(self.name, call.text(op))


class Log(_Note):
    name = "log"
    type = TEXT


class Track(_Note):
    name = "track"


class Tag(_Note):
    name = "tag"

    def run(self, op: Any, call: Any) -> None:
        super().run(op, call)
        call.mark(call.text(op), True)


class Untag(_Note):
    name = "untag"

    def run(self, op: Any, call: Any) -> None:
        super().run(op, call)
        call.mark(call.text(op), False)


class OptIn(_Note):
    name = "opt_in"

    def run(self, op: Any, call: Any) -> None:
        super().run(op, call)
        call.agree(call.text(op), True)


class OptOut(_Note):
    name = "opt_out"

    def run(self, op: Any, call: Any) -> None:
        super().run(op, call)
        call.agree(call.text(op), False)
