"""Exploring flows: whatever is planted is found, shown short, and kept as a scenario that says so."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import generate
import generate_chats
import pytest
from generate import Generated
from hypothesis import given
from hypothesis.strategies import SearchStrategy
from stage import built, profile

from flowengine.build import build
from flowengine.engine.library import open_library
from flowengine.exploring.exploration import Exploration, Finding, explore
from flowengine.exploring.holding import Broke, twice
from flowengine.exploring.plans import Act
from flowengine.exploring.playing import Ground, Play
from flowengine.exploring.samples import digits, matching, unique
from flowengine.exploring.telling import as_data, lines, played
from flowengine.exploring.walking import Budget
from flowengine.exploring.writing import add_scenarios
from flowengine.exploring.writing import test_file as scenarios_of
from flowengine.graph import Book
from flowengine.model import NOWHERE
from flowengine.patterns import compile_pattern
from flowengine.problems import errors
from flowengine.project import shown_path
from flowengine.report import Paint
from flowengine.scenarios.reading import read_suite
from flowengine.scenarios.running import Played, run
from flowengine.scenarios.steps import Step
from flowengine.scenarios.survey import survey
from flowengine.scenarios.writing import insert_scenario
from flowengine.stage import Theatre
from flowengine.states.connect import Connect

ROOT = Path(__file__).parent.parent
SMALL = Budget(seconds=60, plays=900, depth=40)
"""As many plays on every machine."""


@lru_cache(maxsize=8)
def opened(path: str) -> tuple[Theatre, Book]:
    found = build([path])
    assert not errors(found.problems), [str(each.message) for each in errors(found.problems)]
    assert found.artefact is not None
    return Theatre(open_library(found.artefact, found.revision, {}, b"test")), found.book


def explored(path: Path, flow: str, random: int = 0, budget: Budget = SMALL, seed: int = 0) -> Exploration:
    theatre, book = opened(str(path))
    return explore(theatre, book, flow, budget, random, seed)


Flow = Callable[[str], Path]


@pytest.fixture
def flow(tmp_path: Path) -> Flow:
    def write(text: str) -> Path:
        path = tmp_path / "line.yaml"
        path.write_text(text, "utf-8")
        opened.cache_clear()
        return path

    return write


def one(found: Exploration) -> Finding:
    assert len(found.findings) == 1, [each.fault for each in found.findings]
    return found.findings[0]


def replayed(found: Exploration, finding: Finding, path: Path) -> Played:
    """The scenario of a finding, saved, read and run against the flow as it stands now."""
    file = scenarios_of(str(path))
    insert_scenario(file, finding.scenario)
    suite = read_suite(file, shown_path(file))
    assert not suite.problems, suite.problems
    opened.cache_clear()
    theatre, book = opened(str(path))
    return run(theatre, suite.scenarios[-1], book)


def acts(finding: Finding) -> list[str]:
    return [each.step.word for each in finding.plan.acts]


# --- what is in use holds --------------------------------------------------------------------------------------

REACHED = {"front_desk": 1.0, "conference": 1.0, "reminder": 1.0, "my_bookings": 1.0, "survey": 0.9, "booking": 0.9}
FLOWS = sorted(each.stem for each in (ROOT / "flows").glob("*.yaml") if not each.stem.endswith(".test"))


@pytest.mark.parametrize("name", FLOWS)
def test_the_flows_hold_whatever_happens(name: str) -> None:
    found = explored(ROOT / "flows", name, random=30)
    assert not found.findings, [each.fault for each in found.findings]
    tried, of = found.ground.coverage.share("transition")
    assert tried >= REACHED.get(name, 0.85) * of, [each.text for each in found.ground.coverage.missing()]


def test_the_examples_hold_whatever_happens() -> None:
    theatre, book = opened(str(ROOT / "examples"))
    seen = 0
    for name in book.flows:
        found = explore(theatre, book, name, Budget(seconds=30, plays=150), random=3)
        assert not found.findings, (name, [each.fault for each in found.findings])
        seen += found.plays > 0
    assert seen >= len(book.flows) - 2  # some only another flow plays


def test_the_same_seed_plays_the_same() -> None:
    def once() -> tuple[int, int, list[str]]:
        found = explored(ROOT / "flows", "front_desk", random=40, seed=3)
        return found.plays, found.situations, [repr(plan) for plan, _ in found.first]

    assert once() == once()


@pytest.mark.parametrize("strategy", [generate.projects(), generate_chats.chats()], ids=["calls", "chats"])
def test_flows_that_nobody_wrote_hold_too(strategy: SearchStrategy[Generated]) -> None:
    @profile(25)
    @given(project=strategy)
    def hold(project: Generated) -> None:
        made = built(project)
        if made.artefact is None:
            return
        theatre = Theatre(open_library(made.artefact, made.revision, {}, b"test"))
        for name in list(made.book.flows)[:1]:
            found = explore(theatre, made.book, name, Budget(seconds=30, plays=150), random=0)
            assert not found.findings, (project.files, [each.fault for each in found.findings])

    hold()


# --- what is planted is found -----------------------------------------------------------------------------------

LOOP = """
flow: line
channel: voice
triggers: [ { to: "+12025550100" } ]
variables: { n: { type: number, default: 0 } }
start: main
states:
  main:
    menu: { prompt: Press 1., choices: { bye: 1 } }
    visits: { max: LIMIT, then: bye }
    on: { timeout: again, invalidinput: bye }
  again: { set: { n: "{{ n + 1 }}" }, next: main }
  bye: { say: Goodbye., next: end }
