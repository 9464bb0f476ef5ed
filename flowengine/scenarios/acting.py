"""What each act of a scenario does to the stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from flowengine.scenarios.steps import Step
from flowengine.simulator import CannotAct, Chat, Phone
from flowengine.stage import CALLER, WITHHELD

_SHARED: Mapping[str, Mapping[str, Any]] = {
    "photo": {"media": "https://media.example.com/photo.jpg"},
    "location": {"location": {"title": "Stockholm", "latitude": 59.33, "longitude": 18.06}},
}
_FILE = {
    "recording_available": "s3://recordings/{}.mp3",
    "transcription_available": "s3://recordings/{}-transcript.json",
}


class Actor(Protocol):
    """Who can do what scenarios say: a :class:`~flowengine.stage.Stage`, or what is like one."""

    refusing: bool

    @property
    def phone(self) -> Phone: ...

    @property
    def chat(self) -> Chat: ...

    def begin_act(self) -> None: ...
    def take_back(self) -> None: ...
    def end_act(self) -> None: ...
    def dial(self, to: str, cli: str, custom: str, headers: Mapping[str, str] | None) -> None: ...
    def start(self, inputs: Mapping[str, Any]) -> None: ...
    def silence(self) -> None: ...
    def wait(self, seconds: float) -> None: ...
    def event(self, name: str, data: Any) -> None: ...
    def again(self) -> None: ...


def perform(stage: Actor, step: Step) -> None:
    """Do what the step says, and what comes of it at once; ``stage.seen`` is what was observed.

    Raises :class:`~flowengine.simulator.CannotAct` where nobody could do it now, and
    :class:`~flowengine.stage.Trouble` where the play broke.
    """
    stage.begin_act()
    try:
        _ACTS[step.word](stage, step.value)
    except CannotAct:
        stage.take_back()
        raise
    stage.end_act()


def _dial(stage: Actor, value: Any) -> None:
    given = value or {}
    cli = given.get("from", CALLER)
    cli = WITHHELD if cli == "withheld" else cli
    stage.dial(given.get("to", ""), cli, given.get("custom", ""), given.get("headers"))


def _write(stage: Actor, value: Any) -> None:
    if value.get("channel"):
        stage.chat.channel = value["channel"]
    if value.get("from"):
        stage.chat.identity = value["from"].removeprefix("+")
    stage.chat.write(value["text"])


def _share(stage: Actor, value: Any) -> None:
    stage.chat.share(_SHARED[value] if isinstance(value, str) else value)


def _notify(stage: Actor, value: Any) -> None:
    """What is ``null`` is left out of the notification."""
    fields = dict(value)
    kind, phone = fields.pop("type"), stage.phone
    if kind in _FILE:
        fields.setdefault("destination", _FILE[kind].format(phone.call_id))
    phone.notify(kind, {name: each for name, each in fields.items() if each is not None})


def _refuse(refusing: bool) -> Callable[[Actor, Any], None]:
    def act(stage: Actor, value: Any) -> None:
        stage.refusing = refusing

    return act


_ACTS: dict[str, Callable[[Actor, Any], None]] = {
    "caller dials": _dial,
    "flow starts": lambda stage, value: stage.start(value or {}),
    "presses": lambda stage, value: stage.phone.press(value),
    "speaks": lambda stage, value: stage.phone.speak(value),
    "says nothing": lambda stage, value: stage.silence(),
    "hangs up": lambda stage, value: stage.phone.hang_up(),
    "menu fails": lambda stage, value: stage.phone.fail(),
    "callee": lambda stage, value: stage.phone.callee(value),
    "notify": _notify,
    "writes": _write,
    "taps": lambda stage, value: stage.chat.tap(value),
    "shares": _share,
    "follows link": lambda stage, value: stage.chat.follow_link(value),
    "receipt": lambda stage, value: stage.chat.receipt(value.upper()),
    "event": lambda stage, value: stage.event(value["name"], value.get("data")),
    "time passes": lambda stage, value: stage.wait(value),
    "platform refuses": _refuse(True),
    "platform accepts": _refuse(False),
    "callback comes again": lambda stage, value: stage.again(),
}

__all__ = ["CannotAct", "perform"]
