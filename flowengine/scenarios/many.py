"""Many scenarios at once: on as many processors as there are, with what they covered put together."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_all_start_methods, get_context
from time import perf_counter

from flowengine.problems import Problem
from flowengine.scenarios.company import Company
from flowengine.scenarios.coverage import Coverage, Place
from flowengine.scenarios.model import Scenario
from flowengine.scenarios.results import Told
from flowengine.scenarios.running import Played, run

WORTH_FORKING = 200
"""Scenarios that take longer than starting another process."""
CHUNK = 25

Work = tuple[int, Scenario]
Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Report:
    """What came of a run, in the order of the files."""

    told: list[Told] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    coverage: Coverage = field(default_factory=lambda: Coverage({}, {}))
    seconds: float = 0.0

    @property
    def played(self) -> list[Played]:
        return [each for each, _ in self.told]

    @property
    def failed(self) -> bool:
        return bool(self.problems) or not all(each.passed for each in self.played)


def play(companies: Sequence[Company], wanted: str = "", jobs: int = 0, progress: Progress | None = None) -> Report:
    """Play every scenario whose flow or name holds the words of ``wanted``.

    Where only some are played, only their flows are surveyed. ``jobs`` is how many processes play; 0: one, or as many
    as there are processors where that is worth it.
    """
    began = perf_counter()
    work = [(at, each) for at, company in enumerate(companies) for each in company.scenarios(wanted)]
    report = Report(problems=[each for company in companies for each in company.problems])
    for at, company in enumerate(companies):
        own = company.survey({each.flow for place, each in work if place == at}) if wanted else company.survey()
        report.coverage = Coverage({**report.coverage.wanted, **own.wanted}, {**report.coverage.places, **own.places})
    for done, (at, played, hits) in enumerate(_played(companies, work, jobs or _jobs(len(work))), 1):
        report.told.append((played, companies[at].built.book))
        report.coverage.merge(Coverage({}, {}, hits))
        if progress is not None:
            progress(done, len(work))
    report.seconds = perf_counter() - began
    return report


def _jobs(scenarios: int) -> int:
    worth = scenarios >= WORTH_FORKING and "fork" in get_all_start_methods()
    return (os.cpu_count() or 1) if worth else 1


Done = tuple[int, Played, Counter[Place]]


def _played(companies: Sequence[Company], work: Sequence[Work], jobs: int) -> Iterator[Done]:
    if jobs == 1:
        yield from (_one(companies, each) for each in work)
        return
    _FORKED[:] = companies  # a forked child finds the compiled flows here: they need not be sent
    try:
        with ProcessPoolExecutor(jobs, mp_context=get_context("fork")) as pool:
            yield from pool.map(_in_child, work, chunksize=CHUNK)
    finally:
        _FORKED.clear()


_FORKED: list[Company] = []


def _in_child(work: Work) -> Done:
    at, played, hits = _one(_FORKED, work)
    if played.passed:
        played.acts = []  # nobody reads how it went, and it would all have to be sent
    return at, played, hits


def _one(companies: Sequence[Company], work: Work) -> Done:
    at, scenario = work
    theatre = companies[at].theatre
    assert theatre is not None
    coverage = Coverage({}, {})
    return at, run(theatre, scenario, companies[at].built.book, coverage), coverage.hits
