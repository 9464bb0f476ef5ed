"""
A question, or a person who has taken over, is waited for without a time of its own in a flow that does not say when a
conversation expires: after a day of silence it ends. `session: { expires: … }` or a `timeout` says what is meant.

```yaml wrong
flow: wrong
channel: message
triggers: [ { keywords: [table] } ]
start: coming
states:
  coming:
    ask: { prompt: Are you coming?, choices: { here: "Yes", away: "No" } }
    on: { here: end, away: end, else: end }
```
```yaml right
flow: right
channel: message
triggers: [ { keywords: [table] } ]
defaults: { timeout: 2h }
start: coming
states:
  coming:
    ask: { prompt: Are you coming?, choices: { here: "Yes", away: "No" } }
    on: { here: end, away: end, else: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.lookup import players, title
from flowengine.model import State
from flowengine.problems import Problem, Severity

SEVERITY: Severity = "warning"
CHANNELS = ("message",)


def check(view: View) -> Iterator[Problem]:
    waiting = [state for state in view.flow.states.values() if _untimed(state) and state.name in view.reachable]
    if not waiting or _expires(view):
        return
    first, more = waiting[0], len(waiting) - 1
    also = f", and so {'does one more state' if more == 1 else f'do {more} more states'}" if more else ""
    yield problem(
        view,
        "endless-wait",
        first.kind_mark,
        f"{title(first)} waits without a timeout{also}, and the flow does not say when a conversation expires",
        severity=SEVERITY,
        notes=["after 24 hours of silence the conversation is over, and the next message begins anew"],
        fix='add "session: { expires: 1d }" to the flow, or a timeout here or in defaults:',
        state=first.name,
    )


def _untimed(state: State) -> bool:
    return state.kind in ("ask", "handover") and bool(state.config) and state.config["timeout"] is None


def _expires(view: View) -> bool:
    """Whether the flow says it, or every flow that plays this one, which nothing else starts."""
    played = [flow for flow, _ in players(view)]
    return view.flow.session.written or (
        bool(played) and not view.flow.triggers and all(each.session.written for each in played)
    )
