"""What was played → a scenario that expects the same again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from flowengine.engine.trail import Happened
from flowengine.graph import Book
from flowengine.numbers import e164
from flowengine.scenarios.observed import expecting
from flowengine.scenarios.running import Act
from flowengine.scenarios.steps import Step
from flowengine.scenarios.types import pattern_of
from flowengine.simulator import Seen

OTHER_DIGITS = "2468013579"
"""What is written in place of the digits that somebody entered."""


def steps_of(acts: Iterable[Act]) -> Iterator[Step]:
    """Each act, and behind it all that came of it."""
    for act in acts:
        yield act.step
        yield from observed(act.seen) if act.seen else [Step("nothing")]


def observed(seen: Sequence[Seen]) -> list[Step]:
    """One expectation for each thing; what no scenario can say is left out."""
    found = (expecting(each) for each in seen)
    return [tidied for each in found if each is not None and (tidied := _tidied(each)) is not None]


def _tidied(step: Step) -> Step | None:
    """Its words on one line; None where there are none to expect."""
    if step.word == "hears":
        words = _plain(step.value)
        return Step(step.word, words) if words else None
    if not isinstance(step.value, Mapping):
        return step
    value = dict(step.value)
    if "text" in value:
        value["text"] = _plain(value["text"])
    if "url" in value:
        value["url"] = value["url"].partition("?")[0]
    gone = [name for name, each in value.items() if not each or (name == "to" and e164(each) is None)]
    left = {name: each for name, each in value.items() if name not in gone}
    return Step(step.word, left) if left else None


def _plain(text: str) -> str:
    """The words on one line, never taken for a pattern."""
    words = " ".join(text.split())
    return words if pattern_of(words) is None else words[1:]


# --- what is sensitive -----------------------------------------------------------------------------------


def disguised(step: Step) -> Step:
    """The act with other digits, as many of them."""
    if step.word == "presses":
        return Step(step.word, _other(step.value))
    if step.word == "writes":
        return Step(step.word, {**step.value, "text": _other(step.value["text"])})
    return step


def _other(text: str) -> str:
    digits = iter(OTHER_DIGITS * (len(text) // len(OTHER_DIGITS) + 1))
    found = re.sub("[0-9]", lambda match: next(digits), text)
    return found if found != text or not re.search("[0-9]", text) else re.sub("[0-9]", "1", text)


def same_way(some: Sequence[Act], others: Sequence[Act]) -> bool:
    """Whether both plays went through the same states, and the same kinds of things were observed."""
    return len(some) == len(others) and all(_way(one) == _way(other) for one, other in zip(some, others, strict=True))


def _way(act: Act) -> tuple[Any, ...]:
    turns = tuple((each.event, each.source, each.path) for each in act.turns)
    return turns, tuple((each.kind, each.asks) for each in act.seen)


# --- what chance decided ---------------------------------------------------------------------------------


def drawn(acts: Iterable[Act], book: Book) -> tuple[Mapping[str, str], list[str]]:
    """What the `random` states drew, by name; and the names of those that drew different things."""
    found: dict[str, set[str]] = {}
    for act in acts:
        for turn in act.turns:
            for each in turn.trail:
                if isinstance(each, Happened) and _is_random(each, book):
                    found.setdefault(each.state, set()).add(each.event)
    return {name: min(each) for name, each in found.items()}, [name for name, each in found.items() if len(each) > 1]


def _is_random(step: Happened, book: Book) -> bool:
    flow = book.flows.get(step.flow)
    state = flow.states.get(step.state) if flow is not None else None
    return state is not None and state.kind == "random"
