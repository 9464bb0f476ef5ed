"""What a check says, and what all of them look at."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from flowengine.stores.base import Store

Word = Literal["ok", "FAIL", "warn", "skip"]


@dataclass(frozen=True, slots=True)
class Finding:
    """``what`` was looked at, in one word; what was found, in one sentence without its full stop.

    Of what fails, ``needed`` says for what it is needed, and ``fix`` what to do. Nothing in it is secret or a number.
    """

    word: Word
    what: str
    sentence: str
    needed: str = ""
    fix: str = ""


@dataclass(slots=True)
class Site:
    """``flows`` are the compiled flows by name, empty where they cannot be served; ``about`` says what became of them.

    ``store`` is open, or None where it cannot be: ``store_about`` says why, or what it is.
    """

    env: Mapping[str, str]
    about: Finding
    store_about: Finding
    store_url: str
    flows: Mapping[str, Any] = field(default_factory=dict)
    revision: str = ""
    needs_env: Sequence[str] = ()
    store: Store | None = None
    now: float = field(default_factory=time.time)


class Check(Protocol):
    """Looks at one thing. Raises :class:`~flowengine.stores.base.StoreDown`."""

    def __call__(self, site: Site) -> Iterator[Finding]: ...


def parted(sentence: str) -> tuple[str, str]:
    """What was found and what to do, of a sentence that says both: ``…; do this.`` or ``…: do this.``"""
    sentence = sentence.rstrip(".")
    found, _, fix = sentence.rpartition("; " if "; " in sentence else ": ")
    return (found, fix) if found else (sentence, "")


def long_ago(seconds: float) -> str:
    """A length of time as one says it, in its largest unit."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}s"
    return f"{max(seconds, 0):.0f} s"
