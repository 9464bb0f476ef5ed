"""
A `svaml` state that the platform would refuse: a list that is empty, a field that another one needs, a `menu(x)`
without such a menu, one key twice. Templates are taken to render something legal.

```yaml wrong
flow: wrong
channel: voice
start: ask
states:
  ask:
    svaml:
      action:
        name: runMenu
        menus:
          - { id: main, mainPrompt: "#tts[Press 1.]", options: [ { dtmf: 1, action: menu(more) } ] }
    on: { timeout: end, invalidinput: end }
```
```yaml right
flow: right
channel: voice
start: ask
states:
  ask:
    svaml:
      action:
        name: runMenu
        menus:
          - { id: main, mainPrompt: "#tts[Press 1.]", options: [ { dtmf: 1, action: menu(more) } ] }
          - { id: more, mainPrompt: "#tts[Enter two digits.]", maxDigits: 2 }
    on: { digits: end, timeout: end, invalidinput: end }
```
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from flowengine.checks.base import View, problem
from flowengine.model import NOWHERE, Source, State
from flowengine.problems import Mark, Problem, did_you_mean
from flowengine.svaml import ACTIONS, INSTRUCTIONS, FieldSpec, schema

SEVERITY = "error"
CHANNELS = ("voice",)
_STAND_INS = ("x", "1", "+12025550100", "x@example.com", "wss://example.com", "return(x)", "en-US", "s3://x/x")
_JUMP = re.compile(r"menu\((.*)\)")


def check(view: View) -> Iterator[Problem]:
    for state in view.flow.states.values():
        if state.kind == "svaml":
            action = state.config["action"]
            yield from _refused(view, state, action, ACTIONS[action["name"]].fields)
            for each in state.config["instructions"] or ():
                yield from _refused(view, state, each, INSTRUCTIONS[each["name"]].fields)
            yield from _menus(view, state, action.get("menus") or ())


def _refused(view: View, state: State, value: Mapping[str, Any], specs: tuple[FieldSpec, ...]) -> Iterator[Problem]:
    name = value["name"]
    for error in _validator(name).iter_errors({"name": name, **_filled(value, specs)}):
        path = [*error.absolute_path]
        where = ".".join([name, *(str(each) for each in path)])
        mark = _mark(value, path) or state.kind_mark
        message = f"{where} is not what the platform takes: {error.message[:120]}"
        yield problem(view, "raw-svaml", mark, message, state=state.name)


@cache
def _validator(name: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema()["$defs"][name])


def _filled(value: Mapping[str, Any], specs: tuple[FieldSpec, ...]) -> dict[str, Any]:
    by_name = {spec.name: spec for spec in specs}
    return {key: _field(each, by_name[key]) for key, each in value.items() if key in by_name}


def _field(value: Any, spec: FieldSpec) -> Any:
    if isinstance(value, Source):
        return _text(value, spec)
    if isinstance(value, Mapping):
        return _filled(value, spec.fields)
    if isinstance(value, tuple):
        return [_field(each, spec.item) if spec.item else _filled(each, spec.fields) for each in value]
    return value


def _text(source: Source, spec: FieldSpec) -> Any:
    if not source.dynamic:
        return source.text
    if spec.type == "prompts":
        return "#tts[x]" if "#" in source.text else "x.wav"
    if spec.one_of:
        return spec.one_of[0]
    fitting = [each for each in _STAND_INS if not spec.pattern or re.search(spec.pattern, each)]
    return fitting[0] if fitting else source.text


def _mark(value: Any, path: list[Any]) -> Mark | None:
    """The text nearest to a place in the data."""
    found = _first(value)
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            break
        found = _first(value) or found
    return found


def _first(value: Any) -> Mark | None:
    if isinstance(value, Source):
        return value.mark if value.mark != NOWHERE else None
    children = value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple) else ()
    return next((mark for each in children if (mark := _first(each))), None)


def _menus(view: View, state: State, menus: tuple[Mapping[str, Any], ...]) -> Iterator[Problem]:
    ids: set[str] = set()
    for menu in menus:
        source = menu.get("id")
        if isinstance(source, Source) and not source.dynamic:
            if source.text in ids:
                message = f'two menus have the id "{source.text}"'
                yield problem(view, "raw-svaml", source.mark, message, fix="rename one", state=state.name)
            ids.add(source.text)
    for menu in menus:
        yield from _options(view, state, menu.get("options") or (), ids)


def _options(view: View, state: State, options: tuple[Mapping[str, Any], ...], ids: set[str]) -> Iterator[Problem]:
    keys: set[str] = set()
    for option in options:
        key, action = option.get("dtmf"), option.get("action")
        if isinstance(key, Source) and not key.dynamic:
            if key.text in keys:
                message = f"key {key.text} is there twice"
                yield problem(view, "raw-svaml", key.mark, message, fix="give each its own key", state=state.name)
            keys.add(key.text)
        jump = _JUMP.fullmatch(action.text) if isinstance(action, Source) and not action.dynamic else None
        if jump and isinstance(action, Source) and jump[1] not in ids:
            message = f'there is no menu "{jump[1]}" to go to{did_you_mean(jump[1], ids)}'
            yield problem(view, "raw-svaml", action.mark, message, fix="add a menu of that id", state=state.name)
