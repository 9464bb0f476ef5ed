"""
Something is recorded and the flow does not say where to: the platform has no place for the file, and what the
caller said is lost.

```yaml wrong
flow: wrong
channel: voice
start: closed
states:
  closed:
    say: Please leave a message after the tone.
    voicemail: { max: 60s, tone: { play: beep.wav } }
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

import re
from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.document import short
from flowengine.graph import instructions_of
from flowengine.model import Instruction, Source
from flowengine.problems import Mark, Problem

SEVERITY = "error"
CHANNELS = ("voice",)
_FIX = 'add recordings: { to: "s3://bucket/{{ call.id }}.mp3", credentials: "{{ secret.NAME }}" } to the flow'
_PLACE = re.compile(r"(?:s3|azure|gs)://[^/]+/?|\{\{")
_SECTION = re.compile(r"""['"]?recordings['"]?\s*:""")


def check(view: View) -> Iterator[Problem]:
    if view.flow.recordings is not None:
        yield from _place(view, view.flow.recordings.to, "")
    if view.flow.recordings is not None or any(_SECTION.match(line) for line in view.flow.lines):
        return  # a section that could not be read has been told of
    for handler in view.flow.on.values():
        for branch in handler.branches:
            yield from _instructions(view, branch.do, "")
    for state in view.flow.states.values():
        if state.kind == "voicemail":
            yield _problem(view, state.kind_mark, "voicemail records", state.name)
        yield from _instructions(view, tuple(instructions_of(state)), state.name)


def _instructions(view: View, do: tuple[Instruction, ...], state: str) -> Iterator[Problem]:
    for each in do:
        begins = each.name == "record" and each.value != "stop"
        if begins and each.value.get("to"):
            yield from _place(view, each.value["to"], state)
        if begins and not (each.value.get("to") and each.value.get("credentials")):
            yield _problem(view, each.mark, "record begins", state)


def _place(view: View, to: Source, state: str) -> Iterator[Problem]:
    if not _PLACE.match(to.text):
        message = f'"{short(to.text)}" is no place for recordings: the platform stores into a bucket or container'
        fix = "write s3://bucket/folder/file or azure://account/container/file"
        yield problem(view, "recording-storage", to.mark, message, fix=fix, state=state)


def _problem(view: View, mark: Mark, what: str, state: str) -> Problem:
    message = f'{what}, but the flow has no "recordings" to say where the file goes'
    return problem(view, "recording-storage", mark, message, fix=_FIX, state=state)
