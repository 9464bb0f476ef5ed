"""Conditions that go as they went then, where they read what the journal hides."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from flowengine.engine.library import Library
from flowengine.expressions import Expression, Guard
from flowengine.linking import Branch, Handler, Map, Node, Program, Raw, Row, Segments
from flowengine.recorded.made_up import StandIns

HIDDEN_FACTS = frozenset({"call.cli", "call.to", "call.id", "contact.number", "contact.identity"})
"""What is never in the journal as it was."""


class Judge:
    """Says how the conditions of a turn come out.

    The k-th time that a condition is asked in a turn, and a value in it was hidden (or may be made of one that was),
    it is as true as it was the k-th time then. Any other condition decides by itself.
    """

    def __init__(self, library: Library) -> None:
        self.stand_ins = StandIns()
        self._then: dict[str, deque[bool]] = {}
        self._hidden = {name: HIDDEN_FACTS | hidden_names(each) for name, each in library.programs.items()}
        for program in library.programs.values():
            hidden = self._hidden[program.name]
            for branch in _branches(program):
                if branch.when is not None:
                    branch.when = _Judged(branch.when, self._decide, hidden)

    def begin(self, stand_ins: StandIns, because: Sequence[tuple[int, str, bool]]) -> None:
        """A turn begins, in which conditions came out so."""
        self.stand_ins = stand_ins
        self._then = defaultdict(deque)
        for _, source, true in because:
            self._then[source].append(true)

    def _decide(self, guard: _Judged, scope: Mapping[str, Any], ask: Callable[[], bool]) -> bool:
        then = self._then.get(guard.source)
        if not then:
            return ask()
        truth = then.popleft()
        return truth if self._reads_hidden(guard, scope) else ask()

    def _reads_hidden(self, guard: _Judged, scope: Mapping[str, Any]) -> bool:
        return any(
            each.dotted in guard.hidden or self.stand_ins.holds(_value(scope, each.path)) for each in guard.names
        )


class _Judged(Guard):
    __slots__ = ("_decide", "hidden")

    def __init__(self, guard: Guard, decide: Callable[..., bool], hidden: frozenset[str]) -> None:
        guard.ready()
        for name in Expression.__slots__:
            setattr(self, name, getattr(guard, name))
        self._decide, self.hidden = decide, hidden

    def test(self, scope: Mapping[str, Any]) -> bool:
        return self._decide(self, scope, lambda: Guard.test(self, scope))


def _value(scope: Any, path: Iterable[str]) -> Any:
    for key in path:
        scope = scope.get(key) if isinstance(scope, Mapping) else None
    return scope


def _branches(program: Program) -> Iterator[Branch]:
    handlers: list[Handler] = [*program.on.values()]
    for node in program.states.values():
        yield from node.branches
        handlers += node.on.values()
    seen: set[int] = set()
    for handler in handlers:
        if id(handler) not in seen:
            seen.add(id(handler))
            yield from handler.branches


# --- what may be made of what is hidden -----------------------------------------------------------------------


def hidden_names(program: Program) -> frozenset[str]:
    """Variables whose values are, or are made of, what the journal never shows."""
    made_of: dict[str, set[str]] = defaultdict(set)
    for node in program.states.values():
        for target, item in _given(node):
            made_of[target] |= set(_names(item))
    for handler in program.on.values():
        for branch in handler.branches:
            for target, item in _set_by(branch.do):
                made_of[target] |= set(_names(item))
    found = set(program.sensitive)
    while more := {each for each, names in made_of.items() if each not in found and names & (found | HIDDEN_FACTS)}:
        found |= more
    return frozenset(found)


def _given(node: Node) -> Iterator[tuple[str, Any]]:
    yield from node.op.get("save") or ()
    yield from _set_by(node.do)
    branches = [*node.branches, *(each for handler in node.on.values() for each in handler.branches)]
    for branch in [*branches, *([node.next] if node.next else [])]:
        yield from _set_by(branch.do)


def _set_by(do: Iterable[tuple[Any, Any]]) -> Iterator[tuple[str, Any]]:
    for _, op in do:
        if isinstance(op, list) and op and isinstance(op[0], tuple):  # what a `set` gives
            yield from op


def _names(item: Any) -> Iterator[str]:
    if isinstance(item, Expression):
        yield from (each.dotted for each in item.names)
    elif isinstance(item, Segments):
        for piece in item.pieces:
            yield from _names(piece.text if isinstance(piece, Raw) else piece)
    elif isinstance(item, Map):
        for each in item.entries.values():
            yield from _names(each)
    elif isinstance(item, Row):
        for each in item.entries:
            yield from _names(each)
