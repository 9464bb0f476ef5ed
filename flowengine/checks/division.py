"""
A division by something that may be nought: then the turn breaks and the caller hears the apology. Divide by a constant,
or compare the divisor in the same expression.

```yaml wrong
flow: wrong
channel: voice
variables: { total: { type: number, default: 0 }, calls: { type: number, default: 0 } }
start: tell
states:
  tell:
    do: [ { set: { calls: "{{ calls + 1 }}", total: "{{ total + 1 }}" } }, { say: "{{ total / calls }} a call." } ]
    next: end
```
```yaml right
flow: right
channel: voice
variables: { total: { type: number, default: 0 }, calls: { type: number, default: 0 } }
start: tell
states:
  tell:
    do:
      - set: { calls: "{{ calls + 1 }}", total: "{{ total + 1 }}" }
      - say: "{{ total / calls if calls > 0 else 0 }} a call."
    next: end
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.places import inside
from flowengine.problems import Problem

SEVERITY = "error"


def check(view: View) -> Iterator[Problem]:
    for written in view.written:
        expression = view.expression(written.source)
        for operation in expression.operations if expression is not None else ():
            divisors = operation.operands[1].paths if operation.op == "/" else frozenset()
            compared = {each.path for each in expression.comparisons} if expression is not None else set()
            for path in sorted(divisors - compared):
                name = ".".join(path)
                mark = inside(view, written.source, operation.offset, operation.length)
                fix = f"write … / {name} if {name} != 0 else …"
                message = f"{name} may be nought, and nothing can be divided by it"
                yield problem(view, "division", mark, message, fix=fix, state=written.state)
