"""Which callback each state may have to answer: the least fixpoint over pairs of state and position.

Steps keep the position, waits give a new one. A subflow has one summary per entry position: the outcomes it
returns, and the events it leaves to its caller, each with their positions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from flowengine.graph import Book, Resolution, menus_before, outcomes, resolve
from flowengine.model import LATE_EVENTS, Branch, Flow, State
from flowengine.states import KINDS, Outcome
from flowengine.states.ask import offered
from flowengine.states.base import landing
from flowengine.svaml import Position, after_input

Pair = tuple[str, Position]


@dataclass(slots=True)
class Step:
    """How a pair was first reached."""

    source: Pair | None
    event: str


@dataclass(slots=True)
class Analysis:
    """What can be reached from one entry. ``ends``: positions in which ``end`` is reached."""

    entry: Position
    pairs: dict[Pair, Step] = field(default_factory=dict)
    returns: dict[str, set[Position]] = field(default_factory=dict)
    ends: set[Position] = field(default_factory=set)
    escapes: dict[str, set[Position]] = field(default_factory=dict)
    inputs: set[Position] = field(default_factory=set)

    def positions(self, state: str) -> list[Position]:
        return [position for name, position in self.pairs if name == state]

    def witness(self, pair: Pair, most: int | None = None) -> list[Pair]:
        """The first path found to a pair, from the start; of a long one the last ``most`` pairs."""
        path = [pair]
        while (source := self.pairs[path[-1]].source) is not None and len(path) != most:
            path.append(source)
        return path[::-1]


def entries(flow: Flow, book: Book) -> list[Position]:
    """Where a flow may begin: I for calls that come in, O for calls it places; as a subflow where it is played.

    A message flow knows one position.
    """
    if flow.channel == "message":
        return ["M"]
    found: list[Position] = []
    kinds = {trigger.kind for trigger in flow.triggers}
    if kinds & {"to", "any"}:
        found.append("I")
    if "start" in kinds or (flow.outbound and not found):
        found.append("O")
    if not found and not any(plays(other, flow.name) for other in book.flows.values()):
        found.append("I")
    return found


def plays(flow: Flow, name: str) -> bool:
    return any(state.kind == "subflow" and state.config.get("flow") == name for state in flow.states.values())


def analyse(flow: Flow, book: Book) -> dict[Position, Analysis]:
    """One :class:`Analysis` for every position the flow is entered in, subflow calls of other flows included."""
    key = ("all", flow.name)
    if key not in book.cache:
        found = {entry: analysis(flow, entry, book) for entry in entries(flow, book)}
        for entry in _played_in(flow, book):
            found.setdefault(entry, analysis(flow, entry, book))
        book.cache[key] = found or {"I": analysis(flow, "I", book)}
    result: dict[Position, Analysis] = book.cache[key]
    return result


def _played_in(flow: Flow, book: Book) -> Iterator[Position]:
    for other in book.flows.values():
        if other.name == flow.name or other.channel != flow.channel or not plays(other, flow.name):
            continue
        for each in analyse(other, book).values() if ("all", other.name) in book.cache else _own(other, book):
            for name, position in each.pairs:
                state = other.states[name]
                if state.kind == "subflow" and state.config.get("flow") == flow.name:
                    yield position


def _own(flow: Flow, book: Book) -> Iterator[Analysis]:
    for entry in entries(flow, book):
        yield analysis(flow, entry, book)


def analysis(flow: Flow, entry: Position, book: Book) -> Analysis:
    """The fixpoint from one entry; a subflow that plays itself is iterated until nothing is added."""
    key = ("one", flow.name, entry)
    if key in book.cache:
        cached: Analysis = book.cache[key]
        return cached
    book.cache[key] = Analysis(entry)
    if not _recursive(flow, flow.name, book, set()):
        book.cache[key] = Walk(flow, entry, book).run()
    elif _OPEN in book.cache:
        book.cache[_OPEN].append((flow, entry))
        book.cache[key] = Walk(flow, entry, book).run()
    else:
        book.cache[_OPEN] = [(flow, entry)]
        while _round(book):
            pass
        del book.cache[_OPEN]
    found: Analysis = book.cache[key]
    return found


_OPEN = "being iterated"
"""The analyses of flows that play each other: what one learns, the others may need."""


def _round(book: Book) -> bool:
    """Every open analysis once more; whether one of them grew, or another was opened."""
    before = [(each, _size(book, each)) for each in book.cache[_OPEN]]
    for flow, entry in book.cache[_OPEN]:
        book.cache["one", flow.name, entry] = Walk(flow, entry, book).run()
    return before != [(each, _size(book, each)) for each in book.cache[_OPEN]]


def _size(book: Book, opened: tuple[Flow, Position]) -> tuple[int, ...]:
    each: Analysis = book.cache["one", opened[0].name, opened[1]]
    told = (sum(map(len, each.returns.values())), sum(map(len, each.escapes.values())))
    return (len(each.pairs), len(each.ends), len(each.inputs), *told)


def _recursive(flow: Flow, name: str, book: Book, seen: set[str]) -> bool:
    for state in flow.states.values():
        callee = str(state.config.get("flow")) if state.kind == "subflow" else ""
        if callee == name:
            return True
        if callee in book.flows and callee not in seen:
            seen.add(callee)
            if _recursive(book.flows[callee], name, book, seen):
                return True
    return False


class Walk:
    def __init__(self, flow: Flow, entry: Position, book: Book) -> None:
        self.flow, self.book = flow, book
        self.outbound = flow.outbound
        self.result = Analysis(entry)
        self.todo: list[Pair] = []
        self.late: list[tuple[Outcome, Pair]] = []
        self._before: dict[str, set[str]] | None = None

    def run(self) -> Analysis:
        self.reach(self.flow.start, self.result.entry, None, "start")
        for trigger in self.flow.triggers:
            self.reach(trigger.enter, self.result.entry, None, trigger.kind)
        self._drain()
        while self._errors():
            self._drain()
        self._side_runs()
        return self.result

    def _side_runs(self) -> None:
        """Late events, and the end of a call that had ended: what their runs reach ends and returns nothing."""
        ends, returns = set(self.result.ends), {name: set(each) for name, each in self.result.returns.items()}
        over = self.flow.on.get("disconnected") if self.flow.channel == "voice" else None
        for branch in over.branches if over else ():
            self._branch(branch, "N", None, "disconnected")
        self._drain()
        for outcome, pair in self.late:
            self._raise(outcome, "N", pair, self.flow.states[pair[0]])
            self._drain()
        self.result.ends, self.result.returns = ends, returns

    def _drain(self) -> None:
        while self.todo:
            pair = self.todo.pop()
            self._leave(pair, self.flow.states[pair[0]])

    def _errors(self) -> bool:
        """The flow's ``error`` may also answer a broken turn: where the flow begins, and any menu's answer.

        Its ``expired`` ends a conversation that was silent for too long.
        """
        before = len(self.result.pairs)
        start: Position = "A" if self.result.entry == "O" else self.result.entry
        for event in ("error", "expired") if start == "M" else ("error",):
            handler = self.flow.on.get(event)
            for position in sorted({start, *self.result.inputs}):
                for branch in handler.branches if handler else ():
                    self._branch(branch, position, None, event)
        return len(self.result.pairs) > before

    def reach(self, target: str, position: Position, source: Pair | None, event: str) -> None:
        if target == "end":
            self.result.ends.add(position)
        elif target == "back":
            self.result.ends.add(position)
            for name in sorted(self._menus(source[0] if source else "")):
                self.reach(name, position, source, event)
        elif target in self.flow.states and (target, position) not in self.result.pairs:
            self.result.pairs[(target, position)] = Step(source, event)
            self.todo.append((target, position))

    def _menus(self, name: str) -> set[str]:
        if self._before is None:
            self._before = menus_before(self.flow, self.book)
        return self._before.get(name, set())

    def _leave(self, pair: Pair, state: State) -> None:
        _, position = pair
        if state.visits:
            self.reach(state.visits.then.to, position, pair, "visits")
        if state.next:
            self.reach(state.next.to, position, pair, "next")
        self.late += [(each, pair) for each in outcomes(state, self.flow, self.book) if each.side]
        if not state.kind or not state.config:
            return
        if state.kind == "route":
            for branch in state.config["branches"] or ():
                self._branch(branch, position, pair, "else" if branch.when is None else "when")
        elif state.kind == "subflow":
            self._subflow(pair, state)
        elif state.kind == "return":
            self.result.returns.setdefault(state.config["outcome"], set()).add(position)
        else:
            self._outcomes(pair, state)
        if state.kind in ("menu", "ask") and any(each.value == "back" for each in offered(state, self.flow)):
            for name in self._menus(state.name):
                self.reach(name, _after(position), pair, "back")

    def _outcomes(self, pair: Pair, state: State) -> None:
        for outcome in outcomes(state, self.flow, self.book):
            for position in () if outcome.side else self.positions(outcome, pair[1], state):
                self._raise(outcome, position, pair, state)
        if KINDS[state.kind].waits and KINDS[state.kind].actions(state, self.flow, pair[1]) == ("runMenu",):
            self.result.inputs.add(_after(pair[1]))

    def positions(self, outcome: Outcome, position: Position, state: State) -> list[Position]:
        """Where an outcome's run may stand, of all its ``where``, for this state in this position."""
        if state.kind == "wait":
            return _wait_positions(outcome, position, state, self.outbound)
        if position == "O" and state.kind not in ("dial", "svaml") and KINDS[state.kind].waits:
            return []
        return list(dict.fromkeys(landing(where, position, self.outbound) for where in outcome.where))

    def _raise(self, outcome: Outcome, position: Position, pair: Pair, state: State) -> None:
        resolution = resolve(state, outcome, self.flow, own_error=position in ("O", "N"))
        if resolution.state:
            self.reach(resolution.state, position, pair, outcome.name)
        elif resolution.handler:
            self._handler(resolution, position, pair, outcome)
        elif outcome.name != "chosen":
            self.result.escapes.setdefault(outcome.name, set()).add(position)

    def _handler(self, resolution: Resolution, position: Position, pair: Pair, outcome: Outcome) -> None:
        assert resolution.handler is not None
        if resolution.handler.retry:
            self.reach(pair[0], position, pair, outcome.name)
        for branch in resolution.branches():
            self._branch(branch, position, pair, outcome.name)

    def _branch(self, branch: Branch, position: Position, pair: Pair | None, event: str) -> None:
        if branch.to:
            self.reach(branch.to, position, pair, event)

    def _subflow(self, pair: Pair, state: State) -> None:
        callee = self.book.flows.get(state.config["flow"])
        error = next(each for each in outcomes(state, self.flow, self.book) if each.name == "error")
        self._raise(error, pair[1], pair, state)
        if callee is None or callee.channel != self.flow.channel:
            return
        summary = analysis(callee, pair[1], self.book)
        self.result.inputs |= summary.inputs
        for outcome in outcomes(state, self.flow, self.book):
            if outcome.name == "expired":
                self._raise(outcome, pair[1], pair, state)
            reached = summary.returns.get(outcome.name, set()) | (summary.ends if outcome.name == "done" else set())
            for position in sorted(reached):
                self._raise(outcome, position, pair, state)
        for event, reached in summary.escapes.items():
            if event in LATE_EVENTS:
                self.late.append((Outcome(event, ("nobody",), "climbed", side=True), pair))
                continue
            for position in sorted(reached):
                self._raise(Outcome(event, ("same",), "climbed"), position, pair, state)


def _after(position: Position) -> Position:
    if position in ("N", "O", "M"):
        return "M" if position == "M" else "N"
    return after_input(position)


def _wait_positions(outcome: Outcome, position: Position, state: State, outbound: bool) -> list[Position]:
    if position == "M":
        return [position]
    if position in ("N", "O"):
        timed = outcome.name in ("elapsed", *(state.config["until"] or ()))
        return [landing("outbound", position, outbound)] if timed else []
    if outcome.name in ("disconnected", "hangup"):
        return ["N"]
    if outcome.choice or state.config["choices"] or position not in ("I", "K"):
        return [_after(position)]
    return ["K", "N"] if outcome.name == "error" else ["K"]


__all__ = ["Analysis", "Pair", "Walk", "analyse", "analysis", "entries", "plays"]
