"""A play on a running server: what is known of it is what a caller, a contact and Sinch know."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from flowengine.linking import Program
from flowengine.model import NOWHERE
from flowengine.project import shown_path
from flowengine.remote import Remote
from flowengine.scenarios.acting import perform
from flowengine.scenarios.model import Scenario, Server, Step
from flowengine.scenarios.running import Act
from flowengine.simulator import CannotAct, Chat, Phone, Seen
from flowengine.stage import Trouble, Turned, World
from flowengine.terminal.saving import steps_of

LOCALLY = "that is known where the flow is played here alone: leave out --url"
_HERE = ("platform refuses", "platform accepts")


class OnServer:
    """``world`` is what surrounds the scenario that this is saved as, but for the moment it began."""

    def __init__(self, remote: Remote, program: Program, world: World) -> None:
        self.remote, self.program, self.world = remote, program, world
        self.began = time.time()
        self.acts: list[Act] = []

    # --- how things stand ----------------------------------------------------------------------------------

    @property
    def seen(self) -> Sequence[Seen]:
        return self.remote.seen

    @property
    def turns(self) -> Sequence[Turned]:
        return ()

    @property
    def phone(self) -> Phone | None:
        return self.remote.phone if self.remote.phones else None

    @property
    def chat(self) -> Chat:
        return self.remote.chat

    @property
    def due(self) -> float | None:
        """Ringing and being held end by themselves; what else is due only the server knows."""
        phone = self.phone
        return None if phone is None or phone.due is None else max(1.0, phone.due - time.time())

    def private(self, step: Step) -> bool:
        """More than one key may be what nobody should see, where the flow has anything like that."""
        return bool(self.program.sensitive) and step.word == "presses" and len(step.value) > 1

    def hidden(self) -> Iterable[str]:
        return ()

    def choices(self, seen: Seen) -> Mapping[str, str]:
        return {}

    # --- acts ----------------------------------------------------------------------------------------------

    def perform(self, step: Step) -> None:
        """Raises :class:`~flowengine.simulator.CannotAct` and :class:`~flowengine.stage.Trouble`."""
        if step.word in _HERE:
            raise CannotAct(f"the worker of a running server cannot be refused from here; {LOCALLY}")
        remote, at = self.remote, time.time()
        try:
            perform(remote, step)
        except CannotAct:
            if step.word == "presses" and remote.phones and remote.phone.pressed:
                remote.end_act()
                self.acts.append(Act(Step(step.word, step.value[: remote.phone.pressed]), at, remote.seen))
            raise
        except Trouble:
            self.acts.append(Act(step, at, remote.seen))
            raise
        self.acts.append(Act(step, at, remote.seen))

    def meanwhile(self) -> bool:
        """Whatever the worker sent since; a call that nobody here started began with the flow."""
        came = self.remote.meanwhile()
        if came and not self.acts:
            self.acts.append(Act(Step("flow starts"), self.began, self.remote.seen))
        return came

    # --- what commands show --------------------------------------------------------------------------------

    def state_lines(self) -> list[str]:
        _locally()

    def variables(self) -> dict[str, Any]:
        _locally()

    def contact(self) -> dict[str, Any]:
        _locally()

    def scenario(self, name: str, file: Path, servers: tuple[Server, ...]) -> tuple[Scenario, list[str]]:
        """What was played, at the moment it began."""
        world, notes = self.world, []
        if any(self.private(each.step) for each in self.acts):
            notes.append("the keys that were pressed are saved as they were typed, sensitive ones too")
        found = Scenario(
            name=name,
            mark=NOWHERE,
            file=shown_path(file),
            flow=self.program.name,
            now=float(round(self.began)),
            steps=tuple(steps_of(self.acts)),
            servers=world.servers,
            contact=world.contact,
            env=world.env,
        )
        return found, notes


def _locally() -> NoReturn:
    raise CannotAct(LOCALLY)
