"""
A field of the contact that has no default is read where nothing tells that it has a value: it is empty until some flow
sets it, so the sentence has a hole. A condition, a `default`, or the date that started the flow guards it.

```yaml wrong
flow: wrong
channel: message
triggers: [ { keywords: [booking] } ]
contact: { booking: { type: text } }
start: known
states:
  known: { say: "Your table is booked for {{ contact.booking }}.", next: end }
```
```yaml right
flow: right
channel: message
triggers: [ { keywords: [booking] } ]
contact: { booking: { type: text } }
start: known
states:
  known:
    route: [ { when: contact.booking, to: there }, { else: none } ]
  there: { say: "Your table is booked for {{ contact.booking }}.", next: end }
  none: { say: You have no booking., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.assignment import Reading, of_contact
from flowengine.checks.base import View, problem
from flowengine.checks.places import inside
from flowengine.problems import Problem, Severity

SEVERITY: Severity = "warning"


def check(view: View) -> Iterator[Problem]:
    flow = of_contact(view)
    for name in [*view.flow.states, *flow.extra] if flow.bits else ():
        if name in flow.before:
            for reading, _ in flow.unset(name):
                yield _problem(view, name if name in view.flow.states else "", reading)


def _problem(view: View, state: str, reading: Reading) -> Problem:
    where = inside(view, reading.source, reading.offset, len(reading.name))
    message = f'"{reading.name}" may be empty here: it is nothing until a flow has set it'
    fix = f"write {{{{ {reading.name} | default('…') }}}}, or come here only when: {reading.name}"
    return problem(view, "unguarded-contact", where, message, severity=SEVERITY, fix=fix, state=state)
