"""Files of scenarios: what is read, what is told of a wrong one, and what is written reads the same again."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flowengine.model import CHANNELS
from flowengine.problems import Problem
from flowengine.project import UsageError, read_project
from flowengine.scenarios.lines import said
from flowengine.scenarios.model import ACTS, NEGATED, NOW, OBSERVATIONS, WORDS, Answer, Scenario, Server, Step, Suite
from flowengine.scenarios.moments import BadMoment, moment, written
from flowengine.scenarios.reading import read_suite, read_suites, suite_from_text
from flowengine.scenarios.updating import NotAlone, replaced
from flowengine.scenarios.values import CALLEE, NOTICES
from flowengine.scenarios.writing import (
    appended,
    duration,
    insert_scenario,
    same_steps,
    scenario_text,
    step_text,
    suite_text,
)

WHOLE = """\
# yaml-language-server: $schema=../schema/test.schema.json
flow: front_desk
now: 2026-11-24 10:00 Europe/Stockholm
servers:
  - { post: https://crm.example.com/callers, answers: { tier: gold } }

scenarios:
  gold customers skip the queue:        # the name is the key
    about: optional prose
    servers:
      - { post: https://crm.example.com/messages, status: 500 }
      - { get: "https://tables.example.com/*", never: true }
      - { get: https://a.example.com/x, in turn: [ { answers: [1, "1", 1.5, true, "true", null] }, { status: 503 } ] }
    functions: { price: { answers: { p: 5 } }, stock: { fails: true } }
    random: { split: b }
    contact: { name: Ann, number: "+12025550142", tags: [vip], visits: 3, left: null }
    env: { GREETING: Good morning }
    steps:
      - caller dials
      - hears: Thank you for calling Acme Corp.
      - asks: For sales press 1
      - presses: 2
      - asks:
          text: |
            Please enter
            # your four digit code.
          keys: ["1", 2]

      # a remark
      - presses: "1234"   # the code
      - connects to: support
      - callee: no answer
      - sends: { to: "+12025550142", text: Sorry }
      - not: hears
      - not: { sends: { text: foo,
           to: "+12025550142" }
           }
      - requests: { post: https://crm.example.com/callers, json: { a: 1 } }
      - time passes: 3d
      - ends

  # the other one
  closed at night:
    now: 2026-11-24T22:00:00Z
    steps: [caller dials, hears: We are closed, ends]
# the end
"""


def suite(text: str) -> Suite:
    return suite_from_text(text, "front_desk.test.yaml")


def steps_of(*lines: str) -> Suite:
    body = "\n".join(f"      {line}" for text in lines for line in text.split("\n"))
    return suite(f"scenarios:\n  one:\n    steps:\n{body}\n")


def told(problems: list[Problem]) -> list[str]:
    return [f"{each.rule} {each.mark.line}:{each.mark.column} {each.message}" for each in problems]


# --- reading ---------------------------------------------------------------------------------------------


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
        ("- presses", 'shape: "presses" stands alone; expected keys: 0-9, * and # behind it', 'write it as - presses: "1234"'),
        ("- ends: yes", 'shape: "ends" stands alone and takes no value; found "yes"', "write it without a colon: - ends"),
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
        ("- speaks: 12", 'shape: found "12"; expected one digit', ""),
        ("- [ends]", "shape: found a list; expected one step, such as - presses: 2 or - hangs up", ""),
        ("- {}", "shape: found a mapping; expected one step, such as - presses: 2 or - hangs up", ""),
        (
            "- not: presses",
            'unknown-step: "presses" cannot stand behind not',
            "expected one of hears, reads, asks, connects to, rings, joins, parks, records, sends, requests, ends, "
            "state, variables, contact or svaml",
        ),
        ("- not: { hears: '/(/' }", "pattern: between the slashes: missing )", "write it as RE2, or leave out the /"),
        ("- hears: Press # to stop", "comment-cut: the text is cut off here: # after a blank begins a comment", "put the text in quotes"),
        ("- hears: ' '", "shape: found blanks alone, which fit everything", "write the words that are expected"),
        (
            "- caller dials: 2025550100",
            'shape: "2025550100" does not begin with + and the country',
            'write it as E.164: "+12025550100"',
        ),
        ("- caller dials: { form: withheld }", 'unknown-key: a call that comes in has no key "form"; did you mean "from"?', ""),
        ("- requests: { pst: foo }", 'unknown-key: a request has no key "pst"; did you mean "post"?', ""),
        (
            "- requests: { json: {} }",
            "shape: the request has none of get, post, put, patch, delete and url",
            "write one of get, post, put, patch, delete or url",
        ),
        ("- event: { data: 1 }", 'missing-key: an event has no "name"', "add name: an event (a-z, 0-9 and _, beginning with a letter)"),
        ("- shares: video", 'shape: found "video"; expected photo or location', ""),
        ("- shares: { text: x }", "shape: what is shared has none of media and location", "write one of media or location"),
        (
            "- shares: { location: { latitude: 1, longitude: 181 } }",
            'shape: found "181"; expected degrees, such as 59.33',
            "",
        ),
        (
            "- notify: recording_finishd",
            'shape: found "recording_finishd"; expected recording_finished, recording_available, transcription_available '
            'or callingerror; did you mean "recording_finished"?',
            "",
        ),
        ("- svaml: 12", 'shape: found "12"; expected a mapping', ""),
        ("- svaml: { n: 99999999999999999999 }", "limit: the number is too large for 64 bits", "put it in quotes: as text"),
        ("- variables: { A: 1 }", 'name: found the key "A"; expected a name', "names are a-z, 0-9 and _, beginning with a letter"),
        ("- asks: {}", "shape: found an empty mapping; expected a question with text, choices and keys", ""),
        ("- asks: { keys: [12] }", "limit: found 2 keys; expected at most 1", ""),
        ("- receipt: read", 'shape: found "read"; expected delivered or failed', ""),
    ],
)  # fmt: skip
def test_a_slip_in_a_step_is_one_problem_at_its_place(line: str, message: str, fix: str) -> None:
    (found,) = steps_of("- caller dials", line).problems
    assert (f"{found.rule}: {found.message}", found.fix) == (message, fix)
    assert found.mark.line >= 5


def test_an_unknown_step_like_no_other_names_all_words() -> None:
    (found,) = steps_of("- caller dials", "- frobnicate").problems
    assert all(name in found.fix for name in WORDS)


def test_the_first_step_is_an_act() -> None:
    assert told(steps_of("- hears: Hello").problems) == ['no-act 4:9 "hears" is expected before anything was done']


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("", ["empty-file 1:1 the file is empty"]),
        ("flow: a\n", ['missing-key 1:1 a file of scenarios has no "scenarios"']),
        ("scenarios: {}\n", ["shape 1:12 found a mapping; expected scenarios by name, each with steps"]),
        ("scenarios: { a: [ends] }\n", ["shape 1:17 found a list; expected a scenario"]),
        ("scenarios: { a: {} }\n", ['missing-key 1:17 a scenario has no "steps"']),
        ("scenarios: { a: { steps: [] } }\n", ["limit 1:26 there are no steps"]),
        ("scenarios: { a: { steps: ends } }\n", [
            'shape 1:26 found "ends"; expected a list of steps, such as - caller dials']),
        ("scenarios: { a: { stps: [caller dials] } }\n", [
            'unknown-key 1:19 a scenario has no key "stps"; did you mean "steps"?']),
        ("scenarios:\n  a: { steps: [caller dials] }\n  a: { steps: [caller dials] }\n", [
            'duplicate-key 3:3 the key "a" stands here and on line 2']),
        ("flow: A\nscenarios: { a: { steps: [caller dials] } }\n", [
            'shape 1:7 found "A"; expected a flow (a-z, 0-9 and _, beginning with a letter)']),
        ("servers: [ { answers: 1 } ]\nscenarios: { a: { steps: [caller dials] } }\n", [
            "shape 1:12 the server has none of get, post, put, patch and delete"]),
        ("servers: [ { post: https://a.example, get: https://a.example } ]\nscenarios: { a: { steps: [hangs up] } }\n", [
            "shape 1:14 the server has get and post"]),
        ("servers: [ { pots: https://a.example } ]\nscenarios: { a: { steps: [hangs up] } }\n", [
            'unknown-key 1:14 a server has no key "pots"; did you mean "post"?']),
        ("servers: [ { post: crm } ]\nscenarios: { a: { steps: [hangs up] } }\n", [
            'shape 1:20 found "crm"; expected a URL such as https://crm.example.com/callers']),
        ("servers: [ { post: https://a.example, never: true, status: 500 } ]\nscenarios: { a: { steps: [hangs up] } }\n", [
            'shape 1:52 "status" stands beside never, which says that no answer comes']),
        ("servers: [ { post: https://a.example, in turn: [ {} ] } ]\nscenarios: { a: { steps: [hangs up] } }\n", [
            "shape 1:50 found a mapping; expected an answer such as { answers: { tier: gold } }, { status: 503 } or "
            "{ never: true }"]),
        ("servers: [ { post: https://a.example, status: 5, in turn: [ status: 500 ] } ]\n"
         "scenarios: { a: { steps: [hangs up] } }\n", [
            'shape 1:39 "status" stands beside "in turn", which has all answers',
            "limit 1:47 found 5; expected a whole number from 100 to 599"]),
        ("scenarios: { a: { functions: { p: {} }, steps: [hangs up] } }\n", [
            "shape 1:35 the function has none of answers and fails"]),
        ("scenarios: { a: { contact: { tags: vip, number: 12 }, steps: [hangs up] } }\n", [
            'shape 1:36 found "vip"; expected a list of tags, such as [vip]',
            'shape 1:49 "12" does not begin with + and the country']),
        ("scenarios: { a: { env: { small: x }, steps: [hangs up] } }\n", [
            'name 1:26 found the key "small"; expected the name of an environment variable']),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_told(text: str, messages: list[str]) -> None:
    read = suite(text)
    assert told(read.problems) == messages


def test_a_scenario_with_a_problem_is_left_out_and_the_others_stay() -> None:
    read = suite("scenarios:\n  a: { steps: [caller dials] }\n  b: { steps: [caller dialed] }\n")
    assert [each.name for each in read.scenarios] == ["a"]
    assert len(read.problems) == 1


# --- moments ---------------------------------------------------------------------------------------------


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
        ("2026-11-24 10:00 Europe/Stokholm", 'there is no time zone "Europe/Stokholm"; did you mean "Europe/Stockholm"?'),
        ("2026-11-24 10:00 ../../etc", 'found "2026-11-24 10:00 ../../etc"; expected a day and a time'),
        ("2026-03-29 02:30 Europe/Stockholm",
         '"2026-03-29 02:30" never comes in Europe/Stockholm: the clocks are put forward'),
        ("0001-01-01 00:00 +01:00", 'there is no such day or time as "0001-01-01 00:00 +01:00"'),
    ],
)  # fmt: skip
def test_what_is_no_moment_is_told(text: str, message: str) -> None:
    with pytest.raises(BadMoment, match=re.escape(message)):
        moment(text)


@given(st.integers(-(10**10), 10**11), st.sampled_from([0, 0.5, 0.000001]))
def test_a_moment_reads_as_it_was_written(seconds: int, part: float) -> None:
    at = seconds + part if abs(seconds) < 10**9 else float(seconds)
    assert moment(written(at)) == pytest.approx(at, abs=1e-6)


# --- finding ---------------------------------------------------------------------------------------------


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
    with pytest.raises(UsageError, match="flows/nothing.yaml does not exist; name a file of scenarios, a flow file or"):
        read_suites(["flows/nothing.yaml"])


def test_files_of_scenarios_are_no_flows(folder: Path) -> None:
    source = read_project(["flows"])
    assert sorted(source.flows) == ["desk", "other"]
    assert source.problems == [] and all(each.problems == [] for each in source.loaded)
    sentence = "flows/desk.test.yaml holds scenarios, not a flow; play them with: flowengine test flows/desk.test.yaml"
    with pytest.raises(UsageError, match=re.escape(sentence)):
        read_project(["flows/desk.test.yaml"])
    with pytest.raises(UsageError, match="flows/no.test.yaml does not exist"):
        read_project(["flows/no.test.yaml"])


# --- writing ---------------------------------------------------------------------------------------------

AWKWARD = [
    "", " ", "a", "true", "null", "~", "no", "12", "0123", "1.50", "1e5", "-1", "+12025550142", "2026-11-24", "10:00",
    "a: b", "a:b", "a #b", "a#b", "#", "- a", "-", "?", "? a", "[a]", "{a}", "a, b", "a]", "'a'", '"a"', "*a", "&a",
    "!a", "%a", "@a", "`a`", "|", ">", "a\nb", "a\n b\n", "\na", "a\n\n\nb", "a\n\n", " a\nb", "a\tb", "\t", "\u2028",
    "\x85", "\ufeff", "\u202e", "\U0001f600 hello", "ünï çødé", "---", "...", "<<", "=", "a\\b", "\x00", "\r\n", "/a/",
    "https://a.example/x?y=1&z=[2]", "*#", "a ", "key:", "{{ x }}", "a:\nb", "x\n# no comment\ny", "\xa0x",
]  # fmt: skip
text = st.one_of(st.sampled_from(AWKWARD), st.text(st.characters(exclude_categories=("Cs",)), max_size=30))
expected = text.filter(lambda each: bool(each.strip()) and not (len(each) > 2 and each[0] == each[-1] == "/"))
keys = st.text("0123456789*#", min_size=1, max_size=12)
number = st.sampled_from(["+12025550142", "+12025550100", "+46701234567"])
name = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)
scalar = (
    st.none()
    | st.booleans()
    | text
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
)
data = st.recursive(
    scalar, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3), max_leaves=8
)
values = st.dictionaries(
    name, st.none() | text | st.lists(data, max_size=2) | st.dictionaries(text, data, max_size=2), max_size=3
)
channel = st.sampled_from(CHANNELS)
several = st.lists(expected, min_size=1, max_size=3).map(tuple)


def some(*required: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Mappings with the required fields and some of the others, at least one."""
    needed = {each: fields[each] for each in required}
    rest = {each: fields[each] for each in fields if each not in required}
    return st.fixed_dictionaries(needed, optional=rest).filter(bool)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "caller dials": st.none()
    | st.fixed_dictionaries(
        {},
        optional={
            "to": number,
            "from": number | st.just("withheld"),
            "custom": text,
            "headers": st.dictionaries(st.from_regex("[A-Za-z][A-Za-z0-9-]{0,9}", fullmatch=True), text, max_size=2),
        },
    ).filter(bool),
    "flow starts": st.none() | values,
    "presses": keys,
    "speaks": st.sampled_from("0123456789"),
    "callee": st.sampled_from(CALLEE),
    "notify": st.builds(
        lambda kind, more: {**more, "type": kind}, st.sampled_from(NOTICES), st.dictionaries(text, data, max_size=2)
    ),
    "writes": some("text", text=text, channel=channel, **{"from": number}),
    "taps": expected,
    "shares": st.sampled_from(["photo", "location"])
    | some("media", media=expected, text=text)
    | st.fixed_dictionaries(
        {"latitude": st.floats(-90, 90), "longitude": st.floats(-180, 180)}, optional={"title": text}
    ).map(lambda place: {"location": place}),
    "follows link": expected,
    "receipt": st.sampled_from(["delivered", "failed"]),
    "event": some("name", name=name, data=data.filter(lambda each: each is not None)),
    "time passes": st.integers(0, 366 * 86400 * 1000).map(lambda each: each / 1000)
    | st.integers(0, 366 * 24).map(lambda each: each * 3600.0),
    "hears": expected,
    "reads": some(text=expected, choices=several),
    "asks": some(text=expected, choices=several, keys=st.lists(st.sampled_from("0123456789*#"), min_size=1).map(tuple)),
    "connects to": expected,
    "rings": expected,
    "joins": expected,
    "sends": some(to=number, text=expected, channel=channel),
    "requests": some("url", url=expected, method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]), json=data),
    "state": name,
    "variables": values,
    "contact": values,
    "svaml": st.dictionaries(text, data, max_size=3),
}


def step_named(word: str) -> st.SearchStrategy[Step]:
    if word == "not":
        return st.sampled_from(list(NEGATED)).flatmap(behind_not)
    return VALUES.get(word, st.none()).map(lambda value: Step(word, value))


def behind_not(word: str) -> st.SearchStrategy[Step]:
    inner = step_named(word)
    if OBSERVATIONS[word].any:
        inner = inner | st.just(Step(word))
    return inner.map(lambda step: Step("not", step))


steps = st.sampled_from(list(WORDS)).flatmap(step_named)


def reread(text: str) -> Step:
    read = suite(f"scenarios:\n  one:\n    steps:\n      - hangs up\n{text}\n")
    assert told(read.problems) == [], text
    first, found = read.scenarios[0].steps
    assert first.word == "hangs up" and found.end == 4 + text.count("\n") + 1, text
    return found


@settings(max_examples=400, deadline=None)
@given(steps)
@example(Step("hears", "a" * 400))
@example(Step("svaml", {"a" * 130: {"b": ["c" * 130, {"d": "e" * 130, "f": []}, ["g" * 130]]}}))
@example(Step("presses", "1"))
def test_a_step_reads_as_it_was_written(step: Step) -> None:
    text = step_text(step, 6)
    found = reread(text)
    assert found.same(step), text


@pytest.mark.parametrize("value", AWKWARD)
def test_awkward_texts_survive_everywhere(value: str) -> None:
    for step in (
        Step("writes", {"text": value}),
        Step("writes", {"text": value, "channel": "SMS"}),
        Step("svaml", {value: value, "list": [value, [value]], "deep": {value: [value]}}),
        Step("variables", {"v": value, "w": [value]}),
    ):
        assert reread(step_text(step, 6)).same(step), step_text(step, 6)


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (Step("caller dials"), "- caller dials"),
        (Step("caller dials", {"to": "+12025550100"}), '- caller dials: "+12025550100"'),
        (Step("caller dials", {"from": "withheld"}), "- caller dials: { from: withheld }"),
        (Step("presses", "2"), "- presses: 2"),
        (Step("presses", "1234"), '- presses: "1234"'),
        (Step("presses", "#"), '- presses: "#"'),
        (Step("hears", "Thank you for calling Acme Corp."), "- hears: Thank you for calling Acme Corp."),
        (Step("hears", "Sales: press 1"), '- hears: "Sales: press 1"'),
        (Step("asks", {"text": "Coming?", "choices": ("Yes, please", "No")}),
         '- asks: { text: Coming?, choices: ["Yes, please", "No"] }'),
        (Step("reads", {"text": "Which one?\n1. Anna\n2. Ben"}),
         "- reads: |-\n    Which one?\n    1. Anna\n    2. Ben"),
        (Step("reads", {"text": "Which one?\n1. Anna", "choices": ("Anna",)}),
         "- reads:\n    text: |-\n      Which one?\n      1. Anna\n    choices: [Anna]"),
        (Step("time passes", 259200.0), "- time passes: 3d"),
        (Step("time passes", 5400.0), "- time passes: 90m"),
        (Step("time passes", 0.8), "- time passes: 800ms"),
        (Step("requests", {"method": "POST", "url": "https://a.example/x", "json": {"n": 1, "t": "1"}}),
         '- requests: { post: https://a.example/x, json: { n: 1, t: "1" } }'),
        (Step("requests", {"url": "https://a.example/x"}), "- requests: https://a.example/x"),
        (Step("notify", {"type": "recording_available"}), "- notify: recording_available"),
        (Step("variables", {"seats": "4", "tier": "gold", "pin": "0123", "left": None, "word": "null"}),
         '- variables: { seats: 4, tier: gold, pin: "0123", left: null, word: "null" }'),
        (Step("not", Step("hears")), "- not: hears"),
        (Step("not", Step("hears", "Goodbye")), "- not: { hears: Goodbye }"),
        (Step("callee", "no answer"), "- callee: no answer"),
    ],
)  # fmt: skip
def test_steps_are_written_plainly(step: Step, text: str) -> None:
    assert step_text(step) == text


