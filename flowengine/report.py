"""How problems are told: as text with the source line, as JSON, as annotations of a code host."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO
from unicodedata import east_asian_width

from flowengine.problems import Mark, Problem

Format = Literal["text", "json", "github"]
Lines = Callable[[str], Sequence[str]]
WIDEST = 160
_SEEN_BEFORE = 40
_LINES_SHOWN = 8
_CODES = {"bold": "1", "red": "31", "green": "32", "yellow": "33", "cyan": "36", "dim": "2"}


@dataclass(frozen=True, slots=True)
class Paint:
    """Text in one of the terminal's own colours, or as it is."""

    on: bool = False

    def __call__(self, text: str, *styles: str) -> str:
        if not self.on or not text:
            return text
        return f"\x1b[{';'.join(_CODES[style] for style in styles)}m{text}\x1b[0m"


def paint_for(stream: TextIO, env: Mapping[str, str]) -> Paint:
    """Colour on a terminal. ``NO_COLOR`` wins, ``FORCE_COLOR`` comes next, ``TERM=dumb`` and ``CI`` mean none."""
    if env.get("NO_COLOR"):
        return Paint(False)
    if env.get("FORCE_COLOR", "") not in ("", "0", "false"):
        return Paint(True)
    return Paint(stream.isatty() and env.get("TERM") != "dumb" and not env.get("CI"))


def printable(text: str) -> str:
    """The text on one line without anything that could steer a terminal."""
    return "".join(each if each.isprintable() else " " if each in "\t\n" else "\ufffd" for each in text)


@dataclass(frozen=True, slots=True)
class Sms:
    """What one constant text costs as SMS, with its choices; ``units`` are septets or UTF-16 units."""

    flow: str
    mark: Mark
    language: str
    encoding: str
    units: int
    parts: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a run found: ``flows`` and ``states`` were looked at, ``files`` are all files that were read."""

    problems: Sequence[Problem]
    flows: int
    states: int
    seconds: float | None
    files: Sequence[str] = ()
    sms: Sequence[Sms] = ()

    def count(self, severity: str) -> int:
        return sum(problem.severity == severity for problem in self.problems)

    def failed(self, strict: bool) -> bool:
        return bool(self.count("error") or (strict and self.problems))


# --- text ------------------------------------------------------------------------------------------------


def text(problem: Problem, lines: Lines, paint: Paint) -> str:
    """``path:line:column: severity rule: message``, the line it is about, what follows from it, and the mend."""
    colour = "red" if problem.severity == "error" else "yellow"
    head = f"{paint(printable(str(problem.mark)), 'yellow')}: {paint(problem.severity, 'bold', colour)}"
    shown = [f"{head} {paint(problem.rule, 'bold')}: {printable(problem.message)}"]
    excerpt = _excerpt(problem.mark, lines(problem.mark.file), paint)
    shown += excerpt
    margin = " " * (len(str(problem.mark.line)) + 1 if excerpt else 3)
    shown += [f"{margin}= {printable(note)}" for note in problem.notes]
    if problem.fix:
        shown.append(f"{margin}= fix: {printable(problem.fix)}")
    return "\n".join(shown)


def _excerpt(mark: Mark, lines: Sequence[str], paint: Paint) -> list[str]:
    if not 1 <= mark.line <= len(lines) or not lines[mark.line - 1].strip():
        return []
    line, column = _window(printable(lines[mark.line - 1]), mark.column)
    length = max(1, min(mark.length, len(line) - column + 1))
    number = str(mark.line)
    blank = " " * len(number)
    gap = " " * _width(line[: column - 1])
    caret = "^" + "~" * (_width(line[column - 1 : column - 1 + length]) - 1)
    return [f"{blank} |", f"{number} | {line}", f"{blank} | {gap}{paint(caret, 'green')}"]


def _window(line: str, column: int) -> tuple[str, int]:
    """The stretch of a very long line around a column, and the column within it."""
    if len(line) <= WIDEST:
        return line.rstrip(), column
    start = max(0, min(column - 1 - _SEEN_BEFORE, len(line) - WIDEST))
    cut = line[start : start + WIDEST].rstrip()
    before, after = ("…" if start else ""), ("…" if start + WIDEST < len(line) else "")
    return f"{before}{cut}{after}", column - start + len(before)


def _width(text: str) -> int:
    return sum(2 if east_asian_width(each) in "WF" else 1 for each in text) or 0


def sentence(report: Report) -> str:
    """The last line: how many of what, where, and how long it took."""
    took = "" if report.seconds is None else f", {report.seconds:.2f} s"
    size = f"({counted(report.states, 'state')}{took})"
    if not report.problems:
        return f"no problems in {counted(report.flows, 'flow')} {size}."
    kinds = [counted(report.count(name), name) for name in ("error", "warning") if report.count(name)]
    found = " and ".join(kinds)
    wrong = {problem.mark.file for problem in report.problems}
    known = wrong & set(report.files)
    if not known:
        return f"{found} in {', '.join(sorted(wrong))} {size}."
    part = f"{len(known)} of " if len(report.files) > 1 else ""
    return f"{found} in {part}{counted(len(report.files), 'flow')} {size}."


def sms_of(book: Any) -> list[Sms]:
    """Every constant SMS of the flows of a :class:`~flowengine.graph.Book`."""
    from flowengine.checks.base import View
    from flowengine.checks.sms import texts_of

    return [
        Sms(name, each.mark, each.language, each.segments.encoding, each.segments.units, each.segments.parts)
        for name, flow in book.flows.items()
        for each in texts_of(View(flow, book))
    ]


def sms_lines(sms: Sequence[Sms]) -> list[str]:
    """``SMS: 9 texts of 1 part, 2 of 2 parts (flows/booking.yaml:31, :60)``: a line for every flow that sends any."""
    flows: dict[str, list[Sms]] = {}
    for each in sms:
        flows.setdefault(each.flow, []).append(each)
    return [_sms_line(found) for found in flows.values()]


def _sms_line(sms: Sequence[Sms]) -> str:
    shown: list[str] = []
    for parts in sorted({each.parts for each in sms}):
        some = [each for each in sms if each.parts == parts]
        size = f"{counted(len(some), 'text')} of {counted(parts, 'part')}"
        if shown:
            size = size.replace(" texts", "").replace(" text", "")
        lines = list(dict.fromkeys(each.mark.line for each in some))
        where = ", :".join(map(str, lines[:_LINES_SHOWN])) + (", …" if len(lines) > _LINES_SHOWN else "")
        shown.append(f"{size} ({some[0].mark.file}:{where})" if parts > 1 else size)
    told = any(each.parts > 1 for each in sms)
    return f"SMS: {', '.join(shown)}" if told else f"SMS: {', '.join(shown)} ({sms[0].mark.file})"


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def next_commands(problems: Sequence[Problem], names: Mapping[str, str]) -> str:
    """At most two commands that lead on; ``names`` maps a file to its flow's name."""
    if not problems:
        return ""
    first = next((problem for problem in problems if problem.severity == "error"), problems[0])
    shown = [f"Why: flowengine explain {first.rule}"]
    if name := names.get(first.mark.file):
        shown.append(f"On the picture: flowengine graph {name} -o {name}.svg")
    return "      ".join(shown)


