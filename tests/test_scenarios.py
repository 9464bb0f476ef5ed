"""The scenarios of flows/, mistakes that they must find, and ``flowengine test`` and pytest around them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from flowengine.scenarios.company import companies
from flowengine.scenarios.many import play

ROOT = Path(__file__).parent.parent
FLOWS = sorted(path.stem for path in (ROOT / "flows").glob("*.yaml") if not path.stem.endswith(".test"))

Run = subprocess.CompletedProcess[str]
Told = Callable[..., Run]


def run(folder: Path, *words: str, **env: str) -> Run:
    """``flowengine WORDS`` in a folder, without colour and without a terminal."""
    return python(folder, "-m", "flowengine", *words, **env)


def python(folder: Path, *words: str, **env: str) -> Run:
    known = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **env}
    known = {name: value for name, value in known.items() if value}
    return subprocess.run([sys.executable, *words], cwd=folder, env=known, capture_output=True, text=True, check=False)


def untimed(text: str) -> str:
    """The output with every time the same."""
    return re.sub(r"[0-9]+\.[0-9]+ s", "0.01 s", re.sub(r'(time|"seconds")(=|: )"?[0-9.e-]+"?', r"\1", text))


# --- flows/ ------------------------------------------------------------------------------------------------------


def test_every_flow_has_scenarios_that_pass_and_try_all_there_is_to_try() -> None:
    found = companies([str(ROOT / "flows")])
    report = play(found)
    assert report.problems == []
    assert [f"{each.scenario.flow}: {each.scenario.name}" for each in report.played if not each.passed] == []
    assert sorted(suite.flow for company in found for suite in company.suites) == FLOWS
    assert [str(each.mark) + each.text for each in report.coverage.missing()] == []
    assert report.coverage.percent() == 100.0


# --- mistakes ----------------------------------------------------------------------------------------------------


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A folder with the project of flows/ in it."""
    shutil.copytree(ROOT / "flows", tmp_path / "flows")
    shutil.copy(ROOT / "flowengine.yaml", tmp_path)
    return tmp_path


