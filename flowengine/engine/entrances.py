"""Which flow a message begins: keywords, links and ``any``, the narrowest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flowengine.linking import Program
from flowengine.messages.folding import fold


@dataclass(frozen=True, slots=True)
class Entrance:
    """One trigger of a message flow. Empty ``app``, ``channels`` and ``to`` admit everything."""

    flow: str
    enter: str
    app: str = ""
    channels: frozenset[str] = frozenset()
    to: str = ""
    interrupt: bool = False

    def admits(self, app: str, channel: str, to: str) -> bool:
        return (
            (not self.app or self.app == app)
            and (not self.channels or channel in self.channels)
            and (not self.to or self.to == to)
        )

    @property
    def narrow(self) -> int:
        """How much it asks for: a number more than an app, an app more than a channel."""
        return 4 * bool(self.to) + 2 * bool(self.app) + bool(self.channels)


@dataclass(slots=True)
class Entrances:
    """All triggers of a project's message flows. ``words`` are folded."""

    words: dict[str, list[Entrance]] = field(default_factory=dict)
    links: list[tuple[str, Entrance]] = field(default_factory=list)
    anyone: list[Entrance] = field(default_factory=list)

    def by_words(self, text: str, app: str, channel: str, to: str) -> Entrance | None:
        """``text`` is folded already."""
        return _narrowest(self.words.get(text, ()), app, channel, to)

    def interrupting(self, text: str, app: str, channel: str, to: str, playing: str) -> Entrance | None:
        """A keyword that may break into another flow."""
        found = self.by_words(text, app, channel, to)
        return found if found is not None and found.interrupt and found.flow != playing else None

    def by_link(self, payload: str, app: str, channel: str, to: str) -> Entrance | None:
        """``shop*`` is every payload that begins with ``shop``; a whole one counts before it, then the longest."""
        fitting = [(not value.endswith("*"), len(value), each) for value, each in self.links if _fits(value, payload)]
        fitting.sort(key=lambda found: found[:2], reverse=True)
        return _narrowest([each for *_, each in fitting], app, channel, to)

    def for_any(self, app: str, channel: str, to: str) -> Entrance | None:
        return _narrowest(self.anyone, app, channel, to)


def _fits(value: str, payload: str) -> bool:
    return payload.startswith(value[:-1]) if value.endswith("*") else payload == value


def _narrowest(found: Iterable[Entrance], app: str, channel: str, to: str) -> Entrance | None:
    return max((each for each in found if each.admits(app, channel, to)), key=lambda each: each.narrow, default=None)


def entrances(programs: Mapping[str, Program], env: Mapping[str, str]) -> Entrances:
    """``env`` gives the id of an app that a trigger names by its variable."""
    found = Entrances()
    for program in programs.values():
        if program.channel != "message":
            continue
        for kind, value, more in program.image["triggers"]:
            _add(found, program.name, kind, value, more, env)
    return found


def _add(found: Entrances, flow: str, kind: str, value: str, more: Mapping[str, Any], env: Mapping[str, str]) -> None:
    app = more.get("app", "")
    entrance = Entrance(
        flow,
        more.get("enter", ""),
        env.get(app, app),
        frozenset(more.get("channels", ())),
        "".join(each for each in more.get("to", "") if each.isdigit()),
        bool(more.get("interrupt")),
    )
    if kind == "keywords":
        for word in more["words"]:
            found.words.setdefault(fold(word), []).append(entrance)
    elif kind == "link":
        found.links.append((value, entrance))
    elif kind == "any":
        found.anyone.append(entrance)
