"""What chooses an answer: the values of ``choices``, and the labels, words and numbers that mean one in a message."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from flowengine.document import Map, Node, Text
from flowengine.fields import (
    BOOL,
    LANGUAGE,
    LINE,
    NAME,
    TEXT,
    WORDS,
    Constant,
    Custom,
    Field,
    ListOf,
    Name,
    Reader,
    Record,
    unknown_key,
)
from flowengine.lowering import lower, lower_url
from flowengine.model import Choice, Each, Source

RESERVED = ("repeat", "back")
EVENTS = frozenset(
    """timeout invalidinput hangup error disconnected answered human machine notsure beep digits recorded elapsed
    chosen answer empty failed message done expired else end continue open closed holiday ok taken returned tick
    recording_finished recording_available transcription_available start""".split()
)
KEY = re.compile(r"[0-9*#]")


def named(value: str, key: Text, reader: Reader) -> bool:
    if not NAME.fullmatch(value):
        fix = f'write the value first: "sales: {value}"' if KEY.fullmatch(value) else ""
        reader.problem("name", key, f'found the choice "{value}"; expected a name (a-z, 0-9 and _)', fix)
        return False
    if value in EVENTS:
        message = f'"{value}" is the name of an event and cannot be a choice'
        reader.problem("reserved-name", key, message, "choose another value")
        return False
    return True


def _read_words(node: Node, reader: Reader) -> dict[str, tuple[str, ...]] | None:
    if not isinstance(node, Map):
        words = _WORD_LIST.read(node, reader)
        return {"": words} if words else None
    found = {}
    for language, each in node.entries.items():
        if not LANGUAGE.fullmatch(language):
            unknown_key(reader, node.keys[language], ("en-US",), "words by language")
        elif words := _WORD_LIST.read(each, reader):
            found[language] = words
    return found or None


_WORD_LIST = ListOf(Constant(r"\s*\S[\s\S]*", "a word", 100), lone=True, least=1, most=100)
_LIST_SCHEMA = _WORD_LIST.schema()
WORD_LISTS = Custom(
    _read_words,
    {"anyOf": [*_LIST_SCHEMA["anyOf"], {"type": "object", "minProperties": 1, "additionalProperties": _LIST_SCHEMA}]},
    "words, or words by language",
)

_RANGE = re.compile(r"(-?[0-9]{1,12})(?:\.\.(-?[0-9]{1,12}))?")


def read_range(node: Node, reader: Reader) -> tuple[int, int] | None:
    """``4`` or ``4..20``, both ends taken."""
    match = _RANGE.fullmatch(node.value) if isinstance(node, Text) else None
    if match is None:
        reader.expected(node, "a whole number or a range such as 4..20")
        return None
    low, high = int(match[1]), int(match[2] if match[2] is not None else match[1])
    if low > high:
        reader.problem("limit", node, f"the range ends at {high}, before it begins at {low}", f"write {high}..{low}")
        return None
    return low, high


RANGE = Custom(read_range, {"type": ["string", "integer"], "pattern": f"^{_RANGE.pattern}$"}, "`4` or `4..20`")


def _read_url(node: Node, reader: Reader) -> Source | None:
    found = TEXT.read(node, reader)
    if found is not None and not found.text.startswith(("https://", "{{")):
        reader.problem("shape", node, f'found "{found.text[:80]}"; expected an https URL', "begin it with https://")
        return None
    return found


URL = Custom(_read_url, {"type": "string", "pattern": r"^(https://|\{\{)"}, "an https URL")


def _read_number(node: Node, reader: Reader) -> Source | None:
    found = TEXT.read(node, reader)
    if found is not None and not found.dynamic:
        reader.number(node, found.text)
        if not found.text.startswith("+"):
            reader.expected(node, 'a phone number such as "+12025550100"', "write it as E.164")
            return None
    return found


PHONE = Custom(_read_number, {"type": "string", "pattern": r"^(\+|\{\{)"}, "a phone number with +")


def _read_degrees(most: int) -> Callable[[Node, Reader], Any]:
    def read(node: Node, reader: Reader) -> Any:
        if isinstance(node, Text) and "{{" in node.value:
            return TEXT.read(node, reader)
        number = re.fullmatch(r"-?[0-9]{1,3}(\.[0-9]{1,10})?", node.value) if isinstance(node, Text) else None
        if number and abs(float(number[0])) <= most:
            return float(number[0])
        reader.expected(node, f"degrees from -{most} to {most}, such as 59.334")
        return None

    return read


def _degrees(most: int) -> Custom:
    return Custom(_read_degrees(most), {"type": ["number", "string"]}, f"degrees, -{most} to {most}")


LOCATION = Record(
    (
        Field("title", LINE, "what the place is called", True),
        Field("label", LINE, "its address"),
        Field("latitude", _degrees(90), "degrees north", True),
        Field("longitude", _degrees(180), "degrees east", True),
    ),
    "location",
)
CALENDAR = Record(
    (
        Field("title", WORDS, "what the event is called", True),
        Field("start", TEXT, "when it begins", True),
        Field("end", TEXT, "when it ends", True),
        Field("description", WORDS, "more about it"),
        Field("url", URL, "the page that opens where there is no calendar", True),
    ),
    "calendar",
)
CHOICE = Record(
    (
        Field("label", WORDS, "what stands on the button; without one the choice is understood, not shown"),
        Field("description", WORDS, "a line under it, in lists"),
        Field("words", WORD_LISTS, "texts that mean it, as the whole message"),
        Field("has", WORD_LISTS, "words that mean it, anywhere in the message"),
        Field("number", RANGE, "numbers in the message that mean it, such as `4` or `4..20`"),
        Field("key", Constant(KEY.pattern, "one of 0-9, * and #"), "what is typed for it"),
        Field("url", URL, "opens a page, and is never an answer"),
        Field("call", PHONE, "calls a number, and is never an answer"),
        Field("location", LOCATION, "shows a place, and is never an answer"),
        Field("calendar", CALENDAR, "adds an event to the calendar, and is never an answer"),
        Field("share_location", BOOL, "asks where the person is; a place is the answer", default=False),
    ),
    "a choice",
)
EACH = Record(
    (
        Field("each", Name("a list variable"), "the list", True),
        Field("value", TEXT, "the answer that is kept, from `item`", True),
        Field("label", WORDS, "what stands on the button, from `item`", True),
        Field("description", WORDS, "a line under it"),
    ),
    "choices of a list",
)
_OPENS = ("url", "call", "location", "calendar")
_SAYS = ("words", "has", "number", "key")


def _message_choices(node: Node, reader: Reader) -> tuple[Choice, ...] | Each | None:
    if not isinstance(node, Map):
        reader.expected(node, "a mapping from values to labels, such as { sales: Talk to sales }")
        return None
    if "each" in node.entries:
        return _each(node, reader)
    found = [_labelled(value, node.keys[value], each, reader, CHOICE) for value, each in node.entries.items()]
    choices = tuple(choice for choice in found if choice is not None)
    _alike(choices, reader)
    return choices


def _shown_choices(node: Node, reader: Reader) -> tuple[Choice, ...] | None:
    found = _message_choices(node, reader)
    if isinstance(found, Each) and isinstance(node, Map):
        reader.problem("shape", node.keys["each"], "each belongs to an ask", "write the choices out")
        return None
    return found if isinstance(found, tuple) else None


def _each(node: Map, reader: Reader) -> Each | None:
    read = EACH.read(node, reader)
    if read is None or any(read[key] is None for key in ("each", "value", "label")):
        return None
    variable = Source(read["each"], node.entries["each"].mark, guard=True)
    return Each(variable, read["value"], read["label"], node.keys["each"].mark, read["description"])


def _labelled(value: str, key: Text, node: Node, reader: Reader, shape: Record) -> Choice | None:
    if not named(value, key, reader):
        return None
    short = isinstance(node, Text) or (isinstance(node, Map) and not set(node.entries) & set(shape.named()))
    if short and "label" in shape.named():
        label = WORDS.read(node, reader)
        return Choice(value, "", key.mark, label) if label else None
    if not isinstance(node, Map):
        reader.expected(node, "a mapping such as { words: [agent, person] }", "a flow-wide choice is not shown")
        return None
    read = shape.read(node, reader)
    if read is None:
        return None
    _complete(value, read, node, reader)
    more = {name: each for name, each in read.items() if name != "key" and each is not None}
    return replace(Choice(value, read["key"] or "", key.mark), **more)


def _complete(value: str, read: Mapping[str, Any], node: Map, reader: Reader) -> None:
    """What no key by itself can know."""
    does = [name for name in (*_OPENS, "share_location") if read.get(name)]
    if len(does) > 1:
        reader.problem(
            "shape", node.keys[does[1]], f'"{value}" has {does[0]} and {does[1]}', "give each its own choice"
        )
    if does and not read.get("label") and "label" not in node.entries:
        reader.problem("missing-key", node, f'the choice "{value}" has no "label"', "add what stands on the button")
    elif not {*_SAYS, "label", *does} & {*node.entries}:
        reader.problem("missing-key", node, f'nothing chooses "{value}"', "add words that mean it, or a key")
    for name in _SAYS if does and does[0] in _OPENS else ():
        if name in node.entries:
            message = f'"{name}" means nothing here: a choice with {does[0]} is never an answer'
            reader.problem("shape", node.keys[name], message, "take it out")


def _alike(choices: Iterable[Choice], reader: Reader) -> None:
    """No two choices may be said by the same key, words or label."""
    seen: dict[tuple[str, str], Choice] = {}
    for choice in choices:
        for said in dict.fromkeys(_said(choice)):
            first = seen.setdefault(said, choice)
            if first is not choice:
                message = f'"{said[1]}" means both "{first.value}" and "{choice.value}"'
                reader.problem("duplicate-choice", choice.mark, message, "give each choice words of its own")
                break


def _said(choice: Choice) -> Iterable[tuple[str, str]]:
    if choice.opens:
        return
    if choice.key:
        yield "", choice.key
    for language, words in choice.words.items():
        yield from ((language, word.strip().casefold()) for word in words)
    for language, parts in choice.label.wording.items() if choice.label else ():
        text = parts[0].source if parts else None
        if text and not text.dynamic:
            yield language.partition("@")[0], text.text.strip().casefold()


def lower_choice(choice: Choice) -> dict[str, Any]:
    """A choice of a message as JSON; ``words`` and ``has`` of all languages together."""
    lowered: dict[str, Any] = {"value": choice.value, "shown": choice.label is not None}
    for name in ("label", "description"):
        if getattr(choice, name) is not None:
            lowered[name] = lower(getattr(choice, name))
    lowered["words"] = _all_words(choice.words)
    lowered["has"] = _all_words(choice.has)
    if choice.number:
        lowered["number"] = list(choice.number)
    if choice.key:
        lowered["key"] = choice.key
    if choice.url:
        lowered["url"] = lower_url(choice.url)
    if choice.call:
        lowered["call"] = lower(choice.call)
    for name in ("location", "calendar"):
        if getattr(choice, name):
            lowered[name] = lower_record(getattr(choice, name))
    if choice.share_location:
        lowered["share_location"] = True
    return lowered


def lower_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping with known keys, without those that were not written."""
    return {name: lower(each) for name, each in record.items() if each is not None}


