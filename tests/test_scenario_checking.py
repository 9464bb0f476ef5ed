"""What scenarios name is held against the flows."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenario_texts import suite, told

from flowengine.build import build
from flowengine.graph import Book
from flowengine.scenarios.checking import check_suite

DESK = """\
flow: desk
channel: voice
triggers: [ { to: "+12025550100" } ]
may_dial: { sales: { number: "+12025550111" } }
variables: { tier: { type: text } }
contact: { booking: { type: time } }
start: split
states:
  split: { random: { a: 1, b: 1 } }
  a: { function: price, on: { ok: b, error: b } }
  b: { do: [ { set: { tier: gold } }, { set: { contact.booking: "2026-12-24T10:00:00Z" } } ], next: c }
  c: { say: "{{ tier }} {{ contact.booking }}", next: main }
  main:
    menu: { prompt: Press 1., choices: { sales: 1 } }
    on: { timeout: end, invalidinput: end }
  sales: { connect: { to: sales } }
"""
CHAT = """\
flow: coming
channel: message
channels: [SMS]
triggers: [ { keywords: [visit] }, { start: api } ]
inputs: { who: { type: text, default: you } }
start: ask
states:
  ask:
    ask: { prompt: "Are {{ who }} coming?", choices: { good: I am coming, pity: { label: Sorry, words: ["no"] } } }
    on: { good: end, pity: end, timeout: end, invalidinput: end, failed: end }
