"""Scenario files with the flows they play, made ready: read, checked, compiled once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flowengine.build import Built, build
from flowengine.engine.library import open_library
from flowengine.problems import Problem, errors
from flowengine.scenarios.checking import check_suite
from flowengine.scenarios.coverage import Coverage
from flowengine.scenarios.model import Scenario, Suite
from flowengine.scenarios.reading import read_suites
from flowengine.scenarios.survey import survey
from flowengine.stage import Theatre


@dataclass(slots=True)
class Company:
    """The flows of one folder and the scenarios beside them. ``theatre`` is None where the flows have errors.

    ``problems`` are those of the flows (errors only) and of the scenario files; a file that has any plays nothing.
    """

    built: Built
    suites: list[Suite]
    theatre: Theatre | None = None
    problems: list[Problem] = field(default_factory=list)

    def scenarios(self, wanted: str = "") -> Iterator[Scenario]:
        """Those that can be played and whose name or flow holds these words."""
        words = wanted.casefold().split()
        for suite in self.suites if self.theatre is not None else ():
            for each in suite.scenarios if not suite.problems else ():
                if all(word in f"{each.flow} {each.name}".casefold() for word in words):
                    yield each

    def survey(self, flows: Iterable[str] = ()) -> Coverage:
        """What there is to cover in the flows that have scenarios, or in these."""
        if self.theatre is None:
            return Coverage({}, {})
        return survey(self.built.book, sorted(flows) or [each.flow for each in self.suites])


def companies(paths: Sequence[str]) -> list[Company]:
    """The scenarios at these paths by folder, each folder's flows compiled. Raises UsageError."""
    folders: dict[Path, list[Suite]] = {}
    for suite in read_suites(paths):
        folders.setdefault(Path(suite.file).parent, []).append(suite)
    return [company(str(folder), suites) for folder, suites in folders.items()]


def company(path: str, suites: list[Suite]) -> Company:
    """The flows at ``path`` with these scenarios."""
    built = build([path])
    theatre = None
    if built.artefact is not None:
        theatre = Theatre(open_library(built.artefact, built.revision, {}, b"scenarios"))
    return with_suites(Company(built, [], theatre), suites)


def with_suites(flows: Company, suites: list[Suite]) -> Company:
    """The same flows with other scenarios, held against them."""
    found = Company(flows.built, suites, flows.theatre, errors(flows.built.problems))
    for suite in suites:
        if flows.theatre is not None and not suite.problems:
            suite.problems = check_suite(suite, flows.built.book)
        found.problems += suite.problems
    return found
