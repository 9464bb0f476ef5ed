"""What one inbound message means to the prompt it answers.

The order is fixed: a tap; the whole message as a label, word, key or mark of the prompt's choices, then as a
flow-wide choice, then as a keyword that breaks in; a word inside the sentence or a number in a choice's range; what
the prompt expects; else it is invalid. Two choices that match equally well at one stage make it invalid: never a
guess. Consent words come before all of this (:mod:`flowengine.messages.consent`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache

from flowengine.messages.asked import Asked, Choice, Expect, Kind, Match, Said
from flowengine.messages.dates import date_in
from flowengine.messages.folding import fold, leading_number, number_in, without_pictures, words_of
from flowengine.messages.numbering import digest, line
from flowengine.patterns import compile_pattern

REMEMBERED = 400
"""Characters of a choice, all its labels and words together, up to which its forms are remembered."""
LONGEST = 4096
"""Longer text is no label, word or number; only ``expect: any`` and a pattern look at it."""
_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)?")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


AMBIGUOUS = Match("invalid", because="ambiguous")
INVALID = Match("invalid", because="nothing matched")


def match(said: Said, asked: Asked) -> Match:
    """What ``said`` means to ``asked``. Never raises on anything a contact can send.

    Typed text is never matched against a bare value. A number that stands before a line is that line, whatever
    else is expected: beside ``expect: number`` lines should be lettered (``numbering.shown(lettered=True)``); if
    they are numbered, 1 to the last number shown are choices and the rest are answers.
    """
    if said.tap:
        return _tap(said, asked)
    answering = [choice for choice in asked.choices if choice.answers]
    if len(answering) < len(asked.choices):
        asked = replace(asked, choices=answering)
    if said.location is not None and (place := [each for each in asked.choices if each.share_location]):
        return _one("choice", place, "location")
    text = said.text.strip()
    folded = fold(text) if len(text) <= LONGEST else ""
    stages = (_whole, _inside) if folded else ()
    for stage in stages:
        if (found := stage(folded, text, asked)) is not None:
            return found
    return _expected(said, text, asked)


def expected_words(asked: Asked) -> set[str]:
    """The folded words that the prompt, the flow or another flow takes: what consent words must not take from them."""
    choices = [choice for choice in (*asked.choices, *asked.flow_choices) if choice.answers]
    mine = {form for choice in choices for form in _forms(choice) | set(map(fold, choice.has))}
    return mine | set(asked.interrupts)


def _one(kind: Kind, found: Sequence[Choice], because: str) -> Match:
    values = {choice.value for choice in found}
    return Match(kind, found[0].value, because) if len(values) == 1 else AMBIGUOUS


def _choose(asked: Asked, test: Callable[[Choice], bool], because: str) -> Match | None:
    """The choice of the prompt that passes, else the flow-wide one that does."""
    groups: tuple[tuple[Kind, Sequence[Choice]], ...] = (("choice", asked.choices), ("flow_choice", asked.flow_choices))
    for kind, choices in groups:
        if found := [choice for choice in choices if test(choice)]:
            return _one(kind, found, because)
    return None


def _whole(folded: str, text: str, asked: Asked) -> Match | None:
    mine = [choice for choice in asked.choices if folded in _forms(choice)]
    if mine:
        return _one("choice", mine, "whole message")
    if _NUMBER.fullmatch(folded) and (mine := [each for each in asked.choices if folded in _leading(each)]):
        return _one("choice", mine, "number of the label")
    wide = [choice for choice in asked.flow_choices if folded in _forms(choice)]
    if wide:
        return _one("flow_choice", wide, "whole message")
    if folded in asked.interrupts:
        return Match("interrupt", asked.interrupts[folded], "keyword")
    return None


def _forms(choice: Choice) -> frozenset[str]:
    """Everything that, typed alone, is this choice: label (its emoji or not), word, key, mark, or the line as shown."""
    texts = (choice.key, choice.mark, *choice.labels, *choice.words)
    make = _known_forms if sum(map(len, texts)) <= REMEMBERED else _all_forms
    return make(choice.key, choice.mark, tuple(choice.labels), tuple(choice.words))


def _all_forms(key: str, mark: str, shown: tuple[str, ...], words: tuple[str, ...]) -> frozenset[str]:
    labels = [fold(label) for label in shown]
    said = [*words, key, mark]
    said += [line(mark, label) for label in shown if mark]
    return frozenset({*labels, *map(without_pictures, labels), *map(fold, said)} - {""})


_known_forms = lru_cache(maxsize=4096)(_all_forms)


def _leading(choice: Choice) -> set[str]:
    return {leading_number(label) for label in choice.labels}


def _inside(folded: str, text: str, asked: Asked) -> Match | None:
    words = words_of(folded)
    number = number_in(text)

    def is_meant(choice: Choice) -> bool:
        in_range = choice.number is not None and number is not None and choice.number[0] <= number <= choice.number[1]
        return in_range or any(_holds(folded, words, fold(each)) for each in choice.has)

    return _choose(asked, is_meant, "inside the sentence")


def _holds(folded: str, words: list[str], phrase: str) -> bool:
    """Whether the words of ``phrase`` stand in the sentence one after the other; scripts without spaces: anywhere."""
    if _UNSPACED.search(phrase):
        return phrase in folded
    wanted = words_of(phrase)
    last = len(words) - len(wanted)
    return bool(wanted) and any(words[at : at + len(wanted)] == wanted for at in range(last + 1))


def _expected(said: Said, text: str, asked: Asked) -> Match:
    """The first expectation, in the order written, that takes it; ``any`` only after the others."""
    for expect in sorted(asked.expect, key=lambda each: each.kind == "any"):
        value = _READ[expect.kind](expect, said, text, asked) if expect.kind in _READ else None
        if value is not None:
            return Match("answer", value, expect.kind)
    return INVALID


def _number(expect: Expect, said: Said, text: str, asked: Asked) -> object:
    number = number_in(text) if len(text) <= LONGEST else None
    if number is None or (expect.low is not None and number < expect.low):
        return None
    return None if expect.high is not None and number > expect.high else number


def _date(expect: Expect, said: Said, text: str, asked: Asked) -> object:
    day = date_in(text, asked.today, asked.month_first)
    return day.isoformat() if day else None


def _matches(expect: Expect, said: Said, text: str, asked: Asked) -> object:
    return text if text and compile_pattern(expect.pattern).matches(text) else None


_READ: dict[str, Callable[[Expect, Said, str, Asked], object]] = {
    "number": _number,
    "date": _date,
    "matches": _matches,
    "media": lambda expect, said, text, asked: said.media or None,
    "location": lambda expect, said, text, asked: said.location,
    "any": lambda expect, said, text, asked: text or said.media or said.location or None,
}


def _tap(said: Said, asked: Asked) -> Match:
    """A tap is ours by its tag, its bare value, ``<message id>_<label>``, or a label that the channel sent as a tap."""
    if said.tap in asked.acted:
        return Match("ignored_tap", because="repeated tap")
    value = said.tap.rpartition("#")[0] if "#" in said.tap else said.tap
    if any(not each.answers for each in _valued(asked.choices, value)):
        return Match("ignored_tap", because="no answer")
    if asked.tag and said.tap.endswith(f"#{asked.tag}"):
        current = _valued(asked.choices, said.tap[: -len(asked.tag) - 1])
        if current:
            return Match("choice", current[0].value, "tap", said.tap)
    return _labelled(said, asked) or _untagged(said, asked) or _late(said, asked)


def _untagged(said: Said, asked: Asked) -> Match | None:
    if said.old_tap:
        return None
    if plain := _valued(asked.choices, said.tap):
        return Match("choice", plain[0].value, "tap")
    if plain := _valued(asked.flow_choices, said.tap):
        return Match("flow_choice", plain[0].value, "tap")
    folded = fold(said.tap[:LONGEST])
    return _choose(asked, lambda choice: folded in map(fold, choice.labels), "label tapped") if folded else None


def _labelled(said: Said, asked: Asked) -> Match | None:
    """The postback that a channel makes up for a choice that was sent without one."""
    start = f"{said.answers}_"
    if not said.answers or not said.tap.startswith(start):
        return None
    label = fold(said.tap[len(start) :][:LONGEST])
    found = [choice for choice in asked.choices if label in map(fold, choice.labels)]
    if not found:
        return None
    told = _one("choice", found, "label tapped")
    return _by_policy(told.value, said, asked) if said.old_tap and told.kind == "choice" else _remember(told, said)


def _remember(told: Match, said: Said) -> Match:
    return Match(told.kind, told.value, told.because, said.tap if told.kind == "choice" else "")


def _late(said: Said, asked: Asked) -> Match:
    """A button of an earlier prompt: by ``late_tap`` if its value can be chosen now too, else out of step."""
    value = said.tap.rpartition("#")[0] if "#" in said.tap else said.tap
    found = _valued(asked.choices, value) or _valued(asked.choices, said.tap)
    if found:
        return _by_policy(found[0].value, said, asked)
    return Match("ignored_tap", because="old tap") if asked.late_tap == "ignore" else Match("again", because="old tap")


def _by_policy(value: object, said: Said, asked: Asked) -> Match:
    if asked.late_tap == "accept":
        return Match("choice", value, "late tap", said.tap)
    return Match("ignored_tap" if asked.late_tap == "ignore" else "again", because="old tap")


def _valued(choices: Iterable[Choice], value: str) -> list[Choice]:
    return [choice for choice in choices if value in (choice.value, digest(choice.value))]
