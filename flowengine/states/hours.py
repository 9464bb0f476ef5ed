"""
```yaml
opening:
  hours: office
  on: { open: main, closed: shut, holiday: shut }
```
Asks a calendar. On a listed holiday it is `open` within that day's own hours, else `holiday`.
"""

from __future__ import annotations

from typing import Any

from flowengine.fields import Field, Name, Record
from flowengine.model import Calendar, Flow, Hours, State
from flowengine.states.base import Kind, Outcome

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class OpeningHours(Kind):
    name = "hours"
    glyph = "◊"
    family = "decide"
    channels = ("voice", "message")
    fields = Record((Field("calendar", Name("a calendar"), "one of `calendars`", True),), "hours", "calendar")

    def outcomes(self, state: State, flow: Flow) -> tuple[Outcome, ...]:
        calendar = flow.calendar(state.config["calendar"] or "")
        names = ("open", "closed") + (("holiday",) if calendar is None or calendar.holidays else ())
        return tuple(Outcome(name, ("same",)) for name in names)

    def lower(self, state: State, flow: Flow) -> dict[str, Any]:
        return {"calendar": state.config["calendar"]}

    def run(self, op: Any, call: Any) -> str | None:
        return str(call.opening(op["calendar"]))

    def summary(self, state: State, flow: Flow) -> str:
        calendar = flow.calendar(state.config["calendar"] or "")
        return _week(calendar) if calendar else ""


def _week(calendar: Calendar) -> str:
    runs: list[tuple[int, int, tuple[Hours, ...]]] = []
    for day, hours in sorted(calendar.week.items()):
        if runs and runs[-1][1] == day - 1 and runs[-1][2] == hours:
            runs[-1] = (runs[-1][0], day, hours)
        else:
            runs.append((day, day, hours))
    shown = [f"{_days(first, last)} {', '.join(_span(each) for each in hours)}" for first, last, hours in runs]
    return f"{', '.join(shown)}\n{calendar.timezone}"


def _days(first: int, last: int) -> str:
    return DAYS[first] if first == last else f"{DAYS[first]}–{DAYS[last]}"


def _span(hours: Hours) -> str:
    return f"{hours.start // 60:02d}:{hours.start % 60:02d}–{hours.stop // 60:02d}:{hours.stop % 60:02d}"
