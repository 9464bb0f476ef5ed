"""What is wrong with a flow: one flat record per problem, and where it stands.

Problems are data. An exception means that the tool itself failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A stretch of one line of a file: ``line`` and ``column`` count from 1, ``length`` in characters."""

    file: str
    line: int = 1
    column: int = 1
    length: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: ``rule`` names the check, ``notes`` say what the caller would hear, ``fix`` the mend."""

    rule: str
    mark: Mark
    message: str
    severity: Severity = "error"
    notes: tuple[str, ...] = ()
    fix: str = ""
    flow: str = ""
    state: str = ""
    outcome: str = ""

    @property
    def key(self) -> tuple[Mark, str, str]:
        return (self.mark, self.rule, self.message)


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """The problems by place, each told once."""
    return list({problem.key: problem for problem in sorted(problems, key=lambda each: each.key)}.values())


def errors(problems: Iterable[Problem]) -> list[Problem]:
    return [problem for problem in problems if problem.severity == "error"]


def closest(word: str, known: Iterable[str], alike: float = 0.6) -> str:
    """The known word that is most like this one, whatever its case, or nothing."""
    names = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), list(names), n=1, cutoff=alike)
    return names[close[0]] if close else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean "x"?`` for the closest known word, or nothing."""
    close = closest(word, known)
    return f'; did you mean "{close}"?' if close else ""


def listed(words: Sequence[str], last: str = "or") -> str:
    """``a, b or c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"
