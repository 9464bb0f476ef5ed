"""Menus made ready before the first call: whole where nothing varies, else everything but the prompts that do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from flowengine.answers import Act, Mould, act, constant_act, hole
from flowengine.linking import Spoken
from flowengine.states.collect import collect_entry
from flowengine.states.menu import menu_entry, run_menu


class Ready(NamedTuple):
    """``whole`` or a mould with the prompts that fill it."""

    whole: Act | None
    mould: Mould | None
    holes: tuple[Spoken, ...]


@dataclass(slots=True)
class _Holes:
    """Stands in for a turn: gives constant prompts as they are and a hole for each of the others."""

    language: str
    found: list[Spoken]

    def prompt(self, item: Spoken) -> str:
        ready = item.strings.get(item.key(self.language))
        if ready is not None:
            return ready
        if item not in self.found:
            self.found.append(item)
        return hole(self.found.index(item))


def menu_act(op: Mapping[str, Any], turn: Any, fuse: bool) -> Act:
    """The ``runMenu`` of a menu or collect, in the language of the turn."""
    language = turn.language
    ready: Ready | None = op["ready"].get((language, fuse))
    if ready is None:
        ready = op["ready"][(language, fuse)] = make_ready(op, language, fuse)
    if ready.whole is not None:
        return ready.whole
    values = [turn.prompt(each) for each in ready.holes]
    if ready.mould is not None and all(values):
        return ready.mould.fill(values)
    return act(_action(op, turn, language, fuse))


def make_ready(op: Mapping[str, Any], language: str, fuse: bool) -> Ready:
    stand_in = _Holes(language, [])
    action = _action(op, stand_in, language, fuse)
    if not stand_in.found:
        return Ready(constant_act(action), None, ())
    return Ready(None, Mould(action), tuple(stand_in.found))


def _action(op: Mapping[str, Any], call: Any, language: str, fuse: bool) -> dict[str, Any]:
    return run_menu(_entries(op, call, fuse), language, op["barge"], op["speech"])


def _entries(op: Mapping[str, Any], call: Any, fuse: bool) -> list[dict[str, Any]]:
    fused = op.get("fused") if fuse else None
    if fused is None:
        return [_entry(op, "main", call, {})]
    return [
        _entry(fused["ops"][name], menu_id, call, fused["jumps"].get(name, {}))
        for name, menu_id in fused["menus"].items()
    ]


def _entry(op: Mapping[str, Any], menu_id: str, call: Any, jumps: Mapping[str, str]) -> dict[str, Any]:
    return collect_entry(op, menu_id, call) if "digits" in op else menu_entry(op, menu_id, call, jumps)
