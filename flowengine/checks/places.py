"""Where things stand in the file, when a rule knows more than the mark of a whole value."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice

from flowengine.checks.base import View
from flowengine.model import Source, State
from flowengine.problems import Mark

_FAR = 200
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "v": "\v"}
_ESCAPES |= {"N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029", "": ""}
_HEX = {"x": 2, "u": 4, "U": 8}


def inside(view: View, source: Source, offset: int, length: int = 1) -> Mark:
    """The place of a piece of a text. YAML folds and indents but keeps what can be seen, so that is counted."""
    mark, lines = source.mark, view.flow.lines
    if mark.file != view.flow.file or not 0 < mark.line <= len(lines):
        return mark
    before = sum(not each.isspace() for each in source.text[:offset])
    found = next(islice(_visible(lines, mark, source.block), before, None), None)
    wanted = source.text[offset : offset + 1]
    if found is None:
        return _behind(lines, source, before)
    line, column, character = found
    if wanted and not wanted.isspace() and wanted != character:
        return mark
    return Mark(mark.file, line + 1, column + 1, max(1, min(length, len(lines[line]) - column)))


def _behind(lines: Sequence[str], source: Source, count: int) -> Mark:
    last = next(islice(_visible(lines, source.mark, source.block), max(0, count - 1), None), None)
    if last is None:
        return source.mark
    return Mark(source.mark.file, last[0] + 1, last[1] + 1)


def _visible(lines: Sequence[str], mark: Mark, block: bool) -> Iterator[tuple[int, int, str]]:
    """Line, column and character of everything that can be seen from the beginning of a value."""
    line, column, quote = mark.line - 1, mark.column - 1, ""
    if block:
        line, column = line + 1, 0
    elif lines[line][column : column + 1] in ("'", '"'):
        quote, column = lines[line][column], column + 1
    while line < len(lines):
        text = lines[line]
        while column < len(text):
            width, character = _one(text, column, quote)
            if character and not character.isspace():
                yield line, column, character
            column += width
        line, column = line + 1, 0


def _one(text: str, column: int, quote: str) -> tuple[int, str]:
    """How wide one character of a value is written, and which it is."""
    if quote == "'" and text.startswith("''", column):
        return 2, "'"
    if quote != '"' or text[column] != "\\":
        return 1, text[column]
    escape = text[column + 1 : column + 2]
    if escape in _HEX:
        digits = text[column + 2 : column + 2 + _HEX[escape]]
        return 2 + _HEX[escape], chr(int(digits, 16)) if digits else ""
    return 2, _ESCAPES.get(escape, escape)


def spot(view: View, start: Mark, pattern: str, stop: int = 0) -> Mark:
    """The first group of a pattern, searched from a mark on (before line ``stop``); else the mark."""
    lines = view.flow.lines
    if start.file != view.flow.file:
        return start
    last = min(len(lines), start.line - 1 + _FAR, stop - 1 if stop else len(lines))
    for number in range(start.line - 1, max(last, start.line)):
        text = lines[number] if number < len(lines) else ""
        found = re.compile(pattern).search(text, start.column - 1 if number == start.line - 1 else 0)
        if found:
            return Mark(start.file, number + 1, found.start(1) + 1, max(1, len(found[1])))
    return start


def setting(view: View, state: State, key: str, value: str = "") -> Mark:
    """Where ``key: value`` of a state's kind is written; the key itself without a value."""
    stop = _next_state(view, state.mark.line)
    if not value:
        return spot(view, state.kind_mark, rf"\b({key})['\"]?\s*:", stop)
    return spot(view, state.kind_mark, rf"\b(?:{key})['\"]?\s*:\s*['\"]?({re.escape(value)})(?!\w)", stop)


def named(view: View, start: Mark, name: str, key: bool = False) -> Mark:
    """Where a name is first written after a mark, as a ``key`` or as a word."""
    after = r"['\"]?\s*:" if key else r"(?!\w)"
    return spot(view, start, rf"(?<![\w.])({re.escape(name)}){after}")


def _next_state(view: View, line: int) -> int:
    if "state lines" not in view.cache:
        view.cache["state lines"] = sorted({state.mark.line for state in view.flow.states.values()})
    lines: list[int] = view.cache["state lines"]
    at = bisect_right(lines, line)
    return lines[at] if at < len(lines) else 0
