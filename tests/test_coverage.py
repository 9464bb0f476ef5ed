"""What there is to try in a flow, what trails tried of it, and how that is told."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
import test_random_chats
import test_random_flows
from generate import Generated, chances, projects
from generate_chats import chats
from hypothesis import given
from stage import built, jitter, profile

from flowengine.build import build
from flowengine.delivery.message import Pace
from flowengine.engine.trail import Decided, Entered, Happened, Step, Took
from flowengine.graph import Book
from flowengine.problems import errors
from flowengine.project import read_project
from flowengine.scenarios.coverage import Coverage, What
from flowengine.scenarios.coverage_report import as_data, enough, lines, sentence
from flowengine.scenarios.survey import survey

CALL = """\
flow: desk
channel: voice
triggers: [{ to: "+12025550100" }]
may_dial: { sales: { number: "+12025550111" } }
recordings: { to: "s3://calls/x.mp3", credentials: "{{ secret.R }}" }
variables: { tier: { type: text, default: none }, pin: { type: digits, sensitive: true } }
on:
  error: sorry
  recording_available: file
start: main
states:
  main:
    menu: { prompt: Press 1 or 2., choices: { sales: 1, pin: 2, repeat: 9 } }
    on: { timeout: bye }
  pin:
    visits: { max: 3, then: bye }
    collect: { prompt: Your code., digits: 4, into: pin }
    on:
      digits:
        - { when: tier == "gold", to: sales }
        - { when: pin == "0000", say: Again., to: pin }
        - { else: bye }
      invalidinput: { say: Too short., retry: 2, then: bye }
      timeout: { retry: 1, then: bye }
  sales: { do: [{ record: {} }], connect: { to: sales } }
  part: { subflow: { flow: part }, on: { done: bye, disconnected: end } }
  file: { http: { post: https://crm.example.com/x, timeout: 800ms }, on: { ok: end, error: end } }
  sorry: { say: Sorry., next: end }
  bye: { say: Goodbye., next: end }
"""
PART = """\
flow: part
channel: voice
start: ask
states:
  ask: { menu: { prompt: Press 1., choices: { ready: 1 } } }
  ready:
    route:
      - { when: visits.ask > 1, to: end }
      - { else: end }
"""
CHAT = """\
flow: coming
channel: message
channels: [SMS]
languages: [en]
triggers: [{ keywords: [visit] }]
choices: { help: { words: [help me] }, person: { words: [person] } }
on: { timeout: bye }
start: first
states:
  first:
    ask: { prompt: Are you coming?, choices: { good: { label: I am coming }, odd: { label: Maybe } } }
    on: { answer: second, person: bye, failed: end }
  second: { ask: { prompt: When?, expect: date }, on: { answer: bye, invalidinput: second } }
  good: { say: See you., next: bye }
  help: { say: Call us., next: back }
  person: { handover: { post: https://desk.example.com/x }, on: { returned: bye } }
  bye: { say: Goodbye., next: end }
"""
MENU = """\
  s{0}: {{ menu: {{ prompt: Press 1 or 2., choices: {{ a: 1, b: 2 }} }}, on: {{ a: s{1}, b: s{2}, else: bye }} }}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (("desk", CALL), ("part", PART), ("coming", CHAT)):
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def surveyed(*names: str) -> Coverage:
    return survey(Book(read_project(["."]).flows), names)


def texts(coverage: Coverage, what: What, flow: str) -> list[str]:
    return [each.text for each in coverage.wanted[flow] if each.what == what]


def test_these_flows_are_right() -> None:
    assert not errors(build(["."]).problems)


# --- what there is to try ------------------------------------------------------------------------------------


def test_every_state_is_to_be_tried() -> None:
    assert texts(surveyed("desk"), "state", "desk") == "main pin sales part file sorry bye".split()


def test_outcomes_are_those_that_somebody_notices() -> None:
    coverage = surveyed("desk")
    assert texts(coverage, "choice", "desk") == ["main: sales (key 1)", "main: pin (key 2)"]
    assert texts(coverage, "outcome", "desk") == [
        "main: timeout",
        "main: invalidinput",  # the built-in goodbye
        "any state: error",  # once, for all who fall back on it
        "pin: digits",
        "pin: timeout",
        "pin: invalidinput",
        "any state: recording_available",
        "part: done",
        "part: disconnected",  # it climbs out of the flow that is played
        "file: ok",
        "file: error",
        "sorry: next",
        "bye: next",
    ]


def test_what_falls_to_silence_is_not_counted() -> None:
    coverage = surveyed("desk")
    told = {(each.state, each.event) for each in coverage.wanted["desk"]}
    assert not {("main", "hangup"), ("main", "disconnected"), ("sales", "answered"), ("main", "repeat")} & told


def test_a_goodbye_that_nobody_can_hear_is_not_counted() -> None:
    """A wait after the call has nobody on the line, and it never fails."""
    Path("later.yaml").write_text(
        "flow: later\nchannel: voice\ncli: '+12025550100'\ntriggers: [{ start: api }]\n"
        "may_dial: { them: { number: '+12025550111' } }\nstart: ring\nstates:\n"
        "  ring: { dial: { to: them }, on: { answered: hello, disconnected: pause, error: pause } }\n"
        "  pause: { visits: { max: 2, then: end }, wait: { for: 15m }, on: { elapsed: ring } }\n"
        "  hello: { say: Hello., next: end }\n"
    )
    coverage = surveyed("later")
    assert [each.event for each in coverage.wanted["later"] if each.what == "outcome" and each.state == "pause"] == [
        "elapsed"
    ]


def test_transitions_are_the_ways_of_what_is_counted() -> None:
    ways = texts(surveyed("desk"), "transition", "desk")
    assert [each for each in ways if each.startswith(("main", "pin", "any"))] == [
        "main: sales (key 1) -> sales",
        "main: pin (key 2) -> pin",
        "main: timeout -> bye",
        "main: invalidinput -> the built-in goodbye",
        "any state: error -> sorry",
        "pin: visit 4 -> bye",
        'pin: digits when tier == "gold" -> sales',
        'pin: digits when pin == "0000" -> pin',
        "pin: digits else -> bye",
        "pin: timeout, tried again",
        "pin: timeout after 1 retry -> bye",
        "pin: invalidinput, tried again",
        "pin: invalidinput after 2 retries -> bye",
        "any state: recording_available -> file",
    ]


def test_every_counted_outcome_has_a_way_and_every_way_an_outcome() -> None:
    coverage = surveyed("desk", "coming")
    for items in coverage.wanted.values():
        outcomes = {(each.state, each.event) for each in items if each.what in ("outcome", "choice")}
        ways = {(each.state, each.event) for each in items if each.what == "transition" and each.event != "visits"}
        assert outcomes == ways


def test_a_flow_that_is_played_counts_under_its_own_name() -> None:
    coverage = surveyed("desk")
    assert list(coverage.wanted) == ["desk", "part"]
    assert texts(coverage, "transition", "part") == [
        "ask: ready (key 1) -> ready",
        "ask: timeout -> the built-in goodbye",
        "ask: invalidinput -> the built-in goodbye",
        "ask: error -> the built-in apology",
        "ready: when visits.ask > 1 -> end",
        "ready: else -> end",
    ]
    assert list(surveyed("part").wanted) == ["part"]


def test_choices_of_the_whole_conversation_count_once_unless_a_state_handles_them() -> None:
    coverage = surveyed("coming")
    assert texts(coverage, "choice", "coming") == [
        'first: good ("I am coming")',
        'first: odd ("Maybe")',
        "any state: help",
        "first: person",
        "any state: person",
    ]
    assert "any state: timeout" in texts(coverage, "outcome", "coming")
    assert "first: answer" not in texts(coverage, "outcome", "coming")  # it only gathers what odd leads to
    assert 'first: odd ("Maybe") -> second' in texts(coverage, "transition", "coming")


def test_places_in_the_file() -> None:
    marks = {each.text: str(each.mark) for each in surveyed("desk").wanted["desk"]}
    assert marks["main"] == "desk.yaml:12:3"
    assert marks["main: sales (key 1)"] == "desk.yaml:13:47"
    assert marks["pin: digits else -> bye"] == "desk.yaml:22:19"
    assert marks["any state: error -> sorry"] == "desk.yaml:8:10"


# --- what was tried ------------------------------------------------------------------------------------------

START: Sequence[Step] = [
    Entered("desk", "main"),
    Happened("desk", "main", "pin", "name"),
    Took("desk", "main", "pin", 0, "pin"),
    Entered("desk", "pin"),
    Happened("desk", "pin", "digits", "on"),
    Decided("desk", "pin", "digits", 20, 'tier == "gold"', False, {"tier": "none"}),
    Decided("desk", "pin", "digits", 21, 'pin == "0000"', False, {}),
    Took("desk", "pin", "digits", 22, "bye"),
    Entered("desk", "bye"),
    Happened("desk", "bye", "next", "next"),
    Took("desk", "bye", "next", 29, "end"),
]


def test_nothing_is_tried_before_a_trail() -> None:
    coverage = surveyed("desk")
    assert coverage.share("state") == (0, 9)
    assert coverage.share("state", "desk") == (0, 7)
    assert coverage.percent() == 0.0
    assert len(coverage.missing()) == sum(map(len, coverage.wanted.values()))


def test_trails_are_counted() -> None:
    coverage = surveyed("desk")
    coverage.add(START)
    assert coverage.share("state", "desk") == (3, 7)
    assert coverage.share("outcome", "desk") == (3, 15)
    assert coverage.share("choice", "desk") == (1, 2)
    assert coverage.share("transition", "desk") == (3, 20)
    assert coverage.share(None, "desk") == (9, 42)
    tried = {each.text: times for each, times in coverage.counts.items()}
    assert tried["pin: digits else -> bye"] == 1
    coverage.add(START)
    assert {each.text: times for each, times in coverage.counts.items()} == dict.fromkeys(tried, 2)


def test_coverage_of_several_runs_is_one() -> None:
    one, other = surveyed("desk"), surveyed("desk")
    one.add(START[:4])
    other.add(START[4:])
    one.merge(other)
    whole = surveyed("desk")
    whole.add(START)
    assert one.counts == whole.counts
    assert [each.text for each in one.missing()] == [each.text for each in whole.missing()]


def test_any_state_tries_the_flows_own_handler() -> None:
    coverage = surveyed("desk")
    coverage.add([Happened("desk", "sales", "error", "flow"), Took("desk", "sales", "error", 8, "sorry")])
    assert {each.text for each in coverage.counts} == {"any state: error", "any state: error -> sorry"}


def test_an_error_with_nobody_on_the_line_does_not_try_the_flows_own_handler() -> None:
    coverage = surveyed("desk")
    coverage.add([Happened("desk", "sales", "error", "default"), Took("desk", "sales", "error", 0, "")])
    assert not coverage.counts


def test_the_last_try_is_told_from_the_others() -> None:
    coverage = surveyed("desk")
    coverage.add([Happened("desk", "pin", "timeout", "on"), Took("desk", "pin", "timeout", 24, "again")])
    assert {each.text for each in coverage.counts} == {"pin: timeout", "pin: timeout, tried again"}
    assert "pin: timeout after 1 retry -> bye" in {each.text for each in coverage.missing()}


def test_a_limit_of_visits_is_a_way() -> None:
    coverage = surveyed("desk")
    coverage.add([Happened("desk", "pin", "visits", "visits"), Took("desk", "pin", "visits", 0, "bye")])
    assert {each.text for each in coverage.counts} == {"pin: visit 4 -> bye"}


def test_a_choice_of_the_whole_conversation_is_tried_by_any_ask() -> None:
    coverage = surveyed("coming")
    coverage.add([Happened("coming", "second", "help", "name"), Took("coming", "second", "help", 0, "help")])
    coverage.add([Happened("coming", "first", "person", "on"), Took("coming", "first", "person", 12, "bye")])
    assert {each.text for each in coverage.counts} == {
        "any state: help",
        "any state: help -> help",
        "first: person",
        "first: person -> bye",
    }


def test_what_is_missing_stands_in_the_order_of_files_and_lines() -> None:
    coverage = surveyed("desk", "coming")
    marks = [each.mark for each in coverage.missing()]
    assert marks == sorted(marks)
    assert len({each.file for each in marks}) == 3


def test_a_turn_costs_microseconds() -> None:
    coverage = surveyed("desk")
    began = time.perf_counter()
    for _ in range(2000):
        coverage.add(START)
    assert time.perf_counter() - began < 2000 * 100e-6


def test_ten_thousand_states_are_surveyed_soon() -> None:
    states = "".join(MENU.format(n, min(2 * n + 1, 9998), min(2 * n + 2, 9998)) for n in range(9999))
    head = 'flow: large\nchannel: voice\ntriggers: [{ to: "+12025550101" }]\nstart: s0\nstates:\n'
    Path("large.yaml").write_text(f"{head}{states}  bye: {{ say: Bye., next: end }}\n")
    book = Book(read_project(["large.yaml"]).flows)
    began = time.perf_counter()
    coverage = survey(book, ["large"])
    assert len(lines(coverage)) == 10_001
    assert time.perf_counter() - began < 30


# --- every step that the engine records is one of these ---------------------------------------------------------


def unknown(coverage: Coverage, trail: Sequence[Step]) -> list[Step]:
    """The steps that somebody notices and the survey does not know."""
    return [each for each in trail if type(each) is not Decided and coverage.item(each) is None and loud(each)]


def loud(step: Step) -> bool:
    if isinstance(step, Happened):
        return step.via not in ("default", "visits")  # a limit of visits is a way only
    return isinstance(step, Entered) or (isinstance(step, Took) and bool(step.line or step.target))


def heeded(service: Any, coverage: Coverage) -> None:
    """Every turn is added to the coverage, and must be known to it."""

    def heed(attempt: Any, result: Any) -> None:
        trail = result.outcome.trail if result.outcome is not None else ()
        assert not unknown(coverage, trail), unknown(coverage, trail)
        coverage.add(trail)

    service.library.tracked = True
    service.heed = service.chats.heed = heed


def test_random_calls_go_only_where_the_survey_says() -> None:
    tried: Counter[str] = Counter()

    @profile(60)
    @given(project=projects(), chance=chances())
    def run(project: Generated, chance: Random) -> None:
        found = built(project)
        if errors(found.problems):
            return
        coverage = survey(found.book, found.book.flows)
        for _ in range(3):
            line = test_random_flows.Line(found, project.outbound, chance.choice)
            heeded(line.service, coverage)
            with jitter(chance.choice):
                line.start()
                for _ in range(14):
                    line.step()
        tried.update(each.what for each in coverage.counts)

    run()
    assert min(tried[what] for what in ("state", "outcome", "choice", "transition")) > 20, tried


def test_random_conversations_go_only_where_the_survey_says() -> None:
    tried: Counter[str] = Counter()

    @profile(12)
    @given(project=chats(), chance=chances())
    def run(project: Generated, chance: Random) -> None:
        found = built(project)
        if errors(found.problems):
            return
        coverage = survey(found.book, found.book.flows)
        talk = test_random_chats.Talk(found, chance.choice, test_random_chats.Seen())
        heeded(talk.service, coverage)
        with pytest.MonkeyPatch.context() as patch, jitter(chance.choice):
            patch.setattr(Pace, "wait", lambda self: 0.0)
            for _ in range(60):
                talk.step()
        tried.update(each.what for each in coverage.counts)

    run()
    assert min(tried[what] for what in ("state", "outcome", "choice", "transition")) > 20, tried


# --- how it is told --------------------------------------------------------------------------------------------


def test_a_line_for_each_flow_then_what_is_missing() -> None:
    coverage = surveyed("desk")
    coverage.add(START)
    assert lines(coverage) == [
        "desk  states 3/7  outcomes 3/15  choices 1/2  transitions 3/20",
        "part  states 0/2  outcomes 0/5   choices 0/1  transitions 0/6",
        "desk.yaml:8:10  any state: error -> sorry",
        "desk.yaml:9:24  any state: recording_available -> file",
        "desk.yaml:12:3  main: invalidinput -> the built-in goodbye",
        "desk.yaml:13:47  main: sales (key 1) -> sales",
        "desk.yaml:14:20  main: timeout -> bye",
        "desk.yaml:16:29  pin: visit 4 -> bye",
        'desk.yaml:20:39  pin: digits when tier == "gold" -> sales',
        'desk.yaml:21:51  pin: digits when pin == "0000" -> pin',
        "desk.yaml:23:56  pin: invalidinput, tried again",
        "desk.yaml:23:56  pin: invalidinput after 2 retries -> bye",
        "desk.yaml:24:34  pin: timeout, tried again",
        "desk.yaml:24:34  pin: timeout after 1 retry -> bye",
        "desk.yaml:25:3  sales: never entered",
        "desk.yaml:26:3  part: never entered, nor any of its 2 outcomes",
        "desk.yaml:27:3  file: never entered, nor any of its 2 outcomes",
        "desk.yaml:28:3  sorry: never entered",
        "part.yaml:5:3  ask: never entered, nor any of its 4 outcomes",
        "part.yaml:6:3  ready: never entered",
    ]
    assert sentence(coverage, 90) == "Outcomes covered: 15 %, 3 of 20 (wanted 90 %)."


def test_the_sentence_never_rounds_up() -> None:
    coverage = surveyed("part")
    assert sentence(coverage) == "Outcomes covered: 0 %, 0 of 5."
    for event, via in (("ready", "name"), ("timeout", "default"), ("invalidinput", "default"), ("error", "default")):
        coverage.add([Happened("part", "ask", event, via)])
    assert sentence(coverage, 85) == "Outcomes covered: 80 %, 4 of 5 (wanted 85 %)."
    assert enough(coverage, 80)
    assert not enough(coverage, 80.1)


def test_a_flow_without_outcomes_is_tested_whole() -> None:
    coverage = survey(Book({}), ["nothing"])
    assert coverage.percent() == 100.0
    assert lines(coverage) == []
    assert sentence(coverage) == "Outcomes covered: 100 %, 0 of 0."


def test_the_same_facts_as_data() -> None:
    coverage = surveyed("part")
    coverage.add(
        [Entered("part", "ask"), Happened("part", "ask", "ready", "name"), Took("part", "ask", "ready", 0, "ready")]
    )
    data = as_data(coverage, 90)
    assert data["flows"] == [
        {
            "flow": "part",
            "states": {"tested": 1, "all": 2},
            "outcomes": {"tested": 1, "all": 5},
            "choices": {"tested": 1, "all": 1},
            "transitions": {"tested": 1, "all": 6},
            "percent": 20.0,
        }
    ]
    assert (data["percent"], data["wanted"], data["enough"]) == (20.0, 90, False)
    assert data["missing"][0] == {
        "what": "outcome",
        "flow": "part",
        "state": "ask",
        "event": "timeout",
        "target": "",
        "file": "part.yaml",
        "line": 5,
        "column": 3,
        "text": "ask: timeout",
    }
    assert len(data["missing"]) == sum(map(len, coverage.wanted.values())) - 3
    assert "wanted" not in as_data(coverage)
