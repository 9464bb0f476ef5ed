"""A recorded call or conversation as readable text: what came, where it led and why, and what was answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from flowengine.inshort import in_short
from flowengine.recorded.newest import Brief
from flowengine.recorded.reading import Recorded
from flowengine.report import Paint, counted, printable

LONGEST = 200
"""Characters that are shown of one text."""
REACH = 8
"""Lines below the one of its branch on which a guard may stand."""
_LABEL = 10
_KEY = 12
_EVENTS = 6
_STEP = 30


@dataclass(frozen=True, slots=True)
class Sources:
    """The files of flows, by the flow's name: where each lies, and its lines as they are now."""

    files: Mapping[str, tuple[str, Sequence[str]]] = field(default_factory=dict)

    def place(self, line: int, source: str, *flows: str) -> str:
        """``file:line`` of a guard: in one of these flows, else in any; ``line LINE`` where the files say otherwise."""
        for name in dict.fromkeys([*flows, *self.files]):
            file, lines = self.files.get(name, ("", ()))
            if any(source in each for each in lines[line - 1 : line - 1 + REACH]):
                return f"{file}:{line}"
        return f"line {line}"


def lines(turns: Sequence[Recorded], key: str, sources: Sources, paint: Paint) -> Iterator[str]:
    """The whole as text; ``turns`` are not empty."""
    first, last = turns[0], turns[-1]
    head = paint(f"{kind_of(first)} of {first.flow}", "bold")
    yield f"{head}  {_day(first.at)}, times in UTC  {paint(f'session {key}', 'dim')}"
    yield ""
    before = first
    for turn in turns:
        yield from _turn(turn, before, sources, paint)
        before = turn
    yield ""
    yield paint(_sentence(turns, last), "bold")


def listed_lines(found: Sequence[Brief], paint: Paint) -> Iterator[str]:
    """``3f2a9c1b0d7e  Tue 24 Nov 2026 10:00:13  desk  start, ask, digits, …``: a line each."""
    widest = max((len(each.flow) for each in found), default=0)
    for each in found:
        events = ", ".join(_clean(event) for event in each.events[:_EVENTS])
        more = f", … ({len(each.events)} in all)" if len(each.events) > _EVENTS else ""
        yield f"{paint(each.session[:_KEY], 'bold')}  {moment(each.at)}  {each.flow:<{widest}}  {events}{more}"


def kind_of(first: Recorded) -> str:
    """What a session is whose first turn this is."""
    call = first.heard.get("event") == "ice" or first.answer is not None or "callout" in first.effects
    return "call" if call else "conversation"


def moment(at: float) -> str:
    """A day and a time, UTC."""
    return f"{_day(at)} {_time(at)}"


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%a %d %b %Y}"


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"


def _turn(turn: Recorded, before: Recorded, sources: Sources, paint: Paint) -> Iterator[str]:
    if _day(turn.at) != _day(before.at):
        yield _day(turn.at)
    what = _clean(came(turn.heard) or turn.event)
    yield f"{turn.n:>3} {paint(_time(turn.at), 'dim')}  {paint(what.ljust(_STEP), 'bold')}  {_clean(_way(turn))}"
    for label, text, *style in _details(turn, before, sources):
        yield f"    {paint(label.ljust(_LABEL), *style)}{_clean(text)}"


