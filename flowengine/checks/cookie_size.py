"""
The cookies of a call, keys and values together, may have 1,024 bytes. What is over that is cut off or refused.

```yaml wrong
flow: wrong
channel: voice
start: greet
states:
  greet:
    do:
      - cookie: { key: X-Ticket, value: "the ticket of this call:
          0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789
          0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789
          0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789
          0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789
          0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789
          0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789
          0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789
          0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789
          0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789
          0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789"
        }
      - say: Hello.
    next: end
```
```yaml right
flow: right
channel: voice
start: greet
states:
  greet:
    do:
      - cookie: { key: X-Ticket, value: "{{ call.id }}" }
      - say: Hello.
    next: end
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.texts import HIDDEN, literal
from flowengine.graph import instructions_of
from flowengine.model import Instruction, Source
from flowengine.problems import Problem
from flowengine.svaml import MAX_COOKIE_BYTES

SEVERITY = "error"
CHANNELS = ("voice",)


def check(view: View) -> Iterator[Problem]:
    largest: dict[str, int] = {}
    total = 0
    for key, value, state in _cookies(view):
        size = len(key.encode()) + len(literal(view, value).replace(HIDDEN, "").encode())
        before = total
        total += max(0, size - largest.get(key, 0))
        largest[key] = max(size, largest.get(key, 0))
        if total > MAX_COOKIE_BYTES >= before:
            message = f"with this the cookies of a call may have {total:,} bytes; {MAX_COOKIE_BYTES:,} are allowed"
            fix = "keep less in cookies; variables have no such limit"
            yield problem(view, "cookie-size", value.mark, message, fix=fix, state=state)


def _cookies(view: View) -> Iterator[tuple[str, Source, str]]:
    found = [(each, "") for handler in view.flow.on.values() for branch in handler.branches for each in branch.do]
    for state in view.flow.states.values():
        found += [(each, state.name) for each in instructions_of(state)]
        if state.kind == "svaml":
            yield from _raw(state.config["instructions"] or (), state.name)
    for instruction, name in found:
        if _is_cookie(instruction):
            yield instruction.value["key"], instruction.value["value"], name


def _is_cookie(instruction: Instruction) -> bool:
    return instruction.name == "cookie" and bool(instruction.value["key"]) and bool(instruction.value["value"])


def _raw(instructions: tuple[dict[str, Source], ...], state: str) -> Iterator[tuple[str, Source, str]]:
    for each in instructions:
        if str(each["name"]) == "setCookie" and "key" in each and "value" in each:
            yield each["key"].text, each["value"], state
