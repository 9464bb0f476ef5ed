"""What every kind of state says about itself, and what it may ask of the turn that runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

from flowengine.callbacks import Callback
from flowengine.document import Map, Node
from flowengine.fields import Reader, Record
from flowengine.model import Flow, Prompt, Source, State
from flowengine.svaml import Position, after_input

Style = Literal["chosen", "failure", "silence", "late", "end"]
Family = Literal["say", "wait", "decide", "talk", "outside"]
Where = Literal["same", "input", "answered", "nobody", "parked", "live", "room", "outbound", "next"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """An event a state can raise.

    ``where``: which callback the run after it answers, relative to the state's own position (see
    :func:`landing`). ``default``: what happens when nothing handles it; empty: it must be handled.
    ``choice``: a value the author made up, for which a state of that name is enough.
    ``side``: its run is always a side run and never moves the place.
    ``outside``: posted by another program, never caught by ``else``.
    ``wide``: a choice of the whole flow, which no state has of its own.
    """

    name: str
    where: tuple[Where, ...]
    default: str = ""
    style: Style = "chosen"
    choice: bool = False
    side: bool = False
    outside: bool = False
    label: str = ""
    wide: bool = False


DISCONNECTED = Outcome("disconnected", ("nobody",), "end", "end")
HANGUP = Outcome("hangup", ("nobody",), "none", "end")
INPUT_ERROR = Outcome("error", ("input",), "apology", "failure")
TIMEOUT = Outcome("timeout", ("input",), "goodbye", "silence")
INVALID = Outcome("invalidinput", ("input",), "goodbye", "silence")
MESSAGE = Outcome("message", ("next",), "stored", "late")
STEP_ERROR = Outcome("error", ("same",), "apology", "failure")


def landing(where: Where, position: Position, outbound: bool) -> Position:
    """The position of the run after an outcome of a state that stood in ``position``."""
    if position == "M" or where in ("same", "next"):  # ``next``: a turn of its own, in the same position
        return position
    if where == "input":
        return "N" if position in ("N", "O") else after_input(position)
    if where == "answered":
        return "A" if position == "O" else "B"
    fixed: dict[Where, Position] = {"nobody": "N", "parked": "K", "live": "L", "room": "C"}
    return fixed.get(where) or ("O" if outbound else "N")


class Heard(NamedTuple):
    """What a callback means at a place: an event with its value, or that it was not for this place."""

    event: str
    value: str = ""
    stale: bool = False


STALE = Heard("", stale=True)


class Kind:
    """One kind of state. Subclasses live one to a file; their docstring begins with a worked example."""

    name: ClassVar[str]
    glyph: ClassVar[str]
    family: ClassVar[Family]
    fields: ClassVar[Record]
    waits: ClassVar[bool] = False
    channels: ClassVar[tuple[str, ...]] = ("voice",)
    needs_credentials: ClassVar[bool] = False

    def read(self, node: Node, reader: Reader) -> dict[str, Any] | None:
        return self.fields.read(node, reader)

    def schema(self) -> dict[str, Any]:
        return self.fields.schema()

    def check(self, config: Mapping[str, Any], node: Map, reader: Reader) -> None:
        """Tell the reader what no single field can know."""

    def settle(self, config: dict[str, Any], flow: Mapping[str, Any]) -> dict[str, Any]:
        """The config with the flow's and project's defaults filled in; ``flow`` holds ``defaults`` and more."""
        return config

    def outcomes(self, state: State, flow: Flow) -> tuple[Outcome, ...]:
        """Every event this state can raise, in the order a picture shows them."""
        raise NotImplementedError

    def actions(self, state: State, flow: Flow, position: Position) -> tuple[str, ...]:
        """The SVAML actions it may emit in this position; empty where it steps on or sends nothing."""
        return ()

    def targets(self, state: State) -> tuple[str, ...]:
        """States it leads to beside its handlers (``route``)."""
        return ()

    def lower(self, state: State, flow: Flow) -> dict[str, Any]:
        """What the engine needs, as JSON (see :mod:`flowengine.lowering`)."""
        raise NotImplementedError

    def run(self, op: Any, call: Any) -> str | None:
        """Step: the outcome's name. Wait: put the action with ``call.place`` and give ``None``."""
        raise NotImplementedError

    def hear(self, op: Any, call: Any, callback: Callback) -> Heard:
        """What a callback means while the call stands here (menus and conferences: PIE; bridges: ACE)."""
        return STALE

    def summary(self, state: State, flow: Flow) -> str:
        """One or two short lines for the picture."""
        return ""


def spoken(prompt: Prompt | None, flow: Flow) -> str:
    """The words of a prompt in the flow's first language, for pictures and listings."""
    if prompt is None:
        return ""
    shown = []
    for part in prompt.in_language(flow.languages[0], flow.languages[0]):
        shown.append(f"“{part.source.text}”" if part.kind == "say" else _sound(part.kind, part.source))
    return " ".join(shown)


def _sound(kind: str, source: Source) -> str:
    if kind == "pause":
        return f"(pause {float(source.text):g} s)"
    return "(ssml)" if kind == "ssml" else f"♪ {source.text.rsplit('/', 1)[-1]}"
