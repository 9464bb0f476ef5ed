"""A flow as its author wrote it, typed and placed: frozen values, expressions still strings.

Only :mod:`flowengine.expressions` gives a :class:`Source` its meaning; only the kinds know what is in
``State.config``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from flowengine.problems import Mark

if TYPE_CHECKING:
    from flowengine.properties.base import Property

Channel = Literal["voice", "message"]
CHANNELS = (
    "SMS", "MMS", "RCS", "WHATSAPP", "MESSENGER", "INSTAGRAM", "VIBERBM", "TELEGRAM", "LINE", "WECHAT", "KAKAOTALK",
    "KAKAOTALKCHAT", "APPLEBC",
)  # fmt: skip
"""The channels of messages, as the platform names them."""

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
    """What is heard or read: by language, ``""`` for every one; in a message also by channel (``@SMS``, ``en@SMS``)."""

    wording: Mapping[str, tuple[Part, ...]]
    mark: Mark

    def parts(self) -> list[Part]:
        return [part for parts in self.wording.values() for part in parts]

    def in_language(self, language: str, default: str, channel: str = "") -> tuple[Part, ...]:
        """The words for a language; with a ``channel`` those for it first, in each language that is tried."""
        for tongue in (language, "", default):
            for key in (f"{tongue}@{channel}", tongue) if channel else (tongue,):
                if key in self.wording:
                    return self.wording[key]
        return next(iter(self.wording.values()))


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person may answer: ``value`` is the event and, without a handler, the state it leads to.

    In a call it has a ``key``. In a message it may have a ``label`` (it is shown), ``words`` (the whole text, by
    language), ``has`` (words inside it) and ``number`` (bounds). ``url``, ``call``, ``location`` and ``calendar`` make
    a button that opens something and is never an answer; ``share_location`` one that is answered by a place.
    """

    value: str
    key: str
    mark: Mark
    label: Prompt | None = None
    description: Prompt | None = None
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    has: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    number: tuple[int, int] | None = None
    url: Source | None = None
    call: Source | None = None
    location: Mapping[str, Any] | None = None
    calendar: Mapping[str, Any] | None = None
    share_location: bool = False

    @property
    def opens(self) -> bool:
        """Whether it opens something in place of answering."""
        return any(each is not None for each in (self.url, self.call, self.location, self.calendar))


@dataclass(frozen=True, slots=True)
class Each:
    """One choice for every element of ``list``, a guard that names a variable; the templates see it as ``item``."""

    list: Source
    value: Source
    label: Prompt
    mark: Mark
    description: Prompt | None = None


ExpectKind = Literal["any", "date", "media", "location", "number", "matches"]


@dataclass(frozen=True, slots=True)
class Expect:
    """A sort of answer that is no choice. ``low`` and ``high`` bound a number, ``pattern`` is RE2."""

    kind: ExpectKind
    mark: Mark
    low: int | None = None
    high: int | None = None
    pattern: str = ""


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

    def same(self, other: Variable) -> bool:
        """Whether both are declared alike, wherever they stand."""
        return replace(self, mark=other.mark) == other


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
    """An entry point. Of a call: ``to`` (a dialled number), ``start`` or ``any``.

    Of messages: ``keywords`` (``words``), ``link``, ``any``, ``start``, ``date`` (``value`` is the contact field,
    ``offset`` seconds, ``at`` minutes of the day) or ``schedule`` (``days`` 0 = Monday, ``at``, ``timezone``, ``tag``).
    ``app``, ``channels`` and ``to`` narrow what comes in; ``enter`` is the state it begins at, ``start`` if empty.
    """

    kind: str
    value: str
    mark: Mark
    words: tuple[str, ...] = ()
    interrupt: bool = False
    app: str = ""
    channels: tuple[str, ...] = ()
    to: str = ""
    enter: str = ""
    enter_mark: Mark = NOWHERE
    offset: float = 0
    at: int = 0
    timezone: str = ""
    tag: str = ""
    days: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Session:
    """How long a conversation may be silent (seconds), and whether the next message then begins anew.

    ``written``: the flow says itself how long.
    """

    expires: float = 86_400.0
    then: Literal["forget", "resume"] = "forget"
    written: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Quiet:
    """Minutes of the day in which nothing is sent unasked; ``timezone`` is ``contact`` or an IANA name."""

    start: int
    stop: int
    timezone: str = "contact"


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
    consent: Mapping[str, Prompt] = field(default_factory=dict)


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
    contact: Mapping[str, Variable] = field(default_factory=dict)
    channels: tuple[str, ...] = ()
    session: Session = Session()
    choices: tuple[Choice, ...] = ()
    busy: Literal["wait", "skip", "replace"] = "wait"
    quiet: Quiet | None = None
    late: Literal["answer", "drop"] = "answer"
    properties: Mapping[str, Property] = field(default_factory=dict)
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

    def contact_fields(self) -> dict[str, Variable]:
        """What is kept of a contact: the project's fields and the flow's own."""
        return {**self.project.contact, **self.contact}
