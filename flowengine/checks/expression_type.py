"""
An operation on values of the wrong kind: digits, text and phone numbers have no order and cannot be calculated
with, and a value outside `one_of` is never met. `"10" < "9"` is true of texts, so a caller would take the wrong
branch in silence.

```yaml wrong
flow: wrong
channel: voice
start: ask
variables: { seats: { type: digits } }
states:
  ask:
    collect: { prompt: How many seats?, digits: 1..2, into: seats }
    on:
      digits: [ { when: seats > 8, to: many }, { else: few } ]
      else: few
  many: { say: That is a large party., next: end }
  few: { say: Thank you., next: end }
```
```yaml right
flow: right
channel: voice
start: ask
variables: { seats: { type: number } }
states:
  ask:
    collect: { prompt: How many seats?, digits: 1..2, into: seats }
    on:
      digits: [ { when: seats > 8, to: many }, { else: few } ]
      else: few
  many: { say: That is a large party., next: end }
  few: { say: Thank you., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowengine.checks.base import View, Written, problem
from flowengine.checks.facts import type_of
from flowengine.checks.places import inside
from flowengine.checks.texts import texts
from flowengine.grammar import Comparison, Operand, Operation
from flowengine.problems import Problem, did_you_mean, listed

SEVERITY = "error"
_WORDS = frozenset({"text", "digits", "phone", "time"})
_ORDERED = frozenset({"number", "time", "any"})
_UNKNOWN = ""


def check(view: View) -> Iterator[Problem]:
    for written, expression in texts(view):
        for operation in expression.operations:
            told = _operation(view, operation)
            if told:
                yield _problem(view, written, operation, *told)
        for comparison in expression.comparisons:
            told = _comparison(view, comparison)
            if told:
                yield _problem(view, written, comparison, *told)


def _problem(
    view: View, written: Written, what: Operation | Comparison, message: str, fix: str, note: str = ""
) -> Problem:
    where = inside(view, written.source, what.offset, what.length)
    notes = [note] if note else []
    return problem(view, "expression-type", where, message, fix=fix, notes=notes, state=written.state)


def _operation(view: View, operation: Operation) -> tuple[str, ...] | None:
    sides = [each.possible(lambda path: type_of(view, path)) for each in operation.operands]
    if any(_UNKNOWN in side for side in sides):
        return None
    if operation.op in ("<", "<=", ">", ">="):
        return _ordering(operation, sides)
    if operation.op == "+":
        return _sum(operation, sides)
    for operand, side in zip(operation.operands, sides, strict=True):
        if side != {"number"}:
            message = f'"{operation.op}" needs numbers, but {_named(operand, side)}'
            return message, "keep the value in a variable of type number first"
    return None


def _ordering(operation: Operation, sides: list[frozenset[str]]) -> tuple[str, ...] | None:
    timed = any(side == {"time"} for side in sides)
    for operand, side in zip(operation.operands, sides, strict=True):
        wrong = side - _ORDERED - ({"text"} if timed else frozenset())
        if wrong:
            message = f'"{operation.op}" cannot compare {_named(operand, wrong, "that is")}'
            fix = "use == or in or is matching, or declare it as a number"
            return message, fix, 'as texts "10" comes before "9"'
    if "number" in sides[0] ^ sides[1] and not (sides[0] | sides[1]) & {"any"}:
        return f'"{operation.op}" cannot compare a number with a time', "compare two of a kind"
    return None


def _sum(operation: Operation, sides: list[frozenset[str]]) -> tuple[str, ...] | None:
    if any("any" in side for side in sides):
        return None
    if all(side == {"number"} for side in sides) or all(side <= _WORDS for side in sides):
        return None
    if not any(side == {"number"} or side <= _WORDS for side in sides):
        return '"+" adds two numbers or two texts', "write the values one after the other: {{ a }}{{ b }}"
    shown = " and ".join(listed(sorted(side)) for side in sides)
    return f'"+" cannot add {shown}', "write the values one after the other: {{ a }}{{ b }}"


def _named(operand: Operand, types: frozenset[str], verb: str = "is") -> str:
    kinds = listed(sorted("of unknown type" if each == "any" else each for each in types))
    names = sorted(".".join(path) for path in operand.paths)
    return f"{listed(names)} {verb} {kinds}" if names else f"a value {verb} {kinds}"


def _comparison(view: View, comparison: Comparison) -> tuple[str, ...] | None:
    if comparison.op not in ("==", "!=", "in", "not in"):
        return None
    many = isinstance(comparison.constant, list)
    if many != (comparison.op in ("in", "not in")):
        return None
    for constant in comparison.constant if many else [comparison.constant]:
        told = _never(view, comparison, constant)
        if told:
            return told
    return None


def _never(view: View, comparison: Comparison, constant: Any) -> tuple[str, ...] | None:
    """Why a path never equals a constant."""
    name = ".".join(comparison.path)
    kind = type_of(view, comparison.path)
    shown = f'"{constant}"' if isinstance(constant, str) else str(constant).lower()
    if not _same_kind(kind, constant):
        fix = f'write "{constant}" in quotes' if kind in _WORDS else f"compare it with a {kind}"
        return f"{name} is {kind} and never equals {shown}", fix
    variable = view.flow.names().get(name) if len(comparison.path) == 1 else None
    if variable is None or not variable.one_of or str(constant) in variable.one_of:
        return None
    hint = did_you_mean(str(constant), variable.one_of)
    return f"{name} is never {shown}{hint}", f"its one_of has {listed(variable.one_of, 'and')}"


def _same_kind(kind: str, constant: Any) -> bool:
    if kind in ("", "any") or constant is None:
        return True
    if isinstance(constant, bool):
        return kind == "boolean"
    if isinstance(constant, int | float):
        return kind == "number"
    return kind in _WORDS
