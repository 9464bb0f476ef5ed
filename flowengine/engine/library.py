"""The programs a process serves, with what they share, and the answers that must be ready for a bad moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from flowengine.answers import Piece, act, constant, seal
from flowengine.engine.blocks import Block, block_of
from flowengine.engine.entrances import Entrances, entrances
from flowengine.engine.occasions import Occasions, occasions
from flowengine.engine.session import Session
from flowengine.engine.wording import PHRASES, phrase
from flowengine.functions import offered
from flowengine.linking import Node, Program, link, words_of
from flowengine.redact import keyed_hash
from flowengine.svaml import Position


@dataclass(slots=True)
class Library:
    """``revision`` is the content hash; ``hides``: some flow has a sensitive variable.

    ``fuse`` can be turned off to play nested menus one by one, ``use_blocks`` to walk every run state by state.
    ``blocks`` are the ones met so far, by flow, menu and choice. ``app`` sends what calls send;
    ``keeps_callers``: some call asks for what outlives it; ``tracked``: turns record what they go through.
    ``ready`` are the answers of a bad moment, by flow and position, once they were needed. ``call`` runs the functions
    of flows of an earlier revision.
    """

    programs: dict[str, Program]
    revision: str
    constants: dict[str, str]
    contact: dict[str, dict[str, Any]]
    env: dict[str, str]
    functions: dict[str, Callable[..., Any]]
    numbers: dict[str, str]
    anyone: str
    kill_switch: str
    counted: dict[str, list[tuple[str, Any]]] = field(default_factory=dict)
    phrases: dict[tuple[str, str], Piece] = field(default_factory=dict)
    fuse: bool = True
    use_blocks: bool = True
    blocks: dict[tuple[str, str, str], Block | None] = field(default_factory=dict)
    key: bytes = b""
    hides: bool = False
    entrances: Entrances = field(default_factory=Entrances)
    consent: dict[str, Any] = field(default_factory=dict)
    app: str = ""
    keeps_callers: bool = False
    tracked: bool = False
    ready: Mapping[tuple[str, Any], bytes] = field(default_factory=dict)
    call: Callable[[str, Mapping[str, Any], float], Any] | None = None
    occasions: Occasions = field(default_factory=lambda: Occasions({}, ()))

    def phrase(self, name: str, language: str) -> Piece:
        """A built-in sentence as an instruction."""
        known = self.phrases.get((name, language))
        if known is None:
            known = constant({"name": "say", "text": phrase(name, language), "locale": language})
            self.phrases[(name, language)] = known
        return known

    def block(self, program: Program, menu: Node, choice: str) -> Block | None:
        """What a choice of a menu leads to, where that is known before."""
        key = (program.name, menu.name, choice)
        if key not in self.blocks:
            self.blocks[key] = block_of(program, menu, choice)
        return self.blocks[key]

    def program(self, name: str) -> Program:
        """The flow of that name, or one without states: a conversation that no flow is in."""
        return self.programs.get(name) or NOBODY

    def digest(self, text: str) -> str:
        """A keyed hash, so that a counter or a journal names no number."""
        return keyed_hash(text, self.key)

    def hidden(self, session: Session) -> list[str]:
        """The sensitive values that a call has given so far, in the flow that is played and in those that play it."""
        known = [(session.flow, session.vars), *((each["flow"], each["vars"]) for each in session.frames)]
        return [
            str(value)
            for flow, values in known
            if flow in self.programs
            for name, value in values.items()
            if value and name in self.programs[flow].sensitive
        ]

    def say_and_hang_up(self, name: str, language: str, position: Position) -> bytes:
        """A built-in sentence and the end of the call; nothing where nobody hears it."""
        if position in ("N", "O"):
            return b""
        hangup = act({"name": "hangup"})
        return seal([self.phrase(name, language)], hangup, position, lambda kind, address: False)

    def for_number(self, number: str) -> Program | None:
        """The flow that answers a dialled number."""
        name = self.numbers.get(number) or self.anyone
        return self.programs.get(name)


NOBODY = link(
    {
        "name": "",
        "file": "",
        "channel": "message",
        "languages": ["en"],
        "start": "",
        "answer": False,
        "outbound": False,
        "triggers": [],
        "inputs": {},
        "variables": {},
        "may_dial": {},
        "failure_ace": None,
        "on": {},
        "states": {},
        "session": {"expires": 86400.0, "then": "forget"},
        "late": "answer",
        "busy": "wait",
    }
)


_OF_CALLERS = (b"contact.", b'["tag",', b'["untag",', b'["opt_in",', b'["opt_out",')


def _keeps_callers(program: Program) -> bool:
    """Whether a call reads or changes what outlives it."""
    if program.channel != "voice":
        return False
    written = orjson.dumps([program.image["states"], program.image["on"]])
    return "contact" in program.reads or any(each in written for each in _OF_CALLERS)


def _digits(number: str) -> str:
    return "".join(each for each in number if each.isascii() and each.isdigit()) or number


dialled = _digits
"""How dialled numbers are compared: by their digits; other addresses as they stand."""


def open_library(artefact: Mapping[str, Any], revision: str, env: Mapping[str, str], key: bytes = b"") -> Library:
    """An artefact, ready to serve. ``env`` is the process environment."""
    programs = {name: link(image) for name, image in artefact["flows"].items()}
    numbers, anyone = _entries(programs)
    library = Library(
        programs=programs,
        revision=revision,
        constants=dict(artefact["constants"]),
        contact=dict(artefact["contact"]),
        env={name: env.get(name, "") for name in artefact["env"]},
        functions=_functions(artefact["functions"]),
        numbers=numbers,
        anyone=anyone,
        kill_switch=artefact["kill_switch"],
        counted={
            name: [(each.name, each) for each in program.states.values() if each.counted]
            for name, program in programs.items()
        },
        key=key,
        hides=any(program.sensitive for program in programs.values()),
        entrances=entrances(programs, env),
        consent=words_of(artefact["consent"]),
        app=env.get("CONVERSATION_APP_ID", ""),
        occasions=occasions(programs),
        keeps_callers=any(_keeps_callers(program) for program in programs.values()),
    )
    for program in programs.values():
        for language in program.languages if program.channel == "voice" else ():
            _make_ready(library, program, language)
    return library


def _make_ready(library: Library, program: Program, language: str) -> None:
    """What every call hears in this language, before the first one."""
    from flowengine.engine.menus import make_ready

    for name in PHRASES["en"]:
        library.phrase(name, language)
    for node in program.states.values():
        if "ready" in node.op:
            node.op["ready"][(language, True)] = make_ready(node.op, language, True)


def _entries(programs: Mapping[str, Program]) -> tuple[dict[str, str], str]:
    numbers: dict[str, str] = {}
    anyone = ""
    for program in programs.values():
        for kind, value, _ in program.image["triggers"] if program.channel == "voice" else ():
            if kind == "to":
                numbers[_digits(value)] = program.name
            elif kind == "any":
                anyone = program.name
    return numbers, anyone


def _functions(source: str) -> dict[str, Callable[..., Any]]:
    if not source:
        return {}
    namespace: dict[str, Any] = {"__name__": "flowengine_functions"}
    exec(compile(source, "functions.py", "exec"), namespace)
    return offered(namespace)
