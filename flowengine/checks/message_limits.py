"""
A message is more than one of the flow's channels shows: text is cut, or choices become lines of text. A message that a
channel refuses is an error.

```yaml wrong
flow: wrong
channel: message
channels: [WHATSAPP, SMS]
triggers: [ { keywords: [table] } ]
session: { expires: 1d }
start: where
states:
  where:
    ask: { prompt: Where would you like to sit?, choices: { harbour: At the window to the harbour, bar: At the bar } }
    on: { else: end }
  harbour: { say: You sit at the window., next: end }
  bar: { say: You sit at the bar., next: end }
```
```yaml right
flow: right
channel: message
channels: [WHATSAPP, SMS]
triggers: [ { keywords: [table] } ]
session: { expires: 1d }
start: where
states:
  where:
    ask: { prompt: Where would you like to sit?, choices: { harbour: At the window, bar: At the bar } }
    on: { else: end }
  harbour: { say: You sit at the window., next: end }
  bar: { say: You sit at the bar., next: end }
```
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from flowengine.checks.answers import constant, offers, written
from flowengine.checks.base import View, problem
from flowengine.checks.contents import Sent, content, messages
from flowengine.messages.limits import limits
from flowengine.problems import Mark, Problem, Severity

SEVERITY: Severity = "warning"
_WITH_TEMPLATES = ("WHATSAPP", "KAKAOTALK")
_LABEL = re.compile(r'the (?:label|description of|row) "(.*?)" has ')


def check(view: View) -> Iterator[Problem]:
    for sent in messages(view):
        yield from _refused(view, sent)
        told: set[str] = set()
        for channel in sent.channels:
            for language in view.flow.languages:
                for sentence in limits(content(view, sent, language, channel), channel):
                    if sentence not in told:
                        told.add(sentence)
                        yield _over(view, sent, sentence)


def _over(view: View, sent: Sent, sentence: str) -> Problem:
    found = _LABEL.match(sentence)
    mark = _place(view, sent, found[1]) if found else sent.text.mark if sent.text else sent.mark
    fix = "shorten it, or word it apart for that channel"
    if sentence.startswith("there are"):
        fix = 'offer fewer, or write "as: text" if lines are what you want'
    return problem(view, "message-limits", mark, sentence, severity=SEVERITY, fix=fix, state=sent.state)


def _place(view: View, sent: Sent, label: str) -> Mark:
    for offer in offers(view):
        if offer.state == sent.state:
            for choice in offer.choices:
                for text, mark in (*constant(choice.label), *constant(choice.description)):
                    if text == label:
                        return mark
    return written(view, sent.mark, label)


def _refused(view: View, sent: Sent) -> Iterator[Problem]:
    template = sent.value.get("template") if sent.role == "send" else None
    others = [each for each in sent.channels if each not in _WITH_TEMPLATES]
    if template and not template.get("version") and others:
        message = f"{others[0]} has no templates of its own, so it refuses this message"
        fix = "give the template a version if it is one for several channels, or send it with channel: WHATSAPP"
        yield problem(view, "message-limits", sent.mark, message, fix=fix, state=sent.state)
    for channel, source in (sent.value.get("explicit") or {}).items():
        if not source.dynamic and not _is_object(source.text):
            message = f"what stands here for {channel} is no JSON object, so {channel} refuses it"
            yield problem(
                view, "message-limits", source.mark, message, fix="write the channel's JSON", state=sent.state
            )


def _is_object(text: str) -> bool:
    try:
        value: Any = json.loads(text)
    except ValueError:
        return False
    return isinstance(value, dict)
