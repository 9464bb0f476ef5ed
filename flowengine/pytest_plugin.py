"""Scenarios as pytest tests: ``pytest flows/`` plays every ``*.test.yaml``.

Registered as a plugin by the installation. Nothing of flowengine is loaded before a file of scenarios is met.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from flowengine.problems import Problem
    from flowengine.scenarios.company import Company
    from flowengine.scenarios.model import Scenario
    from flowengine.scenarios.running import Played

SUFFIXES = (".test.yaml", ".test.yml")
_FOLDERS = pytest.StashKey[dict[Path, Any]]()


class ScenarioFailed(Exception):
    """A scenario did not go as it says."""

    def __init__(self, told: str) -> None:
        super().__init__(told)
        self.told = told


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.name.endswith(SUFFIXES):
        return ScenarioFile.from_parent(parent, path=file_path)
    return None


class ScenarioFile(pytest.File):
    def collect(self) -> Iterator[pytest.Item]:
        company = self._company()
        for problem in company.problems:
            yield ProblemItem.from_parent(self, name=f"{problem.rule}:{problem.mark.line}", problem=problem)
        for scenario in company.scenarios():
            yield ScenarioItem.from_parent(self, name=scenario.name, company=company, scenario=scenario)

    def _company(self) -> Company:
        """The file with its flows, which are compiled once for all files of a folder."""
        from flowengine.project import shown_path
        from flowengine.scenarios.company import company, with_suites
        from flowengine.scenarios.reading import read_suite

        folders = self.session.stash.setdefault(_FOLDERS, {})
        suites = [read_suite(self.path, shown_path(self.path))]
        folder = self.path.parent
        if folder not in folders:
            folders[folder] = company(shown_path(folder), [])
        return with_suites(folders[folder], suites)


class ScenarioItem(pytest.Item):
    def __init__(self, *, company: Company, scenario: Scenario, **more: Any) -> None:
        super().__init__(**more)
        self.company, self.scenario = company, scenario

    def runtest(self) -> None:
        from flowengine.scenarios.running import run

        assert self.company.theatre is not None
        played = run(self.company.theatre, self.scenario, self.company.built.book)
        if not played.passed:
            raise ScenarioFailed(self._told(played))

    def _told(self, played: Played) -> str:
        from flowengine.report import Paint
        from flowengine.scenarios.telling import conversation

        return conversation(played, self.company.built.book, Paint())

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, ScenarioFailed):
            return excinfo.value.told
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.scenario.mark.line - 1, f"{self.scenario.flow}: {self.scenario.name}"


class ProblemItem(pytest.Item):
    """Something is wrong with a flow or with the file: it fails, and what it touches is not played."""

    def __init__(self, *, problem: Problem, **more: Any) -> None:
        super().__init__(**more)
        self.problem = problem

    def runtest(self) -> None:
        raise ScenarioFailed(f"{self.problem.mark}: {self.problem.message}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        from flowengine.report import Paint, lines_of, text

        return text(self.problem, lines_of({}), Paint())
