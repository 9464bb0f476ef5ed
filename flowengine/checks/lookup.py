"""What several rules ask of a flow: how a state is called, where a word stands, who plays it, what climbs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowengine.checks.base import View
from flowengine.graph import branches_of, menus_before, resolve
from flowengine.model import UNREADABLE, Flow, State
from flowengine.positions import Pair, analysis
from flowengine.problems import Mark
from flowengine.states import KINDS, Outcome
from flowengine.svaml import Position

SHOWN_STEPS = 4
_LINES = 20


def unread(state: State) -> bool:
    """Whether the state has a kind that could not be read: its shape error was told."""
    return not state.kind and state.kind_mark != state.mark


def understood(view: View) -> bool:
    """Whether every state was read: otherwise what they lead to is not known."""
    if "understood" not in view.cache:
        view.cache["understood"] = not any(_vague(state, view) for state in view.flow.states.values())
    return bool(view.cache["understood"])


def _vague(state: State, view: View) -> bool:
    if state.kind == "subflow" and state.config["flow"] not in view.book.flows:
        return True
    if any(branch.to == UNREADABLE for branch in branches_of(state)):
        return True
    return unread(state) or (not state.kind and state.next is None)


def apology(view: View, verb: str = "would") -> str:
    """What becomes of the person when a turn breaks, for a note."""
    if view.flow.channel == "message":
        return f"the contact {verb} get an apology, and the conversation {verb} end"
    return f"the caller {verb} hear an apology and be cut off"


def waits(state: State) -> bool:
    return bool(state.kind) and KINDS[state.kind].waits


def title(state: State) -> str:
    """``menu "main"``."""
    return f'{state.kind or "state"} "{state.name}"'


def on_mark(view: View, state: State) -> Mark:
    """Where the word ``on`` of a state stands; without handlers its kind."""
    if not state.on:
        return state.kind_mark
    first = min(handler.mark for handler in state.on.values())
    ends: int | None = first.column - 1
    for number in range(first.line, max(first.line - _LINES, 0), -1):
        line = view.flow.lines[number - 1] if number <= len(view.flow.lines) else ""
        found = list(re.finditer(r"(?<![\w\"'])on(?=\s*:)", line[:ends]))
        if found:
            return Mark(first.file, number, found[-1].start() + 1, 3)
        ends = None
    return state.kind_mark


def word_mark(view: View, start: Mark, key: str, word: str) -> Mark:
    """Where ``key: word`` stands, at or soon after ``start``; else ``start``."""
    pattern = re.compile(rf"(?<![\w])({re.escape(key)}\s*:\s*[\"']?)({re.escape(word)})(?![\w])")
    for number in range(start.line, min(start.line + _LINES, len(view.flow.lines) + 1)):
        begin = start.column - 1 if number == start.line else 0
        found = pattern.search(view.flow.lines[number - 1], begin)
        if found:
            return Mark(start.file, number, found.start(2) + 1, len(word))
    return start


def key_mark(view: View, value: Mark, key: str) -> Mark:
    """Where the key of a value stands, on the line of the value; else the value."""
    line = view.flow.lines[value.line - 1] if value.line <= len(view.flow.lines) else ""
    found = list(re.finditer(rf"(?<![\w]){re.escape(key)}(?=[\"']?\s*:)", line[: value.column - 1]))
    return Mark(value.file, value.line, found[-1].start() + 1, len(key)) if found else value


def path(view: View, pair: Pair, most: int = SHOWN_STEPS) -> str:
    """``greet[I] > main[I] > hold[Pi]``: how a pair is reached; of a long way the end."""
    steps = view.pairs[pair].witness(pair, most + 1)
    shown = " > ".join(f"{name}[{position}]" for name, position in steps[-most:])
    return f"… > {shown}" if len(steps) > most else shown


def positions(view: View) -> dict[str, list[Position]]:
    """Where each state that can be reached may stand."""
    if "positions" not in view.cache:
        found: dict[str, list[Position]] = {}
        for name, position in view.pairs:
            found.setdefault(name, []).append(position)
        view.cache["positions"] = found
    known: dict[str, list[Position]] = view.cache["positions"]
    return known


def climbed(view: View, state: State) -> set[str]:
    """The events that the flow played by a subflow leaves to the state that plays it."""
    callee = view.book.flows.get(state.config["flow"])
    if callee is None:
        return set()
    entries: list[Position] = positions(view).get(state.name) or ["I"]
    return {event for entry in entries for event in analysis(callee, entry, view.book).escapes}


def players(view: View) -> list[tuple[Flow, State]]:
    """The states that play this flow, each with its own flow."""
    known: dict[str, list[tuple[Flow, State]]] = view.book.cache.setdefault("players", {})
    if not known:
        known[""] = []
        for flow in view.book.flows.values():
            for state in _subflows(flow):
                known.setdefault(state.config["flow"], []).append((flow, state))
    return known.get(view.flow.name, [])


def _subflows(flow: Flow) -> Iterator[State]:
    for state in flow.states.values():
        if state.kind == "subflow" and state.config["flow"]:
            yield state


def taken_by_players(view: View, event: str) -> bool:
    """Whether this flow is only ever played by others, and all of them take what it leaves open."""
    if view.flow.triggers or not players(view):
        return False
    outcome = Outcome(event, ("same",), "climbed")
    return all(resolve(state, outcome, flow).handler for flow, state in players(view))


def back_to(view: View) -> dict[str, set[str]]:
    """Where ``back`` may lead from each state."""
    if "back" not in view.cache:
        view.cache["back"] = menus_before(view.flow, view.book)
    known: dict[str, set[str]] = view.cache["back"]
    return known


def shown(names: list[str], most: int = 8) -> str:
    """``a > b > a``, its middle left out where it is long."""
    if len(names) > most:
        names = [*names[: most - 2], "…", names[-1]]
    return " > ".join(names)