PLANTED = {
    "the targets of a menu are swapped": (
        "front_desk",
        ("choices: { sales: 1, service: 2, repeat: 9 }", "choices: { sales: 2, service: 1, repeat: 9 }"),
        """FAIL front_desk: sales is connected at once
           2 presses 1                             main -> ask_pin
           > expected connects to sales            flows/front_desk.test.yaml:12
           but      hears "Please enter your four digit code."
           because  flows/front_desk.yaml:45: service (key 1) of main leads to ask_pin""",
    ),
    "the branch of a time-out is lost": (
        "front_desk",
        ("      timeout: goodbye\n", ""),
        """FAIL front_desk: no code at all
           3 says nothing                          ask_pin
           hears    "We did not get an answer. Goodbye."
           > expected hears /^Goodbye/             flows/front_desk.test.yaml:110
           because  flows/front_desk.yaml:47: timeout of ask_pin is left to the default""",
    ),
    "a mailbox is taken for a colleague": (
        "front_desk",
        ("machine: missed", "machine: continue"),
        """FAIL front_desk: a mailbox answers for support, and is not mistaken for a colleague
           4 callee machine                        support
           > expected ends                         flows/front_desk.test.yaml:58
           but      nothing more came
           because  flows/front_desk.yaml:76: machine of support leads to continue""",
    ),
    "a machine is asked, and a person told": (
        "reminder",
        ("human: ask\n      notsure: ask\n      machine: leave_message", "else: leave_message\n      machine: ask"),
        """FAIL reminder: the patient confirms
           2 callee human                          dial -> leave_message
           > expected asks "Hello Ann. Your appointment is at half past nine. Press 1 to confirm, 2 to cancel"
           , and waits for no answer
           because  flows/reminder.yaml:15: human of dial leads to leave_message""",
    ),
    "what the server says is not kept": (
        "front_desk",
        ('      save: { tier: "{{ response.tier }}" }\n', ""),
        """FAIL front_desk: a customer whom we know is put through and recorded
           3 presses ****                          ask_pin -> look_up -> ask_pin
           http     POST crm.example.com/callers      stub: 200 {"tier":"gold"}
           because  flows/front_desk.yaml:62: tier == "unknown" is true; tier is "unknown\"""",
    ),
    "what was pressed is not kept": (
        "front_desk",
        (", into: pin }", " }"),
        """flows/front_desk.yaml:58:50: error unset-variable: "pin" may be read before it is set
           1 problem; what it touches was not played.""",
    ),
    "goodbye leads back into the menu": (
        "front_desk",
        ("{ say: Goodbye., next: end }", "{ say: Goodbye., next: main }"),
        """flows/front_desk.yaml:45:35: error silent-caller: a caller who does nothing goes round for ever""",
    ),
    "a bound is off by one": (
        "booking",
        ("seats > 8", "seats >= 8"),
        """FAIL booking: eight are not
           3 writes "8"                            seats -> person
           > expected asks "When would you like to come?"
           because  flows/booking.yaml:36: seats >= 8 is true; seats is 8""",
    ),
    "a reminder comes too late": (
        "appointment",
        ("remind: [ { after: 4h", "remind: [ { after: 6h"),
        """FAIL appointment: who does not answer is reminded once
           3 time passes 4h
           but      nothing more came
           because  flows/appointment.yaml:34: write waits, until Tue 24 Nov 2026 16:00 America/New_York""",
    ),
    "everybody steers the room": (
        "conference",
        ('when: role == "moderator"', 'when: role == "participant"'),
        """FAIL conference: a participant joins the room of the code, and nobody listens to their keys
           2 presses ******                        ask_code -> look_up -> moderator
           but      hears "You are the moderator. Press 1 to lock the room
           because  flows/conference.yaml:51: role == "participant" is true; role is "participant\"""",
    ),
    "six is a mark": (
        "survey",
        ('matches: "[1-5]"', 'matches: "[1-9]"'),
        """FAIL survey: a mark out of range is asked for once more
           > expected hears "survey-one-to-five-en.wav"
           because  flows/survey.yaml:58: digits of ask_service leads to ask_recommend""",
    ),
    "nothing is cancelled": (
        "my_bookings",
        ("{ clear: contact.booking }, ", ""),
        """FAIL my_bookings: a booking is cancelled
           > expected contact booking null         flows/my_bookings.test.yaml:28
           but      booking is "2026-11-25T19:00:00+00:00\"""",
    ),
    "a machine is asked whether it is coming": (
        "appointment_call",
        ("machine: no_answer", "machine: ask"),
        """FAIL appointment: a machine is left no message, and the patient is written to
           2 callee machine                        appointment_call: ring -> ask
           FAIL appointment_call: a machine is left no message
           > expected not hears""",
    ),
}


@pytest.mark.parametrize("mistake", PLANTED)
def test_a_mistake_is_found_and_told_as_the_conversation_in_which_it_shows(mistake: str, copied: Path) -> None:
    flow, (right, wrong), lines = PLANTED[mistake]
    path = copied / "flows" / f"{flow}.yaml"
    text = path.read_text("utf-8")
    assert text.count(right) == 1
    path.write_text(text.replace(right, wrong), "utf-8")
    done = run(copied, "test")
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr == ""
    for line in lines.splitlines():
        assert line.strip() in done.stdout, f"{line.strip()}\n\nis not in\n\n{done.stdout}"


# --- flowengine test ---------------------------------------------------------------------------------------------

