"""A flow as its author wrote it, typed and placed: frozen values, expressions still strings.

Only :mod:`flowengine.expressions` gives a :class:`Source` its meaning; only the kinds know what is in
``State.config``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from flowengine.problems import Mark

Channel = Literal["voice", "message"]
RESERVED_TARGETS = ("end", "continue", "back")
UNREADABLE = "?"
"""A target that was written and cannot be read; its problem was told."""
LATE_EVENTS = ("recording_finished", "recording_available", "transcription_available")
VERDICTS = ("human", "machine", "notsure")
VARIABLE_TYPES = ("text", "digits", "number", "phone", "boolean", "list", "time", "record")
NOWHERE = Mark("")


@dataclass(frozen=True, slots=True)
class Source:
    """Text that may hold ``{{ }}``; with ``guard`` a bare expression."""

    text: str
    mark: Mark = NOWHERE
    block: bool = False
    guard: bool = False

    @property
    def dynamic(self) -> bool:
        return self.guard or "{{" in self.text


PartKind = Literal["say", "play", "ssml", "pause"]


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a prompt. ``source`` is the text, the file or URL, the markup, or the seconds."""

    kind: PartKind
    source: Source


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is heard, by language; the key ``""`` serves every language."""

    wording: Mapping[str, tuple[Part, ...]]
    mark: Mark

    def parts(self) -> list[Part]:
        return [part for parts in self.wording.values() for part in parts]

    def in_language(self, language: str, default: str) -> tuple[Part, ...]:
        for key in (language, "", default):
            if key in self.wording:
                return self.wording[key]
        return next(iter(self.wording.values()))


@dataclass(frozen=True, slots=True)
class Instruction:
    """One thing done in order: ``name`` is ``say``, ``set``, ``record`` …; ``value`` as its kind reads it."""

    name: str
    value: Any
    mark: Mark


@dataclass(frozen=True, slots=True)
class Branch:
    """Where an event leads: ``to`` is a state, ``end``, ``continue``, ``back``, or empty to stay."""

    to: str
    mark: Mark
    when: Source | None = None
    do: tuple[Instruction, ...] = ()


@dataclass(frozen=True, slots=True)
class Handler:
    """What ``on`` says of one event; the last branch has no ``when`` unless there is only one."""

    event: str
    mark: Mark
    branches: tuple[Branch, ...]
    retry: int = 0


@dataclass(frozen=True, slots=True)
class Visits:
    max: int
    then: Branch


@dataclass(frozen=True, slots=True)
class State:
    """One answer in the making. ``kind`` is empty for a state that only runs on to ``next``."""

    name: str
    mark: Mark
    kind: str
    kind_mark: Mark
    config: Mapping[str, Any]
    do: tuple[Instruction, ...] = ()
    on: Mapping[str, Handler] = field(default_factory=dict)
    next: Branch | None = None
    visits: Visits | None = None
    group: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    type: str
    mark: Mark
    default: Any = None
    has_default: bool = False
    one_of: tuple[str, ...] = ()
    sensitive: bool = False
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """An entry of ``may_dial``."""

    name: str
    kind: Literal["number", "sip", "user", "stream"]
    address: Source
    mark: Mark
    countries: tuple[str, ...] = ()
    matches: str = ""
    per_hour: int | None = None


@dataclass(frozen=True, slots=True)
class Hours:
    """Minutes of a day, ``start`` inclusive, ``stop`` exclusive."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Calendar:
    """``week`` maps 0 (Monday) … 6 to opening hours; ``holidays`` an ISO date to its own hours (or none)."""

    name: str
    timezone: str
    week: Mapping[int, tuple[Hours, ...]]
    holidays: Mapping[str, tuple[Hours, ...]]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Trigger:
    """An entry point: ``to`` (a dialled number), ``start: api`` or ``any``."""

    kind: str
    value: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Recordings:
    to: Source
    credentials: Source
    format: str = ""
    notify: bool = True


@dataclass(frozen=True, slots=True)
class Project:
    """``flowengine.yaml``: what all flows of a project share."""

    folder: str = "."
    file: str = ""
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    sounds: Mapping[str, str] = field(default_factory=dict)
    tone: Prompt | None = None
    constants: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    contact: Mapping[str, Variable] = field(default_factory=dict)
    env: tuple[str, ...] = ()
    kill_switch: str = ""


@dataclass(frozen=True, slots=True)
class Flow:
    """One file of ``flows/``."""

    name: str
    file: str
    mark: Mark
    channel: Channel
    start: str
    start_mark: Mark
    states: Mapping[str, State]
    project: Project
    about: str = ""
    languages: tuple[str, ...] = ("en-US",)
    triggers: tuple[Trigger, ...] = ()
    cli: Source | None = None
    may_dial: Mapping[str, Address] = field(default_factory=dict)
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    recordings: Recordings | None = None
    variables: Mapping[str, Variable] = field(default_factory=dict)
    inputs: Mapping[str, Variable] = field(default_factory=dict)
    outcomes: tuple[str, ...] = ()
    sounds: Mapping[str, str] = field(default_factory=dict)
    on: Mapping[str, Handler] = field(default_factory=dict)
    answer: bool = True
    failure_ace: Literal["continue", "hangup"] | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    lines: tuple[str, ...] = ()

    @property
    def outbound(self) -> bool:
        """Whether this flow rings somebody itself."""
        return any(state.kind == "dial" for state in self.states.values())

    def calendar(self, name: str) -> Calendar | None:
        return self.calendars.get(name) or self.project.calendars.get(name)

    def names(self) -> dict[str, Variable]:
        """Variables and inputs, which one namespace holds."""
        return {**self.inputs, **self.variables}
