"""The question of an ask: what it offers, how it is put, and what an answer to it means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from flowengine.engine.languages import fitting
from flowengine.engine.quiet import today
from flowengine.engine.rendering import rendered, varies
from flowengine.expressions import EvaluationFailed
from flowengine.filters import printed
from flowengine.messages.asked import Asked, Choice, Expect, Match, Said, means_numbers, read_choice, read_expect
from flowengine.messages.compose import offered as shown
from flowengine.messages.folding import fold
from flowengine.messages.matching import match
from flowengine.webhooks import Inbound

if TYPE_CHECKING:
    from flowengine.engine.chat_turn import ChatTurn

T = TypeVar("T")

MOST_OFFERED = 50
"""Elements of a list that an ``each`` offers at most."""

LONGEST_LABEL = 1000
"""Characters of a value, a label or a description of such an element."""

MOST_HEARD = 10_000
"""Characters of an answer, or of an address in it, that a flow sees."""

_OPENS = ("url", "call", "location", "calendar")


MOST_KEPT = 200
"""Things that are kept ready of one question: what does not vary is worked out once."""


def offered(turn: ChatTurn, op: dict[str, Any]) -> list[dict[str, Any]]:
    """The options of an ask as they are shown now: what stands on each, and what it does."""
    if "each" in op:
        return _of_list(turn, op["each"])
    key = ("offered", turn.language, turn.talk.channel)
    return _kept(op, key, lambda: [_option(turn, each) for each in op["choices"] if each["shown"]])


def _kept(op: dict[str, Any], key: tuple[Any, ...], make: Callable[[], T]) -> T:
    """What ``make`` gives, made once where no choice of the question varies."""
    ready: dict[Any, Any] = op.setdefault("ready", {})
    if "varies" not in ready:
        ready["varies"] = any(varies(each) for each in op["choices"])
    if ready["varies"]:
        return make()
    if key not in ready:
        if len(ready) > MOST_KEPT:
            return make()
        ready[key] = make()
    kept: T = ready[key]
    return kept


def _option(turn: ChatTurn, choice: Mapping[str, Any]) -> dict[str, Any]:
    kind = next((name for name in (*_OPENS, "share_location") if choice.get(name)), "reply")
    option = {"value": choice["value"], "kind": kind, "label": rendered(turn, choice["label"])}
    for name in (*_OPENS, "description", "key"):
        if choice.get(name):
            option[name] = rendered(turn, choice[name])
    return option


def _of_list(turn: ChatTurn, each: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = []
    items = turn.scope.get(each["list"]) or []
    for item in items[:MOST_OFFERED] if isinstance(items, list) else []:
        try:
            option = _element(turn, each, {**turn.scope, "item": item})
        except EvaluationFailed:
            turn.note("each", f"an element of {each['list']} was left out: it lacks what its choice says")
            continue
        if option["value"] and option["label"]:
            found.append(option)
    return found


def _element(turn: ChatTurn, each: Mapping[str, Any], scope: Mapping[str, Any]) -> dict[str, Any]:
    said = {name: rendered(turn, each[name], scope) for name in ("value", "label", "description") if name in each}
    return {"kind": "reply", **{name: printed(value)[:LONGEST_LABEL] for name, value in said.items()}}


def unshown(op: Mapping[str, Any]) -> list[dict[str, Any]]:
    """An option that nobody sees, whose words and keys stand before no line: they mean something already."""
    words = [word for each in op["choices"] for word in (*each["words"], each.get("key", "")) if word]
    return [{"value": "", "kind": "reply", "label": "", "words": words}] if words else []


def content_of(turn: ChatTurn, op: Mapping[str, Any]) -> dict[str, Any]:
    """What a ``send`` says, rendered; its choices are options like those of an ask."""
    content = {name: _part(turn, name, each) for name, each in op.items()}
    if "choices" in content:
        content["options"] = content.pop("choices")
    return content


def _part(turn: ChatTurn, name: str, item: Any) -> Any:
    if name == "choices":
        return [_option(turn, each) for each in item]
    if name == "template":
        return template_of(turn, item)
    if isinstance(item, Mapping):
        return {key: _part(turn, key, each) for key, each in item.items()}
    if isinstance(item, list):
        return [_part(turn, "", each) for each in item]
    return rendered(turn, item)


def template_of(turn: ChatTurn, op: Mapping[str, Any]) -> dict[str, Any]:
    """A template in the language of the contact, or the nearest it has."""
    made: dict[str, Any] = rendered(turn, op)
    if isinstance(made["language"], Mapping):
        made["language"] = made["language"][fitting(turn.person.language, list(made["language"]))]
    return made


def numbering(turn: ChatTurn, op: dict[str, Any], content: Mapping[str, Any]) -> dict[str, str]:
    """What stands before the line of each value on the channels that it may go by; nothing where there are buttons."""
    channels = turn.talk.channels or [turn.talk.channel]

    def marks() -> dict[str, str]:
        lines = [line for channel in channels for line in shown(content, channel)]
        return {option["value"]: mark for mark, option in lines if mark}

    if "each" in op or "media" in content:
        return marks()
    return _kept(op, ("marks", turn.language, *channels, len(content["text"])), marks)


def heard(inbound: Inbound) -> Inbound:
    """What a contact sent, as much of it as a flow sees: texts that are put together stay within their bounds."""
    texts = inbound.text, inbound.metadata, inbound.postback
    place = inbound.location
    if place is None and not inbound.media and sum(map(len, texts)) <= MOST_HEARD:
        return inbound
    if place is not None:
        place = replace(place, title=place.title[:MOST_HEARD], label=place.label[:MOST_HEARD])
    media = tuple(replace(each, url=each.url[:MOST_HEARD]) for each in inbound.media)
    text, metadata, postback = (each[:MOST_HEARD] for each in texts)
    return replace(inbound, text=text, metadata=metadata, postback=postback, location=place, media=media)


def said(inbound: Inbound) -> dict[str, Any]:
    """The ``message.`` facts of what a contact sent."""
    place = inbound.location
    return {
        "text": inbound.text,
        "kind": inbound.kind,
        "choice": "",
        "media": inbound.media[0].url if inbound.media else "",
        "location": asdict(place) if place is not None else {},
        "channel": inbound.channel,
        "link": "",
        "metadata": inbound.metadata,
        "time": datetime.fromtimestamp(inbound.accept, UTC).isoformat() if inbound.accept else "",
    }


def asked(turn: ChatTurn, op: dict[str, Any], folded: str = "") -> Asked:
    """The question that stands, as answers are held against it; ``folded`` is what was typed."""
    talk = turn.talk
    choices, wide, expect = _kept(op, ("asked", *talk.marks.items()), lambda: _read(turn, op))
    if talk.options:
        listed = [read_choice(each, [each["label"]], talk.marks.get(each["value"], "")) for each in talk.options]
        choices = [*choices, *listed]
    dated = any(each.kind == "date" for each in expect) if expect else False
    return Asked(
        choices=choices,
        flow_choices=wide,
        expect=expect,
        interrupts={folded: folded} if folded and turn.interrupting(folded) is not None else {},
        tag=talk.tag,
        late_tap=op["late_tap"],
        acted=talk.acted,
        today=today(turn.world.at, turn.person.timezone) if dated else date.min,
        month_first=dated and turn.language.replace("_", "-").lower() == "en-us",
    )


def _read(turn: ChatTurn, op: Mapping[str, Any]) -> tuple[list[Choice], list[Choice], list[Expect]]:
    """The choices of the question and those of the flow, and what else it takes."""
    own = [_choice(turn, each) for each in op["choices"] if not each.get("wide")]
    wide = [_choice(turn, each) for each in op["choices"] if each.get("wide")]
    return own, wide, [read_expect(each) for each in op["expect"]]


def understood(turn: ChatTurn, op: dict[str, Any], inbound: Inbound) -> Match:
    """What a message means to the question that stands."""
    folded = fold(inbound.text) if inbound.kind == "text" else ""
    return match(_said(inbound), asked(turn, op, folded))


def _said(inbound: Inbound) -> Said:
    place = inbound.location
    return Said(
        text=inbound.text,
        tap=inbound.postback,
        answers=inbound.answers,
        media=inbound.media[0].url if inbound.media else "",
        location=asdict(place) if place is not None else None,
    )


def _choice(turn: ChatTurn, choice: Mapping[str, Any]) -> Choice:
    labels = choice["label"].every(turn.scope) if "label" in choice else ()
    return read_choice(choice, labels, turn.talk.marks.get(choice["value"], ""))


def is_numeric(turn: ChatTurn, op: dict[str, Any]) -> bool:
    """Whether a typed number may be an answer, so that lines are lettered."""

    def numeric() -> bool:
        own, wide, expect = _read(turn, op)
        return means_numbers([*own, *wide], expect)

    return _kept(op, ("numeric",), numeric)
