"""
```yaml
person:
  handover: { post: https://desk.example.com/chats, timeout: 1h }
  on: { returned: bye, timeout: nobody, error: nobody }
```
Gives the conversation to a person: the address is told, and until the other side gives it back (`returned`) the flow
says nothing. What is written meanwhile is the event `message`, which a handler may pass on. `taken` tells that a
person has it, `tick` comes `every` so often.
"""

from __future__ import annotations

from typing import Any

from flowengine.choosing import URL
from flowengine.fields import DATA, Duration, Field, Record
from flowengine.lowering import lower_fields, lower_url
from flowengine.model import Flow, State
from flowengine.states.ask import LONGEST
from flowengine.states.base import MESSAGE, Kind, Outcome
from flowengine.states.outside import UNTIL, lower_until, outside


class Handover(Kind):
    name = "handover"
    glyph = "●"
    family = "talk"
    waits = True
    channels = ("message",)
    fields = Record(
        (
            Field("post", URL, "the address that is told", True),
            Field("json", DATA, "what it is told beside the conversation"),
            Field("timeout", Duration(1, LONGEST), "how long a person may take", shown="the session's"),
            Field("every", Duration(60, LONGEST), "how often `tick` comes"),
            UNTIL,
        ),
        "handover",
    )

    def outcomes(self, state: State, flow: Flow) -> tuple[Outcome, ...]:
        timeout = (Outcome("timeout", ("next",), "end", "silence"),) if state.config["timeout"] else ()
        tick = (Outcome("tick", ("next",), "ignore", "late"),) if state.config["every"] else ()
        return (
            Outcome("returned", ("next",)),
            Outcome("taken", ("next",), "ignore", "late"),
            *tick,
            MESSAGE,
            *outside(state, "next"),
            *timeout,
            Outcome("error", ("next",), "apology", "failure"),
        )

    def lower(self, state: State, flow: Flow) -> dict[str, Any]:
        config = state.config
        return {
            "post": lower_url(config["post"]),
            **lower_fields(config, "json", "timeout", "every"),
            **lower_until(state),
        }

    def run(self, op: Any, call: Any) -> str | None:
        return call.hand_over(op)  # type: ignore[no-any-return]

    def summary(self, state: State, flow: Flow) -> str:
        return f"to {state.config['post'].text.removeprefix('https://')}" if state.config["post"] else ""
