"""``choices`` of a call: what a person may answer, and the key that says it. Shared by ``menu`` and ``wait``."""

from __future__ import annotations

from typing import Any

from flowengine.choosing import CHOICE, EVENTS, KEY, RESERVED, VALUES_SCHEMA, named
from flowengine.document import Map, Node, Text, kind_of
from flowengine.fields import Custom, Reader, unknown_key
from flowengine.model import Choice


def _read(node: Node, reader: Reader) -> tuple[Choice, ...] | None:
    if not isinstance(node, Map):
        reader.expected(node, "a mapping from values to keys, such as { sales: 1, service: 2 }")
        return None
    found = [_choice(value, node.keys[value], each, reader) for value, each in node.entries.items()]
    choices = tuple(choice for choice in found if choice is not None)
    _twice(choices, reader)
    return choices


def _choice(value: str, key: Text, node: Node, reader: Reader) -> Choice | None:
    if not named(value, key, reader):
        return None
    pressed = _key(node, reader)
    return Choice(value, pressed, key.mark) if pressed else None


def _key(node: Node, reader: Reader) -> str:
    if isinstance(node, Map):
        for key in node.entries:
            if key in CHOICE.named() and key != "key":
                reader.wrong_channel(node.keys[key], key, ("message",), "a choice of a call has a key")
            elif key != "key":
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
        "propertyNames": VALUES_SCHEMA,
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

__all__ = ["CHOICES", "EVENTS", "KEY", "RESERVED", "Choice"]
