"""
A `play` names neither an uploaded file nor an https address: the platform finds nothing, and the caller hears
silence or the call ends. Files over plain http can be changed on the way.

```yaml wrong
flow: wrong
channel: voice
start: greet
states:
  greet: { play: sounds/welcome.wav, next: end }
```
```yaml right
flow: right
channel: voice
start: greet
states:
  greet: { play: [ welcome.wav, "https://cdn.example.com/news.mp3" ], next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine import prompts
from flowengine.checks.base import View, Written, problem
from flowengine.checks.texts import HIDDEN, authored, literal
from flowengine.problems import Problem, Severity, did_you_mean

SEVERITY = "error"
CHANNELS = ("voice",)


def check(view: View) -> Iterator[Problem]:
    for written in authored(view):
        if written.role != "prompt-play":
            continue
        text = literal(view, written.source)
        if text and not text.strip(HIDDEN):
            continue  # one whole expression: only a caller's turn tells
        told = _wrong(view, "".join("x" if each == HIDDEN else each for each in text), written)
        if told:
            yield told


def _wrong(view: View, text: str, written: Written) -> Problem | None:
    if not text and written.source.text:
        return None  # it does not compile
    if text.lower().startswith(("http://", "https://")):
        return _url(view, text, written)
    if text.lower().startswith(("ftp:", "file:", "s3:")) or not _is_file(text):
        message = f'"{text}" is neither an uploaded file nor an https address'
        return _problem(view, written, message, "error", "write the file's bare name, or https://…")
    hint = did_you_mean(text, view.flow.sounds) if "." not in text else ""
    if hint:
        message = f'"{text}" is none of the flow\'s sounds{hint}'
        return _problem(view, written, message, "warning", "")
    return None


def _url(view: View, text: str, written: Written) -> Problem | None:
    if not prompts.is_url(text):
        return _problem(view, written, f'"{text}" is not an address that a prompt can fetch', "error", "")
    if text.lower().startswith("http://"):
        message = "this file is fetched over plain http, where it can be changed on the way"
        return _problem(view, written, message, "warning", "write https://")
    return None


def _is_file(name: str) -> bool:
    try:
        return bool(prompts.file(name))
    except ValueError:
        return False


def _problem(view: View, written: Written, message: str, severity: Severity, fix: str) -> Problem:
    return problem(view, "sounds", written.source.mark, message, severity=severity, fix=fix, state=written.state)
