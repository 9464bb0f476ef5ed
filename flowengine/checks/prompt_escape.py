"""
Words of a prompt would leave it: `]` ends the prompt in the platform's prompt language and `#href[` begins another,
so the caller would hear half a sentence or somebody's file.

```yaml wrong
flow: wrong
channel: voice
start: greet
states:
  greet: { say: "Our hours [in winter] are nine to five.", next: end }
```
```yaml right
flow: right
channel: voice
start: greet
states:
  greet: { say: "Our hours (in winter) are nine to five.", next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flowengine import prompts
from flowengine.checks.base import View, problem
from flowengine.checks.places import inside
from flowengine.checks.texts import HIDDEN, authored, literal
from flowengine.model import Source, State
from flowengine.problems import Problem
from flowengine.svaml import ACTIONS, INSTRUCTIONS, FieldSpec

SEVERITY = "error"
CHANNELS = ("voice",)


def check(view: View) -> Iterator[Problem]:
    for written in authored(view):
        if written.role == "prompt":
            text = literal(view, written.source)
            told = prompts.author_escape(text)
            if told:
                where = inside(view, written.source, max(0, text.find("#" if "would begin" in told else "]")))
                message = told[0].lower() + told.rstrip(".")[1:]
                fix = "use round brackets"
                yield problem(view, "prompt-escape", where, message, fix=fix, state=written.state)
    for state in view.flow.states.values():
        if state.kind == "svaml":
            yield from _raw(view, state)


def _raw(view: View, state: State) -> Iterator[Problem]:
    """Prompts of raw SVAML, with something harmless for every value."""
    for source in _prompts(state):
        text = literal(view, source)
        shown = "".join("x" if each == HIDDEN else each for each in text)
        try:
            if text:
                prompts.parse(shown)
        except ValueError:
            message = "this is not a list of prompts"
            notes = ["expected #tts[text], #ssml[markup], #href[https://…] or a file, with ; between them"]
            yield problem(view, "prompt-escape", source.mark, message, notes=notes, state=state.name)


def _prompts(state: State) -> Iterator[Source]:
    action = state.config["action"]
    yield from _of_fields(action, ACTIONS[action["name"]].fields)
    for each in state.config["instructions"] or ():
        yield from _of_fields(each, INSTRUCTIONS[each["name"]].fields)


def _of_fields(value: Any, specs: tuple[FieldSpec, ...]) -> Iterator[Source]:
    for spec in specs:
        yield from _of_field(value.get(spec.name) if isinstance(value, Mapping) else None, spec)


def _of_field(value: Any, spec: FieldSpec) -> Iterator[Source]:
    if spec.type == "prompts" and isinstance(value, Source):
        yield value
    elif isinstance(value, Mapping):
        yield from _of_fields(value, spec.fields)
    elif isinstance(value, tuple):
        for each in value:
            yield from _of_field(each, spec.item) if spec.item else _of_fields(each, spec.fields)
