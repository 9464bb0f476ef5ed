"""
A state with a kind also has `next`. Only a state that runs straight on has `next`; where a kind leads is said
in `on`, and a `next` beside it would never be taken.

```yaml wrong
flow: wrong
channel: voice
start: main
states:
  main:
    menu: { prompt: For sales press 1., choices: { sales: 1 } }
    next: goodbye
  sales: { say: Nobody is in today., next: end }
  goodbye: { say: Goodbye., next: end }
```
```yaml right
flow: right
channel: voice
start: main
states:
  main:
    menu: { prompt: For sales press 1., choices: { sales: 1 } }
    on: { else: goodbye }
  sales: { say: Nobody is in today., next: end }
  goodbye: { say: Goodbye., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.lookup import title
from flowengine.problems import Problem

SEVERITY = "error"


def check(view: View) -> Iterator[Problem]:
    for state in view.flow.states.values():
        if state.kind and state.next:
            message = f"{title(state)} has next, but its kind says where it leads"
            fix = f'write "on: {{ else: {state.next.to} }}", or name each outcome'
            yield problem(view, "next-beside-kind", state.next.mark, message, fix=fix, state=state.name)
