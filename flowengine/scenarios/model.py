"""A file of scenarios as its author wrote it, typed and placed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from flowengine.document import Document, Map
from flowengine.model import NOWHERE
from flowengine.problems import Mark, Problem
from flowengine.scenarios.moments import NOW
from flowengine.scenarios.steps import ACTS, NEGATED, OBSERVATIONS, WORDS, Step, Word

__all__ = [
    "ACTS", "NEGATED", "NOW", "OBSERVATIONS", "WORDS", "Answer", "Scenario", "Server", "Step", "Stub", "Suite", "Word",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """What a declared server answers: a status and data as JSON has it, or nothing in time."""

    status: int = 200
    data: Any = None
    failure: Literal["", "timeout"] = ""


@dataclass(frozen=True, slots=True)
class Server:
    """``method`` in capitals, ``url`` with ``*`` for anything, and its answers in turn: the last one stays."""

    method: str
    url: str
    answers: tuple[Answer, ...]
    mark: Mark = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Stub:
    """A function that does not run: what it returns, or that it raises."""

    name: str
    result: Any = None
    fails: bool = False
    mark: Mark = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One play. ``now`` is in Unix seconds; ``servers`` are its own first, then those of its file.

    ``random`` names the outcome that a `random` state draws, by state; ``contact`` what is known before, as text, lists
    and mappings; ``env`` the names of `env.` and `secret.` (every other one is "test").
    """

    name: str
    mark: Mark
    file: str
    flow: str
    now: float = NOW
    steps: tuple[Step, ...] = ()
    servers: tuple[Server, ...] = ()
    functions: Mapping[str, Stub] = field(default_factory=dict)
    random: Mapping[str, str] = field(default_factory=dict)
    contact: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    about: str = ""


@dataclass(slots=True)
class Suite:
    """One file: its scenarios that could be read, and what is wrong with it.

    ``now`` and ``servers`` are what the file says for all of them; ``flow_mark`` is where the flow is named.
    """

    file: str
    flow: str
    scenarios: tuple[Scenario, ...]
    document: Document
    problems: list[Problem] = field(default_factory=list)
    now: float = NOW
    servers: tuple[Server, ...] = ()
    flow_mark: Mark = NOWHERE

    def sound(self) -> tuple[Scenario, ...]:
        """The scenarios that have no problem themselves; none where one touches the whole file."""
        told = {self._holder(each.mark) for each in self.problems}
        return () if None in told else tuple(each for each in self.scenarios if each.name not in told)

    def _holder(self, mark: Mark) -> str | None:
        """The scenario in whose lines this stands."""
        root = self.document.root
        listed = root.entries.get("scenarios") if root is not None else None
        if root is None or not isinstance(listed, Map):
            return None
        above = [(key.mark, None) for key in root.keys.values() if key.mark <= mark]
        within = [(key.mark, name) for name, key in listed.keys.items() if key.mark <= mark]
        return max([*above, *within], key=lambda each: each[0], default=(mark, None))[1]
