"""
SSML that is not well-formed XML: the platform cannot speak it, and the caller hears nothing or the call ends.

```yaml wrong
flow: wrong
channel: voice
start: greet
states:
  greet: { say: { ssml: "One <emphasis>moment please." }, next: end }
```
```yaml right
flow: right
channel: voice
start: greet
states:
  greet: { say: { ssml: "One <emphasis>moment</emphasis> please." }, next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.parsers.expat import ExpatError, ParserCreate
from xml.parsers.expat.errors import messages

from flowengine.checks.base import View, problem
from flowengine.checks.places import inside
from flowengine.checks.texts import HIDDEN, authored, literal
from flowengine.problems import Problem

SEVERITY = "error"
CHANNELS = ("voice",)


def check(view: View) -> Iterator[Problem]:
    for written in authored(view):
        if written.role != "prompt-ssml":
            continue
        text = literal(view, written.source).replace(HIDDEN, "x")
        told = _wrong(text)
        if told:
            where = inside(view, written.source, told[1])
            yield problem(
                view, "ssml", where, told[0], fix="close every tag, and write & as &amp;", state=written.state
            )


def _wrong(text: str) -> tuple[str, int] | None:
    """What is wrong, and at which character."""
    for mark in ("<!", "<?"):
        if mark in text:
            return f'"{mark}" has no place in SSML', text.index(mark)
    head = "" if text.lstrip().startswith("<speak") else "<speak>"
    document = f"{head}{text}{'</speak>' if head else ''}"
    parser = ParserCreate()
    try:
        parser.Parse(document, True)
    except ExpatError as error:
        at = _characters(document, error.lineno, error.offset) - len(head)
        return f"the SSML is not well-formed: {messages[error.code]}", max(0, min(at, len(text) - 1))
    return None


def _characters(document: str, line: int, column: int) -> int:
    """Expat counts columns in bytes."""
    lines = document.split("\n")
    before = sum(len(each) + 1 for each in lines[: line - 1])
    return before + len(lines[line - 1].encode()[:column].decode(errors="ignore"))
