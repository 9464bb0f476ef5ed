"""
A text or condition reads something of `response` or `result` that the server or function may not have sent. Then the
turn breaks and the caller hears the apology. `save` knows what to do with a missing value (the variable's default,
else the `error` outcome); everywhere else say what stands in for it.

```yaml wrong
flow: wrong
channel: voice
start: ask
states:
  ask:
    http: { get: "https://shop.example.com/offer", timeout: 800ms }
    on: { ok: tell, error: end }
  tell: { say: "Today only: {{ response.offer }}.", next: end }
```
```yaml right
flow: right
channel: voice
start: ask
states:
  ask:
    http: { get: "https://shop.example.com/offer", timeout: 800ms }
    on: { ok: tell, error: end }
  tell: { say: "Today only: {{ response.offer | default('nothing') }}.", next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.places import inside
from flowengine.problems import Problem

SEVERITY = "warning"
ALWAYS = {("response", "status")}


def check(view: View) -> Iterator[Problem]:
    for written in view.written:
        expression = view.expression(written.source) if written.when != "save" else None
        for name in expression.names if expression is not None else ():
            if name.root in ("response", "result") and not name.guarded and name.path not in ALWAYS:
                message = f"{name.dotted} may be missing from what came back"
                yield problem(
                    view,
                    "unguarded-reply",
                    inside(view, written.source, name.offset, name.length),
                    message,
                    severity="warning",
                    notes=("then the turn breaks and the caller hears the apology",),
                    fix=f"write {name.dotted} | default('…'), or save it into a variable",
                    state=written.state,
                )
