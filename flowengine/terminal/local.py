"""A play in this process: a clock that is moved by hand, and servers that are declared or asked of the person."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from flowengine.engine.session import Session
from flowengine.graph import Book
from flowengine.linking import Program
from flowengine.model import NOWHERE, Choice
from flowengine.project import shown_path
from flowengine.scenarios.acting import perform
from flowengine.scenarios.asked import HIDDEN
from flowengine.scenarios.model import Scenario, Server, Step
from flowengine.scenarios.running import Act
from flowengine.simulator import CannotAct, Chat, Phone, Seen
from flowengine.stage import Stage, Theatre, Trouble, Turned, World
from flowengine.terminal.saving import disguised, drawn, same_way, steps_of

FIRST = "main"
"""The menu that an answer begins with, whichever state it is of."""


class Local:
    """One play of one flow on a :class:`~flowengine.stage.Stage`. ``acts`` is what was done so far."""

    def __init__(self, theatre: Theatre, book: Book, flow: str, world: World) -> None:
        self.theatre, self.book, self.flow, self.world = theatre, book, flow, world
        self.stage: Stage = theatre.stage(flow, world)
        self.acts: list[Act] = []
        self._private: list[bool] = []
        self._typed = ""

    # --- how things stand ----------------------------------------------------------------------------------

    @property
    def seen(self) -> Sequence[Seen]:
        return self.stage.seen

    @property
    def turns(self) -> Sequence[Turned]:
        """Those of the last act."""
        return self.acts[-1].turns if self.acts else ()

    @property
    def phone(self) -> Phone | None:
        return self.stage.phone if self.stage.phones else None

    @property
    def chat(self) -> Chat:
        return self.stage.chat

    @property
    def due(self) -> float | None:
        """In how many seconds something happens by itself."""
        found = self.stage.due
        return None if found is None else found - self.stage.now

    def private(self, step: Step) -> bool:
        """Whether what is entered by this act must not be shown."""
        session = self.stage.session
        if session is None or step.word not in ("presses", "writes"):
            return False
        program = self.stage.library.programs[session.flow]
        ahead = step.word == "presses" and len(step.value) > 1
        places = [self._place(session), *(_played_with(program, session.place) if ahead else ())]
        return any(
            place in program.states and program.states[place].op.get("into") in program.sensitive for place in places
        )

    def _place(self, session: Session) -> str:
        """The state that asks now."""
        phone = self.phone
        menu = str(phone.entry.get("id", "")) if phone is not None and phone.stands == "menu" else FIRST
        return _asking(menu, session, self.stage.library.programs[session.flow].states)

    def hidden(self) -> Iterator[str]:
        """Texts that must not be shown: the values of sensitive variables, and what is entered for one."""
        if self._typed:  # or its end, where what comes first chose something
            yield from (self._typed[at:] for at in range(max(1, len(self._typed) - 1)))
        yield from self._values()

    def _values(self) -> Iterator[str]:
        """What sensitive variables hold."""
        sensitive = self._sensitive()
        for name, value in self.stage.variables().items():
            if name in sensitive and value not in (None, ""):
                yield str(value)

    def _sensitive(self) -> set[str]:
        return {name for program in self.theatre.library.programs.values() for name in program.sensitive}

    def choices(self, seen: Seen) -> Mapping[str, str]:
        """The choices of the state whose menu plays, by key."""
        session = self.stage.session
        flow = self.book.flows.get(session.flow) if session is not None else None
        if session is None or flow is None or not isinstance(seen.more, Mapping):
            return {}
        state = flow.states.get(_asking(str(seen.more.get("id", "")), session, flow.states))
        choices = (state.config or {}).get("choices") if state is not None else None
        found = choices if isinstance(choices, tuple) else ()
        return {each.key: each.value for each in found if isinstance(each, Choice) and each.key}

    # --- acts ----------------------------------------------------------------------------------------------

    def perform(self, step: Step) -> None:
        """Raises :class:`~flowengine.simulator.CannotAct` and :class:`~flowengine.stage.Trouble`."""
        stage, private = self.stage, self.private(step)
        turns, at = len(stage.turns), stage.now
        self._typed = _typed(step) if private else ""
        try:
            perform(stage, step)
        except CannotAct:
            if done := self._done_in_part(step):
                self._keep(done, at, turns, private)
            raise
        except Trouble:
            stage.trouble = ""
            self._keep(step, at, turns, private)
            raise
        finally:
            self._typed = ""
        self._keep(step, at, turns, private)

    def _done_in_part(self, step: Step) -> Step | None:
        """The keys that were heard before one that nobody listened for."""
        stage = self.stage
        if step.word != "presses" or not stage.phones or not stage.phone.pressed:
            return None
        with suppress(Trouble):
            stage.end_act()
        return Step(step.word, step.value[: stage.phone.pressed])

    def _keep(self, step: Step, at: float, turns: int, private: bool) -> None:
        self.acts.append(Act(step, at, list(self.stage.seen), self.stage.turns[turns:]))
        self._private.append(private and self._is_kept(_typed(step)))

    def _is_kept(self, typed: str) -> bool:
        """Whether a sensitive variable holds something of what was entered."""
        return any(value and value in typed for value in self._values())

    # --- what commands show --------------------------------------------------------------------------------

    def state_lines(self) -> list[str]:
        """``front_desk: ask_pin``, a line for every session."""
        return [f"  {each.flow}: {each.place or 'over'}{_within(each)}" for each in self.stage.sessions()]

    def variables(self) -> dict[str, Any]:
        sensitive = self._sensitive()
        shown = self.stage.variables().items()
        return {name: HIDDEN if name in sensitive and value not in (None, "") else value for name, value in shown}

    def contact(self) -> dict[str, Any]:
        return self.stage.contact()

    # --- saving --------------------------------------------------------------------------------------------

    def scenario(self, name: str, file: Path, servers: tuple[Server, ...]) -> tuple[Scenario, list[str]]:
        """What was played as a scenario, and what is to be said about it."""
        random, twice = drawn(self.acts, self.book)
        chance = {**random, **self.world.random}
        world = replace(self.world, servers=servers + self.world.servers, random=chance, ask=None)
        acts, notes = self._without_private_digits(world)
        if twice:
            notes.append(f"chance went both ways at {', '.join(twice)}; a scenario has it go one way")
        found = Scenario(
            name=name,
            mark=NOWHERE,
            file=shown_path(file),
            flow=self.flow,
            now=world.now,
            steps=tuple(steps_of(acts)),
            servers=world.servers,
            functions=world.functions,
            random=world.random,
            contact=world.contact,
            env=world.env,
        )
        return found, notes

    def _without_private_digits(self, world: World) -> tuple[Sequence[Act], list[str]]:
        """The acts with other digits where those entered are sensitive, if the flow goes the same way with them."""
        if not any(self._private):
            return self.acts, []
        steps = [
            disguised(act.step) if private else act.step for act, private in zip(self.acts, self._private, strict=True)
        ]
        if all(step.same(act.step) for step, act in zip(steps, self.acts, strict=True)):
            return self.acts, ["what was written for a sensitive variable is saved as it is"]
        other = Local(self.theatre, self.book, self.flow, world)
        with suppress(CannotAct, Trouble):
            for step in steps:
                other.perform(step)
        if same_way(other.acts, self.acts):
            return other.acts, ["the sensitive digits were replaced by others, with which the flow goes the same way"]
        return self.acts, ["the sensitive digits are saved as they were typed: with others the flow goes another way"]


def _typed(step: Step) -> str:
    return str(step.value if step.word == "presses" else step.value["text"] if step.word == "writes" else "")


def _asking(menu: str, session: Session, states: Container[str]) -> str:
    """Whose menu this is: one that is played with another one bears its state's name."""
    return menu if menu != FIRST and menu in states else session.place


def _played_with(program: Program, place: str) -> Iterable[str]:
    """States whose menus are played together with that of this one."""
    node = program.states.get(place)
    fused = node.op.get("fused") if node is not None else None
    return fused["states"].values() if fused else ()


def _within(session: Session) -> str:
    """The flows that play this one, and where they wait."""
    frames: Iterable[Mapping[str, Any]] = reversed(session.frames)
    return "".join(f", in {each['flow']}" for each in frames)
