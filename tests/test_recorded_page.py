"""What docs/testing.md says of recorded calls: its flow is called, and the commands print what it shows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from serving import Line
from test_testing_page import FILES, PAGE, untimed

from flowengine.callbacks import Callback, call_key
from flowengine.fetch import Response
from flowengine.settings import journal_key
from flowengine.simulator import Phone

CALL = "1a2b-call-id"
SHOWN = re.findall(r"^```text\n\$ flowengine ((?:trace|replay)[^\n]*)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def called(folder: Path) -> None:
    """The call of the page: our address, then sales."""
    (folder / "var").mkdir()
    line = Line(folder, FILES["flows/hello.yaml"], store=f"sqlite:///{folder}/var/flowengine.db")
    (folder / "flows" / "flow0.yaml").rename(folder / "flows" / "hello.yaml")
    line.library.key = journal_key({})
    line.reply = Response(200, {"tier": "silver"}, "")
    phone = Phone(lambda body: line.service.callback(body).body, lambda: line.now, lambda seen: None, CALL)
    phone.dial("+12025550100", "+14158675309")
    for key in "21":
        line.now += 5
        phone.press(key)
    line.store.close()


def run(words: str, folder: Path) -> str:
    env = {**os.environ, "NO_COLOR": "1"}
    command = [sys.executable, "-m", "flowengine", *shlex.split(words)]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1) and "Traceback" not in done.stderr, done.stderr
    return done.stdout


def test_every_command_on_recorded_calls_prints_what_is_shown(tmp_path: Path) -> None:
    called(tmp_path)
    (trace, as_scenario), (same, unchanged), (again, differs) = SHOWN
    assert run(trace, tmp_path) == as_scenario
    assert untimed(run(same, tmp_path)) == untimed(unchanged)
    flow = tmp_path / "flows" / "hello.yaml"
    flow.write_text(flow.read_text("utf-8").replace("We are at 12 Main Street.", "We have moved."), "utf-8")
    key = call_key(Callback(call_id=CALL))[:12]
    assert untimed(run(again, tmp_path)) == untimed(differs.replace("KEY", key))
