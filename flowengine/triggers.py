"""What starts a flow: ``triggers``, of a call or of messages."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flowengine import units
from flowengine.document import Map, Node, Seq, Text
from flowengine.fields import (
    BOOL,
    TEXTUAL,
    Constant,
    Custom,
    Field,
    ListOf,
    Name,
    OneOf,
    Reader,
    Record,
    unknown_key,
)
from flowengine.model import CHANNELS, NOWHERE, Trigger
from flowengine.problems import closest, listed

_CALL_KINDS = ("to", "start", "any")
DAY = 86_400


def read_triggers(node: Node, reader: Reader) -> tuple[Trigger, ...] | None:
    if not isinstance(node, Seq):
        example = "[ { keywords: [book] } ]" if reader.channel == "message" else '[ { to: "+12025550100" } ]'
        reader.expected(node, f"a list such as {example}")
        return None
    read = _of_messages if reader.channel == "message" else _of_call
    found = [read(each, reader) for each in node.items]
    return tuple(each for each in found if each is not None)


def _of_call(node: Node, reader: Reader) -> Trigger | None:
    if not isinstance(node, Map) or len(node.entries) != 1:
        reader.expected(node, "one of to (a dialled number), start: api, or any: true")
        return None
    kind, value = next(iter(node.entries.items()))
    if kind not in _CALL_KINDS and kind in MESSAGE_TRIGGER.named():
        reader.wrong_channel(node.keys[kind], kind, ("message",), "a call has to, start: api or any: true")
        return None
    if kind not in _CALL_KINDS:
        unknown_key(reader, node.keys[kind], _CALL_KINDS, "a trigger of a call")
        return None
    allowed: dict[str, Any] = {"to": Constant(), "start": OneOf(("api",)), "any": OneOf(("true",))}
    text = allowed[kind].read(value, reader)
    if text is None:
        return None
    if kind == "to":
        reader.number(value, text)
    return Trigger(kind, text, value.mark)


# --- messages --------------------------------------------------------------------------------------------


def _read_clock(node: Node, reader: Reader) -> int | None:
    try:
        return units.parse_clock(node.value if isinstance(node, Text) else "")
    except ValueError:
        reader.expected(node, 'a time of the day such as "09:00"')
        return None


def _read_offset(node: Node, reader: Reader) -> float | None:
    text = node.value if isinstance(node, Text) else ""
    try:
        length = units.seconds(text.lstrip("+-"))
    except ValueError:
        reader.expected(node, "days before (-1d) or after (2d) the date")
        return None
    if length % DAY or length > 366 * DAY:
        reader.problem("limit", node, f"found {text}; expected whole days, at most 366", "at: says the time of the day")
        return None
    return -length if text.startswith("-") else length


def _read_zone(node: Node, reader: Reader) -> str | None:
    text = node.value if isinstance(node, Text) else ""
    if text == "contact" or _is_zone(text):
        return text
    fix = "use an IANA name such as Europe/Stockholm"
    reader.problem("shape", node, f'there is no time zone "{text}"', fix)
    return None


def _is_zone(text: str) -> bool:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _read_days(node: Node, reader: Reader) -> tuple[int, ...] | None:
    try:
        return tuple(units.parse_days(node.value if isinstance(node, Text) else ""))
    except ValueError as error:
        reader.problem("shape", node, str(error))
        return None


CLOCK = Custom(_read_clock, {"type": "string", "pattern": "^[0-9]{1,2}:[0-9]{2}$"}, "a time such as 09:00")
ZONE = Custom(_read_zone, {"type": "string"}, "`contact`, or a time zone such as Europe/Stockholm")
_OFFSET = Custom(_read_offset, {"type": "string", "pattern": r"^[+-]?[0-9]+d$"}, "days such as -1d")
_DAYS = Custom(_read_days, {"type": "string"}, "days such as mon-fri")
_WORD = Constant(r"\s*\S[\s\S]*", "a word", 100)

MESSAGE_TRIGGER = Record(
    (
        Field("keywords", ListOf(_WORD, lone=True, least=1, most=200), "the whole of a first message"),
        Field("link", _WORD, "what a link or a referral carries; `promo*` takes all that begin so"),
        Field("any", OneOf(("true",)), "every message that nothing else takes"),
        Field("start", OneOf(("api",)), "`flowengine` and the API"),
        Field("date", Constant(r"contact\.[a-z][a-z0-9_]*", "a contact field such as contact.booking"), "a date"),
        Field("schedule", _DAYS, "days, such as mon-fri, for every contact with the `tag`"),
        Field("interrupt", BOOL, "whether these keywords break into other flows", default=False),
        Field("offset", _OFFSET, "for `date`: so many days before or after"),
        Field("at", CLOCK, "for `date` and `schedule`: when on that day"),
        Field("timezone", ZONE, "for `date` and `schedule`: whose clock", shown="the contact's"),
        Field("tag", Name("a tag"), "for `schedule`: which contacts"),
        Field("app", Constant(what="an app's id, or a name of env"), "only messages to this app"),
        Field("channel", ListOf(OneOf(CHANNELS), lone=True), "only these channels"),
        Field("to", Constant(what="a business number"), "only messages to this number"),
        Field("enter", Name("a state"), "where it begins", shown="start"),
    ),
    "a trigger",
)
KINDS = ("keywords", "link", "any", "start", "date", "schedule")
_TAKES: dict[str, tuple[str, ...]] = {
    "keywords": ("interrupt", "app", "channel", "to"),
    "link": ("app", "channel", "to"),
    "any": ("app", "channel", "to"),
    "start": (),
    "date": ("offset", "at", "timezone"),
    "schedule": ("at", "timezone", "tag"),
}
_NEEDS: dict[str, tuple[str, ...]] = {"date": ("at",), "schedule": ("at", "tag")}


def _of_messages(node: Node, reader: Reader) -> Trigger | None:
    read = MESSAGE_TRIGGER.read(node, reader)
    if read is None or not isinstance(node, Map):
        return None
    kinds = [kind for kind in KINDS if kind in node.entries]
    if len(kinds) != 1:
        if kinds or not any(closest(key, KINDS) for key in node.entries if key not in MESSAGE_TRIGGER.named()):
            found = listed(kinds, "and") or "none"
            message = f"the trigger has {found} of {listed(list(KINDS), 'and')}"
            reader.problem("shape", node, message, "write one, such as keywords: [book]")
        return None
    kind = kinds[0]
    _fitting(kind, node, reader)
    return _built(kind, read, node, reader)


def _fitting(kind: str, node: Map, reader: Reader) -> None:
    for key in node.entries:
        if key in MESSAGE_TRIGGER.named() and key not in (kind, "enter", *_TAKES[kind]):
            fix = f"{kind} takes {listed(['enter', *_TAKES[kind]], 'and')}"
            reader.problem("shape", node.keys[key], f'"{key}" means nothing to {kind}', fix)
    for key in _NEEDS.get(kind, ()):
        if key not in node.entries:
            fix = 'add at: "10:00"' if key == "at" else "add tag: and the name of one"
            reader.problem("missing-key", node, f'the trigger has no "{key}"', fix)


def _built(kind: str, read: dict[str, Any], node: Map, reader: Reader) -> Trigger | None:
    value = read[kind]
    if value is None:
        return None
    if read["to"]:
        reader.number(node.entries["to"], read["to"])
    words = tuple(value) if kind == "keywords" else ()
    days = value if kind == "schedule" else ()
    own = node.entries[kind]
    text = ", ".join(words) if words else own.value if isinstance(own, Text) else ""
    return Trigger(
        kind,
        text.removeprefix("contact.") if kind == "date" else text,
        own.mark,
        words=words,
        interrupt=read["interrupt"],
        app=read["app"] or "",
        channels=read["channel"] or (),
        to=read["to"] or "",
        enter=read["enter"] or "",
        enter_mark=node.entries["enter"].mark if "enter" in node.entries else NOWHERE,
        offset=read["offset"] or 0,
        at=read["at"] or 0,
        timezone=read["timezone"] or ("contact" if kind in ("date", "schedule") else ""),
        tag=read["tag"] or "",
        days=days,
    )


CALL_TRIGGER_SCHEMA: dict[str, Any] = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
    "properties": {"to": {"type": TEXTUAL}, "start": {"enum": ["api"]}, "any": {"enum": [True]}},
}
TRIGGERS = Custom(read_triggers, {"type": "array"}, "a list of triggers")
