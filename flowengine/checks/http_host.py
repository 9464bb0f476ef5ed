"""
The host of an http step, or of a handover, is not fixed: whoever can say what a variable holds could have any server
asked, one inside the network too. The host is constant, or comes from `env.`; or the whole address is one `secret.`.

```yaml wrong
flow: wrong
channel: voice
start: look_up
variables: { shop: { type: text, default: north } }
states:
  look_up:
    http: { get: "https://{{ shop }}.example.com/hours", timeout: 800ms }
    on: { ok: end, error: end }
```
```yaml right
flow: right
channel: voice
start: look_up
variables: { shop: { type: text, default: north } }
states:
  look_up:
    http: { get: "https://shops.example.com/hours", query: { shop: "{{ shop }}" }, timeout: 800ms }
    on: { ok: end, error: end }
```
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.places import inside
from flowengine.expressions import Expression
from flowengine.grammar import Reference
from flowengine.model import Source, State
from flowengine.problems import Problem
from flowengine.states.http import METHODS

SEVERITY = "error"
_EXPRESSION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_SECRET = re.compile(r"\{\{\s*secret\.\w+\s*\}\}")
_PATH = re.compile(r"[/?#\\]")


def check(view: View) -> Iterator[Problem]:
    for state in view.flow.states.values():
        if state.kind == "http":
            for method in METHODS:
                source = state.config[method]
                if source is not None:
                    yield from _address(view, state, source)
        elif state.kind == "handover" and state.config["post"] is not None:
            yield from _address(view, state, state.config["post"])


def _address(view: View, state: State, source: Source) -> Iterator[Problem]:
    expression = view.expression(source)
    if expression is None or _SECRET.fullmatch(source.text.strip()):
        return
    stop = _host_end(source.text)
    for name in expression.names:
        if name.offset < stop and not _constant(view, name):
            yield _variable(view, state, source, name)
            return
    yield from _shape(view, state, source, expression, stop)


def _host_end(text: str) -> int:
    """Where the host is over; what stands before is not the caller's to say."""
    hidden = _EXPRESSION.sub(lambda found: "x" * len(found[0]), text)
    whole = _EXPRESSION.match(text)
    scheme = hidden.find("://")
    if whole is None and scheme < 0:
        return len(text)
    found = _PATH.search(hidden, whole.end() if whole else scheme + 3)
    return found.start() if found else len(text)


def _constant(view: View, name: Reference) -> bool:
    return name.root == "env" or (len(name.path) == 1 and name.root in view.flow.project.constants)


def _variable(view: View, state: State, source: Source, name: Reference) -> Problem:
    what = "the host depends on"
    fix = "write the host out, or read it from env."
    if name.root == "secret":
        what, fix = "the host is only partly", "let one secret be the whole address, or read the host from env."
    message = f'{what} "{name.dotted}"'
    where = inside(view, source, name.offset, name.length)
    return problem(view, "http-host", where, message, fix=fix, state=state.name)


def _shape(view: View, state: State, source: Source, expression: Expression, stop: int) -> Iterator[Problem]:
    from flowengine.fetch import url_problem

    told = url_problem(_filled(view, source.text, expression, stop))
    if told:
        yield problem(view, "http-host", source.mark, told, fix="write https://host/path", state=state.name)


def _filled(view: View, text: str, expression: Expression, stop: int) -> str:
    """The address with something legal for each expression; constants of the project as they are."""

    def value(found: re.Match[str]) -> str:
        inside = [each for each in expression.names if found.start() <= each.offset < found.end()]
        if found.start() >= stop:
            return "x"
        if len(inside) == 1 and inside[0].root in view.flow.project.constants:
            return view.flow.project.constants[inside[0].root]
        return "https://env.example.com" if found.start() == 0 else "example.com" if found.end() == stop else "example"

    return _EXPRESSION.sub(value, text)
