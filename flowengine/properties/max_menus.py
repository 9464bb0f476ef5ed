"""
```yaml
max_menus: 3
```
So many questions (menus, collects and asks) come at most before a person is reached or it is over. A `connect`, a
`conference` and a `handover` reach a person, and the count begins anew after them. Repeats, retries and `back` do not
count.

```yaml right
- enters: { main: menu }
- enters: { support: menu }
- enters: { ask_pin: collect }
- enters: { agents: connect }
- connects: "+12025550111"
- enters: { rate_us: menu }
```
```yaml wrong
- enters: { main: menu }
- enters: { support: menu }
- enters: { ask_pin: collect }
- enters: { pick_day: menu }
```
```text
4 questions came before a person or an end (at most 3)
```
"""

from __future__ import annotations

from collections.abc import Hashable

from flowengine.fields import Integer
from flowengine.properties.base import Property, Seen, Watcher

_QUESTIONS = frozenset({"menu", "collect", "ask"})


class MaxMenus(Property):
    name = "max_menus"
    type = Integer(1, 100)
    needs = _QUESTIONS

    def watch(self) -> Watcher:
        return _Watch(self.value)


class _Watch(Watcher):
    """Menus that are nested in the answer of another are entered when the platform tells what was pressed there."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.asked = 0

    def turned(self, flow: str, kind: str, state: str) -> str:
        if kind == "handover":
            self.asked = 0
        self.asked += kind in _QUESTIONS
        if self.asked <= self.most:
            return ""
        noun = "questions" if self.asked > 1 else "question"
        return f"{self.asked} {noun} came before a person or an end (at most {self.most})"

    def saw(self, seen: Seen) -> str:
        if seen.kind in ("connects", "joins"):
            self.asked = 0
        return ""

    def standing(self) -> Hashable:
        return self.asked