"""


def test_a_caller_who_says_nothing_is_not_held_for_ever(flow: Flow) -> None:
    path = flow(LOOP.replace("LIMIT", "100"))
    found = explored(path, "line")
    finding = one(found)
    assert finding.fault.kind == "silence"
    assert "more than 30 questions" in finding.fault.sentence
    assert finding.fault.mark.line == 8
    assert acts(finding) == ["caller dials", "says nothing"]
    assert not replayed(found, finding, path).passed
    path.write_text(LOOP.replace("LIMIT", "1"), "utf-8")
    opened.cache_clear()
    assert not explored(path, "line").findings
    theatre, book = opened(str(path))
    kept = read_suite(scenarios_of(str(path)), "line.test.yaml").scenarios[0]
    assert run(theatre, kept, book).passed


PATIENT = """
flow: line
channel: voice
triggers: [ { to: "+12025550100" } ]
start: main
states:
  main:
    menu: { prompt: Press 1 to hold., choices: { hold: 1, go: 2 } }
    on: { timeout: hold, invalidinput: bye, go: continue }
  hold:
    wait: { for: 15m, play: Please wait. }
    on: { elapsed: bye }
  bye: { say: Goodbye., next: end }
"""


def test_a_long_wait_is_no_question_and_a_call_that_goes_on_is_no_trap(flow: Flow) -> None:
    found = explored(flow(PATIENT), "line")
    assert not found.findings, [each.fault for each in found.findings]
    assert found.whole and not [each for each in found.ground.coverage.missing() if each.what == "transition"]


TRAP = """
flow: line
channel: message
triggers: [ { keywords: [balance] } ]
variables: { pin: { type: text, default: "0" } }
session: { expires: 1d }
start: ask
states:
  ask:
    ask: { prompt: Your pin., expect: { matches: "[0-9]{4}" }, into: pin, timeout: 2h }
    on: { answer: gate, timeout: gate, invalidinput: gate, failed: gate }
  gate: { route: [ { when: pin == "PIN", to: bye }, { else: ask } ] }
  bye: { say: Goodbye., next: end }
