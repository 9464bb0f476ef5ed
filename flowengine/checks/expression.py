"""
An expression is not of the language: a syntax error, or a call, loop, filter or operator that is not offered.
A caller would reach this place and hear the apology instead.

```yaml wrong
flow: wrong
channel: voice
start: greet
variables: { name: { type: text, default: friend } }
states:
  greet: { say: "Hello {{ name.upper() }}.", next: end }
```
```yaml right
flow: right
channel: voice
start: greet
variables: { name: { type: text, default: friend } }
states:
  greet: { say: "Hello {{ name | upper }}.", next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.places import inside
from flowengine.checks.texts import authored
from flowengine.expressions import compile_guard, compile_text
from flowengine.grammar import BadExpression
from flowengine.model import Source
from flowengine.problems import Problem

SEVERITY = "error"


def check(view: View) -> Iterator[Problem]:
    for written in authored(view):
        if view.expression(written.source) is not None:
            continue
        bad = _error(written.source)
        where = inside(view, written.source, bad.offset, bad.length)
        yield problem(view, "expression", where, bad.message, state=written.state)


def _error(source: Source) -> BadExpression:
    try:
        (compile_guard if source.guard else compile_text)(source.text)
    except BadExpression as error:
        return error
    raise AssertionError("what did not compile compiles")
