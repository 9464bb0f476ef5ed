"""The results of many scenarios for machines: JSON, JUnit and annotations of a code host."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from flowengine.graph import Book
from flowengine.problems import Problem
from flowengine.report import Paint, annotation, printable, record, workflow_command
from flowengine.scenarios.coverage import Coverage
from flowengine.scenarios.coverage_report import as_data
from flowengine.scenarios.running import Played
from flowengine.scenarios.telling import conversation

Told = tuple[Played, Book]
"""A scenario as it was played, and the flows it was played on."""


def sentence(played: Sequence[Played], seconds: float) -> str:
    """``31 passed, 1 failed (0.21 s).``"""
    if not played:
        return f"Nothing was played ({seconds:.2f} s)."
    failed = sum(not each.passed for each in played)
    counts = f"{len(played) - failed} passed" + (f", {failed} failed" if failed else "")
    return f"{counts} ({seconds:.2f} s)."


def as_json(told: Iterable[Told], problems: Sequence[Problem], coverage: Coverage | None, wanted: float | None) -> str:
    """One object: every scenario, and for one that failed what was expected, what came, because, and the talk."""
    scenarios = [_record(played, book) for played, book in told]
    whole: dict[str, Any] = {
        "passed": sum(each["passed"] for each in scenarios),
        "failed": sum(not each["passed"] for each in scenarios),
        "problems": [record(each) for each in problems],
        "scenarios": scenarios,
    }
    if coverage is not None:
        whole["coverage"] = as_data(coverage, wanted)
    return json.dumps(whole, indent=2, ensure_ascii=False)


def _record(played: Played, book: Book) -> dict[str, Any]:
    scenario, failure = played.scenario, played.failure
    known = {"flow": scenario.flow, "name": scenario.name, "file": scenario.mark.file, "line": scenario.mark.line}
    base = {**known, "passed": played.passed, "seconds": round(played.seconds, 6)}
    if failure is None:
        return base
    why = {"expected": failure.expected, "but": failure.but, "because": failure.because}
    where = {"file": failure.mark.file, "line": failure.mark.line, "column": failure.mark.column}
    return {**base, "failure": {**why, **where}, "conversation": conversation(played, book, Paint()).splitlines()}


def as_github(told: Iterable[Told], problems: Sequence[Problem]) -> str:
    """One workflow command for every scenario that failed and every problem."""
    return "\n".join([*map(annotation, problems), *(_annotated(each) for each, _ in told if not each.passed)])


def _annotated(played: Played) -> str:
    failure, scenario = played.failure, played.scenario
    assert failure is not None
    lines = [f"{scenario.flow}: {scenario.name}: expected {failure.expected}", f"but {failure.but}"]
    because = [f"because {failure.because}"] if failure.because else []
    return workflow_command("error", failure.mark, "scenario", [*lines, *because])


def as_junit(told: Iterable[Told], problems: Sequence[Problem]) -> str:
    """A JUnit report: a suite for each file, a case for each scenario; problems of files are errors."""
    root = ElementTree.Element("testsuites", name="flowengine")
    suites: dict[str, ElementTree.Element] = {}
    for played, book in told:
        suite = _suite(root, suites, played.scenario.mark.file)
        case = _case(suite, played.scenario.name, played.scenario.flow, played.seconds)
        if played.failure is not None:
            said = f"expected {played.failure.expected} but {played.failure.but}"
            failure = ElementTree.SubElement(case, "failure", message=_clean(said), type="scenario")
            failure.text = _clean(conversation(played, book, Paint()))
    for each in problems:
        case = _case(_suite(root, suites, each.mark.file), f"line {each.mark.line}", each.rule, 0.0)
        ElementTree.SubElement(case, "error", message=_clean(each.message), type=each.rule).text = str(each.mark)
    for suite in suites.values():
        _count(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, "unicode")


def _suite(root: ElementTree.Element, suites: dict[str, ElementTree.Element], file: str) -> ElementTree.Element:
    if file not in suites:
        suites[file] = ElementTree.SubElement(root, "testsuite", name=file)
    return suites[file]


def _case(suite: ElementTree.Element, name: str, group: str, seconds: float) -> ElementTree.Element:
    given: Mapping[str, str] = {"name": _clean(name), "classname": group, "time": f"{seconds:.6f}"}
    return ElementTree.SubElement(suite, "testcase", dict(given))


def _count(suite: ElementTree.Element) -> None:
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("errors", str(len(suite.findall("testcase/error"))))
    suite.set("time", f"{sum(float(each.get('time', '0')) for each in suite):.6f}")


def _clean(text: str) -> str:
    """XML knows no control characters."""
    return "\n".join(printable(line) for line in text.splitlines())
