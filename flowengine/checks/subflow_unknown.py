"""
A `subflow` or `call` plays a flow that does not exist, is of the other channel or rings nobody, or gives it other
inputs than it has; or a `return` names an outcome that its flow does not declare. No way leads on from there.

```yaml wrong
flow: wrong
channel: voice
start: check
states:
  check:
    subflow: { flow: ask_pin, with: { lenght: "4" } }
    on: { right: welcome, else: end }
  welcome: { say: Welcome., next: end }
```
```yaml wrong ask_pin
flow: ask_pin
channel: voice
inputs: { length: { type: number } }
outcomes: [right]
variables: { pin: { type: digits } }
start: ask
states:
  ask:
    collect: { prompt: Please enter your code., digits: 3..6, into: pin }
    on: { digits: test, else: end }
  test: { route: [ { when: 'length == 4 and pin == "0000"', to: right }, { else: end } ] }
  right: { return: right }
```
```yaml right
flow: right
channel: voice
start: check
states:
  check:
    subflow: { flow: ask_pin, with: { length: "4" } }
    on: { right: welcome, else: end }
  welcome: { say: Welcome., next: end }
```
```yaml right ask_pin
flow: ask_pin
channel: voice
inputs: { length: { type: number } }
outcomes: [right]
variables: { pin: { type: digits } }
start: ask
states:
  ask:
    collect: { prompt: Please enter your code., digits: 3..6, into: pin }
    on: { digits: test, else: end }
  test: { route: [ { when: 'length == 4 and pin == "0000"', to: right }, { else: end } ] }
  right: { return: right }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.lookup import apology, key_mark, word_mark
from flowengine.model import Flow, State
from flowengine.positions import entries
from flowengine.problems import Mark, Problem, did_you_mean, listed

SEVERITY = "error"


def check(view: View) -> Iterator[Problem]:
    for state in view.flow.states.values():
        if state.kind in ("subflow", "call") and state.config:
            yield from _played(view, state)
        elif state.kind == "return":
            yield from _returned(view, state)


def _played(view: View, state: State) -> Iterator[Problem]:
    name = state.config["flow"]
    callee = view.book.flows.get(name)
    if callee is None:
        hint = did_you_mean(name, view.book.flows)
        fix = "" if hint else "add a file for it, or name a flow that exists"
        yield _problem(view, state, _where(view, state, "flow", name), f'there is no flow "{name}"{hint}', fix)
        return
    wanted = "voice" if state.kind == "call" else view.flow.channel
    if callee.channel != wanted:
        yield _problem(view, state, _where(view, state, "flow", name), *_other_channel(callee, state))
        return
    if state.kind == "call" and (told := _unplaced(view, callee)):
        yield _problem(view, state, _where(view, state, "flow", name), *told)
    yield from _given(view, state, callee)


def _unplaced(view: View, callee: Flow) -> tuple[str, str] | None:
    """Why a voice flow cannot ring anybody."""
    if not any(each.kind in ("dial", "subflow") for each in callee.states.values()):
        return f"{callee.name} rings nobody: it has no dial", "give it a state with dial, or name a flow that dials"
    if "O" not in entries(callee, view.book):
        return f"{callee.name} takes calls and places none", 'add "{ start: api }" to its triggers'
    return None


def _other_channel(callee: Flow, state: State) -> tuple[str, str]:
    if state.kind == "call":
        return f"{callee.name} is a message flow; a call plays a voice flow", "play it with subflow"
    if callee.channel == "voice":
        return f"{callee.name} is a voice flow; messages cannot play it", "ring with call, which plays it in a call"
    return f"{callee.name} is a message flow; a call cannot play it", "send a message, or name a voice flow"


def _given(view: View, state: State, callee: Flow) -> Iterator[Problem]:
    given = state.config["with"] or {}
    for name, source in given.items():
        if name not in callee.inputs:
            hint = did_you_mean(name, callee.inputs)
            message = f'{callee.name} has no input "{name}"{hint}'
            inputs = listed(list(callee.inputs), "and")
            fix = "" if hint else f"its inputs are {inputs}" if inputs else "it has no inputs: remove this"
            yield _problem(view, state, key_mark(view, source.mark, name), message, fix)
    for name, variable in callee.inputs.items():
        if name not in given and not variable.has_default:
            message = f'{callee.name} needs the input "{name}", which is not given'
            yield _problem(view, state, state.kind_mark, message, f'add "with: {{ {name}: … }}"')


def _returned(view: View, state: State) -> Iterator[Problem]:
    name, known = state.config["outcome"], view.flow.outcomes
    if name not in known and name != "done":
        hint = did_you_mean(name, known)
        message = f'the flow does not declare the outcome "{name}"{hint}'
        fix = "" if hint else f'add "outcomes: [{", ".join((*known, name))}]" to the flow'
        yield _problem(view, state, _where(view, state, "outcome", name), message, fix)


def _where(view: View, state: State, key: str, word: str) -> Mark:
    long = word_mark(view, state.kind_mark, key, word)
    return long if long != state.kind_mark else word_mark(view, state.kind_mark, state.kind, word)


def _problem(view: View, state: State, mark: Mark, message: str, fix: str) -> Problem:
    notes = [f"the step would fail: {apology(view)}"]
    return problem(view, "subflow-unknown", mark, message, notes=notes, fix=fix, state=state.name)
