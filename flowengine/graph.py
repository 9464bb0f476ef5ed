"""Where every outcome leads: the one place that resolves handlers, for checks, compiler, pictures and engine.

An event of a state looks, in this order, at the state's ``on``; for ``notsure`` at ``human``; for a choice at the
state of its name and at ``chosen`` (of an ask: ``answer``); at ``else``; at the flow's ``on``; and then at the default.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from flowengine.model import LATE_EVENTS, Branch, Flow, Handler, Instruction, State
from flowengine.problems import Mark
from flowengine.states import KINDS, Outcome
from flowengine.states.base import Where

Via = Literal["on", "human", "name", "chosen", "answer", "else", "flow", "default", "next", "route", "visits", "start"]
ASKING = ("menu", "collect", "ask")
"""Kinds that `back` returns to."""
ASIDE = frozenset({"message", "taken", "tick"})
"""What comes while a place goes on waiting: a handler may leave it there, and ``else`` does not mean it."""
NOT_ELSE = frozenset({"hangup", "disconnected", "failed", "error"})
ENDS_CALL = frozenset({"goodbye", "apology", "end", "recorded", "pardon"})
"""Defaults after which the call is over."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What an event of a state leads to: a handler, the state of its name (``state``), or a ``default``."""

    via: Via
    handler: Handler | None = None
    state: str = ""
    default: str = ""

    def branches(self) -> tuple[Branch, ...]:
        return self.handler.branches if self.handler else ()

    def targets(self) -> tuple[str, ...]:
        """Every place it may lead to; an empty name means to stay."""
        if self.state:
            return (self.state,)
        return tuple(branch.to for branch in self.branches())


@dataclass(frozen=True, slots=True)
class Way:
    """One way out of a state. ``target`` is a state, ``end``, ``continue``, ``back``, or empty (stay, default)."""

    source: str
    event: str
    target: str
    via: Via
    mark: Mark
    outcome: Outcome | None = None
    branch: Branch | None = None
    retry: int = 0
    default: str = ""


@dataclass(slots=True)
class Book:
    """All flows of a project, which subflows need to see."""

    flows: Mapping[str, Flow]
    cache: dict[Any, Any] = field(default_factory=dict)


def resolve(state: State, outcome: Outcome, flow: Flow, own_error: bool = False) -> Resolution:
    """``own_error``: only the state's own ``error`` counts, as where nobody is on the line."""
    event = outcome.name
    if event in state.on:
        return Resolution("on", state.on[event])
    if event == "notsure" and "human" in state.on:
        return Resolution("human", state.on["human"])
    if outcome.choice:
        if event in flow.states:
            return Resolution("name", state=event)
        gathers: Via = "answer" if state.kind == "ask" else "chosen"
        if gathers in state.on:
            return Resolution(gathers, state.on[gathers])
    if "else" in state.on and _caught_by_else(outcome):
        return Resolution("else", state.on["else"])
    if event in flow.on and not (own_error and event == "error"):
        return Resolution("flow", flow.on[event])
    return Resolution("default", default=outcome.default)


def _caught_by_else(outcome: Outcome) -> bool:
    late = outcome.side or outcome.outside or outcome.name in ("beep", "chosen") or outcome.name in ASIDE
    return outcome.name not in NOT_ELSE and not late


def late_outcomes(state: State, flow: Flow) -> tuple[Outcome, ...]:
    """What comes later because of this state: recordings and transcripts it began."""
    found: dict[str, Outcome] = {}
    for instruction in instructions_of(state):
        if instruction.name == "record" and instruction.value != "stop":
            _add_recording(found, instruction.value, flow)
    if state.kind == "voicemail":
        _add_recording(found, {}, flow)
    if state.kind == "svaml" and state.config:
        for raw in state.config["instructions"] or ():
            if raw["name"] == "startRecording":
                options = raw.get("options", {})
                transcribed = options.get("transcriptionOptions", {}).get("enabled")
                notify = options.get("notificationEvents", True)
                _add_recording(found, {"transcribe": transcribed, "notify": notify}, flow)
    return tuple(found.values())


