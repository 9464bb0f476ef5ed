"""What there is to try in a flow: every state, outcome and way of the model.

- **States**: every one.
- **Outcomes**: an event of a state that leads somewhere a person can notice: to a handler, to the state of its name,
  on by ``next`` or ``route``, or to a default that is heard or read (a goodbye, an apology, thanks, a request to say it
  again), and that can happen at all (:mod:`flowengine.scenarios.possible`). What falls to a silent default (nothing
  follows, the call goes on, it ends) is not counted, and neither is a goodbye where nobody is on the line: nobody could
  tell a run that tried it from one that did not.
- **Choices**: outcomes that are values of a menu, an ask, a wait or a random. They count among the outcomes; their own
  share is shown beside it. ``repeat`` and ``back`` are events of no state, and no trail tells them.
- **Transitions**: every way that a counted outcome may go: each branch, the next try and the last one of a ``retry``,
  and the visit too many of ``visits``. Two branches of one event that stand on one line and lead to one state are one.

A handler in the flow's own ``on`` counts once, not once for each state that falls back on it, and so does a choice of
the whole flow. A flow that another one plays counts under its own name, and an event that climbs out of it is an
outcome of the state that plays it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from flowengine.engine.trail import AGAIN
from flowengine.graph import Book, Resolution, Way, outcomes, resolve, ways
from flowengine.model import Branch, Choice, Flow, State
from flowengine.positions import Walk, analyse
from flowengine.problems import Mark
from flowengine.scenarios.coverage import Coverage, Item, Place, What
from flowengine.scenarios.possible import possible
from flowengine.states.base import Outcome
from flowengine.svaml import Position

HEARD = {"goodbye": "goodbye", "apology": "apology", "recorded": "thanks", "pardon": "request to say it again"}
"""Defaults that a person notices, and what each is called."""
STEPS = ("next", "route", "visits")
"""What leads on without an event of the kind."""
PLAYS = ("subflow", "call")


def survey(book: Book, flows: Iterable[str]) -> Coverage:
    """Coverage of these flows and of all that they play, with nothing tried yet."""
    coverage = Coverage({}, {})
    for name in with_played(book, flows):
        found = _Survey(book.flows[name], book)
        coverage.wanted[name] = found.items
        coverage.places.update(found.places)
    return coverage


def with_played(book: Book, flows: Iterable[str]) -> list[str]:
    """These flows and all that they play."""
    todo = [name for name in flows if name in book.flows]
    found: dict[str, None] = {}
    while todo:
        name = todo.pop(0)
        if name not in found:
            found[name] = None
            played = [each.config for each in book.flows[name].states.values() if each.kind in PLAYS]
            todo += [each["flow"] for each in played if each.get("flow") in book.flows]
    return list(found)


class _Survey:
    """One flow, in the order a reader meets it; ``places`` are the steps of a trail that try each item."""

    def __init__(self, flow: Flow, book: Book) -> None:
        self.flow, self.book = flow, book
        self.items: list[Item] = []
        self.places: dict[Place, Item] = {}
        self.known: dict[tuple[Any, ...], Item] = {}
        self.walk = Walk(flow, "I", book)
        self.positions: dict[str, set[Position]] = {}
        for each in analyse(flow, book).values():
            for name, position in each.pairs:
                self.positions.setdefault(name, set()).add(position)
        for state in flow.states.values():
            self._state(state)

    def _state(self, state: State) -> None:
        self._put((self.flow.name, state.name), "state", state.name, ("", 0, ""), state.mark, state.name)
        for way in ways(state, self.flow, self.book):
            if way.via in STEPS:
                self._step(state, way)
        for outcome, resolution in self._outcomes(state):
            if self._noticed(state, resolution):
                self._outcome(state, outcome, resolution)

    # --- what can happen -----------------------------------------------------------------------------------

    def _outcomes(self, state: State) -> Iterator[tuple[Outcome, Resolution]]:
        raised = outcomes(state, self.flow, self.book)
        choosing = any(each.choice for each in raised)
        climbing = self._climbing(state)
        for outcome in raised:
            gathers = outcome.name == "chosen" or (outcome.name == "answer" and outcome.default == "none")
            if choosing and gathers:  # it handles choices, and never happens itself
                continue
            if possible(state, outcome, raised, self.flow, self._callee(state), climbing):
                yield from self._resolved(state, outcome)
        for event in sorted(climbing - {each.name for each in raised}):
            if event in state.on:
                yield Outcome(event, ("same",)), Resolution("on", state.on[event])
            elif event in self.flow.on:
                yield Outcome(event, ("same",)), Resolution("flow", self.flow.on[event])

    def _resolved(self, state: State, outcome: Outcome) -> Iterator[tuple[Outcome, Resolution]]:
        """Where the outcome leads; nothing where it cannot happen in any position of the state."""
        positions = self.positions.get(state.name)
        if not positions or outcome.side:  # what nobody reaches is wanted as it is written
            yield outcome, resolve(state, outcome, self.flow)
            return
        landings = {each for position in positions for each in self.walk.positions(outcome, position, state)}
        alone = landings <= {"N", "O"}
        resolution = resolve(state, outcome, self.flow, own_error=alone)
        if landings and not (alone and resolution.default in HEARD):
            yield outcome, resolution

    def _climbing(self, state: State) -> set[str]:
        """The events that a flow played here leaves to this one."""
        callee = self._callee(state)
        if callee is None or not (state.on or self.flow.on):
            return set()
        return {event for each in analyse(callee, self.book).values() for event in each.escapes}

    def _callee(self, state: State) -> Flow | None:
        return self.book.flows.get(state.config.get("flow") or "") if state.kind == "subflow" else None

    def _noticed(self, state: State, resolution: Resolution) -> bool:
        if resolution.default == "human":
            return self._noticed(state, resolve(state, Outcome("human", ("answered",)), self.flow))
        return bool(resolution.handler or resolution.state) or resolution.default in HEARD

    # --- what becomes of it --------------------------------------------------------------------------------

    def _step(self, state: State, way: Way) -> None:
        event, many = way.event, way.via == "route"
        if way.via != "visits":
            mark = state.kind_mark if many else way.mark
            happened = (self.flow.name, state.name, event, way.via)
            self._put(happened, "outcome", state.name, (event, 0, ""), mark, f"{state.name}: {event}")
        line = 0 if way.via == "visits" else way.mark.line
        name = f"visit {state.visits.max + 1}" if way.via == "visits" and state.visits else "" if many else event
        told = _guarded(f"{state.name}: {name}".rstrip(), way.branch, many) + _goal(way.target)
        place = (self.flow.name, state.name, event, line, way.target)
        self._put(place, "transition", state.name, (event, line, way.target), way.mark, told)

    def _outcome(self, state: State, outcome: Outcome, resolution: Resolution) -> None:
        event = outcome.name
        whole = resolution.via == "flow" or (outcome.wide and resolution.via != "on")
        owner = "" if whole else state.name
        what: What = "choice" if outcome.choice else "outcome"
        mark = self._mark(state, outcome, resolution)
        told = f"{owner or 'any state'}: {event}{self._label(outcome)}"
        self._put((self.flow.name, owner, event, resolution.via), what, owner, (event, 0, ""), mark, told)
        for line, target, where, phrase in _ways(resolution, mark, told):
            place = (self.flow.name, owner, event, line, target)
            self._put(place, "transition", owner, (event, line, target), where, phrase)

    def _mark(self, state: State, outcome: Outcome, resolution: Resolution) -> Mark:
        choices = [*(state.config.get("choices") or ()), *self.flow.choices] if outcome.choice else []
        for choice in choices:
            if isinstance(choice, Choice) and choice.value == outcome.name:
                return choice.mark
        return resolution.handler.mark if resolution.handler is not None else state.mark

    def _label(self, outcome: Outcome) -> str:
        if not outcome.label:
            return ""
        return f" (key {outcome.label})" if self.flow.channel == "voice" else f' ("{outcome.label}")'

    def _put(self, place: Place, what: What, state: str, way: tuple[str, int, str], mark: Mark, text: str) -> None:
        """Each once: what a choice of the flow leads to may be reached by several places, and is one item."""
        key = (what, state, *way)
        if key not in self.known:
            self.known[key] = Item(what, self.flow.name, state, *way, mark, " ".join(text.split()))
            self.items.append(self.known[key])
        self.places[place] = self.known[key]


def _ways(resolution: Resolution, mark: Mark, told: str) -> Iterator[tuple[int, str, Mark, str]]:
    """Line and target as a trail names them, the place in the file, and a phrase."""
    if resolution.state:
        yield 0, resolution.state, mark, told + _goal(resolution.state)
    elif resolution.handler is None:
        known = HEARD.get(resolution.default)
        yield 0, "", mark, f"{told} -> the built-in {known}" if known else f"{told}, as human"
    elif resolution.handler.retry:
        (branch,), most = resolution.branches(), resolution.handler.retry
        yield branch.mark.line, AGAIN, branch.mark, f"{told}, tried again"
        tries = "1 retry" if most == 1 else f"{most} retries"
        yield branch.mark.line, branch.to, branch.mark, f"{told} after {tries}{_goal(branch.to)}"
    else:
        branches = resolution.branches()
        for branch in branches:
            phrase = _guarded(told, branch, len(branches) > 1) + _goal(branch.to)
            yield branch.mark.line, branch.to, branch.mark, phrase


def _guarded(told: str, branch: Branch | None, many: bool) -> str:
    guard = f"when {branch.when.text}" if branch and branch.when else "else" if many else ""
    return " ".join(filter(None, (told, guard)))


def _goal(target: str) -> str:
    return f" -> {target}" if target else ", stays"
