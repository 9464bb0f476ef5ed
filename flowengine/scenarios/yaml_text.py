"""Plain values → readable YAML: one line where it fits, text in quotes only where it must be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

WIDTH = 120

_FIRST = re.compile(r"[\w/(¿¡$€£]")
_ENDS_PLAIN = re.compile(r":(?: |$)| #")
_OF_FLOW = re.compile(r"[,\[\]{}]")
_TYPED = re.compile(
    r"(?i:true|false|null|yes|no|on|off|\.?(?:inf|nan))"
    r"|[-+.]?[0-9][0-9_.,:eExXoOtTzZa-fA-F+*# ()-]*"
)
"""What some reader of YAML takes for something else than text, and telephone numbers."""
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


class Raw(str):
    """Text that is YAML already."""

    __slots__ = ()


def entry(head: str, value: Any, at: int) -> list[str]:
    """The lines of a key or dash (``head``, with its indentation) and its value; ``at`` is where deeper lines begin."""
    one = inline(value)
    several = isinstance(value, Mapping | list | tuple) and len(value) > 0
    if one is not None and (not several or len(head) + 1 + len(one) <= WIDTH):
        return [f"{head} {one}"]
    if isinstance(value, str):
        return [f"{head} {'|' if value.endswith(chr(10)) else '|-'}", *_literal(value, at)]
    return [head, *below(value, at)]


def below(value: Mapping[str, Any] | list[Any] | tuple[Any, ...], at: int) -> list[str]:
    """The lines of a mapping or list that begins at this column."""
    pad = " " * at
    if isinstance(value, Mapping):
        return [line for key, each in value.items() for line in entry(f"{pad}{scalar(key)}:", each, at + 2)]
    return [line for each in value for line in entry(f"{pad}-", each, at + 2)]


def inline(value: Any, in_flow: bool = False) -> str | None:
    """The value on one line, or None where it holds text that reads better on several."""
    if isinstance(value, Mapping):
        pairs = [(scalar(key, True), inline(each, True)) for key, each in value.items()]
        if any(each is None for _, each in pairs):
            return None
        return f"{{ {', '.join(f'{key}: {each}' for key, each in pairs)} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        items = [inline(each, True) for each in value]
        return None if None in items else f"[{', '.join(each for each in items if each is not None)}]"
    return None if _reads_better_on_lines(value) else scalar(value, in_flow)


def scalar(value: Any, in_flow: bool = False) -> str:
    """One scalar; ``in_flow``: between brackets."""
    if isinstance(value, Raw):
        return value
    if isinstance(value, str):
        return value if _is_plain(value, in_flow) else quoted(value)
    return (
        {True: "true", False: "false"}[value] if isinstance(value, bool) else "null" if value is None else repr(value)
    )


def quoted(text: str) -> str:
    return '"' + "".join(_escaped(each) for each in text) + '"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if 0xD800 <= code <= 0xDFFF:  # half of a pair is no character, and no file can hold it
        return "\ufffd"
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def _is_plain(text: str, in_flow: bool) -> bool:
    if not _FIRST.match(text) or not text.isprintable() or text != text.strip() or _TYPED.fullmatch(text):
        return False
    return not _ENDS_PLAIN.search(text) and not (in_flow and _OF_FLOW.search(text))


def _reads_better_on_lines(value: Any) -> bool:
    if not isinstance(value, str) or isinstance(value, Raw) or "\n" not in value.rstrip("\n"):
        return False
    return not value[0].isspace() and not value.endswith("\n\n") and value.replace("\n", "").isprintable()


def _literal(text: str, at: int) -> list[str]:
    return [f"{' ' * at}{line}" if line else "" for line in text.removesuffix("\n").split("\n")]
