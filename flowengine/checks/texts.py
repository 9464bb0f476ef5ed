"""The texts of a flow as rules about words and names read them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from flowengine.checks.base import View, Written
from flowengine.expressions import Guard, Text
from flowengine.model import Flow, Instruction, Part, Prompt, Source

HIDDEN = "\0"
_EXPRESSION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_SPOKEN_BY_KIND = {
    "menu": ("prompt",),
    "collect": ("prompt",),
    "park": ("intro",),
    "wait": ("play",),
    "voicemail": ("tone",),
}


def texts(view: View) -> list[tuple[Written, Text | Guard]]:
    """Every text and guard that compiles, each once: what a menu template was given is not told twice."""
    if "texts" not in view.cache:
        view.cache["texts"] = list(_texts(view))
    found: list[tuple[Written, Text | Guard]] = view.cache["texts"]
    return found


def _texts(view: View) -> Iterator[tuple[Written, Text | Guard]]:
    for written in authored(view):
        expression = view.expression(written.source)
        if expression is not None:
            yield written, expression


def authored(view: View) -> Iterator[Written]:
    """Every text and guard that stands in the file, without those that a menu template made."""
    for written in view.written:
        state = view.flow.states.get(written.state)
        made = state.config.get("template_mark") if state else None
        if made is None or written.source.mark != made:
            yield written


def literal(view: View, source: Source) -> str:
    """The text with every expression hidden, character for character; empty when it does not compile."""
    if not source.dynamic:
        return source.text
    if view.expression(source) is None:
        return ""
    return _EXPRESSION.sub(lambda found: HIDDEN * len(found[0]), source.text)


def constant_length(view: View, source: Source) -> int:
    """Characters that are spoken whatever the variables hold."""
    return len(literal(view, source).replace(HIDDEN, ""))


def heard(do: Iterable[Instruction]) -> Iterator[Prompt]:
    """The prompts of instructions, in order."""
    for instruction in do:
        if isinstance(instruction.value, Prompt):
            yield instruction.value


def asked(view: View, name: str) -> list[Prompt]:
    """What the kind of a state plays first."""
    state = view.flow.states[name]
    prompts = [state.config.get(key) for key in _SPOKEN_BY_KIND.get(state.kind, ())]
    return [each for each in prompts if isinstance(each, Prompt)]


def wordings(prompts: Iterable[Prompt], flow: Flow) -> Iterator[list[Part]]:
    """The same prompts in each language of the flow."""
    every = list(prompts)
    for language in flow.languages:
        yield [part for each in every for part in each.in_language(language, flow.languages[0])]
