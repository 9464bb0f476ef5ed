"""Nested menus: which menus are played in one ``runMenu``, so that a jump needs no callback.

A choice whose branch is a bare target to a menu or collect is a jump when nothing would differ: no instruction in
the target, the same barge and speech, no ``retry``, no ``visits`` setting, its visits read nowhere, and no prompt
that reads what the jump would change. A menu is entered by one of several; each gets its own table.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Any

from flowengine.graph import Book, resolve
from flowengine.model import Flow, State
from flowengine.states import KINDS
from flowengine.states.base import Outcome
from flowengine.states.choices import RESERVED
from flowengine.walk import sources, within

MOST_MENUS = 12
DEEPEST = 2
"""Jumps from the entry: every menu of a closure is rendered for every caller, also for those who never go there."""
_CHANGES = re.compile(r"\b(menu|visits|now|event)\b")


def fuse(flow: Flow, book: Book) -> dict[str, dict[str, Any]]:
    """For each menu with jumps: ``menus`` (state → menu id, the entry ``main``) and ``jumps`` (state → value → id)."""
    joinable = _joinable(flow)
    found = {}
    for state in flow.states.values():
        if state.kind == "menu" and state.config:
            closure = _closure(state, flow, joinable)
            if len(closure) > 1:
                found[state.name] = _table(state, closure, flow)
    return found


def _joinable(flow: Flow) -> set[str]:
    read = " ".join(source.text for source in sources(flow) if "visits" in source.text)
    return {
        state.name
        for state in flow.states.values()
        if state.kind in ("menu", "collect")
        and state.config
        and not state.do
        and state.visits is None
        and not re.search(rf"visits\W+{state.name}\b", read)
        and not any(handler.retry for handler in state.on.values())
        and not any(_CHANGES.search(source.text) for source in within(state.config) if source.dynamic)
    }


def jump_target(state: State, value: str, flow: Flow) -> str:
    """The state a choice goes to by a bare target, or nothing."""
    if value in RESERVED or state.config.get("into"):
        return ""
    resolution = resolve(state, Outcome(value, ("input",), choice=True), flow)
    if resolution.state:
        return resolution.state
    handler = resolution.handler
    if handler is None or handler.retry or len(handler.branches) != 1:
        return ""
    branch = handler.branches[0]
    return branch.to if branch.when is None and not branch.do else ""


def _closure(entry: State, flow: Flow, joinable: set[str]) -> list[str]:
    names = [entry.name]
    parents: dict[str, set[str]] = {}
    todo = deque([(entry.name, 0)])
    while todo:
        name, depth = todo.popleft()
        state = flow.states[name]
        if depth == DEEPEST:
            continue
        for choice in state.config["choices"] or () if state.kind == "menu" else ():
            target = jump_target(state, choice.value, flow)
            if target not in joinable or not _alike(entry, flow.states[target]) or "language_of" in state.config:
                continue
            parents.setdefault(target, set()).add(state.name)
            if target not in names and len(names) < MOST_MENUS:
                names.append(target)
                todo.append((target, depth + 1))
    if any(_uses_back(flow.states[name]) and (len(parents.get(name, ())) > 1 or name == entry.name) for name in names):
        return _without_back(names, entry, flow, parents)
    return names


def _without_back(names: list[str], entry: State, flow: Flow, parents: dict[str, set[str]]) -> list[str]:
    """A menu that says ``back`` must know who led to it: fused only with a single parent, never as a child again."""
    backs = {name for name in names if _uses_back(flow.states[name]) and len(parents.get(name, ())) > 1}
    return [entry.name] if backs or _uses_back(entry) else names


def _uses_back(state: State) -> bool:
    return state.kind == "menu" and any(choice.value == "back" for choice in state.config["choices"] or ())


def _alike(one: State, other: State) -> bool:
    return all(one.config[key] == other.config[key] for key in ("barge", "speech"))


def _table(entry: State, names: list[str], flow: Flow) -> dict[str, Any]:
    ids = {name: "main" if name == entry.name else "main-2" if name == "main" else name for name in names}
    jumps: dict[str, dict[str, str]] = {}
    parent: dict[str, str] = {}
    for name in names:
        state = flow.states[name]
        if state.kind != "menu":
            continue
        for choice in state.config["choices"] or ():
            target = jump_target(state, choice.value, flow)
            if target in ids:
                jumps.setdefault(name, {})[choice.value] = ids[target]
                parent.setdefault(target, name)
    for name in names:
        if _uses_back(flow.states[name]) and name in parent:
            jumps.setdefault(name, {})["back"] = ids[parent[name]]
    return {
        "menus": ids,
        "jumps": jumps,
        "parents": {name: parent[name] for name in names if name in parent and name != entry.name},
        "ops": {name: KINDS[flow.states[name].kind].lower(flow.states[name], flow) for name in names},
    }
