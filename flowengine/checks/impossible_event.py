"""
A handler waits for an event that cannot come: a misspelt name, or an outcome of another kind. What it was
written for takes another way. An `else` that catches nothing is told as a warning.

```yaml wrong
flow: wrong
channel: voice
may_dial: { sales: { number: "+12025550111" } }
start: sales
states:
  sales:
    connect: { to: sales, dial_timeout: 25s }
    on: { timeout: sorry }
  sorry: { say: Nobody is in today., next: end }
```
```yaml right
flow: right
channel: voice
may_dial: { sales: { number: "+12025550111" } }
start: sales
states:
  sales:
    connect: { to: sales, dial_timeout: 25s }
    on: { disconnected: missed }
  missed: { send: { to: "{{ call.cli }}", text: Sorry we missed you. }, next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.lookup import climbed, title, understood, unread
from flowengine.graph import resolve
from flowengine.model import Handler, State
from flowengine.problems import Problem, did_you_mean, listed
from flowengine.states import Outcome

SEVERITY = "error"
_ALWAYS = {"voice": ("error", "disconnected"), "message": ("error", "expired")}
"""A flow may handle these whatever its states are: a turn can break, a call that ended is told, silence ends a talk."""


def check(view: View) -> Iterator[Problem]:
    raised: set[str] = set()
    for state in view.flow.states.values():
        events = _raised(view, state)
        raised |= events.keys()
        if not _vague(view, state):
            yield from _of_state(view, state, events)
    if understood(view):
        for event, handler in view.flow.on.items():
            if event not in raised and event not in _ALWAYS[view.flow.channel]:
                yield _of_flow(view, handler, raised)


def _vague(view: View, state: State) -> bool:
    if state.kind == "subflow":
        return state.config["flow"] not in view.book.flows
    return unread(state) or (not state.kind and state.next is None)


def _raised(view: View, state: State) -> dict[str, Outcome]:
    found = {each.name: each for each in view.outcomes(state)}
    if state.kind == "subflow":
        for event in climbed(view, state):
            found.setdefault(event, Outcome(event, ("same",), "climbed"))
    return found


def _of_state(view: View, state: State, events: dict[str, Outcome]) -> Iterator[Problem]:
    for event, handler in state.on.items():
        if event == "else":
            if not any(resolve(state, each, view.flow).via == "else" for each in events.values()):
                yield _empty_else(view, state, handler)
        elif event not in events:
            yield _never(view, state, handler, events)


def _empty_else(view: View, state: State, handler: Handler) -> Problem:
    return problem(
        view,
        "impossible-event",
        handler.mark,
        f"else catches nothing: every outcome of {title(state)} has its own way",
        severity="warning",
        notes=["else never stands for hangup, disconnected, failed, error or late events"],
        fix="remove it",
        state=state.name,
        outcome="else",
    )


def _never(view: View, state: State, handler: Handler, events: dict[str, Outcome]) -> Problem:
    names = [name for name in events if name != "chosen"]
    hint = did_you_mean(handler.event, names)
    raises = f"its events are {listed(names, 'and')}" if names else "it has no events; use next"
    return problem(
        view,
        "impossible-event",
        handler.mark,
        f'{title(state)} never raises "{handler.event}"{hint}',
        notes=[*_because(state, handler.event), raises],
        fix="" if hint else "remove it, or name one of its events",
        state=state.name,
        outcome=handler.event,
    )


def _because(state: State, event: str) -> list[str]:
    if state.kind == "connect" and event in ("timeout", "busy", "failed", "noanswer", "no_answer"):
        return ["when nobody answers a connect the call ends: only disconnected comes, and it cannot speak"]
    if state.kind == "dial" and event in ("timeout", "busy", "failed", "noanswer", "no_answer"):
        return ["when nobody answers a dial only disconnected comes; call.answered tells it apart"]
    if state.kind in ("http", "function") and event == "timeout":
        return [f"a {state.kind} that takes too long raises error"]
    if event.startswith(("recording_", "transcription_")):
        return ["it comes only to the state that began the recording, and to the flow's on"]
    return []


def _of_flow(view: View, handler: Handler, raised: set[str]) -> Problem:
    return problem(
        view,
        "impossible-event",
        handler.mark,
        f'no state of this flow raises "{handler.event}"{did_you_mean(handler.event, raised)}',
        fix="remove it, or name an event of a state",
        outcome=handler.event,
    )
