"""A play as data: everything that was chosen in it, so that it can be played again, cut down and written."""

from __future__ import annotations

from typing import NamedTuple

from flowengine.exploring.worlds import Setting
from flowengine.scenarios.steps import Step


class Act(NamedTuple):
    """``answers``: which of its options each request of the act gets, the first where none is said.

    ``refused``: the platform refuses whatever the act asks of it.
    """

    step: Step
    answers: tuple[int, ...] = ()
    refused: bool = False

    @property
    def sign(self) -> tuple[object, ...]:
        return (self.step.word, repr(self.step.value), self.answers, self.refused)


class Plan(NamedTuple):
    """The world from the beginning, and what is done in it."""

    setting: Setting = ()
    acts: tuple[Act, ...] = ()

    def then(self, *acts: Act) -> Plan:
        return Plan(self.setting, (*self.acts, *acts))

    def within(self, key: str, option: int) -> Plan:
        """The same in another world."""
        return Plan(tuple(sorted({**dict(self.setting), key: option}.items())), self.acts)

    def answered(self, answers: tuple[int, ...]) -> Plan:
        """The same, with other answers to what the last act asks."""
        return Plan(self.setting, (*self.acts[:-1], self.acts[-1]._replace(answers=answers)))

    def refused(self) -> Plan:
        """The same, with a platform that refuses what the last act asks of it."""
        return Plan(self.setting, (*self.acts[:-1], self.acts[-1]._replace(refused=True)))
