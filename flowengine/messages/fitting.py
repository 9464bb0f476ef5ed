"""Cutting rendered text to what a channel takes, without breaking a character."""

from __future__ import annotations

import unicodedata
from typing import Any

from flowengine.messages.numbering import units

DOTS = "..."
_JOINER = "\u200d"


def clean(text: str) -> str:
    """``text`` that can be sent as UTF-8: halves of characters that stand alone become U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def cut(text: str, room: int | None) -> str:
    """``text`` in at most ``room`` UTF-16 units, with three dots if something went; between characters as seen.

    >>> cut("Book a table", 10), cut("Book", 10), cut("Book", None)
    ('Book a...', 'Book', 'Book')
    """
    if room is None or units(text) <= room:
        return text
    dots = DOTS if room > len(DOTS) else ""
    kept, used = 0, 0
    for place, char in enumerate(text):
        if used <= room - len(dots) and is_edge(text, place):
            kept = place
        used += 1 + (char > "\uffff")
        if used > room:
            break
    return text[:kept].rstrip() + dots


def is_edge(text: str, place: int) -> bool:
    """Whether ``text`` may be parted before ``place``: not inside an accented letter, a joined emoji or a flag."""
    if place <= 0 or place >= len(text):
        return True
    before, char = text[place - 1], text[place]
    if _JOINER in (before, char) or unicodedata.category(char)[0] == "M" or _clings(char):
        return False
    if _is_region(before) and _is_region(char):
        start = place
        while start and _is_region(text[start - 1]):
            start -= 1
        return (place - start) % 2 == 0
    return (before, char) != ("\r", "\n")


def _clings(char: str) -> bool:
    return "\U0001f3fb" <= char <= "\U0001f3ff" or "\U000e0020" <= char <= "\U000e007f"


def _is_region(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def clean_all(value: Any) -> Any:
    """Plain data with every text in it cleaned."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(key)): clean_all(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [clean_all(each) for each in value]
    return value