DESK = """\
flow: desk
channel: voice
triggers: [ { to: "+12025550100" } ]
may_dial: { sales: { number: "+12025550111" } }
variables: { tier: { type: text, default: unknown } }
start: main
states:
  main:
    menu: { prompt: For sales press 1. For our address press 2., choices: { look_up: 1, address: 2 }, repeats: 0 }
    on: { timeout: bye, invalidinput: bye, error: bye }
  look_up:
    http: { get: https://crm.example.com/tier, timeout: 800ms, save: { tier: "{{ response.tier }}" } }
    on: { ok: [ { when: tier == "gold", to: sales }, { else: bye } ], error: bye }
  sales: { connect: { to: sales } }
  address: { say: We are at 12 Main Street., next: main }
  bye: { say: Goodbye., next: end }
"""
TESTS = """\
flow: desk
scenarios:
  gold customers are put through:
    servers:
      - { get: https://crm.example.com/tier, answers: { tier: Gold } }
    steps:
      - caller dials
      - presses: 1
      - connects to: sales

  # where we are
  our address:
    steps:
      - caller dials
      - presses: 2
      - hears: "We are at 12 Main Street."   # since May
      - asks: For sales press 1

  silence:
    steps:
      - caller dials
      - says nothing
      - hears: Goodbye.
"""
CONVERSATION = """\
FAIL desk: gold customers are put through                        flows/desk.test.yaml:3

  1 caller dials                          Tue 24 Nov 2026 10:00 UTC
    hears    "For sales press 1. For our address press 2."
  2 presses 1                             main -> look_up -> bye
    http     GET crm.example.com/tier          stub: 200 {"tier":"Gold"}
    hears    "Goodbye."
    ends
  > expected connects to sales            flows/desk.test.yaml:9
    but      hears "Goodbye.", ends
    because  flows/desk.yaml:13: tier == "gold" is false; tier is "Gold"
"""
MENDED = TESTS.replace("tier: Gold", "tier: gold")


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A project of one flow with three scenarios; the first one fails."""
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "desk.yaml").write_text(DESK)
    (tmp_path / "flows" / "desk.test.yaml").write_text(TESTS)
    return tmp_path


def rewrite(folder: Path, text: str, name: str = "desk.test.yaml") -> None:
    (folder / "flows" / name).write_text(text)


def test_what_failed_is_told_then_a_sentence_and_what_to_type_next(desk: Path) -> None:
    done = run(desk, "test")
    assert done.returncode == 1 and done.stderr == ""
    assert (
        untimed(done.stdout)
        == f"""{CONVERSATION}
