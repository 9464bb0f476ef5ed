"""
Something is said where nobody can hear it: the call is over, or it is only being placed.

```yaml wrong
flow: wrong
channel: voice
may_dial: { sales: { number: "+12025550111" } }
start: sales
states:
  sales:
    connect: { to: sales, dial_timeout: 25s }
    on: { disconnected: sorry }
  sorry: { say: Nobody is in today., next: end }
```
```yaml right
flow: right
channel: voice
may_dial: { sales: { number: "+12025550111" } }
start: sales
states:
  sales:
    connect: { to: sales, dial_timeout: 25s }
    on: { disconnected: missed }
  missed: { send: { to: "{{ call.cli }}", text: Sorry we missed you. }, next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.position import where
from flowengine.checks.uses import SOUNDS, Use, uses
from flowengine.problems import Mark, Problem

SEVERITY = "error"
CHANNELS = ("voice",)


def check(view: View) -> Iterator[Problem]:
    told: set[Mark] = set()
    for use in uses(view):
        if use.name in SOUNDS and use.position in ("N", "O") and use.mark not in told:
            told.add(use.mark)
            yield _problem(view, use)


def _problem(view: View, use: Use) -> Problem:
    over = use.position == "N"
    reason = "the call is over, or this answers a notice" if over else "the call is still to be placed"
    after = "send a message instead, or keep this state for callers who are on the line"
    before = "say it after answered or human"
    return problem(
        view,
        "speech-to-nobody",
        use.mark,
        f"nobody hears this {use.word}{where(view, use)}",
        notes=[reason],
        fix=after if over else before,
        state=use.state,
        outcome=use.event,
    )
