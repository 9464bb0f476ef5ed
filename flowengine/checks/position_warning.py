"""
An answer holds something that the platform's documents do not agree on for the callback it answers. It may
work, be ignored, or cost the whole answer: try it with a real call.

```yaml wrong
flow: wrong
channel: voice
may_dial: { sales: { number: "+12025550111" } }
start: sales
states:
  sales:
    connect: { to: sales }
    on: { answered: announce }
  announce: { say: You have a call from our web site., next: continue }
```
```yaml right
flow: right
channel: voice
may_dial: { sales: { number: "+12025550111" } }
start: sales
states:
  sales:
    say: We are connecting you.
    connect: { to: sales }
    on: { answered: continue }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.position import PLACES, refused, where
from flowengine.checks.uses import SOUNDS, Use
from flowengine.problems import Problem

SEVERITY = "warning"
CHANNELS = ("voice",)


def check(view: View) -> Iterator[Problem]:
    for use, also in refused(view, "w"):
        yield problem(
            view,
            "position-warning",
            use.mark,
            f"{use.word} is not certain to work in answer to {PLACES[use.position]}{where(view, use)}",
            severity="warning",
            notes=[_why(use), *also],
            fix='try it with a real call, then write "# allow position-warning: tried" here',
            state=use.state,
            outcome=use.event,
        )


def _why(use: Use) -> str:
    if use.position == "B" and use.name in SOUNDS:
        return "the platform's documents do not agree on which of the two would hear it"
    return "the platform's documents do not agree on it: the answer may be refused"
