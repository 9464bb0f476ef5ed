"""Scenario files with the flows they play, made ready: read, checked, compiled once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flowengine.build import Built, build
from flowengine.compiler import compile_book
from flowengine.engine.library import open_library
from flowengine.graph import Book
from flowengine.model import Flow
from flowengine.problems import Problem, errors, in_order
from flowengine.scenarios.checking import check_suite
from flowengine.scenarios.coverage import Coverage
from flowengine.scenarios.model import Scenario, Suite
from flowengine.scenarios.reading import read_suites
from flowengine.scenarios.survey import survey, with_played
from flowengine.stage import Theatre


@dataclass(slots=True)
class Company:
    """The flows of one folder and the scenarios beside them.

    ``theatre`` has the flows that can be played: those that have no error and lead to none that has one; it is None
    where there is no such flow. ``problems`` are those of the flows (errors only) and of the scenario files.
    """

    built: Built
    suites: list[Suite]
    theatre: Theatre | None = None
    problems: list[Problem] = field(default_factory=list)

    def scenarios(self, wanted: str = "") -> Iterator[Scenario]:
        """Those that can be played and whose name or flow holds these words."""
        words = wanted.casefold().split()
        for suite in self.suites if self.theatre is not None else ():
            for each in suite.sound() if self._plays(suite.flow) else ():
                if all(word in f"{each.flow} {each.name}".casefold() for word in words):
                    yield each

    def survey(self, flows: Iterable[str] = ()) -> Coverage:
        """What there is to cover in the flows that have scenarios, or in these."""
        if self.theatre is None:
            return Coverage({}, {})
        wanted = sorted(flows) or [each.flow for each in self.suites]
        return survey(self.built.book, [each for each in wanted if self._plays(each)])

    def _plays(self, flow: str) -> bool:
        return self.theatre is not None and flow in self.theatre.library.programs


def companies(paths: Sequence[str]) -> list[Company]:
    """The scenarios at these paths by folder, each folder's flows compiled. Raises UsageError."""
    folders: dict[Path, list[Suite]] = {}
    for suite in read_suites(paths):
        folders.setdefault(Path(suite.file).parent, []).append(suite)
    return [company(str(folder), suites) for folder, suites in folders.items()]


def company(path: str, suites: list[Suite]) -> Company:
    """The flows at ``path`` with these scenarios."""
    built = build([path])
    return with_suites(Company(built, [], _theatre(built)), suites)


def _theatre(built: Built) -> Theatre | None:
    """The flows that can be played, compiled."""
    image, source = built.artefact, built.source
    if image is None:
        sound = _sound(built)
        image = compile_book(Book(sound), source.project, source.functions) if sound else None
    return Theatre(open_library(image, built.revision, {}, b"scenarios")) if image is not None else None


def _sound(built: Built) -> dict[str, Flow]:
    """The flows without errors that lead to none with one; none where what all of them share has an error."""
    flows, wrong = built.book.flows, _files_with_errors(built)
    sound = {name for name, flow in flows.items() if flow.file not in wrong}
    found = {name: flow for name, flow in flows.items() if sound.issuperset(with_played(built.book, [name]))}
    shared = built.source.project.kill_switch
    alone = wrong <= {each.document.file for each in built.source.loaded} and (not shared or shared in found)
    return found if alone else {}


def _files_with_errors(built: Built) -> set[str]:
    return {each.mark.file for each in errors(built.problems)}


def _told(built: Built) -> set[str]:
    """The flows whose scenarios cannot be played, for which an error is told already."""
    if built.artefact is not None:
        return set()
    return {*(built.book.flows.keys() - _sound(built)), *(Path(each).stem for each in _files_with_errors(built))}


def with_suites(flows: Company, suites: list[Suite]) -> Company:
    """The same flows with other scenarios, held against them."""
    found = Company(flows.built, suites, flows.theatre, errors(flows.built.problems))
    told = _told(flows.built)
    for suite in suites:
        if flows.theatre is not None and suite.flow not in told and (suite.sound() or not suite.problems):
            suite.problems = in_order([*suite.problems, *check_suite(suite, flows.built.book)])
        found.problems += suite.problems
    return found
