"""The README and the API page are true: their flows, their output, their picture and their Python."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_web import Served, free_port

from flowengine.build import build
from flowengine.messages.consent import consent
from flowengine.settings import KNOWN
from flowengine.sinch.credentials import (
    CONVERSATION_AUTH,
    CONVERSATION_REGION,
    KEY,
    OLD_PROTECTION,
    PROTECTION,
    REGION,
    SECRET,
)
from flowengine.sinch.credentials import MESSAGES as MESSAGES_NEED
from flowengine.sinch.webhook_signing import SECRET as WEBHOOK_SECRET
from flowengine.sinch.webhook_signing import TOKEN, WINDOW

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def shown_problems(folder: Path) -> str:
    (folder / "desk.yaml").write_text(blocks(README, "yaml")[2], "utf-8")
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


def test_the_chat_shown_has_no_problems(tmp_path: Path) -> None:
    (tmp_path / "coming.yaml").write_text(blocks(README, "yaml")[1], "utf-8")
    assert build([str(tmp_path)]).problems == []
    assert len(blocks(README, "yaml")[1].splitlines()) <= 20


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


MESSAGES = (ROOT / "docs" / "messages.md").read_text("utf-8")
PYTHON = [
    each for page in ("api", "messages") for each in blocks((ROOT / f"docs/{page}.md").read_text("utf-8"), "python")
]


@pytest.mark.parametrize("code", PYTHON)
def test_the_python_of_the_pages_runs(code: str) -> None:
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


def wait_for(served: Served) -> None:
    for _ in range(200):
        try:
            served.ask("GET", "/health")
            return
        except OSError:
            assert served.process.poll() is None
            time.sleep(0.1)


def test_the_conversation_shown_is_held_by_a_server(tmp_path: Path) -> None:
    """Its commands are run against served flows, and their output is what is shown."""
    steps = re.findall(r"^\$ flowengine (.+)\n((?:(?!\$ ).*\n)*)", blocks(MESSAGES, "shell")[0], re.MULTILINE)
    assert len(steps) >= 5
    port = free_port()
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("FLOWENGINE_", "VOICE_"))}
    store = f"sqlite:///{tmp_path}/x.db"
    env = {**clean, "PORT": str(port), "FLOWENGINE_STORE": store, "FLOWENGINE_ENV": "development"}
    command = [sys.executable, "-m", "flowengine"]
    with (tmp_path / "out").open("wb") as out:
        serve = subprocess.Popen([*command, "serve", "--workers", "1"], cwd=ROOT, env=env, stdout=out, stderr=out)
    try:
        wait_for(Served(port, serve))
        for words, shown in steps:
            done = subprocess.run([*command, *shlex.split(words)], cwd=ROOT, env=env, capture_output=True, check=False)
            assert done.stdout.decode() == shown, done.stderr.decode()
    finally:
        serve.terminate()
        serve.wait(20)


def test_the_words_of_consent_named_are_those_there_are() -> None:
    rows = MESSAGES.partition("## Consent")[2].partition("\n\nThe words")[0].splitlines()[4:]
    stop, ours, start, help = [re.findall(r"\b[A-Z]{4,}\b|\bEND\b|\bYES\b", row.split("|")[1]) for row in rows]
    assert {consent(word, "WHATSAPP", {word.lower()}) for word in stop} == {"stop"}
    assert {consent(word, "SMS") for word in ours} == {"stop"}
    assert {consent(word, "SMS", {word.lower()}) for word in ours} == {""}
    assert {consent(word, "SMS", out=True) for word in start} == {"start"}
    assert {consent(word, "SMS") for word in help} == {"help"}


def test_every_setting_is_explained() -> None:
    text = (ROOT / "docs" / "running.md").read_text("utf-8")
    table = text.partition("## Settings")[2].partition("\n## ")[0]
    told = set(re.findall(r"`([A-Z][A-Z0-9_]{3,}[A-Z0-9])`", table))
    read = {*KNOWN, *MESSAGES_NEED, KEY, SECRET, REGION, PROTECTION, OLD_PROTECTION, CONVERSATION_REGION}
    assert told == {*read, CONVERSATION_AUTH, WEBHOOK_SECRET, TOKEN, WINDOW}


def test_the_scenarios_shown_go_as_shown(tmp_path: Path) -> None:
    (tmp_path / "hello.yaml").write_text(blocks(README, "yaml")[0], "utf-8")
    (tmp_path / "hello.test.yaml").write_text(blocks(README, "yaml")[3], "utf-8")
    command = [sys.executable, "-m", "flowengine", "test", "hello.test.yaml"]
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, "NO_COLOR": "1"}, capture_output=True, check=False)
    assert done.returncode == 1
    told = re.sub(r"\([0-9.]+ s\)", "(0.01 s)", done.stdout.decode())
    assert blocks(README, "text")[1] == told, "paste the output into README.md"
