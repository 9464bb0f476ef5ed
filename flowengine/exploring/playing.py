"""One play: plans carried out on a watched stage, and what is known of where it got to."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import orjson

from flowengine.engine.session import Session
from flowengine.engine.trail import Decided, Entered
from flowengine.exploring.facts import Facts
from flowengine.exploring.holding import Broke, Choose, Fault, Watched, settled
from flowengine.exploring.moves import Moves
from flowengine.exploring.plans import Act, Plan
from flowengine.exploring.worlds import Worlds
from flowengine.graph import Book
from flowengine.problems import Mark
from flowengine.properties import Judge, judge
from flowengine.scenarios.acting import perform
from flowengine.scenarios.coverage import Coverage, Item
from flowengine.scenarios.steps import Step
from flowengine.scenarios.survey import survey
from flowengine.simulator import CannotAct, Seen, newest
from flowengine.stage import Theatre, Trouble, Turned

REFUSES, ACCEPTS = Step("platform refuses"), Step("platform accepts")
MOST_VISITS = 6
"""Visits of a state that are told apart where the state itself bounds none."""
REACHES = ("connects", "joins")


class Ground:
    """Everything that is the same in all plays of one flow."""

    def __init__(self, theatre: Theatre, book: Book, flow: str) -> None:
        self.theatre, self.book, self.flow = theatre, book, book.flows[flow]
        self.coverage: Coverage = survey(book, [flow])
        self.facts = Facts({name: book.flows[name] for name in self.coverage.wanted})
        self.worlds = Worlds(self.facts, theatre.library)
        self.moves = Moves(self.facts, self.worlds, flow)
        self.plays = 0
        self.forgiven: set[tuple[str, str]] = set()
        """Faults that are known, and that plays go on after: what lies behind them is looked at as well."""

    @contextmanager
    def forgiving(self, faults: Iterable[tuple[str, str]]) -> Iterator[None]:
        """Within this, plays go on after such faults."""
        before, self.forgiven = self.forgiven, {*self.forgiven, *faults}
        try:
            yield
        finally:
            self.forgiven = before

    def judge(self) -> Judge:
        return judge(self.flow.properties.values())

    def open(self, setting: tuple[tuple[str, int], ...] = ()) -> Play:
        """A play in which nothing has been done yet."""
        self.plays += 1
        return Play(self, setting)

    def play(self, plan: Plan) -> Play:
        """A plan carried out; the last act's fault is raised as Broke, an act that is impossible as CannotAct."""
        found = self.open(plan.setting)
        for act in plan.acts:
            found.do(act)
        return found

    def replayed(self, plan: Plan) -> Play:
        """A plan carried out as far as it goes: up to what does not hold, or cannot be done."""
        found = self.open(plan.setting)
        with suppress(Broke, CannotAct):
            for act in plan.acts:
                found.do(act)
        return found

    def covered(self, play: Play) -> tuple[Plan, frozenset[Item]] | None:
        """Count what a play tried; the play with all of that where some of it was never tried before."""
        before = self.coverage.counts
        tried = play.tried()
        if all(each in before for each in tried):
            return None
        for done in play.done:
            for turn in done.turns:
                self.coverage.add(turn.trail)
        return play.plan, tried

    def mark(self, session: Session | None) -> Mark:
        """Where the state stands in its file."""
        flow = self.book.flows.get(session.flow) if session is not None else None
        if flow is None or session is None:
            return self.flow.mark
        return flow.states[session.place].mark if session.place in flow.states else flow.mark


@dataclass(slots=True)
class Done:
    """One act as it went. ``options`` and ``chosen`` are of its requests, ``used`` what of the setting it asked for.

    ``placed``: it asked the platform for a call, or a change of one.
    """

    act: Act
    at: float
    seen: list[Seen]
    turns: list[Turned]
    options: tuple[int, ...]
    chosen: tuple[int, ...]
    used: set[str]
    placed: bool


