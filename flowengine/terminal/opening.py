"""From a flow to a play of it: the scenarios beside it, what surrounds the play, and how it begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson

from flowengine.build import Built
from flowengine.engine.library import open_library
from flowengine.linking import Program
from flowengine.model import Flow
from flowengine.numbers import e164
from flowengine.problems import did_you_mean, errors, listed
from flowengine.project import UsageError, shown_path
from flowengine.scenarios.model import NOW, Scenario, Step, Suite
from flowengine.scenarios.moments import BadMoment, moment
from flowengine.scenarios.phrases import zone_of
from flowengine.scenarios.reading import beside, read_suite
from flowengine.scenarios.running import Played, run, world_of
from flowengine.stage import WITHHELD, Theatre, World
from flowengine.terminal.meaning import NotUnderstood, step

MOST_NAMED = 3
BY_US = {"start", "date", "schedule"}
"""Triggers of flows that nobody begins by writing."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the person asked for. ``number`` is who calls or writes, ``like`` a scenario whose world the play has.

    ``now`` without a zone is of the flow's clock: of its calendars or quiet hours.
    """

    now: str = ""
    number: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    like: str = ""


class Opening:
    """A flow that is to be played. Raises UsageError for what cannot be."""

    def __init__(self, built: Built, flow: Flow, wanted: Wanted) -> None:
        self.built, self.flow, self.wanted = built, flow, wanted
        if built.artefact is None:
            first = errors(built.problems)[0]
            raise UsageError(
                f"{first.mark}: {first.message}; flowengine validate tells all that must be put right first"
            )
        self.theatre = Theatre(open_library(built.artefact, built.revision, {}, b"scenarios"))
        self.suite = self._suite()
        self.like = self._like()

    # --- the scenarios beside it ---------------------------------------------------------------------------

    @property
    def file(self) -> Path:
        """Where scenarios of the flow are kept."""
        flow = Path(self.flow.file)
        return next(iter(beside(flow)), flow.with_name(f"{flow.stem}.test.yaml"))

    def _suite(self) -> Suite | None:
        if not self.file.is_file():
            return None
        suite = read_suite(self.file, shown_path(self.file))
        if found := errors(suite.problems):
            raise UsageError(f"{found[0].mark}: {found[0].message}; put the scenarios right first")
        return suite

    def _like(self) -> Scenario | None:
        wanted = self.wanted.like
        if not wanted:
            return None
        scenarios = {each.name: each for each in self.suite.scenarios} if self.suite is not None else {}
        found = scenarios.get(wanted)
        if found is None:
            raise UsageError(f'{shown_path(self.file)} has no scenario "{wanted}"{_known(wanted, list(scenarios))}')
        return found

    # --- what surrounds it ---------------------------------------------------------------------------------

    def world(self) -> World:
        """That of the scenario it is to be like, else what the file of scenarios says for all."""
        suite, wanted = self.suite, self.wanted
        if self.like is not None:
            world = world_of(self.like)
        elif suite is not None:
            world = World(suite.now, suite.servers)
        else:
            world = World(NOW)
        contact = world.contact
        if wanted.number and self.flow.channel == "message":
            contact = {**contact, "number": self._number()}
        return replace(world, now=self._now(world.now), contact=contact, env={**world.env, **self._env()})

    def _now(self, usual: float) -> float:
        try:
            return moment(self.wanted.now, zone_of(self.flow)) if self.wanted.now else usual
        except BadMoment as error:
            raise UsageError(f"--now: {error}{'; ' + error.fix if error.fix else ''}") from None

    def _number(self) -> str:
        found = e164(self.wanted.number)
        if not found:
            raise UsageError(f'--from: "{self.wanted.number}" is no number; expected one such as +12025550142')
        return found

    def _env(self) -> Mapping[str, str]:
        known = self.theatre.library.env
        for name in self.wanted.env:
            if name not in known:
                hint = did_you_mean(name, known) or f"; they read {listed(sorted(known)) if known else 'none'}"
                raise UsageError(f"--env: no flow reads {name}{hint}")
        return self.wanted.env

    # --- how it begins -------------------------------------------------------------------------------------

    def first(self) -> Step | None:
        """A call that comes in, or the flow that is started; None where the contact writes first."""
        wanted = self.wanted
        if wanted.inputs or not self.comes_in:
            return self._starts()
        if self.flow.channel == "message":
            return None
        begun = self.like.steps[0] if self.like is not None and self.like.steps else None
        given = dict(begun.value or {}) if begun is not None and begun.word == "caller dials" else {}
        if wanted.number:
            number = wanted.number
            given["from"] = "withheld" if number in ("withheld", WITHHELD, "anonymous") else self._number()
        return step("caller dials", orjson.dumps(given).decode() if given else "")

    def _starts(self) -> Step:
        wanted = self.wanted
        given = dict(wanted.inputs)
        begun = self.like.steps[0] if self.like is not None and self.like.steps else None
        if begun is not None and begun.word == "flow starts":
            given = {**(begun.value or {}), **given}
        if "to" in self._program.inputs and wanted.number:
            given.setdefault("to", wanted.number)
        try:
            return step("flow starts", orjson.dumps(given).decode() if given else "")
        except NotUnderstood as error:
            raise UsageError(f"--input: {error}") from None

    @property
    def _program(self) -> Program:
        return self.theatre.library.programs[self.flow.name]

    @property
    def comes_in(self) -> bool:
        """Whether somebody calls or writes to begin it."""
        kinds = {str(kind) for kind, *_ in self._program.image["triggers"]}
        if self.flow.channel == "voice":
            return "to" in kinds or self.theatre.library.anyone == self.flow.name
        return bool(kinds - BY_US)

    # --- a saved scenario ----------------------------------------------------------------------------------

    def check(self, file: Path, name: str) -> Played | None:
        """Play a scenario as it stands in a file now."""
        suite = read_suite(file, shown_path(file))
        found = next((each for each in suite.scenarios if each.name == name), None)
        return run(self.theatre, found, self.built.book) if found is not None else None


def _known(wanted: str, names: Sequence[str]) -> str:
    near = [each for each in names if wanted.casefold() in each.casefold()] or list(names)
    shown = listed([f'"{each}"' for each in near[:MOST_NAMED]])
    return did_you_mean(wanted, names) or (f"; there is {shown}" if shown else "")
