"""
A message may go out a day or more after the contact last wrote, when channels such as WhatsApp take nothing but
templates: it would fail. An ask with a `template` sends that in its place; its answer opens the window again.

```yaml wrong
flow: wrong
channel: message
channels: [WHATSAPP]
contact: { booking: { type: time } }
triggers: [ { date: contact.booking, offset: -1d, at: "10:00" } ]
start: coming
states:
  coming:
    ask: { prompt: Are you coming tomorrow?, choices: { here: "Yes", away: "No" }, timeout: 20h }
    on: { here: end, away: end, else: end }
```
```yaml right
flow: right
channel: message
channels: [WHATSAPP]
contact: { booking: { type: time } }
triggers: [ { date: contact.booking, offset: -1d, at: "10:00" } ]
start: coming
states:
  coming:
    ask:
      prompt: Are you coming tomorrow?
      template: { name: coming, language: en_US }
      choices: { here: "Yes", away: "No" }
      timeout: 20h
    on: { here: end, away: end, else: end }
```
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from flowengine.checks.base import View, problem
from flowengine.checks.silence import SHUT, Silence, Step, silence
from flowengine.messages.channels import window
from flowengine.model import Instruction, State
from flowengine.problems import Mark, Problem, Severity
from flowengine.units import spoken

SEVERITY: Severity = "warning"
CHANNELS = ("message",)
_HOW = {
    "date": "a date starts it",
    "schedule": "a schedule starts it",
    "start": "the API starts it",
    "expired": "the conversation has expired",
}


def check(view: View) -> Iterator[Problem]:
    shut = [each for each in view.flow.channels if window(each) is not None]
    if not shut:
        return
    known = silence(view)
    came: dict[str, Step] = {}
    todo = deque(_closing(known))
    while todo:
        step = todo.popleft()
        yield from _on_the_way(view, step, shut[0])
        state = view.flow.states.get(step.target)
        if state is None or state.name in came:
            continue
        came[state.name] = step
        told = list(_at(view, state, step, shut[0]))
        yield from told
        todo.extend(() if told else _onward(known, state.name, step))
    for state in view.flow.states.values():
        if state.name in known.before and state.name not in came:
            yield from _reminders(view, state, known.before[state.name], shut[0])


def _onward(known: Silence, name: str, came: Step) -> Iterator[Step]:
    """The ways on which it stays shut; what follows at once has the reason of what came before."""
    for step in known.steps.get(name, ()):
        if step.after >= SHUT:
            at_once = step.way is not None and (step.way.outcome is None or "same" in step.way.outcome.where)
            yield replace(step, source=came.source, event=came.event) if at_once else step


def _closing(known: Silence) -> Iterator[Step]:
    """The ways on which the window shuts."""
    for name, steps in known.steps.items():
        if known.before.get(name, 0.0) < SHUT:
            yield from (step for step in steps if step.after >= SHUT)


def _at(view: View, state: State, came: Step, channel: str) -> Iterator[Problem]:
    """The first message of a state that is no template."""
    free = _free(state.do, channel)
    if free is not None:
        yield _problem(view, free.mark, came, channel, state.name, "send a template first, in an ask")
    elif state.kind == "ask" and state.config and not state.config["template"]:
        fix = 'add "template: { name: …, language: … }"'
        yield _problem(view, state.kind_mark, came, channel, state.name, fix)


def _on_the_way(view: View, step: Step, channel: str) -> Iterator[Problem]:
    branch = step.way.branch if step.way else None
    free = _free(branch.do, channel) if branch and step.after >= SHUT else None
    if free is not None:
        yield _problem(view, free.mark, step, channel, step.source, "ask with a template in its place")


def _free(do: Iterable[Instruction], channel: str) -> Instruction | None:
    """The first message to the contact that is no template."""
    return next((each for each in do if _is_free(each, channel)), None)


def _is_free(instruction: Instruction, channel: str) -> bool:
    value = instruction.value
    if instruction.name == "say":
        return True
    if instruction.name != "send" or not isinstance(value, dict):
        return False
    elsewhere = value.get("to") is not None or value.get("channel") not in (None, channel)
    return not (elsewhere or value.get("template") or channel in (value.get("explicit") or {}))


def _problem(view: View, mark: Mark, came: Step, channel: str, state: str, fix: str) -> Problem:
    message = (
        f"this may go out a day after the contact last wrote, when {channel} takes only templates: {_because(came)}"
    )
    return problem(view, "outside-window", mark, message, severity=SEVERITY, fix=fix, state=state)


def _because(came: Step) -> str:
    return f"it follows {came.event} of {came.source}" if came.source else _HOW[came.event]


def _reminders(view: View, state: State, before: float, channel: str) -> Iterator[Problem]:
    for each in state.config.get("remind") or () if state.kind == "ask" else ():
        if before + each["after"] >= SHUT:
            late = f"{spoken(before + each['after'])} after the contact last wrote"
            message = f"this reminder may come {late}, when {channel} takes only templates"
            fix = "remind within 24 hours, or let timeout lead to an ask with a template"
            yield problem(
                view, "outside-window", each["say"].mark, message, severity=SEVERITY, fix=fix, state=state.name
            )
            return
