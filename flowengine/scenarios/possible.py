"""Outcomes of the model that no scenario can bring about: they are not counted.

- The refusal of a ``connect`` to a number that is written out and may always be reached.
- ``disconnected`` in a question that handles ``hangup``: there the platform tells of the hang-up first.
- The ``error`` of an http step that is not waited for, unless something it names may be missing.
- The ``error`` of a flow played that leaves none open, takes nothing and gives nothing back.
- ``expired`` of a flow played that has no ``session`` of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from flowengine.expressions import BadExpression, compile_guard, compile_text
from flowengine.graph import resolve
from flowengine.model import Flow, Source, State
from flowengine.states.base import Outcome
from flowengine.walk import within

_PLAYING_MENUS = ("menu", "collect", "voicemail")


def possible(
    state: State, outcome: Outcome, raised: Sequence[Outcome], flow: Flow, callee: Flow | None, left: Collection[str]
) -> bool:
    """Whether ``outcome``, one of all that the state has ``raised``, can happen.

    ``callee`` is the flow that the state plays, ``left`` the events that this leaves open.
    """
    if state.kind == "connect" and outcome.name == "error":
        return _refusable(state, flow)
    if state.kind in _PLAYING_MENUS and outcome.name == "disconnected":
        return not _leaves_by_hangup(state, raised, flow)
    if state.kind == "http" and outcome.name == "error":
        return state.config["wait"] is not False or _may_miss(state, flow)
    if state.kind == "subflow" and outcome.name == "error":
        return "error" in left or bool(state.config["with"] or state.config["save"])
    if state.kind == "subflow" and outcome.name == "expired":
        return callee is None or callee.session.written
    return True


def _refusable(state: State, flow: Flow) -> bool:
    address = flow.may_dial.get(state.config.get("to") or "")
    return address is None or address.address.dynamic or bool(address.per_hour)


def _leaves_by_hangup(state: State, raised: Sequence[Outcome], flow: Flow) -> bool:
    hangup = next((each for each in raised if each.name == "hangup"), None)
    targets = resolve(state, hangup, flow).targets() if hangup is not None else ()
    return bool(targets) and all(targets)


def _may_miss(state: State, flow: Flow) -> bool:
    """Whether the request names anything else than the call and the flow's own variables, which have values."""
    own = {"call", *flow.variables}
    return any(root not in own for source in within(state.config) for root in _roots(source))


def _roots(source: Source) -> list[str]:
    try:
        found = compile_guard(source.text) if source.guard else compile_text(source.text)
    except BadExpression:
        return [""]
    return [name.root for name in found.names if not name.guarded]
