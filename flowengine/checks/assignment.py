"""Which variables surely have a value where: a forward data-flow over the states, one bit for each variable.

Only variables without a default take part; inputs and those with a default always have a value. The fields of a
contact are followed in the same manner, by themselves: ``contact.NAME``.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from flowengine.checks.base import View
from flowengine.checks.lookup import players
from flowengine.grammar import Reference
from flowengine.graph import Way
from flowengine.model import Branch, Flow, Instruction, Source, State
from flowengine.walk import within

_NAME = r"((?:contact\.)?[a-z][a-z0-9_]*)"
_DEFINED = re.compile(rf"\(*\s*{_NAME} is defined\s*\)*")
_NOT_DEFINED = re.compile(rf"\s*(?:{_NAME} is not defined|not {_NAME} is defined)\s*")
_FILLED = re.compile(rf"\(*\s*{_NAME}(?: is defined| is matching.*|\s*(?:[<>]=?|==)\s*(?!['\"]{{2}}).*)?\s*\)*")
_EMPTY = re.compile(rf"\s*(?:not {_NAME}|{_NAME} == (?:''|\"\"|none))\s*")


@dataclass(frozen=True, slots=True)
class Effect:
    """What stands at one point: ``reads``, then ``gives`` and ``takes`` as bits."""

    reads: tuple[Reading, ...] = ()
    gives: int = 0
    takes: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """A variable that is read where a missing value does harm."""

    name: str
    source: Source
    offset: int


@dataclass(frozen=True, slots=True)
class Edge:
    """A way to a state. ``late``: it leaves after the state's ``do``, else on arrival. ``known`` is what the event
    and the conditions before give, ``true`` what its own condition tells; then come ``effects``. ``fixed``: it
    begins with these bits, wherever the call stood.
    """

    source: str
    event: str
    target: str
    late: bool = True
    known: int = 0
    true: int = 0
    effects: tuple[Effect, ...] = ()
    when: Effect = Effect()
    fixed: int | None = None

    def apply(self, value: int) -> int:
        return run(self.effects, value | self.known | self.true)


def run(effects: Iterable[Effect], value: int) -> int:
    for effect in effects:
        value = (value & ~effect.takes) | effect.gives
    return value


@dataclass(slots=True)
class Assignment:
    """``before``: the bits that are set whenever a state is entered. The state ``end`` stands in ``extra``."""

    bits: dict[str, int]
    do: dict[str, tuple[Effect, ...]] = field(default_factory=dict)
    own: dict[str, tuple[Effect, ...]] = field(default_factory=dict)
    edges: dict[str, list[Edge]] = field(default_factory=dict)
    before: dict[str, int] = field(default_factory=dict)
    extra: tuple[str, ...] = ("", "end")

    def after(self, name: str, value: int) -> int:
        return run(self.do.get(name, ()), value)

    def unset(self, name: str) -> Iterator[tuple[Reading, int]]:
        """Every reading in a state, and in the handlers of its events, of a variable that may have no value."""
        before = self.before[name]
        after = yield from self._missing(self.do.get(name, ()), before)
        yield from self._missing(self.own.get(name, ()), after)
        for edge in self.edges.get(name, ()):
            value = edge.fixed if edge.fixed is not None else after if edge.late else before
            yield from self._missing((edge.when,), value | edge.known)
            yield from self._missing(edge.effects, value | edge.known | edge.true)

    def _missing(self, effects: Iterable[Effect], value: int) -> Generator[tuple[Reading, int], None, int]:
        for effect in effects:
            for reading in effect.reads:
                bit = self.bits[reading.name]
                if not value & bit:
                    yield reading, bit
            value = (value & ~effect.takes) | effect.gives
        return value


def assignment(view: View) -> Assignment:
    if "assignment" not in view.cache:
        names = [each.name for each in view.flow.variables.values() if not each.has_default]
        view.cache["assignment"] = _Builder(view, names).build()
    found: Assignment = view.cache["assignment"]
    return found


def of_contact(view: View) -> Assignment:
    """The same for the fields of the contact: bits are named ``contact.NAME``. What a guard reads does no harm."""
    fields = view.flow.contact_fields().values()
    return _OfContact(view, [f"contact.{each.name}" for each in fields if not each.has_default]).build()


class _Builder:
    def __init__(self, view: View, names: Iterable[str]) -> None:
        self.view = view
        self.result = Assignment({name: 1 << index for index, name in enumerate(names)})

    def build(self) -> Assignment:
        result, flow = self.result, self.view.flow
        if not result.bits:
            return result
        result.edges[""] = [*self._entered(flow), *self._broken(flow)]
        for state in flow.states.values():
            result.do[state.name] = self._all(state.do)
            result.own[state.name] = tuple(self._own(state))
            result.edges[state.name] = list(self._edges(state))
        result.edges["end"] = self._over(flow)
        self._solve()
        return result

    # --- what a piece of the flow reads and writes ---

    def _reads(self, value: Any) -> tuple[Reading, ...]:
        found: list[Reading] = []
        for source in within(value):
            expression = self.view.expression(source) if source.dynamic else None
            for name in expression.names if expression else ():
                if self._name(name) in self.result.bits and not name.guarded:
                    found.append(Reading(self._name(name), source, name.offset))
        return tuple(found)

    def _name(self, reference: Reference) -> str:
        return reference.root

    def _all(self, do: Iterable[Instruction]) -> tuple[Effect, ...]:
        return tuple(effect for each in do for effect in self._instruction(each))

    def _instruction(self, instruction: Instruction) -> Iterator[Effect]:
        bits = self.result.bits
        if instruction.name == "set":
            for name, source in instruction.value.items():
                yield Effect(self._reads(source), bits.get(name, 0))
        elif instruction.name == "clear":
            for name in instruction.value:
                yield Effect(takes=bits.get(name, 0))
        elif instruction.name == "record":
            yield Effect(self._reads(self._recording(instruction.value)))
        else:
            yield Effect(self._reads(instruction.value))

    def _recording(self, value: Any) -> Any:
        shared = self.view.flow.recordings
        if value == "stop" or shared is None:
            return value
        return [value, *(getattr(shared, key) for key in ("to", "credentials") if not value.get(key))]

    def _own(self, state: State) -> Iterator[Effect]:
        """What the kind reads: after ``do``, before any event."""
        config, flow = state.config, self.view.flow
        made = config.get("template_mark")  # a template's own wording repeats what stands in its arguments
        own = [value for key, value in config.items() if key not in ("save", "branches")]
        yield Effect(self._reads([source for source in within(own) if source.mark != made]))
        if state.kind in ("connect", "dial"):
            entry = flow.may_dial.get(config.get("to") or "")
            yield Effect(self._reads([entry.address if entry else None, None if config.get("cli") else flow.cli]))
        if state.kind == "voicemail" and flow.recordings:
            yield Effect(self._reads([flow.recordings.to, flow.recordings.credentials]))
        yield Effect(self._reads(config.get("save")))

    # --- edges ---

    def _edges(self, state: State) -> Iterator[Edge]:
        seen: dict[str, int] = {}
        for way in self.view.all_ways[state.name]:
            yield self._edge(state, way, seen)
        if state.kind == "subflow":
            yield from self._climbing(state)

    def _edge(self, state: State, way: Way, seen: dict[str, int]) -> Edge:
        known = self._gained(state, way) | seen.get(way.event, 0)
        branch = way.branch
        if branch is None:
            return Edge(state.name, way.event, way.target, known=known)
        guard = branch.when
        when = Effect(self._reads(guard)) if guard is not None else Effect()
        true, false = self._told(guard)
        seen[way.event] = seen.get(way.event, 0) | false
        late = way.via != "visits"
        return Edge(state.name, way.event, way.target, late, known, true, self._all(branch.do), when)

    def _gained(self, state: State, way: Way) -> int:
        """What the event itself gives: ``into`` and ``save``."""
        config, outcome = state.config, way.outcome
        if outcome is None:
            return 0
        chosen = outcome.choice and not outcome.wide
        if config.get("into") and (chosen or outcome.name in ("chosen", "digits", "answer")):
            return self.result.bits.get(config["into"], 0)
        if not config.get("save") or not self._saves(state, outcome.name):
            return 0
        gained = 0
        for name in config["save"]:
            gained |= self.result.bits.get(name, 0)
        return gained

    def _saves(self, state: State, event: str) -> bool:
        if state.kind == "subflow":
            return event not in ("done", "error", "expired")
        return event == "ok" and state.config.get("wait") is not False

    def _told(self, guard: Source | None) -> tuple[int, int]:
        """The variables that surely have a value where a condition is true, and where it is false."""
        bits = self.result.bits
        if guard is None or " or " in guard.text or " if " in guard.text:
            return 0, 0
        opposite = _NOT_DEFINED.fullmatch(guard.text)
        if opposite:
            return 0, bits.get(opposite[1] or opposite[2], 0)
        true = 0
        for part in guard.text.split(" and "):
            found = _DEFINED.fullmatch(part.strip())
            true |= bits.get(found[1], 0) if found else 0
        return true, 0

    def _climbing(self, state: State) -> Iterator[Edge]:
        """Events that the other flow leaves to this one."""
        told = {way.event for way in self.view.all_ways[state.name]}
        for event, handler in {**self.view.flow.on, **state.on}.items():
            if event not in told and event != "else":
                for branch in handler.branches:
                    yield self._of_branch(state.name, event, branch)

    def _of_branch(self, source: str, event: str, branch: Branch, fixed: int | None = None) -> Edge:
        when = Effect(self._reads(branch.when)) if branch.when is not None else Effect()
        true = self._told(branch.when)[0]
        return Edge(source, event, branch.to, True, 0, true, self._all(branch.do), when, fixed)

    def _entered(self, flow: Flow) -> Iterator[Edge]:
        """Where a flow begins; a date begins with its own field."""
        dated = all(each.kind == "date" and not each.enter for each in flow.triggers)
        if not (flow.triggers and dated) or players(self.view):
            yield Edge("", "start", flow.start, fixed=0)
        for each in flow.triggers:
            if each.enter or each.kind == "date":
                given = self.result.bits.get(f"contact.{each.value}", 0) if each.kind == "date" else 0
                yield Edge("", each.kind, each.enter or flow.start, fixed=given)

    def _broken(self, flow: Flow) -> list[Edge]:
        """A turn may break, and a conversation expire, at any place, the first one too."""
        events = ("error", "expired") if flow.channel == "message" else ("error",)
        handlers = [flow.on[event] for event in events if event in flow.on]
        return [self._of_branch("", each.event, branch, 0) for each in handlers for branch in each.branches]

    def _over(self, flow: Flow) -> list[Edge]:
        """After ``end`` the call is still to be told over."""
        handler = flow.on.get("disconnected")
        return [self._of_branch("end", "disconnected", each) for each in handler.branches] if handler else []

    # --- the fixpoint ---

    def _solve(self) -> None:
        """Sets only shrink, so every state is looked at again at most once for each variable it loses."""
        result = self.result
        result.before[""] = 0
        todo, waiting = deque([""]), {""}
        while todo:
            name = todo.popleft()
            waiting.discard(name)
            before = result.before[name]
            after = result.after(name, before)
            for edge in result.edges.get(name, ()):
                value = edge.fixed if edge.fixed is not None else after if edge.late else before
                if self._meet(edge.target, edge.apply(value)) and edge.target not in waiting:
                    todo.append(edge.target)
                    waiting.add(edge.target)

    def _meet(self, target: str, value: int) -> bool:
        """Whether what is known at a target has become less."""
        result = self.result
        if target not in result.edges or target == "":
            return False
        old = result.before.get(target)
        new = value if old is None else old & value
        result.before[target] = new
        return new != old


class _OfContact(_Builder):
    """An empty field is as good as none: a guard that asks for it tells."""

    def _reads(self, value: Any) -> tuple[Reading, ...]:
        return tuple(each for each in super()._reads(value) if not each.source.guard)

    def _name(self, reference: Reference) -> str:
        return ".".join(reference.path[:2])

    def _told(self, guard: Source | None) -> tuple[int, int]:
        bits = self.result.bits
        if guard is None or " or " in guard.text or " if " in guard.text:
            return 0, 0
        opposite = _NOT_DEFINED.fullmatch(guard.text) or _EMPTY.fullmatch(guard.text)
        if opposite:
            return 0, bits.get(opposite[1] or opposite[2], 0)
        true = 0
        for part in guard.text.split(" and "):
            found = _FILLED.fullmatch(part.strip())
            true |= bits.get(found[1], 0) if found else 0
        return true, 0
