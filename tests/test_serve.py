"""``flowengine compile -o`` and ``flowengine serve``, as a person runs them: real processes, real HTTP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from serving import KEY, SECRET
from test_service import MENU
from test_web import Served, free_port
from test_worker import REMINDER

from flowengine.sinch.fake import FakeSinch

FLOWENGINE = [sys.executable, "-m", "flowengine"]


def environment(folder: Path, **more: str) -> dict[str, str]:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("FLOWENGINE", "VOICE", "WEBHOOK"))
    }
    return {**clean, "FLOWENGINE_ENV": "development", "FLOWENGINE_STORE": f"sqlite:///{folder}/x.db", **more}


@contextmanager
def serving(folder: Path, *arguments: str, **more: str) -> Iterator[tuple[Served, Path]]:
    port, log = free_port(), folder / "out.txt"
    with log.open("wb") as out:
        command = [*FLOWENGINE, "serve", "--port", str(port), *arguments]
        process = subprocess.Popen(command, cwd=folder, env=environment(folder, **more), stdout=out, stderr=out)
        served = Served(port, process)
        try:
            for _ in range(200):
                try:
                    served.ask("GET", "/health")
                    break
                except OSError:
                    assert process.poll() is None, log.read_text()
                    time.sleep(0.1)
            yield served, log
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "line.yaml").write_text(MENU)
    (tmp_path / "flows" / "reminder.yaml").write_text(REMINDER)
    return tmp_path


def ice(served: Served) -> bytes:
    body = {"event": "ice", "callid": "c", "version": 1, "to": {"type": "did", "endpoint": "+12025550100"}}
    status, answer = served.ask("POST", "/voice", orjson.dumps(body), {"Content-Type": "application/json"})
    assert status == 200
    return answer


def test_it_serves_the_flows_and_says_what_it_does(folder: Path) -> None:
    with serving(folder, "--worker", WEBHOOK_PROTECTION="sometimes") as (served, log):
        assert orjson.loads(ice(served))["action"]["name"] == "runMenu"
        told = log.read_text()
    for each in (
        "2 flows, 13 states, no errors",
        "+12025550100   line          flows/line.yaml:4",
        '"This number is not in use.", then hang up',
        "outbound  reminder",
        "signatures: not asked for (FLOWENGINE_ENV=development)",
        "WEBHOOK_PROTECTION is none of never, deploy or always; callbacks are checked as with deploy.",
        "reminder cannot place calls: VOICE_APPLICATION_KEY and VOICE_APPLICATION_SECRET are not set",
        f"Listening on http://127.0.0.1:{served.port} (2 workers)",
    ):
        assert each in told


def test_a_project_may_have_a_folder_named_as_the_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its children look for code where the package is, not in the current folder."""
    monkeypatch.setattr("test_serve.FLOWENGINE", [sys.executable, "-P", "-m", "flowengine"])
    for name in ("flowengine", "gunicorn"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("raise SystemExit('code of the current folder')")
    with serving(folder, "--worker") as (served, log):
        assert orjson.loads(ice(served))["action"]["name"] == "runMenu"
        told = log.read_text()
    assert "the worker ended" not in told and "current folder" not in told


def test_an_artefact_is_served_without_the_yaml(folder: Path) -> None:
    compiled = subprocess.run(
        [*FLOWENGINE, "compile", "line", "-o", "flows.artefact"], cwd=folder, env=environment(folder), check=True
    )
    assert compiled.returncode == 0
    with serving(folder) as (served, _):
        from_yaml = ice(served)
    for file in (folder / "flows").iterdir():
        file.unlink()
    (folder / "x.db").unlink()
    with serving(folder, "flows.artefact") as (served, _):
        assert ice(served) == from_yaml


def test_a_changed_artefact_is_refused(folder: Path) -> None:
    subprocess.run([*FLOWENGINE, "compile", "line", "-o", "a"], cwd=folder, env=environment(folder), check=True)
    (folder / "a").write_bytes((folder / "a").read_bytes().replace(b"+12025550111", b"+12025550199"))
    done = subprocess.run(
        [*FLOWENGINE, "serve", "a"], cwd=folder, env=environment(folder), capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"changed after it was compiled" in done.stderr


def test_flows_with_errors_are_not_served(folder: Path) -> None:
    (folder / "flows" / "bad.yaml").write_text(MENU.replace("flow: line", "flow: bad").replace("pin: ask", "pin: aks"))
    done = subprocess.run([*FLOWENGINE, "serve"], cwd=folder, env=environment(folder), capture_output=True, check=False)
    assert done.returncode == 1
    assert b'there is no state "aks"' in done.stdout + done.stderr


def test_dial_places_the_call(folder: Path) -> None:
    with FakeSinch() as sinch:
        env = environment(folder, **sinch.env())
        command = [*FLOWENGINE, "dial", "reminder", "--input", "to=+12025550150", "--input", "name=Anna"]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert b"calling" in done.stdout
        assert [each.svaml["action"]["number"] for each in sinch.callouts] == ["+12025550150"]
        assert not sinch.problems


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["remindr"], 2, 'did you mean "reminder"'),
        (["line"], 2, "no dial state"),
        (["reminder", "--input", "to"], 2, "NAME=VALUE"),
        (["reminder", "--input", "too=1"], 2, 'did you mean "to"'),
        (["reminder"], 2, "needs the input name and to (--input NAME=VALUE)"),
        (["reminder", "--input", "to=hello", "--input", "name=A"], 2, "phone"),
        (["reminder", "--input", "to=+442079460000", "--input", "name=A"], 1, "may_dial"),
    ],
)
def test_dial_says_what_is_wrong(folder: Path, arguments: list[str], code: int, told: str) -> None:
    env = environment(folder, VOICE_APPLICATION_KEY=KEY, VOICE_APPLICATION_SECRET=SECRET)
    done = subprocess.run([*FLOWENGINE, "dial", *arguments], cwd=folder, env=env, capture_output=True, check=False)
    assert done.returncode == code, done.stderr
    assert told in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_a_worker_that_dies_is_started_again(folder: Path) -> None:
    with serving(folder, "--worker") as (served, log):
        ice(served)
        for _ in range(2):
            child = worker_of(served)
            os.kill(child, signal.SIGKILL)
            until = time.monotonic() + 15
            while worker_of(served) in (0, child) and time.monotonic() < until:
                time.sleep(0.1)
            assert worker_of(served) not in (0, child)
        assert "the worker ended with -9; it is started again" in log.read_text()


def worker_of(served: Served) -> int:
    """The process of the worker beside a server, 0 while there is none."""
    for each in Path("/proc").iterdir():
        try:
            parent = each.joinpath("stat").read_text().rsplit(")", 1)[1].split()[1] if each.name.isdigit() else ""
            if parent == str(served.process.pid) and b"\0worker\0" in each.joinpath("cmdline").read_bytes():
                return int(each.name)
        except OSError:  # it has just ended
            continue
    return 0
