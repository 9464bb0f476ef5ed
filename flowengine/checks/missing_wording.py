"""
A prompt that is written by language has no words in one of the flow's languages, or has words in none of them: the
caller hears another language than the one that was chosen.

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

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.graph import instructions_of
from flowengine.model import Prompt
from flowengine.problems import Problem, Severity, did_you_mean, listed

SEVERITY: Severity = "warning"


def check(view: View) -> Iterator[Problem]:
    for prompt, state in _prompts(view):
        written = list(dict.fromkeys(key.partition("@")[0] for key in prompt.wording))
        if "" in written:
            continue
        missing = [each for each in view.flow.languages if each not in written]
        extra = [each for each in written if each not in view.flow.languages]
        if missing:
            hint = did_you_mean(missing[0], [each for each in extra if each[:2] == missing[0][:2]])
            message = f"this prompt has no words in {listed(missing, 'and')}{hint}"
            notes = [f"a caller who chose {missing[0]} hears {next(iter(prompt.wording))}"]
            yield problem(
                view, "missing-wording", prompt.mark, message,
                severity=SEVERITY, notes=notes, fix=f"add {missing[0]}: …", state=state,
            )  # fmt: skip
        elif extra and prompt.mark.file == view.flow.file:  # the project's tone serves flows of any language
            message = f"nobody hears the words in {listed(extra, 'and')}: the flow does not list the language"
            fix = f"add {extra[0]} to languages:, or delete the words"
            yield problem(view, "missing-wording", prompt.mark, message, severity=SEVERITY, fix=fix, state=state)


def _prompts(view: View) -> Iterator[tuple[Prompt, str]]:
    for handler in view.flow.on.values():
        for branch in handler.branches:
            for instruction in branch.do:
                if isinstance(instruction.value, Prompt):
                    yield instruction.value, ""
    for state in view.flow.states.values():
        for value in [*(each.value for each in instructions_of(state)), *state.config.values()]:
            if isinstance(value, Prompt):
                yield value, state.name
