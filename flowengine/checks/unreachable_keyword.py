"""
A keyword that never starts its flow: one that always means "no more messages", or one that stands there twice.
Capitals, spaces and punctuation around it make no difference.

```yaml wrong
flow: wrong
channel: message
triggers: [ { keywords: [goodbye, stop] } ]
start: bye
states:
  bye: { say: Goodbye., next: end }
```
```yaml right
flow: right
channel: message
triggers: [ { keywords: [goodbye] } ]
start: bye
states:
  bye: { say: Goodbye., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.answers import written
from flowengine.checks.base import View, problem
from flowengine.messages.consent import is_stop_class
from flowengine.messages.folding import fold
from flowengine.model import Trigger
from flowengine.problems import Mark, Problem, Severity

SEVERITY: Severity = "warning"
CHANNELS = ("message",)


def check(view: View) -> Iterator[Problem]:
    for trigger in view.flow.triggers:
        yield from _of(view, trigger)


def _of(view: View, trigger: Trigger) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for word in trigger.words:
        folded = fold(word)
        if is_stop_class(word):
            message = f'"{word}" always means "no more messages", so it never starts this flow'
            fix = "take it out; who writes it is opted out, and gets the project's farewell"
            mark = written(view, trigger.mark, word)
            yield problem(view, "unreachable-keyword", mark, message, severity=SEVERITY, fix=fix)
        elif folded in seen:
            message = f'"{word}" is the same keyword as "{seen[folded]}"'
            first = written(view, trigger.mark, seen[folded])
            mark = written(view, Mark(first.file, first.line, first.column + first.length), word)
            yield problem(view, "unreachable-keyword", mark, message, severity=SEVERITY, fix="delete it")
        seen.setdefault(folded, word)
