"""A recorded call or conversation becomes a scenario that passes, and nothing private of it is in there."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from recording import Recorder
from serving import Line
from test_replay import ANSWERS, FLOWS, SHOP, changed, one_session, recorded

from flowengine.build import build
from flowengine.engine.library import open_library
from flowengine.fetch import Response
from flowengine.recorded.as_scenario import CannotTell, Told, as_scenario
from flowengine.recorded.reading import history
from flowengine.scenarios.reading import suite_from_text
from flowengine.scenarios.running import run
from flowengine.scenarios.writing import suite_text
from flowengine.settings import journal_key
from flowengine.simulator import Phone
from flowengine.stage import Theatre

PRIVATE = re.compile(r"(415|312|212)867[0-9]{4}|canary|~[0-9a-f]{6}|7391")


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def theatre_of(recorder: Recorder) -> Theatre:
    artefact = recorder.built.artefact
    assert artefact is not None
    return Theatre(open_library(artefact, recorder.built.revision, {}, journal_key({})))


def test_random_sessions_become_scenarios_that_pass(tmp_path: Path) -> None:
    recorder = Recorder([FLOWS], f"sqlite:///{tmp_path}/x.db", Random(3), ANSWERS)
    for _ in range(120):
        one_session(recorder)
    theatre, whole, all_of_them = theatre_of(recorder), 0, 0
    for key in recorder.store.keys("", 10_000):
        turns = history(recorder.store, key)
        if not any(each.begun for each in turns):
            continue
        told = as_scenario(turns, theatre, recorder.built.book, recorder.library.digest)
        text = suite_text(told.scenario.flow, [told.scenario])
        assert not PRIVATE.search(text), text
        (read,) = suite_from_text(text, "x.test.yaml").scenarios
        played = run(theatre, read, recorder.built.book)
        assert played.passed, f"{played.failure}\n{text}"
        whole, all_of_them = whole + (not told.sentences), all_of_them + 1
    assert all_of_them > 80 and whole >= 0.9 * all_of_them


# --- one call, word for word -------------------------------------------------------------------------------------


def trace(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flowengine", "trace", "--store", f"sqlite:///{folder}/x.db", *words]
    env = {**os.environ, "NO_COLOR": "1"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


PIN_FREE = SHOP.replace(
    '        - { when: pin is matching("73.*"), to: look_up }\n        - { else: bye }\n', ""
).replace("      digits:\n", "      digits: look_up\n")


def test_a_call_as_it_is_written(tmp_path: Path) -> None:
    line = Line(tmp_path, PIN_FREE, store=f"sqlite:///{tmp_path}/x.db")
    recorded_on(line)
    done = trace(tmp_path, "canary-call-1", "--as-scenario", "--name", "who is silver")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert done.stdout == WRITTEN


WRITTEN = """\
flow: shop

scenarios:
  who is silver:
    about: The digits of turn 2 are made up.
    now: 2025-11-24 09:59:59 UTC
    servers: [{ post: https://crm.example.com/x, answers: { tier: silver } }]
    steps:
      - caller dials
      - asks: For sales press 1.
      - presses: 2
      - asks: Your code.
      - presses: "4821"
      - requests: { post: https://crm.example.com/x }
      - hears: You are silver, calling from +12025550142.
      - hears: Goodbye.
      - ends
"""


def recorded_on(line: Line) -> None:
    """Somebody presses 2, a code, and hears the end of it."""
    line.library.key = journal_key({})
    line.reply = Response(200, {"tier": "silver"}, "")
    phone = Phone(lambda body: line.service.callback(body).body, lambda: line.now, lambda seen: None, "canary-call-1")
    phone.dial("+12025550100", "+12128675309")
    for keys in ("2", "7391"):
        line.now += 4
        phone.press(keys)


def test_it_is_saved_beside_its_flow_and_passes_there(tmp_path: Path) -> None:
    line = Line(tmp_path, PIN_FREE, store=f"sqlite:///{tmp_path}/x.db")
    recorded_on(line)
    done = trace(tmp_path, "canary-call-1", "--as-scenario", "--save", "--name", "one")
    assert done.returncode == 0 and done.stdout == ""
    assert done.stderr == "“one” is in flows/flow0.test.yaml\n"
    assert trace(tmp_path, "canary-call-1", "--as-scenario", "--save", "--name", "two").returncode == 0
    again = trace(tmp_path, "canary-call-1", "--as-scenario", "--save", "--name", "two")
    assert again.returncode == 2 and 'has a scenario "two" already' in again.stderr
    command = [sys.executable, "-m", "flowengine", "test", "flows"]
    tested = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert tested.stdout.startswith("2 passed"), tested.stdout
    assert not PRIVATE.search((tmp_path / "flows" / "flow0.test.yaml").read_text())
    other = trace(tmp_path, "canary-call-1", "--as-scenario", "-o", "other.test.yaml")
    assert other.returncode == 0 and (tmp_path / "other.test.yaml").is_file()


def test_a_scenario_ends_where_the_flows_go_another_way(tmp_path: Path) -> None:
    """The code decides, and nobody knows it."""
    recorded_on(Line(tmp_path, SHOP, store=f"sqlite:///{tmp_path}/x.db"))
    done = trace(tmp_path, "canary-call-1", "--as-scenario")
    assert (
        done.returncode == 0
        and done.stdout.endswith("- asks: For sales press 1.\n")
        and 'presses: "' not in done.stdout
    )
    assert done.stderr == (
        "turn 2, presses ****: goes another way here, code -> bye -> end in place of "
        "code -> look_up -> by_tier -> tell -> bye -> end; the scenario ends before it\n"
    )


def test_a_flow_that_changed(tmp_path: Path) -> None:
    recorded(tmp_path)
    changed(tmp_path, ("choices: { sales: 1, code: 2 }", "choices: { sales: 1 }"), ("  code:\n", "  code2:\n"))
    told = trace(tmp_path, "call-2", "--as-scenario")
    assert told.returncode in (0, 1) and "Traceback" not in told.stderr


def told_of(line: Line, folder: Path, call: str) -> Told:
    built = build([str(folder / "flows")])
    assert built.artefact is not None
    theatre = Theatre(open_library(built.artefact, built.revision, {}, line.library.key))
    return as_scenario(history(line.store, line.key(call)), theatre, built.book, theatre.library.digest)


def test_a_call_that_goes_on_ends_as_far_as_it_got(tmp_path: Path) -> None:
    told = told_of(recorded(tmp_path), tmp_path, "call-2")
    assert told.sentences == []
    words = [(each.word, each.value) for each in told.scenario.steps]
    assert words[0] == ("caller dials", None) and words[-1] == ("connects to", "sales")


def test_what_cannot_be_a_scenario_is_a_sentence(tmp_path: Path) -> None:
    line = recorded(tmp_path)
    (tmp_path / "flows" / "flow0.yaml").write_text(SHOP.replace("flow: shop", "flow: store"))
    with pytest.raises(CannotTell, match="there is no flow shop here"):
        told_of(line, tmp_path, "call-2")
    done = trace(tmp_path, "call-2", "--as-scenario")
    assert done.returncode == 1
    assert done.stderr == "flowengine: it cannot be written as a scenario: there is no flow shop here\n"


@pytest.mark.parametrize("words", [["--save"], ["--name", "x"], ["-o", "x"], ["--as-scenario", "--save", "-o", "x"]])
def test_options_that_belong_together(words: list[str], tmp_path: Path) -> None:
    recorded(tmp_path)
    done = trace(tmp_path, "call-2", *words)
    assert done.returncode == 2 and "--save" in done.stderr and "Traceback" not in done.stderr
