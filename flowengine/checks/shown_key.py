"""
A question tells people to write a word or a number that nobody takes: they write it, and are told that it was not
understood.

```yaml wrong
flow: wrong
channel: message
triggers: [ { keywords: [table] } ]
session: { expires: 1d }
start: coming
states:
  coming:
    ask:
      prompt: You have a table tomorrow. Reply YES to confirm or NO to cancel.
      choices: { confirm: { words: ["yes"] } }
    on: { confirm: end, else: end }
```
```yaml right
flow: right
channel: message
triggers: [ { keywords: [table] } ]
session: { expires: 1d }
start: coming
states:
  coming:
    ask:
      prompt: You have a table tomorrow. Reply YES to confirm or NO to cancel.
      choices: { confirm: { words: ["yes"] }, cancel: { words: ["no"] } }
    on: { confirm: end, else: end }
```
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowengine.checks.answers import words_of
from flowengine.checks.base import View, problem
from flowengine.checks.places import inside
from flowengine.checks.texts import literal
from flowengine.graph import Book
from flowengine.messages.consent import consent
from flowengine.messages.folding import fold, leading_number
from flowengine.model import Expect, Prompt, State
from flowengine.patterns import compile_pattern
from flowengine.problems import Problem, Severity
from flowengine.states.ask import offered

SEVERITY: Severity = "warning"
CHANNELS = ("message",)
_VERB = (
    r"\b(?i:reply|replying|answer|text|type|send|write|say|responde|responda|escribe|escriba|envíe|envía|conteste|"
    r"svara|skriv|skicka|répondez|tapez|envoyez|antworten sie|schreiben sie|digite|envie|rispondi|scrivi)"
    r"(?i:\s+(?:with|us|by|con|med|par|mit|com|the word|the number|number|la palabra|el número))*\s+"
)
_CAPITALS = r"[^\W\d_a-zà-öø-ÿ]{2,20}\b"
_ONE = rf"(?:[\"'“‘«]([^\"'”’»\n]{{1,30}})[\"'”’»]|({_CAPITALS}(?:\s{_CAPITALS})*)|([0-9]{{1,2}})(?![\w%:.,]*\d)\b)"
_NAMED = re.compile(_VERB + _ONE)
_MORE = re.compile(r"[^.!?\n]{0,40}?\s(?i:or|o|ou|eller|oder)\s+" + _ONE)
_COUNTED = re.compile(r"\s+(?i:digits?|numbers?|letters?|times?|words?|minutes?|hours?|days?)\b")


def check(view: View) -> Iterator[Problem]:
    for state in view.flow.states.values():
        if state.kind == "ask" and state.config:
            yield from _of(view, state)


def _of(view: View, state: State) -> Iterator[Problem]:
    expect: tuple[Expect, ...] = state.config["expect"] or ()
    if state.config.get("each") or any(each.kind in ("any", "date") for each in expect):
        return
    taken = _taken(view, state)
    for prompt in (state.config["prompt"], state.config["repeat_prompt"]):
        for part in prompt.parts() if isinstance(prompt, Prompt) else ():
            told = set()
            for word, offset in named(literal(view, part.source)):
                folded = fold(word)
                if folded in taken or folded in told or _expected(folded, expect) or consent(word, "SMS"):
                    continue
                told.add(folded)
                where = inside(view, part.source, offset, len(word))
                message = f'the question names "{word}", but nothing takes it'
                fix = f"add it to the words of a choice, or ask for {_asked(view, state)}"
                yield problem(view, "shown-key", where, message, severity=SEVERITY, fix=fix, state=state.name)


def named(text: str) -> Iterator[tuple[str, int]]:
    """The words and numbers that a text tells to write, with their places."""
    for found in _NAMED.finditer(text):
        at: re.Match[str] | None = found
        while at is not None:
            group = next(number for number in (1, 2, 3) if at[number])
            if not (group == 3 and _COUNTED.match(text, at.end())):
                yield at[group], at.start(group)
            at = _MORE.match(text, at.end())


def _taken(view: View, state: State) -> set[str]:
    """Everything that is understood as a whole message while this question is open."""
    choices = [each for each in offered(state, view.flow) if not each.opens]
    taken = {each.folded for each in words_of(view, choices)} | {each.key for each in choices}
    taken |= {leading_number(each) for each in taken}
    shown = [each for each in choices if each.label is not None and not each.key]
    taken |= {str(number) for number in range(1, len(shown) + 1)}
    for each in choices:
        low, high = each.number or (1, 0)
        taken |= {str(number) for number in range(max(low, 0), min(high, 99) + 1)}
    return taken | _keywords(view.book, view.flow.name)


def _keywords(book: Book, own: str) -> set[str]:
    """Words that break in from other flows."""
    if "breaking" not in book.cache:
        book.cache["breaking"] = [
            (flow.name, fold(word))
            for flow in book.flows.values()
            for trigger in flow.triggers
            if trigger.interrupt
            for word in trigger.words
        ]
    return {word for name, word in book.cache["breaking"] if name != own}


def _expected(folded: str, expect: tuple[Expect, ...]) -> bool:
    for each in expect:
        if each.kind == "matches" and compile_pattern(each.pattern).matches(folded):
            return True
        if each.kind == "matches" and compile_pattern(each.pattern).matches(folded.upper()):
            return True
        if each.kind == "number" and folded.isdecimal():
            low, high = each.low, each.high
            return low is None or high is None or low <= int(folded) <= high
    return False


def _asked(view: View, state: State) -> str:
    known = [each.text for each in words_of(view, offered(state, view.flow)) if each.how != "has"]
    return f'"{known[0]}"' if known else "what is expected"
