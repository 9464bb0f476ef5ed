"""``# allow RULE: reason`` on the line of a warning: the author has seen it, and says why it stays.

A comment silences warnings of that one rule on its own line, never errors. Without a reason it silences
nothing and is itself a warning.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from flowengine.document import Document
from flowengine.problems import Mark, Problem, closest, did_you_mean, in_order

RULE = "allow-without-reason"

_ALLOW = re.compile(r"#\s*allow\b\s*(?P<rule>[a-z][a-z0-9-]*)?\s*(?::\s*(?P<reason>.*?))?\s*")
_QUOTED_OR_COMMENT = re.compile(
    r"""(?:^|(?<=[:,\[{?-]))\s*(?:"(?:\\.|[^"\\])*"|'(?:''|[^'])*')|(?P<comment>(?:^|(?<=\s))\#)"""
)
"""A quote opens a scalar only where one may begin: not in ``it's``."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """A comment that allows a rule (empty: none was named) on its line."""

    rule: str
    reason: str
    mark: Mark


def suppress(
    problems: Iterable[Problem], documents: Mapping[str, Document], rules: Collection[str] = ()
) -> list[Problem]:
    """The problems without the warnings that their own line allows, and with a warning for every comment that
    gives no rule or no reason, or misspells one of ``rules``. ``documents`` by file, as in the marks.
    """
    allowed = [each for name, document in documents.items() for each in comments(name, document.lines)]
    silenced = {(each.mark.file, each.mark.line, each.rule) for each in allowed if each.rule and each.reason}
    kept = [each for each in problems if each.severity == "error" or _key(each) not in silenced]
    misspelt = [_unknown(each, rules) for each in allowed if each.rule not in rules and closest(each.rule, rules)]
    return in_order([*kept, *map(_unfinished, filter(_lacks, allowed)), *misspelt])


def comments(file: str, lines: Iterable[str]) -> Iterator[Allowed]:
    """Every ``# allow`` comment of a file."""
    for number, line in enumerate(lines, 1):
        if "allow" not in line or "#" not in line:
            continue
        start = _comment(line)
        found = _ALLOW.fullmatch(line, start) if start >= 0 else None
        if found:
            mark = Mark(file, number, start + 1, len(line.rstrip()) - start)
            yield Allowed(found["rule"] or "", found["reason"] or "", mark)


def _comment(line: str) -> int:
    """Where the comment of a line begins, or -1."""
    for match in _QUOTED_OR_COMMENT.finditer(line):
        if match["comment"]:
            return match.start("comment")
    return -1


def _key(problem: Problem) -> tuple[str, int, str]:
    return problem.mark.file, problem.mark.line, problem.rule


def _unknown(each: Allowed, rules: Collection[str]) -> Problem:
    message = f'there is no rule "{each.rule}" to allow{did_you_mean(each.rule, rules)}'
    return Problem(RULE, each.mark, message, "warning", ("it silences nothing",))


def _lacks(each: Allowed) -> bool:
    return not each.rule or not each.reason


def _unfinished(each: Allowed) -> Problem:
    what = f"{each.rule} without a reason" if each.rule else "something without naming the rule"
    fix = f'write "# allow {each.rule or "RULE"}: why it may stay"'
    return Problem(RULE, each.mark, f"this comment allows {what}", "warning", ("it silences nothing",), fix)
