"""
A keyword of another flow that may break in (`interrupt: true`) is an answer here. While this question is open the
answer wins: the other flow is not reached by that word.

```yaml wrong
flow: wrong
channel: message
triggers: [ { keywords: [table] } ]
session: { expires: 1d }
start: what
states:
  what:
    ask: { prompt: What would you like?, choices: { agent: An agent, menu: { label: The menu, words: [help] } } }
    on: { else: end }
  agent: { say: Somebody will write to you., next: end }
  menu: { say: There is soup., next: end }
```
```yaml wrong help
flow: help
channel: message
triggers: [ { keywords: [help], interrupt: true } ]
start: help
states:
  help: { say: Write TABLE to book a table., next: end }
```
```yaml right
flow: right
channel: message
triggers: [ { keywords: [table] } ]
session: { expires: 1d }
start: what
states:
  what:
    ask: { prompt: What would you like?, choices: { agent: An agent, menu: { label: The menu, words: [soup] } } }
    on: { else: end }
  agent: { say: Somebody will write to you., next: end }
  menu: { say: There is soup., next: end }
```
```yaml right help
flow: help
channel: message
triggers: [ { keywords: [help], interrupt: true } ]
start: help
states:
  help: { say: Write TABLE to book a table., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.answers import Offer, offers, words_of
from flowengine.checks.base import View, problem
from flowengine.graph import Book
from flowengine.messages.folding import fold
from flowengine.model import Flow, Trigger
from flowengine.problems import Problem, Severity

SEVERITY: Severity = "warning"
CHANNELS = ("message",)


def check(view: View) -> Iterator[Problem]:
    breaking = _interrupts(view.book)
    for offer in offers(view) if breaking else ():
        if offer.wide or view.flow.states[offer.state].kind == "ask":
            yield from _of(view, offer, breaking)


def _of(view: View, offer: Offer, breaking: dict[str, list[tuple[str, Trigger]]]) -> Iterator[Problem]:
    for word in words_of(view, offer.choices):
        others = [name for name, trigger in breaking.get(word.folded, ()) if _reaches(trigger, name, view.flow)]
        if others and word.how != "has":
            message = f'"{word.text}" is an answer here, so it does not break into "{others[0]}", whose keyword it is'
            fix = "use another word in one of them"
            yield problem(view, "keyword-expected", word.mark, message, severity=SEVERITY, fix=fix, state=offer.state)


def _reaches(trigger: Trigger, name: str, flow: Flow) -> bool:
    apart = trigger.channels and flow.channels and not {*trigger.channels} & {*flow.channels}
    return name != flow.name and not apart


def _interrupts(book: Book) -> dict[str, list[tuple[str, Trigger]]]:
    """The folded keywords that may break in, with the flows they start."""
    if "interrupts" not in book.cache:
        found: dict[str, list[tuple[str, Trigger]]] = {}
        for flow in book.flows.values():
            for trigger in flow.triggers:
                for word in dict.fromkeys(map(fold, trigger.words)) if trigger.interrupt else ():
                    found.setdefault(word, []).append((flow.name, trigger))
        book.cache["interrupts"] = found
    known: dict[str, list[tuple[str, Trigger]]] = book.cache["interrupts"]
    return known
