"""Whether a turn came to the same as the recorded one, as far as anybody outside can tell.

Hashes of numbers need not be equal, only stand in the same places; ``****`` stands for anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

import orjson

from flowengine.inshort import in_short
from flowengine.recorded.made_up import HASH
from flowengine.recorded.reading import Recorded

WILD = re.compile(r"\*{4}(?:call[0-9]+)?|(?:%2A){4}(?:call[0-9]+)?")
NOTHING = "nothing"


class Differs(NamedTuple):
    """``what`` differs: ``event``, ``path``, ``answer``, ``messages``, ``effects`` or ``turn``; how it was and is."""

    what: str
    then: str
    now: str


class Sameness:
    """Compares the turns of one session, one after the other: which hash stands for which is remembered."""

    def __init__(self) -> None:
        self._then: dict[str, str] = {}
        self._now: dict[str, str] = {}

    def first(self, then: Recorded, now: Recorded | None) -> Differs | None:
        """The first thing that is not as recorded; None: nothing. ``now`` is None where no turn came of it."""
        if now is None:
            return Differs("turn", then.event, "nothing came of it")
        if bool(then.incident) != bool(now.incident):
            return Differs("turn", _broke(then), _broke(now))
        if then.event != now.event:
            return Differs("event", then.event, now.event)
        if way(then) != way(now):
            return Differs("path", shown(way(then)), shown(way(now)))
        return self._given(then, now)

    def _given(self, then: Recorded, now: Recorded) -> Differs | None:
        """What came out."""
        if not self.same(then.answer, now.answer):
            return Differs("answer", *_apart(then.answer, now.answer, self))
        for one, other in zip_longest(then.said, now.said):
            if one is None or other is None or not self._texts(one, other):
                return Differs("messages", _quoted(one), _quoted(other))
        if list(then.effects) != list(now.effects):
            return Differs("effects", ", ".join(then.effects) or NOTHING, ", ".join(now.effects) or NOTHING)
        return None

    def same(self, then: Any, now: Any) -> bool:
        """Whether two JSON values are the same."""
        if isinstance(then, str) and isinstance(now, str):
            return self._texts(then, now)
        if isinstance(then, Mapping) and isinstance(now, Mapping):
            return list(then) == list(now) and all(self.same(each, now[key]) for key, each in then.items())
        if isinstance(then, list) and isinstance(now, list):
            return len(then) == len(now) and all(map(self.same, then, now))
        return bool(then == now) and isinstance(then, bool) == isinstance(now, bool)

    def _texts(self, then: str, now: str) -> bool:
        if WILD.search(then) or WILD.search(now):
            return meets(HASH.sub("~", then), HASH.sub("~", now))
        if "~" in then or "~" in now:
            then, now = _numbered(then, self._then), _numbered(now, self._now)
        return then == now


def _numbered(text: str, seen: dict[str, str]) -> str:
    """Hashes by the order in which they came up first."""
    return HASH.sub(lambda match: seen.setdefault(match[0], f"~{len(seen) + 1}"), text)


def meets(one: str, other: str) -> bool:
    """Whether two texts can be the same where ``****`` stands for anything."""
    some, others = _pieces(one), _pieces(other)
    ways = {0}  # how many of the others' pieces are used up
    for piece in some:
        ways = set(_step(piece, _open(ways, others), others))
    return len(others) in _open(ways, others)


def _pieces(text: str) -> list[str]:
    """Its characters; one that is ``""`` stands for any."""
    found: list[str] = []
    at = 0
    for match in WILD.finditer(text):
        found += [*text[at : match.start()], ""]
        at = match.end()
    return [*found, *text[at:]]


def _open(ways: set[int], others: Sequence[str]) -> set[int]:
    """Places that are reached where what stands for anything stands for nothing."""
    found = set(ways)
    for each in sorted(ways):
        while each < len(others) and others[each] == "":
            each += 1
            found.add(each)
    return found


def _step(piece: str, ways: set[int], others: Sequence[str]) -> Iterator[int]:
    if piece == "":
        yield from range(min(ways, default=0), len(others) + 1 if ways else 0)
        return
    for each in ways:
        if each < len(others) and others[each] == piece:
            yield each + 1
        if each and others[each - 1] == "":  # it stands for this one, too
            yield each


# --- how it is shown ------------------------------------------------------------------------------------------


def way(turn: Recorded) -> list[str]:
    """The states gone through, and where it stands then."""
    found = list(turn.path)
    return found if found[-1:] == [turn.target] else [*found, turn.target]


def shown(path: Sequence[str]) -> str:
    return " -> ".join(each or "end" for each in path) or NOTHING


def _broke(turn: Recorded) -> str:
    return "the turn broke" if turn.incident else f"{turn.event}, which led to {shown(way(turn))}"


def _apart(then: Any, now: Any, same: Sameness) -> tuple[str, str]:
    """Two answers, told by the first thing that tells them apart: a prompt, a number, else the whole."""
    one, other = answer_text(then), answer_text(now)
    if one == other:
        return leaf(then, now, same)
    return one, other


def leaf(then: Any, now: Any, same: Sameness, path: str = "") -> tuple[str, str]:
    """The first part of two JSON values that differs, each with its path."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys([*then, *now]):
            if key not in then or key not in now or not same.same(then[key], now[key]):
                return leaf(then.get(key), now.get(key), same, f"{path}.{key}".lstrip("."))
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for at, (one, other) in enumerate(zip(then, now, strict=True)):
            if not same.same(one, other):
                return leaf(one, other, same, f"{path}[{at}]")
    return f"{path} {_json(then)}".strip(), f"{path} {_json(now)}".strip()


def answer_text(answer: Any) -> str:
    if answer is None:
        return NOTHING
    return in_short(answer) if isinstance(answer.get("action"), Mapping) else _json(answer)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _quoted(text: str | None) -> str:
    return "no message" if text is None else f"“{text}”"