def _clean(text: str) -> str:
    text = printable(text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _way(turn: Recorded) -> str:
    """``event: from -> by -> to``, the whole path."""
    way = [*([turn.source] if turn.source else []), *turn.path]
    if turn.target and way[-1:] != [turn.target]:
        way.append(turn.target)
    if len(way) == 1 and turn.source == turn.target and turn.target:
        return f"{turn.event}: stays at {turn.target}"
    if way and not turn.target and not turn.incident:
        way.append("end")
    begins = "-> " if way and not turn.source else ""
    return f"{turn.event}: {begins}{' -> '.join(way)}".rstrip(": ")


def _details(turn: Recorded, before: Recorded, sources: Sources) -> Iterator[tuple[str, ...]]:
    for line, source, true in turn.because:
        place = sources.place(line, source, before.flow, turn.flow)
        yield "because", f"{place}: {source} is {'true' if true else 'false'}"
    for asker, value in turn.recorded:
        if asker != "contact":
            yield _outside(asker, value)
        elif known := _known(value):
            yield "knows", known
    if turn.changes:
        yield "set", ", ".join(f"{name} = {_json(value)}" for name, value in turn.changes.items())
    if turn.answer is not None:
        yield "answer", _answer(turn.answer)
    for text in turn.said:
        yield "sends", f"“{text}”"
    if others := [each for each in turn.effects if each != "send"]:
        yield "effects", ", ".join(others)
    for kind, text in turn.notes:
        yield "note", f"{kind}: {text}", "yellow"
    if turn.incident:
        yield "incident", f"{turn.incident}: the turn broke; the log has the error under this number", "red"


def _answer(answer: Mapping[str, Any]) -> str:
    return in_short(answer) if isinstance(answer.get("action"), Mapping) else _json(answer)


def _known(value: Any) -> str:
    """What was known of the contact before; of a call its fields, and what else."""
    parts = value if isinstance(value, list) else [value]
    found = {name: each for part in parts for name, each in part.items() if name != "number"}
    return ", ".join(f"{name} = {_json(each)}" for name, each in found.items())


def _outside(asker: str, value: Any) -> tuple[str, str]:
    """What a server, a function or chance gave."""
    kind, _, name = asker.partition(" ")
    if kind == "http" and isinstance(value, list) and len(value) == 4:
        status, data, failure, took = value
        return "http", f"{name}: {failure or status} {_json(data)} in {took:.3f} s"
    if kind == "function" and isinstance(value, list) and len(value) == 3:
        result, failure, took = value
        return "function", f"{name}: {failure or _json(result)} in {took:.3f} s"
    return kind, f"{name}: {_json(value)}"


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _sentence(turns: Sequence[Recorded], last: Recorded) -> str:
    broken = sum(bool(each.incident) for each in turns)
    wrong = f", {counted(broken, 'incident')}" if broken else ""
    revisions = list(dict.fromkeys(each.revision[:12] for each in turns))
    stands = f"it waits at {last.target} of {last.flow}" if last.target else "it is over"
    took = _length(last.at - turns[0].at)
    return f"{counted(len(turns), 'turn')} in {took}{wrong}; {stands} (revision {', '.join(revisions)})."


def _length(seconds: float) -> str:
    for name, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} s"


# --- what came ---------------------------------------------------------------------------------------------------


def came(heard: Mapping[str, Any]) -> str:
    """What a turn heard in a few words; nothing where the row does not say."""
    tell = _CAME.get(heard.get("event", ""))
    return tell(heard) if tell is not None else ""


def _pie(heard: Mapping[str, Any]) -> str:
    kind, value = heard["type"], heard["value"]
    says = "says" if heard["inputMethod"] in ("voice", "speech") else ""
    if kind == "return":
        return f"{says or 'chooses'} {value}"
    if kind == "sequence":
        return f"{says or 'presses'} {value}"
    words = {"timeout": "says and presses nothing", "invalidinput": "presses a wrong key", "hangup": "hangs up"}
    return words.get(kind, f"the menu ended: {kind}")


def _ice(heard: Mapping[str, Any]) -> str:
    return f"a call from {_number(heard['cli'])}" if heard["cli"] else "a call, number withheld"


def _number(number: str) -> str:
    return number[:9]


def _ace(heard: Mapping[str, Any]) -> str:
    return f"answered: {heard['amd']['status']}" if "amd" in heard else "answered"


def _dice(heard: Mapping[str, Any]) -> str:
    return f"the call ended: {heard['result']} {heard['reason']} {heard['duration']} s"


def _message(heard: Mapping[str, Any]) -> str:
    if "choice" in heard:
        return f"taps {heard['choice']}"
    if "media" in heard:
        return f"sends {heard['media']}" + (f" “{heard['text']}”" if "text" in heard else "")
    if "location" in heard:
        return "shares a location"
    return f"writes “{heard['text']}”" if "text" in heard else f"writes ({heard['kind']})"


def _start(heard: Mapping[str, Any]) -> str:
    inputs = ", ".join(f"{name} = {_json(each)}" for name, each in heard["inputs"].items())
    return f"{heard['flow']} is started{' with ' if inputs else ''}{inputs}"


_CAME: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "ice": _ice,
    "pie": _pie,
    "ace": _ace,
    "dice": _dice,
    "notify": lambda heard: f"notify {heard['type']}",
    "outside": lambda heard: f"event {heard['name']}",
    "elapsed": lambda heard: "the time is over",
    "timer": lambda heard: "its timer fires",
    "start": _start,
    "refused": lambda heard: f"the platform refused: {heard['reason']}",
    "lost": lambda heard: "nothing was heard of it any more",
    "patched": lambda heard: "the live call was changed",
    "message": _message,
    "link": lambda heard: f"follows the link {heard['payload']}",
    "receipt": lambda heard: f"not delivered: {heard['reason']}",
    "consent": lambda heard: f"opts {'out' if heard['out'] else 'in'} with the platform",
    "called": lambda heard: f"the call it placed came to {heard['outcome']}",
}
