"""
A `date` trigger names a field of the contact that is not declared, or is no time, so it would never start anything; or
a `schedule` names a tag that nothing gives, although another is much like it.

```yaml wrong
flow: wrong
channel: message
triggers: [ { date: contact.bookng, at: "10:00" } ]
contact: { booking: { type: time } }
start: remind
states:
  remind: { say: See you tomorrow., next: end }
```
```yaml right
flow: right
channel: message
triggers: [ { date: contact.booking, at: "10:00" } ]
contact: { booking: { type: time } }
start: remind
states:
  remind: { say: See you tomorrow., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.places import spot
from flowengine.graph import Book, instructions_of
from flowengine.model import Flow, Instruction, Trigger
from flowengine.problems import Problem, closest, did_you_mean

SEVERITY = "error"
CHANNELS = ("message",)


def check(view: View) -> Iterator[Problem]:
    for trigger in view.flow.triggers:
        if trigger.kind == "date":
            yield from _date(view, trigger)
        elif trigger.kind == "schedule":
            yield from _schedule(view, trigger)


def _date(view: View, trigger: Trigger) -> Iterator[Problem]:
    fields = view.flow.contact_fields()
    field = fields.get(trigger.value)
    if field is None:
        hint = did_you_mean(trigger.value, fields)
        message = f'a contact has no "{trigger.value}"{hint}'
        fix = "" if hint else f'declare it: "contact: {{ {trigger.value}: {{ type: time }} }}"'
        yield problem(view, "date-trigger", trigger.mark, message, fix=fix)
    elif field.type not in ("time", "any"):
        message = f'"contact.{trigger.value}" is a {field.type}, so it never comes'
        yield problem(view, "date-trigger", trigger.mark, message, fix="declare it with type: time")


def _schedule(view: View, trigger: Trigger) -> Iterator[Problem]:
    given = _tags(view.book)
    alike = closest(trigger.tag, given, 0.75) if trigger.tag and trigger.tag not in given else ""
    if alike:
        mark = spot(view, trigger.mark, rf"\btag['\"]?\s*:\s*['\"]?({trigger.tag})(?!\w)")
        message = f'no flow gives anybody the tag "{trigger.tag}"; did you mean "{alike}"?'
        yield problem(view, "date-trigger", mark, message, severity="warning")


def _tags(book: Book) -> set[str]:
    """The tags that the instructions of all flows give."""
    if "tags" not in book.cache:
        book.cache["tags"] = {tag for flow in book.flows.values() for tag in _given(flow)}
    known: set[str] = book.cache["tags"]
    return known


def _given(flow: Flow) -> Iterator[str]:
    handled = [branch.do for handler in flow.on.values() for branch in handler.branches]
    for instruction in (*(each for do in handled for each in do), *_of_states(flow)):
        if instruction.name == "tag":
            values = instruction.value if isinstance(instruction.value, tuple | list) else (instruction.value,)
            yield from (str(getattr(each, "text", each)) for each in values)


def _of_states(flow: Flow) -> Iterator[Instruction]:
    for state in flow.states.values():
        yield from instructions_of(state)
