"""
```yaml
room:
  conference: { id: "team-{{ pin }}", moh: music1 }
  on: { disconnected: end }
```
Puts the caller into a conference room, which all who name the same `id` share (rooms belong to a region).
`dtmf: {mode: detect}` collects keys pressed in the room as `digits`, a side run that leaves the caller there.
"""

from __future__ import annotations

from typing import Any

from flowengine.callbacks import Callback
from flowengine.fields import TEXT, Duration, Field, Integer, OneOf, Record
from flowengine.lowering import lower_fields
from flowengine.model import Flow, State
from flowengine.states.base import DISCONNECTED, STALE, Heard, Kind, Outcome, Where
from flowengine.states.bridge import MUSIC
from flowengine.states.outside import UNTIL, lower_until, outside
from flowengine.svaml import Position

DTMF = Record(
    (
        Field("mode", OneOf(("ignore", "forward", "detect")), "what a key does", default="ignore"),
        Field("max_digits", Integer(1, 20), "how many make a `digits` event", shown="1"),
        Field("timeout", Duration(0.5, 30), "silence that ends them", shown="3 s"),
    ),
    "dtmf",
)


class Conference(Kind):
    name = "conference"
    glyph = "►"
    family = "talk"
    waits = True
    fields = Record(
        (
            Field("id", TEXT, "the room, at most 64 characters", True),
            Field("moh", OneOf(MUSIC), "what the first, lonely one hears", shown="silence"),
            UNTIL,
            Field("dtmf", DTMF, "keys pressed in the room"),
        ),
        "conference",
    )

    def outcomes(self, state: State, flow: Flow) -> tuple[Outcome, ...]:
        detect = (state.config["dtmf"] or {}).get("mode") == "detect"
        digits = (Outcome("digits", ("nobody",), "ignore", "late", side=True),) if detect else ()
        where: tuple[Where, ...] = ("same",) if state.config["id"] and state.config["id"].dynamic else ()
        where += ("nobody",) if state.config["until"] else ()
        failed = (Outcome("error", where, "apology", "failure"),) if where else ()
        return (*outside(state, "room"), *digits, *failed, DISCONNECTED)

    def actions(self, state: State, flow: Flow, position: Position) -> tuple[str, ...]:
        return ("connectConf",)

    def lower(self, state: State, flow: Flow) -> dict[str, Any]:
        dtmf = state.config["dtmf"]
        keys = {"dtmf": dict(dtmf)} if dtmf else {}
        return {**lower_fields(state.config, "id", "moh"), **keys, **lower_until(state)}

    def run(self, op: Any, call: Any) -> str | None:
        room = call.line(op["id"])[:64]
        if not room:
            return "error"
        action: dict[str, Any] = {"name": "connectConf", "conferenceId": room}
        if "moh" in op:
            action["moh"] = op["moh"]
        if "dtmf" in op:
            action["conferenceDtmfOptions"] = _dtmf(op["dtmf"])
        call.place(action)
        return None

    def hear(self, op: Any, call: Any, callback: Callback) -> Heard:
        return Heard("digits", callback.menu_value) if callback.menu_type == "sequence" else STALE

    def summary(self, state: State, flow: Flow) -> str:
        return f"room {state.config['id'].text}" if state.config["id"] else ""


def _dtmf(op: Any) -> dict[str, Any]:
    options: dict[str, Any] = {"mode": op["mode"]}
    if op["mode"] == "detect":
        options["maxDigits"] = op["max_digits"] or 1
        options["timeoutMills"] = int((op["timeout"] or 3) * 1000)
    return options
