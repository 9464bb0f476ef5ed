"""Regular expressions of flows: RE2, which takes linear time whatever a caller keys in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

LONGEST = 1_000
_PLACED_AT_END = ("missing )", "missing ]", "trailing \\", "unexpected )")


class BadPattern(ValueError):
    """A pattern that RE2 refuses. ``column`` counts from 1 in the pattern."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.message = message
        self.column = column


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that text must match as a whole."""

    source: str
    compiled: Any

    def matches(self, text: str) -> bool:
        """Whether all of ``text`` matches; text that is not Unicode (a lone surrogate) never does."""
        try:
            return self.compiled.fullmatch(text) is not None
        except UnicodeEncodeError:
            return False


@lru_cache(maxsize=4096)
def compile_pattern(source: str) -> Pattern:
    """The pattern of ``source``. Raises :class:`BadPattern`."""
    if len(source) > LONGEST:
        raise BadPattern(f"longer than {LONGEST:,} characters", LONGEST + 1)
    if "\\C" in source.replace("\\\\", "__"):
        raise BadPattern('invalid escape sequence: "\\C"', source.find("\\C") + 1)
    try:
        return Pattern(source, re2.compile(source, _options()))
    except re2.error as error:
        raise _bad(source, error) from None
    except UnicodeEncodeError as error:
        raise BadPattern("a character that is not Unicode text", error.start + 1) from None


def _options() -> Any:
    options = re2.Options()
    options.log_errors = False
    return options


def _bad(source: str, error: Exception) -> BadPattern:
    """RE2 names the fragment it stumbled over, not where that stands."""
    told = error.args[0] if error.args else "not a regular expression"
    text = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
    what, _, fragment = text.partition(": ")
    if what.startswith(_PLACED_AT_END):
        return BadPattern(what, _last(source, what))
    return BadPattern(f'{what}: "{fragment}"' if fragment else what, max(source.find(fragment), 0) + 1)


def _last(source: str, what: str) -> int:
    wanted = {"missing )": "(", "missing ]": "[", "unexpected )": ")"}.get(what, "\\")
    return max(source.rfind(wanted), 0) + 1
