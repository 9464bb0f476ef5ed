"""
```yaml
do:
  - set: { tier: gold, call.language: es-ES }
```
Gives variables a value, in order. `call.language` changes the language of the rest of the call to one of
`languages`; `contact.NAME` writes a contact field. A value that is one whole `{{ }}` keeps its type. Where what comes
is not of the variable's type, its default is kept.
"""

from __future__ import annotations

from typing import Any

from flowengine.fields import TEXT, MapOf
from flowengine.instructions.base import Instruct
from flowengine.lowering import lower_source

TARGET = r"[a-z][a-z0-9_]*|call\.language|contact\.[a-z][a-z0-9_]*"


class Set(Instruct):
    name = "set"
    type = MapOf(TEXT, "a variable, call.language or contact.NAME", TARGET)

    def writes(self, value: Any) -> tuple[str, ...]:
        return tuple(value)

    def lower(self, value: Any) -> Any:
        return [[name, lower_source(source)] for name, source in value.items()]

    def run(self, op: Any, call: Any) -> None:
        for name, item in op:
            call.keep(name, item)
