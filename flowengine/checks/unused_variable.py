"""
A variable that is written and never read, read and never written, or neither: usually a misspelt name, so the
caller is asked for something that then changes nothing.

```yaml wrong
flow: wrong
channel: voice
start: ask
variables: { account: { type: digits } }
states:
  ask:
    collect: { prompt: Please enter your account number., digits: 6, into: account }
    on: { digits: thanks, else: thanks }
  thanks: { say: Thank you., next: end }
```
```yaml right
flow: right
channel: voice
start: ask
variables: { account: { type: digits } }
states:
  ask:
    collect: { prompt: Please enter your account number., digits: 6, into: account }
    on: { digits: thanks, else: bye }
  thanks: { say: "Thank you. Your number is {{ account | spell }}.", next: end }
  bye: { say: Goodbye., next: end }
```
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.lookup import understood
from flowengine.checks.texts import authored, texts
from flowengine.checks.writes import writes
from flowengine.model import Variable
from flowengine.problems import Problem, Severity, closest

SEVERITY: Severity = "warning"
_WORD = re.compile(r"[a-z][a-z0-9_]*")


def check(view: View) -> Iterator[Problem]:
    read: dict[str, bool] = {}
    for _, expression in texts(view):
        for name in expression.names:
            read[name.root] = read.get(name.root, True) and name.guarded
    for each in authored(view):
        if view.expression(each.source) is None:  # what it reads cannot be told
            read.update(dict.fromkeys(_WORD.findall(each.source.text), False))
    written = {each.name for each in writes(view) if each.how != "clear"}
    if not understood(view):  # what a state that could not be read does with variables is not known
        return
    names = view.flow.names()
    misspelt = {closest(name, names) for name in {*read, *written} if name not in names}
    for variable in view.flow.variables.values():
        if variable.name in misspelt:
            continue
        told = _variable(variable, read, written)
        if told:
            yield problem(view, "unused-variable", variable.mark, told[0], severity=SEVERITY, fix=told[1])
    for variable in view.flow.inputs.values():
        if variable.name not in read:
            message = f'the input "{variable.name}" is never read'
            fix = "read it, or take it out of inputs"
            yield problem(view, "unused-variable", variable.mark, message, severity=SEVERITY, fix=fix)


def _variable(variable: Variable, read: dict[str, bool], written: set[str]) -> tuple[str, str] | None:
    name = variable.name
    if name not in read and name not in written:
        return f'"{name}" is declared and never used', "delete it"
    if name not in read:
        return f'"{name}" is written and never read', "read it somewhere, or stop asking for it"
    only_guarded = read[name]  # an unguarded read is the error of unset-variable
    if name not in written and not variable.has_default and only_guarded:
        return f'"{name}" is read and never written', "give it a value with set, into or save, or a default"
    return None
