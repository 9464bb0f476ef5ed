"""``--update``: expectations that failed are rewritten with what came; everything else in the file stays."""

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
        told += [f"{old.mark.file}:{old.mark.line}: {_change(old, new)}" for old, new in found.items()]
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


def _change(old: Step, new: Sequence[Step]) -> str:
    return f"{of_step(old)} is now {of_step(new[0])}" if new else f"{of_step(old)} is taken out: nothing like it came"


def _changes(scenario: Scenario, company: Company) -> tuple[Changes, str]:
    """Play, mend what fails first, and again until it passes; else a sentence about what stands in the way."""
    assert company.theatre is not None
    current, found = scenario, dict[Step, list[Step]]()
    for _ in scenario.steps:
        played = run(company.theatre, current, company.built.book)
        failure = played.failure
        if failure is None:
            return found, ""
        step = failure.step
        if step is None or step.acts or step.word in ("not", "nothing"):
            where = f"{failure.mark.file}:{failure.mark.line}"
            return found, f"{where}: {failure.expected} cannot be rewritten: {failure.but}"
        own = _written(found, step)
        found[own] = [replace(failure.instead, mark=own.mark)] if failure.instead is not None else []
        current = replace(scenario, steps=tuple(_steps(scenario.steps, found)))
    return found, ""


def _written(found: Mapping[Step, Sequence[Step]], step: Step) -> Step:
    """The step of the file that this one stands for."""
    return next((old for old, new in found.items() if any(each is step for each in new)), step)


def _steps(steps: Sequence[Step], found: Mapping[Step, Sequence[Step]]) -> list[Step]:
    return [each for step in steps for each in found.get(step, [step])]
