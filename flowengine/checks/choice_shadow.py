"""
A choice leads to another state than the one that has its name. One of the two names is wrong, or will be
misread.

```yaml wrong
flow: wrong
channel: voice
start: main
states:
  main:
    menu: { prompt: "For sales press 1, for support press 2.", choices: { sales: 1, support: 2 } }
    on: { sales: support, else: support }
  sales: { say: Nobody is in today., next: end }
  support: { say: Please look at our web site., next: sales }
```
```yaml right
flow: right
channel: voice
start: main
states:
  main:
    menu: { prompt: "For sales press 1, for support press 2.", choices: { sales: 1, support: 2 } }
    on: { else: support }
  sales: { say: Nobody is in today., next: end }
  support: { say: Please look at our web site., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.model import Handler
from flowengine.problems import Problem, listed

SEVERITY = "warning"


def check(view: View) -> Iterator[Problem]:
    for state in view.flow.states.values():
        for outcome in view.outcomes(state) if state.on else ():
            handler = state.on.get(outcome.name)
            if outcome.choice and handler is not None and outcome.name in view.flow.states:
                goals = _goals(handler)
                if goals and outcome.name not in goals:
                    yield _problem(view, state.name, handler, goals)


def _goals(handler: Handler) -> list[str]:
    return list(dict.fromkeys(branch.to for branch in handler.branches if branch.to))


def _problem(view: View, state: str, handler: Handler, goals: list[str]) -> Problem:
    name = handler.event
    return problem(
        view,
        "choice-shadow",
        handler.mark,
        f'the choice "{name}" leads to {listed(goals)}, although there is a state "{name}"',
        severity="warning",
        fix=f"rename the choice or the state, or remove this line to go to {name}",
        state=state,
        outcome=name,
    )
