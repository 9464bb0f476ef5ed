"""The JSON Schema of a flow file, put together from the kinds, for editors (draft-07, as language servers read it).

``python -m flowengine.schema`` prints it, ``python -m flowengine.schema project`` that of ``flowengine.yaml``. The
properties of a state are flat, with one ``if`` per kind: closed alternatives make a language server offer every key
twice and nothing below ``on``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from flowengine.choosing import CHOICE
from flowengine.document import Map, plain, read
from flowengine.fields import PROMPT_SCHEMA, WORDING_SCHEMA, WORDS_SCHEMA, Record
from flowengine.instructions import INSTRUCTIONS, Instruct
from flowengine.loader import DEFAULTS, FLOW, MESSAGE_DEFAULTS, STATE_KEYS
from flowengine.model import LATE_EVENTS, NOWHERE, Channel, Each, Flow, Project, Prompt, Source, State
from flowengine.project import PROJECT
from flowengine.properties import RECORD as PROPERTIES
from flowengine.states import KINDS, Kind
from flowengine.states.base import Outcome
from flowengine.states.branches import HANDLER_SCHEMA, TARGET_SCHEMA
from flowengine.triggers import CALL_TRIGGER_SCHEMA, MESSAGE_TRIGGER

Json = dict[str, Any]
DRAFT = "http://json-schema.org/draft-07/schema#"
SHORTHAND = ("say", "play", "send", "set", "clear")
RESERVED_STATES = ("end", "continue", "back", "repeat")
_EXAMPLE = re.compile(r"```yaml\n(.*?)```\n?", re.DOTALL)
_NAME_ERROR = "a name: a-z, 0-9 and _, beginning with a letter"
_PATTERN_ERRORS = {
    "^([a-z][a-z0-9_]*)$": _NAME_ERROR,
    "^[a-z][a-z0-9_]*$": _NAME_ERROR,
    "^([A-Z]{2})$": "a country such as US",
    "^([0-9#w]+)$": "tones: 0-9, # and w for half a second's pause",
    r"^[0-9]{1,2}(\.\.[0-9]{1,2})?$": "how many digits: 4, or 3..6",
    "^[0-9*#]$": "one key: 0-9, * or #",
}

EVENTS: dict[str, str] = {
    "chosen": "any choice without a handler and without a state of its name",
    "timeout": "nothing came in answer, and all repeats are spent",
    "invalidinput": "what came in answer does not fit, and all repeats are spent",
    "digits": "the digits are there",
    "hangup": "the caller hung up (in a menu), or a machine check found that the line is dead",
    "error": "it failed",
    "disconnected": "the call is over: nobody hears what follows",
    "recorded": "the message is spoken",
    "answered": "the callee picked up",
    "human": "a person picked up",
    "machine": "an answering machine picked up",
    "notsure": "it cannot be told who picked up; without a handler: as `human`",
    "beep": "the machine's tone was heard: now it records",
    "elapsed": "the time is over",
    "open": "within opening hours",
    "closed": "outside of them",
    "holiday": "a listed day, outside its own hours",
    "ok": "it worked",
    "done": "the flow that was played reached `end`",
    "expired": "the flow that was played took too long",
    "answer": "an answer that was expected, or any choice without a handler and without a state of its name",
    "empty": "the list of choices has no element",
    "failed": "the question could not be delivered",
    "message": "the person wrote something meanwhile",
    "taken": "a person has taken the conversation over",
    "returned": "it was given back",
    "tick": "another `every` is over",
    "recording_finished": "a recording stopped",
    "recording_available": "the file of a recording is there, often after the call",
    "transcription_available": "the transcript is there, often after the call",
    "else": "everything the kind raises that has no handler; not `hangup`, `disconnected`, `failed`, `error` and late "
    "events",
}


# --- what the docstrings say -----------------------------------------------------------------------------


def documentation(thing: Kind | Instruct) -> str:
    """The docstring of the file that a kind or instruction stands in."""
    return (sys.modules[type(thing).__module__].__doc__ or "").strip()


def prose(thing: Kind | Instruct) -> str:
    """The docstring without its example."""
    return _EXAMPLE.sub("", documentation(thing)).strip()


def example(thing: Kind | Instruct) -> str:
    """The worked example, as YAML."""
    match = _EXAMPLE.search(documentation(thing))
    return match[1] if match else ""


def _example_state(kind: Kind) -> Json:
    root = read(example(kind).encode(), kind.name).root
    assert isinstance(root, Map), kind.name
    state: Json = next(iter(plain(root).values()))
    return state


# --- outcomes --------------------------------------------------------------------------------------------

_VARIANTS: Mapping[str, tuple[Json, ...]] = {
    "connect": ({"amd": "sync"}, {"amd": "async"}),
    "dial": ({"amd": "sync"}, {"amd": "async"}),
    "conference": ({"dtmf": {"mode": "detect"}, "until": ("event",)},),
    "random": ({"weights": {}},),
    "ask": ({"each": Each(Source("slots"), Source(""), Prompt({}, NOWHERE), NOWHERE)},),
    "handover": ({"timeout": 1.0, "every": 60.0},),
    "svaml": tuple({"action": {"name": name}} for name in ("runMenu", "connectPstn", "connectConf")),
}
_OPEN = {"random", "subflow", "svaml", "call"}
_CHANNELS: tuple[Channel, ...] = ("voice", "message")
_FLOWS: Mapping[str, Flow] = {each: Flow("flow", "", NOWHERE, each, "", NOWHERE, {}, Project()) for each in _CHANNELS}


def kind_outcomes(kind: Kind) -> list[Outcome]:
    """The events of a kind whose names the language knows, whatever its settings."""
    found: dict[str, Outcome] = {}
    for variant in ({}, *_VARIANTS.get(kind.name, ())):
        config = {each.name: each.default for each in kind.fields.fields} | variant
        if kind.name in ("svaml", "random") and not variant:
            continue
        state = State("state", NOWHERE, kind.name, NOWHERE, config)
        for outcome in (each for channel in kind.channels for each in kind.outcomes(state, _FLOWS[channel])):
            if not outcome.choice and not outcome.outside:
                found.setdefault(outcome.name, outcome)
    if kind.name == "menu":
        found = {"chosen": Outcome("chosen", ("input",), "none"), **found}
    return list(found.values())


def is_open(kind: Kind) -> bool:
    """Whether events of the author's own names may stand in ``on``: choices, outside events, outcomes."""
    named = kind.fields.named()
    return kind.name in _OPEN or "choices" in named or "until" in named


