"""What stands in for what the journal hides: fictional numbers for hashes, digits and answers that fit for ``****``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import orjson

from flowengine.linking import Program
from flowengine.patterns import compile_pattern

HASH = re.compile(r"~[0-9a-f]{24}")
"""What stands in the journal for a number."""
HIDDEN = "****"
Form = Literal["+", "", "int"]
"""How a number was written: with its plus, as digits alone, or as a number of JSON."""
FORMS: tuple[Form, ...] = ("+", "", "int")
LEAST = 7
"""Digits of the shortest number that is hashed."""
MOST_DIGITS = 15
CONSENT = {"opt_out": "STOP", "opt_in": "START", "help": "HELP"}
_WRITTEN = re.compile(r"\+?[0-9]{7,15}")
_AREAS = (202, 212, 303, 312, 404, 415, 503, 512, 602, 617, 702, 713, 808, 917)
_FIRST = 42


class StandIns:
    """Fictional numbers, one for each hash. ``known`` are the hashes of numbers that the flows themselves name."""

    def __init__(self, known: Mapping[str, str] | None = None) -> None:
        self.known = dict(known or {})
        self._taken = {each.removeprefix("+") for each in self.known.values()}
        self._given: dict[str, str] = {}
        self._made: set[str] = set()
        self._numbers = _numbers()

    def number(self, told: str) -> str:
        """The number that stands for a hash, with its plus."""
        if told in self.known:
            return self.known[told]
        if told not in self._given:
            self._given[told] = next(each for each in self._numbers if each.removeprefix("+") not in self._taken)
        return self._given[told]

    def assign(self, told: str, digits: str) -> None:
        """From now on these digits stand for the hash."""
        self._given[told] = digits

    def made(self, text: str) -> None:
        """This was given in place of something hidden."""
        self._made.add(text)

    def filled(self, value: Any, form: Form = "+") -> Any:
        """Any JSON with its hashes filled in."""
        if isinstance(value, str):
            return self._text(value, form)
        if isinstance(value, Mapping):
            return {self._text(key, form): self.filled(each, form) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.filled(each, form) for each in value]
        return value

    def _text(self, text: str, form: Form) -> Any:
        if "~" not in text:
            return text
        if form == "int" and HASH.fullmatch(text):
            return int(self.number(text))
        plus = "" if form else "+"
        return HASH.sub(lambda match: self.number(match[0]).removeprefix(plus), text)

    def holds(self, value: Any) -> bool:
        """Whether something made up, or hidden, is in a value."""
        if isinstance(value, Mapping | list | tuple):
            return any(map(self.holds, value.values() if isinstance(value, Mapping) else value))
        text = str(value)
        return (
            text in self._made or HIDDEN in text or any(each.removeprefix("+") in text for each in self._given.values())
        )


def _numbers() -> Iterable[str]:
    """Fictional numbers, each once."""
    return (f"+1{area}55501{(_FIRST + at) % 100:02}" for area in _AREAS for at in range(100))


def named(images: Iterable[Mapping[str, Any]], digest: Callable[[str], str]) -> dict[str, str]:
    """The numbers that flows name themselves, by their hash."""
    found: dict[str, str] = {}
    for image in images:
        for number in _WRITTEN.findall(orjson.dumps(image).decode()):
            digits = number.removeprefix("+")
            found.setdefault(f"~{digest(digits)}", f"+{digits}")
    return found


def hashes(value: Any) -> bool:
    """Whether a hash is anywhere in a value."""
    return HASH.search(orjson.dumps(value).decode()) is not None


# --- what a person may have given ----------------------------------------------------------------------------


def digits(op: Mapping[str, Any], fit: bool, least: int = 1) -> list[str]:
    """Digits that a collect takes, or does not, the likeliest first; ``least``: they were at least so many."""
    low, high = op["digits"]
    lengths = list(range(max(low, least), min(high, MOST_DIGITS if least >= LEAST else high) + 1))
    pattern = op.get("matches", "")
    if not fit:
        short = ["4" * (low - 1)] if low > 1 else []
        return [*short, *(each for each in map(_run, lengths) if pattern and not _matches(pattern, each)), "*"]
    plain = [each for size in lengths for each in (_run(size), "1" * size, "0" * size)]
    if not pattern:
        return plain[::3]
    return [each for each in plain if _matches(pattern, each)] or _simplest(low, high, pattern)


def _run(length: int) -> str:
    return ("4821093576" * 2)[:length]


def _matches(pattern: str, text: str) -> bool:
    return bool(compile_pattern(pattern).matches(text))


def _simplest(low: int, high: int, pattern: str) -> list[str]:
    from flowengine.exploring.samples import digits as samples

    return samples(low, high, pattern)


def answers(program: Program, state: str, event: str, marks: Mapping[str, str]) -> list[str]:
    """Texts that may have been written at a state, so that it came to this event, the likeliest first.

    One of them is ``****`` itself: where a text is only handed on, it stands for anything there too.
    """
    if event in CONSENT:
        return [CONSENT[event]]
    node = program.states.get(state)
    if node is None or node.waits_as != "ask":
        return [HIDDEN, "Hello", "1"]
    chosen = [each for each in node.op["choices"] if each["value"] == event]
    words = [word for each in chosen for word in _words(each, marks)]
    others = [word for each in node.op["choices"] for word in _words(each, marks)[:1]]
    if event in ("invalidinput", "repeated"):
        return [HIDDEN, "qqqqqq", "0", "99999999999", *others, *marks.values()]
    free = [text for each in node.op["expect"] for text in _expected(each)]
    return [*words, *free, *others, HIDDEN, "Hello", "1"]


def _words(choice: Mapping[str, Any], marks: Mapping[str, str]) -> list[str]:
    label = choice.get("label")
    labels = [each for each in getattr(label, "texts", {}).values() if isinstance(each, str)]
    mark = marks.get(choice["value"])
    return [*labels, *(choice.get("words") or ()), *([mark] if mark else []), *(choice.get("has") or ())]


def _expected(expect: Mapping[str, Any]) -> list[str]:
    kind = expect["kind"]
    if kind == "number":
        return [f"{expect.get('low') or 1:g}"]
    if kind == "date":
        return ["tomorrow"]
    if kind == "matches":
        from flowengine.exploring.samples import matching

        return matching(expect["pattern"])
    return [HIDDEN, "Some words."]
