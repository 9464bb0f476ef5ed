"""Why a flow went where it went: the guard that decided, its line, and the values in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson

from flowengine.engine.trail import Decided, Happened, Took
from flowengine.graph import Book, branches_of
from flowengine.model import Branch, Flow
from flowengine.scenarios.phrases import quoted
from flowengine.scenarios.steps import Step
from flowengine.stage import Turned


def because(expected: Step, turns: Sequence[Turned], book: Book) -> str:
    """The guard that kept the flow from what was expected, else the last thing that decided; empty: nothing did.

    ``turns`` are those of the last act.
    """
    steps = [each for turn in turns for each in turn.trail]
    decided = [each for each in steps if isinstance(each, Decided)]
    kept = [each for each in decided if not each.true and _leads_to(each, expected, book)]
    if kept or decided:
        return _guard((kept or decided)[-1], book)
    took = [each for each in steps if isinstance(each, Took) and each.event not in ("next", "route")]
    return _way(took[-1], steps, book) if took else ""


def _guard(step: Decided, book: Book) -> str:
    flow = book.flows.get(step.flow)
    truth = "true" if step.true else "false"
    values = "; ".join(f"{name} is {value}" for name, value in shown(step, flow).items())
    return f"{_place(flow, step.line)}: {step.source} is {truth}{'; ' + values if values else ''}"


def shown(step: Decided, flow: Flow | None) -> dict[str, str]:
    """The values of a guard as they may be shown: those of sensitive variables are hidden."""
    hidden = {name for name, each in flow.names().items() if each.sensitive} if flow is not None else set()
    return {name: "****" if name in hidden else _text(value) for name, value in step.values.items()}


def _text(value: Any) -> str:
    return quoted(value) if isinstance(value, str) else orjson.dumps(value, default=str).decode()


def _way(took: Took, steps: Iterable[Any], book: Book) -> str:
    flow = book.flows.get(took.flow)
    where = took.target or "the end"
    if took.line:
        return f"{_place(flow, took.line)}: {took.event} of {took.state} leads to {where}"
    via = next((each.via for each in steps if isinstance(each, Happened) and each[:3] == took[:3]), "")
    line = flow.states[took.state].mark.line if flow is not None and took.state in flow.states else 0
    if via == "name" or took.target:
        return f"{_place(flow, line)}: {took.event} of {took.state} leads to {where}"
    return f"{_place(flow, line)}: {took.event} of {took.state} is left to the default"


def _place(flow: Flow | None, line: int) -> str:
    return f"{flow.file}:{line}" if flow is not None else f"line {line}"


def _leads_to(step: Decided, expected: Step, book: Book) -> bool:
    """Whether this guard, had it been true, would have led to what was expected."""
    flow = book.flows.get(step.flow)
    if flow is None or step.state not in flow.states:
        return False
    targets = {each.to for each in _branches(flow, step.state) if each.mark.line == step.line or _written(each, step)}
    return any(_answers(flow, target, expected) for target in targets)


def _written(branch: Branch, step: Decided) -> bool:
    return branch.when is not None and branch.when.text == step.source


def _branches(flow: Flow, state: str) -> Iterator[Branch]:
    yield from branches_of(flow.states[state])
    for handler in flow.on.values():
        yield from handler.branches


def _answers(flow: Flow, target: str, expected: Step) -> bool:
    """Whether a state is, or does, what was expected."""
    if expected.word == "state":
        return bool(target == expected.value)
    if expected.word == "ends":
        return target == "end"
    state = flow.states.get(target)
    if state is None:
        return False
    if expected.word in ("connects to", "rings"):
        return bool((state.config or {}).get("to") == expected.value)
    return False
