"""What must hold in every play, whatever the flow: a stage that looks at all that passes, and speaks up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from flowengine.delivery.base import Carrier
from flowengine.engine.person import talk_record
from flowengine.engine.quiet import end_of_quiet
from flowengine.engine.session import Session
from flowengine.engine.trail import Entered
from flowengine.exploring.worlds import Worlds, response
from flowengine.fetch import Request, Response
from flowengine.graph import Book
from flowengine.problems import Mark
from flowengine.properties import Broken, Judge
from flowengine.scenarios.model import Stub
from flowengine.simulator import Seen
from flowengine.sinch.fake.checking import faults
from flowengine.stage import Stage, Theatre, Trouble, World
from flowengine.stores.base import Leased
from flowengine.svaml import PERMISSION, Position, after_input

Choose = Callable[[int], int]
"""Which of so many options a request gets."""


class Fault(NamedTuple):
    """What did not hold: ``kind`` and ``about`` say whether two faults are the same one."""

    kind: str
    about: str
    sentence: str
    mark: Mark

    @property
    def same(self) -> tuple[str, str]:
        return (self.kind, self.about)


class Broke(Exception):
    """Something did not hold."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.sentence)
        self.fault = fault


class _Functions(Mapping[str, Stub]):
    """Functions that do not run, and are told of as they are asked for."""

    def __init__(self, stubs: Callable[[str], Stub | None]) -> None:
        self.stubs = stubs

    def get(self, name: str, default: Any = None) -> Any:
        return self.stubs(name) or default

    def __getitem__(self, name: str) -> Stub:
        found = self.stubs(name)
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


class Watched(Stage):
    """A stage that holds every answer, every message and every change of a call against what the platform takes.

    Servers answer what ``choose`` says; ``options`` are how many answers each request of the act had, ``used`` what of
    the setting was asked for, ``placed`` whether the platform was asked for a call or a change of one.
    """

    def __init__(self, theatre: Theatre, flow: str, world: World, worlds: Worlds, setting: Mapping[str, int]) -> None:
        self.worlds, self.setting = worlds, setting
        self.choose: Choose = lambda options: 0
        self.options: list[int] = []
        self.chosen: list[int] = []
        self.used: set[str] = set()
        self.placed = False
        self.wrong: list[tuple[str, str, str]] = []
        self.looking = True
        """Whether what passes is held against anything; acts that were looked at in another play need it no more."""
        program = theatre.library.programs[flow]
        surrounded = World(world.now, (), _Functions(self._stub), world.random, world.contact, world.env, self._served)
        super().__init__(theatre, program, surrounded)
        for kind, carry in self.worker.carriers.items():
            self.worker.carriers[kind] = self._carried(kind, carry)

    # --- the world -----------------------------------------------------------------------------------------

    def _served(self, request: Request) -> Response:
        answers = self.worlds.answers(request)
        at = min(self.choose(len(answers)), len(answers) - 1)
        self.options.append(len(answers))
        self.chosen.append(at)
        return response(answers[at])

    def _stub(self, name: str) -> Stub | None:
        key = f"function {name}"
        options = self.worlds.options.get(key)
        if not options:
            return None
        self.used.add(key)
        found: Stub = options[self.setting.get(key, 0)]
        return found

    @property
    def opted_out(self) -> bool:
        """Whether the contact wants no more messages."""
        record = self.store.record(talk_record(self._talk_key)) if self.key == self._talk_key else None
        return bool(orjson.loads(record).get("out")) if record else False

    @property
    def quiet(self) -> bool:
        """Whether the contact may not be disturbed now."""
        session = self.session
        if session is None or session.talk is None:
            return False
        hours = self.library.program(session.flow).image.get("quiet") or self.program.image.get("quiet")
        return bool(end_of_quiet(hours, str(self.contact()["timezone"]), self.now))

    # --- the platform --------------------------------------------------------------------------------------

    def _post(self, body: bytes) -> bytes:
        if not self.looking:
            return super()._post(body)
        told = orjson.loads(body)
        before = self._session_of(told)
        answer = super()._post(body)
        if answer:
            self._answered(answer, _where(told["event"], before))
        elif told["event"] == "ice":
            self._say("answer", "ice", "the call got no answer")
        return answer

    def _session_of(self, told: Mapping[str, Any]) -> Session | None:
        call = self.phones.get(str(told["callid"]))
        known = [each for each in self.sessions() if each.call.get("id") == told["callid"]]
        return known[0] if known and call is not None else None

    def _answered(self, answer: bytes, where: tuple[Position, ...]) -> None:
        if not self.looking:
            return
        if wrong := invalid("svaml", answer):
            self._say("answer", wrong, f"an answer is not what the platform takes: {wrong}")
        for name in _names(answer) if where else ():
            if not any(PERMISSION[name][position] != "-" for position in where):
                self._say("position", f"{name} {where[0]}", f"{name} cannot answer this callback ({'/'.join(where)})")

    def custom_callout(self, ice: str, custom: str = "") -> str:
        self.placed = True
        self._answered(ice.encode(), ("O",))
        return super().custom_callout(ice, custom)

    def patch_call(self, call_id: str, svaml: bytes, url: str = "") -> None:
        self.placed = True
        self._answered(svaml, ("K", "L", "C"))
        super().patch_call(call_id, svaml, url)

    def send(self, body: Mapping[str, Any]) -> None:
        if self.looking and (wrong := invalid("send", _alike(body))):
            self._say("message", wrong, f"a message is not what the platform takes: {wrong}")
        super().send(body)

    def _carried(self, kind: str, carry: Carrier) -> Carrier:
        """The worker tries again whatever breaks, and says it to its log only."""

        def carried(leased: Leased, payload: Mapping[str, Any]) -> None:
            try:
                carry(leased, payload)
            except Exception as error:
                why = f"{type(error).__name__}: {error}".rstrip(": ")
                self._say("effect", f"{kind} {type(error).__name__}", f"the worker broke at a {kind}: {why}")
                raise

        return carried

    def _say(self, kind: str, about: str, sentence: str) -> None:
        self.wrong.append((kind, about, sentence))


