"""What must always hold: how it is written, what is told of it, and what keeps and breaks it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
from jsonschema import Draft7Validator

from flowengine import properties
from flowengine.build import build
from flowengine.document import Map, Seq, Text, plain, read
from flowengine.engine.library import open_library
from flowengine.engine.trail import Entered
from flowengine.fields import Reader
from flowengine.model import Flow
from flowengine.problems import Problem
from flowengine.properties import KINDS, Broken, Judge, described, judge, read_properties
from flowengine.schema import flow_schema
from flowengine.stage import Theatre, World

FOLDER = Path(properties.__file__).parent
NAMES = sorted(KINDS)
VALIDATOR = Draft7Validator(flow_schema())


class Seen(NamedTuple):
    kind: str
    text: str = ""
    asks: bool = False
    choices: tuple[str, ...] = ()
    more: Any = None


# --- plays -----------------------------------------------------------------------------------------------


def judged(written: str, channel: str = "voice") -> Judge:
    """A judge of these properties."""
    root = read(written.encode(), "flow.yaml").root
    reader = Reader("flow.yaml")
    reader.channel = "message" if channel == "message" else "voice"
    assert root is not None
    found = read_properties(root, reader)
    assert found and not reader.problems, reader.problems
    return judge(found.values())


def told(court: Judge, play: str) -> list[str]:
    """What is broken in a play: a list of observations, ``enters: { state: kind }`` and ``over``."""
    root = read(f"play:\n{play}".encode(), "play").root
    assert root is not None
    steps = root.entries["play"]
    assert isinstance(steps, Seq)
    found: list[Broken] = []
    for step in steps.items:
        found += court.over() if _is_over(step) else _step(court, step)
    return [each.sentence for each in found]


def _is_over(step: Any) -> bool:
    return isinstance(step, Text) and step.value == "over"


def _step(court: Judge, step: Any) -> list[Broken]:
    if isinstance(step, Text):
        return court.saw(Seen(step.value))
    assert isinstance(step, Map)
    (word, value), = plain(step).items()  # fmt: skip
    if word == "enters":
        (state, kind), = value.items()  # fmt: skip
        return court.turned("flow", kind, state)
    if word == "asks":
        return court.saw(Seen("hears", value, asks=True))
    return court.saw(Seen(word, value))


def test_every_file_is_a_property() -> None:
    files = {each.stem for each in FOLDER.glob("*.py")} - {"__init__", "base"}
    assert files == set(KINDS)


@pytest.mark.parametrize("name", NAMES)
def test_the_example_can_be_read(name: str) -> None:
    about = described(KINDS[name])
    assert 30 <= len(about.prose) <= 500
    assert about.prose.endswith(".")
    assert about.example.startswith(f"{name}:")
    court = judged(about.example)
    assert court.standing() == ((name, court.standing()[0][1]),)  # type: ignore[index]


@pytest.mark.parametrize("name", NAMES)
def test_the_right_play_keeps_it(name: str) -> None:
    about = described(KINDS[name])
    assert about.right.count("\n") > 1
    assert told(judged(about.example), about.right) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_wrong_play_breaks_it_as_it_says(name: str) -> None:
    about = described(KINDS[name])
    assert told(judged(about.example), about.wrong) == [about.told.strip()]


KEPT = {
    "one notice of several is enough": (
        "record_after: [is recorded, /se graba(rá)?/]",
        "- hears: Esta llamada   se grabará.\n- records",
    ),
    "a notice over two lines": ("record_after: IS Recorded", "- hears: it is\n     recorded\n- records"),
    "after a person it counts anew": (
        "max_menus: 1",
        "- enters: { a: menu }\n- joins: room\n- enters: { b: menu }\n- connects: ann@x.org\n- enters: { c: menu }",
    ),
    "a handover is a person": (
        "max_menus: 1",
        "- enters: { a: ask }\n- enters: { b: handover }\n- enters: { c: ask }",
    ),
    "states without a question": ("max_menus: 1", "- enters: { a: '' }\n- enters: { b: hours }\n- enters: { c: menu }"),
    "one country": ("dial_only: US", "- connects: '12025550111'"),
    "what is not dialled": ("dial_only: US", "- sends: '+46701740605'\n- hears: '+46701740605'\n- joins: '4670174060'"),
    "words that are only like it": ("never_says: [/\\bNone\\b/, nu ll]", "- reads: Nonetheless, none is null."),
    "a word in a place that nobody reads": ("never_says: None", "- requests: https://example.com/None\n- joins: None"),
    "who hangs up": ("says_before_end: goodbye", "- hears: Hello.\n- ends: CALLERHANGUP\n- over"),
    "who was connected": ("says_before_end: bye", "- hears: Hello.\n- connects: '+12025550111'\n- ends: MANAGERHANGUP"),
    "who was in a room": ("says_before_end: bye", "- joins: team\n- hears: Hello.\n- ends"),
    "nobody picked up": ("says_before_end: bye", "- rings: '+12025550111'\n- ends: MANAGERHANGUP"),
}


@pytest.mark.parametrize("name", KEPT)
def test_it_is_kept(name: str) -> None:
    written, play = KEPT[name]
    assert told(judged(written), play) == []


BROKEN = {
    "a notice that is only written": (
        "record_after: is recorded",
        "- reads: It is recorded.\n- records",
        'recording began before anybody heard "is recorded"',
    ),
    "a notice in neither language": (
        "record_after: [is recorded, /graba/]",
        "- hears: GRABA\n- records",
        'recording began before anybody heard "is recorded" or /graba/',
    ),
    "a connection that never came": (
        "max_menus: 1",
        "- enters: { a: menu }\n- enters: { b: connect }\n- enters: { c: menu }",
        "2 questions came before a person or an end (at most 1)",
    ),
    "a number of no country": (
        "dial_only: [US]",
        "- rings: '+881612345678'",
        "+88…78 is in no country; only US may be dialled",
    ),
    "a number without its plus": (
        "dial_only: [US, CA, MX]",
        "- connects: '46701740605'",
        "+46…05 is in SE; only US, CA and MX may be dialled",
    ),
    "a place that was not filled": ("never_says: '{{'", "- hears: Hello {{ name }}.", 'somebody heard "{{"'),
    "a word in another case, over two lines": (
        "never_says: not a Number",
        "- reads: you owe NOT\n    A NUMBER dollars",
        'somebody read "not a Number"',
    ),
    "a pattern": ("never_says: ['None', '/\\d{4}/']", "- asks: Your code is 1234?", "somebody heard /\\d{4}/"),
    "one answer": (
        "max_turns: 1",
        "- asks: A?\n- asks: B?",
        "question 2 was asked; after 1 answer it was to be over",
    ),
    "who was rung and picked up": (
        "says_before_end: [bye, adiós]",
        "- rings: '+12025550111'\n- hears: Hello.\n- ends: MANAGERHANGUP",
        'the call ended before anybody heard "bye" or "adiós"',
    ),
    "who heard nothing at all": (
        "says_before_end: bye",
        "- ends: MANAGERHANGUP",
        'the call ended before anybody heard "bye"',
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_it_is_broken(name: str) -> None:
    written, play, sentence = BROKEN[name]
    assert told(judged(written), play) == [sentence]


def test_labels_of_buttons_are_read() -> None:
    (broken,) = judged("never_says: None").saw(Seen("reads", "Which one?", True, ("Blue", "None")))
    assert broken.sentence == 'somebody read "None"'


def test_a_prompt_that_is_repeated_is_one_question() -> None:
    court = judged("max_turns: 1")
    first, second = {"mainPrompt": "#tts[Press 1.]"}, {"mainPrompt": "#tts[Press 1.]"}
    assert [court.saw(Seen("hears", "Press 1.", True, ("1",), first)) for _ in range(4)] == [[], [], [], []]
    assert court.saw(Seen("hears", "Press 1.", True, ("1",), second)), "the same words, asked anew"


def test_each_property_is_told_once_and_the_others_are_judged_on() -> None:
    court = judged("{ never_says: None, max_menus: 1, dial_only: US }")
    play = "- hears: None\n- hears: None\n- enters: { a: menu }\n- enters: { b: menu }\n- enters: { c: menu }"
    assert told(court, play) == ['somebody heard "None"', "2 questions came before a person or an end (at most 1)"]
    assert told(court, "- rings: '+46701740605'") == ["+46…05 is in SE; only US may be dialled"]


def test_what_is_broken_knows_where_it_was_declared() -> None:
    (broken,) = judged("max_menus: 3\nnever_says: None").saw(Seen("hears", "None"))
    assert (broken.property.name, str(broken.mark)) == ("never_says", "flow.yaml:2:1")


@pytest.mark.parametrize(
    ("written", "one", "other"),
    [
        ("record_after: recorded", "- hears: Hello.", "- hears: It is recorded."),
        ("max_menus: 3", "- enters: { a: menu }", "- enters: { a: '' }"),
        ("max_turns: 3", "- asks: A?", "- hears: A?"),
        ("says_before_end: bye", "- hears: Hello.", "- hears: Bye."),
    ],
)
def test_plays_stand_alike_only_where_the_rest_is_judged_alike(written: str, one: str, other: str) -> None:
    def stands(play: str) -> object:
        court = judged(written)
        told(court, play)
        return court.standing()

    assert stands(one) == stands(one)
    assert stands(one) != stands(other)


# --- reading ---------------------------------------------------------------------------------------------

FLOW = """\
flow: line
channel: {channel}
{head}
properties: {written}
start: main
states:
  main: {state}
