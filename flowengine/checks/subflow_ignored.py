"""
What a subflow is given or gives back is not used: an input it never reads, a result nobody keeps, an outcome
it never returns, or outcomes that all lead to one place. Often the answer that was wanted is thrown away.

```yaml wrong
flow: wrong
channel: voice
start: check
states:
  check:
    subflow: { flow: line_state }
    on: { up: main, down: main, done: end }
  main: { say: All our systems are up., next: end }
```
```yaml wrong line_state
flow: line_state
channel: voice
outcomes: [up, down]
start: ask
states:
  ask:
    http: { get: "https://status.example.com/line", timeout: 500ms }
    on: { ok: up, error: down }
  up: { return: up }
  down: { return: down }
```
```yaml right
flow: right
channel: voice
start: check
states:
  check:
    subflow: { flow: line_state }
    on: { up: main, down: sorry, done: end }
  main: { say: All our systems are up., next: end }
  sorry: { say: Our systems are down. Please call later., next: end }
```
```yaml right line_state
flow: line_state
channel: voice
outcomes: [up, down]
start: ask
states:
  ask:
    http: { get: "https://status.example.com/line", timeout: 500ms }
    on: { ok: up, error: down }
  up: { return: up }
  down: { return: down }
```
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.lookup import key_mark, on_mark, players, understood
from flowengine.graph import Book, resolve
from flowengine.model import Flow, Source, State
from flowengine.problems import Mark, Problem, did_you_mean
from flowengine.states import Outcome

SEVERITY = "warning"
_RESULT = "result"


def check(view: View) -> Iterator[Problem]:
    for state in view.flow.states.values():
        callee = view.book.flows.get(state.config["flow"]) if state.kind in ("subflow", "call") else None
        if callee is not None:
            yield from _one_place(view, state, callee)
            yield from _unread_inputs(view, state, callee)
            yield from _saved_of_nothing(view, state, callee)
    if view.flow.outcomes and understood(view):
        yield from _never_returned(view)
    if players(view):
        yield from _unread_results(view)


def _one_place(view: View, state: State, callee: Flow) -> Iterator[Problem]:
    goals = {_goal(state, name, view.flow) for name in callee.outcomes}
    if len(callee.outcomes) > 1 and len(goals) == 1 and "" not in goals:
        message = f'every outcome of {callee.name} leads to "{goals.pop()}": its answer is not used'
        yield _problem(view, state.name, on_mark(view, state), message, "tell the outcomes apart")


def _goal(state: State, name: str, flow: Flow) -> str:
    """Where an outcome simply leads; empty where conditions or instructions make a difference."""
    branches = resolve(state, Outcome(name, ("same",)), flow).branches()
    return branches[0].to if len(branches) == 1 and not branches[0].do else ""


def _unread_inputs(view: View, state: State, callee: Flow) -> Iterator[Problem]:
    read = reads(callee, view.book)
    for name, source in (state.config["with"] or {}).items():
        if name in callee.inputs and not any(path[:1] in ((name,), ()) for path in read):
            message = f'{callee.name} never reads its input "{name}"'
            mark = key_mark(view, source.mark, name)
            yield _problem(view, state.name, mark, message, "remove it, or use it there")


def _saved_of_nothing(view: View, state: State, callee: Flow) -> Iterator[Problem]:
    given = {name for each in _returns(callee) for name in each.config["with"] or {}}
    for name, source in (state.config.get("save") or {}).items():
        text = view.expression(source)
        for reference in text.names if text else ():
            wanted = reference.path[1] if len(reference.path) > 1 else ""
            if reference.root == _RESULT and wanted and wanted not in given and not reference.guarded:
                hint = did_you_mean(wanted, given)
                message = f'"{name}" is saved of nothing: {callee.name} returns no "{wanted}"{hint}'
                fix = "" if hint else f'add "with: {{ {wanted}: … }}" to its return'
                yield _problem(view, state.name, key_mark(view, source.mark, name), message, fix)


def _returns(flow: Flow) -> list[State]:
    return [state for state in flow.states.values() if state.kind == "return"]


def _never_returned(view: View) -> Iterator[Problem]:
    returned = {state.config["outcome"] for state in _returns(view.flow)}
    for name in view.flow.outcomes:
        if name not in returned and name != "done":
            message = f'the outcome "{name}" is declared, but no return gives it'
            fix = f'add a state with "return: {name}", or remove the outcome'
            yield _problem(view, "", _declared(view.flow, name), message, fix)


def _declared(flow: Flow, name: str) -> Mark:
    """Where an outcome stands under ``outcomes``."""
    inside = False
    for number, line in enumerate(flow.lines, 1):
        inside = bool(re.match(r"outcomes\s*:", line)) or (inside and not re.match(r"[^\s#-]", line))
        found = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", line) if inside else None
        if found:
            return Mark(flow.mark.file, number, found.start() + 1, len(name))
    return flow.mark


def _unread_results(view: View) -> Iterator[Problem]:
    read = {path for flow, _ in players(view) for path in reads(flow, view.book)}
    for state in _returns(view.flow):
        for name, source in (state.config["with"] or {}).items():
            if not read & {(), (_RESULT,)} and (_RESULT, name) not in read:
                message = f'nobody who plays this flow reads "result.{name}"'
                fix = 'save it where the flow is played: "save: { … }", or remove it'
                yield _problem(view, state.name, key_mark(view, source.mark, name), message, fix)


def reads(flow: Flow, book: Book) -> set[tuple[str, ...]]:
    """The first two words of every path a flow reads; an empty one where a text cannot be read."""
    key = ("reads", flow.name)
    if key not in book.cache:
        view = View(flow, book)
        book.cache[key] = {path for each in view.written for path in _paths(view, each.source)}
    found: set[tuple[str, ...]] = book.cache[key]
    return found


def _paths(view: View, source: Source) -> Iterator[tuple[str, ...]]:
    if not source.dynamic:
        return
    text = view.expression(source)
    if text is None:
        yield ()
        return
    for reference in text.names:
        yield reference.path[:2]


def _problem(view: View, state: str, mark: Mark, message: str, fix: str) -> Problem:
    return problem(view, "subflow-ignored", mark, message, severity="warning", fix=fix, state=state)
