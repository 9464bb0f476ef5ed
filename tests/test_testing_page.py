"""docs/testing.md is true: every file in it is played, every command in it runs and prints what it shows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from flowengine.scenarios.reading import suite_from_text

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "testing.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
FILES = {match[1]: text for kind, text in BLOCKS if kind == "yaml" and (match := re.match(r"# (\S+\.yaml)\n", text))}
PARTS = [text for kind, text in BLOCKS if kind == "yaml" and re.match(r"# \S+\.yaml \(part\)\n", text)]
COMMANDS = [
    (command, shown)
    for (kind, text), (next_kind, shown) in zip(BLOCKS, [*BLOCKS[1:], ("", "")], strict=True)
    if kind == "console"
    for shown in [shown if next_kind == "text" else ""]
    for command in (line[2:] for line in text.splitlines() if line.startswith("$ flowengine"))
]
PIPED = [text.partition("\n") for kind, text in BLOCKS if kind == "console" and text.startswith("$ printf")]

PROPERTIES = [text for kind, text in BLOCKS if kind == "yaml" and text.startswith("properties:")]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The files of the page. The chat comes later than the first command, so it is put aside for that one."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def played(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    words = shlex.split(command)
    assert words[0] == "flowengine"
    env = {**os.environ, "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_there_is_something_to_test() -> None:
    assert len(FILES) >= 4 and len(COMMANDS) >= 5 and PARTS


@pytest.mark.parametrize(("command", "shown"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_every_command_runs_and_prints_what_is_shown(command: str, shown: str, project: Path) -> None:
    if "visit" not in command:
        for each in (project / "flows").glob("visit*"):
            each.unlink()
    done = played(command, project)
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr
    if shown:
        assert untimed(done.stdout) == untimed(shown), f"{command}: paste the output into docs/testing.md"


@pytest.mark.parametrize(("line", "_", "shown"), PIPED, ids=[line[2:] for line, *_ in PIPED])
def test_what_is_typed_is_answered_as_shown(line: str, _: str, shown: str, tmp_path: Path) -> None:
    """With the flows of this repository, the scenarios of the front desk left out but for where and when they play."""
    (tmp_path / "flows").mkdir()
    for each in (ROOT / "flows").glob("*.yaml"):
        (tmp_path / "flows" / each.name).write_bytes(each.read_bytes())
    (tmp_path / "flowengine.yaml").write_bytes((ROOT / "flowengine.yaml").read_bytes())
    script = tmp_path / "bin" / "flowengine"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m flowengine "$@"\n')
    script.chmod(0o755)
    env = {**os.environ, "NO_COLOR": "1", "PATH": f"{script.parent}:{os.environ['PATH']}"}
    typed = line.removeprefix("$ ")
    done = subprocess.run(
        ["sh", "-c", f"{typed} 2>&1"], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and sorted(done.stdout.splitlines()) == sorted(shown.splitlines()), done.stdout


def untimed(text: str) -> str:
    return re.sub(r"\([0-9.]+ s\)", "(0.01 s)", text).strip()


def test_the_mend_that_the_page_names_is_one(project: Path) -> None:
    flow = project / "flows" / "hello.yaml"
    (mend,) = re.findall(r"`(when: tier \| lower == \"gold\")`", PAGE)
    flow.write_text(flow.read_text("utf-8").replace('when: tier == "gold"', mend), "utf-8")
    done = played("flowengine test flows/hello.yaml", project)
    assert done.returncode == 0 and done.stdout.startswith("3 passed"), done.stdout


@pytest.mark.parametrize("part", PARTS)
def test_what_surrounds_a_scenario_is_read(part: str) -> None:
    """What may stand in a scenario stands in one; two of them may stand at the top of the file."""
    body = "".join(f"    {line}\n" for line in part.splitlines()[1:])
    suite = suite_from_text(f"flow: hello\nscenarios:\n  one:\n{body}    steps: [ caller dials ]\n", "hello.test.yaml")
    assert suite.problems == [] and suite.scenarios[0].contact["name"] == "Ann"
    head = "".join(
        f"{line}\n"
        for line in part.splitlines()[1:]
        if not re.match("functions|  price|  stock|random|contact|env", line)
    )
    suite = suite_from_text(
        f"flow: hello\n{head}scenarios: {{ one: {{ steps: [ caller dials ] }} }}\n", "hello.test.yaml"
    )
    assert suite.problems == [] and len(suite.scenarios[0].servers) == 4


@pytest.mark.parametrize("shown", PROPERTIES)
def test_the_properties_shown_are_held(shown: str, project: Path) -> None:
    """The flow of the page breaks two: who calls at night hears no goodbye, and the address can be heard for ever."""
    with (project / "flows" / "hello.yaml").open("a", encoding="utf-8") as flow:
        flow.write(shown)
    done = played("flowengine explore hello --random 0", project)
    assert done.returncode == 1, done.stderr
    assert re.findall(r"^FAIL \S+: (\w+):", done.stdout, re.MULTILINE) == ["says_before_end", "max_menus"]
