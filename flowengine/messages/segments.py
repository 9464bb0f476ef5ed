"""What an SMS costs: its encoding, its parts, and the characters that make it dearer than it looks."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("^{}\\[~]|€\f")
_SINGLE = {"GSM-7": 160, "UCS-2": 70}
_JOINED = {"GSM-7": 153, "UCS-2": 67}

REPLACEMENTS = {
    **dict.fromkeys("‘’‚‛′`´ʼ‹›", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("‐‑‒–—―−•‣", "-"),
    **dict.fromkeys("\t\u00a0\u2002\u2003\u2007\u2008\u2009\u200a\u202f\u3000", " "),
    **dict.fromkeys("\u00ad\u200b\u2060\ufeff", ""),
    **dict.fromkeys("\u2028\u2029", "\n"),
    "…": "...",
    "×": "x",
    "½": "1/2",
    "¼": "1/4",
    "¾": "3/4",
    "™": "(TM)",
    "©": "(c)",
    "®": "(R)",
}
"""What reads the same and is in GSM-7. No letters, ``ç`` and ``á`` neither: another letter is a misspelling."""


@dataclass(frozen=True, slots=True)
class Segments:
    """How a text travels: ``units`` are septets or UTF-16 units, ``left`` those still free in the last part."""

    encoding: str
    units: int
    parts: int
    per_part: int
    left: int


def count(text: str) -> Segments:
    """The parts of ``text`` sent as SMS; each is billed. A character of two units is never split over two parts.

    >>> count("a" * 161)
    Segments(encoding='GSM-7', units=161, parts=2, per_part=153, left=145)
    """
    encoding = "GSM-7" if all(char in GSM or char in EXTENDED for char in text) else "UCS-2"
    sizes = [_size(char, encoding) for char in text]
    units = sum(sizes)
    if units <= _SINGLE[encoding]:
        return Segments(encoding, units, 1, _SINGLE[encoding], _SINGLE[encoding] - units)
    room = _JOINED[encoding]
    parts, used = 1, 0
    for size in sizes:
        if used + size > room:
            parts, used = parts + 1, 0
        used += size
    return Segments(encoding, units, parts, room, room - used)


def _size(char: str, encoding: str) -> int:
    return 2 if (char in EXTENDED if encoding == "GSM-7" else ord(char) > 0xFFFF) else 1


def culprits(text: str) -> list[tuple[str, str | None]]:
    """The characters that force UCS-2, each once and in order, with what could stand for it, or None.

    An empty replacement means: leave it out. A letter written as letter and accent counts as one character.

    >>> culprits("“Olá”…")
    [('“', '"'), ('á', None), ('”', '"'), ('…', '...')]
    """
    found: dict[str, str | None] = {}
    for cluster in _clusters(text):
        if not all(char in GSM or char in EXTENDED for char in cluster):
            found.setdefault(cluster, _replacement(cluster))
    return list(found.items())


def cheaper(text: str) -> tuple[int, int, list[tuple[str, str]]] | None:
    """Parts now, parts with every replaceable character replaced, and which those are; None if that saves no part."""
    swaps = [(old, new) for old, new in culprits(text) if new is not None]
    if not swaps:
        return None
    table = dict(swaps)
    now = count(text).parts
    then = count("".join(table.get(cluster, cluster) for cluster in _clusters(text))).parts
    return (now, then, swaps) if then < now else None


def _replacement(cluster: str) -> str | None:
    if cluster in REPLACEMENTS:
        return REPLACEMENTS[cluster]
    composed = unicodedata.normalize("NFC", cluster)
    return composed if composed in GSM else None


def _clusters(text: str) -> Iterator[str]:
    """Characters, each with the accents that follow it."""
    start = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or not unicodedata.combining(text[place]):
            yield text[start:place]
            start = place
