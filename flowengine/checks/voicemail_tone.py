"""
A voicemail without a tone: the caller does not know when to speak, and the first words are lost.

```yaml wrong
flow: wrong
channel: voice
start: closed
recordings: { to: "s3://acme-calls/{{ call.id }}.mp3", credentials: "{{ secret.RECORDINGS }}" }
states:
  closed:
    say: Please leave a message after the tone.
    voicemail: { max: 60s }
    on: { recorded: bye }
  bye: { say: Goodbye., next: end }
```
```yaml right
flow: right
channel: voice
start: closed
recordings: { to: "s3://acme-calls/{{ call.id }}.mp3", credentials: "{{ secret.RECORDINGS }}" }
states:
  closed:
    say: Please leave a message after the tone.
    voicemail: { max: 60s, tone: { play: beep.wav } }
    on: { recorded: bye }
  bye: { say: Goodbye., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.problems import Problem, Severity

SEVERITY: Severity = "warning"
CHANNELS = ("voice",)


def check(view: View) -> Iterator[Problem]:
    for state in view.flow.states.values():
        if state.kind == "voicemail" and state.config["tone"] is None:
            message = "this voicemail has no tone, so the caller cannot tell when to speak"
            fix = "add tone: { play: beep.wav } here, or to flowengine.yaml for every voicemail"
            yield problem(
                view, "voicemail-tone", state.kind_mark, message, severity=SEVERITY, fix=fix, state=state.name
            )
