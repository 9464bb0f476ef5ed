"""``choices``: what a person may answer, and the key that says it. Shared by ``menu`` and ``wait``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flowengine.document import Map, Node, Text, kind_of
from flowengine.fields import NAME, Custom, Reader, unknown_key
from flowengine.problems import Mark

RESERVED = ("repeat", "back")
EVENTS = frozenset(
    """timeout invalidinput hangup error disconnected answered human machine notsure beep digits recorded elapsed
    chosen answer empty failed message done expired else end continue open closed holiday ok taken returned tick
    recording_finished recording_available transcription_available start""".split()
)
KEY = re.compile(r"[0-9*#]")


@dataclass(frozen=True, slots=True)
class Choice:
    """``value`` is the event and, without a handler, the state it leads to; ``key`` the key pressed for it."""

    value: str
    key: str
    mark: Mark


def _read(node: Node, reader: Reader) -> tuple[Choice, ...] | None:
    if not isinstance(node, Map):
        reader.expected(node, "a mapping from values to keys, such as { sales: 1, service: 2 }")
        return None
    found = [_choice(value, node.keys[value], each, reader) for value, each in node.entries.items()]
    choices = tuple(choice for choice in found if choice is not None)
    _twice(choices, reader)
    return choices


def _choice(value: str, key: Text, node: Node, reader: Reader) -> Choice | None:
    if not NAME.fullmatch(value):
        fix = f'write the value first: "sales: {value}"' if KEY.fullmatch(value) else ""
        reader.problem("name", key, f'found the choice "{value}"; expected a name (a-z, 0-9 and _)', fix)
        return None
    if value in EVENTS:
        message = f'"{value}" is the name of an event and cannot be a choice'
        reader.problem("reserved-name", key, message, "choose another value")
        return None
    pressed = _key(node, reader)
    return Choice(value, pressed, key.mark) if pressed else None


def _key(node: Node, reader: Reader) -> str:
    if isinstance(node, Map):
        for key in node.entries:
            if key != "key":
                unknown_key(reader, node.keys[key], ("key",), "a choice of a call")
        if "key" not in node.entries:
            reader.problem("missing-key", node, 'the choice has no "key"', "add the key to press, such as key: 1")
            return ""
        node = node.entries["key"]
    if isinstance(node, Text) and KEY.fullmatch(node.value):
        return node.value
    reader.problem(
        "shape",
        node,
        f"found {kind_of(node)}; expected one key of 0-9, '*' or '#'",
        "press one key per choice",
    )
    return ""


def _twice(choices: tuple[Choice, ...], reader: Reader) -> None:
    seen: dict[str, Choice] = {}
    for choice in choices:
        first = seen.setdefault(choice.key, choice)
        if first is not choice:
            message = f'key {choice.key} is both "{first.value}" and "{choice.value}"'
            reader.problem("duplicate-choice", choice.mark, message, "give each choice its own key")


_KEY_SCHEMA: dict[str, Any] = {
    "type": ["string", "integer"],
    "pattern": "^[0-9*#]$",
    "minimum": 0,
    "maximum": 9,
}

CHOICES = Custom(
    _read,
    {
        "type": "object",
        "propertyNames": {"pattern": "^[a-z][a-z0-9_]*$", "not": {"enum": sorted(EVENTS)}},
        "additionalProperties": {
            "anyOf": [
                _KEY_SCHEMA,
                {
                    "type": "object",
                    "properties": {"key": _KEY_SCHEMA},
                    "required": ["key"],
                    "additionalProperties": False,
                },
            ]
        },
    },
    "a mapping from values to keys",
)
