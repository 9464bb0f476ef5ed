"""
```yaml
closed:
  say: Leave a message after the tone, then press the hash key.
  voicemail: { max: 60s }
  on: { recorded: bye }
```
Plays the tone, records into the flow's `recordings`, and waits for a key or for `max`. Most callers simply hang
up: file the message on `recording_available`, which comes in both cases.
"""

from __future__ import annotations

import math
from typing import Any

from flowengine.callbacks import Callback
from flowengine.document import Node, Seq, Text
from flowengine.fields import PROMPT, TEXTUAL, Custom, Duration, Field, Reader, Record
from flowengine.lowering import lower, lower_fields
from flowengine.model import Flow, State
from flowengine.states.base import DISCONNECTED, HANGUP, INPUT_ERROR, Heard, Kind, Outcome
from flowengine.states.choices import KEY
from flowengine.states.menu import run_menu
from flowengine.svaml import Position

ONE_WAIT = 30


def _read_keys(node: Node, reader: Reader) -> tuple[str, ...] | None:
    if isinstance(node, Text) and node.value == "any":
        return ("any",)
    nodes = node.items if isinstance(node, Seq) else [node]
    keys = tuple(each.value for each in nodes if isinstance(each, Text) and KEY.fullmatch(each.value))
    if len(keys) != len(nodes) or not keys:
        reader.expected(node, "any, or keys such as '#' or [1, '*']")
        return None
    return keys


class Voicemail(Kind):
    name = "voicemail"
    glyph = "●"
    family = "talk"
    waits = True
    fields = Record(
        (
            Field("max", Duration(5, 180), "how long the message may be", default=120.0),
            Field("tone", PROMPT, "the tone to speak after", shown="the project's"),
            Field(
                "keys",
                Custom(_read_keys, {"anyOf": [{"type": TEXTUAL}, {"type": "array"}]}, "`any` or keys"),
                "`any` key ends the message, or only these (each other key takes up to 30 s off `max`)",
                default=("any",),
                shown="any",
            ),
        ),
        "voicemail",
    )

    def settle(self, config: dict[str, Any], flow: Any) -> dict[str, Any]:
        return {**config, "tone": config["tone"] or flow["tone"]}

    def outcomes(self, state: State, flow: Flow) -> tuple[Outcome, ...]:
        return (Outcome("recorded", ("input",), "recorded"), INPUT_ERROR, HANGUP, DISCONNECTED)

    def actions(self, state: State, flow: Flow, position: Position) -> tuple[str, ...]:
        return ("runMenu",)

    def lower(self, state: State, flow: Flow) -> dict[str, Any]:
        return {**lower_fields(state.config, "max", "keys"), "tone": lower(state.config["tone"])}

    def run(self, op: Any, call: Any) -> str | None:
        if op["tone"] is not None:
            call.speak(op["tone"])
        call.add(call.recording({}))
        call.arm("recording")
        call.place(run_menu([_silent_menu(op)], call.language, True, False))
        return None

    def hear(self, op: Any, call: Any, callback: Callback) -> Heard:
        if callback.menu_type in ("sequence", "timeout", "invalidinput", "return"):
            return Heard("recorded")
        return Heard("hangup" if callback.menu_type == "hangup" else "error")

    def summary(self, state: State, flow: Flow) -> str:
        return f"records up to {state.config['max']:g} s"


def _silent_menu(op: Any) -> dict[str, Any]:
    tries = math.ceil(op["max"] / ONE_WAIT)
    entry = {"id": "main", "repeats": tries - 1, "timeoutMills": int(op["max"] / tries * 1000)}
    if op["keys"] == ["any"]:
        return {**entry, "maxDigits": 1}
    return {**entry, "options": [{"dtmf": key, "action": "return(recorded)"} for key in op["keys"]]}
