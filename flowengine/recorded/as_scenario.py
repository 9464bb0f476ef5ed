"""A recorded call or conversation as a scenario, which passes where the flows here still behave as they did."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import floor
from typing import Any

from flowengine.engine.dialling import drawn
from flowengine.engine.trail import Decided
from flowengine.fetch import Request, Response
from flowengine.filters import printed
from flowengine.graph import Book
from flowengine.model import NOWHERE
from flowengine.recorded import made_up
from flowengine.recorded.acts import CannotSay, Scene, acts, length
from flowengine.recorded.comparing import shown, way
from flowengine.recorded.judging import hidden_names
from flowengine.recorded.made_up import StandIns
from flowengine.recorded.reading import Recorded
from flowengine.recorded.telling import came, moment
from flowengine.scenarios.acting import perform
from flowengine.scenarios.model import Answer, Scenario, Server, Stub
from flowengine.scenarios.observed import expecting
from flowengine.scenarios.running import run
from flowengine.scenarios.steps import Step
from flowengine.simulator import CannotAct
from flowengine.stage import CALLER, Theatre, Trouble, Turned, World

PAUSE = 60.0
"""Seconds between two turns from which on a scenario says that time passes."""
MOST_TRIES = 40
MOST_ACTS = 8
"""Acts by which one turn is heard again, at most."""
_PUT_OFF = frozenset({"behind", "early", "quiet"})
"""Turns that come to nothing, and need not come again."""


class CannotTell(Exception):
    """Nothing of it can be a scenario: one sentence."""


@dataclass(slots=True)
class Told:
    """The scenario, and in sentences what of the recording it does not say."""

    scenario: Scenario
    sentences: list[str] = field(default_factory=list)


def as_scenario(
    turns: Sequence[Recorded], theatre: Theatre, book: Book, digest: Callable[[str], str], name: str = ""
) -> Told:
    """Play what was recorded on a stage, and write down what was done and what came of it.

    ``digest`` is the hash by which the journal names numbers. Raises :class:`CannotTell`.
    """
    flow = next((each.begun for each in turns if each.begun), "")
    if turns[0].n != 1:
        raise CannotTell("its beginning is no longer in the journal, and a scenario begins there")
    if flow not in theatre.library.programs:
        raise CannotTell(f"there is no flow {flow} here" if flow else "no flow was begun in it")
    named = made_up.named((each.image for each in theatre.library.programs.values()), digest)
    told = _searched(turns, theatre, named, name or f"as it went on {moment(turns[0].at)}")
    if not any(each.acts for each in told.scenario.steps):
        raise CannotTell("; ".join(told.sentences) or "nothing of it can be said")
    return _proved(told, theatre, book)


def _searched(turns: Sequence[Recorded], theatre: Theatre, named: Mapping[str, str], name: str) -> Told:
    """With what is made up so that it goes as far as it can."""
    chosen: dict[int, int] = {}
    first: dict[int, Told] = {}
    while True:
        telling = _Telling(turns, theatre, named, name, chosen)
        told = telling.tell()
        if telling.stopped is None:
            return told
        at = telling.stopped
        first.setdefault(at, told)
        chosen[at] = chosen.get(at, 0) + 1
        if chosen[at] >= min(telling.ways, MOST_TRIES):
            return first[at]


def _proved(told: Told, theatre: Theatre, book: Book) -> Told:
    """Cut off before what does not pass."""
    played = run(theatre, told.scenario, book)
    if played.failure is None:
        return told
    steps = told.scenario.steps
    at = [number for number, each in enumerate(steps) if each.acts][max(0, len(played.acts) - 1)]
    failure = played.failure
    told.sentences.append(f"played again, {failure.expected} came out as {failure.but}: the scenario ends before it")
    return replace(told, scenario=replace(told.scenario, steps=steps[:at]))


class _Telling:
    """One try: ``chosen`` says what is made up for each turn, ``stopped`` is the turn that could not be told."""

    def __init__(
        self,
        turns: Sequence[Recorded],
        theatre: Theatre,
        named: Mapping[str, str],
        name: str,
        chosen: Mapping[int, int],
    ) -> None:
        self.turns, self.chosen, self.name = turns, chosen, name
        self.flow = next(each.begun for each in turns if each.begun)
        self.stand_ins = StandIns(named)
        self.steps: list[Step] = []
        self.sentences: list[str] = []
        self.about: list[str] = []
        self.stopped: int | None = None
        self.ways = 1
        self.answers: dict[tuple[str, str], list[Answer]] = {}
        self.functions: dict[str, Stub] = {}
        self.random: dict[str, str] = {}
        self._http: deque[Any] = deque()
        self._carrying = False
        self._gather(theatre)
        self.world = self._world()
        self.stage = theatre.stage(self.flow, self.world)
        self._watch_carriers()

    # --- what surrounds it ---------------------------------------------------------------------------------

    def _gather(self, theatre: Theatre) -> None:
        """What servers, functions and chance gave, in order."""
        first = self.turns[0].heard
        if first.get("cli"):
            self.stand_ins.number(first["cli"])  # the caller is the one whom scenarios have call
        for turn in self.turns:
            for asker, value in turn.recorded:
                kind, _, place = asker.partition(" ")
                given = self.stand_ins.filled(value)
                if kind == "http":
                    self._http.append(given)
                elif kind in ("function", "random"):
                    flow, _, state = place.rpartition(".")
                    node = theatre.library.program(flow).states.get(state)
                    if node is not None and kind == "function":
                        self._function(turn, str(node.op["name"]), given)
                    elif node is not None:
                        weights = node.op["weights"]
                        self.random[state] = drawn(weights, given * sum(each for _, each in weights))

    def _function(self, turn: Recorded, name: str, given: Sequence[Any]) -> None:
        stub = Stub(name, given[0], bool(given[1]), NOWHERE)
        if self.functions.setdefault(name, stub) != stub:
            self.sentences.append(f"turn {turn.n}: {name} gave something else than before, which a scenario cannot say")

    def _world(self) -> World:
        at = float(floor(self.turns[0].at)) - 1
        contact = dict(self._contact())
        return World(at, (), self.functions, self.random, contact, {}, self._ask)

    def _contact(self) -> Iterator[tuple[str, Any]]:
        """What was known of them before the first turn."""
        known = next((each for asker, each in self.turns[0].recorded if asker == "contact"), None)
        if known is None:
            return
        told = self.stand_ins.filled(known)
        fields, own = (told[0], told[1]) if isinstance(told, list) else (told.get("fields", {}), told)
        for name, value in fields.items():
            yield name, value if isinstance(value, list | dict) else printed(value)
        yield from ((name, own[name]) for name in ("name", "language", "timezone") if own.get(name))
        tags = own.get("tags") or ()
        if tags:
            yield "tags", sorted(tags)
        if own.get("number") not in (None, CALLER):
            yield "number", own["number"]

    def _ask(self, request: Request) -> Response:
        """The next answer that was recorded; what is sent later by itself is taken."""
        found = Answer(200, {})
        if not self._carrying:
            if not self._http:
                raise Trouble(f"it now asks {request.method.upper()} {request.url.partition('?')[0]}, which it did not")
            status, data, failure, _ = self._http.popleft()
            found = Answer(failure="timeout") if failure else Answer(status, data)
        key = (request.method.upper(), request.url.partition("?")[0])
        self.answers.setdefault(key, []).append(found)
        return Response(0 if found.failure else found.status, found.data, found.failure)

    def _watch_carriers(self) -> None:
        """Requests that nobody waited for were recorded by nobody."""
        carriers = self.stage.worker.carriers
        own = carriers["http"]

        def carry(leased: Any, payload: Mapping[str, Any]) -> None:
            self._carrying = True
            try:
                own(leased, payload)
            finally:
                self._carrying = False

        carriers["http"] = carry

    # --- the play ------------------------------------------------------------------------------------------

    def tell(self) -> Told:
        at = 0
        while at < len(self.turns) and self.stopped is None:
            if self.turns[at].event in _PUT_OFF:
                at += 1
                continue
            kept, said = len(self.steps), len(self.about)
            try:
                at = self._turn(at)
            except (CannotSay, CannotAct, Trouble, _Astray) as why:
                del self.steps[kept:], self.about[said:]
                turn = self.turns[at]
                heard = came(turn.heard) or turn.event
                self.sentences.append(f"turn {turn.n}, {heard}: {why}; the scenario ends before it")
                self.stopped = at
        return Told(self._scenario(), self.sentences)

    def _turn(self, at: int) -> int:
        """Hear one turn again, and those that come with it; the turn after them."""
        turn = self.turns[at]
        self._let_time_pass(turn)
        scene = Scene(self.stage, self.stand_ins, turn, self.chosen.get(at, 0))
        refused = self._is_refused(at)
        if refused:
            self._do(Step("platform refuses"))
        reached, tries = at, 0
        while reached == at:
            tries += 1
            if tries > MOST_ACTS:
                raise _Astray("nothing comes of it here")
            found = acts(scene)
            self.ways = max(self.ways if tries > 1 else 1, scene.ways)
            for step in found:
                reached = self._heard_again(reached, self._do(step))
        if refused:
            self._do(Step("platform accepts"))
        self._remark(turn, scene)
        return reached

    def _is_refused(self, at: int) -> bool:
        heard = self.turns[at + 1].heard if at + 1 < len(self.turns) else {}
        return heard.get("event") == "refused" or (heard.get("event") == "called" and heard["outcome"] == "error")

    def _let_time_pass(self, turn: Recorded) -> None:
        """As it passed then, if nothing becomes due meanwhile: what does is a turn of its own."""
        gap, due = turn.at - self.stage.now - 1, self.stage.due
        if gap >= PAUSE and self.stage.turns and turn.heard.get("event") not in ("timer", "elapsed"):
            passes = float(floor(gap))
            if due is None or due > self.stage.now + passes + 2:
                self._do(Step("time passes", length(passes) if due is None else passes))

    def _do(self, step: Step) -> list[Turned]:
        """Perform it, and write it down with what is observed; the turns of this session that it made."""
        before = len(self.stage.turns)
        perform(self.stage, step)
        self.steps.append(step)
        self.steps += filter(None, (_worded(expecting(each)) for each in self.stage.seen))
        return [each for each in self.stage.turns[before:] if self._ours(each)]

    def _ours(self, turned: Turned) -> bool:
        """A call that a conversation places has a session of its own."""
        return self.stage.library.program(turned.flow).channel == self.stage.program.channel

    def _heard_again(self, at: int, turned: Sequence[Turned]) -> int:
        """Hold the turns against those recorded."""
        for now in turned:
            while at < len(self.turns) and self.turns[at].event in _PUT_OFF and now.event != self.turns[at].event:
                at += 1
            if now.event in _PUT_OFF:
                continue
            if at >= len(self.turns):
                raise _Astray(f"{now.event} comes here as well")
            then = self.turns[at]
            if now.event != then.event:
                raise _Astray(f"goes another way here, {now.event} in place of {then.event}")
            path = list(now.path) if now.path[-1:] == (now.place,) else [*now.path, now.place]
            if path != way(then):
                raise _Astray(f"goes another way here, {shown(path)} in place of {shown(way(then))}")
            at += 1
        return at

    # --- what is told of it --------------------------------------------------------------------------------

    def _remark(self, turn: Recorded, scene: Scene) -> None:
        """What was made up, and which conditions it decided."""
        if scene.made:
            what = "digits" if turn.heard.get("event") == "pie" else "words"
            self.about.append(f"The {what} of turn {turn.n} are made up.")
        for turned in self.stage.turns[-2:]:
            names = hidden_names(self.stage.library.program(turned.flow))
            for each in turned.trail:
                if isinstance(each, Decided) and any(name in names for name in each.values):
                    said = f"The condition {each.source} depends on what the journal hides."
                    self.about += [] if said in self.about else [said]

    def _scenario(self) -> Scenario:
        return Scenario(
            self.name,
            NOWHERE,
            "",
            self.flow,
            self.world.now,
            tuple(self.steps),
            tuple(self._servers()),
            self.functions,
            self.random,
            self.world.contact,
            {},
            " ".join(self.about),
        )

    def _servers(self) -> Iterator[Server]:
        for (method, url), answers in self.answers.items():
            same = all(each == answers[0] for each in answers)
            yield Server(method, url, tuple(answers[:1] if same else answers))


def _worded(step: Step | None) -> Step | None:
    """The observation without blank words, which say nothing; None where nothing is left."""
    if step is None or step.value is None:
        return step
    if isinstance(step.value, str):
        return step if step.value.strip() else None
    left = {name: each for name, each in step.value.items() if name != "text" or each.strip()}
    return replace(step, value=left) if left.keys() - {"to"} else None


class _Astray(Exception):
    """The flows here do otherwise: one phrase."""
