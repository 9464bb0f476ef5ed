"""``--update``: expectations that failed are rewritten with what came; everything else in the file stays.

A scenario is rewritten if it passes then, and only where something of the same sort came: one in which a step can no
longer be taken, or in which nothing like what is expected comes, is left to a person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from flowengine.scenarios.company import Company
from flowengine.scenarios.model import Scenario, Suite
from flowengine.scenarios.phrases import of_step
from flowengine.scenarios.reading import read_suite
from flowengine.scenarios.running import Played, run
from flowengine.scenarios.steps import Step
from flowengine.scenarios.updating import NotAlone, replaced


@dataclass(slots=True)
class Refreshed:
    """``text`` is the file as it is now to be, None where nothing changes; ``told`` says what changed or could not."""

    suite: Suite
    text: str | None
    told: list[str]


Changes = dict[Step, list[Step]]


def refreshed(suite: Suite, company: Company, failed: Sequence[Played]) -> Refreshed:
    """What the file of these failed scenarios is to say so that they pass. Nothing is written here."""
    changes: Changes = {}
    told: list[str] = []
    for played in failed:
        found, sentence = _changes(played.scenario, company)
        changes |= found
        told += [f"{old.mark}: {of_step(old)} is now {of_step(new)}" for old, (new,) in found.items()]
        told += [sentence] if sentence else []
    if not changes:
        return Refreshed(suite, None, told)
    try:
        text = replaced(Path(suite.file).read_text("utf-8"), suite, changes)
    except (NotAlone, ValueError) as error:
        return Refreshed(suite, None, [*told, f"{suite.file} is left as it is: {error}"])
    return Refreshed(suite, text, told)


def reread(suite: Suite) -> Suite:
    """The file as it is on disk now."""
    return read_suite(Path(suite.file), suite.file)


def _changes(scenario: Scenario, company: Company) -> tuple[Changes, str]:
    """Play, mend what fails first, and again until it passes; else no change, and why a person must look."""
    assert company.theatre is not None
    current, found = scenario, dict[Step, list[Step]]()
    for _ in scenario.steps:
        failure = run(company.theatre, current, company.built.book).failure
        if failure is None:
            break
        if failure.step is None or failure.instead is None:
            return {}, f"{failure.mark}: left as it is: {failure.expected}: {failure.because or failure.but}"
        own = _written(found, failure.step)
        found[own] = [replace(failure.instead, mark=own.mark)]
        current = replace(scenario, steps=tuple(_steps(scenario.steps, found)))
    return found, ""


def _written(found: Mapping[Step, Sequence[Step]], step: Step) -> Step:
    """The step of the file that this one stands for."""
    return next((old for old, new in found.items() if any(each is step for each in new)), step)


def _steps(steps: Sequence[Step], found: Mapping[Step, Sequence[Step]]) -> list[Step]:
    return [each for step in steps for each in found.get(step, [step])]