# --- the schema ------------------------------------------------------------------------------------------


def flow_schema() -> Json:
    """The schema of a flow file."""
    head = {"$schema": DRAFT, "markdownDescription": "A flow of flowengine."}
    shape = {**FLOW.schema(), **_by_channel()}
    whole: Json = _with_pattern_errors({**head, **shape, "$defs": _definitions()})
    return whole


def _by_channel() -> Json:
    """What a sort of flow has of its own, and that it has nothing of the other."""
    return {
        "if": {"properties": {"channel": {"const": "message"}}, "required": ["channel"]},
        "then": _of_channel("message", MESSAGE_TRIGGER.schema(), MESSAGE_DEFAULTS),
        "else": _of_channel("voice", CALL_TRIGGER_SCHEMA, DEFAULTS),
    }


def _of_channel(channel: str, trigger: Json, defaults: Record) -> Json:
    refused = _refused(channel)
    strange = {each.name: refused for each in FLOW.fields if not each.serves(channel)}
    instructions = {name: refused for name, each in INSTRUCTIONS.items() if channel not in each.channels}
    send = _strange_keys(INSTRUCTIONS["send"].type, channel)
    kinds = {name: _of_kind_in(each, channel) for name, each in KINDS.items()}
    state = {name: each for name, each in {**kinds, **instructions, "send": send}.items() if each}
    do = {"type": "array", "items": {"properties": {**instructions, **({"send": send} if send else {})}}}
    return {
        "properties": {
            **strange,
            "triggers": {"type": "array", "items": trigger},
            "defaults": defaults.schema(),
            "properties": _strange_keys(PROPERTIES, channel),
            "states": {"additionalProperties": {"properties": {**state, "do": do}}},
        }
    }


def _of_kind_in(kind: Kind, channel: str) -> Json:
    return _strange_keys(kind.fields, channel) if channel in kind.channels else _refused(channel)


def _strange_keys(record: Any, channel: str) -> Json:
    strange = {each.name: _refused(channel) for each in record.fields if not each.serves(channel)}
    return {"properties": strange} if strange else {}


def _refused(channel: str) -> Json:
    belongs = "calls" if channel == "message" else "message flows"
    return {"const": "-", "errorMessage": f"this belongs to {belongs}", "doNotSuggest": True}


def project_schema() -> Json:
    """The schema of ``flowengine.yaml``."""
    head = {"$schema": DRAFT, "markdownDescription": "What all flows of a project share."}
    whole: Json = _with_pattern_errors({**head, **PROJECT.schema(), "$defs": _prompts()})
    return whole


def _prompts() -> Json:
    return {"prompt": PROMPT_SCHEMA, "wording": WORDING_SCHEMA, "words": WORDS_SCHEMA}


