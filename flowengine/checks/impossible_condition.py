"""
A condition that cannot be true where it stands: the same one twice, one that an earlier branch has already taken,
or anything after a branch that is always taken. The state it leads to is never heard from here.

```yaml wrong
flow: wrong
channel: voice
start: by_tier
variables: { tier: { type: text, default: unknown } }
states:
  by_tier:
    route:
      - { when: tier == "gold", to: gold }
      - { when: tier != "gold", to: others }
      - { else: nobody }
  gold: { say: Welcome back., next: end }
  others: { say: Welcome., next: end }
  nobody: { say: Goodbye., next: end }
```
```yaml right
flow: right
channel: voice
start: by_tier
variables: { tier: { type: text, default: unknown } }
states:
  by_tier:
    route:
      - { when: tier == "gold", to: gold }
      - { else: others }
  gold: { say: Welcome back., next: end }
  others: { say: Welcome., next: end }
```
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from flowengine.checks.base import View, problem
from flowengine.expressions import EvaluationFailed, Guard
from flowengine.grammar import Comparison
from flowengine.model import Branch
from flowengine.problems import Problem, Severity

SEVERITY: Severity = "warning"
_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "in": "not in", "not in": "in"}
_TESTS: dict[str, Callable[[Any, Any], Any]] = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}


def check(view: View) -> Iterator[Problem]:
    for state, branches in _lists(view):
        yield from _list(view, state, branches)


def _lists(view: View) -> Iterator[tuple[str, tuple[Branch, ...]]]:
    for handler in view.flow.on.values():
        yield "", handler.branches
    for state in view.flow.states.values():
        for handler in state.on.values():
            yield state.name, handler.branches
        if state.kind == "route":
            yield state.name, state.config["branches"] or ()


def _list(view: View, state: str, branches: tuple[Branch, ...]) -> Iterator[Problem]:
    before: list[tuple[str, Comparison | None]] = []
    for index, branch in enumerate(branches):
        if branch.when is None:
            continue
        guard = view.expression(branch.when)
        if not isinstance(guard, Guard):
            return
        text, alone = " ".join(branch.when.text.split()), _alone(guard)
        told = _impossible(guard, text, alone, before)
        if told:
            yield problem(
                view, "impossible-condition", branch.when.mark, told, severity=SEVERITY, fix="delete it", state=state
            )
        elif _always(guard, text, alone, before):
            yield from _after(view, state, branches[index + 1 :])
            return
        before.append((text, alone))


def _after(view: View, state: str, rest: tuple[Branch, ...]) -> Iterator[Problem]:
    """A branch that is always taken is followed by something; an ``else`` must be there, but not lead elsewhere."""
    if rest:
        message = f'nothing is left for this branch to "{rest[0].to}": those before it take every case'
        fix = "make the last condition the else"
        yield problem(view, "impossible-condition", rest[0].mark, message, severity=SEVERITY, fix=fix, state=state)


def _alone(guard: Guard) -> Comparison | None:
    """The comparison, where the condition is nothing else."""
    if len(guard.comparisons) != 1 or len(guard.names) != 1:
        return None
    only = guard.comparisons[0]
    return only if only.length >= len(guard.source.strip()) else None


def _impossible(guard: Guard, text: str, alone: Comparison | None, before: list[Any]) -> str:
    if any(text == other for other, _ in before):
        return f'"{text}" stands above already'
    if _fixed(guard) is False:
        return f'"{text}" is never true'
    for other, earlier in before:
        if alone and earlier and _implies(alone, earlier):
            return f'"{text}" is never reached: "{other}" above takes every such case'
    return ""


def _always(guard: Guard, text: str, alone: Comparison | None, before: list[Any]) -> bool:
    if _fixed(guard):
        return True
    for other, earlier in before:
        if text in (f"not {other}", f"not ({other})") or other in (f"not {text}", f"not ({text})"):
            return True
        if alone and earlier and _opposite(alone, earlier):
            return True
    return False


def _opposite(one: Comparison, other: Comparison) -> bool:
    same = one.path == other.path and one.constant == other.constant
    return same and type(one.constant) is type(other.constant) and one.op == _OPPOSITE.get(other.op)


def _fixed(guard: Guard) -> bool | None:
    """What a condition without names always is."""
    if guard.names:
        return None
    try:
        return guard.test({})
    except EvaluationFailed:
        return None


def _implies(later: Comparison, earlier: Comparison) -> bool:
    """Whether the earlier condition is true wherever the later one is."""
    if later.path != earlier.path:
        return False
    if later.op == "==":
        return _holds(earlier, later.constant)
    if later.op == "in":
        return all(_holds(earlier, each) for each in later.constant)
    same_side = later.op[0] == earlier.op[0] and later.op[0] in "<>"
    if not same_side or not (_is_number(later.constant) and _is_number(earlier.constant)):
        return False
    if later.constant == earlier.constant:
        return len(earlier.op) >= len(later.op)
    return bool(_TESTS[earlier.op[0]](later.constant, earlier.constant))


def _holds(comparison: Comparison, value: Any) -> bool:
    constant = comparison.constant
    if comparison.op in ("in", "not in"):
        return isinstance(constant, list) and (value in constant) == (comparison.op == "in")
    if comparison.op not in _TESTS or type(constant) is not type(value):
        return False
    return bool(_TESTS[comparison.op](value, constant))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
