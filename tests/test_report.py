"""The form in which problems are told."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowengine.problems import Mark, Problem
from flowengine.report import (
    Paint,
    Report,
    as_github,
    as_json,
    next_commands,
    paint_for,
    sentence,
    text,
)

PLAIN = Paint()
LINES = [""] * 37 + ["    on:", "", "       support: ask_pn"]
TARGET = Problem(
    "unknown-target", Mark("flows/desk.yaml", 40, 17, 6), 'there is no state "ask_pn"; did you mean "ask_pin"?'
)
UNHANDLED = Problem(
    "unhandled-outcome",
    Mark("flows/desk.yaml", 38, 5, 3),
    'menu "main" can end in timeout, which leads nowhere',
    "warning",
    ("without it a caller hears nothing",),
    'add "timeout: goodbye"',
)


def lines(file: str) -> list[str]:
    return LINES if file == "flows/desk.yaml" else []


def test_a_problem_has_its_line_with_a_caret_its_notes_and_its_fix() -> None:
    assert text(UNHANDLED, lines, PLAIN).splitlines() == [
        'flows/desk.yaml:38:5: warning unhandled-outcome: menu "main" can end in timeout, which leads nowhere',
        "   |",
        "38 |     on:",
        "   |     ^~~",
        "   = without it a caller hears nothing",
        '   = fix: add "timeout: goodbye"',
    ]


def test_the_caret_stands_below_what_is_meant() -> None:
    shown = text(TARGET, lines, PLAIN).splitlines()
    assert shown[2][5:].index("ask_pn") == shown[3][5:].index("^")
    assert shown[3].count("^") + shown[3].count("~") == len("ask_pn")


def test_a_wide_letter_moves_the_caret_by_two() -> None:
    problem = Problem("shape", Mark("a.yaml", 1, 8, 1), "x")
    shown = text(problem, lambda file: ["say: 你好x"], PLAIN).splitlines()
    assert shown[2] == "1 | say: 你好x"
    assert shown[3] == "  |          ^"


def test_a_very_long_line_is_shown_around_the_place() -> None:
    line = "a" * 5000 + "HERE" + "b" * 5000
    shown = text(Problem("shape", Mark("a.yaml", 1, 5001, 4), "x"), lambda file: [line], PLAIN).splitlines()
    at = shown[3].index("^")
    assert shown[2][at : at + 4] == "HERE"
    assert len(shown[2]) < 200


def test_a_file_without_lines_has_no_excerpt() -> None:
    problem = Problem("encoding", Mark("gone.yaml"), "byte 0xff is not UTF-8", fix="save the file as UTF-8")
    assert text(problem, lines, PLAIN).splitlines() == [
        "gone.yaml:1:1: error encoding: byte 0xff is not UTF-8",
        "   = fix: save the file as UTF-8",
    ]


@given(st.text(max_size=60), st.text(max_size=60), st.integers(1, 80), st.integers(1, 80))
def test_nothing_in_a_file_can_steer_the_terminal(line: str, message: str, column: int, length: int) -> None:
    problem = Problem("shape", Mark(message, 1, column, length), message, notes=(message,), fix=message)
    shown = text(problem, lambda file: [line], PLAIN)
    assert all(each.isprintable() or each == "\n" for each in shown)


@pytest.mark.parametrize(
    ("env", "terminal", "coloured"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"TERM": "dumb"}, True, False),
        ({"CI": "true"}, True, False),
        ({"CI": "true", "FORCE_COLOR": "1"}, False, True),
    ],
)
def test_when_there_is_colour(env: dict[str, str], terminal: bool, coloured: bool) -> None:
    stream = io.StringIO()
    stream.isatty = lambda: terminal  # type: ignore[method-assign]
    assert paint_for(stream, env).on is coloured


def test_colour_adds_to_the_words_and_replaces_none() -> None:
    painted = text(TARGET, lines, Paint(True))
    assert "\x1b[" in painted
    for code in ("0", "33", "1;31", "1", "32"):
        painted = painted.replace(f"\x1b[{code}m", "")
    assert painted == text(TARGET, lines, PLAIN)


@pytest.mark.parametrize(
    ("problems", "files", "said"),
    [
        ([], 4, "no problems in 4 flows (61 states, 0.14 s)."),
        ([TARGET, UNHANDLED], 5, "1 error and 1 warning in 1 of 5 flows (61 states, 0.14 s)."),
        ([UNHANDLED, UNHANDLED], 1, "2 warnings in 1 flow (61 states, 0.14 s)."),
    ],
)
def test_the_sentence(problems: list[Problem], files: int, said: str) -> None:
    names = ["flows/desk.yaml", *map(str, range(files - 1))]
    assert sentence(Report(problems, files, 61, 0.14, names)) == said


def test_the_sentence_names_a_file_that_is_no_flow() -> None:
    problem = Problem("unknown-key", Mark("flowengine.yaml"), "x")
    assert sentence(Report([problem], 2, 9, None, ["a", "b"])) == "1 error in flowengine.yaml (9 states)."


def test_the_next_commands_are_about_the_first_error() -> None:
    said = next_commands([UNHANDLED, TARGET], {"flows/desk.yaml": "desk"})
    assert said == "Why: flowengine explain unknown-target      On the picture: flowengine graph desk -o desk.svg"
    assert next_commands([], {}) == ""
    assert "graph" not in next_commands([TARGET], {})


def test_strict_makes_warnings_count() -> None:
    report = Report([UNHANDLED], 1, 1, 0.1)
    assert not report.failed(strict=False)
    assert report.failed(strict=True)
    assert Report([TARGET], 1, 1, 0.1).failed(strict=False)
    assert not Report([], 1, 1, 0.1).failed(strict=True)


def test_json_holds_every_fact() -> None:
    whole = json.loads(as_json(Report([UNHANDLED, TARGET], 5, 61, 0.14)))
    assert (whole["flows"], whole["states"], whole["errors"], whole["warnings"]) == (5, 61, 1, 1)
    assert whole["problems"][0] == {
        "rule": "unhandled-outcome",
        "severity": "warning",
        "file": "flows/desk.yaml",
        "line": 38,
        "column": 5,
        "length": 3,
        "message": UNHANDLED.message,
        "notes": ["without it a caller hears nothing"],
        "fix": 'add "timeout: goodbye"',
        "flow": "",
        "state": "",
        "outcome": "",
    }


def test_github_escapes_what_would_end_the_command() -> None:
    problem = Problem("shape", Mark("a,b:c%.yaml", 3, 4, 2), "50 %\r\nmore", "warning", ("a note",))
    assert as_github([problem]) == (
        "::warning file=a%2Cb%3Ac%25.yaml,line=3,col=4,endColumn=6,title=shape::50 %25%0D%0Amore%0Aa note"
    )
