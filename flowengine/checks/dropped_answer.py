"""
A caller keys in digits and nothing keeps or reads them: the question is asked in vain.

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
from flowengine.problems import Problem, Severity

SEVERITY: Severity = "warning"


def check(view: View) -> Iterator[Problem]:
    if any(name.path in (("menu", "value"), ("menu", "input")) for _, each in texts(view) for name in each.names):
        return
    for state in view.flow.states.values():
        if state.kind == "collect" and not state.config["into"]:
            message = "the digits are collected and then forgotten"
            fix = "add into: and the name of a variable"
            yield problem(
                view, "dropped-answer", state.kind_mark, message, severity=SEVERITY, fix=fix, state=state.name
            )