"""


def test_a_place_that_nobody_gets_out_of_is_found(flow: Flow) -> None:
    path = flow(TRAP.replace("PIN", "12345"))
    found = explored(path, "line")
    finding = one(found)
    assert finding.fault.kind == "trap" and finding.fault.about == "line.ask"
    assert finding.fault.mark.line == 9
    assert acts(finding) == ["writes"]
    assert replayed(found, finding, path).passed  # it leads there; that there is no way out no play can show


def test_what_a_condition_compares_with_is_written(flow: Flow) -> None:
    found = explored(flow(TRAP.replace("PIN", "8642")), "line")
    assert not found.findings
    assert not found.ground.coverage.missing()


BOUNDED = """
flow: line
channel: voice
triggers: [ { to: "+12025550100" } ]
properties: { max_menus: 2, never_says: ["None"], says_before_end: Goodbye }
variables: { tier: { type: text, default: "" } }
start: main
on: { error: bye }
states:
  main:
    menu: { prompt: For service press 2., choices: { service: 2 } }
    on: { service: ask_pin, timeout: bye, invalidinput: bye }
  ask_pin:
    collect: { prompt: Your code., digits: 4, into: pin }
    on: { digits: look_up, timeout: bye, invalidinput: bye }
  look_up:
    http:
      post: https://crm.example.com/callers
      json: { pin: "{{ pin }}" }
      timeout: 800ms
      save: { tier: "{{ response.tier }}" }
    on:
      ok: [ { when: tier == "gold", to: offer }, { else: bye } ]
      error: bye
  offer:
    menu: { prompt: Press 1 for more., choices: { bye: 1 } }
    on: { timeout: bye, invalidinput: bye }
  bye: { say: Goodbye., next: end }
""".replace("variables: {", 'variables: { pin: { type: digits, default: "0" },')


def test_a_broken_property_is_told_with_the_server_that_breaks_it(flow: Flow) -> None:
    path = flow(BOUNDED)
    found = explored(path, "line")
    finding = next(each for each in found.findings if each.fault.about == "max_menus")
    assert finding.fault.mark.line == 5
    assert acts(finding) == ["caller dials", "presses", "presses"]
    server = finding.scenario.servers[0]
    assert (server.method, server.url, server.answers[0].data) == (
        "POST",
        "https://crm.example.com/callers",
        {"tier": "gold"},
    )
    replay = replayed(found, finding, path)
    assert replay.failure is not None and "3 questions came before a person" in replay.failure.but
    shown = "\n".join(lines(found, Paint(False)))
    assert f"{path}:5: max_menus: 3 questions came" in shown or "line.yaml:5: max_menus" in shown
    assert 'asks: "1234"' not in shown and "presses: 2" in shown
    assert played(found.ground, finding).acts[-1].seen[-1].text == "Press 1 for more."
    path.write_text(BOUNDED.replace("max_menus: 2", "max_menus: 3"), "utf-8")
    opened.cache_clear()
    theatre, book = opened(str(path))
    assert run(theatre, replay.scenario, book).passed


SWAPPED = """
flow: line
channel: voice
triggers: [ { to: "+12025550100" } ]
properties: { says_before_end: Goodbye }
start: main
states:
  main:
    menu: { prompt: For sales press 1., choices: { sales: 1 } }
    on: { timeout: TIMEOUT, invalidinput: WRONG, error: bye }
  sales: { say: Call us tomorrow. Goodbye., next: end }
  bye: { say: Goodbye., next: end }
