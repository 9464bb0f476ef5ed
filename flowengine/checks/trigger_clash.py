"""
Two flows claim the same calls (the same dialled number, or any call) or the same messages (a keyword, a link, or any).
Which of them somebody reaches would be left to chance.

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
from itertools import product

from flowengine.checks.base import View, problem
from flowengine.graph import Book
from flowengine.model import Trigger
from flowengine.problems import Mark, Problem

SEVERITY = "error"


def check(view: View) -> Iterator[Problem]:
    if view.flow.channel == "message":
        yield from _messages(view)
        return
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
        calls = [each for each in book.flows.values() if each.channel == "voice"]
        for flow in sorted(calls, key=lambda each: each.name):
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


def _messages(view: View) -> Iterator[Problem]:
    """Claims on the same messages, told at the later one in the order of the flows' names."""
    earlier = [each for each in view.book.flows.values() if each.channel == "message" and each.name <= view.flow.name]
    claims = [(each.name, trigger) for each in sorted(earlier, key=lambda flow: flow.name) for trigger in each.triggers]
    for trigger in view.flow.triggers:
        before = claims[: claims.index((view.flow.name, trigger))]
        clash = next((each for each in before if _shared(each[1], trigger) is not None), None)
        if clash is not None:
            name, other = clash
            what = _shared(other, trigger) or "all other messages"
            again = f'"{name}" takes them already' if name != view.flow.name else "the flow takes them already"
            message = f'"{view.flow.name}" takes {what}, but {again}, on line {other.mark.line} of {other.mark.file}'
            fix = "take it out of one of them, or narrow both by app, channel or to"
            yield problem(view, "trigger-clash", trigger.mark, message, fix=fix)


def _shared(one: Trigger, other: Trigger) -> str | None:
    """What both triggers claim; None where no message is meant by both."""
    if one.kind != other.kind or not _meet(one, other):
        return None
    if one.kind == "any":
        return ""
    if one.kind == "link":
        return f'the link "{other.value}"' if one.value == other.value else None
    known = {word.strip().casefold() for word in one.words}
    word = next((word for word in other.words if word.strip().casefold() in known), None)
    return f'the keyword "{word}"' if word else None


def _meet(one: Trigger, other: Trigger) -> bool:
    """Whether some message may come through the app, channel and number of both."""
    apart = any(a and b and a != b for a, b in ((one.app, other.app), (one.to, other.to)))
    channels = not (one.channels and other.channels) or any(a == b for a, b in product(one.channels, other.channels))
    return channels and not apart
