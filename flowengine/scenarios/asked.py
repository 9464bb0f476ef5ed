"""Requests as they are shown: with their bodies, and without what must not be seen."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import orjson

from flowengine.graph import Book
from flowengine.scenarios.steps import Step
from flowengine.simulator import Seen
from flowengine.stage import Asked, Stage

HIDDEN = "****"


def asked(seen: Seen, hidden: Collection[str]) -> str:
    """``POST https://crm.example.com/callers {"pin":"****"}``; ``hidden`` are the texts that must not be shown."""
    body = body_of(seen)
    return f"{seen.text} {orjson.dumps(masked(body, hidden), default=str).decode()}" if body is not None else seen.text


def body_of(seen: Seen) -> Any:
    """What was sent, None where nothing was."""
    if not isinstance(seen.more, Asked):
        return None
    request = seen.more.request
    return dict(request.form) if request.form else request.json


def entered(step: Step, place: str, book: Book) -> str:
    """What an act at this state gave a sensitive variable, which may be empty again by now; empty: nothing."""
    for flow in book.flows.values():
        state = flow.states.get(place)
        into = (state.config or {}).get("into") if state is not None else None
        if into in flow.names() and flow.names()[into].sensitive and step.word in ("presses", "writes"):
            return str(step.value["text"] if step.word == "writes" else step.value.rstrip("#"))
    return ""


def hidden_in(stage: Stage) -> tuple[str, ...]:
    """What the sensitive variables of the call and the conversation hold, the longest first."""
    found = set()
    for session in stage.sessions():
        for flow, values in [(session.flow, session.vars), *((each["flow"], each["vars"]) for each in session.frames)]:
            sensitive = stage.library.program(flow).sensitive
            found |= {str(value) for name, value in values.items() if name in sensitive and value not in (None, "")}
    return tuple(sorted(found, key=len, reverse=True))


def masked(value: Any, hidden: Collection[str]) -> Any:
    """A sentence, or JSON-like data, without these texts."""
    if isinstance(value, str):
        for each in hidden:
            value = value.replace(each, HIDDEN) if len(each) > 1 or each == value else value
        return value
    if isinstance(value, Mapping):
        return {name: masked(each, hidden) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [masked(each, hidden) for each in value]
    return HIDDEN if not isinstance(value, bool) and str(value) in hidden else value