2 passed, 1 failed (0.01 s).
By hand: flowengine call desk --like 'gold customers are put through'      \
On the picture: flowengine graph desk --coverage
"""
    )


def test_when_all_pass_there_is_one_line(desk: Path) -> None:
    rewrite(desk, MENDED)
    done = run(desk, "test")
    assert (done.returncode, untimed(done.stdout), done.stderr) == (0, "3 passed (0.01 s).\n", "")


def test_coverage_names_what_was_not_tried_and_joins_the_last_line(desk: Path) -> None:
    rewrite(desk, MENDED)
    done = run(desk, "test", "--fail-under", "80")
    assert done.returncode == 1
    assert untimed(done.stdout).splitlines() == [
        "desk  states 5/5  outcomes 6/9  choices 2/2  transitions 6/10",
        "flows/desk.yaml:10:39  main: invalidinput -> bye",
        "flows/desk.yaml:10:51  main: error -> bye",
        "flows/desk.yaml:13:62  look_up: ok else -> bye",
        "flows/desk.yaml:13:78  look_up: error -> bye",
        "",
        "3 passed (0.01 s). Outcomes covered: 66.6 %, 6 of 9 (wanted 80 %).",
    ]
    assert run(desk, "test", "--fail-under", "66").returncode == 0
    assert run(desk, "test", "--coverage").returncode == 0


def test_words_choose_scenarios_by_name_and_flow(desk: Path) -> None:
    assert untimed(run(desk, "test", "-k", "address OUR").stdout) == "1 passed (0.01 s).\n"
    assert untimed(run(desk, "test", "-k", "desk silence").stdout) == "1 passed (0.01 s).\n"
    done = run(desk, "test", "-k", "platinum")
    assert done.returncode == 2
    assert done.stderr == 'flowengine: no scenario holds the words "platinum"\n'


@pytest.mark.parametrize("path", ["flows", "flows/desk.yaml", "flows/desk.test.yaml"])
def test_a_folder_a_flow_or_a_file_of_scenarios_may_be_named(desk: Path, path: str) -> None:
    assert "2 passed, 1 failed" in run(desk, "test", path).stdout


def test_as_json(desk: Path) -> None:
    done = run(desk, "test", "--format", "json", "--coverage")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert (told["passed"], told["failed"], told["problems"]) == (2, 1, [])
    first = told["scenarios"][0]
    assert (first["flow"], first["name"], first["passed"]) == ("desk", "gold customers are put through", False)
    assert first["failure"] == {
        "expected": "connects to sales",
        "but": 'hears "Goodbye.", ends',
        "because": 'flows/desk.yaml:13: tier == "gold" is false; tier is "Gold"',
        "file": "flows/desk.test.yaml",
        "line": 9,
        "column": 9,
    }
    assert first["conversation"] == CONVERSATION.splitlines()
    assert "failure" not in told["scenarios"][1]
    assert told["coverage"]["outcomes"] == {"tested": 6, "all": 9}


def test_as_annotations(desk: Path) -> None:
    done = run(desk, "test", "--format", "github")
    (line,) = done.stdout.splitlines()
    assert line.startswith("::error file=flows/desk.test.yaml,line=9,col=9")
    assert "gold customers are put through" in line and 'tier is "Gold"' in line


def test_as_junit_in_a_file_with_the_text_told_as_well(desk: Path) -> None:
    done = run(desk, "test", "--format", "junit", "-o", "report.xml")
    assert done.returncode == 1 and CONVERSATION in done.stdout
    assert done.stderr == "written to report.xml\n"
    suite = ElementTree.parse(desk / "report.xml").getroot()[0]
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("flows/desk.test.yaml", "3", "1")
    assert [case.get("name") for case in suite] == ["gold customers are put through", "our address", "silence"]
    (failure,) = suite.findall("testcase/failure")
    assert "expected connects to sales but" in failure.get("message", "")
    assert CONVERSATION.strip() in (failure.text or "")


def test_the_text_may_go_into_a_file_without_colour(desk: Path) -> None:
    done = run(desk, "test", "-o", "report.txt", NO_COLOR="", FORCE_COLOR="1")
    assert (desk / "report.txt").read_text().startswith(CONVERSATION)
    assert done.returncode == 1


def test_colour_only_where_it_is_wanted(desk: Path) -> None:
    assert "\x1b[" not in run(desk, "test").stdout
    assert "\x1b[" not in run(desk, "test", NO_COLOR="").stdout  # not a terminal
    assert "\x1b[" in run(desk, "test", NO_COLOR="", FORCE_COLOR="1").stdout


# --- what cannot be played ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nowhere",), "nowhere does not exist"),
        (("empty",), "there are no scenarios (*.test.yaml) in empty; docs/testing.md shows how to write one"),
        (("flows/alone.yaml",), "there are no scenarios (*.test.yaml) in flows/alone.yaml"),
        (("--fail-under", "120"), "120"),
        (("-j", "many"), "many"),
    ],
)
def test_wrong_usage(desk: Path, words: tuple[str, ...], told: str) -> None:
    (desk / "empty").mkdir()
    rewrite(desk, "flow: alone\nchannel: voice\nstart: a\nstates: { a: { say: Hi., next: end } }\n", "alone.yaml")
    done = run(desk, "test", *words)
    assert done.returncode == 2 and done.stdout == ""
    assert told in done.stderr and "Traceback" not in done.stderr


def test_a_file_with_mistakes_is_told_and_the_others_are_played(desk: Path) -> None:
    rewrite(desk, MENDED)
    other = "flow: desk\nscenarios:\n  one:\n    steps:\n      - caller dails\n      - connects to: sails\n"
    rewrite(desk, other, "other.test.yaml")
    done = run(desk, "test")
    assert done.returncode == 1
    assert 'flows/other.test.yaml:5:9: error unknown-step: there is no step "caller dails"' in done.stdout
    assert "1 problem; what it touches was not played. 3 passed" in done.stdout
    rewrite(desk, other.replace("dails", "dials"), "other.test.yaml")
    assert (
        'flows/other.test.yaml:6:9: error unknown-name: desk has no entry of may_dial "sails"'
        in run(desk, "test").stdout
    )


def test_a_flow_with_mistakes_is_told_in_place_of_its_scenarios(desk: Path) -> None:
    rewrite(desk, DESK.replace("timeout: bye", "timeout: by"), "desk.yaml")
    done = run(desk, "test")
    assert done.returncode == 1
    assert "flows/desk.yaml:10:20: error unknown-target" in done.stdout
    assert untimed(done.stdout).endswith("1 problem; what it touches was not played. Nothing was played (0.01 s).\n")


def test_a_slip_in_one_scenario_leaves_the_others_of_the_file(desk: Path) -> None:
    rewrite(desk, MENDED.replace("- says nothing", "- says nothng"))
    done = run(desk, "test")
    assert done.returncode == 1
    assert 'there is no step "says nothng"' in done.stdout
    assert untimed(done.stdout).endswith("1 problem; what it touches was not played. 2 passed (0.01 s).\n")
    rewrite(desk, MENDED.replace("- hears: Goodbye.", "- state: bie"))
    done = run(desk, "test")
    assert 'desk has no state "bie"; did you mean "bye"?' in done.stdout
    assert untimed(done.stdout).endswith("1 problem; what it touches was not played. 2 passed (0.01 s).\n")
    rewrite(desk, MENDED + "nwo: 2026-11-24 10:00\n")
    assert "Nothing was played" in run(desk, "test").stdout


def test_a_flow_with_mistakes_leaves_the_scenarios_of_the_others(desk: Path) -> None:
    rewrite(desk, MENDED)
    broken = "flow: broken\nchannel: voice\ntriggers: [ { to: any } ]\nstart: a\nstates: { a: { say: Hi., next: b } }\n"
    rewrite(desk, broken, "broken.yaml")
    steps = "scenarios:\n  one:\n    steps: [caller dials, hears: Hi]\n"
    rewrite(desk, steps, "broken.test.yaml")
    done = run(desk, "test")
    assert done.returncode == 1 and 'there is no state "b"' in done.stdout
    assert untimed(done.stdout).endswith("1 problem; what it touches was not played. 3 passed (0.01 s).\n")
    playing = "flow: playing\nchannel: voice\ntriggers: [ { to: any } ]\nstart: a\n"
    playing += "states: { a: { subflow: broken, on: { error: end } } }\n"
    rewrite(desk, playing, "playing.yaml")
    rewrite(desk, steps.replace("Hi", "Anything else"), "playing.test.yaml")
    done = run(desk, "test", "--coverage")
    assert "3 passed" in done.stdout and "failed" not in done.stdout, done.stdout
    rewrite(desk, "flow: [", "broken.yaml")
    assert "3 passed" in run(desk, "test").stdout
    done = pytested(desk)
    assert done.returncode == 1 and "3 passed" in done.stdout, done.stdout


def test_a_server_that_is_not_declared_is_told_with_what_to_add(desk: Path) -> None:
    rewrite(
        desk,
        TESTS.replace("    servers:\n      - { get: https://crm.example.com/tier, answers: { tier: Gold } }\n", ""),
    )
    done = run(desk, "test")
    assert done.returncode == 1
    assert "  > stopped at presses 1                  flows/desk.test.yaml:6\n" in done.stdout
    assert (
        "because  no server is declared for GET https://crm.example.com/tier; "
        "add it to servers: { get: https://crm.example.com/tier, answers: { … } }\n"
    ) in done.stdout


# --- several processes -------------------------------------------------------------------------------------------


def test_two_processes_tell_the_same_in_the_same_order(copied: Path) -> None:
    path = copied / "flows" / "front_desk.yaml"
    path.write_text(path.read_text().replace("say: Goodbye.", "say: Bye."))
    for form in ("text", "json", "junit"):
        alone = run(copied, "test", "--format", form, "--coverage", "-j", "1")
        both = run(copied, "test", "--format", form, "--coverage", "-j", "2")
        assert alone.returncode == both.returncode == 1
        assert untimed(alone.stdout) == untimed(both.stdout)
        assert len(alone.stdout) > 1000


# --- update ------------------------------------------------------------------------------------------------------


def test_update_writes_the_words_that_came_and_nothing_else(desk: Path) -> None:
    rewrite(desk, MENDED)
    rewrite(desk, DESK.replace("12 Main Street", "7 High Street").replace("Goodbye.", "Bye."), "desk.yaml")
    done = run(desk, "test", "--update")
    assert (done.returncode, untimed(done.stdout)) == (0, "3 passed (0.01 s).\n")
    assert done.stderr.splitlines() == [
        'flows/desk.test.yaml:16:9: hears "We are at 12 Main Street." is now hears "We are at 7 High Street."',
        'flows/desk.test.yaml:23:9: hears "Goodbye." is now hears "Bye."',
    ]
    expected = MENDED.replace("We are at 12 Main Street.", "We are at 7 High Street.").replace(
        "hears: Goodbye.", "hears: Bye."
    )
    assert (desk / "flows" / "desk.test.yaml").read_text() == expected
    assert run(desk, "test").returncode == 0


def test_update_leaves_a_scenario_that_goes_elsewhere_to_a_person(desk: Path) -> None:
    rewrite(desk, DESK.replace("look_up: 1, address: 2", "look_up: 2, address: 1"), "desk.yaml")
    done = run(desk, "test", "--update")
    assert done.returncode == 1
    assert (desk / "flows" / "desk.test.yaml").read_text() == TESTS
    assert (
        "flows/desk.test.yaml:9:9: left as it is: connects to sales: flows/desk.yaml:9: address (key 1)" in done.stderr
    )


def test_update_with_nothing_to_write_writes_nothing(desk: Path) -> None:
    rewrite(desk, MENDED)
    before = (desk / "flows" / "desk.test.yaml").stat().st_mtime_ns
    assert run(desk, "test", "--update").stderr == ""
    assert (desk / "flows" / "desk.test.yaml").stat().st_mtime_ns == before


# --- pytest ------------------------------------------------------------------------------------------------------


def pytested(folder: Path, *words: str) -> Run:
    return python(folder, "-m", "pytest", "-p", "no:cacheprovider", "flows", *words)


def test_pytest_plays_them_without_being_told_how(desk: Path) -> None:
    rewrite(desk, MENDED)
    done = pytested(desk, "-v")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "flows/desk.test.yaml::our address PASSED" in done.stdout
    assert "3 passed" in done.stdout


def test_pytest_shows_the_conversation_of_one_that_failed(desk: Path) -> None:
    done = pytested(desk)
    assert done.returncode == 1
    assert CONVERSATION.strip() in done.stdout
    assert "Traceback" not in done.stdout and "1 failed, 2 passed" in done.stdout


def test_pytest_chooses_by_words(desk: Path) -> None:
    done = pytested(desk, "-k", "silence")
    assert done.returncode == 0 and "1 passed, 2 deselected" in done.stdout


def test_in_pytest_each_mistake_of_a_file_fails_at_its_place(desk: Path) -> None:
    rewrite(desk, MENDED.replace("caller dials", "caller dails", 1))
    done = pytested(desk)
    assert done.returncode == 1 and "1 failed" in done.stdout
    assert 'flows/desk.test.yaml:7:9: error unknown-step: there is no step "caller dails"' in done.stdout


def test_in_pytest_a_mistake_of_a_flow_fails_once_for_each_file(desk: Path) -> None:
    rewrite(desk, DESK.replace("timeout: bye", "timeout: by"), "desk.yaml")
    done = pytested(desk)
    assert done.returncode == 1
    assert "flows/desk.yaml:10:20: error unknown-target" in done.stdout
