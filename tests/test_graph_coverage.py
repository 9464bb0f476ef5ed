"""`flowengine graph --coverage`: the scenarios beside a flow are played, and the picture says what they tried."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flowengine.cli import main

LINE = """\
flow: line
channel: voice
triggers: [{ to: "+12025550100" }]
may_dial: { sales: { number: "+12025550111" } }
start: main
states:
  main:
    visits: { max: 2, then: bye }
    menu: { prompt: For sales press 1 or 2., choices: { sales: 1, hours: 2 }, repeats: 0 }
    on: { timeout: { say: Nothing was pressed., retry: 1, then: bye }, invalidinput: bye, error: bye }
  sales: { connect: { to: sales }, on: { error: bye } }
  hours: { subflow: { flow: hours }, on: { shut: bye, done: main, error: bye } }
  bye: { say: Goodbye., next: end }
"""
HOURS = """\
flow: hours
channel: voice
outcomes: [shut]
calendars: { office: { timezone: Europe/Stockholm, open: { mon-fri: 09:00-17:00 } } }
start: look
states:
  look: { hours: office, on: { open: open, closed: shut } }
  open: { say: We are open., next: end }
  shut: { say: We are closed., next: gone }
  gone: { return: shut }
"""
TESTS = """\
scenarios:
  sales:
    steps:
      - caller dials
      - presses: 1
      - connects to: sales
  silence:
    steps:
      - caller dials
      - says nothing
      - hears: Nothing was pressed.
      - says nothing
      - hears: Goodbye.
      - ends
  we are open:
    now: 2026-11-24 10:00 Europe/Stockholm
    steps:
      - caller dials
      - presses: 2
      - hears: We are open.
      - asks: For sales press 1
"""


@pytest.fixture(autouse=True)
def flows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FLOWENGINE_FLOWS", raising=False)
    folder = tmp_path / "flows"
    folder.mkdir()
    for name, text in (("line.yaml", LINE), ("hours.yaml", HOURS), ("line.test.yaml", TESTS)):
        (folder / name).write_text(text)
    return folder


def graph(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["graph", *arguments])


def test_what_its_scenarios_tried_is_marked() -> None:
    done = graph("line", "--coverage")
    assert done.exit_code == 0, done.output
    assert "5 of 8 outcomes tested" in done.stdout
    assert "○ invalidinput" in done.stdout
    assert 'id="edge-main-invalidinput"' in done.stdout
    (edge,) = [line for line in done.stdout.splitlines() if 'id="edge-main-timeout"' in line]
    assert "odot" not in edge
    (edge,) = [line for line in done.stdout.splitlines() if 'id="edge-hours-shut"' in line]
    assert "odot" in edge
    assert "○ 1" not in done.stdout


def test_the_sentence_says_by_how_many() -> None:
    done = graph("line", "--coverage", "-o", "line.dot")
    assert done.stderr == "line.dot: 4 states of line; 3 scenarios: 5 of 8 outcomes tested.\n"


def test_what_is_counted_and_not_drawn_is_told(flows: Path) -> None:
    (flows / "line.yaml").write_text(LINE.replace("invalidinput: bye, error: bye", "invalidinput: bye"))
    shown = graph("line", "--coverage").stdout
    assert "5 of 8 outcomes tested; 1 of them falls to a built-in default, not drawn: flowengine test" in shown
    assert 'id="edge-main-error"' not in shown
    lacking = CliRunner().invoke(main, ["test", "--coverage"]).stdout
    assert "main: error" in lacking


def test_a_flow_that_is_played_is_tried_by_the_scenarios_of_those_who_play_it() -> None:
    done = graph("hours", "--coverage", "-o", "hours.dot")
    assert "3 scenarios: 2 of 4 outcomes tested" in done.stderr
    assert "not tested" in Path("hours.dot").read_text()


def test_scenarios_that_fail_are_told_and_count_as_far_as_they_came(flows: Path) -> None:
    (flows / "line.test.yaml").write_text(TESTS.replace("We are open.", "We are closed."))
    done = graph("line", "--coverage", "-o", "line.dot")
    assert done.exit_code == 0
    assert done.stderr.startswith("1 scenario failed: flowengine test flows\n")
    assert "3 scenarios: 5 of 8 outcomes tested" in done.stderr


def test_a_flow_without_scenarios_is_told(flows: Path) -> None:
    (flows / "line.test.yaml").unlink()
    done = graph("line", "--coverage")
    assert done.exit_code == 2
    assert done.stderr == (
        "flowengine: line has no scenarios; write some to flows/line.test.yaml, docs/testing.md shows how\n"
    )


def test_flows_with_errors_cannot_be_played(flows: Path) -> None:
    (flows / "line.yaml").write_text(LINE.replace("invalidinput: bye", "invalidinput: by"))
    done = graph("line", "--coverage")
    assert done.exit_code == 1
    assert done.stderr == "flowengine: flows with errors cannot be played; flowengine validate flows tells them\n"
    assert graph("line").exit_code == 0
