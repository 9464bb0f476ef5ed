"""What may be kept and shown: numbers and sensitive values become keyed hashes, by which they can be found again."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from hashlib import blake2b
from typing import Any
from unicodedata import digit

import orjson

_WRITTEN = r"\+?[0-9]{7,15}(?![0-9a-fA-F])|\+?(?:[0-9][ ,]{1,2}){6,14}[0-9]"
"""A number as one writes it, or digit by digit as it is spelt to a caller."""

_NUMBER = re.compile(_WRITTEN.encode())
_NUMBER_TEXT = re.compile(_WRITTEN)
_TYPED = re.compile(r"[+\d](?:[ \u00a0.,()/-]{0,3}\d){6,18}")
"""A number as people type it, in digits of any script."""
_YEAR, _PART = r"(?:19|20)\d\d", r"[0-3]?\d"
_DAY = re.compile(rf"(?:{_YEAR}[-./]{_PART}[-./]{_PART}|{_PART}[-./ ]{{1,2}}{_PART}[-./ ]{{1,2}}{_YEAR})(?:,? \d\d?)?")
"""What is typed like a number and is a day, maybe with an hour behind it."""
_LONGEST_SPELT = 64
SECRET_KEYS = frozenset({"credentials", "authorization", "cookie"})


def keyed_hash(text: str, key: bytes) -> str:
    """What stands for a number in a journal or a counter: 24 hexadecimal digits, of its digits alone."""
    return blake2b(text.encode("utf-8", "replace"), key=key, digest_size=12).hexdigest()


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
    return _NUMBER_TEXT.sub(lambda match: f"~{digest(_plain(match[0]))}", _masked(text, sensitive))


def redact_typed(text: str, sensitive: Iterable[str], digest: Callable[[str], str]) -> str:
    """As :func:`redact_text`, of what a person wrote: ``(202) 555-0150`` is a number too, ``2026-12-24`` is none."""
    return _TYPED.sub(
        lambda match: match[0] if _DAY.fullmatch(match[0]) else f"~{digest(_plain(match[0]))}",
        _masked(text, sensitive),
    )


def may_hold_number(text: str) -> bool:
    """Whether :func:`redact_typed` might find a number in it."""
    return _TYPED.search(text) is not None


def _masked(text: str, sensitive: Iterable[str]) -> str:
    for value in sensitive:
        if len(value) > 1:
            text = _spelt(value).sub("****", text)
        elif value == text:
            return "****"
    return text


def _spelt(value: str) -> re.Pattern[str]:
    """The value, also when it is said character by character."""
    between = "[ ,]{0,2}" if len(value) <= _LONGEST_SPELT else ""
    return re.compile(between.join(map(re.escape, value)))


def redact(value: Any, sensitive: Collection[str], digest: Callable[[str], str]) -> Any:
    """Any JSON-like value, its keys kept."""
    if isinstance(value, str):
        return redact_text(value, sensitive, digest)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        if str(value) in sensitive:
            return "****"
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
    """Its digits, whatever script they are of."""
    return "".join(str(digit(each)) for each in number if each.isdigit())
