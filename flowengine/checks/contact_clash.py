"""
Two flows declare the same field of the contact differently. A contact is one person with one set of fields, which all
flows share.

```yaml wrong
flow: wrong
channel: message
contact: { booking: { type: time } }
start: bye
states:
  bye: { say: Goodbye., next: end }
```
```yaml wrong other
flow: other
channel: message
contact: { booking: { type: text } }
start: bye
states:
  bye: { say: Goodbye., next: end }
```
```yaml right
flow: right
channel: message
contact: { booking: { type: time } }
start: bye
states:
  bye: { say: Goodbye., next: end }
```
```yaml right other
flow: other
channel: message
contact: { booking: { type: time } }
start: bye
states:
  bye: { say: Goodbye., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.problems import Problem

SEVERITY = "error"


def check(view: View) -> Iterator[Problem]:
    earlier = sorted((each for each in view.book.flows.values() if each.name < view.flow.name), key=lambda it: it.name)
    for name, field in view.flow.contact.items():
        other = next((each for each in earlier if name in each.contact and not field.same(each.contact[name])), None)
        if other is not None:
            first = other.contact[name].mark
            message = (
                f'"{other.name}" declares the contact field "{name}" differently, on line {first.line} of {first.file}'
            )
            yield problem(view, "contact-clash", field.mark, message, fix="declare it once, in flowengine.yaml")
