"""
A recording begins before a connection to an app user: the platform ignores recording instructions there, so there
is no file, whatever the caller was told.

```yaml wrong
flow: wrong
channel: voice
start: ann
may_dial: { ann: { user: ann } }
recordings: { to: "s3://acme-calls/{{ call.id }}.mp3", credentials: "{{ secret.RECORDINGS }}" }
states:
  ann:
    do: [ { say: The call is recorded. }, { record: start } ]
    connect: { to: ann }
    on: { disconnected: end }
```
```yaml right
flow: right
channel: voice
start: ann
may_dial: { ann: { number: "+12025550111" } }
recordings: { to: "s3://acme-calls/{{ call.id }}.mp3", credentials: "{{ secret.RECORDINGS }}" }
states:
  ann:
    do: [ { say: The call is recorded. }, { record: start } ]
    connect: { to: ann }
    on: { disconnected: end }
```
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.runs import carried
from flowengine.graph import Way
from flowengine.model import Instruction, State
from flowengine.problems import Problem, Severity
from flowengine.states.bridge import action_of

SEVERITY: Severity = "warning"
CHANNELS = ("voice",)


def check(view: View) -> Iterator[Problem]:
    users = [state for state in view.flow.states.values() if _is_user(view, state)]
    if not users:
        return
    before = carried(view, _records, _records_on)
    for state in users:
        origin = state.name if _records(state) else before.get(state.name)
        if origin is not None:
            own = "here" if origin == state.name else f'in "{origin}"'
            message = f"the recording that begins {own} is ignored: this connects an app user"
            fix = "connect a number or a SIP address, or leave the recording out"
            yield problem(
                view, "record-ignored", state.kind_mark, message, severity=SEVERITY, fix=fix, state=state.name
            )


def _is_user(view: View, state: State) -> bool:
    if state.kind in ("connect", "dial"):
        return action_of(state, view.flow) == "connectMxp"
    return state.kind == "svaml" and state.config["action"]["name"] == "connectMxp"


def _records(state: State) -> bool:
    raw = (state.config["instructions"] or ()) if state.kind == "svaml" else ()
    return _begins(state.do) or any(each["name"] == "startRecording" for each in raw)


def _records_on(way: Way) -> bool:
    return way.branch is not None and _begins(way.branch.do)


def _begins(do: Iterable[Instruction]) -> bool:
    return any(each.name == "record" and each.value != "stop" for each in do)