_TAG = re.compile(rb"#[0-9a-f]+\.[0-9]+")


def _alike(body: Mapping[str, Any]) -> bytes:
    """A message without what tells it from others that say the same: they need to be looked at once."""
    written = orjson.dumps({**body, "message_metadata": "row"}, option=orjson.OPT_SORT_KEYS)
    return _TAG.sub(b"#0.0", written)


@lru_cache(maxsize=50_000)
def invalid(request: str, body: bytes) -> str:
    """What the platform would have against an answer or a message; nothing where it takes it."""
    return "; ".join(str(each) for each in faults(request, orjson.loads(body)))


@lru_cache(maxsize=50_000)
def _names(answer: bytes) -> tuple[str, ...]:
    svaml = orjson.loads(answer)
    return tuple(each["name"] for each in (*(svaml.get("instructions") or ()), svaml["action"]))


def _where(event: str, session: Session | None) -> tuple[Position, ...]:
    """What an answer to a callback may be taken for, told by how the call stood before; nothing: unknown."""
    if event == "ice" or session is None:
        return ("I", "Pi") if event == "ice" else ()
    if event == "ace":
        return ("A",) if session.pos == "O" else ("B",)
    if event == "pie":
        return (after_input("I" if session.pos in ("N", "O") else session.pos),)  # type: ignore[arg-type]
    return ()


# --- after each act ----------------------------------------------------------------------------------------


def settled(stage: Watched, judge: Judge, book: Book, turns: int, mark: Mark) -> Iterator[Fault]:
    """Hold an act against all of it; ``turns`` were made before."""
    for kind, about, sentence in stage.wrong:
        yield Fault(kind, about, sentence, mark)
    stage.wrong.clear()
    for turn in stage.turns[turns:]:
        for each in turn.trail:
            if isinstance(each, Entered):
                yield from map(_fault, judge.turned(each.flow, _kind(book, each.flow, each.state), each.state))
    for seen in stage.seen:
        yield from map(_fault, judge.saw(seen))
        if seen.kind == "ends":
            yield from map(_fault, judge.over())


def _kind(book: Book, flow: str, state: str) -> str:
    known = book.flows.get(flow)
    return known.states[state].kind or "" if known is not None and state in known.states else ""


def _fault(broken: Broken) -> Fault:
    return Fault("property", broken.property.name, f"{broken.property.name}: {broken.sentence}", broken.mark)


def twice(stage: Watched, mark: Mark) -> None:
    """The callbacks of the last act a second time must change nothing; the play is used up. Raises :class:`Broke`."""
    if not stage.posted:
        return
    stage.begin_act()
    stage.work()  # what comes due in that second is not the copy's doing
    before = [each.dump() for each in stage.sessions()]
    stage.seen.clear()
    try:
        stage.again()
    except Trouble as error:
        raise Broke(Fault("twice", str(error), str(error), mark)) from None
    changed = [each.dump() for each in stage.sessions()] != before
    if changed or _noticed(stage.seen):
        what = (
            "changed the session" if changed else f"let somebody notice it: {stage.seen[0].kind} {stage.seen[0].text}"
        )
        raise Broke(Fault("twice", "changed", f"the second copy of a callback {what}", mark))


def _noticed(seen: Iterable[Seen]) -> bool:
    return any(each.kind != "requests" for each in seen)
