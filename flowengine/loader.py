"""Document → :class:`~flowengine.model.Flow`. Everything wrong is told at once; nothing is raised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flowengine.choosing import WIDE_CHOICES
from flowengine.document import Document, Map, Node, Text
from flowengine.fields import (
    BOOL,
    LANGUAGE,
    NAME,
    PROSE,
    Constant,
    Custom,
    Duration,
    Field,
    Integer,
    ListOf,
    Name,
    OneOf,
    Reader,
    Record,
    unknown_key,
)
from flowengine.instructions import INSTRUCTIONS
from flowengine.model import CHANNELS, Branch, Flow, Handler, Instruction, Project, Session, State, Variable, Visits
from flowengine.problems import Problem, listed
from flowengine.properties import PROPERTIES
from flowengine.sections import (
    ADDRESSES,
    CALENDARS,
    LIFETIME,
    OUTCOMES,
    RECORDING,
    SILENCE,
    SOUNDS,
    VARIABLES,
)
from flowengine.states import KINDS
from flowengine.states.ask import LONGEST
from flowengine.states.branches import read_do, read_handler, read_target
from flowengine.states.bridge import CLI
from flowengine.states.menu import template_mark
from flowengine.triggers import TRIGGERS

RING = "ring"
_SHORTHAND = ("say", "play", "send", "set", "clear")

DEFAULTS = Record(
    (
        Field("timeout", Duration(1, 30), "for every menu and collect"),
        Field("repeats", Integer(0, 5), "for every menu and collect"),
        Field("barge", BOOL, "for every menu and collect"),
        Field("dial_timeout", Duration(1, 600), "for every connect and dial"),
    ),
    "defaults",
)


MESSAGE_DEFAULTS = Record(
    (
        Field("timeout", Duration(1, LONGEST), "for every ask"),
        Field("repeats", Integer(0, 5), "for every ask"),
        Field("settle", Duration(0, 60), "for every ask"),
        Field("late_tap", OneOf(("accept", "repeat", "ignore")), "for every ask"),
    ),
    "defaults",
)


def _read_defaults(node: Node, reader: Reader) -> dict[str, Any] | None:
    in_message = reader.channel == "message"
    own, other = (MESSAGE_DEFAULTS, DEFAULTS) if in_message else (DEFAULTS, MESSAGE_DEFAULTS)
    if isinstance(node, Map):
        for key in set(node.entries) & set(other.named()) - set(own.named()):
            reader.wrong_channel(node.keys[key], key, ("voice",) if in_message else ("message",))
    return own.read(node, reader)


def _keep(node: Node, reader: Reader) -> Node:
    return node


_FAILURE = Record(
    (Field("ace", OneOf(("continue", "hangup")), "what a broken turn answers to an ACE", True),), "failure"
)

_CALLS, _MESSAGES = ("voice",), ("message",)
FLOW = Record(
    (
        Field("flow", Name("a flow"), "the name of the flow, unique in the project", True),
        Field("channel", OneOf(("voice", "message")), "whether it is a call or a chat", True),
        Field("about", PROSE, "what it is for, in one sentence"),
        Field(
            "languages",
            ListOf(Constant(LANGUAGE.pattern, "a language such as en-US"), least=1),
            "the first is the default",
            shown="[en-US]",
        ),
        Field("triggers", TRIGGERS, "what starts it: a dialled number, keywords, a date, the API …"),
        Field("inputs", VARIABLES, "what whoever starts it must give"),
        Field("outcomes", OUTCOMES, "how it may `return`, when another flow plays it"),
        Field("cli", CLI, "the number that those who are called see", channels=_CALLS),
        Field("may_dial", ADDRESSES, "every address that may be reached; nothing else is", channels=_CALLS),
        Field("calendars", CALENDARS, "opening hours by name"),
        Field("recordings", RECORDING, "where recordings go", channels=_CALLS),
        Field("sounds", SOUNDS, "uploaded files and URLs by name", channels=_CALLS),
        Field("variables", VARIABLES, "what the flow remembers"),
        Field("contact", VARIABLES, "fields of a contact, which outlive the session, beside the project's"),
        Field("defaults", Custom(_read_defaults, {"type": "object"}, "settings"), "settings for every state"),
        Field(
            "channels",
            ListOf(OneOf(CHANNELS), lone=True, least=1),
            "the channels, the first one preferred",
            shown="the conversation's",
            channels=_MESSAGES,
        ),
        Field("session", LIFETIME, "how long a conversation lasts", shown="24 h, then forget", channels=_MESSAGES),
        Field("choices", WIDE_CHOICES, "understood in every ask, shown in none", channels=_MESSAGES),
        Field(
            "busy",
            OneOf(("wait", "skip", "replace")),
            "what a start does to somebody who is in another flow",
            default="wait",
            channels=_MESSAGES,
        ),
        Field("quiet", SILENCE, "hours in which nothing is sent unasked", channels=_MESSAGES),
        Field(
            "late",
            OneOf(("answer", "drop")),
            "what becomes of a message that comes out of order",
            default="answer",
            channels=_MESSAGES,
        ),
        Field(
            "answer",
            OneOf(("auto", "never")),
            "whether a call is answered before the first sound",
            default="auto",
            channels=_CALLS,
        ),
        Field("failure", _FAILURE, "what a caller gets when a turn breaks", channels=_CALLS),
        Field("properties", PROPERTIES, "what must always hold: every scenario and exploration is judged by it"),
        Field("on", Custom(_keep, {"$ref": "#/$defs/handlers"}, "handlers"), "handlers for every state"),
        Field("start", Name("a state"), "the first state", True),
        Field("states", Custom(_keep, {"$ref": "#/$defs/states"}, "states by name"), "the states", True),
    ),
    "a flow",
)

NEAREST = {
    "menu": "use ask, with choices",
    "collect": "use ask, with expect",
    "voicemail": "use ask, with expect: media",
    "connect": "use call, or handover",
    "dial": "use call, with a voice flow that dials",
    "conference": "use handover",
    "park": "use wait",
    "svaml": "use send",
    "ask": "use menu or collect",
    "handover": "use connect",
    "call": "use dial, or send",
}
"""What to write in the other sort of flow."""

_VISITS = Record(
    (
        Field("max", Integer(1, 1000), "visits allowed in one session", True),
        Field("then", Custom(read_target, {"type": "string"}, "a state"), "where the next one goes", True),
    ),
    "visits",
)

STATE_KEYS: dict[str, str] = {
    "do": "instructions, in order",
    "on": "what the next events lead to",
    "next": "the state that follows, for a state without a kind",
    "visits": "a bound on visits, and where the one too many goes",
    "group": "draws the state in a box of this name",
    "about": "a remark",
}


@dataclass(slots=True)
class Loaded:
    """A file as read: ``flow`` is None where too little could be understood."""

    document: Document
    flow: Flow | None = None
    problems: list[Problem] = field(default_factory=list)


def load(document: Document, project: Project) -> Loaded:
    """One document → one flow and everything that is wrong with its shape."""
    loaded = Loaded(document, problems=list(document.problems))
    if document.root is None:
        return loaded
    root = document.root
    reader = Reader(document.file, sounds={**project.sounds, **sounds_of(root)})
    if _text(root, "channel") == "message":
        reader.channel = "message"
    loaded.flow = _Loader(reader, document, root, project).flow()
    loaded.problems += reader.problems
    return loaded


def sounds_of(root: Map) -> dict[str, str]:
    """``sounds`` of a flow or project as written: prompts name them wherever they stand."""
    node = root.entries.get("sounds")
    if not isinstance(node, Map):
        return {}
    return {key: each.value for key, each in node.entries.items() if isinstance(each, Text)}


def _text(node: Map, key: str) -> str:
    found = node.entries.get(key)
    return found.value if isinstance(found, Text) else ""


class _Loader:
    def __init__(self, reader: Reader, document: Document, root: Map, project: Project) -> None:
        self.reader = reader
        self.document = document
        self.root = root
        self.project = project
        self.top: dict[str, Any] = {}
        self.settings: Mapping[str, Any] = {}

    def flow(self) -> Flow | None:
        self.top = FLOW.read(self.root, self.reader) or {}
        top = self.top
        written = {key: value for key, value in (top.get("defaults") or {}).items() if value is not None}
        of_project = self.project.defaults if self.reader.channel == "voice" else {}
        self.settings = {**of_project, **written}
        states = self.states(top.get("states"))
        start = self.root.entries.get("start")
        if not top.get("flow") or states is None:
            return None
        return Flow(
            name=top["flow"],
            file=self.document.file,
            mark=self.root.entries["flow"].mark,
            channel=top["channel"] or "voice",
            start=top["start"] or "",
            start_mark=start.mark if start else self.root.mark,
            states=states,
            project=self.project,
            about=top["about"].text if top["about"] else "",
            languages=top["languages"] or ("en-US",),
            triggers=top["triggers"] or (),
            cli=top["cli"],
            may_dial=top["may_dial"] or {},
            calendars=top["calendars"] or {},
            recordings=top["recordings"],
            variables=top["variables"] or {},
            inputs=top["inputs"] or {},
            outcomes=top["outcomes"] or (),
            sounds=self.reader.sounds,
            contact=self._contact(top["contact"] or {}),
            on=self.handlers(top["on"], of_flow=True),
            answer=top["answer"] == "auto",
            failure_ace=(top["failure"] or {}).get("ace"),
            defaults=self.settings,
            channels=top["channels"] or (),
            session=top["session"] or Session(),
            choices=top["choices"] or (),
            busy=top["busy"],
            quiet=top["quiet"],
            late=top["late"],
            properties=top["properties"] or {},
            lines=tuple(self.document.lines),
        )

    def _contact(self, own: dict[str, Variable]) -> dict[str, Variable]:
        """The flow's contact fields; one that the project declares differently is told."""
        for name, each in own.items():
            shared = self.project.contact.get(name)
            if shared is not None and not each.same(shared):
                message = f'the contact field "{name}" is declared differently on line {shared.mark.line} of '
                fix = "declare it once, in flowengine.yaml"
                self.reader.problem("contact-clash", each.mark, message + shared.mark.file, fix)
        return own

    def states(self, node: Node | None) -> dict[str, State] | None:
        if not isinstance(node, Map) or not node.entries:
            if node is not None:
                self.reader.expected(node, "states by name, such as greet: { say: Hello., next: end }")
            return None
        return {name: state for name, each in node.entries.items() if (state := self.state(name, node, each))}

    def state(self, name: str, parent: Map, node: Node) -> State | None:
        key = parent.keys[name]
        if len(name) > 64:
            self.reader.problem("name", key, f"the name has {len(name)} characters; at most 64", "shorten it")
        elif not NAME.fullmatch(name):
            self.reader.problem("name", key, f'found the state "{name}"', "names are a-z, 0-9 and _")
            return None
        if name in ("end", "continue", "back", "repeat"):
            self.reader.problem("reserved-name", key, f'"{name}" is reserved and cannot be a state', "rename it")
            return None
        if not isinstance(node, Map):
            self.reader.expected(node, f"a mapping for the state {name}, such as {{ say: Hello., next: end }}")
            return State(name, key.mark, "", node.mark, {})
        return self._state(name, key, node)

    def _state(self, name: str, key: Text, node: Map) -> State:
        self._known(name, node)
        kind = self._kind(node)
        config = self._config(kind, node)
        target = node.entries.get("next")
        readable = isinstance(node.entries.get("on", node), Map)
        return State(
            name=name,
            mark=key.mark,
            kind=kind if config is not None and readable else "",
            kind_mark=node.keys[kind].mark if kind else key.mark,
            config=config if config and readable else {},
            do=self._do(name, node),
            on=self.handlers(node.entries.get("on")),
            next=Branch(read_target(target, self.reader), target.mark) if target is not None else None,
            visits=self._visits(node),
            group=self._plain(node, "group"),
            about=self._plain(node, "about"),
        )

    def _plain(self, node: Map, key: str) -> str:
        return (Constant().read(node.entries[key], self.reader) or "") if key in node.entries else ""

    def _known(self, name: str, node: Map) -> None:
        known = (*KINDS, *INSTRUCTIONS, *STATE_KEYS)
        for key in node.entries:
            if key == RING:
                message = "the kind ring is not part of this version"
                fix = "park the caller and dial from outside, or use connect"
                self.reader.problem("not-yet", node.keys[key], message, fix)
            elif key not in known:
                unknown_key(self.reader, node.keys[key], known, f'the state "{name}"')

    def _kind(self, node: Map) -> str:
        kinds = [key for key in node.entries if key in KINDS]
        for extra in kinds[1:]:
            message = f"one kind per state: this one is a {kinds[0]} already"
            self.reader.problem("two-kinds", node.keys[extra], message, f"move {extra} to a state of its own")
        return kinds[0] if kinds else ""

    def _config(self, name: str, node: Map) -> dict[str, Any] | None:
        if not name:
            return {}
        kind, own = KINDS[name], node.entries[name]
        if self.reader.channel not in kind.channels:
            self.reader.wrong_channel(node.keys[name], name, kind.channels, NEAREST[name])
            return None
        before = len(self.reader.problems)
        config = kind.read(own, self.reader)
        if config is None:
            return None
        if isinstance(own, Map):
            config.update(
                {key: self.settings[key] for key in self.settings if key in config and key not in own.entries}
            )
            kind.check(config, own, self.reader)
            if name == "menu" and config.get("template"):
                config["template_mark"] = template_mark(own)
        if len(self.reader.problems) > before and any(p.severity == "error" for p in self.reader.problems[before:]):
            return None
        return kind.settle(config, self._context())

    def _context(self) -> dict[str, Any]:
        return {"languages": self.top.get("languages") or ("en-US",), "tone": self.project.tone}

    def _do(self, name: str, node: Map) -> tuple[Instruction, ...]:
        short = [key for key in node.entries if key in INSTRUCTIONS]
        if "do" in node.entries and short:
            message = f'the state "{name}" has {short[0]} beside its do'
            self.reader.problem("order", node.keys[short[0]], message, "move it into do, where order is plain")
        if len(short) > 1:
            message = f'the state "{name}" has {listed(short, "and")} side by side'
            self.reader.problem("order", node.keys[short[1]], message, "put them in do: a list, in order")
        if short and short[0] not in _SHORTHAND:
            message = f"{short[0]} stands only in do"
            self.reader.problem("order", node.keys[short[0]], message, f"write do: [ {{ {short[0]}: … }} ]")
        return read_do(node, self.reader)

    def _visits(self, node: Map) -> Visits | None:
        if "visits" not in node.entries:
            return None
        own = node.entries["visits"]
        config = _VISITS.read(own, self.reader)
        if not config or not config["max"] or not config["then"] or not isinstance(own, Map):
            return None
        return Visits(config["max"], Branch(config["then"], own.entries["then"].mark))

    def handlers(self, node: Node | None, of_flow: bool = False) -> dict[str, Handler]:
        if node is None:
            return {}
        if not isinstance(node, Map):
            self.reader.expected(node, "a mapping from events to states, such as { timeout: goodbye }")
            return {}
        found = {}
        for event, each in node.entries.items():
            key = node.keys[event]
            if of_flow and event == "else":
                fix = "name the events, such as error and timeout"
                self.reader.problem("flow-else", key, "the flow's on cannot have else", fix)
                continue
            if not NAME.fullmatch(event):
                self.reader.problem("name", key, f'found the event "{event}"', "events are a-z, 0-9 and _")
                continue
            handler = read_handler(event, key, each, self.reader)
            if handler is not None:
                found[event] = handler
        return found
