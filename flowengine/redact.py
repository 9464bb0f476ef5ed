"""What may be kept and shown: numbers and sensitive values become keyed hashes, by which they can be found again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

_WRITTEN = r"\+?[0-9]{7,15}(?![0-9a-fA-F])|\+?(?:[0-9][ ,]{1,2}){6,14}[0-9]"
"""A number as one writes it, or digit by digit as it is spelt to a caller."""

_NUMBER = re.compile(_WRITTEN.encode())
_NUMBER_TEXT = re.compile(_WRITTEN)
_LONGEST_SPELT = 64
SECRET_KEYS = frozenset({"credentials", "authorization", "cookie"})


def redact_bytes(body: bytes, sensitive: Iterable[str], digest: Callable[[str], str]) -> bytes:
    """An answer without numbers and without the values named in ``sensitive``."""
    hidden = [value for value in sensitive if len(value) > 1]
    if hidden:
        # Text by text: among the bytes a value may be written with escapes, or be part of a length of time.
        return orjson.dumps(redact(orjson.loads(body), hidden, digest))
    if not _NUMBER.search(body):
        return body
    return _NUMBER.sub(lambda match: f"~{digest(_plain(match[0].decode()))}".encode(), body)


def redact_text(text: str, sensitive: Iterable[str], digest: Callable[[str], str]) -> str:
    for value in sensitive:
        if len(value) > 1:
            text = _spelt(value).sub("****", text)
    return _NUMBER_TEXT.sub(lambda match: f"~{digest(_plain(match[0]))}", text)


def _spelt(value: str) -> re.Pattern[str]:
    """The value, also when it is said character by character."""
    between = "[ ,]{0,2}" if len(value) <= _LONGEST_SPELT else ""
    return re.compile(between.join(map(re.escape, value)))


def redact(value: Any, sensitive: Iterable[str], digest: Callable[[str], str]) -> Any:
    """Any JSON-like value, its keys kept."""
    if isinstance(value, str):
        return redact_text(value, sensitive, digest)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return value if abs(value) < 1_000_000 else f"~{digest(str(value))}"
    if isinstance(value, Mapping):
        return {
            str(key): "****" if str(key).lower() in SECRET_KEYS else redact(each, sensitive, digest)
            for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact(each, sensitive, digest) for each in value]
    return redact_text(str(value), sensitive, digest)


def _plain(number: str) -> str:
    return "".join(each for each in number if each.isdigit())
