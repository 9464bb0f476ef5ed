"""What a rule is, and what it sees of a flow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import networkx as nx

from flowengine.expressions import BadExpression, Guard, Text, compile_guard, compile_text
from flowengine.graph import Book, Way, outcomes, ways
from flowengine.model import Branch, Choice, Each, Flow, Instruction, Prompt, Source, State
from flowengine.positions import Analysis, Pair, analyse
from flowengine.problems import Mark, Problem, Severity
from flowengine.states import KINDS, Outcome
from flowengine.svaml import Position

Check = Callable[["View"], Iterable[Problem]]


@dataclass(frozen=True, slots=True)
class Written:
    """One text or guard of a flow and where it stands: ``role`` is ``prompt``, ``text``, ``guard`` or ``part``.

    ``when`` says when it is read: ``do`` (on arrival), ``kind`` (by the kind, after ``do``), ``branch`` (in a
    handler, after the event), or ``flow`` (a section of the flow).
    """

    source: Source
    state: str
    role: str
    when: str
    event: str = ""
    branch: Branch | None = None
    instruction: Instruction | None = None


@dataclass
class View:
    """A flow as rules look at it; everything costly is worked out once."""

    flow: Flow
    book: Book
    cache: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def analyses(self) -> dict[Position, Analysis]:
        return analyse(self.flow, self.book)

    @cached_property
    def pairs(self) -> dict[Pair, Analysis]:
        """Every pair of state and position that can be reached, with the analysis that knows its witness."""
        return {pair: each for each in reversed(self.analyses.values()) for pair in each.pairs}

    @cached_property
    def all_ways(self) -> dict[str, list[Way]]:
        return {name: ways(state, self.flow, self.book) for name, state in self.flow.states.items()}

    def outcomes(self, state: State) -> tuple[Outcome, ...]:
        return outcomes(state, self.flow, self.book)

    @cached_property
    def graph(self) -> nx.MultiDiGraph[str]:
        """States (and ``end``, ``continue``) joined by every way between them; edge data ``way``."""
        graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        graph.add_nodes_from(self.flow.states)
        for name, found in self.all_ways.items():
            for way in found:
                if way.target:
                    graph.add_edge(name, way.target, way=way)
        return graph

    @cached_property
    def reachable(self) -> set[str]:
        return {name for name, _ in self.pairs}

    @cached_property
    def written(self) -> list[Written]:
        """Every text and guard of the flow."""
        return list(_written(self.flow))

    def expression(self, source: Source) -> Text | Guard | None:
        """The compiled expression; None where it does not compile (the rule ``expression`` tells)."""
        key = (source.guard, source.text)
        known: dict[Any, Text | Guard | None] = self.cache.setdefault("expressions", {})
        if key not in known:
            try:
                known[key] = compile_guard(source.text) if source.guard else compile_text(source.text)
            except BadExpression:
                known[key] = None
        return known[key]

    def waits(self, state: State) -> bool:
        return bool(state.kind) and KINDS[state.kind].waits


def _written(flow: Flow) -> Iterator[Written]:
    for label in ("cli", "recordings", "may_dial"):
        for source, role in _sources(_plain(getattr(flow, label))):
            yield Written(source, "", role, "flow", label)
    for event, handler in flow.on.items():
        for branch in handler.branches:
            yield from _of_branch(branch, "", event)
    for state in flow.states.values():
        yield from _of_state(state)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return [each.address for each in value.values()]
    if value is not None and not isinstance(value, Source):
        return [value.to, value.credentials]
    return value


def _of_state(state: State) -> Iterator[Written]:
    for instruction in state.do:
        yield from _of_instruction(instruction, state.name, "do", "", None)
    for key, value in state.config.items():
        if state.kind == "route" and key == "branches":
            for branch in value or ():
                yield from _of_branch(branch, state.name, "route")
        elif key not in ("template_mark", "save"):
            for source, role in _sources(value):
                yield Written(source, state.name, role, "kind")
    for source, role in _sources(state.config.get("save")):
        yield Written(source, state.name, role, "save")
    for event, handler in state.on.items():
        for branch in handler.branches:
            yield from _of_branch(branch, state.name, event)


def _of_branch(branch: Branch, state: str, event: str) -> Iterator[Written]:
    if branch.when is not None:
        yield Written(branch.when, state, "guard", "branch", event, branch)
    for instruction in branch.do:
        yield from _of_instruction(instruction, state, "branch", event, branch)


def _of_instruction(
    instruction: Instruction, state: str, when: str, event: str, branch: Branch | None
) -> Iterator[Written]:
    for source, role in _sources(instruction.value):
        yield Written(source, state, role, when, event, branch, instruction)


def _sources(value: Any) -> Iterator[tuple[Source, str]]:
    if isinstance(value, Source):
        yield value, "guard" if value.guard else "text"
    elif isinstance(value, Prompt):
        for part in value.parts():
            yield part.source, "prompt" if part.kind == "say" else f"prompt-{part.kind}"
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _sources(each)
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _sources(each)
    elif isinstance(value, Choice | Each):
        for each in fields(value):
            yield from _sources(getattr(value, each.name))


@dataclass(frozen=True, slots=True)
class Rule:
    """A check: its name is its file's, its documentation the file's docstring."""

    name: str
    severity: Severity
    check: Check
    doc: str
    channels: tuple[str, ...] = ("voice", "message")
    """The sorts of flow it looks at: ``CHANNELS`` of its file."""


def rules() -> dict[str, Rule]:
    """Every rule of this folder by name."""
    import flowengine.checks as folder

    found = {}
    for info in iter_modules(folder.__path__):
        module = import_module(f"flowengine.checks.{info.name}")
        if hasattr(module, "check"):
            name = info.name.replace("_", "-")
            channels = getattr(module, "CHANNELS", ("voice", "message"))
            found[name] = Rule(name, module.SEVERITY, module.check, (module.__doc__ or "").strip(), channels)
    return found


def problem(
    view: View,
    rule: str,
    mark: Mark,
    message: str,
    *,
    severity: Severity = "error",
    notes: Iterable[str] = (),
    fix: str = "",
    state: str = "",
    outcome: str = "",
) -> Problem:
    """A problem of this flow. ``notes`` say what the caller would hear; ``fix`` the mend, in the imperative."""
    return Problem(rule, mark, message, severity, tuple(notes), fix, view.flow.name, state, outcome)
