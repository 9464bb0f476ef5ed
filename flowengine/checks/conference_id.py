"""
The name of a conference room may have 64 characters. A longer one is cut, so two rooms may become one and strangers
hear each other.

```yaml wrong
flow: wrong
channel: voice
start: room
states:
  room:
    conference: { id: "the-weekly-meeting-of-everybody-who-works-on-the-new-telephone-line-{{ call.to }}" }
    on: { disconnected: end }
```
```yaml right
flow: right
channel: voice
start: room
states:
  room:
    conference: { id: "weekly-{{ call.to }}" }
    on: { disconnected: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.texts import constant_length
from flowengine.model import Source, State
from flowengine.problems import Problem

SEVERITY = "error"
CHANNELS = ("voice",)
LONGEST = 64


def check(view: View) -> Iterator[Problem]:
    for state in view.flow.states.values():
        source = _room(state)
        if source is None:
            continue
        length = constant_length(view, source)
        if length > LONGEST:
            message = f"the room's name has {length} characters; {LONGEST} are allowed"
            yield problem(view, "conference-id", source.mark, message, fix="shorten it", state=state.name)
        elif not source.text.strip():
            message = "the room has no name"
            yield problem(view, "conference-id", source.mark, message, fix="write a name", state=state.name)


def _room(state: State) -> Source | None:
    if state.kind == "conference":
        found = state.config["id"]
    elif state.kind == "svaml" and state.config["action"]["name"] == "connectConf":
        found = state.config["action"].get("conferenceId")
    else:
        return None
    return found if isinstance(found, Source) else None
