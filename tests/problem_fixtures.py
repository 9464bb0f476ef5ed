"""What a rule tells of a flow written as text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from flowengine.checks import check_flows
from flowengine.graph import Book
from flowengine.problems import Problem, errors
from flowengine.project import FILE, read_project

Told = Callable[..., list[str]]


@pytest.fixture
def problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Problem]]:
    """``problems(rule, text, name=text)``: what the rule tells of the voice flow ``line`` and of others."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / FILE).write_text("tone: { play: beep.wav }\n")
    (tmp_path / "flows").mkdir()

    def run(rule: str, text: str, *, sound: bool = True, **others: str) -> list[Problem]:
        for name, each in {"line": text, **others}.items():
            head = f"flow: {name}\nchannel: voice\n"
            (tmp_path / f"flows/{name}.yaml").write_text(head + dedent(each))
        source = read_project(["flows"])
        loading = [*source.problems, *(problem for each in source.loaded for problem in each.problems)]
        assert bool(errors(loading)) is not sound, loading
        return check_flows(Book(source.flows), only=[rule])

    return run


@pytest.fixture
def told(problems: Callable[..., list[Problem]]) -> Told:
    """The same as ``line: message`` of each problem; other flows with their name before it."""

    def run(rule: str, text: str, *, sound: bool = True, **others: str) -> list[str]:
        found = problems(rule, text, sound=sound, **others)
        return [f"{_file(each)}{each.mark.line}: {each.message}" for each in found]

    return run


def _file(problem: Problem) -> str:
    return "" if problem.flow == "line" else f"{problem.flow}:"
