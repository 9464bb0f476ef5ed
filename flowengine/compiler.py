"""Flow → image: everything an answer needs, as JSON, with every handler resolved and every default filled in.

The image is what an artefact holds and what its content hash, the revision, is taken over. It names no line of
YAML as text; :mod:`flowengine.linking` makes it ready to run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any

import orjson

from flowengine.choosing import lower_choice
from flowengine.fusing import fuse
from flowengine.graph import Book, outcomes, resolve
from flowengine.instructions import lower_all
from flowengine.lowering import lower, lower_branch, lower_handler
from flowengine.model import Calendar, Flow, Project, State, Trigger, Variable
from flowengine.positions import analyse
from flowengine.states import KINDS

FORMAT = 1
Image = dict[str, Any]


def compile_flow(flow: Flow, book: Book) -> Image:
    """One flow. It must be free of errors."""
    analyses = analyse(flow, book)
    positions: dict[str, list[str]] = {name: [] for name in flow.states}
    for each in analyses.values():
        for name, position in each.pairs:
            if position not in positions[name]:
                positions[name].append(position)
    fused = fuse(flow, book)
    counted = visits_read(flow, book)
    image: Image = {
        "name": flow.name,
        "file": flow.file,
        "channel": flow.channel,
        "languages": list(flow.languages),
        "start": flow.start,
        "answer": flow.answer,
        "outbound": flow.outbound,
        "entries": sorted(analyses),
        "triggers": [_trigger(trigger, flow) for trigger in flow.triggers],
        "inputs": {name: _variable(each) for name, each in flow.inputs.items()},
        "variables": {name: _variable(each) for name, each in flow.variables.items()},
        "outcomes": list(flow.outcomes),
        "may_dial": {name: _address(each) for name, each in flow.may_dial.items()},
        "calendars": {name: _calendar(each) for name, each in {**flow.project.calendars, **flow.calendars}.items()},
        "failure_ace": flow.failure_ace,
        "on": {event: lower_handler(handler) for event, handler in flow.on.items()},
        "states": {
            name: _state(state, flow, book, positions[name], fused, counted) for name, state in flow.states.items()
        },
    }
    if flow.channel == "message":
        image.update(_conversation(flow))
    if flow.cli is not None:
        image["cli"] = lower(flow.cli)
    if flow.recordings is not None:
        image["recordings"] = {
            key: lower(value) for key, value in _shallow(flow.recordings).items() if value not in ("", None)
        }
    return image


def _trigger(trigger: Trigger, flow: Flow) -> list[Any]:
    """``[kind, value, line]``; of messages ``[kind, value, {line, …}]`` with what else it says."""
    if flow.channel == "voice":
        return [trigger.kind, trigger.value, trigger.mark.line]
    known = {name: getattr(trigger, name) for name in _TRIGGER if getattr(trigger, name)}
    known = {name: list(each) if isinstance(each, tuple) else each for name, each in known.items()}
    return [trigger.kind, trigger.value, {"line": trigger.mark.line, **known}]


_TRIGGER = ("words", "interrupt", "app", "channels", "to", "enter", "offset", "at", "timezone", "tag", "days")


def _conversation(flow: Flow) -> dict[str, Any]:
    """What only a message flow has."""
    quiet = {"quiet": asdict(flow.quiet)} if flow.quiet else {}
    own = {"own": True} if flow.session.written else {}
    return {
        "channels": list(flow.channels),
        "session": {"expires": flow.session.expires, "then": flow.session.then, **own},
        "choices": [lower_choice(each) for each in flow.choices],
        "busy": flow.busy,
        "late": flow.late,
        **quiet,
    }


def _shallow(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def _variable(variable: Variable) -> dict[str, Any]:
    written = asdict(variable)
    shown = ("type", "default", "has_default", "one_of", "sensitive", "max_length")
    kept = {key: written[key] for key in shown if written[key] not in (None, (), False)}
    return {**kept, "type": variable.type, **({"default": variable.default} if variable.has_default else {})}


def _address(address: Any) -> dict[str, Any]:
    lowered: dict[str, Any] = {"kind": address.kind, "address": lower(address.address)}
    for key in ("countries", "matches", "per_hour"):
        if getattr(address, key):
            lowered[key] = lower(getattr(address, key))
    return lowered


def _calendar(calendar: Calendar) -> dict[str, Any]:
    return {
        "timezone": calendar.timezone,
        "week": {str(day): [[each.start, each.stop] for each in hours] for day, hours in calendar.week.items()},
        "holidays": {date: [[each.start, each.stop] for each in hours] for date, hours in calendar.holidays.items()},
    }


def _state(
    state: State, flow: Flow, book: Book, positions: list[str], fused: Mapping[str, Any], counted: set[str]
) -> dict[str, Any]:
    image: dict[str, Any] = {"line": state.mark.line, "positions": positions}
    if state.do:
        image["do"] = lower_all(state.do)
    if state.kind:
        image["kind"] = state.kind
        image["op"] = KINDS[state.kind].lower(state, flow)
    if state.name in fused:
        image["op"]["fused"] = fused[state.name]
    if state.next:
        image["next"] = lower_branch(state.next)
    if state.visits:
        image["visits"] = {"max": state.visits.max, "then": state.visits.then.to}
    if state.visits or state.name in counted:
        image["counted"] = True
    image["on"] = {event: lower_handler(handler) for event, handler in state.on.items()}
    image["events"] = {
        outcome.name: _event(state, outcome, flow)
        for outcome in outcomes(state, flow, book)
        if outcome.name != "chosen"
    }
    return image


def _event(state: State, outcome: Any, flow: Flow) -> dict[str, Any]:
    resolution = resolve(state, outcome, flow)
    event: dict[str, Any] = {"via": resolution.via}
    if resolution.handler is not None:
        event["on"] = resolution.handler.event
    if resolution.state:
        event["to"] = resolution.state
    if resolution.default:
        event["default"] = resolution.default
    for flag in ("side", "outside"):
        if getattr(outcome, flag):
            event[flag] = True
    return event


def visits_read(flow: Flow, book: Book) -> set[str]:
    """States whose ``visits.<state>`` something reads; only these (and bounded ones) are counted."""
    import re

    from flowengine.walk import sources

    found: set[str] = set()
    for source in sources(flow):
        if "visits" in source.text:
            found.update(re.findall(r"visits\s*(?:\.\s*|\[\s*['\"])([a-z][a-z0-9_]*)", source.text))
    return found


def compile_book(book: Book, project: Project, functions: str = "") -> Image:
    """All flows of a project: the artefact, without its hash."""
    return {
        "format": FORMAT,
        "flows": {name: compile_flow(flow, book) for name, flow in sorted(book.flows.items())},
        "constants": dict(project.constants),
        "contact": {name: _variable(each) for name, each in _contact(book, project).items()},
        "consent": {name: lower(words) for name, words in project.consent.items()},
        "env": list(project.env),
        "kill_switch": project.kill_switch,
        "functions": functions,
    }


def _contact(book: Book, project: Project) -> dict[str, Variable]:
    found = dict(project.contact)
    for _, flow in sorted(book.flows.items()):
        found.update(flow.contact)
    return found


def revision(image: Image) -> str:
    """The content hash of an artefact: 12 hexadecimal digits."""
    return sha256(orjson.dumps(image)).hexdigest()[:12]