def _all_words(words: Mapping[str, tuple[str, ...]]) -> list[str]:
    return list(dict.fromkeys(word for each in words.values() for word in each))


VALUES_SCHEMA: dict[str, Any] = {"pattern": "^[a-z][a-z0-9_]*$", "not": {"enum": sorted(EVENTS)}}
_BY_VALUE: dict[str, Any] = {
    "type": "object",
    "propertyNames": VALUES_SCHEMA,
    "additionalProperties": {"anyOf": [WORDS.schema(), {"$ref": "#/$defs/choice"}]},
}
_WIDE = Record(tuple(each for each in CHOICE.fields if each.name in _SAYS), "a choice of every ask")


def _wide_choices(node: Node, reader: Reader) -> tuple[Choice, ...] | None:
    if not isinstance(node, Map):
        reader.expected(node, "a mapping such as { agent: { words: [agent, person] } }")
        return None
    found = [_labelled(value, node.keys[value], each, reader, _WIDE) for value, each in node.entries.items()]
    choices = tuple(choice for choice in found if choice is not None)
    _alike(choices, reader)
    return choices


ASK_CHOICES = Custom(_message_choices, {"anyOf": [_BY_VALUE, EACH.schema()]}, "values and the label of each")
SHOWN_CHOICES = Custom(_shown_choices, _BY_VALUE, "values and the label of each")
WIDE_CHOICES = Custom(
    _wide_choices,
    {"type": "object", "propertyNames": VALUES_SCHEMA, "additionalProperties": _WIDE.schema()},
    "values and the words of each",
)
