"""What may be answered in a flow of messages, word for word."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flowengine.checks.base import View
from flowengine.checks.places import spot
from flowengine.graph import instructions_of
from flowengine.messages.folding import fold, without_pictures
from flowengine.model import Choice, Prompt
from flowengine.problems import Mark


@dataclass(frozen=True, slots=True)
class Word:
    """``text`` as written, ``folded`` as it is compared; ``how`` is ``label``, ``word`` or ``has``."""

    choice: str
    how: str
    text: str
    folded: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Offer:
    """The choices that stand together: of an ask, of a message that is sent, or (``wide``) of the whole flow."""

    choices: tuple[Choice, ...]
    state: str
    wide: bool = False


def offers(view: View) -> list[Offer]:
    """Everything that is offered, in the order of the file."""
    if "offers" not in view.cache:
        found = [Offer(view.flow.choices, "", wide=True)]
        for state in view.flow.states.values():
            for instruction in instructions_of(state):
                if instruction.name == "send":
                    found += [Offer(each, state.name) for each in _sent(instruction.value)]
            if state.kind == "ask" and state.config["choices"]:
                found.append(Offer(state.config["choices"], state.name))
        view.cache["offers"] = [each for each in found if each.choices]
    known: list[Offer] = view.cache["offers"]
    return known


def _sent(value: Any) -> Iterator[tuple[Choice, ...]]:
    """The choices anywhere in what is sent."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            if key == "choices" and isinstance(each, tuple):
                yield each
            else:
                yield from _sent(each)
    elif isinstance(value, tuple):
        for each in value:
            yield from _sent(each)


def words_of(view: View, choices: Iterable[Choice]) -> Iterator[Word]:
    """Every label, word and inner word by which a choice is meant, each language after the other."""
    for choice in choices:
        if choice.opens:
            continue
        for text, mark in constant(choice.label):
            for folded in dict.fromkeys((fold(text), without_pictures(fold(text)))):
                yield Word(choice.value, "label", text, folded, mark)
        for how, lists in (("word", choice.words), ("has", choice.has)):
            for text in (each for words in lists.values() for each in words):
                yield Word(choice.value, how, text, fold(text), written(view, choice.mark, text))


def constant(prompt: Prompt | None) -> Iterator[tuple[str, Mark]]:
    """The wordings of a prompt that hold no expression."""
    for part in prompt.parts() if prompt else ():
        if not part.source.dynamic:
            yield part.source.text, part.source.mark


def written(view: View, start: Mark, text: str) -> Mark:
    """Where a word stands after a mark."""
    return spot(view, start, rf"(?<!\w)({re.escape(text)})(?!\w)")