def lines_of(documents: Mapping[str, Any]) -> Lines:
    """Looks up the lines of a file among the documents that were read, else on disk."""

    def lines(file: str) -> Sequence[str]:
        if file in documents:
            found: Sequence[str] = documents[file].lines
            return found
        try:
            return Path(file).read_text("utf-8").splitlines()
        except (OSError, ValueError):
            return ()

    return lines


def print_problems(built: Any, stream: TextIO | None = None) -> None:
    """Every problem of a :class:`~flowengine.build.Built` as text, then the sentence, to standard output."""
    out = stream or sys.stdout
    paint = paint_for(out, os.environ)
    lines = lines_of(built.source.documents())
    files = [each.document.file for each in built.source.loaded]
    for problem in built.problems:
        print(text(problem, lines, paint), file=out)
    report = Report(built.problems, len(files), built.states, None, files)
    print(f"\n{sentence(report)}" if built.problems else sentence(report), file=out)


# --- machines --------------------------------------------------------------------------------------------


def as_json(report: Report) -> str:
    """One object with the same facts."""
    whole = {
        "problems": [record(problem) for problem in report.problems],
        "flows": report.flows,
        "states": report.states,
        "errors": report.count("error"),
        "warnings": report.count("warning"),
        "sms": [_sms(each) for each in report.sms],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False)


def _sms(each: Sms) -> dict[str, Any]:
    place = {"file": each.mark.file, "line": each.mark.line, "column": each.mark.column}
    cost = {"encoding": each.encoding, "units": each.units, "parts": each.parts}
    return {"flow": each.flow, **place, "language": each.language, **cost}


def record(problem: Problem) -> dict[str, Any]:
    """A problem as JSON data."""
    mark = problem.mark
    return {
        "rule": problem.rule,
        "severity": problem.severity,
        "file": mark.file,
        "line": mark.line,
        "column": mark.column,
        "length": mark.length,
        "message": problem.message,
        "notes": list(problem.notes),
        "fix": problem.fix,
        "flow": problem.flow,
        "state": problem.state,
        "outcome": problem.outcome,
    }


def as_github(problems: Iterable[Problem]) -> str:
    """One workflow command a problem, which GitHub shows beside the line."""
    return "\n".join(annotation(problem) for problem in problems)


def annotation(problem: Problem) -> str:
    """A problem as a workflow command."""
    fix = [f"fix: {problem.fix}"] if problem.fix else []
    return workflow_command(problem.severity, problem.mark, problem.rule, [problem.message, *problem.notes, *fix])


def workflow_command(severity: str, mark: Mark, title: str, lines: Iterable[str]) -> str:
    """What GitHub shows beside the line."""
    where = {
        "file": mark.file,
        "line": mark.line,
        "col": mark.column,
        "endColumn": mark.column + mark.length,
        "title": title,
    }
    properties = ",".join(f"{key}={_property(str(value))}" for key, value in where.items())
    return f"::{severity} {properties}::{_data(chr(10).join(lines))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