def _add_recording(found: dict[str, Outcome], options: Mapping[str, Any], flow: Flow) -> None:
    told = options.get("notify")
    if told is None:
        told = flow.recordings.notify if flow.recordings else True
    names = list(LATE_EVENTS[:2]) if told else []
    if options.get("transcribe"):
        names.append(LATE_EVENTS[2])
    for name in names:
        found[name] = Outcome(name, ("nobody",), "ignore", "late", side=True)


def instructions_of(state: State) -> Iterator[Instruction]:
    """Every instruction a state may do: its own and those of its handlers."""
    yield from state.do
    for branch in branches_of(state):
        yield from branch.do


def branches_of(state: State) -> Iterator[Branch]:
    for handler in state.on.values():
        yield from handler.branches
    if state.kind == "route":
        yield from state.config["branches"] or ()


def outcomes(state: State, flow: Flow, book: Book) -> tuple[Outcome, ...]:
    """Every event this state can raise, late ones last; with the callee's outcomes for a subflow."""
    if not state.kind or not state.config:
        return late_outcomes(state, flow)
    own = KINDS[state.kind].outcomes(state, flow)
    if state.kind in ("subflow", "call"):
        callee = book.flows.get(state.config["flow"])
        if callee is not None:
            where: Where = "same" if state.kind == "subflow" else "next"
            own = tuple(Outcome(name, (where,)) for name in callee.outcomes) + own
    return own + late_outcomes(state, flow)


def ways(state: State, flow: Flow, book: Book) -> list[Way]:
    """Every way out of a state, in the order a reader meets them."""
    found = []
    if state.visits:
        then = state.visits.then
        found.append(Way(state.name, "visits", then.to, "visits", then.mark, branch=then))
    if state.next:
        found.append(Way(state.name, "next", state.next.to, "next", state.next.mark, branch=state.next))
    if state.kind == "route" and state.config:
        found += [
            Way(state.name, "route", branch.to, "route", branch.mark, branch=branch)
            for branch in state.config["branches"] or ()
        ]
    for outcome in outcomes(state, flow, book):
        found += outcome_ways(state, outcome, flow)
    return found


def outcome_ways(state: State, outcome: Outcome, flow: Flow) -> list[Way]:
    """The ways one outcome may go: one per branch, and the action again for a retry."""
    resolution = resolve(state, outcome, flow)
    if resolution.state:
        return [Way(state.name, outcome.name, resolution.state, "name", state.mark, outcome)]
    if resolution.handler is None:
        return [Way(state.name, outcome.name, "", "default", state.mark, outcome, default=resolution.default)]
    handler = resolution.handler
    return [
        Way(state.name, outcome.name, branch.to, resolution.via, branch.mark, outcome, branch, handler.retry)
        for branch in handler.branches
    ]


def unhandled(state: State, flow: Flow, book: Book) -> list[Outcome]:
    """Outcomes that must be handled and are not."""
    return [
        outcome
        for outcome in outcomes(state, flow, book)
        if resolve(state, outcome, flow) == Resolution("default", default="")
    ]


def menus_before(flow: Flow, book: Book) -> dict[str, set[str]]:
    """For every state the menus (or asks) that can lead to it without another menu between: where ``back`` may go."""
    before: dict[str, set[str]] = {name: set() for name in flow.states}
    asking = [state for state in flow.states.values() if state.kind in ASKING]
    for menu in asking:
        seen: set[str] = set()
        todo = [way.target for way in ways(menu, flow, book)]
        while todo:
            name = todo.pop()
            if name in seen or name not in flow.states:
                continue
            seen.add(name)
            before[name].add(menu.name)
            if flow.states[name].kind not in ASKING:
                todo += [way.target for way in ways(flow.states[name], flow, book)]
    return before