"""


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    folder = tmp_path_factory.mktemp("flows")
    (folder / "desk.yaml").write_text(DESK)
    (folder / "coming.yaml").write_text(CHAT)
    (folder / "functions.py").write_text("from flowengine import function\n\n\n@function\ndef price():\n    return 1\n")
    built = build([str(folder)], compiled=False)
    assert [each for each in built.problems if each.severity == "error"] == []
    return built.book


def held(book: Book, flow: str, *lines: str, more: str = "") -> list[str]:
    body = "\n".join(f"      {line}" for line in lines)
    read = suite(f"flow: {flow}\nscenarios:\n  one:\n{more}    steps:\n{body}\n")
    assert told(read.problems) == []
    return [f"{each.rule} {each.mark.line}: {each.message} | {each.fix}" for each in check_suite(read, book)]


def test_what_the_flows_have_is_fine(book: Book) -> None:
    more = (
        "    random: { split: a }\n    functions: { price: { answers: 1 } }\n    contact: { booking: x, name: Ann }\n"
    )
    lines = [
        "- caller dials",
        '- caller dials: "+12025550100"',
        "- state: main",
        "- state: ask",
        "- variables: { tier: gold }",
        "- contact: { booking: x, tags: [vip] }",
        "- connects to: sales",
        '- connects to: "+12025550199"',
        "- rings: sip:ann@example.com",
        "- not: { connects to: sales }",
        "- not: connects to",
    ]
    assert held(book, "desk", *lines, more=more) == []
    lines = [
        "- flow starts: { who: Ann }",
        "- asks: { choices: [I am coming, sorry, /co.*/] }",
        "- taps: good",
        "- taps: I AM  coming",
        "- reads: { text: x, choices: [I am com…] }",
        '- caller dials: "+12025550100"',
    ]
    assert held(book, "coming", *lines) == []


@pytest.mark.parametrize(
    ("flow", "line", "message"),
    [
        ("dsk", "- caller dials", 'unknown-name 1: there is no flow "dsk"; did you mean "desk"? | '),
        (
            "zebra",
            "- caller dials",
            'unknown-name 1: there is no flow "zebra" | write flow: and its name; the flows are coming and desk',
        ),
        ("desk", "- state: mian", 'unknown-name 6: desk has no state "mian"; did you mean "main"? | '),
        ("desk", "- not: { state: mian }", 'unknown-name 6: desk has no state "mian"; did you mean "main"? | '),
        ("desk", "- variables: { tear: x }", 'unknown-name 6: desk has no variable "tear"; did you mean "tier"? | '),
        (
            "desk",
            "- contact: { bokking: x }",
            'unknown-name 6: desk has no contact field "bokking"; did you mean "booking"? | ',
        ),
        (
            "desk",
            "- connects to: sails",
            'unknown-name 6: desk has no entry of may_dial "sails"; did you mean "sales"? | ',
        ),
        ("desk", "- rings: zebra", 'unknown-name 6: desk has no entry of may_dial "zebra" | there is sales'),
        (
            "desk",
            '- caller dials: "+12025550142"',
            "unknown-name 6: no flow is called by +12025550142 | the numbers are +12025550100; "
            'for the caller\'s number write caller dials: { from: "+12025550142" }',
        ),
        ("desk", "- flow starts: { who: x }", 'unknown-name 6: desk has no input "who" | there is none'),
        (
            "coming",
            "- caller dials",
            "wrong-channel 6: coming is a message flow, which nobody dials | begin with writes, "
            "follows link or flow starts, or give the number of the flow that is dialled",
        ),
        (
            "coming",
            "- taps: I am comming",
            'unknown-name 6: coming has no choice "I am comming"; did you mean "I am coming"? | ',
        ),
        (
            "coming",
            "- asks: { choices: [No way] }",
            'unknown-name 6: coming has no choice "No way" | there are I am coming and Sorry',
        ),
    ],
)
def test_what_no_flow_has_is_told(book: Book, flow: str, line: str, message: str) -> None:
    assert held(book, flow, "- flow starts", line) == [message]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("random: { splt: a }", 'desk has no random state "splt"; did you mean "split"?'),
        ("random: { split: c }", 'desk has no outcome of split called "c"'),
        ("functions: { prize: { fails: true } }", 'desk has no function "prize"; did you mean "price"?'),
        ("contact: { bokking: x }", 'desk has no contact field "bokking"; did you mean "booking"?'),
    ],
)
def test_what_a_scenario_sets_must_be_there(book: Book, more: str, message: str) -> None:
    (found,) = held(book, "desk", "- caller dials", more=f"    {more}\n")
    assert found.split(": ", 1)[1].startswith(message)


def test_labels_that_are_made_while_playing_are_not_judged(tmp_path: Path) -> None:
    (tmp_path / "coming.yaml").write_text(CHAT.replace("good: I am coming", 'good: "I am {{ who }}"'))
    other = build([str(tmp_path)], compiled=False).book
    assert held(other, "coming", "- flow starts", "- taps: I am Ann") == []


CHATS = "message flow that places no calls, in which there is no"


@pytest.mark.parametrize(
    ("flow", "line", "message", "fix"),
    [
        ("desk", "- writes: Hello", 'desk is a voice flow, in which there is no "writes"', "in a call it is presses"),
        ("desk", "- taps: 1", 'desk is a voice flow, in which there is no "taps"', "in a call it is presses"),
        ("desk", "- shares: photo", 'desk is a voice flow, in which there is no "shares"', "in a call it is presses"),
        ("desk", "- follows link: may", 'desk is a voice flow, in which there is no "follows link"', "begin with call"),
        ("desk", "- receipt: failed", 'desk is a voice flow, in which there is no "receipt"', "take it out"),
        ("desk", "- reads: Press 1", 'desk is a voice flow, in which there is no "reads"', "in a call it is hears"),
        ("desk", "- not: reads", 'desk is a voice flow, in which there is no "reads"', "in a call it is hears"),
        ("coming", "- hears: Are you", f'coming is a {CHATS} "hears"', "in a chat it is reads"),
        ("coming", "- connects to: sales", f'coming is a {CHATS} "connects to"', "in a chat it is reads"),
        ("coming", "- presses: 1", f'coming is a {CHATS} "presses"', "in a chat it is writes or taps"),
    ],
)
def test_steps_of_the_other_channel_are_told(book: Book, flow: str, line: str, message: str, fix: str) -> None:
    (found,) = held(book, flow, "- flow starts", line)
    assert found.startswith(f"wrong-channel 6: {message} | {fix}")


def test_a_chat_that_places_a_call_has_the_steps_of_both(tmp_path: Path) -> None:
    (tmp_path / "desk.yaml").write_text(DESK.replace("start: split", "inputs: { x: { type: text } }\nstart: split"))
    ring = "states:\n  ring: { call: { flow: desk, with: { x: y } }, on: { done: ask, error: ask } }\n"
    (tmp_path / "coming.yaml").write_text(CHAT.replace("start: ask", "start: ring").replace("states:\n", ring))
    both = build([str(tmp_path)], compiled=False).book
    lines = ["- flow starts", "- callee: human", "- hears: Press 1", "- presses: 1", "- reads: Are you", "- taps: good"]
    assert held(both, "coming", *lines) == []


@pytest.mark.parametrize("line", ["- presses: 1", "- says nothing", "- hangs up", "- callee: busy"])
def test_what_needs_a_call_stands_behind_its_beginning(book: Book, line: str) -> None:
    word = line.removeprefix("- ").partition(":")[0]
    told = f'no-act 5: "{word}" stands before a call begins | begin with - caller dials'
    assert held(book, "desk", line) == [told]
    assert held(book, "desk", "- platform refuses", line) == [told.replace("5", "6")]
    assert held(book, "desk", "- caller dials", line) == []


def test_a_flow_named_by_its_file_is_told_as_such(book: Book) -> None:
    read = suite("scenarios:\n  one:\n    steps: [flow starts]\n")
    (problem,) = check_suite(read, book)
    assert problem.message == 'there is no flow "front_desk", the name that the file has'
    assert problem.fix == "write flow: and its name; the flows are coming and desk"
