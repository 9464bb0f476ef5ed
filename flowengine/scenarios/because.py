"""Why a flow went where it went: the guard that decided, its line, and the values in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson

from flowengine.engine.trail import Decided, Happened, Took
from flowengine.graph import Book, branches_of
from flowengine.model import NOWHERE, Branch, Choice, Flow, State
from flowengine.scenarios.phrases import moment, quoted
from flowengine.scenarios.steps import Step
from flowengine.stage import Stage, Turned


def because(expected: Step, turns: Sequence[Turned], book: Book) -> str:
    """The guard that kept the flow from what was expected, else the last thing that decided; empty: nothing did.

    ``turns`` are those of the last act; where a call and a chat went on in it, those that the expected word is of.
    """
    own = [turn for turn in turns if _channel(turn, book) == _CHANNELS.get(expected.word)]
    steps = [each for turn in own or turns for each in turn.trail]
    kept = [each for each in steps if isinstance(each, Decided) and not each.true and _leads_to(each, expected, book)]
    if kept:
        return _guard(kept[-1], book)
    for at, step in reversed(list(enumerate(steps))):
        if isinstance(step, Took):
            before = steps[at - 1] if at else None
            if isinstance(before, Decided) and (before.state, before.event) == (step.state, step.event):
                return _guard(before, book)
            if step.event not in ("next", "route"):
                return _way(step, steps, book)
    return ""


_IN_CALLS = ("hears", "connects to", "rings", "joins", "parks", "records")
_CHANNELS = {"reads": "message", **dict.fromkeys(_IN_CALLS, "voice")}


def _channel(turn: Turned, book: Book) -> str:
    flow = book.flows.get(turn.flow)
    return flow.channel if flow is not None else ""


def waiting(stage: Stage, book: Book) -> str:
    """Where it stands, and for what; for what came of an act in which nothing was decided."""
    session = next((each for each in stage.sessions() if each.place), None)
    if session is None:
        return "" if any(True for _ in stage.sessions()) else "nothing has begun: no flow takes this"
    flow = book.flows.get(session.flow)
    state = flow.states.get(session.place) if flow is not None else None
    where = f"{_place(flow, state.mark.line if state is not None else 0)}: {session.place}"
    if stage.phones and stage.phone.stands == "menu":
        return f"{where} asks again by itself until all its repeats are spent"
    due = stage.due
    return f"{where} waits" + (f", until {moment(due, book.flows[stage.program.name])}" if due is not None else "")


def _guard(step: Decided, book: Book) -> str:
    flow = book.flows.get(step.flow)
    truth = "true" if step.true else "false"
    values = [f"{name} is {value}" for name, value in shown(step, flow).items()]
    told = [f"{step.source} is {truth}", *(each for each in values if each != f"{step.source} is {truth}")]
    return f"{_place(flow, step.line)}: {'; '.join(told)}"


def shown(step: Decided, flow: Flow | None) -> dict[str, str]:
    """The values of a guard as they may be shown: those of sensitive variables are hidden."""
    hidden = {name for name, each in flow.names().items() if each.sensitive} if flow is not None else set()
    return {name: "****" if name in hidden else _text(value) for name, value in step.values.items()}


def _text(value: Any) -> str:
    return quoted(value) if isinstance(value, str) else orjson.dumps(value, default=str).decode()


def _way(took: Took, steps: Iterable[Any], book: Book) -> str:
    flow = book.flows.get(took.flow)
    state = flow.states.get(took.state) if flow is not None else None
    choice = _choice(took.event, state, flow)
    what = f"{took.event}{f' (key {choice.key})' if choice is not None and choice.key else ''} of {took.state}"
    mark = choice.mark if choice is not None else state.mark if state is not None else NOWHERE
    via = next((each.via for each in steps if isinstance(each, Happened) and each[:3] == took[:3]), "")
    if not took.line and not took.target and via != "name":
        return f"{_place(flow, mark.line)}: {what} is left to the default"
    leads = f"leads to {took.target}" if took.target else "stays there"
    return f"{_place(flow, took.line or mark.line)}: {what} {leads}"


def _choice(event: str, state: State | None, flow: Flow | None) -> Choice | None:
    """The choice of a question, or of the whole flow, that an event is."""
    own = state.config.get("choices") if state is not None and state.config else None
    known = [*(own or ()), *(flow.choices if flow is not None else ())]
    return next((each for each in known if isinstance(each, Choice) and each.value == event), None)


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