@given(st.integers(0, 10**8), st.sampled_from(["ms", "s", "m", "h", "d"]))
def test_durations_read_as_they_were_written(count: int, unit: str) -> None:
    from flowengine.units import seconds

    try:
        value = seconds(f"{count / 1000:.3f}{unit}")
    except ValueError:
        return
    assert seconds(duration(value)) == value


scenarios = st.builds(
    lambda name, now, act, rest, about, env, contact, random, servers: Scenario(
        name, suite("scenarios: {}").flow_mark, "", "front_desk", now, (act, *rest), servers, {}, random, contact, env,
        about,
    ),
    st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=40).filter(
        lambda name: bool(name.strip())
    ),
    st.integers(0, 4 * 10**9).map(float) | st.just(NOW),
    st.sampled_from(list(ACTS)).flatmap(step_named),
    st.lists(steps, max_size=4),
    text,
    st.dictionaries(st.from_regex("[A-Z][A-Z0-9_]{0,9}", fullmatch=True), text, max_size=2),
    values.filter(lambda each: not {"tags", "number"} & set(each)),
    st.dictionaries(name, name, max_size=2),
    st.lists(
        st.builds(
            Server,
            st.sampled_from(["GET", "POST"]),
            st.sampled_from(["https://a.example/x?y=1", "*", "https://*.example/{a}, b".replace(" ", "")]),
            st.lists(
                st.just(Answer(failure="timeout")) | st.builds(Answer, st.integers(100, 599), data),
                min_size=1,
                max_size=3,
            ).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
)  # fmt: skip


def same_scenario(one: Scenario, other: Scenario) -> bool:
    blank: dict[str, Any] = {"steps": (), "mark": one.mark, "file": ""}
    return replace(one, **blank) == replace(other, **blank) and same_steps(one.steps, other.steps)


@settings(max_examples=60, deadline=None)
@given(st.lists(scenarios, min_size=1, max_size=3, unique_by=lambda each: each.name))
def test_a_file_reads_as_it_was_written(several: list[Scenario]) -> None:
    text = suite_text("front_desk", several)
    read = suite(text)
    assert told(read.problems) == [], text
    assert len(read.scenarios) == len(several)
    for one, other in zip(read.scenarios, several, strict=True):
        assert same_scenario(one, other), text


def test_a_scenario_is_written_as_people_write_it() -> None:
    gold = suite(WHOLE).scenarios[0]
    read = suite(WHOLE)
    assert scenario_text(gold, 2, read.now, read.servers).split("\n")[:14] == [
        "  gold customers skip the queue:",
        "    about: optional prose",
        "    servers:",
        "      - { post: https://crm.example.com/messages, status: 500 }",
        "      - { get: https://tables.example.com/*, never: true }",
        '      - { get: https://a.example.com/x, in turn: [{ answers: [1, "1", 1.5, true, "true", null] }, { status: 503 }] }',
        "    functions: { price: { answers: { p: 5 } }, stock: { fails: true } }",
        "    random: { split: b }",
        '    contact: { name: Ann, number: "+12025550142", tags: [vip], visits: 3, left: null }',
        "    env: { GREETING: Good morning }",
        "    steps:",
        "      - caller dials",
        "      - hears: Thank you for calling Acme Corp.",
        "      - asks: For sales press 1",
    ]


# --- inserting -------------------------------------------------------------------------------------------

NEW = Scenario("a new one", suite("scenarios: {}").flow_mark, "", "front_desk", steps=(Step("hangs up"),))


def test_a_scenario_is_appended_and_all_else_stays() -> None:
    result = appended(WHOLE, suite(WHOLE), replace(NEW, now=suite(WHOLE).now))
    assert result == WHOLE.replace("# the end", "\n  a new one:\n    steps:\n      - hangs up\n# the end")


@pytest.mark.parametrize("change", [
    lambda text: text.replace("\n", "\r\n"),
    lambda text: text.removesuffix("\n"),
    lambda text: text.removesuffix("# the end\n"),
    lambda text: text.removesuffix("# the end\n").removesuffix("\n"),
    lambda text: text + "\n\n\n",
    lambda text: "\ufeff" + text,
    lambda text: text.replace("flow: front_desk\n", "") + "flow: front_desk\n",
    lambda text: re.sub(r"^  ", "        ", text, flags=re.MULTILINE),
])  # fmt: skip
def test_other_layouts_take_a_scenario_too(change: Callable[[str], str]) -> None:
    old = change(WHOLE)
    before = suite(old)
    result = appended(old, before, NEW)
    after = suite(result)
    assert after.problems == [] and [each.name for each in after.scenarios][-1] == "a new one"
    assert same_scenario(after.scenarios[-1], replace(NEW, servers=before.servers))
    kept = iter(re.split("\r?\n", result))
    assert all(line in kept for line in re.split("\r?\n", old.rstrip("\r\n")))
    assert result.count("\r\n") in (0, result.count("\n"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("scenarios: { a: { steps: [hangs up] } }", "has its scenarios in { }; write each on lines of its own"),
        (
            "scenarios:\n  a new one: { steps: [hangs up] }\n",
            'front_desk.test.yaml:2 has a scenario "a new one" already',
        ),
        ("flow: other\nscenarios:\n  a: { steps: [hangs up] }\n", "plays the flow other, not front_desk"),
        ("scenarios:\n  a: { steps: [hang up] }\n", 'front_desk.test.yaml:2:16: there is no step "hang up"'),
        ("scenarios:\n  a: { steps: [hangs up] }\n...\n", "does not read as before with the scenario at its end"),
    ],
)
def test_a_file_that_cannot_take_a_scenario_is_told(text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=re.escape(sentence)):
        appended(text, suite(text), NEW)


def test_a_file_is_made_where_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "front_desk.test.yaml"
    insert_scenario(path, NEW)
    head = "# yaml-language-server: $schema=../schema/test.schema.json\nflow: front_desk\n\nscenarios:\n"
    assert path.read_text() == head + "  a new one:\n    steps:\n      - hangs up\n"
    insert_scenario(path, replace(NEW, name="another: one"))
    assert path.read_text().endswith('- hangs up\n\n  "another: one":\n    steps:\n      - hangs up\n')
    before = path.read_bytes()
    with pytest.raises(UsageError, match="already; give the new one another name"):
        insert_scenario(path, NEW)
    assert path.read_bytes() == before


def test_a_new_file_finds_the_schema_where_its_flow_does(tmp_path: Path) -> None:
    (tmp_path / "desk.yaml").write_text("# yaml-language-server: $schema=../../schema/flow.schema.json\nflow: desk\n")
    insert_scenario(tmp_path / "desk.test.yaml", replace(NEW, flow="desk"))
    assert (
        (tmp_path / "desk.test.yaml")
        .read_text()
        .startswith("# yaml-language-server: $schema=../../schema/test.schema.json\n")
    )


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write .*: No such file or directory"):
        insert_scenario(tmp_path / "no/desk.test.yaml", NEW)


# --- replacing -------------------------------------------------------------------------------------------


def at_line(read: Suite, line: int) -> Step:
    return next(each for scenario in read.scenarios for each in scenario.steps if each.mark.line == line)


def test_steps_are_replaced_and_every_other_byte_stays() -> None:
    read = suite(WHOLE)
    changes = {
        at_line(read, 22): [Step("presses", "3")],
        at_line(read, 23): [Step("hears", "Sorry"), Step("asks", {"text": "Again\nplease"})],
        at_line(read, 30): [Step("presses", "99")],
        at_line(read, 35): [],
        at_line(read, 40): [Step("not", Step("ends"))],
    }
    lines = WHOLE.split("\n")
    wanted = [
        *lines[:21],
        "      - presses: 3",
        "      - hears: Sorry",
        "      - asks: |-",
        "          Again",
        "          please",
        *lines[27:29],
        '      - presses: "99"   # the code',
        *lines[30:34],
        *lines[37:39],
        "      - not: ends",
        *lines[40:],
    ]
    assert replaced(WHOLE, read, changes).split("\n") == wanted


def test_steps_in_brackets_are_not_replaced() -> None:
    read = suite(WHOLE)
    step = read.scenarios[1].steps[1]
    with pytest.raises(NotAlone, match="does not stand on lines of its own") as raised:
        replaced(WHOLE, read, {step: [Step("hears", "x")]})
    assert raised.value.step is step


def test_nothing_is_replaced_in_a_text_that_has_changed() -> None:
    with pytest.raises(ValueError, match="has changed since it was read"):
        replaced(WHOLE + "\n", suite(WHOLE), {})


LAYOUTS: list[Callable[[str], str]] = [
    lambda text: text,
    lambda text: text.replace("\n", "\r\n"),
    lambda text: text.removesuffix("\n"),
    lambda text: "\ufeff" + text,
]


@settings(max_examples=80, deadline=None)
@given(st.lists(steps, min_size=1, max_size=5), st.sampled_from(LAYOUTS), st.data())
def test_any_step_may_be_replaced_by_any_others(
    written: list[Step], layout: Callable[[str], str], drawn: st.DataObject
) -> None:
    body = "\n".join(step_text(each, 6) for each in written)
    text = layout(f"scenarios:\n  one:\n    steps:\n      - hangs up  # first\n{body}\n")
    read = suite(text)
    assert told(read.problems) == []
    old = read.scenarios[0].steps
    changed = drawn.draw(st.sets(st.sampled_from(old[1:])))
    changes = {each: drawn.draw(st.lists(steps, max_size=2)) for each in changed}
    result = replaced(text, read, changes)
    after = suite(result)
    assert told(after.problems) == []
    assert same_steps(after.scenarios[0].steps, [new for each in old for new in changes.get(each, [each])])
    if not changes:
        assert result == text


@pytest.mark.parametrize(
    ("lines", "meant"),
    [
        (["- hears: a"], {"hears": "a"}),
        (["- hears: 'a", "  b'"], {"hears": "a b"}),
        (["- a", "- b"], None),
        (["- hears: 'a"], None),
        (["a: b"], None),
    ],
)
def test_lines_say_what_they_say(lines: list[str], meant: object) -> None:
    assert said(lines) == meant
