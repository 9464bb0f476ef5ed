"""Every way through a flow, the shortest first: what can be done is done wherever it may make a difference."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from time import monotonic
from typing import NamedTuple

from flowengine.exploring.holding import Broke, Fault, twice
from flowengine.exploring.moves import Move, Sort
from flowengine.exploring.plans import Act, Plan
from flowengine.exploring.playing import Ground, Play
from flowengine.scenarios.coverage import Item
from flowengine.simulator import CannotAct

MOST_FAULTS = 5
"""Different faults after which a walk has told enough."""
STALE = 2
"""How many acts a situation that tried nothing new weighs: what leads to new things is gone on from first."""
Progress = Callable[[int, int], None]


class Budget(NamedTuple):
    """Where a walk stops: seconds, plays, and acts in one play."""

    seconds: float = 20.0
    plays: int = 50_000
    depth: int = 40


class Edge(NamedTuple):
    """One act, or several, that led from a situation to another. ``ordinary``: every server gave its first answer."""

    to: Hashable
    sort: Sort
    reached: bool
    ordinary: bool


@dataclass(slots=True)
class Situation:
    """Where plays with one sign stand. ``plan`` is the first that came here, ``edges`` None until it is gone on from.

    ``good``: it is over, or a person is there; ``asks``: a question of a call waits for its answer.
    """

    plan: Plan
    state: tuple[str, str]
    good: bool
    asks: bool
    edges: list[Edge] | None = None


@dataclass(slots=True)
class Walk:
    """What a walk found. ``first`` are the plays that were the first to try something, with what they tried.

    ``whole``: nothing was left to try when it stopped; ``open`` are the situations where something was. ``enough``: it
    stopped because so much did not hold.
    """

    ground: Ground
    situations: dict[Hashable, Situation] = field(default_factory=dict)
    first: list[tuple[Plan, frozenset[Item]]] = field(default_factory=list)
    faults: dict[tuple[str, str], tuple[Fault, Plan]] = field(default_factory=dict)
    whole: bool = False
    enough: bool = False
    open: set[Hashable] = field(default_factory=set)

    def found(self, fault: Fault, plan: Plan) -> None:
        """Each once, by the shortest play."""
        self.faults.setdefault(fault.same, (fault, plan))


class _Todo(NamedTuple):
    cost: int
    number: int
    plan: Plan
    stale: int
    """How many situations before it had nothing new."""
    start: Hashable
    """The situation that its last move was made in."""
    sort: Sort
    varied: bool
    """It differs from another plan in what surrounds it only."""
    fresh: int
    """The first act, counted from 1, that no other play has gone through."""


class Walker:
    """Goes through one flow. ``progress`` is told of plays and situations now and then."""

    def __init__(self, ground: Ground, budget: Budget, progress: Progress | None = None) -> None:
        self.ground, self.budget, self.progress = ground, budget, progress
        self.walk = Walk(ground)
        self._todo: list[_Todo] = []
        self._known: set[Hashable] = set()
        self._numbers = 0
        self._until = monotonic() + budget.seconds

    def go(self) -> Walk:
        """Walk until nothing is left, or the budget is spent."""
        for move in self.ground.moves.beginnings():
            self._put(Plan(), move, None, 0)
        while self._todo and not self._spent():
            self._try(heapq.heappop(self._todo))
            if self.progress is not None and self.ground.plays % 50 == 0:
                self.progress(self.ground.plays, len(self.walk.situations))
        self.walk.whole = not self._todo
        self.walk.enough = bool(self._todo) and self._enough
        self.walk.open |= {each.start for each in self._todo}
        self.ground.forgiven.clear()
        return self.walk

    def _spent(self) -> bool:
        if self.ground.plays >= self.budget.plays or monotonic() > self._until:
            return True
        return self._enough

    @property
    def _enough(self) -> bool:
        return len(self.walk.faults) >= MOST_FAULTS

    def _put(self, plan: Plan, move: Move, start: Hashable, stale: int) -> None:
        fresh = len(plan.acts) + 1
        self._queue(plan.then(*(Act(step) for step in move.steps)), start, move.sort, stale, fresh)

    def _queue(self, plan: Plan, start: Hashable, sort: Sort, stale: int, fresh: int, varied: bool = False) -> None:
        key = (plan.setting, tuple(each.sign for each in plan.acts))
        if key not in self._known:
            self._known.add(key)
            self._numbers += 1
            cost = len(plan.acts) + STALE * stale
            heapq.heappush(self._todo, _Todo(cost, self._numbers, plan, stale, start, sort, varied, fresh))

    # --- one play ------------------------------------------------------------------------------------------

    def _try(self, todo: _Todo) -> None:
        play = self.ground.open(todo.plan.setting)
        try:
            for number, act in enumerate(todo.plan.acts, 1):
                play.stage.looking = number >= todo.fresh
                play.do(act)
        except CannotAct:
            return
        except Broke as broke:
            self._broke(broke.fault, play.plan, todo)
            return
        finally:
            new = self._cover(play)
            if play.done:
                self._vary(play, todo)
        self._arrive(play, todo, 0 if new else todo.stale + 1)

    def _broke(self, fault: Fault, plan: Plan, todo: _Todo) -> None:
        """Keep it, and go on as if it held; where a turn broke, nobody knows how it would have gone on."""
        self.walk.found(fault, plan)
        if fault.kind == "turn":
            self.walk.open.add(todo.start)
            return
        self.ground.forgiven.add(fault.same)
        heapq.heappush(self._todo, todo)

    def _cover(self, play: Play) -> bool:
        """Whether the play tried anything for the first time."""
        fresh = self.ground.covered(play)
        if fresh is not None:
            self.walk.first.append(fresh)
        return fresh is not None

    def _vary(self, play: Play, todo: _Todo) -> None:
        """What else the world might have said to the last act."""
        last, plan = play.done[-1], todo.plan
        if len(play.done) < len(plan.acts):
            return
        given = len(plan.acts[-1].answers)
        for at in range(given, len(last.options)):
            for other in range(1, last.options[at]):
                self._again(plan.answered((*last.chosen[:at], other)), todo)
        asked = {key for done in play.done[:-1] for key in done.used}
        pinned = dict(plan.setting)
        for key in sorted(last.used - asked - pinned.keys()):
            for other in range(1, len(self.ground.worlds.options.get(key, ()))):
                self._again(plan.within(key, other), todo)
        if last.placed and not plan.acts[-1].refused:
            self._again(plan.refused(), todo)

    def _again(self, plan: Plan, todo: _Todo) -> None:
        """The same acts in another world."""
        fresh = todo.fresh if plan.setting == todo.plan.setting else 1
        self._queue(plan, todo.start, todo.sort, todo.stale, fresh, True)

    def _arrive(self, play: Play, todo: _Todo, stale: int) -> None:
        sign = play.sign()
        start = self.walk.situations.get(todo.start)
        if start is not None and start.edges is not None:
            start.edges.append(Edge(sign, todo.sort, play.reached, not todo.varied))
        if sign in self.walk.situations:
            return
        here = self.walk.situations[sign] = self._situation(play)
        moves = self.ground.moves.now(play.stage)
        if len(todo.plan.acts) < self.budget.depth:
            here.edges = []
            for move in moves:
                self._put(play.plan, move, sign, stale)
        try:
            twice(play.stage, self.ground.mark(play.stage.session))
        except Broke as broke:
            self.walk.found(broke.fault, play.plan)

    def _situation(self, play: Play) -> Situation:
        session = play.stage.session
        state = (session.flow, session.place) if session is not None else (self.ground.flow.name, "")
        phones = play.stage.phones
        return Situation(play.plan, state, play.good, bool(phones) and play.stage.phone.stands == "menu")
