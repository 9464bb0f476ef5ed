"""
A caller keys in digits, or chooses, and nothing keeps, reads or follows it: the question is asked in vain.

```yaml wrong
flow: wrong
channel: voice
start: ask
states:
  ask:
    collect: { prompt: Please enter your account number., digits: 6 }
    on: { digits: thanks, timeout: thanks, invalidinput: thanks }
  thanks: { say: Thank you., next: end }
```
```yaml right
flow: right
channel: voice
start: ask
variables: { account: { type: digits } }
states:
  ask:
    collect: { prompt: Please enter your account number., digits: 6, into: account }
    on: { digits: thanks, timeout: bye, invalidinput: bye }
  thanks: { say: "Thank you. I heard {{ account | spell }}.", next: end }
  bye: { say: Goodbye., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.texts import texts
from flowengine.model import State
from flowengine.problems import Problem, Severity

SEVERITY: Severity = "warning"


def check(view: View) -> Iterator[Problem]:
    if any(name.path in (("menu", "value"), ("menu", "input")) for _, each in texts(view) for name in each.names):
        return
    for state in view.flow.states.values():
        message = _forgotten(view, state)
        if message:
            fix = "add into: and the name of a variable"
            yield problem(
                view, "dropped-answer", state.kind_mark, message, severity=SEVERITY, fix=fix, state=state.name
            )


def _forgotten(view: View, state: State) -> str:
    if state.kind == "collect" and state.config and not state.config["into"]:
        return "the digits are collected and then forgotten"
    if state.kind != "menu" or not state.config or state.config["into"] or state.config["template"] == "language":
        return ""
    choices = [way for way in view.all_ways[state.name] if way.outcome is not None and way.outcome.choice]
    alike = {(way.target, way.via, bool(way.branch and way.branch.do)) for way in choices}
    if len({way.event for way in choices}) > 1 and len(alike) == 1 and choices[0].via in ("else", "chosen"):
        return "whatever is chosen leads to the same place, and the choice is forgotten"
    return ""
