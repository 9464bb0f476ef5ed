"""What the conditions of flows read, and with what they compare it: the values that make a difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from flowengine.expressions import Comparison, Expression, compile_guard, compile_text
from flowengine.graph import instructions_of
from flowengine.model import Flow, Source, State, Variable
from flowengine.walk import within

Name = str
"""A dotted path, such as ``seats`` or ``response.tier``."""


def expression(source: Source) -> Expression:
    return compile_guard(source.text) if source.guard else compile_text(source.text)


def expressions(value: Any) -> Iterator[Expression]:
    """Every condition and every text with values inside a part of a flow."""
    return (expression(each) for each in within(value) if each.dynamic)


def names(value: Any, root: str) -> set[Name]:
    """What a part of a flow reads below a root, such as every ``response.…``."""
    return {each.dotted for found in expressions(value) for each in found.names if each.root == root}


@dataclass(slots=True)
class _Read:
    compared: dict[Name, list[Comparison]] = field(default_factory=dict)
    conditions: dict[str, set[Name]] = field(default_factory=dict)
    given: dict[Name, set[Name]] = field(default_factory=dict)


class Facts:
    """All flows that take part, read once."""

    def __init__(self, flows: Mapping[str, Flow]) -> None:
        self.flows = flows
        self._read = _Read()
        self.variables: dict[Name, Variable] = {}
        for flow in flows.values():
            self.variables.update(flow.names())
            self.variables.update({f"contact.{name}": each for name, each in flow.contact_fields().items()})
            self._expressions(flow)
            for target, source in _assigned(flow):
                self._read.given.setdefault(target, set()).update(each.dotted for each in expression(source).names)

    def _expressions(self, flow: Flow) -> None:
        for source in within(flow):
            if not source.dynamic:
                continue
            found = expression(source)
            for each in found.comparisons:
                self._read.compared.setdefault(".".join(each.path), []).append(each)
            if source.guard:
                self._read.conditions.setdefault(found.source, set()).update(each.dotted for each in found.names)

    def conditions(self, source: str) -> set[Name]:
        """What a condition reads."""
        return self._read.conditions.get(source, set())

    @cached_property
    def decisive(self) -> frozenset[Name]:
        """Everything that some condition reads, and what those values are made from."""
        found: set[Name] = set()
        todo = [name for names in self._read.conditions.values() for name in names]
        while todo:
            name = todo.pop()
            if name not in found:
                found.add(name)
                todo += self._read.given.get(name, ())
        return frozenset(found)

    def compared(self, name: Name) -> list[Comparison]:
        """What a value is compared with, also under the names that it is kept by."""
        found, todo = set(), [name]
        result: list[Comparison] = []
        while todo:
            each = todo.pop()
            if each not in found:
                found.add(each)
                result += self._read.compared.get(each, ())
                todo += (target for target, made_of in self._read.given.items() if each in made_of)
        return result

    def kept_as(self, name: Name) -> Variable | None:
        """The variable that a value is kept in, as it is or made into something else."""
        if name in self.variables:
            return self.variables[name]
        targets = (target for target, made_of in self._read.given.items() if name in made_of)
        return next((self.variables[each] for each in targets if each in self.variables), None)

    def is_decisive(self, name: Name) -> bool:
        """Whether a condition reads it, under any of its names."""
        if name in self.decisive or any(each.startswith(f"{name}.") for each in self.decisive):
            return True
        return any(name in made_of and target in self.decisive for target, made_of in self._read.given.items())

    def below(self, root: str) -> list[Name]:
        """Every name of this root that a condition reads."""
        return sorted(each for each in self.decisive if each.startswith(f"{root}."))


def _assigned(flow: Flow) -> Iterator[tuple[Name, Source]]:
    """What is given to each name: by ``set``, kept of a reply, or handed to a flow that is played and back."""
    for state in flow.states.values():
        yield from _of_instructions(state)
        config = state.config or {}
        yield from _sources(config.get("save") or {})
        if state.kind in ("subflow", "call"):
            yield from _sources(config.get("with") or {})
        if state.kind == "return":
            yield from ((f"result.{name}", each) for name, each in _sources(config.get("with") or {}))
    for handler in flow.on.values():
        for branch in handler.branches:
            yield from _of_set(branch.do)


def _of_instructions(state: State) -> Iterator[tuple[Name, Source]]:
    return _of_set(instructions_of(state))


def _of_set(instructions: Iterable[Any]) -> Iterator[tuple[Name, Source]]:
    for each in instructions:
        if each.name == "set":
            yield from _sources(each.value)


def _sources(values: Mapping[str, Any]) -> Iterator[tuple[Name, Source]]:
    return ((name, each) for name, each in values.items() if isinstance(each, Source) and each.dynamic)
