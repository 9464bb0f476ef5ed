"""
```yaml
do:
  - clear: pin
```
Empties a variable or contact field (or a list of them): it falls back to its default, or to being unset.
"""

from __future__ import annotations

from typing import Any

from flowengine.fields import Constant, ListOf
from flowengine.instructions.base import Instruct


class Clear(Instruct):
    name = "clear"
    type = ListOf(Constant(r"[a-z][a-z0-9_]*|contact\.[a-z][a-z0-9_]*", "the name of a variable"), lone=True, least=1)

    def run(self, op: Any, call: Any) -> None:
        for name in op:
            call.clear(name)
