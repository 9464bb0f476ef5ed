"""
A `function` state names a function that the `functions.py` beside the flows does not offer with `@function`: the
state always ends in `error`.

```yaml wrong
flow: wrong
channel: voice
start: price
variables: { total: { type: number, default: 0 } }
states:
  price:
    function: { name: prise, with: { seats: "2" }, save: { total: "{{ result }}" } }
    on: { ok: tell, error: sorry }
  tell: { say: "That is {{ total }} crowns.", next: end }
  sorry: { say: We cannot tell., next: end }
```
```python wrong functions
from flowengine.functions import function

@function
def price(seats: str) -> int:
    return 150 * int(seats)
```
```yaml right
flow: right
channel: voice
start: price
variables: { total: { type: number, default: 0 } }
states:
  price:
    function: { name: price, with: { seats: "2" }, save: { total: "{{ result }}" } }
    on: { ok: tell, error: sorry }
  tell: { say: "That is {{ total }} crowns.", next: end }
  sorry: { say: We cannot tell., next: end }
```
```python right functions
from flowengine.functions import function

@function
def price(seats: str) -> int:
    return 150 * int(seats)
```
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.places import setting
from flowengine.problems import Problem, did_you_mean

SEVERITY = "error"


def check(view: View) -> Iterator[Problem]:
    known = offered(view)
    if known is None:
        return
    for state in view.flow.states.values():
        name = state.config.get("name") if state.kind == "function" else None
        if name and name not in known:
            hint = did_you_mean(name, known)
            fix = "" if hint else f"write @function before def {name}(…) in functions.py"
            where = setting(view, state, "function|name", name)
            message = f'functions.py offers no "{name}"{hint}'
            notes = ["the state would always end in error"]
            yield problem(view, "unknown-function", where, message, notes=notes, fix=fix, state=state.name)


def offered(view: View) -> set[str] | None:
    """The functions the flow may call: ``functions`` of the view's or the book's cache, None when nobody put it there.

    A cache may hold the names, or the text of ``functions.py``.
    """
    for cache in (view.cache, view.book.cache):
        held = cache.get("functions")
        if held is not None:
            return names(held) if isinstance(held, str) else set(held)
    return None


def names(text: str) -> set[str] | None:
    """The functions that a module's text marks with ``@function``, without running it; None if it cannot be read."""
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    return {
        node.name
        for node in module.body
        if isinstance(node, ast.FunctionDef) and any(_is_mark(each) for each in node.decorator_list)
    }


def _is_mark(decorator: ast.expr) -> bool:
    if isinstance(decorator, ast.Attribute):
        return decorator.attr == "function"
    return isinstance(decorator, ast.Name) and decorator.id == "function"
