"""Plays scenarios and says what came of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from time import perf_counter

from flowengine.engine.trail import Entered
from flowengine.graph import Book
from flowengine.problems import Mark
from flowengine.properties import Broken, judge
from flowengine.scenarios.acting import perform
from flowengine.scenarios.asked import entered, hidden_in, masked
from flowengine.scenarios.because import because, last_set, waiting
from flowengine.scenarios.coverage import Coverage
from flowengine.scenarios.matching import match
from flowengine.scenarios.model import Scenario
from flowengine.scenarios.observed import instead
from flowengine.scenarios.phrases import of_step
from flowengine.scenarios.steps import Step
from flowengine.simulator import CannotAct, Seen
from flowengine.stage import Stage, Theatre, Trouble, Turned, World


@dataclass(slots=True)
class Act:
    """One act, when it happened (Unix seconds), what was observed and the turns it made; ``place``: at which state."""

    step: Step
    at: float
    seen: list[Seen] = field(default_factory=list)
    turns: list[Turned] = field(default_factory=list)
    place: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """``but`` is what came in place of what was ``expected``, ``because`` what decided it (may be empty).

    ``step`` is the one that failed, None where a property of the flow was broken; ``instead`` is the observation that
    would have fitted, where one of the same sort came.
    """

    expected: str
    but: str
    because: str
    mark: Mark
    step: Step | None = None
    instead: Step | None = None


@dataclass(slots=True)
class Played:
    """One scenario as it was played, up to the first thing that was not as expected."""

    scenario: Scenario
    acts: list[Act] = field(default_factory=list)
    failure: Failure | None = None
    seconds: float = 0.0
    hidden: tuple[str, ...] = field(default=(), repr=False)
    """Of one that failed: texts that must not be shown."""

    @property
    def passed(self) -> bool:
        return self.failure is None

    def entered(self, book: Book) -> list[str]:
        """What was given to sensitive variables."""
        return list(filter(None, (entered(act.step, act.place, book) for act in self.acts)))

    def trails(self) -> Iterator[Sequence[object]]:
        """What every turn went through."""
        return (turn.trail for act in self.acts for turn in act.turns)


class _Failed(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.expected)
        self.failure = failure


def world_of(scenario: Scenario) -> World:
    """What surrounds a scenario."""
    return World(scenario.now, scenario.servers, scenario.functions, scenario.random, scenario.contact, scenario.env)


def run(theatre: Theatre, scenario: Scenario, book: Book, coverage: Coverage | None = None) -> Played:
    """Play one scenario; what it went through is added to ``coverage``."""
    began = perf_counter()
    played = Played(scenario)
    try:
        stage = theatre.stage(scenario.flow, world_of(scenario))
        _Run(stage, played, book).run()
    except _Failed as failed:
        played.failure, played.hidden = failed.failure, (*played.entered(book), *hidden_in(stage))
    if coverage is not None:
        for act in played.acts:
            for turn in act.turns:
                coverage.add(turn.trail)
    played.seconds = perf_counter() - began
    return played


def run_all(theatre: Theatre, scenarios: Iterable[Scenario], book: Book, coverage: Coverage) -> Iterator[Played]:
    for each in scenarios:
        yield run(theatre, each, book, coverage)


class _Run:
    def __init__(self, stage: Stage, played: Played, book: Book) -> None:
        self.stage, self.played, self.book = stage, played, book
        flow = book.flows[played.scenario.flow]
        self.judge = judge(flow.properties.values())
        self.judged = bool(flow.properties)
        self.at = 0

    def run(self) -> None:
        steps = self.played.scenario.steps
        for place, step in enumerate(steps, 1):
            if step.acts:
                self._act(step)
            else:
                self._expect(step, takewhile(lambda each: not each.acts, steps[place:]))

    def _act(self, step: Step) -> None:
        stage, turns = self.stage, len(self.stage.turns)
        act = Act(step, stage.now, place=next((each.place for each in stage.sessions() if each.place), ""))
        self.played.acts.append(act)
        self.at = 0
        try:
            perform(stage, step)
        except (CannotAct, Trouble) as error:
            raise _Failed(Failure(of_step(step), str(error), "", step.mark, step)) from None
        finally:
            act.seen, act.turns = list(stage.seen), stage.turns[turns:]
        if self.judged:
            self._judge(act)

    def _expect(self, step: Step, later: Iterable[Step]) -> None:
        found = match(step, self.stage, self.at)
        if not found.fits:
            why = "" if found.early else self._because(step, found.but)
            fitting = instead(step, self.stage, self.at, list(later))
            but = masked(found.but, self.played.entered(self.book)) if step.word == "requests" else found.but
            raise _Failed(Failure(of_step(step), but, why, step.mark, step, fitting))
        self.at = found.at

    def _because(self, step: Step, but: str) -> str:
        """What explains it; what was sent, and what is known, no way through the flow does."""
        if step.word == "variables":
            turns = [turn for act in self.played.acts for turn in act.turns]
            return last_set(but.partition(" is ")[0], turns, self.book)
        if step.word in ("contact", "requests"):
            return ""
        act = self.played.acts[-1]
        at = act.at if act.step.word not in ("time passes", "says nothing") else None
        return because(step, act.turns, self.book, at) or waiting(self.stage, self.book, act.step)

    def _judge(self, act: Act) -> None:
        """Hold what happened against what must always hold."""
        for turn in act.turns:
            for each in turn.trail:
                if isinstance(each, Entered):
                    self._hold(self.judge.turned(each.flow, self._kind(each), each.state))
        for seen in act.seen:
            self._hold(self.judge.saw(seen))
            if seen.kind == "ends":
                self._hold(self.judge.over())

    def _kind(self, entered: Entered) -> str:
        flow = self.book.flows.get(entered.flow)
        return flow.states[entered.state].kind or "" if flow is not None else ""

    def _hold(self, broken: Sequence[Broken]) -> None:
        for each in broken:
            expected = f"{each.property.name} of {self.played.scenario.flow} to hold"
            raise _Failed(Failure(expected, each.sentence, "", each.mark))
