"""
An expression reads a name that does not exist, or something is kept in a variable that nobody declared: the turn
breaks there, and the caller hears the apology.

```yaml wrong
flow: wrong
channel: voice
start: greet
variables: { tier: { type: text, default: unknown } }
states:
  greet: { say: "Your tier is {{ teir }}.", next: end }
```
```yaml right
flow: right
channel: voice
start: greet
variables: { tier: { type: text, default: unknown } }
states:
  greet: { say: "Your tier is {{ tier }}.", next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.facts import complaint
from flowengine.checks.places import inside
from flowengine.checks.texts import texts
from flowengine.checks.writes import Write, writes
from flowengine.problems import Problem, did_you_mean

SEVERITY = "error"
_OF_CONTACT = ("contact.language", "contact.name", "contact.timezone")
"""What a message flow may say of its contact beside the fields it declares."""


def check(view: View) -> Iterator[Problem]:
    for written, expression in texts(view):
        for name in expression.names:
            message, fix = complaint(view, name.path)
            if message:
                where = inside(view, written.source, name.offset, name.length)
                fix = "" if "did you mean" in message else fix
                yield problem(view, "unknown-variable", where, message, fix=fix, state=written.state)
    for write in writes(view):
        yield from _target(view, write)


def _target(view: View, write: Write) -> Iterator[Problem]:
    if write.name == "call.language":
        if view.flow.channel == "message":
            message, fix = "call.language belongs to calls", "set contact.language"
            yield problem(view, "unknown-variable", write.mark(view), message, fix=fix, state=write.state)
        return
    contact = write.name.startswith("contact.")
    if view.flow.channel == "message" and write.name in _OF_CONTACT:
        return
    known = view.flow.contact_fields() if contact else view.flow.names()
    name = write.name.removeprefix("contact.")
    if name in known:
        return
    hint = did_you_mean(name, known)
    what = f'a contact has no field "{name}"' if contact else f'there is no variable "{name}"'
    fix = "declare it in contact:" if contact else "declare it in variables:"
    message = f"{what} to {write.verb}{hint}"
    yield problem(view, "unknown-variable", write.mark(view), message, fix="" if hint else fix, state=write.state)
