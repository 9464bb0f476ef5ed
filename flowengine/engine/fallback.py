"""What a caller hears when a turn breaks: rendered before the first call, so that nothing can break it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowengine.answers import Refused, act, seal
from flowengine.engine.call_turn import CallTurn
from flowengine.engine.library import Library
from flowengine.engine.outcome import TurnFailed
from flowengine.engine.session import Session, new_call
from flowengine.engine.world import World
from flowengine.expressions import EvaluationFailed
from flowengine.linking import Program
from flowengine.svaml import Position

HEARD: tuple[Position, ...] = ("I", "A", "B", "Pi", "Pa", "Pb", "K", "L", "C")


class _Nothing(dict[str, Any]):
    """A scope in which reading anything means that the run is not constant."""

    def get(self, key: str, default: Any = None) -> Any:
        raise TurnFailed("the run is not constant")


def fallbacks(library: Library) -> Mapping[tuple[str, Position], bytes]:
    """For every flow and position: the run of its ``on.error`` if constant, legal and final, else an apology."""
    return {
        (program.name, position): _fallback(library, program, position)
        for program in library.programs.values()
        for position in HEARD
        if program.channel == "voice"
    }


def _fallback(library: Library, program: Program, position: Position) -> bytes:
    if position == "B" or (position == "A" and program.failure_ace):
        if program.failure_ace != "hangup":
            return seal([], act({"name": "continue"}), position, lambda kind, address: False)
        return seal([], act({"name": "hangup"}), position, lambda kind, address: False)
    return _error_run(library, program, position) or library.say_and_hang_up("apology", program.languages[0], position)


def _error_run(library: Library, program: Program, position: Position) -> bytes:
    handler = program.on.get("error")
    if handler is None or handler.branches[0].when is not None:
        return b""
    session = Session(flow=program.name, place=program.start, call=new_call())
    turn = CallTurn(library, session, World(), position, program, _Nothing())
    try:
        turn.run(turn._take(handler.branches[0]))
        outcome = turn.outcome()
    except (TurnFailed, Refused, EvaluationFailed, LookupError, ValueError, TypeError, AttributeError):
        return b""
    constant = turn.action is not None and turn.action.name == "hangup" and not outcome.effects
    return outcome.body if constant and not turn.session.draws else b""