"""
VOICE = ('triggers: [ { to: "+12025550100" } ]', "{ connect: { to: sales } }")
MAY_DIAL = 'may_dial: { sales: { number: "+12025550111" } }'
ASK = "{ ask: { prompt: Well?, choices: { fine: Yes }, timeout: 2h }, on: { fine: end, else: end } }"
MESSAGE = ("triggers: [ { keywords: [hello] } ]", ASK)


def built(folder: Path, written: str, channel: str = "voice") -> tuple[list[Problem], Flow | None]:
    head, state = VOICE if channel == "voice" else MESSAGE
    head = f"{head}\n{MAY_DIAL}" if channel == "voice" else head
    text = FLOW.format(channel=channel, head=head, written=written, state=state)
    (folder / "line.yaml").write_text(text, "utf-8")
    found = build([str(folder)], compiled=False)
    return found.problems, found.book.flows.get("line")


def test_a_flow_has_its_properties_in_order_and_with_their_places(tmp_path: Path) -> None:
    problems, flow = built(tmp_path, "{ never_says: [None, /x./], dial_only: SE, says_before_end: bye }")
    assert problems == []
    assert flow is not None
    assert [(name, each.name, each.mark.column) for name, each in flow.properties.items()] == [
        ("never_says", "never_says", 15), ("dial_only", "dial_only", 41), ("says_before_end", "says_before_end", 56),
    ]  # fmt: skip
    assert flow.properties["dial_only"].value == ("SE",)


def test_a_conversation_has_those_that_are_not_of_calls(tmp_path: Path) -> None:
    problems, flow = built(tmp_path, "{ never_says: None, max_menus: 3, max_turns: 9 }", "message")
    assert problems == []
    assert flow is not None
    assert list(flow.properties) == ["never_says", "max_menus", "max_turns"]


def test_properties_are_no_part_of_what_is_served(tmp_path: Path) -> None:
    built(tmp_path, "{ dial_only: US }")
    with_them = build([str(tmp_path)]).artefact
    built(tmp_path, "{}")
    without = build([str(tmp_path)]).artefact
    assert with_them is not None
    assert without is not None
    assert with_them["flows"] == without["flows"]


# what is written, the column of the one problem on its line, the rule, a part of what is said
WRONG = {
    "unknown": ("{ max_menu: 3 }", 15, "unknown-key", 'did you mean "max_menus"'),
    "a list": ("[ max_menus ]", 13, "shape", "expected a mapping"),
    "no such country": ("{ dial_only: [US, ZZ] }", 31, "shape", 'no country "ZZ"'),
    "British": ("{ dial_only: UK }", 26, "shape", "write GB"),
    "a country in words": ("{ dial_only: [Sweden] }", 27, "shape", "a country such as US"),
    "a small country": ("{ dial_only: [us] }", 27, "shape", "a country such as US"),
    "no country": ("{ dial_only: [] }", 26, "limit", "at least 1"),
    "an empty word": ('{ never_says: ["None", ""] }', 36, "shape", "found no words"),
    "a blank word": ('{ record_after: "  " }', 29, "shape", "found no words"),
    "nothing": ("{ says_before_end: , never_says: a }", 15, "empty-value", "no value"),
    "a mapping for words": ("{ never_says: [{ a: b }] }", 28, "shape", "expected text"),
    "a bad pattern": ("{ never_says: /a(/ }", 27, "pattern", "missing )"),
    "a pattern that is everywhere": ("{ never_says: /x*/ }", 27, "pattern", "in every text"),
    "an empty pattern": ("{ never_says: // }", 27, "pattern", "in every text"),
    "no menu": ("{ max_menus: 0 }", 26, "limit", "from 1 to 100"),
    "turns in words": ("{ max_turns: many }", 26, "shape", "whole number"),
    "idle": ("{ max_turns: 3 }", 15, "idle-property", "no collect, menu or svaml here"),
    "idle too": ("{ record_after: recorded }", 15, "idle-property", "no record, svaml or voicemail here"),
}


@pytest.mark.parametrize("name", WRONG)
def test_one_slip_is_one_problem(name: str, tmp_path: Path) -> None:
    written, column, rule, said = WRONG[name]
    problems, _ = built(tmp_path, written)
    assert [(each.mark.line, each.mark.column, each.rule) for each in problems] == [(5, column, rule)], problems
    assert said in f"{problems[0].message} {problems[0].fix}"


def test_what_belongs_to_calls_is_told_in_a_conversation(tmp_path: Path) -> None:
    problems, _ = built(tmp_path, "{ record_after: recorded, says_before_end: bye }", "message")
    assert [(each.mark.column, each.rule) for each in problems] == [(15, "wrong-channel"), (39, "wrong-channel")]


def test_a_property_that_cannot_be_read_is_not_judged() -> None:
    root = read(b"{ dial_only: UK, max_menus: 3 }", "flow.yaml").root
    assert root is not None
    assert list(read_properties(root, Reader("flow.yaml")) or ()) == ["max_menus"]


def test_what_a_played_flow_does_is_not_idle(tmp_path: Path) -> None:
    (tmp_path / "ask.yaml").write_text(
        "flow: ask\nchannel: voice\nstart: one\nstates:\n"
        "  one: { menu: { prompt: Press 1., choices: { fine: 1 } }, on: { fine: end, else: end } }\n"
    )
    (tmp_path / "line.yaml").write_text(
        'flow: line\nchannel: voice\ntriggers: [ { to: "+12025550100" } ]\n'
        "properties: { max_menus: 3, dial_only: US }\nstart: main\n"
        "states:\n  main: { subflow: ask, on: { done: end } }\n"
    )
    idle = [each for each in build([str(tmp_path)], compiled=False).problems if each.rule == "idle-property"]
    assert [each.message.split()[0] for each in idle] == ['"dial_only"']


# --- the schema ------------------------------------------------------------------------------------------


def complaints(written: dict[str, Any], channel: str = "voice") -> list[str]:
    flow = {"flow": "f", "channel": channel, "start": "one", "states": {"one": {"say": "x", "next": "end"}}}
    return [each.message for each in VALIDATOR.iter_errors({**flow, "properties": written})]


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_takes_every_example(name: str) -> None:
    root = read(described(KINDS[name]).example.encode(), name).root
    assert root is not None
    written = {
        key: int(each) if isinstance(each, str) and each.isdigit() else each for key, each in plain(root).items()
    }
    assert complaints(written) == []


@pytest.mark.parametrize(
    "written",
    [
        {"max_menu": 3},
        {"max_menus": 0},
        {"max_turns": "many"},
        {"dial_only": ["us"]},
        {"dial_only": "Sweden"},
        {"never_says": [" "]},
        {"record_after": {"en": "x"}},
    ],
)
def test_the_schema_refuses(written: dict[str, Any]) -> None:
    assert complaints(written)


def test_the_schema_keeps_what_is_of_calls_out_of_conversations() -> None:
    assert complaints({"record_after": "x"}) == []
    assert complaints({"record_after": "x"}, "message")
    assert complaints({"max_menus": 3}, "message") == []


def test_the_editor_shows_what_each_property_means_with_its_example() -> None:
    shown = flow_schema()["properties"]["properties"]["properties"]
    for name in NAMES:
        assert described(KINDS[name]).prose in shown[name]["markdownDescription"]
        assert described(KINDS[name]).example in shown[name]["markdownDescription"]


# --- real plays ------------------------------------------------------------------------------------------

PLAYED = """\
flow: line
channel: voice
triggers: [ { to: "+12025550100" } ]
recordings: { to: "s3://acme-calls/{{ call.id }}.mp3", credentials: "{{ secret.RECORDINGS }}" }
may_dial: { sales: { number: "+12025550111" } }
properties:
  record_after: is recorded
  max_menus: 2
  dial_only: [US, CA]
  never_says: secret
  max_turns: 2
  says_before_end: goodbye
