"""
`hours` asks a calendar that does not exist: nobody knows whether the office is open.

```yaml wrong
flow: wrong
channel: voice
start: opening
calendars: { office: { timezone: Europe/Stockholm, open: { mon-fri: 09:00-17:00 } } }
states:
  opening: { hours: offices, on: { open: hello, closed: bye, holiday: bye } }
  hello: { say: Hello., next: end }
  bye: { say: We are closed., next: end }
```
```yaml right
flow: right
channel: voice
start: opening
calendars: { office: { timezone: Europe/Stockholm, open: { mon-fri: 09:00-17:00 } } }
states:
  opening: { hours: office, on: { open: hello, closed: bye } }
  hello: { say: Hello., next: end }
  bye: { say: We are closed., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.places import setting
from flowengine.problems import Problem, did_you_mean

SEVERITY = "error"


def check(view: View) -> Iterator[Problem]:
    flow = view.flow
    for state in flow.states.values():
        name = state.config.get("calendar") if state.kind == "hours" else None
        if name and flow.calendar(name) is None:
            hint = did_you_mean(name, {**flow.calendars, **flow.project.calendars})
            fix = "" if hint else f"add {name} to calendars:, with its timezone and open hours"
            where = setting(view, state, "hours|calendar", name)
            yield problem(
                view, "unknown-calendar", where, f'there is no calendar "{name}"{hint}', fix=fix, state=state.name
            )
