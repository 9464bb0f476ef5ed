"""
A variable of a type (or with `one_of`) is set from something that may not be of it. Where that happens its default is
kept; without a default the turn would break and the caller hear the apology.

```yaml wrong
flow: wrong
channel: voice
variables: { seats: { type: number } }
start: take
states:
  take: { set: { seats: "{{ call.custom }}" }, next: tell }
  tell: { say: "{{ seats }} seats.", next: end }
```
```yaml right
flow: right
channel: voice
variables: { seats: { type: number, default: 1 } }
start: take
states:
  take: { set: { seats: "{{ call.custom }}" }, next: tell }
  tell: { say: "{{ seats }} seats.", next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flowengine.checks.base import View, problem
from flowengine.checks.facts import type_of
from flowengine.checks.lookup import apology
from flowengine.expressions import Text
from flowengine.model import VARIABLE_TYPES, Instruction, Source, State, Variable
from flowengine.problems import Mark, Problem
from flowengine.values import BadValue, coerce

SEVERITY = "error"


def check(view: View) -> Iterator[Problem]:
    names = view.flow.names()
    seen: set[int] = set()
    for written in view.written:
        instruction = written.instruction
        if instruction is not None and instruction.name == "set" and id(instruction) not in seen:
            seen.add(id(instruction))
            yield from _of_set(view, names, instruction, written.state)
    for state in view.flow.states.values():
        callee = view.book.flows.get(state.config.get("flow", "")) if state.kind in ("subflow", "call") else None
        inputs = callee.inputs if callee is not None else {}
        for name, source in (state.config.get("with") or {}).items() if inputs else ():
            if name in inputs:
                yield from _one(view, inputs[name], source, state.name)
        yield from _into(view, names, state.name)


def _of_set(view: View, names: Mapping[str, Variable], instruction: Instruction, state: str) -> Iterator[Problem]:
    for name, source in instruction.value.items():
        variable = names.get(name) or view.flow.contact_fields().get(name.removeprefix("contact."))
        if variable is not None:
            yield from _one(view, variable, source, state)


def _one(view: View, variable: Variable, source: Source, state: str) -> Iterator[Problem]:
    if variable.type not in VARIABLE_TYPES:  # it could not be read, which was told
        return
    if not source.dynamic:
        if not _fits(variable, source.text):
            message = f'"{source.text}" is not {_wanted(variable)}, which {variable.name} is'
            yield problem(view, "set-type", source.mark, message, fix=f"write {_wanted(variable)}", state=state)
        return
    if variable.has_default or _always(view, variable, source):
        return
    yield _unsure(view, variable, source.mark, state)


def _unsure(view: View, variable: Variable, mark: Mark, state: str) -> Problem:
    message = f"{variable.name} is {_wanted(variable)} without a default, and what is kept here may be something else"
    note = f"then the turn breaks: {apology(view)}"
    return problem(view, "set-type", mark, message, notes=(note,), fix="give the variable a default", state=state)


def _fits(variable: Variable, text: str) -> bool:
    try:
        value = coerce(variable.type, text)
    except BadValue:
        return False
    return not variable.one_of or value in variable.one_of


def _wanted(variable: Variable) -> str:
    return f"one of {', '.join(variable.one_of)}" if variable.one_of else f"a {variable.type}"


def _always(view: View, variable: Variable, source: Source) -> bool:
    """Whether what the text gives is surely of the variable's type."""
    if variable.one_of:
        return False
    if variable.type == "text":
        return True
    text = view.expression(source)
    if not isinstance(text, Text):
        return True  # the rule expression tells
    if text.whole and text.operations and variable.type == "number":
        return True
    if not text.whole or len(text.names) != 1 or source.text.strip("{} \n") != text.names[0].dotted:
        return text.whole and not text.names
    given = type_of(view, text.names[0].path)
    return given == variable.type or (variable.type == "time" and text.names[0].root in ("now", "today"))


_ANSWERS = {
    "any": {"text"},
    "matches": {"text"},
    "number": {"text", "number"},
    "date": {"text", "time"},
    "media": {"text"},
    "location": {"text", "record"},
}


def _answers(state: State) -> set[str]:
    """The types that every answer of an ask is of; a list's elements are as the list has them."""
    config = state.config
    if config.get("each"):
        return set(VARIABLE_TYPES)
    found = [_ANSWERS[each.kind] for each in config["expect"] or ()]
    found += [{"text"}] if config["choices"] else []
    return set.intersection(*found) if found else {"text"}


def _into(view: View, names: Mapping[str, Variable], name: str) -> Iterator[Problem]:
    state = view.flow.states[name]
    variable = names.get(state.config.get("into") or "")
    if variable is None or variable.has_default or not state.kind:
        return
    if state.kind == "collect":
        long = variable.type == "number" and state.config["digits"][1] > 15
        fine = variable.type in ("text", "digits") or (variable.type == "number" and not long)
    elif state.kind == "ask":
        fine = variable.type in _answers(state)
    else:
        fine = variable.type == "text"
    if not fine or (variable.one_of and state.kind == "collect"):
        yield _unsure(view, variable, state.kind_mark, name)
