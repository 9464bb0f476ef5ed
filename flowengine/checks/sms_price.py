"""
Characters that are easily replaced make an SMS cost more parts than its length does: curly quotes, long dashes and the
like are not in the alphabet of SMS, and one of them has the whole text sent with 70 characters in a part.

```yaml wrong
flow: wrong
channel: message
channels: [SMS]
triggers: [ { keywords: [table] } ]
start: done
states:
  done:
    say: Your table is booked for this evening – we look forward to seeing you at our place by the harbour of Stockholm.
    next: end
```
```yaml right
flow: right
channel: message
channels: [SMS]
triggers: [ { keywords: [table] } ]
start: done
states:
  done:
    say: Your table is booked for this evening - we look forward to seeing you at our place by the harbour of Stockholm.
    next: end
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.places import inside
from flowengine.checks.sms import Text, texts_of
from flowengine.messages.segments import cheaper
from flowengine.problems import Mark, Problem, Severity, listed

SEVERITY: Severity = "warning"


def check(view: View) -> Iterator[Problem]:
    for each in texts_of(view):
        saved = cheaper(each.text)
        if saved is not None:
            now, then, swaps = saved
            culprits = listed([_shown(old) for old, _ in swaps], "and")
            message = f"this SMS has {now} parts because of {culprits}; it could have {then}"
            fix = f"write {listed([_swap(old, new) for old, new in swaps], 'and')}"
            mark = _place(view, each, swaps[0][0])
            yield problem(view, "sms-price", mark, message, severity=SEVERITY, fix=fix, state=each.state)


def _place(view: View, text: Text, character: str) -> Mark:
    for source in text.sources:
        if character in source.text:
            return inside(view, source, source.text.index(character), len(character))
    return text.mark


def _shown(character: str) -> str:
    return character if character.isprintable() and not character.isspace() else f"U+{ord(character[0]):04X}"


def _swap(old: str, new: str) -> str:
    return f"{new} in place of {_shown(old)}" if new.strip() else f"{_shown(old)} as {'a space' if new else 'nothing'}"
