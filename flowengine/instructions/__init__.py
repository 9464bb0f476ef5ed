"""The instructions a state can do, one idea to a file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flowengine.instructions import notes
from flowengine.instructions.base import Instruct
from flowengine.instructions.clear import Clear
from flowengine.instructions.cookie import Cookie
from flowengine.instructions.dtmf import Dtmf
from flowengine.instructions.play import Play
from flowengine.instructions.record import RecordCall
from flowengine.instructions.say import Say
from flowengine.instructions.send import Send
from flowengine.instructions.set import Set
from flowengine.model import Instruction

INSTRUCTIONS: dict[str, Instruct] = {
    each.name: each
    for each in (
        Say(),
        Play(),
        Send(),
        Set(),
        Clear(),
        RecordCall(),
        Dtmf(),
        Cookie(),
        notes.Log(),
        notes.Track(),
        notes.Tag(),
        notes.Untag(),
        notes.OptIn(),
        notes.OptOut(),
    )
}


def lower_all(do: Iterable[Instruction]) -> list[list[Any]]:
    """``[name, value]`` of each, for the compiled flow."""
    return [[each.name, INSTRUCTIONS[each.name].lower(each.value)] for each in do]


__all__ = ["INSTRUCTIONS", "Instruct", "lower_all"]
