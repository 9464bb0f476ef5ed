"""
A note to the author is left in a text: the caller would hear "to do" or "company name" read out.

```yaml wrong
flow: wrong
channel: voice
start: greet
states:
  greet: { say: "Thank you for calling <company name>. TODO opening hours.", next: end }
```
```yaml right
flow: right
channel: voice
start: greet
states:
  greet: { say: "Thank you for calling Acme Corp. We are open from nine to five.", next: end }
```
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowengine.checks.base import View, Written, problem
from flowengine.checks.places import inside
from flowengine.checks.texts import authored, literal
from flowengine.problems import Problem, Severity

SEVERITY: Severity = "warning"
_NOTE = re.compile(
    r"\b(?:TODO|XXX+|FIXME)\b|(?i:\blorem ipsum\b)"
    r"|\[[A-Za-z][\w -]{0,40}\]|<[A-Za-z][\w -]{0,40}>|\$?\{[A-Za-z][\w .-]{0,40}\}"
)
_IN_MARKUP = re.compile(r"\b(?:TODO|XXX+|FIXME)\b|(?i:\blorem ipsum\b)|\[[A-Za-z][\w -]{0,40}\]")
_ARGUMENTS = ("company", "question", "hours")


def check(view: View) -> Iterator[Problem]:
    for written in authored(view):
        if not _is_words(view, written):
            continue
        pattern = _IN_MARKUP if written.role == "prompt-ssml" else _NOTE
        found = pattern.search(literal(view, written.source))
        if found:
            message = f'"{found[0]}" looks like a placeholder that was left in'
            where = inside(view, written.source, found.start(), len(found[0]))
            name = found[0].strip("${}")
            fix = f"write {{{{ {name} }}}}" if found[0].endswith("}") else "write what is to be said"
            yield problem(view, "placeholder", where, message, severity=SEVERITY, fix=fix, state=written.state)


def _is_words(view: View, written: Written) -> bool:
    if written.role in ("prompt", "prompt-ssml"):
        return True
    if written.instruction is not None:
        return written.instruction.name == "send" and written.instruction.value.get("text") is written.source
    state = view.flow.states.get(written.state)
    if state is None or state.kind != "menu":
        return False
    return any(state.config.get(name) is written.source for name in _ARGUMENTS)