"""


def test_swapped_timeouts_are_found_and_shown_in_two_acts(flow: Flow) -> None:
    path = flow(SWAPPED.replace("TIMEOUT", "end").replace("WRONG", "bye"))
    found = explored(path, "line")
    finding = next(each for each in found.findings if each.fault.about == "says_before_end")
    assert acts(finding)[0] == "caller dials" and len(acts(finding)) <= 2
    assert not replayed(found, finding, path).passed


CHAT = """
flow: line
channel: message
channels: [WHATSAPP]
triggers: [ { keywords: [book] } ]
properties: { never_says: ["for nobody"] }
variables: { seats: { type: number, default: 0 }, who: { type: text, default: nobody } }
session: { expires: 1d }
start: seats
states:
  seats:
    ask: { prompt: For how many?, expect: { number: 1..20 }, into: seats, timeout: 2h }
    on:
      answer: [ { when: seats > 8, to: done }, { else: find } ]
      timeout: end
      invalidinput: end
  find:
    http: { get: https://tables.example.com/free, timeout: 5s, save: { who: "{{ response.who }}" } }
    on: { ok: done, error: end }
  done: { say: "A table for {{ who }}.", next: end }
"""


def test_a_chat_is_explored_by_its_bounds(flow: Flow) -> None:
    found = explored(flow(CHAT), "line")
    finding = one(found)
    assert finding.fault.about == "never_says"
    assert [each.step.value for each in finding.plan.acts] == [{"text": "book"}, {"text": "9"}]
    assert not found.ground.coverage.missing()[:1] or found.ground.plays > 10


RARE = """
flow: line
channel: voice
triggers: [ { to: "+12025550100" } ]
properties: { never_says: [seventh heaven] }
variables: { n: { type: number, default: 0 } }
start: main
states:
  main:
    menu: { prompt: "Press 1 or 2. {{ 'seventh heaven' if n == 3 else '' }}", choices: { up: 1, down: 2, bye: 3 } }
    on: { timeout: bye, invalidinput: bye }
  up: { set: { n: "{{ n + 1 }}" }, next: main }
  down: { set: { n: "0" }, next: main }
  bye: { say: Goodbye., next: end }
"""


def test_what_no_condition_decides_is_found_by_chance_and_cut_down(flow: Flow) -> None:
    found = explored(flow(RARE), "line", random=300)
    finding = one(found)
    assert found.random and finding.fault.about == "never_says"
    assert [each.step.value for each in finding.plan.acts] == [None, "1", "1", "1"]


REMINDED = """
flow: line
channel: message
channels: [SMS]
triggers: [ { keywords: [visit] } ]
session: { expires: 2d }
start: a
states:
  a:
    ask: { prompt: First?, choices: { b: { label: Go } }, remind: [ { after: 1h, say: There? } ], timeout: 20h }
    on: { timeout: end, invalidinput: end, failed: end }
  b:
    ask: { prompt: Second?, expect: number, timeout: 20h }
    on: { answer: end, timeout: bye, invalidinput: end, failed: end }
  bye: { say: Bye., next: end }
"""


def test_the_time_after_a_question_with_a_reminder_and_any_number_are_tried(flow: Flow) -> None:
    found = explored(flow(REMINDED), "line")
    assert found.whole and found.ground.coverage.share("transition") == (9, 9)
    assert list(lines(found, Paint(False)))[-1].endswith(
        "; nothing broke (the flow declares no properties: docs/testing.md)."
    )


def test_what_is_written_is_told_apart_while_it_is_gathered(flow: Flow) -> None:
    found = explored(flow(REMINDED.replace("expect: number", "expect: number, settle: 10s")), "line")
    assert found.whole and found.ground.coverage.share("transition") == (9, 9)


@pytest.mark.parametrize(("bounds", "typed"), [("", ["3"]), (": 1..20000000", ["1", "20000000", "20000001"])])
def test_numbers_are_typed_as_people_write_them(flow: Flow, bounds: str, typed: list[str]) -> None:
    expect = f"{{ number{bounds} }}" if bounds else "number"
    path = flow(REMINDED.replace("start: a", "start: b").replace("expect: number", f"expect: {expect}"))
    play = opened_play(path, "line", Step("writes", {"text": "visit"}))
    written = [
        move.steps[0].value["text"] for move in play.ground.moves.now(play.stage) if move.steps[0].word == "writes"
    ]
    assert [each for each in unique(written) if each.isdigit()] == typed


FIVE = """
flow: line
channel: voice
triggers: [ { to: "+12025550100" } ]
properties: { max_menus: 1, says_before_end: Goodbye, never_says: ["None"], dial_only: [SE], max_turns: 2 }
may_dial: { desk: { number: "+12025550142" } }
start: main
states:
  main:
    menu: { prompt: Press 1., choices: { other: 1, desk: 2 } }
    on: { timeout: end, invalidinput: end }
  desk: { connect: { to: desk } }
  other:
    collect: { prompt: None., digits: 4 }
    on: { digits: more, timeout: end, invalidinput: end }
  more:
    collect: { prompt: Your code., digits: 4 }
    on: { digits: bye, timeout: bye, invalidinput: bye }
  bye: { say: Farewell., next: late }
  late:
    menu: { prompt: Press 1 again., choices: { last: 1 } }
    on: { timeout: end, invalidinput: end }
  last: { say: Farewell., next: end }
"""


def test_what_lies_behind_too_many_failures_is_not_called_unreachable(flow: Flow) -> None:
    found = explored(flow(FIVE), "line")
    assert len(found.findings) == 5 and not found.whole
    told = "\n".join(lines(found, Paint(False)))
    assert told.endswith("; stopped after 5 failures.")
    assert "Never reached" not in told and "--seconds" not in told
    data = as_data(found, [])
    assert data["stopped"] and data["missing"] == []
    few = explored(flow(FIVE.replace(", dial_only: [SE]", "")), "line")
    assert len(few.findings) == 4 and few.whole
    assert few.ground.coverage.share("transition")[0] > found.ground.coverage.share("transition")[0]
    assert list(lines(few, Paint(False)))[-1].endswith("; 4 things did not hold.")


BEHIND = """
flow: line
channel: voice
triggers: [ { to: "+12025550100" } ]
properties: { max_menus: 2, never_says: ["None"] }
variables: { n: { type: number, default: 0 } }
start: main
states:
  main:
    menu: { prompt: None., choices: { loop: 1 } }
    on: { timeout: end, invalidinput: end }
  loop:
    menu: { prompt: Press 1., choices: { again: 1 } }
    visits: { max: 100, then: end }
    on: { timeout: again, invalidinput: end }
  again: { set: { n: "{{ n + 1 }}" }, next: loop }
"""


def test_what_lies_behind_another_failure_is_shown_whole(flow: Flow) -> None:
    found = explored(flow(BEHIND), "line")
    by = {each.fault.kind if each.fault.kind != "property" else each.fault.about: each for each in found.findings}
    assert set(by) == {"never_says", "max_menus", "silence"}
    assert acts(by["never_says"]) == ["caller dials"]
    assert [each.word for each in by["max_menus"].scenario.steps] == acts(by["max_menus"])
    assert len(acts(by["max_menus"])) == 3
    assert len(played(found.ground, by["max_menus"]).acts) == 3


CLOCK = """
flow: line
channel: voice
triggers: [ { to: "+12025550100" } ]
properties: { never_says: [secret offer] }
calendars: { office: { timezone: UTC, open: { mon-fri: "09:00-17:00" } } }
variables: { tier: { type: text, default: "" } }
start: open
states:
  open: { hours: office, on: { open: ask, closed: bye } }
  ask:
    http: { get: https://crm.example.com/tier, timeout: 800ms, save: { tier: "{{ response.tier }}" } }
    on: { ok: [ { when: tier == "gold", to: offer }, { else: bye } ], error: bye }
  offer: { say: The secret offer., next: bye }
  bye: { say: Goodbye., next: end }
"""
NIGHT = """flow: line
now: 2026-11-24 23:00
servers:
  - { get: "https://crm.example.com/*", answers: { tier: none } }
scenarios:
  mine:
    steps: [ caller dials, { hears: Goodbye } ]
"""


def test_what_is_printed_fails_the_same_way_wherever_it_is_pasted(flow: Flow) -> None:
    path = flow(CLOCK)
    found = explored(path, "line")
    shown = list(lines(found, Paint(False)))
    start = next(at for at, line in enumerate(shown) if line.startswith("As a scenario")) + 1
    pasted = shown[start : shown.index("", start)]
    assert pasted[0] == '  "explore: never_says":' and one(found).fault.about == "never_says"
    file = scenarios_of(str(path))
    file.write_text(NIGHT + "\n".join(pasted) + "\n", "utf-8")
    suite = read_suite(file, shown_path(file))
    assert not suite.problems
    theatre, book = opened(str(path))
    mine, ours = (run(theatre, each, book) for each in suite.scenarios)
    assert mine.passed
    assert ours.failure is not None and "secret offer" in ours.failure.but


# --- what the stage itself looks at ------------------------------------------------------------------------------


def opened_play(path: Path, flow: str, *steps: Step) -> Play:
    theatre, book = opened(str(path))
    play = Ground(theatre, book, flow).open()
    for step in steps:
        play.do(Act(step))
    return play


def test_answers_and_messages_that_the_platform_refuses_are_noticed() -> None:
    stage = opened_play(ROOT / "flows", "appointment").stage
    stage.custom_callout('{"action":{"name":"hangup"}}')
    stage.custom_callout('{"action":{"name":"connectPstn","number":"12025550142"}}')
    stage.send({"app_id": "A", "recipient": {}, "message": {"text_message": {"text": ""}}})
    kinds = [kind for kind, _, _ in stage.wrong]
    assert kinds[:2] == ["position", "answer"] and kinds[2] == "message"


def test_a_store_that_forgets_its_answers_is_noticed() -> None:
    play = opened_play(ROOT / "flows", "front_desk", Step("caller dials"), Step("presses", "2"))
    twice(play.stage, NOWHERE)
    play = opened_play(ROOT / "flows", "front_desk", Step("caller dials"), Step("presses", "2"))
    play.stage.store._answers.clear()
    with pytest.raises(Broke) as broke:
        twice(play.stage, NOWHERE)
    assert broke.value.fault.kind == "twice"


def test_a_turn_that_breaks_is_found_and_cut_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(self: Connect, op: object, call: object) -> str:
        raise RuntimeError("planted")

    monkeypatch.setattr(Connect, "run", breaks)
    found = explored(ROOT / "flows", "front_desk")
    finding = found.findings[0]
    assert finding.fault.kind == "turn" and "planted" in finding.fault.sentence
    assert acts(finding) == ["caller dials", "presses"] and finding.plan.acts[1].step.value == "1"


def test_what_breaks_in_the_worker_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*given: object) -> None:
        raise ValueError("planted")

    monkeypatch.setattr("flowengine.delivery.message.reachable", breaks)
    finding = explored(ROOT / "flows", "my_bookings").findings[0]
    assert (
        finding.fault.kind == "effect" and finding.fault.sentence == "the worker broke at a send: ValueError: planted"
    )
    assert acts(finding) == ["flow starts"]


# --- the walk as scenarios --------------------------------------------------------------------------------------

OWN = """flow: line
scenarios:
  mine:                                   # stays as it is
    steps: [ caller dials, { hears: For service } ]
"""


def test_the_walk_is_written_beside_what_is_there_and_passes(flow: Flow) -> None:
    path = flow(BOUNDED.replace("max_menus: 2", "max_menus: 3"))
    file = scenarios_of(str(path))
    file.write_text(
        OWN.replace("steps: [ caller dials, { hears: For service } ]", "steps:\n      - caller dials"), "utf-8"
    )
    before = file.read_text("utf-8")
    found = explored(path, "line")
    theatre, book = opened(str(path))
    added = add_scenarios(found.ground, theatre, found.first)
    assert file.read_text("utf-8").startswith(before.rstrip())
    suite = read_suite(file, shown_path(file))
    assert not suite.problems
    assert [each.name for each in suite.scenarios] == ["mine", *(each.name for each in added)]
    coverage = survey(book, ["line"])
    for each in suite.scenarios:
        result = run(theatre, each, book, coverage)
        assert result.passed, (each.name, result.failure)
    assert coverage.share("transition") == found.ground.coverage.share("transition")
    assert len(added) < len(found.first)
    assert add_scenarios(found.ground, theatre, found.first) == []


def test_written_scenarios_fail_when_the_flow_goes_elsewhere(flow: Flow) -> None:
    text = BOUNDED.replace("max_menus: 2", "max_menus: 3")
    path = flow(text)
    found = explored(path, "line")
    theatre, _ = opened(str(path))
    add_scenarios(found.ground, theatre, found.first)
    path.write_text(
        text.replace('ok: [ { when: tier == "gold", to: offer }', 'ok: [ { when: tier == "gold", to: main }')
    )
    opened.cache_clear()
    theatre, book = opened(str(path))
    file = scenarios_of(str(path))
    results = [run(theatre, each, book) for each in read_suite(file, shown_path(file)).scenarios]
    failed = [each for each in results if not each.passed]
    assert failed and len(failed) < len(results)


# --- values -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", ["(?i)[a-z]{2}-[0-9]{4}", "[1-5]", r"\d{3}|x+", "[^@]+@[^@]+", "a.c"])
def test_text_that_a_pattern_takes_is_made(pattern: str) -> None:
    (text,) = matching(pattern)
    assert compile_pattern(pattern).matches(text)


def test_no_text_is_made_for_what_only_re2_knows_or_nothing_fits() -> None:
    assert matching(r"\pL\pN") == []
    assert digits(4, 4, "[a-z]+") == []


@pytest.mark.parametrize(("low", "high", "pattern"), [(4, 4, ""), (3, 6, "9[0-9]*7"), (1, 1, "[1-5]")])
def test_digits_fit_their_bounds_and_pattern(low: int, high: int, pattern: str) -> None:
    for text in digits(low, high, pattern):
        assert low <= len(text) <= high
        assert not pattern or compile_pattern(pattern).matches(text)


# --- the command ------------------------------------------------------------------------------------------------


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "flowengine", "explore", *arguments]
    return subprocess.run(line, cwd=cwd, capture_output=True, text=True, timeout=100)


def test_the_command_tells_and_writes(flow: Flow) -> None:
    path = flow(SWAPPED.replace("TIMEOUT", "bye").replace("WRONG", "bye"))
    done = command("line.yaml", "--random", "5", "--write", cwd=path.parent)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("line.test.yaml: ")
    assert "transitions" in done.stdout.splitlines()[-2]
    assert done.stdout.splitlines()[-2].endswith("; nothing broke, and its property held.")
    assert done.stdout.splitlines()[-1].startswith("Play them: flowengine test line.test.yaml")
    assert not done.stderr
    assert [each.name for each in path.parent.iterdir() if each.name.startswith(".")] == []


def test_a_finding_is_exit_code_1_and_shows_the_conversation(flow: Flow) -> None:
    path = flow(SWAPPED.replace("TIMEOUT", "end").replace("WRONG", "bye"))
    done = command("line.yaml", "--random", "0", cwd=path.parent)
    assert done.returncode == 1
    assert "FAIL line.yaml:5: says_before_end: " in done.stdout
    assert "caller dials" in done.stdout and "As a scenario, for line.test.yaml:" in done.stdout
    told = json.loads(command("line.yaml", "--random", "0", "--format", "json", cwd=path.parent).stdout)
    assert told["failures"][0]["kind"] == "property" and told["failures"][0]["line"] == 5
    assert "steps:" in told["failures"][0]["scenario"]


def test_what_cannot_be_explored_is_said_in_a_sentence(flow: Flow) -> None:
    path = flow(SWAPPED.replace("TIMEOUT", "nowhere").replace("WRONG", "bye"))
    broken = command("line.yaml", cwd=path.parent)
    assert broken.returncode == 1 and "nowhere" in broken.stdout and "before anything can be played" in broken.stderr
    missing = command("lien", cwd=path.parent)
    assert missing.returncode == 2 and "Traceback" not in missing.stderr
    alone = command(str(ROOT / "examples/kinds/return.yaml"), cwd=path.parent)
    assert alone.returncode == 2 and "nothing begins ask_code" in alone.stderr
