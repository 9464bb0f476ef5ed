"""Why a flow went where it went: the guard that decided, its line, and the values in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from flowengine.engine.trail import Decided, Entered, Happened, Took
from flowengine.engine.trail import Step as Happening
from flowengine.graph import Book, branches_of
from flowengine.model import NOWHERE, Branch, Choice, Flow, Instruction, State
from flowengine.problems import listed
from flowengine.scenarios.phrases import moment, quoted
from flowengine.scenarios.steps import Step
from flowengine.stage import Stage, Turned


def because(expected: Step, turns: Sequence[Turned], book: Book, at: float | None = None) -> str:
    """The guard that kept the flow from what was expected, else the last thing that decided; empty: nothing did.

    ``at`` is when (Unix seconds), where all of them were made at one time: what opening hours depend on.
    ``turns`` are those of the last act; where a call and a chat went on in it, those that the expected word is of.
    """
    own = [turn for turn in turns if _channel(turn, book) == _CHANNELS.get(expected.word)]
    steps = [each for turn in own or turns for each in turn.trail]
    kept = [each for each in steps if isinstance(each, Decided) and not each.true and _leads_to(each, expected, book)]
    if kept:
        return _guard(kept[-1], book)
    for place, step in reversed(list(enumerate(steps))):
        if isinstance(step, Took):
            before = steps[place - 1] if place else None
            if isinstance(before, Decided) and (before.state, before.event) == (step.state, step.event):
                return _guard(before, book)
            if step.event not in ("next", "route"):
                return _way(step, steps, book) + _hours(step, book, at)
    return ""


def last_set(name: str, turns: Sequence[Turned], book: Book) -> str:
    """The state in which a variable was set last, as far as the flow says; empty: none of these turns set it."""
    for step in reversed([each for turn in turns for each in turn.trail]):
        flow = book.flows.get(step.flow)
        state = flow.states.get(step.state) if flow is not None else None
        line = _sets(name, step, state) if state is not None else 0
        if line:
            return f"{_place(flow, line)}: {name} was last set by {step.state}"
    return ""


def _sets(name: str, step: Happening, state: State) -> int:
    """The line on which a state sets this when it is entered, or when this way is taken; 0: it does not."""
    if isinstance(step, Entered):
        return _line(name, state.do)
    if not isinstance(step, Took):
        return 0
    taken = [each for each in branches_of(state) if each.mark.line == step.line]
    config = state.config or {}
    kept = name == config.get("into") or name in (config.get("save") or ())
    own = state.mark.line if kept and step.event not in _WITHOUT_ANSWER else 0
    return next(filter(None, (_line(name, each.do) for each in taken)), own)


_WITHOUT_ANSWER = ("timeout", "invalidinput", "error", "failed", "hangup", "disconnected", "expired")


def _line(name: str, do: Iterable[Instruction]) -> int:
    return next((each.mark.line for each in do if each.name in ("set", "clear") and name in each.value), 0)


def _hours(took: Took, book: Book, at: float | None) -> str:
    """What time it is where the calendar is that was asked."""
    flow = book.flows.get(took.flow)
    state = flow.states.get(took.state) if flow is not None else None
    if flow is None or state is None or state.kind != "hours" or at is None:
        return ""
    calendar = flow.calendar((state.config or {}).get("calendar") or "")
    if calendar is None:
        return ""
    local = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(calendar.timezone))
    return f"; it is {local:%a} {local.day} {local:%b %Y %H:%M} in {calendar.timezone}"


_IN_CALLS = ("hears", "connects to", "rings", "joins", "parks", "records")
_CHANNELS = {"reads": "message", **dict.fromkeys(_IN_CALLS, "voice")}


def _channel(turn: Turned, book: Book) -> str:
    flow = book.flows.get(turn.flow)
    return flow.channel if flow is not None else ""


def waiting(stage: Stage, book: Book, act: Step) -> str:
    """Where it stands, and for what; for what came of an ``act`` in which nothing was decided."""
    session = next((each for each in stage.sessions() if each.place), None)
    if session is None and act.word == "writes":
        return _no_keyword(act.value["text"], book, stage.program.name)
    if session is None:
        return "" if any(True for _ in stage.sessions()) else "nothing has begun: no flow takes this"
    flow = book.flows.get(session.flow)
    state = flow.states.get(session.place) if flow is not None else None
    where = f"{_place(flow, state.mark.line if state is not None else 0)}: {session.place}"
    if stage.phones and stage.phone.stands == "menu":
        return f"{where} asks again by itself until all its repeats are spent"
    due = stage.due
    if due is None:
        return f"{where} waits"
    left = due - stage.now
    soon = f" {left:.0f} s more" if left < MINUTE else ""
    return f"{where} waits{soon}, until {moment(due, book.flows[stage.program.name])}"


MINUTE = 60.0


def _no_keyword(text: str, book: Book, name: str) -> str:
    """That no conversation begins with this text; empty where it is a keyword, so that something else keeps it."""
    words = {flow.name: [w for each in flow.triggers for w in each.words] for flow in book.flows.values()}
    every = [word for own in words.values() for word in own]
    if " ".join(text.split()).casefold() in map(str.casefold, every):
        return ""
    known = words.get(name) or every
    those = (
        f"the keyword{'s are' if len(known) > 1 else ' is'} {listed(known[:8], 'and')}"
        if known
        else "none has keywords"
    )
    return f"no flow is begun by {quoted(text)}: {those}"


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
