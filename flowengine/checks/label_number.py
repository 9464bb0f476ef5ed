"""
A label begins with a number that means another choice as well: its key, one of its words, or the number at the
beginning of its label. Who types the number gets the other one, or is asked again.

```yaml wrong
flow: wrong
channel: message
triggers: [ { keywords: [table] } ]
session: { expires: 1d }
variables: { seats: { type: text } }
start: seats
states:
  seats:
    ask:
      prompt: For how many?
      choices: { two: { label: 2 people, key: 1 }, four: { label: 4 people, key: 2 } }
      into: seats
    on: { answer: done, else: end }
  done: { say: "It is booked for {{ seats }}.", next: end }
```
```yaml right
flow: right
channel: message
triggers: [ { keywords: [table] } ]
session: { expires: 1d }
variables: { seats: { type: text } }
start: seats
states:
  seats:
    ask:
      prompt: For how many?
      choices: { two: 2 people, four: 4 people }
      into: seats
    on: { answer: done, else: end }
  done: { say: "It is booked for {{ seats }}.", next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.answers import constant, offers, words_of
from flowengine.checks.base import View, problem
from flowengine.messages.folding import leading_number
from flowengine.model import Choice
from flowengine.problems import Problem, Severity

SEVERITY: Severity = "warning"
CHANNELS = ("message",)


def check(view: View) -> Iterator[Problem]:
    for offer in offers(view):
        leading = {choice.value: _leading(choice) for choice in offer.choices if not choice.opens}
        meant = {choice.value: _meant(view, choice) for choice in offer.choices} if any(leading.values()) else {}
        for choice in offer.choices if meant else ():
            for text, mark in () if choice.opens else constant(choice.label):
                number = leading_number(text)
                others = [each for each in offer.choices if each.value != choice.value and not each.opens]
                other = next((each for each in others if _means(each, number, meant, leading)), None)
                if number and other is not None and number not in meant[choice.value]:
                    message = f'the label "{text}" begins with {number}, which means "{other.value}" as well'
                    fix = "begin it with another word, or give that choice another key or word"
                    yield problem(view, "label-number", mark, message, severity=SEVERITY, fix=fix, state=offer.state)


def _leading(choice: Choice) -> set[str]:
    return {leading_number(text) for text, _ in constant(choice.label)} - {""}


def _meant(view: View, choice: Choice) -> set[str]:
    """What, typed alone, is this choice whatever else is offered."""
    return {choice.key, *(each.folded for each in words_of(view, [choice]) if each.how != "has")} - {""}


def _means(choice: Choice, number: str, meant: dict[str, set[str]], leading: dict[str, set[str]]) -> bool:
    return number in meant[choice.value] or number in leading[choice.value]
