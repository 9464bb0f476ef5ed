"""The README and the API page are true: their flows, their output, their picture and their Python."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from flowengine.build import build

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def shown_problems(folder: Path) -> str:
    (folder / "desk.yaml").write_text(blocks(README, "yaml")[1], "utf-8")
    command = [sys.executable, "-m", "flowengine", "validate", "desk.yaml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    assert done.returncode == 1
    return re.sub(r"[0-9.]+ s\)", "0.2 s)", done.stdout.decode())


def test_the_first_flow_is_the_example_of_that_name() -> None:
    assert blocks(README, "yaml")[0] == (ROOT / "examples" / "hello.yaml").read_text("utf-8")
    assert len(blocks(README, "yaml")[0].splitlines()) <= 20


def test_the_first_flow_has_no_problems(tmp_path: Path) -> None:
    (tmp_path / "hello.yaml").write_text(blocks(README, "yaml")[0], "utf-8")
    assert build([str(tmp_path)]).problems == []


def test_the_picture_is_of_the_first_flow() -> None:
    from flowengine.diagram import picture

    built = build([str(ROOT / "examples" / "hello.yaml")])
    flow = built.book.flows["hello"]
    drawn = picture(flow, built.book, built.problems, "svg")
    told = set(re.findall(rb'id="(state-[a-z_0-9-]+)"', drawn))
    kept = set(re.findall(rb'id="(state-[a-z_0-9-]+)"', (ROOT / "docs" / "hello.svg").read_bytes()))
    assert told == kept, "run: flowengine graph examples/hello.yaml -o docs/hello.svg"


def test_the_output_shown_is_what_it_prints(tmp_path: Path) -> None:
    assert blocks(README, "text")[0] == shown_problems(tmp_path), "paste the output into README.md"


@pytest.mark.parametrize("code", blocks((ROOT / "docs" / "api.md").read_text("utf-8"), "python"))
def test_the_python_of_the_api_page_runs(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_the_commands_named_exist() -> None:
    told = set(re.findall(r"(?:^|[ /`])flowengine ([a-z]+)\b", README, re.MULTILINE))
    from flowengine.cli import main

    assert {"validate", "graph", "compile", "post", "serve", "worker", "explain"} <= told
    for name in told:
        assert main.get_command(None, name) is not None, name  # type: ignore[arg-type]


def test_every_file_named_exists() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
    for script in ("start", "test", "bench"):
        assert (ROOT / "tools" / script).stat().st_mode & 0o111


SHOWN = [
    line.split("#")[0].split()[1:]
    for block in blocks(README, "bash")
    for line in block.splitlines()
    if line.startswith(("flowengine graph", "flowengine compile"))
]


@pytest.mark.parametrize("arguments", SHOWN, ids=" ".join)
def test_the_commands_shown_run(arguments: list[str], tmp_path: Path) -> None:
    given = [str(tmp_path / each) if each.endswith((".svg", ".artefact")) else each for each in arguments]
    done = subprocess.run([sys.executable, "-m", "flowengine", *given], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert len(SHOWN) == 3
