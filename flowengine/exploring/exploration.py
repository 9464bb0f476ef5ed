"""Everything at once: walk, random plays, ends and silence; what was found, cut down to the shortest play."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter

from flowengine.exploring.ends import silences, traps
from flowengine.exploring.holding import Fault
from flowengine.exploring.plans import Plan
from flowengine.exploring.playing import Ground
from flowengine.exploring.randomly import play_randomly
from flowengine.exploring.shrinking import broken as broken_by
from flowengine.exploring.shrinking import shrunk
from flowengine.exploring.walking import Budget, Progress, Walker
from flowengine.exploring.writing import scenario_of
from flowengine.graph import Book
from flowengine.scenarios.coverage import Item
from flowengine.scenarios.model import Scenario, Step
from flowengine.stage import Theatre

STANDS = ("trap", "silence")
"""Faults that no act breaks: the play only leads to where they are."""
_UNQUOTED = str.maketrans({'"': "'", "\\": "/"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not hold, and the shortest play found that shows it.

    ``behind`` are the faults that the play has to go on after to come to it.
    """

    fault: Fault
    plan: Plan
    scenario: Scenario
    behind: frozenset[tuple[str, str]] = frozenset()


@dataclass(slots=True)
class Exploration:
    """``first`` are the plays that first tried something, with all they tried.

    ``whole``: the walk left nothing out; ``enough``: it stopped because so much did not hold; ``known``: what was never
    tried does not just lie behind a failure.
    """

    ground: Ground
    findings: list[Finding] = field(default_factory=list)
    first: list[tuple[Plan, frozenset[Item]]] = field(default_factory=list)
    situations: int = 0
    plays: int = 0
    random: int = 0
    whole: bool = False
    enough: bool = False
    seconds: float = 0.0

    @property
    def known(self) -> bool:
        return not self.enough and all(each.fault.kind != "turn" for each in self.findings)


def explore(
    theatre: Theatre,
    book: Book,
    flow: str,
    budget: Budget = Budget(),  # noqa: B008 - a named tuple of constants
    random: int = 200,
    seed: int = 0,
    progress: Progress | None = None,
) -> Exploration:
    """Walk through a flow, then play ``random`` random plays of it, and tell what does not hold."""
    began = perf_counter()
    ground = Ground(theatre, book, flow)
    walk = Walker(ground, budget, progress).go()
    found = Exploration(ground, first=walk.first, situations=len(walk.situations), whole=walk.whole, enough=walk.enough)
    found.plays = ground.plays
    with ground.forgiving(walk.faults):
        broken = [*walk.faults.values(), *traps(walk), *silences(walk)]
    if not broken and random:
        before = ground.plays
        drawn, first = play_randomly(ground, random, seed, budget.depth, budget.seconds, progress)
        broken, found.random = drawn, ground.plays - before
        found.first = [*walk.first, *first]
    found.plays += found.random
    found.findings = _findings(ground, broken)
    found.seconds = perf_counter() - began
    return found


def _findings(ground: Ground, broken: Sequence[tuple[Fault, Plan]]) -> list[Finding]:
    return [_finding(ground, fault, plan, {each.same for each, _ in broken} - {fault.same}) for fault, plan in broken]


def _finding(ground: Ground, fault: Fault, plan: Plan, others: set[tuple[str, str]]) -> Finding:
    alone = fault.kind not in STANDS and _is_first(ground, fault, plan)
    behind = frozenset() if alone else frozenset(others)
    with ground.forgiving(behind):
        found, shortest = (fault, plan) if fault.kind in STANDS else shrunk(ground, fault, plan)
        scenario = scenario_of(ground.replayed(shortest), _name(found), expects=False)
        return Finding(found, shortest, _ending(found, scenario), behind)


def _is_first(ground: Ground, fault: Fault, plan: Plan) -> bool:
    """Whether nothing else breaks before it in its play."""
    found = broken_by(ground, plan)
    return found is not None and found[0].same == fault.same


def _name(fault: Fault) -> str:
    """Such as ``explore: says_before_end``; a name needs no quotes within."""
    about = fault.about if fault.kind in ("property", "effect") else fault.sentence
    return " ".join(f"explore: {about}".translate(_UNQUOTED).split())[:100].rstrip()


def _ending(fault: Fault, scenario: Scenario) -> Scenario:
    """The scenario with what makes it fail until the fault is mended, where a step can say so."""
    if fault.kind == "silence":
        return replace(scenario, steps=(*scenario.steps, Step("ends")))
    if fault.kind == "twice":
        return replace(scenario, steps=(*scenario.steps, Step("callback comes again")))
    return scenario
