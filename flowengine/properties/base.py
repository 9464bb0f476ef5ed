"""What a property is, and how the properties of a flow are judged over a play.

A play is told in order: each state that is entered, each thing that people hear, read or meet, and the end. A property
sees nothing else, so whatever can tell a play (a scenario, an exploration, a recorded call) can be judged.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

from flowengine.fields import Type
from flowengine.problems import Mark


class Seen(Protocol):
    """One thing that was observed.

    ``kind`` is ``hears``, ``reads``, ``sends``, ``connects``, ``rings``, ``joins``, ``records``, ``ends`` …; ``text``
    the words, number or address, or the platform's reason why a call ended; ``asks``: it waits for an answer;
    ``choices`` the labels of buttons; ``more`` what was carried out, the same object where a prompt is repeated.
    """

    @property
    def kind(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def asks(self) -> bool: ...
    @property
    def choices(self) -> tuple[str, ...]: ...
    @property
    def more(self) -> Any: ...


class Watcher:
    """Follows one play for one property. Every method gives one sentence about what was broken, or nothing."""

    def saw(self, seen: Seen) -> str:
        """Something was observed."""
        return ""

    def turned(self, flow: str, kind: str, state: str) -> str:
        """A state was entered; ``kind`` is empty for one that has none."""
        return ""

    def over(self) -> str:
        """The call or conversation ended, whoever ended it."""
        return ""

    def standing(self) -> Hashable:
        """What the rest of the play is judged by: two plays that stand alike are broken by the same things."""
        return ()


@dataclass(frozen=True, slots=True)
class Property:
    """What must always hold in a flow. ``value`` is read by ``type``; ``mark`` is where the name stands."""

    value: Any
    mark: Mark

    name: ClassVar[str]
    type: ClassVar[Type]
    channels: ClassVar[tuple[str, ...]] = ()
    """The sorts of flow that may have it; empty: both."""
    needs: ClassVar[frozenset[str]] = frozenset()
    """Kinds and instructions of which a flow has one, or the property can never be broken; empty: it always can."""

    def watch(self) -> Watcher:
        raise NotImplementedError


class Broken(NamedTuple):
    """A property that did not hold, where it is declared, and how it was broken."""

    property: Property
    mark: Mark
    sentence: str


class Judge:
    """Follows one play for many properties; each is told once, the first time it is broken."""

    def __init__(self, properties: Iterable[Property]) -> None:
        self._watchers = [(each, each.watch()) for each in properties]

    def saw(self, seen: Seen) -> list[Broken]:
        """Something was observed."""
        return self._told([(each, watcher, watcher.saw(seen)) for each, watcher in self._watchers])

    def turned(self, flow: str, kind: str, state: str) -> list[Broken]:
        """A state was entered; ``kind`` is empty for one that has none."""
        return self._told([(each, watcher, watcher.turned(flow, kind, state)) for each, watcher in self._watchers])

    def over(self) -> list[Broken]:
        """The call or conversation ended, whoever ended it."""
        return self._told([(each, watcher, watcher.over()) for each, watcher in self._watchers])

    def standing(self) -> Hashable:
        """What the rest of the play is judged by; plays that are compared by where they got to differ in this too."""
        return tuple((each.name, watcher.standing()) for each, watcher in self._watchers)

    def _told(self, found: list[tuple[Property, Watcher, str]]) -> list[Broken]:
        broken = [Broken(each, each.mark, sentence) for each, _, sentence in found if sentence]
        if broken:
            self._watchers = [(each, watcher) for each, watcher, sentence in found if not sentence]
        return broken


def judge(properties: Iterable[Property]) -> Judge:
    """A judge for one play."""
    return Judge(properties)


# --- what the files say of themselves --------------------------------------------------------------------

_BLOCK = re.compile(r"```(\w+(?: \w+)?)\n(.*?)```\n?", re.DOTALL)


class Described(NamedTuple):
    """The docstring of a property's file: its example, a play that keeps it, one that breaks it, and what is told."""

    prose: str
    example: str
    right: str
    wrong: str
    told: str


def described(kind: type[Property]) -> Described:
    """What the file of a property says. A part that is missing is empty."""
    doc = (sys.modules[kind.__module__].__doc__ or "").strip()
    blocks = {match[1]: match[2] for match in _BLOCK.finditer(doc)}
    prose = " ".join(_BLOCK.sub("", doc).split())
    return Described(prose, *(blocks.get(name, "") for name in ("yaml", "yaml right", "yaml wrong", "text")))
