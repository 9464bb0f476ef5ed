"""
A prompt that is written by language (or by channel) has no words in one of the flow's languages, or has words in none
of them: the caller hears another language than the one that was chosen.

```yaml wrong
flow: wrong
channel: voice
languages: [en-US, es-ES]
start: greet
states:
  greet: { say: { en-US: Hello. }, next: end }
```
```yaml right
flow: right
channel: voice
languages: [en-US, es-ES]
start: greet
states:
  greet: { say: { en-US: Hello., es-ES: Hola. }, next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from flowengine.checks.base import View, problem
from flowengine.graph import instructions_of
from flowengine.model import Choice, Each, Prompt
from flowengine.problems import Problem, Severity, did_you_mean, listed

SEVERITY: Severity = "warning"


def check(view: View) -> Iterator[Problem]:
    for prompt, state in _prompts(view):
        written = list(dict.fromkeys(key.partition("@")[0] for key in prompt.wording))
        yield from _by_channel(view, prompt, state)
        if "" in written:
            continue
        missing = [each for each in view.flow.languages if each not in written]
        extra = [each for each in written if each not in view.flow.languages]
        if missing:
            hint = did_you_mean(missing[0], [each for each in extra if each[:2] == missing[0][:2]])
            message = f"this prompt has no words in {listed(missing, 'and')}{hint}"
            notes = [_MEANS[view.flow.channel].format(missing[0], written[0])]
            yield problem(
                view, "missing-wording", prompt.mark, message,
                severity=SEVERITY, notes=notes, fix=f"add {missing[0]}: …", state=state,
            )  # fmt: skip
        elif extra and prompt.mark.file == view.flow.file:  # the project's tone serves flows of any language
            verb = "reads" if view.flow.channel == "message" else "hears"
            message = f"nobody {verb} the words in {listed(extra, 'and')}: the flow does not list the language"
            fix = f"add {extra[0]} to languages:, or delete the words"
            yield problem(view, "missing-wording", prompt.mark, message, severity=SEVERITY, fix=fix, state=state)


_MEANS = {
    "voice": "a caller who chose {} hears {}",
    "message": "a contact who speaks {} gets {}",
}


def _by_channel(view: View, prompt: Prompt, state: str) -> Iterator[Problem]:
    """Words for some channels only: on the others somebody gets those of another channel."""
    tongues: dict[str, set[str]] = {}
    for key in prompt.wording:
        tongue, _, channel = key.partition("@")
        tongues.setdefault(tongue, set()).add(channel)
    for tongue, channels in tongues.items():
        missing = [each for each in view.flow.channels if each not in channels]
        if "" in channels or (view.flow.channels and not missing):
            continue
        where = f" in {tongue}" if tongue else ""
        message = f"this prompt has no words for {listed(missing, 'and') or 'the other channels'}{where}"
        fix = 'add "else: …", which serves every other channel'
        yield problem(view, "missing-wording", prompt.mark, message, severity=SEVERITY, fix=fix, state=state)


def _prompts(view: View) -> Iterator[tuple[Prompt, str]]:
    for handler in view.flow.on.values():
        for branch in handler.branches:
            for instruction in branch.do:
                yield from ((each, "") for each in _within(instruction.value))
    for state in view.flow.states.values():
        for value in [*(each.value for each in instructions_of(state)), *state.config.values()]:
            yield from ((each, state.name) for each in _within(value))


def _within(value: Any) -> Iterator[Prompt]:
    """Every prompt inside a value: those of labels, cards and reminders too."""
    if isinstance(value, Prompt):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _within(each)
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _within(each)
    elif isinstance(value, Choice | Each):
        for each in fields(value):
            yield from _within(getattr(value, each.name))
