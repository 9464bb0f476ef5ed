"""Values to try: of each type, around whatever a condition compares with, and text that a pattern takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson

from flowengine.exploring.drawing import drawing
from flowengine.expressions import Comparison
from flowengine.model import Variable
from flowengine.patterns import compile_pattern
from flowengine.scenarios.model import NOW
from flowengine.values import BadValue, coerce

PHONE = "+12025550151"
TEXT = "something"
SOON = datetime.fromtimestamp(NOW, UTC) + timedelta(days=2, hours=5)
"""A time that lies before whoever is played."""
LONGEST = 40
_ORDINARY: dict[str, tuple[Any, ...]] = {
    "text": (TEXT,),
    "digits": ("1234",),
    "number": (3,),
    "phone": (PHONE,),
    "boolean": (True, False),
    "time": (SOON.isoformat(),),
    "record": ({},),
}
_CALLED = {
    "name": "Ann",
    "time": SOON.isoformat(),
    "date": SOON.date().isoformat(),
    "day": SOON.date().isoformat(),
    "number": PHONE,
    "phone": PHONE,
    "email": "ann@example.com",
    "url": "https://example.com/1",
}
_NUMERIC = ("<", "<=", ">", ">=")


def unique(values: Iterable[Any]) -> list[Any]:
    """Each value once, in order; ``1`` and ``true`` are two."""
    return list({orjson.dumps(each, default=str): each for each in values}.values())


def called(name: str) -> str:
    """What something of that name probably is."""
    return _CALLED.get(name.rpartition(".")[2].rpartition("_")[2], TEXT)


def around(comparisons: Iterable[Comparison]) -> list[Any]:
    """The constants that a value is compared with, and their neighbours."""
    found: list[Any] = []
    for each in comparisons:
        constant = each.constant
        if each.op in ("in", "not in"):
            found += constant if isinstance(constant, list | tuple) else [constant]
        elif each.op == "matching":
            found += matching(str(constant))
        elif isinstance(constant, int | float) and not isinstance(constant, bool):
            found += [constant - 1, constant, constant + 1] if each.op in _NUMERIC else [constant, constant + 1]
        else:
            found.append(constant)
    return unique(found)


def values(variable: Variable | None, comparisons: Iterable[Comparison], name: str = "") -> list[Any]:
    """Values to try, an ordinary one first; without a variable the comparisons alone tell the type."""
    near = around(comparisons)
    if variable is None:
        numeric = bool(near) and all(isinstance(each, int | float) for each in near)
        return unique([*([] if numeric else [called(name)]), *near])
    if variable.one_of:
        return list(variable.one_of)
    if variable.type == "list":
        return [[], [TEXT]]
    first = [called(name)] if variable.type == "text" else list(_ORDINARY[variable.type])
    return unique(each for each in (*first, *near) if _fits(variable, each))


def _fits(variable: Variable, value: Any) -> bool:
    try:
        coerce(variable.type, value)
    except BadValue:
        return False
    return True


def matching(pattern: str) -> list[str]:
    """The simplest text that an RE2 pattern takes; nothing where none is found."""
    return list(_simplest(pattern, 1, LONGEST, ""))


def digits(low: int, high: int, pattern: str = "") -> list[str]:
    """Digits of a fitting number: some that a pattern takes."""
    if not pattern:
        return [_run(low), *([_run(high)] if high > low else [])]
    plain = [each for each in (_run(low), _run(high), "1" * low, "0" * low) if compile_pattern(pattern).matches(each)]
    return plain[:1] or list(_simplest(pattern, low, high, "0123456789*"))


def _run(length: int) -> str:
    return ("1234567890" * 2)[:length]


@lru_cache(maxsize=512)
def _simplest(pattern: str, low: int, high: int, alphabet: str) -> Sequence[str]:
    from hypothesis import HealthCheck, Phase, find, settings
    from hypothesis import strategies as st
    from hypothesis.errors import HypothesisException

    compiled = compile_pattern(pattern)
    letters = st.characters(codec="ascii", categories=("L", "N", "P", "S", "Zs"))

    def fits(text: str) -> bool:
        return low <= len(text) <= high and _plain(text, alphabet) and compiled.matches(text)

    quickly = settings(
        max_examples=200,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    try:
        with drawing():
            return (find(st.from_regex(pattern, fullmatch=True, alphabet=letters), fits, settings=quickly),)
    except (HypothesisException, re.error, ValueError, RecursionError):  # RE2 knows more than Python does
        return ()


def _plain(text: str, alphabet: str) -> bool:
    if alphabet:
        return all(each in alphabet for each in text)
    return text.isprintable() and text == text.strip()
