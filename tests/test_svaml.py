"""The vocabulary against the platform's own tables, typed apart."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from flowengine.svaml import (
    ACTIONS,
    INSTRUCTIONS,
    PERMISSION,
    POSITIONS,
    Position,
    after_input,
    permission,
    schema,
    schema_text,
)

SCHEMA_FILE = Path(__file__).parents[1] / "schema" / "svaml.schema.json"

# What the platform documents for the answer to an ICE, an ACE, a PIE, and for a PATCH of a call.
# "-" also where only a retired source or a client library's type allows it. "parked": said for parked calls;
# "parked?": not said, but a parked call takes what an ICE takes; "room": mentioned for calls in conferences.
DOCUMENTED = """
hangup          Y   Y   Y   Y
continue        -   Y   Y   Y
connectPstn     Y   -   Y   parked
connectMxp      Y   -   -   parked?
connectConf     Y   Y   Y   parked
connectSip      Y   -   Y   parked?
connectStream   Y   -   -   -
runMenu         Y   Y   Y   room
park            Y   -   -   Y
playFiles       Y   Y   Y   Y
say             Y   Y   Y   Y
sendDtmf        Y   -   Y   Y
setCookie       Y   Y   Y   Y
answer          Y   -   -   -
startRecording  Y   Y   Y   Y
stopRecording   Y   Y   Y   Y
"""
COLUMNS: tuple[tuple[Position, ...], ...] = (("I",), ("A", "B"), ("Pi", "Pa", "Pb"), ("K", "L", "C"))
MEANING: dict[str, dict[str, str]] = {"parked": {"K": "Y"}, "parked?": {"K": "w"}, "room": {"C": "w"}}

OTHERWISE: dict[tuple[str, Position], tuple[str, str]] = {
    ("continue", "A"): ("w", "our own callout has no bridge to go on with"),
    ("continue", "Pi"): ("w", "no call set-up is waiting behind this menu"),
    ("continue", "Pa"): ("w", "no call set-up is waiting behind this menu"),
    ("continue", "K"): ("w", "nothing was planned for a call that was parked"),
    ("connectPstn", "Pb"): ("w", "the leg in this menu is already one side of a bridge"),
    ("connectSip", "Pb"): ("w", "the leg in this menu is already one side of a bridge"),
    ("connectConf", "B"): ("w", "it would part the callee from the waiting caller"),
    ("runMenu", "B"): ("w", "the documents contradict each other about who hears it"),
    ("say", "B"): ("w", "the documents contradict each other about who hears it"),
    ("playFiles", "B"): ("w", "the documents contradict each other about who hears it"),
    ("runMenu", "K"): ("w", "not said, but a parked call takes what an ICE takes"),
}

# The inline answer of a callout of our own: connecting a number is what it is for.
CALLOUT = {
    "connectPstn": "Y",
    "connectSip": "w",
    "connectMxp": "w",
    "startRecording": "w",
    "stopRecording": "w",
}


def documented() -> Iterator[tuple[str, Position, str]]:
    for line in DOCUMENTED.strip().splitlines():
        name, *cells = line.split()
        for positions, cell in zip(COLUMNS, cells, strict=True):
            for position in positions:
                yield name, position, MEANING[cell].get(position, "-") if cell in MEANING else cell


@pytest.mark.parametrize(("name", "position", "said"), list(documented()))
def test_permission_says_what_the_platform_documents(name: str, position: Position, said: str) -> None:
    ours = permission(name, position)
    if (name, position) in OTHERWISE:
        chosen, _why = OTHERWISE[name, position]
        assert ours == chosen != said
    else:
        assert ours == said


def test_nothing_answers_nobody_and_a_callout_only_connects() -> None:
    assert {row["N"] for row in PERMISSION.values()} == {"-"}
    assert {name: row["O"] for name, row in PERMISSION.items() if row["O"] != "-"} == CALLOUT


def test_the_table_is_whole() -> None:
    assert set(PERMISSION) == {*ACTIONS, *INSTRUCTIONS}
    assert all(tuple(row) == POSITIONS for row in PERMISSION.values())


def test_after_input() -> None:
    begins: dict[Position, Position] = {"I": "Pi", "K": "Pi", "C": "Pi", "L": "Pi", "A": "Pa", "B": "Pb"}
    stays: dict[Position, Position] = {"Pi": "Pi", "Pa": "Pa", "Pb": "Pb"}
    for before, after in {**begins, **stays}.items():
        assert after_input(before) == after
    for position in ("O", "N"):
        with pytest.raises(ValueError):
            after_input(position)


RECORDING = """destinationUrl credentials format notificationEvents
    transcriptionOptions transcriptionOptions.enabled transcriptionOptions.locale"""
DESTINATION = "destination destination.type destination.endpoint"
HEADERS = "callHeaders callHeaders.key callHeaders.value"


def recording(above: str) -> str:
    return " ".join([above, *(f"{above}.{each}" for each in RECORDING.split())])


FIELDS = {
    "hangup": "",
    "continue": "",
    "connectPstn": """number locale maxDuration dialTimeout cli suppressCallbacks dtmf indications
        amd amd.enabled amd.async""",
    "connectMxp": f"{DESTINATION} {HEADERS} record {recording('recordingOptions')}",
    "connectConf": """conferenceId conferenceDtmfOptions conferenceDtmfOptions.mode
        conferenceDtmfOptions.maxDigits conferenceDtmfOptions.timeoutMills moh""",
    "connectSip": f"{DESTINATION} maxDuration cli suppressCallbacks transport {HEADERS} moh",
    "connectStream": f"""{DESTINATION} streamingOptions streamingOptions.version streamingOptions.sampleRate
        maxDuration {HEADERS}""",
    "park": "locale introPrompt holdPrompt maxDuration",
    "runMenu": """barge locale mainMenu enableVoice menus menus.id menus.mainPrompt menus.repeatPrompt
        menus.repeats menus.maxDigits menus.timeoutMills menus.maxTimeoutMills
        menus.options menus.options.dtmf menus.options.action""",
    "playFiles": "ids locale",
    "say": "text locale",
    "sendDtmf": "value",
    "setCookie": "key value",
    "answer": "",
    "startRecording": recording("options"),
    "stopRecording": "",
}


def paths(shape: dict[str, Any], above: str = "") -> Iterator[str]:
    for name, inner in shape.get("items", shape).get("properties", {}).items():
        yield above + name
        yield from paths(inner, f"{above}{name}.")


@pytest.mark.parametrize("name", FIELDS)
def test_every_documented_field_is_there_and_no_other(name: str) -> None:
    assert sorted(paths(schema()["$defs"][name])) == sorted(["name", *FIELDS[name].split()])


def test_the_schema_file_is_the_schema() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text()
    Draft202012Validator.check_schema(json.loads(schema_text()))


def test_the_module_prints_the_schema() -> None:
    done = subprocess.run([sys.executable, "-m", "flowengine.svaml"], capture_output=True, check=True)
    assert done.stdout.decode() == schema_text()


VALID = Draft202012Validator(schema())


def menu(**fields: Any) -> dict[str, Any]:
    return {"name": "runMenu", "menus": [{"id": "main", **fields}]}


GOOD: list[dict[str, Any]] = [
    {"name": "hangup"},
    {
        "name": "connectPstn",
        "number": "+12025550111",
        "cli": "private",
        "maxDuration": 14400,
        "indications": "se",
    },
    {"name": "connectSip", "destination": {"type": "Sip", "endpoint": "desk@pbx.example.com:5060"}},
    {"name": "connectMxp", "destination": {"type": "username", "endpoint": "anna"}, "callHeaders": []},
    {"name": "connectConf", "conferenceId": "r" * 64, "moh": "music1"},
    {"name": "park", "maxDuration": 600, "holdPrompt": "#tts[Hold];x.wav"},
    menu(options=[{"dtmf": "#", "action": "return(a b)"}, {"dtmf": "*", "action": "menu(main)"}], maxDigits=20),
]
BAD: list[dict[str, Any]] = [
    {"name": "Hangup"},
    {"name": "hangup", "cause": 1},
    {"name": "connectPstn"},
    {"name": "connectPstn", "number": "12025550111"},
    {"name": "connectPstn", "number": "+12025550111", "maxDuration": 14401},
    {"name": "connectPstn", "number": "+12025550111", "dtmf": "12*"},
    {"name": "connectSip", "destination": {"type": "Sip", "endpoint": "pbx.example.com"}},
    {"name": "connectStream", "destination": {"type": "Websocket", "endpoint": "ws://x.example"}},
    {"name": "connectConf", "conferenceId": "r" * 65},
    {"name": "park", "maxDuration": 601},
    {"name": "park", "holdPrompt": "#tts[a"},
    {"name": "runMenu", "menus": []},
    {"name": "runMenu", "menus": [{"id": "first"}]},
    {"name": "runMenu", "menus": [{"id": "main"}, {"id": "main"}]},
    {"name": "runMenu", "enableVoice": True, "menus": [{"id": "main"}]},
    menu(options=[{"dtmf": 1, "action": "return(a)"}]),
    menu(options=[{"dtmf": "12", "action": "return(a)"}]),
    menu(options=[{"dtmf": "1", "action": "return"}]),
    menu(options=[{"dtmf": "1", "action": "return(a))"}]),
    menu(maxDigits=21),
]


@pytest.mark.parametrize("action", GOOD)
def test_the_schema_accepts(action: dict[str, Any]) -> None:
    assert VALID.is_valid({"action": action})


@pytest.mark.parametrize("action", BAD)
def test_the_schema_refuses(action: dict[str, Any]) -> None:
    assert not VALID.is_valid({"action": action})


@pytest.mark.parametrize(
    "instruction",
    [
        {"name": "say", "text": "x" * 601},
        {"name": "say"},
        {"name": "playFiles", "ids": ["a.wav"] * 65},
        {"name": "playFiles", "ids": []},
        {"name": "playFiles", "ids": ["#tts[Hi]"]},
        {"name": "sendDtmf", "value": "1,2"},
        {"name": "setCookie", "key": "k" * 51, "value": ""},
        {"name": "startRecording", "options": {"transcriptionOptions": {"enabled": True}}},
        {"name": "startRecording", "options": {"destination": "s3://a/b"}},
    ],
)
def test_the_schema_refuses_instructions(instruction: dict[str, Any]) -> None:
    assert not VALID.is_valid({"instructions": [instruction], "action": {"name": "hangup"}})


def test_an_answer_has_an_action_and_nothing_unknown() -> None:
    assert not VALID.is_valid({})
    assert not VALID.is_valid({"instructions": [{"name": "answer"}]})
    assert not VALID.is_valid({"action": {"name": "hangup"}, "extra": 1})
    assert not VALID.is_valid({"action": {"name": "hangup"}, "instructions": []})
