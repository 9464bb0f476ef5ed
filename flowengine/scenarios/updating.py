"""Other steps in place of some of a file, whose other lines stay to the byte."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from flowengine.scenarios.lines import indentation, said
from flowengine.scenarios.model import Step, Suite
from flowengine.scenarios.reading import suite_from_text
from flowengine.scenarios.writing import same_steps, step_text

_BREAK = re.compile("(\r\n|[\r\n\x85\u2028\u2029])")
_COMMENT = re.compile(r"[ \t]+#")


class NotAlone(ValueError):
    """The step does not stand on lines of its own, as in ``[a, b]``."""

    def __init__(self, step: Step) -> None:
        super().__init__(
            f"{step.mark}: the step does not stand on lines of its own; begin it with a dash on a new line"
        )
        self.step = step


def replaced(text: str, suite: Suite, changes: Mapping[Step, Sequence[Step]]) -> str:
    """The file's ``text``, as the suite was read from it, with new steps in place of some (or none).

    A comment behind a step on one line stays behind the first new one. Raises NotAlone, and ValueError where the text
    is not what the suite was read from.
    """
    parts = _BREAK.split(text)
    lines = parts[::2]
    if [lines[0].removeprefix("\ufeff"), *lines[1:]] != suite.document.lines:
        raise ValueError(f"{suite.file} has changed since it was read")
    ends = "\r\n" if "\r\n" in text else "\n"
    for step in sorted(changes, key=lambda each: each.mark, reverse=True):
        new = _new_lines(step, changes[step], lines)
        first, last = 2 * (step.mark.line - 1), 2 * step.end
        parts[first:last] = [part for line in new for part in (line, ends)]
        if new and step.end == len(lines):  # the last line of the file had no end
            parts.pop()
    result = "".join(parts)
    _verify(result, suite, changes)
    return result


def _new_lines(step: Step, new: Sequence[Step], lines: Sequence[str]) -> list[str]:
    start = lines[step.mark.line - 1].removeprefix("\ufeff")
    indent = indentation(start, step.mark.column)
    if indent is None or step.end < step.mark.line:
        raise NotAlone(step)
    comment = _comment(start) if step.end == step.mark.line else ""
    texts = [step_text(each, indent, bool(comment) and not at) for at, each in enumerate(new)]
    found = [line for text in texts for line in text.split("\n")]
    if found and "\n" not in texts[0]:
        found[0] += comment
    return found


def _comment(line: str) -> str:
    """The comment behind a step that stands on this line, with the blanks before it."""
    whole = said([line])
    cuts = [each.start() for each in _COMMENT.finditer(line)]
    return next((line[cut:] for cut in cuts if said([line[:cut]]) == whole), "")


def _verify(text: str, suite: Suite, changes: Mapping[Step, Sequence[Step]]) -> None:
    """The result reads as it was meant; else nothing may be written."""
    found = suite_from_text(text, suite.file)
    for old, new in zip(suite.scenarios, found.scenarios, strict=False):
        wanted = [each for step in old.steps for each in changes.get(step, (step,))]
        touched = [step for step in old.steps if step in changes]
        if touched and not same_steps(wanted, new.steps):
            raise NotAlone(touched[0])
    if changes and len(found.scenarios) != len(suite.scenarios):
        raise NotAlone(next(iter(changes)))
