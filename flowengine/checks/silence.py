"""How long ago the contact may have written when each state of a message flow is reached.

Channels with a window take free text only for a time after that. Seconds, and no more than :data:`SHUT`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from flowengine.checks.base import View
from flowengine.checks.lookup import back_to, players
from flowengine.graph import Way
from flowengine.messages.channels import DAY
from flowengine.model import Flow, State

SHUT = float(DAY)
_OFTEN = 12
_WROTE = ("message", "taken", "returned", "answer", "invalidinput", "chosen")
_RINGS = 3600.0


@dataclass(frozen=True, slots=True)
class Step:
    """A way that may be taken ``after`` so much silence, to ``target`` if it leads to a state."""

    source: str
    event: str
    target: str
    after: float
    way: Way | None = None


@dataclass(slots=True)
class Silence:
    """``before``: the silence on arrival at a state; ``steps``: every way by its source, ``""`` where it begins."""

    before: dict[str, float] = field(default_factory=dict)
    steps: dict[str, list[Step]] = field(default_factory=dict)


def silence(view: View) -> Silence:
    """The longest there may be; states that only follow each other by timers in a circle are taken for shut."""
    found = Silence(steps={"": list(_begun(view))})
    raised: dict[str, int] = {}
    todo = deque([""])
    while todo:
        name = todo.popleft()
        if name:
            found.steps[name] = list(_steps(view, view.flow.states[name], found.before[name]))
        for step in found.steps[name]:
            if step.target in view.flow.states and step.after > found.before.get(step.target, -1.0):
                raised[step.target] = raised.get(step.target, 0) + 1
                found.before[step.target] = step.after if raised[step.target] < _OFTEN else SHUT
                todo.append(step.target)
    return found


def _begun(view: View) -> Iterator[Step]:
    flow = view.flow
    for trigger in flow.triggers:
        asked = trigger.kind in ("keywords", "link", "any")
        yield Step("", trigger.kind, trigger.enter or flow.start, 0.0 if asked else SHUT)
    if not flow.triggers or players(view):
        yield Step("", "start", flow.start, 0.0)
    handler = flow.on.get("expired")
    for branch in handler.branches if handler else ():
        after = min(SHUT, flow.session.expires)
        yield Step("", "expired", branch.to, after, Way("", "expired", branch.to, "flow", branch.mark, branch=branch))


def _steps(view: View, state: State, before: float) -> Iterator[Step]:
    for way in view.all_ways[state.name]:
        more = _passes(view, state, way)
        if more is None:
            continue
        after = 0.0 if more < 0 else min(SHUT, before + more)
        targets = sorted(back_to(view).get(state.name, ())) if way.target == "back" else [way.target]
        for target in targets:
            yield Step(state.name, way.event, target, after, way)


def _passes(view: View, state: State, way: Way) -> float | None:
    """The time that passes on a way; below 0: the contact writes; None: it is never taken."""
    outcome = way.outcome
    if outcome is None or "same" in outcome.where:
        return view.book.flows[state.config["flow"]].session.expires if _expires(view, state, way) else 0.0
    if way.event in _WROTE or (outcome.choice and state.kind == "ask"):
        return -1.0
    if way.event == "timeout":
        own: float | None = state.config["timeout"]
        return own
    if state.kind == "wait":
        return float(state.config["for"] or 0)
    if state.kind == "call":
        return _call(view.book.flows.get(state.config["flow"]))
    if state.kind == "handover" and (way.event == "tick" or outcome.outside):
        return float(state.config["timeout"] or view.flow.session.expires)
    return 0.0


def _expires(view: View, state: State, way: Way) -> bool:
    return state.kind == "subflow" and way.event == "expired" and state.config["flow"] in view.book.flows


def _call(flow: Flow | None) -> float:
    """An hour on the line, and what the flow waits between two calls, as often as its visits let it."""
    states = list(flow.states.values()) if flow else []
    often = max((state.visits.max for state in states if state.visits), default=1)
    return _RINGS + often * sum(float(state.config["for"] or 0) for state in states if state.kind == "wait")