@dataclass(slots=True)
class Play:
    """``done`` are the acts so far, the last one included where it broke."""

    ground: Ground
    setting: tuple[tuple[str, int], ...]
    done: list[Done] = field(default_factory=list)
    stage: Watched = field(init=False)
    judge: Judge = field(init=False)

    def __post_init__(self) -> None:
        ground = self.ground
        world = ground.worlds.world(self.setting)
        self.stage = Watched(ground.theatre, ground.flow.name, world, ground.worlds, dict(self.setting))
        self.judge = ground.judge()

    @property
    def plan(self) -> Plan:
        """What was done, with every answer that was given."""
        return Plan(self.setting, tuple(each.act._replace(answers=each.chosen) for each in self.done))

    def do(self, act: Act, choose: Choose | None = None) -> Done:
        """Do one act. ``choose`` gives the answers that the act itself does not say.

        Raises :class:`Broke` where something does not hold, and ``CannotAct`` where nobody could do it.
        """
        stage = self.stage
        given = iter(act.answers)

        def answer(options: int) -> int:
            said = next(given, None)
            return said if said is not None else choose(options) if choose is not None else 0

        stage.choose = answer
        stage.options, stage.chosen, stage.used, stage.placed = [], [], set(), False
        if act.refused:
            perform(stage, REFUSES)
        turns, at = len(stage.turns), stage.now
        trouble = ""
        try:
            perform(stage, act.step)
        except Trouble as error:
            trouble = str(error)
        done = Done(act, at, list(stage.seen), stage.turns[turns:], (), (), set(), stage.placed)
        done.options, done.chosen = tuple(stage.options), tuple(stage.chosen)
        done.used = stage.used | set(self._consulted(done.turns))
        self.done.append(done)
        self._settle(turns, trouble)
        if act.refused:
            perform(stage, ACCEPTS)
        return done

    def _settle(self, turns: int, trouble: str) -> None:
        mark = self.ground.mark(self.stage.session)
        if trouble:
            raise Broke(Fault("turn", trouble, trouble, mark))
        for fault in list(settled(self.stage, self.judge, self.ground.book, turns, mark)):
            if fault.same not in self.ground.forgiven:
                raise Broke(fault)

    def _consulted(self, turns: list[Turned]) -> Iterator[str]:
        facts, book = self.ground.facts, self.ground.book
        steps = [each for turn in turns for each in turn.trail]
        kinds = [
            (book.flows[each.flow].states[each.state].kind, each.state) for each in steps if isinstance(each, Entered)
        ]
        read = {name for each in steps if isinstance(each, Decided) for name in facts.conditions(each.source)}
        yield from self.ground.worlds.consulted(kinds, read)

    # --- where it got to -----------------------------------------------------------------------------------

    def tried(self) -> frozenset[Item]:
        """Everything of the flows that the play went through."""
        places = (each for done in self.done for turn in done.turns for each in turn.trail)
        items = (self.ground.coverage.item(each) for each in places if not isinstance(each, Decided))
        return frozenset(each for each in items if each is not None)

    @property
    def over(self) -> bool:
        """Whether the call or conversation has come to its end."""
        session = self.stage.session
        if session is None or session.talk is not None:
            return session is None or session.ended
        talks = bool(self.stage.phones) and self.stage.phone.stands != "over"
        return not talks and (session.ended or not session.place)

    @property
    def good(self) -> bool:
        """Whether it is over, a person is there, or the call was left to go on by itself (``continue``)."""
        stage, session = self.stage, self.stage.session
        if self.over or any(each.stands in ("talking", "room") for each in stage.phones.values()):
            return True
        if stage.phones and stage.phone.stands == "idle" and stage.phone.answer is not None:
            return True
        node = stage.library.program(session.flow).states.get(session.place) if session is not None else None
        return node is not None and node.waits_as == "handover"

    @property
    def reached(self) -> bool:
        """Whether the last act brought a person to the phone, gave the chat to one, or ended it."""
        last = self.done[-1]
        if self.good or any(each.kind in REACHES for each in last.seen):
            return True
        states = ((each.flow, each.state) for turn in last.turns for each in turn.trail if isinstance(each, Entered))
        return any(self.ground.book.flows[flow].states[state].kind == "handover" for flow, state in states)

    def sign(self) -> Hashable:
        """What the rest of the play depends on: two plays with the same sign go on alike."""
        stage = self.stage
        parts = [_of_session(each, self.ground.facts) for each in stage.sessions()]
        phone = newest(stage.phones)
        menu = phone.entry["id"] if phone is not None and phone.stands == "menu" else ""
        line = (phone.stands, menu, phone.detects) if phone is not None else ()
        contact = {name: stage.contact().get(name.partition(".")[2]) for name in self.ground.facts.below("contact")}
        more = [parts, line, contact, stage.opted_out, stage.quiet, stage.store.upcoming(stage.now) is not None]
        calendars = self.ground.worlds.standing(stage.now)
        return orjson.dumps(more, option=_SORTED), calendars, self.judge.standing(), _pinned(self.setting, self.ground)


_SORTED = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS


def _pinned(setting: tuple[tuple[str, int], ...], ground: Ground) -> tuple[tuple[str, int], ...]:
    """What of the world a play can still come to ask again: the hour stands in the calendars already."""
    settled = ("contact", "random") if ground.worlds.reads_clock else ("now", "contact", "random")
    return tuple(each for each in setting if not each[0].startswith(settled))


def _of_session(session: Session, facts: Facts) -> list[Any]:
    talk = session.talk
    armed = {what: each[:2] for what, each in session.armed.items()}
    where = [session.flow, session.place, session.pos, session.lang, session.retries, session.back[-3:], armed]
    life = [session.ended, session.over, bool(session.until), bool(session.pending), session.call.get("answered")]
    frames = [[each["flow"], _decisive(each["vars"], facts)] for each in session.frames]
    visits = {
        flow: {name: min(count, _bound(facts, flow, name)) for name, count in counts.items()}
        for flow, counts in session.visits.items()
    }
    chat: list[Any] = []
    if talk is not None:
        due = sorted(talk.due, key=lambda name: (talk.due[name], name))
        chat = [talk.tries, talk.reminded, due, talk.burst, talk.stale, talk.options, talk.channel]
    return [where, life, frames, visits, session.draws, _decisive(session.vars, facts), chat]


def _bound(facts: Facts, flow: str, state: str) -> int:
    """More visits than this are all alike."""
    known = facts.flows[flow].states.get(state) if flow in facts.flows else None
    return max(MOST_VISITS, known.visits.max + 1) if known is not None and known.visits else MOST_VISITS


def _decisive(values: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in facts.decisive or f"{name}." in facts.decisive}
