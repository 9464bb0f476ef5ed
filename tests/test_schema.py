"""The editor's schema: it says what the parser says, and it accepts what the parser accepts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, ValidationError

from flowengine.document import Map, plain, read
from flowengine.instructions import INSTRUCTIONS
from flowengine.loader import load
from flowengine.model import Project
from flowengine.schema import example, flow_schema, kind_outcomes, printed, project_schema
from flowengine.states import KINDS

ROOT = Path(__file__).parent.parent
SCHEMA = flow_schema()
VALIDATOR = Draft7Validator(SCHEMA)


def as_editor(value: Any) -> Any:
    """Texts as an editor's YAML 1.2 core schema types them: whole numbers and true and false; the rest is text."""
    if isinstance(value, dict):
        return {key: as_editor(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_editor(each) for each in value]
    if value in ("true", "false"):
        return value == "true"
    return int(value) if re.fullmatch(r"-?(0|[1-9][0-9]*)", value) else value


def loose(text: str) -> Any:
    document = read(text.encode(), "flow.yaml")
    assert document.root is not None, document.problems
    return as_editor(plain(document.root))


def complaints(instance: Any) -> list[ValidationError]:
    return list(VALIDATOR.iter_errors(instance))


def with_state(state: Any, **more: Any) -> dict[str, Any]:
    return {"flow": "f", "channel": "voice", "start": "one", "states": {"one": state}, **more}


def leaves(errors: list[ValidationError]) -> Iterator[ValidationError]:
    for error in errors:
        yield error
        yield from leaves(list(error.context or ()))


def test_the_files_hold_what_the_code_says() -> None:
    assert (ROOT / "schema/flow.schema.json").read_text("utf-8") == printed(flow_schema()), (
        "run: python -m flowengine.schema > schema/flow.schema.json"
    )
    assert (ROOT / "schema/project.schema.json").read_text("utf-8") == printed(project_schema()), (
        "run: python -m flowengine.schema project > schema/project.schema.json"
    )


def test_both_are_schemas() -> None:
    Draft7Validator.check_schema(flow_schema())
    Draft7Validator.check_schema(project_schema())


WRITTEN = [
    file
    for folder in ("flows", "examples", "tests/data/booking")
    for file in sorted((ROOT / folder).rglob("*.yaml"))
    if not file.name.endswith(".test.yaml")
]


@pytest.mark.parametrize(
    "file", [each for each in WRITTEN if each.name != "flowengine.yaml"], ids=lambda file: file.name
)
def test_our_flows_pass(file: Path) -> None:
    assert complaints(loose(file.read_text("utf-8"))) == []


def test_the_project_file_passes() -> None:
    instance = loose((ROOT / "flowengine.yaml").read_text("utf-8"))
    assert list(Draft7Validator(project_schema()).iter_errors(instance)) == []


@pytest.mark.parametrize("name", KINDS)
def test_every_kinds_example_passes(name: str) -> None:
    states = loose(example(KINDS[name]))
    assert complaints({"flow": "f", "channel": KINDS[name].channels[0], "start": "one", "states": states}) == []


@pytest.mark.parametrize("name", INSTRUCTIONS)
def test_every_instructions_example_passes(name: str) -> None:
    assert complaints(with_state({**loose(example(INSTRUCTIONS[name])), "next": "end"})) == []


@pytest.mark.parametrize(
    "state",
    [
        pytest.param({"say": "Hello."}, id="neither kind nor next"),
        pytest.param({"say": "Hello.", "nxt": "end"}, id="unknown key of a state"),
        pytest.param({"menu": {"promt": "Press 1."}, "on": {"else": "end"}}, id="unknown key of a kind"),
        pytest.param({"menu": {"prompt": "x"}, "connect": {"to": "x"}}, id="two kinds"),
        pytest.param({"menu": {"prompt": "x"}, "next": "end"}, id="next beside a kind"),
        pytest.param({"collect": {"prompt": "x", "digits": 4}, "on": {"digit": "end"}}, id="a collect has no digit"),
        pytest.param({"hours": "office", "on": {"shut": "end"}}, id="hours are never shut"),
        pytest.param({"http": {"get": "https://x.example", "timeout": 5}}, id="a duration without its unit"),
        pytest.param({"menu": {"prompt": "x", "choices": {"timeout": 1}}}, id="a choice named like an event"),
        pytest.param({"menu": {"prompt": "x", "choices": {"sales": 12}}}, id="a choice of two keys"),
        pytest.param({"say": "x", "next": "End"}, id="a target that is no name"),
        pytest.param({"record": {"transcribe": "en-US"}, "next": "end"}, id="record outside do"),
        pytest.param({"do": [{"say": "x", "play": "y"}], "next": "end"}, id="two instructions in one entry"),
        pytest.param({"say": "x", "next": "end", "on": {"timeout": "end"}}, id="an event that a say never raises"),
    ],
)
def test_slips_are_refused(state: Any) -> None:
    assert complaints(with_state(state))


@pytest.mark.parametrize("name", ["end", "continue", "back", "repeat", "Two", "2"])
def test_reserved_and_odd_names_of_states_are_refused(name: str) -> None:
    flow = with_state({"say": "x", "next": "end"})
    flow["states"][name] = {"say": "x", "next": "end"}
    assert complaints(flow)


def test_else_is_refused_in_the_flows_own_handlers() -> None:
    assert complaints(with_state({"say": "x", "next": "end"}, on={"else": "end"}))
    assert complaints(with_state({"say": "x", "next": "end"}, on={"error": "end"})) == []


def test_numbers_and_words_that_look_like_booleans_raise_no_false_alarm() -> None:
    for text in (42, True, 4670123456.0, "+46701234567", "no"):
        assert complaints(with_state({"say": text, "next": "end"})) == []


@pytest.mark.parametrize("name", KINDS)
def test_on_offers_exactly_the_outcomes_of_the_kind(name: str) -> None:
    rule = next(each for each in SCHEMA["$defs"]["state"]["allOf"] if each["if"] == {"required": [name]})
    offered = set(rule["then"]["properties"]["on"]["properties"])
    late = {"recording_finished", "recording_available", "transcription_available"}
    assert offered - late - {"else"} == {outcome.name for outcome in kind_outcomes(KINDS[name])}


@pytest.mark.parametrize("name", KINDS)
def test_every_other_kind_is_refused_beside_this_one(name: str) -> None:
    rule = next(each for each in SCHEMA["$defs"]["state"]["allOf"] if each["if"] == {"required": [name]})
    refused = {key for key, each in rule["then"]["properties"].items() if each.get("const") == "-"}
    assert refused == set(KINDS) - {name} | {"next"}
    assert all(each["doNotSuggest"] for key, each in rule["then"]["properties"].items() if key in refused)


def test_a_snippet_inserts_each_kind_as_a_state_that_passes() -> None:
    snippets = SCHEMA["$defs"]["state"]["defaultSnippets"]
    assert {each["label"] for each in snippets} == {*KINDS, "say"}
    for each in snippets:
        channel = KINDS[each["label"]].channels[0] if each["label"] in KINDS else "voice"
        assert complaints(with_state(as_editor(each["body"]), channel=channel)) == []


# --- the parser and the schema know the same keys --------------------------------------------------------

BASE: dict[str, Any] = {
    "flow": "f",
    "channel": "voice",
    "start": "one",
    "variables": {"v": {"type": "text"}},
    "inputs": {"v": {"type": "text"}},
    "may_dial": {"a": {"number": "+12025550111"}},
    "recordings": {"to": "s3://a/b", "credentials": "{{ secret.A }}"},
    "calendars": {"c": {"timezone": "UTC", "open": {"mon": "09:00-17:00"}}},
    "defaults": {"timeout": "5s"},
    "properties": {"max_turns": "40"},
    "failure": {"ace": "hangup"},
    "states": {
        "one": {"next": "end", "visits": {"max": "3", "then": "end"}},
        "handled": {"hours": "c", "on": {"open": {"to": "end"}, "closed": [{"when": "v", "to": "end"}, {"else": "x"}]}},
        "instructed": {"do": [{"send": {}}, {"record": {}}, {"cookie": {}}, {}], "next": "end"},
    },
}  # fmt: skip
MESSAGE_BASE: dict[str, Any] = {
    "flow": "f",
    "channel": "message",
    "start": "one",
    "variables": {"v": {"type": "text"}},
    "contact": {"v": {"type": "text"}},
    "triggers": [{"keywords": ["book"]}],
    "session": {"expires": "3d"},
    "quiet": {"from": "21:00", "to": "08:00"},
    "defaults": {"timeout": "2h"},
    "properties": {"max_turns": "40"},
    "choices": {"agent": {"words": "agent"}},
    "states": {
        "one": {"next": "end", "visits": {"max": "3", "then": "end"}},
        "instructed": {
            "do": [{"send": {}}, {"send": {"card": {}}}, {"send": {"list": {}}}, {"send": {"media": {}}}, {}],
            "next": "end",
        },
    },
}  # fmt: skip
Spot = tuple[str | int, ...]
VOICE_SPOTS: list[Spot] = [
    (),
    ("variables", "v"),
    ("inputs", "v"),
    ("may_dial", "a"),
    ("recordings",),
    ("calendars", "c"),
    ("defaults",),
    ("properties",),
    ("failure",),
    ("states", "one"),
    ("states", "one", "visits"),
    ("states", "handled", "on", "open"),
    ("states", "handled", "on", "closed", 0),
    ("states", "instructed", "do", 0, "send"),
    ("states", "instructed", "do", 1, "record"),
    ("states", "instructed", "do", 2, "cookie"),
    ("states", "instructed", "do", 3),
    ("states", "a_menu", "menu", "choices", "a"),
    ("states", "a_conference", "conference", "dtmf"),
    ("states", "a_connect", "connect", "streaming"),
]
MESSAGE_SPOTS: list[Spot] = [
    (),
    ("contact", "v"),
    ("triggers", 0),
    ("session",),
    ("quiet",),
    ("defaults",),
    ("properties",),
    ("choices", "agent"),
    ("states", "one"),
    ("states", "instructed", "do", 0, "send"),
    ("states", "instructed", "do", 1, "send", "card"),
    ("states", "instructed", "do", 2, "send", "list"),
    ("states", "instructed", "do", 3, "send", "media"),
    ("states", "instructed", "do", 4),
    ("states", "a_ask", "ask", "choices", "a"),
    ("states", "a_ask", "ask", "template"),
    ("states", "a_ask", "ask", "remind", 0),
]


def kinds_in(channel: str) -> list[str]:
    return [name for name, kind in KINDS.items() if channel in kind.channels and name not in ("random", "route")]


SPOTS: list[tuple[str, Spot]] = [
    (channel, spot)
    for channel, spots in (("voice", VOICE_SPOTS), ("message", MESSAGE_SPOTS))
    for spot in (*spots, *(("states", f"a_{name}", name) for name in kinds_in(channel)))
]
NOT_HERE = {"order", "two-kinds", "wrong-channel", "not-yet"}


def _flow_with_kinds(channel: str) -> dict[str, Any]:
    flow = deepcopy(BASE if channel == "voice" else MESSAGE_BASE)
    states = flow["states"]
    states |= {f"a_{name}": {name: {}} for name in kinds_in(channel)}
    if channel == "message":
        states["a_ask"]["ask"] = {"choices": {"a": {"label": "A"}}, "template": {}, "remind": [{}]}
        return flow
    states["a_menu"]["menu"] = {"choices": {"a": {}}}
    states["a_conference"]["conference"] = {"dtmf": {}}
    states["a_connect"]["connect"] = {"streaming": {}}
    return flow


def _all_keys(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, each in schema.items():
            if key == "properties":
                yield from each
            yield from _all_keys(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from _all_keys(each)


CANDIDATES = sorted({key for key in _all_keys(SCHEMA) if re.fullmatch("[a-z_]+", key)} | {"nonsense"})


ONE_AT_A_TIME = [
    ("voice", ("states", "one")),
    ("voice", ("states", "instructed", "do", 3)),
    ("message", ("states", "one")),
    ("message", ("states", "instructed", "do", 4)),
]


@pytest.mark.parametrize(("channel", "spot"), SPOTS, ids=lambda part: ".".join(map(str, part)) or "flow")
def test_the_parser_knows_exactly_the_schemas_keys(channel: str, spot: Spot) -> None:
    batches = [[key] for key in CANDIDATES] if (channel, spot) in ONE_AT_A_TIME else [CANDIDATES]
    told_by_parser, told_by_schema = set(), set()
    for batch in batches:
        flow = _flow_with_kinds(channel)
        where: Any = flow
        for step in spot:
            where = where[step]
        added = [key for key in batch if key not in where]
        where.update(dict.fromkeys(added, "x"))
        told_by_parser |= _parser_refuses(flow, added)
        told_by_schema |= _schema_refuses(flow, spot, added)
    assert told_by_parser == told_by_schema
    assert "nonsense" in told_by_parser


def _parser_refuses(flow: dict[str, Any], keys: list[str]) -> set[str]:
    document = read(json.dumps(flow, indent=1).encode(), "flow.yaml")
    assert isinstance(document.root, Map), document.problems
    found = set()
    for each in load(document, Project()).problems:
        line = document.lines[each.mark.line - 1].strip()
        key = line[1:].partition('"')[0]
        if key in keys and (
            each.rule in NOT_HERE or (each.rule == "unknown-key" and f'no key "{key}"' in each.message)
        ):
            found.add(key)
    return found


def _schema_refuses(flow: dict[str, Any], spot: tuple[str | int, ...], keys: list[str]) -> set[str]:
    found = set()
    for error in leaves(complaints(as_editor(flow))):
        place = tuple(error.absolute_path)
        if error.validator == "additionalProperties" and place == spot:
            found |= {key for key in keys if f"'{key}'" in error.message}
        elif error.validator == "const" and place[:-1] == spot and place[-1] in keys:
            found.add(str(place[-1]))
    return found
