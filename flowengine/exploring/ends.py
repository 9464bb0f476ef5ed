"""Whether whoever is in a call or conversation gets out of it, told by everything that a walk found."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator

from flowengine.exploring.holding import Broke, Fault
from flowengine.exploring.plans import Act, Plan
from flowengine.exploring.playing import Ground, Play
from flowengine.exploring.walking import Edge, Situation, Walk
from flowengine.problems import Mark
from flowengine.scenarios.steps import Step
from flowengine.simulator import CannotAct

MOST_QUESTIONS = 30
"""Questions that somebody who never says anything is asked at most."""
MOST_SILENCE = 400
"""Acts of somebody who does nothing, after which nobody can say how it ends."""


def traps(walk: Walk) -> Iterator[tuple[Fault, Plan]]:
    """Places from which nothing that was found leads to an end or a person, but that somebody gives up."""
    ways = _ways_out(walk)
    told: set[tuple[str, str]] = set()
    for sign, here in walk.situations.items():
        if sign not in ways and here.state not in told:
            told |= {walk.situations[each].state for each in _from_here(walk, sign)}
            flow, state = here.state
            what = f"from {state or flow} there is no way to an end or a person but to give up"
            yield Fault("trap", f"{flow}.{state}", what, _mark(walk.ground, here)), here.plan


def _ways_out(walk: Walk) -> set[Hashable]:
    """Every situation that has a way out; of one that was not gone on from nobody knows, so that it counts."""
    into: dict[Hashable, list[Hashable]] = {}
    found: set[Hashable] = set()
    for sign, here in walk.situations.items():
        if here.good or here.edges is None or sign in walk.open:
            found.add(sign)
        for edge in here.edges or ():
            if edge.sort == "leaves":
                continue
            if edge.reached:
                found.add(sign)
            else:
                into.setdefault(edge.to, []).append(sign)
    todo = deque(found)
    while todo:
        for before in into.get(todo.popleft(), ()):
            if before not in found:
                found.add(before)
                todo.append(before)
    return found | {sign for sign, here in walk.situations.items() if not here.edges}


def _from_here(walk: Walk, sign: Hashable) -> set[Hashable]:
    found, todo = {sign}, [sign]
    while todo:
        here = walk.situations[todo.pop()]
        for edge in here.edges or ():
            if edge.to not in found and edge.sort != "leaves":
                found.add(edge.to)
                todo.append(edge.to)
    return found


# --- who says nothing --------------------------------------------------------------------------------------


def silences(walk: Walk) -> Iterator[tuple[Fault, Plan]]:
    """Calls in which somebody who never says anything is held for ever."""
    known: set[Hashable] = set()
    for sign, here in walk.situations.items():
        if not here.asks or sign in known:
            continue
        round_again = _circles(walk, sign, known)
        if round_again and (found := _held(walk.ground, here)):
            yield found
            return


def _circles(walk: Walk, sign: Hashable, known: set[Hashable]) -> bool:
    """Whether silence comes back to where it was, or to where nobody looked."""
    path: set[Hashable] = set()
    at: Hashable = sign
    while at not in path:
        if at in known:
            return False
        here = walk.situations.get(at)
        path.add(at)
        edge = _silent(here) if here is not None else None
        if edge is None or edge.reached:
            known |= path
            return here is None or (not here.good and here.edges is None)
        at = edge.to
    known |= path
    return True


def _silent(here: Situation) -> Edge | None:
    return next((each for each in here.edges or () if each.sort == "silence" and each.ordinary), None)


def _held(ground: Ground, here: Situation) -> tuple[Fault, Plan] | None:
    """Play it: the conversation goes on in silence until it ends, somebody is reached, or too much was asked."""
    play = ground.play(here.plan)
    asked, begun = 0, len(play.done)
    for _ in range(MOST_SILENCE):
        step = _nothing_done(play)
        if step is None:
            return None
        try:
            play.do(Act(step))
        except (Broke, CannotAct):
            return None
        if play.reached:
            return None
        if not _waits(play):
            asked += sum(each.asks and bool(each.text) for each in play.done[-1].seen)
        if asked > MOST_QUESTIONS:
            return _told(ground, play, here, begun)
    return None


def _waits(play: Play) -> bool:
    """Whether what is heard again and again is no question: a wait of a caller who cannot be parked."""
    session = play.stage.session
    node = play.stage.library.program(session.flow).states.get(session.place) if session is not None else None
    return node is not None and node.kind is not None and node.kind.name == "wait"


def _told(ground: Ground, play: Play, here: Situation, begun: int) -> tuple[Fault, Plan]:
    flow, state = here.state
    what = f"a caller who says nothing at {state} is asked more than {MOST_QUESTIONS} questions and never let go"
    acts = play.plan.acts[: begun + 1]
    return Fault("silence", f"{flow}.{state}", what, _mark(ground, here)), Plan(play.setting, acts)


def _nothing_done(play: Play) -> Step | None:
    if not play.stage.phones:
        return None
    phone = play.stage.phone
    if phone.stands == "menu":
        return Step("says nothing")
    if phone.stands in ("parked", "idle") and phone.due is not None:
        return Step("time passes", max(1.0, round(phone.due - play.stage.now)))
    return None


def _mark(ground: Ground, here: Situation) -> Mark:
    flow = ground.book.flows.get(here.state[0])
    if flow is None:
        return ground.flow.mark
    return flow.states[here.state[1]].mark if here.state[1] in flow.states else flow.mark
