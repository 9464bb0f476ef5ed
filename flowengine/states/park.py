"""
```yaml
hold:
  park: { intro: Please hold., hold: { play: music.wav }, max: 300s, until: agent_ready }
  on: { agent_ready: agent, elapsed: sorry }
```
Holds the caller with a looping prompt until an outside event comes or `max` is over (`elapsed`). The run after it
is sent to the platform as a change of the live call, which needs REST credentials.
"""

from __future__ import annotations

from typing import Any

from flowengine.fields import PROMPT, Duration, Field, Record
from flowengine.lowering import lower, lower_fields
from flowengine.model import Flow, State
from flowengine.states.base import DISCONNECTED, Kind, Outcome, spoken
from flowengine.states.outside import UNTIL, lower_until, outside
from flowengine.svaml import Position

LONGEST = 600
MARGIN = 10
"""A parked call hangs up at its maximum, so our own timer fires this many seconds earlier."""


class Park(Kind):
    name = "park"
    glyph = "●"
    family = "wait"
    waits = True
    needs_credentials = True
    fields = Record(
        (
            Field("intro", PROMPT, "said once"),
            Field("hold", PROMPT, "looped"),
            Field("max", Duration(20, LONGEST), "how long", default=600.0),
            UNTIL,
        ),
        "park",
    )

    def outcomes(self, state: State, flow: Flow) -> tuple[Outcome, ...]:
        failed = Outcome("error", ("nobody",), "apology", "failure")
        return (*outside(state, "parked"), Outcome("elapsed", ("parked",)), failed, DISCONNECTED)

    def actions(self, state: State, flow: Flow, position: Position) -> tuple[str, ...]:
        return ("park",)

    def lower(self, state: State, flow: Flow) -> dict[str, Any]:
        config = state.config
        prompts = {name: lower(config[name]) for name in ("intro", "hold") if config[name] is not None}
        return {**prompts, **lower_fields(config, "max"), **lower_until(state)}

    def run(self, op: Any, call: Any) -> str | None:
        call.place(park_action(op, call, op["max"]))
        call.timer(op["max"] - MARGIN)
        return None

    def summary(self, state: State, flow: Flow) -> str:
        return " ".join(filter(None, (spoken(state.config["intro"], flow), spoken(state.config["hold"], flow))))


def park_action(op: Any, call: Any, longest: float) -> dict[str, Any]:
    action: dict[str, Any] = {"name": "park", "locale": call.language}
    for key, name in (("intro", "introPrompt"), ("hold", "holdPrompt")):
        prompt = call.prompt(op[key]) if key in op else ""
        if prompt:
            action[name] = prompt
    return {**action, "maxDuration": int(longest)}
