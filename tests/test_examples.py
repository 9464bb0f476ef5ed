"""The examples: valid, played through everything that may happen, and together all that an answer can hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pytest
from play import CLOSED, OPEN, ROOT, SCHEMA, Phone, Played, built, explore, failing, nobody, of_calls, ok, warnings

from flowengine.instructions import INSTRUCTIONS
from flowengine.states import KINDS

PATHS = ("examples",)
HOLIDAY = "2026-12-24T10:00:00+00:00"


def broken(name: str, arguments: Mapping[str, Any], timeout: float) -> Any:
    raise ArithmeticError(name)


GIVEN = ok(name="Ann", weather="fine")
WORLDS: tuple[dict[str, Any], ...] = (
    {"now": OPEN, "server": GIVEN},
    {"now": OPEN, "server": GIVEN, "fuse": False},
    {"now": CLOSED, "server": failing(500), "caller": None, "draw": 0.99},
    {"now": HOLIDAY, "server": nobody, "call": broken},
)
FACTS = {
    "call", "menu", "amd", "response", "result", "event", "visits", "env", "secret", "now", "contact", "language",
    "constants", "message",
}  # fmt: skip
BY_SUBFLOW = {"ask_code": "subflow"}
"""Flows that only another one plays."""
UNPLAYED = {"error"}
"""Of a bridge: an address outside its bounds, which no constant one is."""


def flows() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = built(PATHS)[0]["flows"]
    return found


def names() -> list[str]:
    return sorted(name for name in (each.stem for each in (ROOT / "examples").rglob("*.yaml")) if name != "flowengine")


@lru_cache(maxsize=128)
def played(flow: str) -> tuple[Played, ...]:
    """Everything that may happen in an example, in every world."""
    inputs = {"to": "+12025550191"} if "to" in flows()[flow]["inputs"] else {}
    found: list[Played] = []
    for world in WORLDS:
        found += explore(partial(Phone, PATHS, flow, inputs=inputs, **world))
    return tuple(found)


def starts() -> list[str]:
    return [name for name in of_calls(flows()) if name not in BY_SUBFLOW]


def test_nothing_is_wrong_with_any_example() -> None:
    assert warnings(PATHS) == []


PAIR = {"subflow": ("kinds/return",), "whole": ("messages/part",), "call": ("messages/ring_back",)}
"""What must be named with an example, as it plays it."""


@pytest.mark.parametrize(
    "file", [each.relative_to(ROOT).as_posix() for each in sorted((ROOT / "examples").rglob("*.yaml"))]
)
def test_nothing_is_wrong_with_an_example_by_itself(file: str) -> None:
    if not file.endswith("flowengine.yaml"):
        also = [f"examples/{each}.yaml" for each in PAIR.get(Path(file).stem, ())]
        assert warnings([file, *also]) == []


def test_every_kind_instruction_and_fact_has_its_example() -> None:
    for folder, wanted in (("kinds", set(KINDS)), ("instructions", set(INSTRUCTIONS)), ("facts", FACTS)):
        assert {each.stem for each in (ROOT / "examples" / folder).glob("*.yaml")} == wanted


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_of_a_kind_uses_it(kind: str) -> None:
    assert kind in {state.get("kind") for state in _of_file("kinds", kind)["states"].values()}


@pytest.mark.parametrize("name", INSTRUCTIONS)
def test_the_example_of_an_instruction_uses_it(name: str) -> None:
    assert name in {
        each[0] for state in _of_file("instructions", name)["states"].values() for each in state.get("do", ())
    }


def _of_file(folder: str, name: str) -> dict[str, Any]:
    file = f"examples/{folder}/{name}.yaml"
    return next(each for each in flows().values() if Path(each["file"]).as_posix().endswith(file))


@pytest.mark.parametrize("flow", starts())
def test_everything_that_may_happen_is_answered(flow: str) -> None:
    """Every answer is held against the schema while it is played; here, that nothing is left out."""
    found = played(flow)
    visited = {name for each in found for name in each.path}
    images = [flows()[flow], *(flows()[callee] for callee, by in BY_SUBFLOW.items() if by == flow)]
    for image in images:
        assert set(image["states"]) - visited == set()
        assert _waiting_events(image) - {(each.source, each.event) for each in found} == set()


def _waiting_events(image: dict[str, Any]) -> set[tuple[str, str]]:
    return {
        (name, event)
        for name, state in image["states"].items()
        if "kind" in state and KINDS[state["kind"]].waits
        for event in state["events"]
        if not (event in UNPLAYED and state["kind"] in ("connect", "dial", "svaml"))
    }


def _fields(shape: dict[str, Any], path: str) -> Iterator[str]:
    for name, inner in shape.get("properties", {}).items():
        yield f"{path}.{name}"
        yield from _fields(inner, f"{path}.{name}")
    if "items" in shape:
        yield from _fields(shape["items"], f"{path}[]")


def _emitted(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield f"{path}.{name}"
            yield from _emitted(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from _emitted(inner, f"{path}[]")


FIELDS = sorted({path for name, shape in SCHEMA["$defs"].items() for path in _fields(shape, name)})


@lru_cache(maxsize=1)
def emitting() -> dict[str, str]:
    """Every field of every answer, with the first example that emits it."""
    found: dict[str, str] = {}
    for flow in starts():
        for each in played(flow):
            if each.answer is not None:
                parts = [*each.answer.get("instructions", ()), each.answer["action"]]
                for path in (path for part in parts for path in _emitted(part, part["name"])):
                    found.setdefault(path, flows()[flow]["file"])
    return found


def test_nothing_is_emitted_that_the_schema_does_not_know() -> None:
    assert set(emitting()) - set(FIELDS) == set()


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_of_an_answer_is_emitted_by_an_example(field: str) -> None:
    example = emitting().get(field)
    assert example, f"no example emits {field}; write one under examples/svaml/"
    print(f"{field}: {example}")


@pytest.mark.parametrize(
    ("flow", "steps", "note"),
    [
        ("log", ("ice",), ["log", "called from ~"]),
        ("track", ("ice",), ["track", "asked_for_hours"]),
        ("tag", ("ice",), ["tag", "caller"]),
        ("untag", ("ice",), ["untag", "lead"]),
        ("opt_in", ("ice", "press 1"), ["opt_in", "news"]),
        ("opt_out", ("ice",), ["opt_out", "news"]),
    ],
)
def test_notes_are_in_the_journal_without_numbers(flow: str, steps: tuple[str, ...], note: list[str]) -> None:
    phone = Phone(PATHS, flow)
    phone.play(*steps)
    kind, text = phone.journal()[-1][2]["notes"][0]
    assert kind == note[0]
    assert text.startswith(note[1])
    assert phone.caller and phone.caller[1:] not in text


def test_what_is_set_is_spoken_and_what_is_cleared_is_not() -> None:
    phone = Phone(PATHS, "set")
    phone.ice()
    assert phone.said == "Hola amigo. Nuestra oferta es breakfast."
    phone = Phone(PATHS, "clear")
    phone.ice()
    assert phone.said == "This is try 1. From now on it is try 0."


@pytest.mark.parametrize(
    ("flow", "said"),
    [
        ("constants", "Thank you for calling Acme Corp."),
        ("contact", "Hello friend. Goodbye neighbour."),
        ("env", "Good morning."),
        ("now", "It is 10:00 on 20 November 2026."),
        ("result_facts", "Two seats cost 24 dollars."),
        ("response", "The weather is fine."),
    ],
)
def test_facts_are_what_they_say(flow: str, said: str) -> None:
    phone = Phone(PATHS, flow, server=GIVEN)
    phone.ice()
    assert phone.said == said


def test_a_secret_goes_to_the_server_and_nowhere_else() -> None:
    phone = Phone(PATHS, "secret", server=ok())
    phone.ice()
    assert phone.asked[0].headers == (("Authorization", "Bearer t0ken"),)
    assert "t0ken" not in str(phone.journal()) + phone.session.dump().decode()


def test_credentials_are_sent_and_not_kept() -> None:
    phone = Phone(PATHS, "raw")
    answer = phone.ice()
    assert answer and "key:secret:eu-north-1" in str(answer)
    assert "key:secret" not in str(phone.journal()) + phone.session.dump().decode()
