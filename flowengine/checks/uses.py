"""Everything a flow puts into answers, with the callback that each answer would be to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flowengine.checks.base import View
from flowengine.graph import late_outcomes, resolve
from flowengine.instructions import INSTRUCTIONS
from flowengine.model import Branch, Handler, Instruction, State
from flowengine.positions import Pair, Walk, analysis
from flowengine.problems import Mark
from flowengine.states import KINDS, Outcome
from flowengine.svaml import Position

SOUNDS = ("say", "playFiles")


@dataclass(frozen=True, slots=True)
class Use:
    """``name`` is the platform's name of an action or instruction (or ``dial``), ``word`` the author's.

    ``pair``: the state and position it is reached from; None for a turn that broke or a call that ended.
    """

    name: str
    word: str
    mark: Mark
    position: Position
    pair: Pair | None
    state: str
    event: str = ""


@dataclass(frozen=True, slots=True)
class Landing:
    """A handler, and a position in which its run may stand."""

    handler: Handler
    position: Position
    pair: Pair | None
    state: str
    event: str
    side: bool


def uses(view: View) -> list[Use]:
    """Every action, instruction and ``continue``, once for each position it may have to answer in."""
    if "uses" not in view.cache:
        view.cache["uses"] = [*_of_states(view), *_of_handlers(view)]
    found: list[Use] = view.cache["uses"]
    return found


def landings(view: View) -> list[Landing]:
    """Every handler with every position its run may stand in, each once."""
    if "landings" not in view.cache:
        found: dict[tuple[int, Position], Landing] = {}
        for each in (*_handled(view), *_broken(view)):
            found.setdefault((id(each.handler), each.position), each)
        view.cache["landings"] = list(found.values())
    known: list[Landing] = view.cache["landings"]
    return known


def _of_states(view: View) -> Iterator[Use]:
    for pair in view.pairs:
        state = view.flow.states[pair[0]]
        for instruction in state.do:
            yield from _instruction(instruction, pair[1], pair, state.name)
        yield from _kind(view, state, pair)
        for branch in _own_branches(state):
            yield from _branch(branch, pair[1], pair, state.name, "")


def _own_branches(state: State) -> Iterator[Branch]:
    if state.next:
        yield state.next
    if state.visits:
        yield state.visits.then
    if state.kind == "route":
        yield from state.config["branches"] or ()


def _kind(view: View, state: State, pair: Pair) -> Iterator[Use]:
    if not state.kind or not state.config:
        return
    if state.kind == "svaml":
        for raw in state.config["instructions"] or ():
            if raw["name"] != "answer":
                yield Use(raw["name"], raw["name"], state.kind_mark, pair[1], pair, state.name)
    for action in KINDS[state.kind].actions(state, view.flow, pair[1]):
        yield Use(action, _word(state, action), state.kind_mark, pair[1], pair, state.name)


def _word(state: State, action: str) -> str:
    if state.kind == "svaml":
        return action
    app = {"connectMxp": "connect to an app user", "connectStream": "connect to a stream"}
    return app.get(action, state.kind) if state.kind == "connect" else state.kind


def _instruction(
    instruction: Instruction, position: Position, pair: Pair | None, state: str, event: str = ""
) -> Iterator[Use]:
    for name in INSTRUCTIONS[instruction.name].svaml(instruction):
        yield Use(name, instruction.name, instruction.mark, position, pair, state, event)


def _branch(branch: Branch, position: Position, pair: Pair | None, state: str, event: str) -> Iterator[Use]:
    for instruction in branch.do:
        yield from _instruction(instruction, position, pair, state, event)
    if branch.to == "continue":
        yield Use("continue", "continue", branch.mark, position, pair, state, event)


def _of_handlers(view: View) -> Iterator[Use]:
    for each in landings(view):
        for branch in each.handler.branches:
            yield from _branch(branch, each.position, each.pair, each.state, each.event)


def _handled(view: View) -> Iterator[Landing]:
    for pair in view.pairs:
        state = view.flow.states[pair[0]]
        for outcome, position in raised(view, pair):
            # Where nobody is on the line only the state's own error handler counts.
            found = resolve(state, outcome, view.flow, own_error=pair[1] in ("O", "N"))
            if found.handler:
                yield Landing(found.handler, position, pair, state.name, outcome.name, outcome.side)


def _broken(view: View) -> Iterator[Landing]:
    """The flow's ``error`` also answers a turn that broke, where the flow begins and after any menu; its
    ``disconnected`` also runs when the flow itself ended the call.
    """
    over = view.flow.on.get("disconnected")
    if over:
        yield Landing(over, "N", None, "", "disconnected", False)
    handler = view.flow.on.get("error")
    if handler is None:
        return
    for entry, each in view.analyses.items():
        for position in ("A" if entry == "O" else entry, *sorted(each.inputs)):
            yield Landing(handler, position, None, "", "error", False)


def raised(view: View, pair: Pair) -> Iterator[tuple[Outcome, Position]]:
    """Every event of a state that stands in a position, with the position of the run after it."""
    state = view.flow.states[pair[0]]
    if not state.kind or not state.config:
        yield from ((each, "N") for each in late_outcomes(state, view.flow))
    elif state.kind == "subflow":
        yield from _given_back(view, state, pair[1])
    else:
        for outcome in _outcomes(view, state):
            yield from ((outcome, position) for position in _walk(view).positions(outcome, pair[1], state))


def _walk(view: View) -> Walk:
    if "walk" not in view.cache:
        view.cache["walk"] = Walk(view.flow, "I", view.book)
    walk: Walk = view.cache["walk"]
    return walk


def _outcomes(view: View, state: State) -> tuple[Outcome, ...]:
    known: dict[str, tuple[Outcome, ...]] = view.cache.setdefault("outcomes", {})
    if state.name not in known:
        known[state.name] = view.outcomes(state)
    return known[state.name]


def _given_back(view: View, state: State, position: Position) -> Iterator[tuple[Outcome, Position]]:
    callee = view.book.flows.get(state.config["flow"])
    summary = analysis(callee, position, view.book) if callee else None
    for outcome in _outcomes(view, state):
        if outcome.name == "error":
            yield outcome, position
        elif outcome.side:
            yield outcome, "N"
        elif summary:
            ends = summary.ends if outcome.name == "done" else set()
            for each in sorted(ends | summary.returns.get(outcome.name, set())):
                yield outcome, each
    for event, reached in summary.escapes.items() if summary else ():
        for each in sorted(reached):
            yield Outcome(event, ("same",), "climbed"), each
