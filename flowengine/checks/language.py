"""
`call.language` is set to a language that the flow does not list: the turn breaks there, and the caller hears the
apology.

```yaml wrong
flow: wrong
channel: voice
languages: [en-US, es-ES]
start: spanish
states:
  spanish: { set: { call.language: es-MX }, next: greet }
  greet: { say: { en-US: Hello., es-ES: Hola. }, next: end }
```
```yaml right
flow: right
channel: voice
languages: [en-US, es-ES]
start: spanish
states:
  spanish: { set: { call.language: es-ES }, next: greet }
  greet: { say: { en-US: Hello., es-ES: Hola. }, next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.places import setting
from flowengine.graph import instructions_of
from flowengine.model import Instruction
from flowengine.problems import Mark, Problem, did_you_mean, listed

SEVERITY = "error"
CHANNELS = ("voice",)


def check(view: View) -> Iterator[Problem]:
    for handler in view.flow.on.values():
        for branch in handler.branches:
            for instruction in branch.do:
                yield from _set(view, instruction, "")
    for state in view.flow.states.values():
        for instruction in instructions_of(state):
            yield from _set(view, instruction, state.name)
        for tag in (state.config.get("language_of") or {}).values():
            if tag not in view.flow.languages:
                yield _problem(view, setting(view, state, "languages"), tag, state.name)


def _set(view: View, instruction: Instruction, state: str) -> Iterator[Problem]:
    source = instruction.value.get("call.language") if instruction.name == "set" else None
    if source is not None and not source.dynamic and source.text not in view.flow.languages:
        yield _problem(view, source.mark, source.text, state)


def _problem(view: View, mark: Mark, tag: str, state: str) -> Problem:
    known = view.flow.languages
    hint = did_you_mean(tag, [each for each in known if each[:2] == tag[:2]])
    message = f'"{tag}" is none of the flow\'s languages{hint}'
    fix = "" if hint else f"add it to languages:, or use {listed(known)}"
    return problem(view, "language", mark, message, fix=fix, state=state)
