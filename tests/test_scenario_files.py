"""Files of scenarios: what is read, and what is told of a wrong one, by the parser and by the editor's schema."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from scenario_texts import WHOLE, complaints, steps_of, suite, told

from flowengine.cli.finding import complete_flow, complete_state
from flowengine.project import UsageError, read_project
from flowengine.scenarios.model import ACTS, NEGATED, NOW, OBSERVATIONS, WORDS, Answer
from flowengine.scenarios.moments import BadMoment, moment, written
from flowengine.scenarios.reading import read_suite, read_suites, suite_from_text
from flowengine.scenarios.schema import documentation, schema
from flowengine.schema import printed

# --- reading ----------------------------------------------------------------------------------------------


def test_a_whole_file_is_read() -> None:
    read = suite(WHOLE)
    assert told(read.problems) == []
    assert (read.flow, [each.name for each in read.scenarios]) == (
        "front_desk",
        ["gold customers skip the queue", "closed at night"],
    )
    gold, closed = read.scenarios
    assert gold.now == moment("2026-11-24 09:00") and closed.now == moment("2026-11-24 22:00 UTC")
    assert gold.about == "optional prose"
    assert [(each.method, each.url, each.answers) for each in gold.servers] == [
        ("POST", "https://crm.example.com/messages", (Answer(500),)),
        ("GET", "https://tables.example.com/*", (Answer(failure="timeout"),)),
        ("GET", "https://a.example.com/x", (Answer(200, [1, "1", 1.5, True, "true", None]), Answer(503))),
        ("POST", "https://crm.example.com/callers", (Answer(200, {"tier": "gold"}),)),
    ]
    assert closed.servers == read.servers
    assert (gold.functions["price"].result, gold.functions["price"].fails) == ({"p": 5}, False)
    assert (gold.functions["stock"].name, gold.functions["stock"].fails) == ("stock", True)
    assert gold.random == {"split": "b"} and gold.env == {"GREETING": "Good morning"}
    assert gold.contact == {"name": "Ann", "number": "+12025550142", "tags": ["vip"], "visits": "3", "left": None}
    assert [(each.word, each.value) for each in closed.steps] == [
        ("caller dials", None),
        ("hears", "We are closed"),
        ("ends", None),
    ]


def test_steps_know_their_lines_and_values() -> None:
    steps = {each.mark.line: each for each in suite(WHOLE).scenarios[0].steps}
    assert {line: (each.end, each.word) for line, each in steps.items()} == {
        19: (19, "caller dials"),
        20: (20, "hears"),
        21: (21, "asks"),
        22: (22, "presses"),
        23: (27, "asks"),
        30: (30, "presses"),
        31: (31, "connects to"),
        32: (32, "callee"),
        33: (33, "sends"),
        34: (34, "not"),
        35: (37, "not"),
        38: (38, "requests"),
        39: (39, "time passes"),
        40: (40, "ends"),
    }
    assert steps[21].value == {"text": "For sales press 1"}
    assert steps[23].value == {"text": "Please enter\n# your four digit code.\n", "keys": ("1", "2")}
    assert steps[30].value == "1234" and steps[30].acts and not steps[31].acts
    assert steps[34].value.word == "hears" and steps[34].value.value is None
    assert steps[35].value.value == {"text": "foo", "to": "+12025550142"}
    assert steps[38].value == {"method": "POST", "url": "https://crm.example.com/callers", "json": {"a": 1}}
    assert steps[39].value == 3 * 86400.0
    assert steps[22].mark.column == 9 and steps[22].mark.length == len("presses")


def test_the_flow_is_the_files_name_where_none_is_given(tmp_path: Path) -> None:
    path = tmp_path / "my_desk.test.yml"
    path.write_text("scenarios: { a: { steps: [caller dials] } }")
    read = read_suite(path, "my_desk.test.yml")
    assert (read.flow, read.scenarios[0].flow, read.problems, read.scenarios[0].now) == ("my_desk", "my_desk", [], NOW)


def test_a_files_name_that_is_no_flow_needs_the_flow(tmp_path: Path) -> None:
    path = tmp_path / "My Desk.test.yaml"
    path.write_text("scenarios: { a: { steps: [caller dials] } }")
    assert told(read_suite(path, "x").problems) == [
        "missing-key 1:1 the file's name says that it plays the flow \"My Desk\", which cannot be one's name"
    ]


@pytest.mark.parametrize("word", WORDS.values(), ids=lambda word: word.name)
def test_the_example_of_every_word_is_read(word: Any) -> None:
    lead = [] if word.acts else ["- caller dials"]
    read = steps_of(*lead, word.example)
    assert told(read.problems) == []
    assert read.scenarios[0].steps[-1].word == word.name
    assert word.doc.endswith(".")


@pytest.mark.parametrize("name", NEGATED)
def test_not_takes_every_observation(name: str) -> None:
    text = OBSERVATIONS[name].example.removeprefix("- ")
    wrapped = f"- not: {{ {text} }}" if ":" in text else f"- not: {text}"
    read = steps_of("- caller dials", wrapped)
    assert told(read.problems) == []
    assert read.scenarios[0].steps[-1].value.word == name


@pytest.mark.parametrize("name", [name for name, word in OBSERVATIONS.items() if word.any])
def test_behind_not_a_word_may_stand_for_anything_of_its_sort(name: str) -> None:
    assert steps_of("- caller dials", f"- not: {name}").problems == []
    assert steps_of("- caller dials", f"- {name}").problems != []


def test_no_word_means_two_things() -> None:
    assert not set(ACTS) & set(OBSERVATIONS)
    for word in WORDS.values():
        assert not {name for name in word.also if name in WORDS}, word.name


@pytest.mark.parametrize(
    ("line", "message", "fix"),
    [
        ("- press: 1", 'unknown-step: there is no step "press"; did you mean "presses"?', ""),
        ("- caller hangs up", 'unknown-step: there is no step "caller hangs up"; did you mean "hangs up"?', ""),
        ("- say nothing", 'unknown-step: there is no step "say nothing"; did you mean "says nothing"?', ""),
        ("- says: Hello", 'unknown-step: there is no step "says"; did you mean "says nothing" or "hears"?', ""),
        ("- presses 2", 'unknown-step: there is no step "presses 2"', "write presses: 2, with a colon and a blank"),
        ("- presses:2", 'unknown-step: there is no step "presses:2"', "write presses: 2, with a colon and a blank"),
        ("- conects to: sales", 'unknown-step: there is no step "conects to"; did you mean "connects to"?', ""),
        ("- presses: 12a", 'shape: found "12a"; expected keys: 0-9, * and #', ""),
        (
            "- presses",
            'shape: "presses" stands alone; expected keys: 0-9, * and # behind it',
            'write it as - presses: "1234"',
        ),
        (
            "- ends: yes",
            'shape: "ends" stands alone and takes no value; found "yes"',
            "write it without a colon: - ends",
        ),
        ("- ends:", 'shape: "ends" stands alone', "write it without a colon: - ends"),
        ("- caller dials:", 'shape: "caller dials" stands alone', "write it without a colon: - caller dials"),
        ("- hears:", 'empty-value: "hears" has no value', "write one, or delete the key; empty text is ''"),
        (
            "- { presses: 1, hears: x }",
            'two-steps: a step is one act or one observation, and this one is "presses" already',
            'begin "hears" with a dash of its own',
        ),
        (
            "- asks: foo\n  choices: [a]",
            'two-steps: a step is one act or one observation, and this one is "asks" already',
            "write asks: { text: …, choices: … }",
        ),
        (
            "- callee: no anser",
            'shape: found "no anser"; expected answers, human, machine, not sure, beep, hangs up, no answer, busy or '
            'unreachable; did you mean "no answer"?',
            "",
        ),
        ("- time passes: 3", 'shape: found "3", expected a number with ms, s, m, h or d, such as 5s', ""),
        ("- speaks: 12", "limit: found 2 of them; expected one digit", ""),
        ("- [ends]", "shape: found a list; expected one step, such as - presses: 2 or - hangs up", ""),
        ("- {}", "shape: found a mapping; expected one step, such as - presses: 2 or - hangs up", ""),
        (
            "- not: presses",
            'unknown-step: "presses" cannot stand behind not',
            "expected one of hears, reads, asks, connects to, rings, joins, parks, records, sends, requests, ends, "
            "state, variables, contact or svaml",
        ),
        ("- not: { hears: '/(/' }", "pattern: between the slashes: missing )", "write it as RE2, or leave out the /"),
        (
            "- hears: Press # to stop",
            "comment-cut: the text is cut off here: # after a blank begins a comment",
            "put the text in quotes",
        ),
        ("- hears: [a, b]", "shape: found a list; expected text", "write one step for each"),
        ("- hears: ' '", "shape: found blanks alone, which fit everything", "write the words that are expected"),
        (
            "- caller dials: 2025550100",
            'shape: "2025550100" does not begin with + and the country',
            'write it as E.164: "+12025550100"',
        ),
        (
            "- caller dials: { form: withheld }",
            'unknown-key: a call that comes in has no key "form"; did you mean "from"?',
            "",
        ),
        ("- requests: { pst: foo }", 'unknown-key: a request has no key "pst"; did you mean "post"?', ""),
        (
            "- requests: { json: {} }",
            "shape: the request has none of get, post, put, patch, delete and url",
            "write one of get, post, put, patch, delete or url",
        ),
        (
            "- event: { data: 1 }",
            'missing-key: an event has no "name"',
            "add name: an event (a-z, 0-9 and _, beginning with a letter)",
        ),
        ("- shares: video", 'shape: found "video"; expected photo or location', ""),
        (
            "- shares: { text: x }",
            "shape: what is shared has none of media and location",
            "write one of media or location",
        ),
        (
            "- shares: { location: { latitude: 1, longitude: 181 } }",
            'shape: found "181"; expected degrees, such as 59.33',
            "",
        ),
        (
            "- notify: recording_finishd",
            'shape: found "recording_finishd"; expected recording_finished, recording_available, '
            'transcription_available or callingerror; did you mean "recording_finished"?',
            "",
        ),
        ("- svaml: 12", 'shape: found "12"; expected a mapping', ""),
        (
            "- svaml: { n: 99999999999999999999 }",
            "limit: the number is too large for 64 bits",
            "put it in quotes: as text",
        ),
        (
            "- variables: { A: 1 }",
            'name: found the key "A"; expected a name',
            "names are a-z, 0-9 and _, beginning with a letter",
        ),
        ("- asks: {}", "shape: found an empty mapping; expected a question with text, choices and keys", ""),
        ("- asks: { keys: [12] }", "limit: found 2 of them; expected one of the keys 0-9, * and #", ""),
        ("- receipt: read", 'shape: found "read"; expected delivered or failed', ""),
    ],
)
def test_a_slip_in_a_step_is_one_problem_at_its_place(line: str, message: str, fix: str) -> None:
    (found,) = steps_of("- caller dials", line).problems
    assert (f"{found.rule}: {found.message}", found.fix) == (message, fix)
    assert found.mark.line >= 5


def test_an_unknown_step_like_no_other_names_all_words() -> None:
    (found,) = steps_of("- caller dials", "- frobnicate").problems
    assert all(name in found.fix for name in WORDS)


def test_the_first_step_is_an_act() -> None:
    assert told(steps_of("- hears: Hello").problems) == ['no-act 4:9 "hears" is expected before anything was done']


ANY = "scenarios: { a: { steps: [hangs up] } }\n"


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("", ["empty-file 1:1 the file is empty"]),
        ("flow: a\n", ['missing-key 1:1 a file of scenarios has no "scenarios"']),
        ("scenarios: {}\n", ["shape 1:12 found a mapping; expected scenarios by name, each with steps"]),
        ("scenarios: { a: [ends] }\n", ["shape 1:17 found a list; expected a scenario"]),
        ("scenarios: { a: {} }\n", ['missing-key 1:17 a scenario has no "steps"']),
        ("scenarios: { a: { steps: [] } }\n", ["limit 1:26 there are no steps"]),
        (
            "scenarios: { a: { steps: ends } }\n",
            ['shape 1:26 found "ends"; expected a list of steps, such as - caller dials'],
        ),
        (
            "scenarios: { a: { stps: [caller dials] } }\n",
            ['unknown-key 1:19 a scenario has no key "stps"; did you mean "steps"?'],
        ),
        (
            "scenarios:\n  a: { steps: [caller dials] }\n  a: { steps: [caller dials] }\n",
            ['duplicate-key 3:3 the key "a" stands here and on line 2'],
        ),
        (
            "flow: A\nscenarios: { a: { steps: [caller dials] } }\n",
            ['shape 1:7 found "A"; expected a flow (a-z, 0-9 and _, beginning with a letter)'],
        ),
        (
            "servers: [ { answers: 1 } ]\nscenarios: { a: { steps: [caller dials] } }\n",
            ["shape 1:12 the server has none of get, post, put, patch and delete"],
        ),
        (
            "servers: [ { post: https://a.example, get: https://a.example } ]\n" + ANY,
            ["shape 1:14 the server has get and post"],
        ),
        (
            "servers: [ { pots: https://a.example } ]\n" + ANY,
            ['unknown-key 1:14 a server has no key "pots"; did you mean "post"?'],
        ),
        (
            "servers: [ { post: crm } ]\n" + ANY,
            ['shape 1:20 found "crm"; expected a URL such as https://crm.example.com/callers'],
        ),
        (
            "servers: [ { post: https://a.example, never: true, status: 500 } ]\n" + ANY,
            ['shape 1:52 "status" stands beside never, which says that no answer comes'],
        ),
        (
            "servers: [ { post: https://a.example, in turn: [ {} ] } ]\n" + ANY,
            [
                "shape 1:50 found a mapping; expected an answer such as { answers: { tier: gold } }, { status: 503 } "
                "or { never: true }"
            ],
        ),
        (
            "servers: [ { post: https://a.example, status: 5, in turn: [ status: 500 ] } ]\n"
            "scenarios: { a: { steps: [hangs up] } }\n",
            [
                'shape 1:39 "status" stands beside "in turn", which has all answers',
                "limit 1:47 found 5; expected a whole number from 100 to 599",
            ],
        ),
        (
            "scenarios: { a: { functions: { p: {} }, steps: [hangs up] } }\n",
            ["shape 1:35 the function has none of answers and fails"],
        ),
        (
            "scenarios: { a: { contact: { tags: vip, number: 12 }, steps: [hangs up] } }\n",
            [
                'shape 1:36 found "vip"; expected a list of tags, such as [vip]',
                'shape 1:49 "12" does not begin with + and the country',
            ],
        ),
        (
            "scenarios: { a: { env: { small: x }, steps: [hangs up] } }\n",
            ['name 1:26 found the key "small"; expected the name of an environment variable'],
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_told(text: str, messages: list[str]) -> None:
    read = suite(text)
    assert told(read.problems) == messages


def test_a_scenario_with_a_problem_is_left_out_and_the_others_stay() -> None:
    read = suite("scenarios:\n  a: { steps: [caller dials] }\n  b: { steps: [caller dialed] }\n")
    assert [each.name for each in read.scenarios] == ["a"]
    assert len(read.problems) == 1


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_is_typed_into_a_file_is_told_and_never_raises(drawn: st.DataObject) -> None:
    """Lines cut short, doubled or dropped, and odd characters in between."""
    text = WHOLE
    for _ in range(drawn.draw(st.integers(1, 4))):
        start = drawn.draw(st.integers(0, len(text)))
        stop = drawn.draw(st.integers(start, min(len(text), start + 60)))
        text = text[:start] + drawn.draw(st.sampled_from(ODD)) + text[stop:]
    read = suite(text)
    assert read.problems or read.scenarios
    for problem in read.problems:
        assert problem.message and problem.mark.line <= max(1, len(read.document.lines))


ODD = ["", "", " ", "\n", ":", ": ", "- ", "[", "]", "{", "}", '"', "#", " #", "*", "&a", "!x", "|", "null", "12", "\t",
       "tags:\n", "not: ", "ends", "in turn: ", "{}", "[]"]  # fmt: skip


# --- moments ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24 10:00",
        "2026-11-24T10:00:00",
        "2026-11-24 10:00 UTC",
        "2026-11-24T10:00:00Z",
        "2026-11-24 10:00Z",
        "2026-11-24 11:00 Europe/Stockholm",
        "2026-11-24 11:00:00+01:00",
        "2026-11-24 05:00 America/New_York",
        "2026-11-24T00:00 -10:00",
    ],
)
def test_one_moment_may_be_written_in_many_ways(text: str) -> None:
    assert moment(text) == NOW


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2026-02-30 10:00", 'there is no such day or time as "2026-02-30 10:00"'),
        ("2026-11-24 25:00", 'there is no such day or time as "2026-11-24 25:00"'),
        ("2026-11-24 10:00+01:99", 'there is no such day or time as "2026-11-24 10:00+01:99"'),
        ("2026-11-24 10:00 +25:00", 'there is no such day or time as "2026-11-24 10:00 +25:00"'),
        ("24.11.2026 10:00", 'found "24.11.2026 10:00"; expected a day and a time'),
        ("2026-11-24", 'found "2026-11-24"; expected a day and a time'),
        (
            "2026-11-24 10:00 Europe/Stokholm",
            'there is no time zone "Europe/Stokholm"; did you mean "Europe/Stockholm"?',
        ),
        ("2026-11-24 10:00 ../../etc", 'found "2026-11-24 10:00 ../../etc"; expected a day and a time'),
        (
            "2026-03-29 02:30 Europe/Stockholm",
            '"2026-03-29 02:30" never comes in Europe/Stockholm: the clocks are put forward',
        ),
        ("0001-01-01 00:00 +01:00", 'there is no such day or time as "0001-01-01 00:00 +01:00"'),
    ],
)
def test_what_is_no_moment_is_told(text: str, message: str) -> None:
    with pytest.raises(BadMoment, match=re.escape(message)):
        moment(text)


@given(st.integers(-(10**10), 10**11), st.sampled_from([0, 0.5, 0.000001]))
def test_a_moment_reads_as_it_was_written(seconds: int, part: float) -> None:
    at = seconds + part if abs(seconds) < 10**9 else float(seconds)
    assert moment(written(at)) == pytest.approx(at, abs=1e-6)


# --- finding ----------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flows/deep").mkdir(parents=True)
    flow = "flow: {}\nchannel: voice\nstart: bye\nstates:\n  bye: {{ say: Bye., next: end }}\n"
    for name in ("desk", "other"):
        (tmp_path / f"flows/{name}.yaml").write_text(flow.format(name))
    text = "scenarios: { a: { steps: [caller dials] } }\n"
    (tmp_path / "flows/desk.test.yaml").write_text(text)
    (tmp_path / "flows/deep/more.test.yml").write_text(text)
    return tmp_path


def test_scenarios_are_found_in_folders_by_name_and_beside_flows(folder: Path) -> None:
    def files(*paths: str) -> list[str]:
        return [each.file for each in read_suites(paths)]

    assert files("flows") == ["flows/deep/more.test.yml", "flows/desk.test.yaml"]
    assert files("flows/desk.test.yaml", "flows/desk.yaml") == ["flows/desk.test.yaml"]
    assert files("flows/other.yaml") == []
    with pytest.raises(
        UsageError, match=r"flows/nothing\.yaml does not exist; name a file of scenarios, a flow file or"
    ):
        read_suites(["flows/nothing.yaml"])


def test_shells_complete_flows_and_never_scenarios(folder: Path) -> None:
    (folder / "flows/zebra.test.yaml").write_text("flow: desk\nstates:\n  wrong: 1\n")
    context = click.Context(click.Command("graph"))
    context.params["flow"] = "desk"
    assert complete_flow(context, click.Argument(["flow"]), "") == ["desk", "other"]
    assert complete_state(context, click.Argument(["state"]), "") == ["bye"]


def test_files_of_scenarios_are_no_flows(folder: Path) -> None:
    source = read_project(["flows"])
    assert sorted(source.flows) == ["desk", "other"]
    assert source.problems == [] and all(each.problems == [] for each in source.loaded)
    sentence = "flows/desk.test.yaml holds scenarios, not a flow; play them with: flowengine test flows/desk.test.yaml"
    with pytest.raises(UsageError, match=re.escape(sentence)):
        read_project(["flows/desk.test.yaml"])
    with pytest.raises(UsageError, match=r"flows/no\.test\.yaml does not exist"):
        read_project(["flows/no.test.yaml"])


# --- the editor's schema ----------------------------------------------------------------------------------

ROOT = Path(__file__).parent.parent


def test_the_schema_file_holds_what_the_code_says() -> None:
    assert (ROOT / "schema/test.schema.json").read_text("utf-8") == printed(schema()), (
        "run: python -m flowengine.scenarios.schema > schema/test.schema.json"
    )
    Draft7Validator.check_schema(schema())


def test_a_whole_file_passes() -> None:
    assert complaints(WHOLE) == []


@pytest.mark.parametrize("word", WORDS.values(), ids=lambda word: word.name)
def test_the_example_of_every_word_passes(word: Any) -> None:
    assert complaints(f"scenarios:\n  one:\n    steps:\n      {word.example}\n") == []
    assert word.doc in documentation(word) and word.example in documentation(word)


STEPS_REFUSED = [
    "press: 1", "presses", "presses: 12a", "presses: ''", "ends: true", "hears: ' '", "{ presses: 1, hears: x }",
    "[ends]", "{}", "callee: sleeps", "time passes: 3", "speaks: 12", "not: presses", "not: { presses: 1 }",
    "not: nothing", "not: { not: ends }", "caller dials: { form: withheld }", "caller dials: {}",
    "caller dials: hello", "requests: { pst: foo }", "requests: { json: {} }",
    "requests: { get: https://a.example, post: https://a.example }", "event: { data: 1 }", "shares: video",
    "shares: { text: x }", "shares: { media: https://a.example, location: { latitude: 1, longitude: 2 } }",
    "shares: { location: { latitude: 1 } }", "shares: { location: { latitude: 1, longitude: 181 } }",
    "shares: { location: { latitude: 1, longitude: 2 }, text: x }", "notify: done", "notify: { foo: 1 }",
    "svaml: 12", "variables: { A: 1 }", "asks: {}", "asks: { keys: [12] }", "asks: { choices: [] }",
    "receipt: read", "writes: { channel: SMS }", "writes: { text: x, channel: FAX }", "state: Main", "sends: {}",
    "hears: [a]", "asks: [a]",
]  # fmt: skip


@pytest.mark.parametrize("step", STEPS_REFUSED)
def test_parser_and_schema_refuse_the_same_steps(step: str) -> None:
    text = f"scenarios:\n  one:\n    steps:\n      - caller dials\n      - {step}\n"
    assert suite(text).problems != []
    assert complaints(text) != []


FILES_REFUSED = [
    "flow: a",
    "scenarios: {}",
    "scenarios: { a: {} }",
    "scenarios: { a: { steps: [] } }",
    "scenarios: { a: { steps: ends } }",
    "scenarios: { a: [ends] }",
    "{ nonsense: 1, scenarios: { a: { steps: [hangs up] } } }",
    "scenarios: { ' ': { steps: [hangs up] } }",
    "{ flow: A, scenarios: { a: { steps: [hangs up] } } }",
]
SERVERS_REFUSED = [
    "{ answers: 1 }",
    "{ post: crm }",
    "{ post: https://a.example, status: 5 }",
    "{ post: https://a.example, get: https://a.example }",
    "{ post: https://a.example, never: true, status: 500 }",
    "{ post: https://a.example, never: true, in turn: [ { status: 500 } ] }",
    "{ post: https://a.example, status: 500, in turn: [ { status: 500 } ] }",
    "{ post: https://a.example, in turn: [ {} ] }",
    "{ post: https://a.example, in turn: [] }",
    "{ post: https://a.example, never: false }",
]
SETTINGS_REFUSED = [
    "functions: { p: {} }",
    "functions: { p: { answers: 1, fails: true } }",
    "env: { small: x }",
    "random: { A: b }",
    "now: tomorrow",
    "contact: { A: 1 }",
    *(f"servers: [ {each} ]" for each in SERVERS_REFUSED),
]
FILES_REFUSED += [f"scenarios: {{ a: {{ steps: [hangs up], {each} }} }}" for each in SETTINGS_REFUSED]


@pytest.mark.parametrize("text", FILES_REFUSED)
def test_parser_and_schema_refuse_the_same_files(text: str) -> None:
    assert suite(text).problems != []
    assert complaints(text) != []


def mappings(kind: Any) -> dict[str, Any]:
    """The properties that a schema offers where a mapping stands."""
    shapes = [kind, *kind.get("anyOf", [])]
    return next((each["properties"] for each in shapes if "properties" in each), {})


@pytest.mark.parametrize("word", [name for name, each in WORDS.items() if each.type is not None])
def test_parser_and_schema_know_the_same_keys_of_a_word(word: str) -> None:
    whole = mappings(schema()["$defs"]["step"])[word]
    offered = set(mappings(whole))
    candidates = {"nonsense", "url", "json", "text", "to", "from", "channel", "choices", "keys", "media", "location",
                  "name", "data", "custom", "headers", "type", "post", "get"}  # fmt: skip
    refused = {key for key in candidates if any(
        each.rule == "unknown-key" and f'no key "{key}"' in each.message
        for each in steps_of("- hangs up", f"- {word}: {{ {key}: x }}").problems
    )}  # fmt: skip
    if "additionalProperties" in str(whole) and offered:
        assert refused == candidates - offered


def test_what_is_missing_behind_the_last_line_is_told_on_a_line_that_is_there() -> None:
    (problem,) = suite_from_text("flow: desk\nscenarios", "desk.test.yaml").problems[:1]
    assert (problem.mark.line, problem.message) == (2, "this is not YAML: a line stands here without a key")
