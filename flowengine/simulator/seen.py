"""What is observed of a call or a chat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class CannotAct(Exception):
    """Nobody could do this now: one sentence that says what stands in the way."""


class Seen(NamedTuple):
    """One thing that was observed.

    ``kind`` is ``hears reads connects rings joins parks records stops tones sends requests ends``; ``text`` the words,
    number, room or address; ``asks``: it waits for an answer, chosen from ``choices`` (keys of a menu, labels of
    buttons) where there are any. ``more`` is the instruction, action, message or request itself, ``name`` what
    ``may_dial`` calls a number.
    """

    kind: str
    text: str = ""
    asks: bool = False
    choices: tuple[str, ...] = ()
    more: Any = None
    name: str = ""


Saw = Callable[[Seen], None]
