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

from flowengine.checks.base import View, problem
from flowengine.checks.places import spot
from flowengine.graph import Book
from flowengine.messages.folding import fold
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


Claim = tuple[str, str]
"""What sort of trigger, and the folded keyword or the link."""


def _messages(view: View) -> Iterator[Problem]:
    """Claims on the same messages, told at the later one in the order of the flows' names."""
    for trigger in view.flow.triggers:
        for claim in _claimed(trigger):
            clash = _earlier(view, trigger, claim)
            if clash is not None:
                yield _same_messages(view, trigger, claim, *clash)
                break


def _claimed(trigger: Trigger) -> list[Claim]:
    if trigger.kind == "keywords":
        return [("keyword", word) for word in dict.fromkeys(map(fold, trigger.words))]
    return [(trigger.kind, trigger.value)] if trigger.kind in ("link", "any") else []


def _earlier(view: View, trigger: Trigger, claim: Claim) -> tuple[str, Trigger] | None:
    """The first that claims the same, with its flow; None if this one is the first."""
    for name, other in _claims(view.book).get(claim, ()):
        if other.mark == trigger.mark:
            return None
        if _meet(other, trigger):
            return name, other
    return None


def _claims(book: Book) -> dict[Claim, list[tuple[str, Trigger]]]:
    if "claims" not in book.cache:
        found: dict[Claim, list[tuple[str, Trigger]]] = {}
        talks = [each for each in book.flows.values() if each.channel == "message"]
        for flow in sorted(talks, key=lambda each: each.name):
            for trigger in flow.triggers:
                for claim in _claimed(trigger):
                    found.setdefault(claim, []).append((flow.name, trigger))
        book.cache["claims"] = found
    claims: dict[Claim, list[tuple[str, Trigger]]] = book.cache["claims"]
    return claims


def _same_messages(view: View, trigger: Trigger, claim: Claim, name: str, other: Trigger) -> Problem:
    kind, value = claim
    word = next((each for each in trigger.words if fold(each) == value), value)
    what = "all other messages" if kind == "any" else f'the {kind} "{word}"'
    again = f'"{name}" takes them already' if name != view.flow.name else "the flow takes them already"
    mark = spot(view, trigger.mark, rf"(?<!\w)({re.escape(word)})(?!\w)") if kind == "keyword" else trigger.mark
    message = f'"{view.flow.name}" takes {what}, but {again}, on line {other.mark.line} of {other.mark.file}'
    fix = "take it out of one of them, or narrow both by app, channel or to"
    return problem(view, "trigger-clash", mark, message, fix=fix)


def _meet(one: Trigger, other: Trigger) -> bool:
    """Whether some message may come through the app, channel and number of both."""
    apart = one.app and other.app and one.app != other.app
    numbers = {re.sub("[^0-9]", "", each.to) for each in (one, other)} - {""}
    channels = not (one.channels and other.channels) or bool({*one.channels} & {*other.channels})
    return channels and not apart and len(numbers) < 2
