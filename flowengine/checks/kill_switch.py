"""
The `kill_switch` of `flowengine.yaml` is tried before every start: it ends the call, or lets it through with
`return`. It must exist, and it may let a call through only while nothing has been asked yet: the flow behind it was
checked for the beginning of a call.

```yaml wrong project
kill_switch: outage
```
```yaml wrong
flow: outage
channel: voice
outcomes: [fine]
start: ask
states:
  ask:
    menu: { prompt: Press 1 to go on., choices: { go: 1 } }
    on: { timeout: end, invalidinput: end }
  go: { return: fine }
```
```yaml right project
kill_switch: outage
```
```yaml right
flow: outage
channel: voice
outcomes: [fine]
variables: { down: { type: boolean, default: "false" } }
start: check
states:
  check: { route: [ { when: down, to: sorry }, { else: fine } ] }
  fine: { return: fine }
  sorry: { say: All lines are down., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.positions import analysis
from flowengine.problems import Mark, Problem, did_you_mean

SEVERITY = "error"
CHANNELS = ("voice",)


def check(view: View) -> Iterator[Problem]:
    flow = view.flow
    name = flow.project.kill_switch
    if name and name not in view.book.flows:
        hint = did_you_mean(name, view.book.flows)
        message = f'kill_switch names "{name}", which is no flow{hint}'
        yield problem(view, "kill-switch", Mark(flow.project.file), message, fix="" if hint else "name a flow")
    if name != flow.name:
        return
    late = {position for each in analysis(flow, "I", view.book).returns.values() for position in each} - {"I"}
    for state in flow.states.values():
        if late and state.kind == "return" and late & set(view.analyses["I"].positions(state.name)):
            message = "the kill switch lets the call through after it has asked something"
            fix = "return before the first menu, or end the call"
            yield problem(view, "kill-switch", state.mark, message, fix=fix, state=state.name)
