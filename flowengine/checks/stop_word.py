"""
A word that always means "no more messages" is offered as an answer. Who writes it is opted out, and the flow never
hears it.

```yaml wrong
flow: wrong
channel: message
triggers: [ { keywords: [music] } ]
session: { expires: 1d }
start: music
states:
  music:
    ask: { prompt: Play on?, choices: { more: More, enough: { label: Stop, words: [no more] } } }
    on: { more: end, else: end }
  enough: { say: The music has stopped., next: end }
```
```yaml right
flow: right
channel: message
triggers: [ { keywords: [music] } ]
session: { expires: 1d }
start: music
states:
  music:
    ask: { prompt: Play on?, choices: { more: More, enough: { label: Enough, words: [no more] } } }
    on: { more: end, else: end }
  enough: { say: The music has stopped., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.answers import offers, words_of
from flowengine.checks.base import View, problem
from flowengine.messages.consent import is_stop_class
from flowengine.problems import Problem, Severity

SEVERITY: Severity = "warning"
CHANNELS = ("message",)


def check(view: View) -> Iterator[Problem]:
    for offer in offers(view):
        for word in words_of(view, offer.choices):
            if is_stop_class(word.folded):
                message = (
                    f'"{word.text}" means "no more messages" wherever it is written, so it never chooses {word.choice}'
                )
                fix = "use another word"
                yield problem(view, "stop-word", word.mark, message, severity=SEVERITY, fix=fix, state=offer.state)