start: main
states:
  main:
    say: Welcome.
    menu: { prompt: "One to six?", choices: { sales: 1, twice: 2, silent: 3, telling: 4, notice: 5, deep: 6 } }
    on: { timeout: bye, invalidinput: { retry: 5, then: bye } }
  sales: { do: [ { record: {} } ], connect: { to: sales } }
  notice: { say: This call is recorded., next: sales }
  twice:
    say: Once more.
    menu: { prompt: Again?, choices: { main: 1, bye: 2 } }
    on: { timeout: bye, invalidinput: bye }
  deep: { menu: { prompt: Deeper?, choices: { deeper: 1 } }, on: { timeout: bye, invalidinput: bye } }
  deeper: { menu: { prompt: Still?, choices: { bye: 1 } }, on: { timeout: bye, invalidinput: bye } }
  telling: { say: It is a secret., next: bye }
  silent: { next: end }
  bye: { say: Goodbye., next: end }
"""


@pytest.mark.parametrize(
    ("keys", "sentences"),
    [
        (("5",), []),
        (("2", "2"), []),
        (("7", "2"), []),
        (("1",), ['recording began before anybody heard "is recorded"']),
        (("3",), ['the call ended before anybody heard "goodbye"']),
        (("4",), ['somebody heard "secret"']),
        (
            ("2", "1"),
            [
                "3 questions came before a person or an end (at most 2)",
                "question 3 was asked; after 2 answers it was to be over",
            ],
        ),
        (("6", "1"), ["question 3 was asked; after 2 answers it was to be over"]),
        (
            ("6", "1", "1"),
            [
                "question 3 was asked; after 2 answers it was to be over",
                "3 questions came before a person or an end (at most 2)",
            ],
        ),
        (("777", "777"), ["question 3 was asked; after 2 answers it was to be over"]),
    ],
)
def test_a_call_is_judged(keys: tuple[str, ...], sentences: list[str], tmp_path: Path) -> None:
    (tmp_path / "line.yaml").write_text(PLAYED, "utf-8")
    found = build([str(tmp_path)])
    assert [each for each in found.problems if each.severity == "error"] == []
    flow = found.book.flows["line"]
    library = open_library(orjson.loads(orjson.dumps(found.artefact)), found.revision, {}, b"key")
    stage, court = Theatre(library).stage("line", World(1_795_514_400.0)), judge(flow.properties.values())
    broken = []
    for key in ("", *keys):
        before = len(stage.turns)
        stage.begin_act()
        stage.phone.press(key) if key else stage.dial()
        stage.end_act()
        entered = [step for turn in stage.turns[before:] for step in turn.trail if isinstance(step, Entered)]
        for step in entered:
            broken += court.turned(step.flow, flow.states[step.state].kind, step.state)
        for seen in stage.seen:
            broken += court.saw(seen)
    assert [each.sentence for each in broken] == sentences
