"""A prompt that waits, one inbound message, and what the message meant: plain data for matching."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, NamedTuple

from flowengine.patterns import compile_pattern

Kind = Literal["choice", "flow_choice", "interrupt", "answer", "invalid", "ignored_tap", "again"]

_NO_ANSWERS = ("url", "call", "location", "calendar")


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that can be chosen, as its author wrote it.

    ``labels`` are those of every language, ``mark`` is what stood before its line (see ``numbering.shown``; empty
    on buttons), ``number`` the range, ends included, of a number in the text. What ``answers`` not (a link, a
    telephone number) is never chosen, and a tap on it leads nowhere.
    """

    value: str
    labels: Sequence[str] = ()
    words: Sequence[str] = ()
    has: Sequence[str] = ()
    number: tuple[float, float] | None = None
    key: str = ""
    mark: str = ""
    share_location: bool = False
    answers: bool = True


@dataclass(frozen=True, slots=True)
class Expect:
    """A free answer: ``any date media location number matches``; ends of a range are included, None is open."""

    kind: str
    low: float | None = None
    high: float | None = None
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """The prompt that waits. ``interrupts`` maps folded keywords of other flows to their trigger ids.

    ``tag`` was sent with its buttons; ``late_tap`` (accept, repeat, ignore) is what a button of an earlier prompt
    does; ``acted`` are the ``once`` texts of earlier matches; ``today`` is the contact's.
    """

    choices: Sequence[Choice] = ()
    flow_choices: Sequence[Choice] = ()
    expect: Sequence[Expect] = ()
    interrupts: Mapping[str, str] = field(default_factory=dict)
    tag: str = ""
    late_tap: str = "accept"
    acted: Collection[str] = ()
    today: date = date.min
    month_first: bool = False


class Said(NamedTuple):
    """One inbound message: ``text`` (of a picture, its caption); ``tap``, the postback as received, and ``answers``,
    the id of the message tapped; ``old_tap`` if the caller knows that message to be an earlier prompt's; ``media``,
    an address; ``location``: title, label, latitude, longitude."""

    text: str = ""
    tap: str = ""
    answers: str = ""
    old_tap: bool = False
    media: str = ""
    location: Mapping[str, object] | None = None


class Match(NamedTuple):
    """What it means. ``value`` is the choice's value, the trigger id, or the answer: number, ISO day, text, address,
    mapping. ``because`` names the stage. ``once``: remember it, and give it to ``Asked.acted`` from then on, so
    that the same tap acts once; empty if there is nothing to remember."""

    kind: Kind
    value: object = ""
    because: str = ""
    once: str = ""


def read_choice(lowered: Mapping[str, Any], labels: Sequence[str] = (), mark: str = "") -> Choice:
    """A choice of a compiled prompt, with its labels rendered in every language and the mark it was shown with."""
    low_high = lowered.get("number")
    return Choice(
        value=str(lowered["value"]),
        labels=tuple(labels),
        words=tuple(lowered.get("words") or ()),
        has=tuple(lowered.get("has") or ()),
        number=(float(low_high[0]), float(low_high[1])) if low_high else None,
        key=str(lowered.get("key") or ""),
        mark=mark,
        share_location=bool(lowered.get("share_location")),
        answers=not any(lowered.get(key) for key in _NO_ANSWERS),
    )


def read_expect(lowered: Mapping[str, Any]) -> Expect:
    """One expectation of a compiled prompt."""
    return Expect(lowered["kind"], lowered.get("low"), lowered.get("high"), str(lowered.get("pattern") or ""))


def means_numbers(choices: Sequence[Choice], expect: Sequence[Expect]) -> bool:
    """Whether a typed number may be an answer in its own right, so that lines should be lettered."""
    if any(choice.number for choice in choices) or any(each.kind == "number" for each in expect):
        return True
    patterns = [compile_pattern(each.pattern) for each in expect if each.kind == "matches"]
    return any(pattern.matches(str(number + 1)) for pattern in patterns for number in range(len(choices)))