def _definitions() -> Json:
    refs = {name: {"$ref": f"#/$defs/instruction_{name}"} for name in INSTRUCTIONS}
    one = {"type": "object", "minProperties": 1, "maxProperties": 1, "properties": refs, "additionalProperties": False}
    instructions = {f"instruction_{name}": _instruction(each) for name, each in INSTRUCTIONS.items()}
    return {
        **_prompts(),
        "choice": CHOICE.schema(),
        **instructions,
        "do": {"type": "array", "items": one},
        "handler": HANDLER_SCHEMA,
        "handlers": _flow_handlers(),
        "states": _states(),
        "state": _state(),
    }


def _instruction(each: Instruct) -> Json:
    return {**each.type.schema(), "markdownDescription": prose(each)}


def _states() -> Json:
    return {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": "^[a-z][a-z0-9_]*$", "maxLength": 64, "not": {"enum": list(RESERVED_STATES)}},
        "additionalProperties": {"$ref": "#/$defs/state"},
    }


def _event(name: str) -> Json:
    return {"$ref": "#/$defs/handler", "markdownDescription": EVENTS.get(name, "")}


def _flow_handlers() -> Json:
    names = [name for name in EVENTS if name != "else"]
    refused = {"const": "-", "errorMessage": "the flow's on cannot have else: name the events", "doNotSuggest": True}
    return {
        "type": "object",
        "properties": {**{name: _event(name) for name in names}, "else": refused},
        "propertyNames": {"pattern": "^[a-z][a-z0-9_]*$"},
        "additionalProperties": {"$ref": "#/$defs/handler"},
    }


def _on(kind: Kind | None) -> Json:
    """``on`` of a state of this kind: its own events, and those that a recording brings."""
    names = [each.name for each in kind_outcomes(kind)] if kind else []
    catch = ["else"] if names else []
    found: Json = {
        "type": "object",
        "properties": {name: _event(name) for name in dict.fromkeys([*names, *catch, *LATE_EVENTS])},
    }
    if kind and is_open(kind):
        return {
            **found,
            "propertyNames": {"pattern": "^[a-z][a-z0-9_]*$"},
            "additionalProperties": {"$ref": "#/$defs/handler"},
        }
    return {**found, "additionalProperties": False}


def _state() -> Json:
    return {
        "type": "object",
        "properties": {**_kinds(), **_shorthand(), **_common()},
        "additionalProperties": False,
        "allOf": [*(_of_kind(kind) for kind in KINDS.values()), _without_kind()],
        "defaultSnippets": [*_snippets()],
    }


def _kinds() -> Json:
    return {name: {**kind.schema(), "markdownDescription": documentation(kind)} for name, kind in KINDS.items()}


def _shorthand() -> Json:
    return {name: {"$ref": f"#/$defs/instruction_{name}"} for name in SHORTHAND}


def _common() -> Json:
    shapes: Json = {
        "do": {"$ref": "#/$defs/do"},
        "on": {"type": "object"},
        "next": TARGET_SCHEMA,
        "visits": {
            "type": "object",
            "properties": {"max": {"type": "integer", "minimum": 1, "maximum": 1000}, "then": TARGET_SCHEMA},
            "required": ["max", "then"],
            "additionalProperties": False,
        },
        "group": {"type": "string"},
        "about": {"type": "string"},
    }
    return {name: {**shapes[name], "markdownDescription": doc} for name, doc in STATE_KEYS.items()}


def _of_kind(kind: Kind) -> Json:
    others = {
        name: {
            "const": "-",
            "errorMessage": f"one kind per state: this one is a {kind.name} already",
            "doNotSuggest": True,
        }
        for name in KINDS
        if name != kind.name
    }
    refused = {"const": "-", "errorMessage": f"a {kind.name} leads on by its on, not by next", "doNotSuggest": True}
    return {
        "if": {"required": [kind.name]},
        "then": {"properties": {"on": _on(kind), "next": refused, **others}},
    }


def _without_kind() -> Json:
    """A state without a kind runs on to ``next``, and only recordings raise events."""
    return {
        "if": {"not": {"anyOf": [{"required": [name]} for name in KINDS]}},
        "then": {"required": ["next"], "properties": {"on": _on(None)}},
    }


def _snippets() -> Iterator[Json]:
    for kind in KINDS.values():
        yield {"label": kind.name, "markdownDescription": prose(kind), "body": _example_state(kind)}
    yield {"label": "say", "markdownDescription": prose(INSTRUCTIONS["say"]), "body": {"say": "Hello.", "next": "end"}}


def _with_pattern_errors(value: Any) -> Any:
    """The same schema with a sentence beside each pattern that people meet."""
    if isinstance(value, list):
        return [_with_pattern_errors(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {key: _with_pattern_errors(each) for key, each in value.items()}
    sentence = _PATTERN_ERRORS.get(value["pattern"]) if isinstance(value.get("pattern"), str) else None
    return {"patternErrorMessage": sentence, **found} if sentence else found


def printed(schema: Json) -> str:
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(printed(project_schema() if sys.argv[1:] == ["project"] else flow_schema()), end="")
