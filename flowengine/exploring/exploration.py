"""Everything at once: walk, random plays, ends and silence; what was found, cut down to the shortest play."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter

from flowengine.exploring.ends import silences, traps
from flowengine.exploring.holding import Fault
from flowengine.exploring.plans import Plan
from flowengine.exploring.playing import Ground, Play
from flowengine.exploring.randomly import play_randomly
from flowengine.exploring.shrinking import shrunk
from flowengine.exploring.walking import Budget, Progress, Walker
from flowengine.exploring.writing import scenario_of
from flowengine.graph import Book
from flowengine.scenarios.coverage import Item
from flowengine.scenarios.model import Scenario, Step
from flowengine.stage import Theatre

STANDS = ("trap", "silence")
"""Faults that no act breaks: the play only leads to where they are."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not hold, and the shortest play found that shows it."""

    fault: Fault
    plan: Plan
    scenario: Scenario


@dataclass(slots=True)
class Exploration:
    """``first`` are the plays that first tried something, with all they tried; ``whole``: the walk left nothing out."""

    ground: Ground
    findings: list[Finding] = field(default_factory=list)
    first: list[tuple[Plan, frozenset[Item]]] = field(default_factory=list)
    situations: int = 0
    plays: int = 0
    random: int = 0
    whole: bool = False
    seconds: float = 0.0


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
    found = Exploration(ground, first=walk.first, situations=len(walk.situations), whole=walk.whole)
    found.plays = ground.plays
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
    found: list[Finding] = []
    for fault, plan in broken:
        shortest = (fault, plan) if fault.kind in STANDS else shrunk(ground, fault, plan)
        found.append(_finding(ground, *shortest))
    return found


def _finding(ground: Ground, fault: Fault, plan: Plan) -> Finding:
    play = ground.replayed(plan)
    name = " ".join(f"explore: {fault.sentence}".split())[:100].rstrip()
    return Finding(fault, plan, _ending(play, fault, scenario_of(play, name, expects=False)))


def _ending(play: Play, fault: Fault, scenario: Scenario) -> Scenario:
    """The scenario with what makes it fail until the fault is mended, where a step can say so."""
    if fault.kind == "silence":
        return replace(scenario, steps=(*scenario.steps, Step("ends")))
    if fault.kind == "twice":
        return replace(scenario, steps=(*scenario.steps, Step("callback comes again")))
    return scenario
