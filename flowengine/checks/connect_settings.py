"""
A setting of `connect` or `dial` that its destination does not know, or that undoes another: the platform ignores it
in silence, or refuses the answer.

```yaml wrong
flow: wrong
channel: voice
start: desk
may_dial: { desk: { sip: desk@voip.example.com } }
states:
  desk:
    connect: { to: desk, amd: sync, transport: TLS }
    on: { disconnected: end }
```
```yaml right
flow: right
channel: voice
start: desk
may_dial: { desk: { sip: desk@voip.example.com } }
states:
  desk:
    connect: { to: desk, transport: TLS }
    on: { disconnected: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.places import setting
from flowengine.checks.texts import HIDDEN, literal
from flowengine.model import State
from flowengine.problems import Problem, Severity, listed
from flowengine.states.bridge import address
from flowengine.svaml import MAX_HEADER_BYTES

SEVERITY: Severity = "warning"
CHANNELS = ("voice",)
KNOWN = {
    "number": ("dial_timeout", "max_duration", "cli", "amd", "indications", "suppress_callbacks", "dtmf", "locale"),
    "sip": ("max_duration", "cli", "suppress_callbacks", "transport", "call_headers", "moh"),
    "user": ("call_headers",),
    "stream": ("max_duration", "call_headers", "streaming"),
}
_SETTINGS = tuple(dict.fromkeys(name for names in KNOWN.values() for name in names))
_WHAT = {"number": "a number", "sip": "a SIP address", "user": "an app user", "stream": "a stream"}


def check(view: View) -> Iterator[Problem]:
    for state in view.flow.states.values():
        if state.kind in ("connect", "dial"):
            yield from _ignored(view, state)
            yield from _verdict(view, state)
            yield from _headers(view, state)


def _ignored(view: View, state: State) -> Iterator[Problem]:
    to = address(state, view.flow)
    for name in _SETTINGS if to else ():
        value = state.config[name]
        if to is None or not value or name in KNOWN[to.kind] or value == view.flow.defaults.get(name):
            continue
        fits = [_WHAT[kind] for kind, names in KNOWN.items() if name in names]
        message = f'"{name}" is for {listed(fits)}; "{to.name}" is {_WHAT[to.kind]}, so it is ignored'
        where = setting(view, state, name)
        yield problem(view, "connect-settings", where, message, severity=SEVERITY, fix="delete it", state=state.name)


def _verdict(view: View, state: State) -> Iterator[Problem]:
    if state.config["amd"] and state.config["suppress_callbacks"]:
        message = "amd tells its verdict by a callback, and suppress_callbacks forbids it"
        where = setting(view, state, "suppress_callbacks")
        yield problem(view, "connect-settings", where, message, severity="error", fix="keep one", state=state.name)


def _headers(view: View, state: State) -> Iterator[Problem]:
    headers = state.config["call_headers"] or {}
    size = sum(
        len(key.encode()) + len(literal(view, value).replace(HIDDEN, "").encode()) for key, value in headers.items()
    )
    where = setting(view, state, "call_headers")
    if size > MAX_HEADER_BYTES:
        message = f"the call_headers have {size:,} bytes; keys and values together may have {MAX_HEADER_BYTES:,}"
        yield problem(view, "connect-settings", where, message, severity="error", fix="send less", state=state.name)
    to = address(state, view.flow)
    bare = [key for key in headers if not key.lower().startswith("x-")]
    if to is not None and to.kind == "sip" and bare:
        message = f'the header {listed(bare, "and")} may be dropped: private SIP headers begin with "X-"'
        fix = f"write X-{bare[0]}"
        yield problem(view, "connect-settings", where, message, severity=SEVERITY, fix=fix, state=state.name)
