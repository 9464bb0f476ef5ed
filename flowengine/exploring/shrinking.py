"""A play in which something does not hold → the shortest one in which the same does not hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flowengine.exploring.holding import Broke, Fault, twice
from flowengine.exploring.plans import Plan
from flowengine.exploring.playing import Ground, Play
from flowengine.simulator import CannotAct

MOST_TRIES = 2_000
Test = Callable[[Plan], Plan | None]
"""A plan as it was played, if it still does what is wanted."""


def shrunk(ground: Ground, fault: Fault, plan: Plan) -> tuple[Fault, Plan]:
    """The shortest play that breaks in the same way, and how it breaks."""
    found = fault

    def fails(plan: Plan) -> Plan | None:
        nonlocal found
        played = broken(ground, plan)
        if played is None or played[0].same != fault.same:
            return None
        found = played[0]
        return played[1].plan

    shortest = shortened(plan, fails)
    return found, shortest


def broken(ground: Ground, plan: Plan) -> tuple[Fault, Play] | None:
    """What breaks in a play, and the play up to there."""
    play = ground.open(plan.setting)
    try:
        for act in plan.acts:
            play.do(act)
        twice(play.stage, ground.mark(play.stage.session))
    except CannotAct:
        return None
    except Broke as broke:
        return broke.fault, play
    return None


def shortened(plan: Plan, test: Test) -> Plan:
    """A plan that passes the test, and of which nothing can be left out."""
    best = test(plan) or plan
    tries, again = 0, True
    while again and tries < MOST_TRIES:
        again = False
        for shorter in _shorter(best):
            tries += 1
            found = test(shorter)
            if found is not None and _size(found) < _size(best):
                best, again = found, True
                break
    return best


def _size(plan: Plan) -> tuple[int, int, int, int]:
    answers = sum(sum(each.answers) for each in plan.acts)
    keys = sum(len(str(each.step.value or "")) for each in plan.acts)
    return (len(plan.acts), sum(each.refused for each in plan.acts) + len(plan.setting), answers, keys)


def _shorter(plan: Plan) -> Iterator[Plan]:
    """Plans with less in them, much less first."""
    acts = plan.acts
    length = len(acts) // 2
    while length:
        for at in range(len(acts) - length + 1):
            yield Plan(plan.setting, acts[:at] + acts[at + length :])
        length //= 2
    for at in range(len(plan.setting)):
        yield Plan(plan.setting[:at] + plan.setting[at + 1 :], acts)
    for at, act in enumerate(acts):
        if act.refused:
            yield Plan(plan.setting, (*acts[:at], act._replace(refused=False), *acts[at + 1 :]))
        for number, answer in enumerate(act.answers):
            if answer:
                simpler = (*act.answers[:number], 0, *act.answers[number + 1 :])
                yield Plan(plan.setting, (*acts[:at], act._replace(answers=simpler), *acts[at + 1 :]))
