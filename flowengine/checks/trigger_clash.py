"""
Two flows claim the same calls: the same dialled number, or any call. Which of them a caller reaches would be left to
chance.

```yaml wrong
flow: wrong
channel: voice
triggers: [ { to: "+12025550100" } ]
start: greet
states:
  greet: { say: Welcome to sales., next: end }
```
```yaml wrong other
flow: other
channel: voice
triggers: [ { to: "+12025550100" } ]
start: greet
states:
  greet: { say: Welcome to support., next: end }
```
```yaml right
flow: right
channel: voice
triggers: [ { to: "+12025550100" } ]
start: greet
states:
  greet: { say: Welcome to sales., next: end }
```
```yaml right other
flow: other
channel: voice
triggers: [ { to: "+12025550122" } ]
start: greet
states:
  greet: { say: Welcome to support., next: end }
```
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.graph import Book
from flowengine.model import Trigger
from flowengine.problems import Mark, Problem

SEVERITY = "error"


def check(view: View) -> Iterator[Problem]:
    first = _first(view.book)
    for trigger in view.flow.triggers:
        key = _key(trigger)
        if not key or key not in first:
            continue
        name, mark = first[key]
        if mark == trigger.mark:
            continue
        what = f"calls to {trigger.value}" if trigger.kind == "to" else "all other calls"
        again = f'"{name}" takes them already' if name != view.flow.name else "the flow takes them already"
        message = f'"{view.flow.name}" takes {what}, but {again}, on line {mark.line} of {mark.file}'
        yield problem(view, "trigger-clash", trigger.mark, message, fix="take the trigger out of one of them")


def _first(book: Book) -> dict[str, tuple[str, Mark]]:
    """Who claims which calls first, in the order of the flows' names."""
    if "triggers" not in book.cache:
        found: dict[str, tuple[str, Mark]] = {}
        for flow in sorted(book.flows.values(), key=lambda each: each.name):
            for trigger in flow.triggers:
                found.setdefault(_key(trigger), (flow.name, trigger.mark))
        book.cache["triggers"] = found
    claimed: dict[str, tuple[str, Mark]] = book.cache["triggers"]
    return claimed


def _key(trigger: Trigger) -> str:
    """What is claimed; empty for ``start: api``, where the caller names the flow."""
    if trigger.kind == "any":
        return "any"
    digits = re.sub("[^0-9]", "", trigger.value)
    return "" if trigger.kind != "to" else f"to {digits}" if trigger.value.startswith("+") else f"to {trigger.value}"
