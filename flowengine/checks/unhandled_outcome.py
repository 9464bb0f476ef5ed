"""
A state says where one of its outcomes goes but leaves silence, a wrong key or a failed step to the built-in
default: the caller is told goodbye, and the call ends.

```yaml wrong
flow: wrong
channel: voice
start: main
states:
  main:
    menu: { prompt: For news press 1., choices: { news: 1 } }
    on:
      news: latest
  latest: { say: There is no news., next: end }
```
```yaml right
flow: right
channel: voice
start: main
states:
  main:
    menu: { prompt: For news press 1., choices: { news: 1 } }
    on:
      news: latest
      else: goodbye
  latest: { say: There is no news., next: end }
  goodbye: { say: Goodbye., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.lookup import apology, on_mark, positions, taken_by_players, title
from flowengine.graph import resolve
from flowengine.model import LATE_EVENTS, State
from flowengine.problems import Problem

SEVERITY = "warning"

_WATCHED = {
    "menu": ("timeout", "invalidinput"),
    "collect": ("timeout", "invalidinput"),
    "svaml": ("timeout", "invalidinput"),
    "http": ("error",),
    "function": ("error",),
    "ask": ("timeout", "invalidinput"),
}
_NO_SIBLING = ("hangup", "disconnected", *LATE_EVENTS)
_FAREWELLS = ("goodbye", "bye", "sorry")
_DONE = {
    "timeout": "a caller who presses nothing",
    "invalidinput": "a caller who presses a wrong key",
    "error": "the caller",
}
_MEANS = {
    "timeout": "the conversation ends in silence",
    "invalidinput": 'the contact gets "Sorry, I did not understand that." and the conversation ends',
}
_HEARD = {
    "timeout": '"We did not get an answer. Goodbye."',
    "invalidinput": '"We did not get an answer. Goodbye."',
    "error": "an apology",
}


def check(view: View) -> Iterator[Problem]:
    for state in view.flow.states.values():
        if state.kind in _WATCHED and any(event not in _NO_SIBLING for event in state.on):
            yield from _of(view, state)


def _of(view: View, state: State) -> Iterator[Problem]:
    for outcome in view.outcomes(state):
        left = outcome.name in _WATCHED[state.kind] and resolve(state, outcome, view.flow).via == "default"
        if left and _comes(view, state, outcome.name) and not taken_by_players(view, outcome.name):
            yield _problem(view, state, outcome.name)


def _comes(view: View, state: State, event: str) -> bool:
    """Whether an ask has a time of its own, and whether there is an answer that it does not take."""
    if state.kind != "ask":
        return True
    if event == "timeout":
        return state.config["timeout"] not in (None, view.flow.defaults.get("timeout"))
    return not any(each.kind == "any" for each in state.config["expect"] or ())


def _problem(view: View, state: State, event: str) -> Problem:
    return problem(
        view,
        "unhandled-outcome",
        on_mark(view, state),
        f"{title(state)} can end in {event}, but nothing says where that goes",
        severity="warning",
        notes=[_note(view, state, event)],
        fix=f'add "{event}: {_farewell(view, state)}"',
        state=state.name,
        outcome=event,
    )


def _note(view: View, state: State, event: str) -> str:
    stands = positions(view).get(state.name, ())
    if stands and set(stands) <= {"N", "O"}:
        return "without it the run ends there, and only the journal tells"
    if view.flow.channel == "message":
        return f"without it {_MEANS.get(event, apology(view, 'will'))}"
    when = " when this step fails" if event == "error" else ""
    return f"without it {_DONE[event]} hears {_HEARD[event]} and the call ends{when}"


def _farewell(view: View, state: State) -> str:
    known = (name for name in _FAREWELLS if name in view.flow.states and name != state.name)
    return next(known, "end")
