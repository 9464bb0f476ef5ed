"""
```yaml
again_later:
  wait: { for: 15m }
  on: { elapsed: ring }
```
Lets time pass. With a caller on the line `play` is heard, `choices` are keys that end the wait, and `until` names
outside events. When the call is over, and in a message flow, it is a timer; what is written meanwhile is the event
`message`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowengine.callbacks import Callback
from flowengine.document import Map
from flowengine.fields import PROMPT, Duration, Field, Reader, Record
from flowengine.lowering import lower, lower_fields
from flowengine.model import Flow, State
from flowengine.states.base import DISCONNECTED, HANGUP, MESSAGE, STALE, Heard, Kind, Outcome, Where
from flowengine.states.choices import CHOICES
from flowengine.states.menu import run_menu
from flowengine.states.outside import UNTIL, lower_until, outside
from flowengine.states.park import LONGEST, MARGIN, park_action
from flowengine.svaml import Position
from flowengine.units import spoken

POLL = 10
"""A caller who cannot be parked hears a silent menu of this many seconds, given again until the wait is over."""


class Wait(Kind):
    name = "wait"
    glyph = "#"
    family = "wait"
    waits = True
    channels = ("voice", "message")
    fields = Record(
        (
            Field("for", Duration(1), "how long", True),
            Field("play", PROMPT, "what is heard meanwhile", shown="silence", channels=("voice",)),
            Field("choices", CHOICES, "keys that end the wait", channels=("voice",)),
            UNTIL,
        ),
        "wait",
        "for",
    )

    def check(self, config: Mapping[str, Any], node: Map, reader: Reader) -> None:
        for choice in config["choices"] or ():
            if choice.value in ("repeat", "back"):
                reader.problem("reserved-name", choice.mark, f'"{choice.value}" belongs to a menu', "use another value")

    def outcomes(self, state: State, flow: Flow) -> tuple[Outcome, ...]:
        if flow.channel == "message":
            return (Outcome("elapsed", ("next",)), MESSAGE, *outside(state, "next"))
        choices = tuple(
            Outcome(each.value, ("input",), choice=True, label=each.key) for each in state.config["choices"] or ()
        )
        after: tuple[Where, ...] = ("parked", "input", "outbound")
        failed = Outcome("error", ("input", "nobody"), "apology", "failure")
        elapsed = Outcome("elapsed", after)
        return (elapsed, *choices, *outside(state, *after), failed, HANGUP, DISCONNECTED)

    def actions(self, state: State, flow: Flow, position: Position) -> tuple[str, ...]:
        if position in ("N", "O", "M"):
            return ()
        return ("park",) if position in ("I", "K") and not state.config["choices"] else ("runMenu",)

    def lower(self, state: State, flow: Flow) -> dict[str, Any]:
        choices = {each.value: each.key for each in state.config["choices"] or ()}
        lowered = {**lower_fields(state.config, "for"), **lower_until(state), "choices": choices}
        if state.config["play"] is not None:
            lowered["hold"] = lower(state.config["play"])
        return lowered

    def run(self, op: Any, call: Any) -> str | None:
        remaining = call.remaining(op["for"])
        if remaining <= 0:
            return "elapsed"
        if call.position in ("N", "O", "M"):
            call.place_timer(remaining)
        elif call.position in ("I", "K") and not op["choices"]:
            longest = min(remaining + MARGIN, LONGEST)
            call.place(park_action(op, call, max(longest, 2 * MARGIN)))
            call.timer(min(remaining, LONGEST - MARGIN))
        else:
            call.place(run_menu([_poll(op, call, remaining)], call.language, True, False))
        return None

    def hear(self, op: Any, call: Any, callback: Callback) -> Heard:
        kind = callback.menu_type
        if kind == "return" and callback.menu_value in op["choices"]:
            return Heard(callback.menu_value)
        if kind in ("timeout", "invalidinput", "return"):
            return Heard("poll")
        if kind == "sequence":
            return STALE
        return Heard("hangup" if kind == "hangup" else "error")

    def summary(self, state: State, flow: Flow) -> str:
        return f"waits {spoken(state.config['for'])}" if state.config["for"] else ""


def _poll(op: Any, call: Any, remaining: float) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": "main"}
    heard = call.prompt(op["hold"]) if "hold" in op else ""
    if heard:
        entry["mainPrompt"] = heard
    entry.update(repeats=0, timeoutMills=int(max(1, min(POLL, remaining)) * 1000))
    options = [{"dtmf": key, "action": f"return({value})"} for value, key in op["choices"].items()]
    return {**entry, "options": options} if options else {**entry, "maxDigits": 1}
