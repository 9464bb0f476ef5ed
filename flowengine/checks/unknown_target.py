"""
A handler, `next`, `then` or branch names a state that does not exist.

```yaml wrong
flow: wrong
channel: voice
start: greet
states:
  greet: { say: Hello., next: godbye }
  goodbye: { say: Goodbye., next: end }
```
```yaml right
flow: right
channel: voice
start: greet
states:
  greet: { say: Hello., next: goodbye }
  goodbye: { say: Goodbye., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.graph import branches_of
from flowengine.model import RESERVED_TARGETS, UNREADABLE, Branch, State
from flowengine.problems import Problem, did_you_mean

SEVERITY = "error"


def check(view: View) -> Iterator[Problem]:
    known = {*view.flow.states, *RESERVED_TARGETS, UNREADABLE, ""}
    for state, branch in _branches(view):
        if branch.to not in known:
            hint = did_you_mean(branch.to, [*view.flow.states, *RESERVED_TARGETS])
            fix = "" if hint else "add the state, or name one that exists"
            message = f'there is no state "{branch.to}"{hint}'
            yield problem(view, "unknown-target", branch.mark, message, fix=fix, state=state)


def _branches(view: View) -> Iterator[tuple[str, Branch]]:
    for handler in view.flow.on.values():
        for branch in handler.branches:
            yield "", branch
    for trigger in view.flow.triggers:
        if trigger.enter:
            yield "", Branch(trigger.enter, trigger.enter_mark)
    for state in view.flow.states.values():
        for branch in _of_state(state):
            yield state.name, branch


def _of_state(state: State) -> Iterator[Branch]:
    yield from branches_of(state)
    if state.next:
        yield state.next
    if state.visits:
        yield state.visits.then
