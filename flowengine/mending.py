"""A flow as its author meant it: misspelt targets and events put right, so that one slip is told once.

Most rules look at this flow. The rules that tell the slips themselves look at the flow as it is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from flowengine.graph import Book, outcomes
from flowengine.model import RESERVED_TARGETS, UNREADABLE, Branch, Flow, Handler, State, Trigger, Visits
from flowengine.problems import closest

TELL_SLIPS = frozenset({"unknown-target", "impossible-event", "missing-start", "next-beside-kind"})
ALIKE = 0.8
"""How like a name must be to be taken for it; a wrong guess would be told as problems that are none."""


def as_meant(book: Book) -> Book:
    """The same book where nothing is misspelt."""
    flows = {name: _flow(flow, book) for name, flow in book.flows.items()}
    return book if all(flows[name] is flow for name, flow in book.flows.items()) else Book(flows)


def _flow(flow: Flow, book: Book) -> Flow:
    states = {name: _state(state, flow, book) for name, state in flow.states.items()}
    on = {event: _handler(handler, flow) for event, handler in flow.on.items()}
    start = flow.start if flow.start in flow.states else closest(flow.start, flow.states, ALIKE) or flow.start
    triggers = tuple(_trigger(each, flow) for each in flow.triggers)
    same = (
        start == flow.start
        and triggers == flow.triggers
        and all(states[name] is state for name, state in flow.states.items())
    )
    if same and all(on[event] is handler for event, handler in flow.on.items()):
        return flow
    return replace(flow, states=states, on=on, start=start, triggers=triggers)


def _trigger(trigger: Trigger, flow: Flow) -> Trigger:
    if not trigger.enter or trigger.enter in flow.states:
        return trigger
    return replace(trigger, enter=closest(trigger.enter, flow.states, ALIKE) or trigger.enter)


def _state(state: State, flow: Flow, book: Book) -> State:
    if state.kind and state.next and not state.on:
        state = replace(state, on={"else": Handler("else", state.next.mark, (state.next,))}, next=None)
    on = {event: _handler(handler, flow) for event, handler in _events(state, flow, book).items()}
    config = state.config
    if state.kind == "route" and config.get("branches"):
        branches = tuple(_branch(branch, flow) for branch in config["branches"])
        if branches != config["branches"]:
            config = {**config, "branches": branches}
    following = _branch(state.next, flow) if state.next else None
    visits = Visits(state.visits.max, _branch(state.visits.then, flow)) if state.visits else None
    changed = on != state.on or config is not state.config or following is not state.next or visits != state.visits
    return replace(state, on=on, config=config, next=following, visits=visits) if changed else state


def _events(state: State, flow: Flow, book: Book) -> Mapping[str, Handler]:
    """The handlers by the event that is meant."""
    if not state.on or not state.kind or state.kind == "subflow":
        return state.on
    known = [outcome.name for outcome in outcomes(state, flow, book)]
    if all(event in known or event == "else" for event in state.on):
        return state.on
    free = [name for name in known if name not in state.on]
    meant = {
        event: event if event in known or event == "else" else closest(event, free, ALIKE) or event
        for event in state.on
    }
    return {meant[event]: replace(handler, event=meant[event]) for event, handler in state.on.items()}


def _handler(handler: Handler, flow: Flow) -> Handler:
    branches = tuple(_branch(branch, flow) for branch in handler.branches)
    return handler if branches == handler.branches else replace(handler, branches=branches)


def _branch(branch: Branch, flow: Flow) -> Branch:
    if not branch.to or branch.to in flow.states or branch.to in RESERVED_TARGETS or branch.to == UNREADABLE:
        return branch
    return replace(branch, to=closest(branch.to, [*flow.states, *RESERVED_TARGETS], ALIKE) or branch.to)
