"""The lines of a file that a step stands on.

Nodes know where they begin. Where one ends is found by reading: the fewest lines that say the same again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowengine.document import Document, Map, Node, Seq, Text, plain, read

_DASH = re.compile(r"( *)-( +)(\{ *)?")


def ends_of(steps: Seq, document: Document) -> list[int]:
    """The last line of each step, counted from 1; of steps in ``[ ]`` the last line on which a word begins."""
    if not steps.items:
        return []
    follow = [*(each.mark.line for each in steps.items[1:]), len(document.lines) + 1]
    return [_end(each, below, document) for each, below in zip(steps.items, follow, strict=True)]


def indentation(line: str, column: int) -> int | None:
    """How far a step is set in whose word begins at ``column`` of this line; None where it does not stand alone."""
    found = _DASH.match(line)
    return len(found[1]) if found and found.end() == column - 1 else None


def _end(step: Node, below: int, document: Document) -> int:
    start, lines = step.mark.line, document.lines
    if below == start + 1:
        return start
    dash = indentation(lines[start - 1], _column(step))
    if dash is None:
        return max(_lines(step))
    whole = plain(step)
    least = max(_lines(step))
    return next((end for end in range(least, below) if said(lines[start - 1 : end]) == whole), least)


def said(lines: list[str]) -> object:
    """What these lines say as a list of one entry, in plain values; None where they are no such list."""
    document = read("\n".join(["step:", *lines, ""]).encode(), "")
    found = document.root.entries.get("step") if document.root else None
    return plain(found.items[0]) if isinstance(found, Seq) and len(found.items) == 1 else None


def _column(step: Node) -> int:
    first = next(iter(step.keys.values()), None) if isinstance(step, Map) else None
    return (first or step).mark.column


def _lines(node: Node) -> Iterator[int]:
    yield node.mark.line
    if isinstance(node, Text):
        return
    for each in node.items if isinstance(node, Seq) else node.entries.values():
        yield from _lines(each)
