"""What may surround a play: what servers and functions answer, the hour, what chance draws, what is known before.

A world is chosen as a play goes on: each question that a flow puts to it has *options*, the first of which is the
ordinary one. Those that stand from the beginning (the hour, the contact, chance, functions) are named by a *key*.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

from flowengine.engine.calendar import opening
from flowengine.engine.library import Library
from flowengine.exploring.facts import Facts, Name, names
from flowengine.exploring.samples import PHONE, called, unique, values
from flowengine.fetch import Request, Response
from flowengine.model import Each, Flow, Source, State
from flowengine.scenarios.model import NOW, Answer, Stub
from flowengine.stage import World
from flowengine.states.http import METHODS

Setting = tuple[tuple[str, int], ...]
"""Which option of each key stands, where it is not the first; by key."""

MOST_TOGETHER = 24
"""Combinations of values that are tried together; with more of them one value is changed at a time."""
MOST_MOMENTS = 12
HOURS = 24 * 40
"""Hours that are looked through for one in which the calendars stand differently."""
_NEVER = Answer(failure="timeout")


class Worlds:
    """The worlds around the flows of ``facts``; ``library`` is what they are played with."""

    def __init__(self, facts: Facts, library: Library) -> None:
        self.facts, self.library = facts, library
        self._steps = [
            (flow, state) for flow in facts.flows.values() for state in flow.states.values() if state.config is not None
        ]
        self._known: dict[str, Sequence[Answer]] = {}

    # --- what stands from the beginning --------------------------------------------------------------------

    @cached_property
    def options(self) -> Mapping[str, Sequence[Any]]:
        """Every key with its options."""
        found: dict[str, Sequence[Any]] = {"now": self._moments(), "contact": self._contacts()}
        for flow, state in self._steps:
            if state.kind == "random":
                found[f"random {state.name}"] = [name for name, weight in state.config["weights"].items() if weight]
            if state.kind == "function" and state.config["name"]:
                key = f"function {state.config['name']}"
                found[key] = unique_stubs([*found.get(key, ()), *self._stubs(flow, state)])
        for name in self.facts.below("env"):
            short = name.partition(".")[2]
            found[f"env {short}"] = unique(["test", *values(None, self.facts.compared(name), name), ""])
        return {key: each for key, each in found.items() if each}

    def world(self, setting: Setting) -> World:
        """What surrounds a play in this setting, without servers and functions."""
        chosen = dict(setting)

        def option(key: str) -> Any:
            return self.options[key][chosen.get(key, 0)]

        return World(
            now=option("now"),
            random={key.partition(" ")[2]: option(key) for key in self.options if key.startswith("random ")},
            contact=option("contact"),
            env={key.partition(" ")[2]: option(key) for key in self.options if key.startswith("env ")},
        )

    def consulted(self, kinds: Iterable[tuple[str, str]], read: Iterable[Name]) -> Iterator[str]:
        """The keys that a play asked: ``kinds`` are the kind and name of its states, ``read`` what conditions read."""
        for kind, name in kinds:
            if kind == "hours":
                yield "now"
            elif kind == "random":
                yield f"random {name}"
        for name in read:
            root, _, rest = name.partition(".")
            if root in ("now", "today"):
                yield "now"
            elif root == "contact":
                yield "contact"
            elif root == "env":
                yield f"env {rest}"

    def _calendars(self) -> list[Mapping[str, Any]]:
        used = [(flow, state.config["calendar"]) for flow, state in self._steps if state.kind == "hours"]
        return [self.library.programs[flow.name].image["calendars"][name] for flow, name in used]

    def standing(self, at: float) -> tuple[str, ...]:
        """How every calendar that is asked stands at a moment."""
        now = datetime.fromtimestamp(at, UTC)
        return tuple(opening(each, now) for each in self._calendars_used)

    @cached_property
    def _calendars_used(self) -> list[Mapping[str, Any]]:
        return unique(self._calendars())

    def _moments(self) -> list[float]:
        """A moment for every way in which the calendars may stand; the first has most of them open."""
        found: dict[tuple[str, ...], float] = {}
        for at in self._hours():
            found.setdefault(self.standing(at), at)
        ordered = sorted(found.values(), key=lambda at: -self.standing(at).count("open"))
        clock = [NOW + 12 * 3600, NOW + 4 * 86400, NOW + 200 * 86400] if self.reads_clock else []
        return unique([*ordered, *clock])[:MOST_MOMENTS]

    def _hours(self) -> Iterator[float]:
        yield NOW
        for calendar in self._calendars_used:
            for day in sorted(calendar["holidays"]):
                noon = datetime.fromisoformat(day).replace(hour=12, tzinfo=ZoneInfo(calendar["timezone"]))
                for hours in (0, -9, 9):
                    if (at := (noon + timedelta(hours=hours)).timestamp()) > NOW:
                        yield at
        if self._calendars_used:
            yield from (NOW + 3600.0 * each for each in range(1, HOURS))

    @cached_property
    def reads_clock(self) -> bool:
        """Whether a condition looks at the hour or the day."""
        return any(each in ("now", "today") for each in self.facts.decisive)

    def _contacts(self) -> list[dict[str, Any]]:
        """Nothing known; then one thing after the other that makes a difference."""
        found: list[dict[str, Any]] = [{}]
        for name in self.facts.below("contact"):
            short = name.split(".")[1]
            if short not in ("identity", "number", "tags"):
                variable = self.facts.variables.get(f"contact.{short}")
                found += [{short: each} for each in values(variable, self.facts.compared(name), short)]
        languages = [each for flow in self.facts.flows.values() for each in flow.languages[1:]]
        found += [{"language": each} for each in unique(languages) if self._chats()]
        tags = [
            each for name in ("contact.tags",) for c in self.facts.compared(name) for each in _constants(c.constant)
        ]
        tags += [each.tag for flow in self.facts.flows.values() for each in flow.triggers if each.tag]
        return unique([*found, *({"tags": [each]} for each in unique(tags))])

    def _chats(self) -> bool:
        return any(flow.channel == "message" for flow in self.facts.flows.values())

    # --- what is asked on the way --------------------------------------------------------------------------

    def answers(self, request: Request) -> Sequence[Answer]:
        """What the server may say to a request, the ordinary answer first."""
        url = request.url.partition("?")[0]
        key = f"{request.method.upper()} {url}"
        if key not in self._known:
            found = [answer for flow, state in self._steps for answer in self._of_step(flow, state, key)]
            self._known[key] = unique_answers(found) or [Answer()]
        return self._known[key]

    def _of_step(self, flow: Flow, state: State, key: str) -> Iterator[Answer]:
        if state.kind == "handover" and _addresses(state.config["post"], "POST", key):
            yield from (Answer(), Answer(500), _NEVER)
        if state.kind != "http":
            return
        method = next((each for each in METHODS if state.config[each] is not None), "")
        if not method or not _addresses(state.config[method], method.upper(), key):
            return
        if state.config["wait"] is False:  # nobody waits for it, so that no answer makes a difference
            yield Answer()
            return
        needed = self._read_of(flow, state, "response")
        statuses = self._statuses(flow)
        yield from (Answer(200, each) for each in self.shapes(needed - {"response.status"}))
        yield from (Answer(each) for each in statuses)
        if needed - {"response.status"}:
            yield Answer(200, {})
        yield from (Answer(500), _NEVER)

    def _statuses(self, flow: Flow) -> list[int]:
        near = [each.constant for each in self.facts.compared("response.status")]
        return [each for each in unique(near) if isinstance(each, int) and 100 <= each <= 599]

    def _read_of(self, flow: Flow, state: State, root: str) -> set[Name]:
        """What is read of a reply: by its own step, and by those that ask nobody themselves."""
        found = names(state, root)
        for other in flow.states.values():
            if other.kind not in ("http", "function", "subflow", "call"):
                found |= names(other, root)
        return found | names(flow.on, root)

    def _stubs(self, flow: Flow, state: State) -> list[Stub]:
        name = state.config["name"]
        shapes = self.shapes(self._read_of(flow, state, "result"))
        return [*(Stub(name, each) for each in shapes), Stub(name, fails=True)]

    # --- data ----------------------------------------------------------------------------------------------

    def shapes(self, needed: Iterable[Name]) -> list[Any]:
        """Data that has what is needed, an ordinary one first: for each value all that make a difference."""
        paths = sorted(each for each in needed if "." in each)
        options = [self._of_path(each) for each in paths]
        if not paths:
            return [{}]
        combined = list(_combined(options))
        return unique(_nested(dict(zip(paths, each, strict=True))) for each in combined)

    def _of_path(self, name: Name) -> list[Any]:
        variable = self.facts.kept_as(name)
        compared = self.facts.compared(name)
        if variable is None:
            found = values(None, compared, name)
        elif variable.type == "list":
            found = [*self._lists(variable.name), []]
        else:
            found = values(variable, compared, name if variable.type == "text" else variable.name)
        if (
            self.facts.is_decisive(name)
            and not compared
            and variable is not None
            and variable.type in ("text", "number")
        ):
            found.append("" if variable.type == "text" else 0)  # a condition that only asks whether there is any
        return found

    def _lists(self, name: str) -> list[Any]:
        """Lists of things that have what the choices made of this list read of each."""
        read = {each for flow in self.facts.flows.values() for each in _items(flow, name)}
        if not read or read == {"item"}:
            return [["Red", "Blue"]]
        fields = [each for each in sorted(read) if each != "item"]
        return [[_nested({field: _numbered(field, number) for field in fields}) for number in (1, 2)]]

    def inputs(self, flow: Flow) -> list[dict[str, Any]]:
        """What a flow that is started from outside may be given, as scenarios write it."""
        options = [self._input(name, flow) for name in flow.inputs]
        return [dict(zip(flow.inputs, each, strict=True)) for each in _combined(options)]

    def _input(self, name: str, flow: Flow) -> list[Any]:
        variable = flow.inputs[name]
        if variable.type == "list":
            return [*self._lists(name), []]
        found = values(variable, self.facts.compared(name), name)
        return [each if isinstance(each, dict | list) else _text(each) for each in found]

    @cached_property
    def told(self) -> list[Any]:
        """What an event from outside may carry."""
        needed = {each for flow in self.facts.flows.values() for each in names(flow, "event")} - {"event.destination"}
        return self.shapes(needed) if needed else [None]


def _addresses(source: Source | None, method: str, key: str) -> bool:
    """Whether a step may ask this: what is put into its URL may be anything."""
    if source is None:
        return False
    pattern, text = "", source.text.partition("?")[0]
    for at, part in enumerate(text.replace("}}", "{{").split("{{")):
        pattern += "*" if at % 2 else part
    return fnmatchcase(key, f"{method} {pattern}")


def _items(flow: Flow, name: str) -> Iterator[Name]:
    for state in flow.states.values():
        each = (state.config or {}).get("each")
        if isinstance(each, Each) and each.list.text.strip() == name:
            yield from names(each, "item")


def _numbered(field: Name, number: int) -> Any:
    """The value of the first or second thing in a list."""
    value = called(field)
    if value[:2] == "20":
        return value.replace("T15:", f"T{14 + number}:")
    return f"{value} {number}" if value != PHONE else f"{PHONE[:-1]}{number}"


def _nested(flat: Mapping[Name, Any]) -> dict[str, Any]:
    """``{response.a.b: 1}`` → ``{a: {b: 1}}``; a value that is itself read as a whole gives way to its fields."""
    whole: dict[str, Any] = {}
    for name, value in flat.items():
        *above, last = name.split(".")[1:]
        inner = whole
        for key in above:
            deeper = inner.get(key)
            if not isinstance(deeper, dict):
                deeper = inner[key] = {}
            inner = deeper
        if not isinstance(inner.get(last), dict):
            inner[last] = value
    return whole


def _combined(options: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    """All combinations where they are few, else one value changed at a time."""
    if any(not each for each in options):
        return
    many = 1
    for each in options:
        many *= len(each)
    if many <= MOST_TOGETHER:
        yield from product(*options)
        return
    first = [each[0] for each in options]
    yield tuple(first)
    for at, each in enumerate(options):
        yield from ((*first[:at], other, *first[at + 1 :]) for other in each[1:])


def _constants(constant: Any) -> list[Any]:
    return list(constant) if isinstance(constant, list | tuple) else [constant]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def unique_answers(answers: Iterable[Answer]) -> list[Answer]:
    return list({repr(each): each for each in answers}.values())


def unique_stubs(stubs: Iterable[Stub]) -> list[Stub]:
    return list({repr(each): each for each in stubs}.values())


def response(answer: Answer) -> Response:
    """An answer as a step gets it."""
    return Response(0 if answer.failure else answer.status, answer.data, answer.failure)
