"""Ids like the platform's: 26 characters that sort by the order they were made in, the same for the same seed."""

from __future__ import annotations

import random
import threading

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BEGIN = 1_772_442_900_000
"""Milliseconds of the first id: March 2026."""


class Ids:
    """May be used by several threads."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._made = 0

    def new(self) -> str:
        with self._lock:
            self._made += 1
            return _base32(_BEGIN + self._made, 10) + _base32(self._random.getrandbits(80), 16)


def _base32(number: int, width: int) -> str:
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(width)))
