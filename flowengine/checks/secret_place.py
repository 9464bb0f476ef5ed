"""
A secret stands where people could hear or read it, or credentials are not one whole secret. Secrets go to the
credentials and place of a recording and into an http step, and nowhere else.

```yaml wrong
flow: wrong
channel: voice
start: greet
states:
  greet: { say: "The code is {{ secret.DOOR }}.", next: end }
```
```yaml right
flow: right
channel: voice
start: greet
states:
  greet:
    http: { get: https://door.example.com/open, headers: { Authorization: "{{ secret.DOOR }}" }, timeout: 800ms }
    on: { ok: opened, error: sorry }
  opened: { say: The door is open., next: end }
  sorry: { say: The door stays shut., next: end }
```
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from flowengine.checks.base import View, Written, problem
from flowengine.checks.places import inside
from flowengine.checks.texts import texts
from flowengine.model import Source
from flowengine.problems import Mark, Problem

SEVERITY = "error"
_WHOLE = re.compile(r"\s*\{\{\s*secret\.[A-Za-z][A-Za-z0-9_]*\s*\}\}\s*")


def check(view: View) -> Iterator[Problem]:
    for written, expression in texts(view):
        if _may_hold(view, written):
            continue
        for name in expression.names:
            if name.root == "secret":
                where = inside(view, written.source, name.offset, name.length)
                yield _misplaced(view, written.state, where, name.dotted)
    for source, state in _credentials(view):
        if not _WHOLE.fullmatch(source.text):
            message = "the credentials are not one whole secret"
            fix = 'write credentials: "{{ secret.NAME }}" and keep the value in the environment'
            yield problem(view, "secret-place", _shown(source), message, fix=fix, state=state)


def _may_hold(view: View, written: Written) -> bool:
    if written.when == "flow":
        return written.event == "recordings"
    if written.instruction is not None:
        return written.instruction.name == "record"
    state = view.flow.states.get(written.state)
    if written.when != "kind" or state is None:
        return False
    return state.kind == "http" or any(each is written.source for each in _raw_credentials(state.config))


def _raw_credentials(value: Any) -> Iterator[Source]:
    """Those of recordings in the platform's own words."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "credentials" and isinstance(each, Source):
                yield each
            yield from _raw_credentials(each)
    elif isinstance(value, tuple):
        for each in value:
            yield from _raw_credentials(each)


def _misplaced(view: View, state: str, where: Mark, name: str) -> Problem:
    message = f'"{name}" cannot stand here'
    notes = ["a secret stands in recordings, in record, and in the address, headers, query and body of http"]
    return problem(view, "secret-place", where, message, notes=notes, fix="take it out", state=state)


def _credentials(view: View) -> Iterator[tuple[Source, str]]:
    if view.flow.recordings is not None:
        yield view.flow.recordings.credentials, ""
    for written in view.written:
        value = written.instruction.value if written.instruction is not None else None
        if isinstance(value, dict) and value.get("credentials") is written.source:
            yield written.source, written.state


def _shown(source: Source) -> Mark:
    return Mark(source.mark.file, source.mark.line, source.mark.column)
