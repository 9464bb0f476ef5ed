"""
A handler says nothing about where to go while the platform waits for an answer: there is nothing to answer
with. Staying is possible only where nobody waits, as for recordings, late verdicts and in a bridge.

```yaml wrong
flow: wrong
channel: voice
start: main
states:
  main:
    menu: { prompt: For news press 1., choices: { news: 1 } }
    on:
      timeout: { say: We did not hear you. }
      invalidinput: goodbye
  news: { say: There is no news., next: end }
  goodbye: { say: Goodbye., next: end }
```
```yaml right
flow: right
channel: voice
start: main
states:
  main:
    menu: { prompt: For news press 1., choices: { news: 1 } }
    on:
      timeout: { say: We did not hear you., retry: 2, then: goodbye }
      invalidinput: goodbye
  news: { say: There is no news., next: end }
  goodbye: { say: Goodbye., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.lookup import apology
from flowengine.checks.position import PLACES
from flowengine.checks.uses import Landing, landings
from flowengine.graph import ASIDE
from flowengine.model import Branch
from flowengine.problems import Mark, Problem

SEVERITY = "error"
_MAY_STAY = ("N", "L", "C")


def check(view: View) -> Iterator[Problem]:
    told: set[Mark] = set()
    for landing in landings(view):
        if landing.position in _MAY_STAY or landing.side or _goes_on_waiting(view, landing):
            continue
        for branch in landing.handler.branches:
            if _stays(landing, branch) and branch.mark not in told:
                told.add(branch.mark)
                yield _problem(view, landing, branch)


def _goes_on_waiting(view: View, landing: Landing) -> bool:
    """Whether a place of a message flow waits on whatever this event does."""
    until = view.flow.states[landing.state].config.get("until") if landing.state else ()
    return landing.position == "M" and landing.event in (*ASIDE, *(until or ()))


def _needs(landing: Landing) -> str:
    return "the question is over" if landing.position == "M" else f"{PLACES[landing.position]} has to be answered"


def _stays(landing: Landing, branch: Branch) -> bool:
    """A target that could not be read has a mark of its own, and was told."""
    alone = len(landing.handler.branches) == 1 and branch.when is None
    unreadable = alone and branch.mark != landing.handler.mark
    return not branch.to and not landing.handler.retry and not unreadable


def _problem(view: View, landing: Landing, branch: Branch) -> Problem:
    return problem(
        view,
        "stay-in-place",
        branch.mark,
        f'"{landing.handler.event}" has no target, but {_needs(landing)}',
        notes=[apology(view)],
        fix='add "to: …", or "retry: 2, then: …" to ask again',
        state=landing.state,
        outcome=landing.event,
    )
