"""Random plays: moves and worlds drawn by Hypothesis, which then looks for the shortest play that still breaks."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

from flowengine.exploring.drawing import drawing
from flowengine.exploring.holding import Broke, Fault, twice
from flowengine.exploring.plans import Act, Plan
from flowengine.exploring.playing import Ground, Play
from flowengine.exploring.walking import Progress
from flowengine.scenarios.coverage import Item
from flowengine.simulator import CannotAct

LONGEST_SHRINK = 10.0
"""Seconds that Hypothesis may look for a shorter play."""
Found = list[tuple[Fault, Plan]]
Draw = Callable[[int], int]
"""One of so many things, by its number."""


def play_randomly(
    ground: Ground, plays: int, seed: int, depth: int, seconds: float, progress: Progress | None = None
) -> tuple[Found, list[tuple[Plan, frozenset[Item]]]]:
    """So many random plays: what broke, each once, and the plays that tried something for the first time.

    The same ``seed`` draws the same plays. Stops at the first fault, or when the time is spent.
    """
    from hypothesis import HealthCheck, Phase, Verbosity, given, settings
    from hypothesis import seed as seeded
    from hypothesis import strategies as st
    from hypothesis.errors import HypothesisException

    run = _Run(ground, depth, monotonic() + seconds, progress)
    if not ground.moves.beginnings():
        return [], []

    @seeded(seed)
    @settings(
        max_examples=plays,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(data=st.data())
    def drawn(data: Any) -> None:
        run.one(lambda options: data.draw(st.integers(0, options - 1)) if options > 1 else 0)

    try:
        with drawing():
            drawn()
    except Broke:
        pass
    except HypothesisException:
        if not run.stopped:
            raise  # else it wonders why the same choices led to no play any more
    return run.found, run.first


class _Run:
    def __init__(self, ground: Ground, depth: int, until: float, progress: Progress | None) -> None:
        self.ground, self.depth, self.until, self.progress = ground, depth, until, progress
        self.found: Found = []
        self.stopped = False
        self.first: list[tuple[Plan, frozenset[Item]]] = []

    def one(self, draw: Draw) -> None:
        """One play. Raises Broke where something does not hold; nothing happens any more when the time is over."""
        if self.stopped or monotonic() > self.until:
            self.stopped = True
            return
        play = self.ground.open(self._setting(draw))
        if self.progress is not None and self.ground.plays % 50 == 0:
            self.progress(self.ground.plays, 0)
        try:
            self._go(play, draw)
        except Broke as broke:
            self._broke(broke.fault, play.plan)
            raise
        self._cover(play)

    def _setting(self, draw: Draw) -> tuple[tuple[str, int], ...]:
        options = self.ground.worlds.options
        drawn = ((key, draw(len(options[key]))) for key in sorted(options))
        return tuple((key, option) for key, option in drawn if option)

    def _go(self, play: Play, draw: Draw) -> None:
        moves = self.ground.moves.beginnings()
        for _ in range(self.depth):
            move = moves[draw(len(moves))]
            for step in move.steps:
                try:
                    play.do(Act(step), draw)
                except CannotAct:
                    break
            moves = self.ground.moves.now(play.stage)
            if not moves or draw(12) == 11:
                break
        if play.done:
            twice(play.stage, self.ground.mark(play.stage.session))

    def _broke(self, fault: Fault, plan: Plan) -> None:
        if not self.found:
            self.until = monotonic() + LONGEST_SHRINK
            self.found.append((fault, plan))
        elif fault.kind == self.found[0][0].kind and len(plan.acts) <= len(self.found[0][1].acts):
            self.found[0] = (fault, plan)

    def _cover(self, play: Play) -> None:
        fresh = self.ground.covered(play)
        if fresh is not None:
            self.first.append(fresh)
