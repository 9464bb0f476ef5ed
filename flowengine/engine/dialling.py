"""Whom a turn may ring: the entry of ``may_dial``, its bounds and its hourly cap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowengine import prompts
from flowengine.engine.gate import within
from flowengine.numbers import e164, normal_caller

if TYPE_CHECKING:
    from flowengine.engine.call_turn import CallTurn


def reach(turn: CallTurn, name: str) -> tuple[str, str] | None:
    """The kind and address of an entry of ``may_dial``; None when it may not be dialled now."""
    entry = turn.program.may_dial.get(name)
    if entry is None:
        return None
    address = entry.address
    if type(address) is not str:
        rendered = prompts.clean(turn.text(address))
        address = (e164(rendered) or "") if entry.kind == "number" else rendered
        if not address or not within(entry, address):
            turn.note("refused", f"{name} rendered an address outside its bounds")
            return None
    if entry.per_hour and not _within_hour(turn, name, address, entry.per_hour):
        return None
    return entry.kind, address


def caller_id(turn: CallTurn, item: Any) -> str:
    """What ``cli`` shows: a number, or ``private``."""
    text = turn.line(item)
    return text if text == "private" else (e164(text) or normal_caller(text) or "private")


def _within_hour(turn: CallTurn, name: str, address: str, limit: int) -> bool:
    key = turn.library.digest(f"dial {turn.program.name} {name} {address}")
    if turn.world.used(key) >= limit:
        turn.note("refused", f"{name} has had its {limit} calls of this hour")
        return False
    turn.counts.append((key, limit))
    return True


def drawn(weights: list[list[Any]], point: float) -> str:
    """The name whose share of the weights a point falls into."""
    for name, weight in weights:
        point -= weight
        if point < 0 and weight:
            return str(name)
    return str(next(name for name, weight in reversed(weights) if weight))
