"""What a flow writes: ``set``, ``into``, ``save`` and ``clear``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flowengine.checks.base import View
from flowengine.checks.places import named, setting
from flowengine.graph import branches_of
from flowengine.model import Instruction, State
from flowengine.problems import Mark


@dataclass(frozen=True, slots=True)
class Write:
    """``how`` is ``set``, ``clear``, ``into`` or ``save``; ``near`` is where the search for its name begins."""

    name: str
    how: str
    state: str
    near: Mark

    @property
    def verb(self) -> str:
        return "clear" if self.how == "clear" else "keep this in"

    def mark(self, view: View) -> Mark:
        if self.how == "into":
            return setting(view, view.flow.states[self.state], "into", self.name)
        return named(view, self.near, self.name, key=self.how != "clear")


def writes(view: View) -> list[Write]:
    if "writes" not in view.cache:
        view.cache["writes"] = list(_writes(view))
    found: list[Write] = view.cache["writes"]
    return found


def _writes(view: View) -> Iterator[Write]:
    for handler in view.flow.on.values():
        for branch in handler.branches:
            for instruction in branch.do:
                yield from _of_instruction(instruction, "")
    for state in view.flow.states.values():
        for instruction in state.do:
            yield from _of_instruction(instruction, state.name)
        yield from _of_kind(state)
        for branch in branches_of(state):
            for instruction in branch.do:
                yield from _of_instruction(instruction, state.name)


def _of_instruction(instruction: Instruction, state: str) -> Iterator[Write]:
    if instruction.name in ("set", "clear"):
        for name in instruction.value:
            yield Write(name, instruction.name, state, instruction.mark)


def _of_kind(state: State) -> Iterator[Write]:
    if state.config.get("into"):
        yield Write(state.config["into"], "into", state.name, state.kind_mark)
    for name in state.config.get("save") or ():
        yield Write(name, "save", state.name, state.kind_mark)
