"""New flows take the place of old ones under traffic; broken ones do not. Real processes, real HTTP, real files."""

from __future__ import annotations

import fcntl
import http.client
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import orjson
import pytest
from test_serve import FLOWENGINE, environment, serving, worker_of
from test_web import Served, free_port

from flowengine.build import build, write_artefact
from flowengine.serving import outbox, ready, watching, web
from flowengine.serving.command import gunicorn
from flowengine.serving.signals import HEEDED, Signals
from flowengine.serving.source import Source
from flowengine.serving.supervisor import publish
from flowengine.serving.watching import Watch
from flowengine.stores import open_store

RELOADS = int(os.environ.get("RELOADS", "5"))
CORRUPTIONS = int(os.environ.get("CORRUPTIONS", "40"))
DESK = """\
flow: desk
channel: voice
triggers: [ { to: "+12025550100" } ]
start: main
states:
  main:
    menu: { prompt: This is one., choices: { sales: 1, more: 2 } }
    on: { timeout: bye, invalidinput: bye }
  sales: { say: Sales of one., next: end }
  more: { say: More of one., next: main }
  bye: { say: Goodbye., next: end }
"""
BAD = DESK.replace("sales: { say", "salse: { say")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "desk.yaml").write_text(DESK)
    return tmp_path


def named(name: str) -> str:
    return DESK.replace("one.", f"{name}.")


def save(folder: Path, text: str) -> None:
    (folder / "flows" / "desk.yaml").write_text(text)


def ice(call: str) -> bytes:
    to = {"type": "did", "endpoint": "+12025550100"}
    return orjson.dumps({"event": "ice", "callid": call, "version": 1, "to": to})


def ring(served: Served, call: str = "") -> str:
    status, answer = served.ask("POST", "/voice", ice(call or uuid4().hex), {"Content-Type": "application/json"})
    assert status == 200
    return answer.decode()


def press(served: Served, call: str, choice: str) -> str:
    result = {"menuId": "main", "type": "return", "value": choice}
    body = {"event": "pie", "callid": call, "version": 1, "timestamp": uuid4().hex, "menuResult": result}
    status, answer = served.ask("POST", "/voice", orjson.dumps(body), {"Content-Type": "application/json"})
    assert status == 200
    return answer.decode()


def until(holds: Callable[[], object], seconds: float = 40.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to that in time"
        time.sleep(0.05)


def revision(served: Served) -> str:
    return str(orjson.loads(served.ask("GET", "/health")[1])["revision"])


@dataclass
class Traffic:
    """Four clients that ring without a pause: two keep their connection, two make a new one each time."""

    port: int
    answers: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    longest: float = 0.0
    over: bool = False

    def client(self, keeps: bool) -> None:
        connection = None
        while not self.over:
            began = time.monotonic()
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                connection.request("POST", "/voice", ice(uuid4().hex), {"Content-Type": "application/json"})
                answer = connection.getresponse()
                said = answer.read().decode()
                if answer.status != 200 or "runMenu" not in said:
                    self.wrong.append(f"{answer.status} {said}")
                name = said.partition("This is ")[2].partition(".")[0]
                self.answers[name] = self.answers.get(name, 0) + 1
            except (OSError, http.client.HTTPException) as error:
                self.wrong.append(f"{type(error).__name__}: {error}")
                connection = None
            self.longest = max(self.longest, time.monotonic() - began)
            if not keeps and connection is not None:
                connection.close()
                connection = None
            time.sleep(0.01)


@contextmanager
def traffic(port: int) -> Iterator[Traffic]:
    found = Traffic(port)
    clients = [threading.Thread(target=found.client, args=(keeps,)) for keeps in (True, True, False, False)]
    for each in clients:
        each.start()
    try:
        yield found
    finally:
        found.over = True
        for each in clients:
            each.join()


# --- SIGHUP ----------------------------------------------------------------------------------------------


@pytest.mark.timeout(60 + 40 * RELOADS)
def test_reloads_drop_nothing(folder: Path) -> None:
    """``RELOADS=20`` for the long form."""
    with serving(folder, "--worker") as (served, log), traffic(served.port) as clients:
        ring(served, "early")
        outbox_before = worker_of(served)
        for number in range(RELOADS):
            save(folder, named(f"edit {number}"))
            served.process.send_signal(signal.SIGHUP)
            until(lambda wanted=number + 1: log.read_text().count("is served now, in place of") == wanted)  # type: ignore[misc]
            assert f"This is edit {number}." in ring(served)
        assert "More of one." in press(served, "early", "more")
        until(lambda: worker_of(served) not in (0, outbox_before))
    assert clients.wrong == [], log.read_text()
    assert {"one", *(f"edit {number}" for number in range(RELOADS))} == set(clients.answers)
    assert clients.longest < 4.0, "callers waited for processes that were only starting"


def test_a_bad_edit_is_told_and_the_old_flows_are_served(folder: Path) -> None:
    with serving(folder, "--worker") as (served, log), traffic(served.port) as clients:
        before = revision(served)
        save(folder, BAD)
        served.process.send_signal(signal.SIGHUP)
        until(lambda: "still served" in log.read_text())
        told = log.read_text().partition("Ctrl-C stops")[2].splitlines()
        assert any(each.startswith("flows/desk.yaml:7:") and " error " in each for each in told)
        assert told[-1] == f"flowengine: the old revision {before} is still served."
        assert revision(served) == before
    assert (clients.wrong, set(clients.answers)) == ([], {"one"}), log.read_text()


def test_a_reload_without_a_change_brings_new_processes(folder: Path) -> None:
    """New code, as after an upgrade."""
    with serving(folder, "--worker") as (served, log):
        before = worker_of(served)
        served.process.send_signal(signal.SIGHUP)
        until(lambda: "is served now, by new processes" in log.read_text())
        until(lambda: worker_of(served) not in (0, before))


def test_an_artefact_is_read_again(folder: Path) -> None:
    compiled = [*FLOWENGINE, "compile", "-o", "flows.artefact"]
    subprocess.run(compiled, cwd=folder, env=environment(folder), check=True, capture_output=True)
    with serving(folder, "flows.artefact", "--watch") as (served, log):
        save(folder, named("two"))
        subprocess.run(compiled, cwd=folder, env=environment(folder), check=True, capture_output=True)
        until(lambda: "is served now" in log.read_text())
        assert "This is two." in ring(served)
        (folder / "flows.artefact").write_bytes((folder / "flows.artefact").read_bytes()[:-20])
        until(lambda: "still served" in log.read_text())
        assert "flows.artefact: this is not a compiled artefact" in log.read_text()
        assert "This is two." in ring(served)


def test_a_process_that_stops_while_it_compiles_stops(folder: Path) -> None:
    with serving(folder, "--watch") as (served, _):
        served.process.send_signal(signal.SIGHUP)
        time.sleep(0.2)


def test_a_terminal_that_is_closed_stops_the_server(folder: Path) -> None:
    """It sends SIGHUP as well, and a server that nobody sees would hold the port."""
    port = free_port()
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [*FLOWENGINE, "serve", "--port", str(port)],
        cwd=folder,
        env=environment(folder),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    served = Served(port, process)
    until(lambda: answers(served))
    os.close(ours)
    process.wait(20)
    until(lambda: not answers(served))


def answers(served: Served) -> bool:
    try:
        return served.ask("GET", "/health")[0] == 200
    except OSError:
        return False


# --- watching --------------------------------------------------------------------------------------------


def test_edits_are_served_as_they_are_saved(folder: Path) -> None:
    with serving(folder, "--watch") as (served, log), traffic(served.port) as clients:
        assert "watch     flows" in log.read_text()
        first = revision(served)
        save(folder, named("two"))
        until(lambda: "This is two." in ring(served) and "is served now" in log.read_text())
        save(folder, DESK[: len(DESK) // 2])
        until(lambda: log.read_text().count("still served") == 1)
        save(folder, named("two"))
        until(lambda: "is what is served already" in log.read_text())
        (folder / "flows" / "desk.yaml").unlink()
        until(lambda: log.read_text().count("still served") == 2)
        assert "there are no flows (*.yaml) in flows" in log.read_text()
        shutil.rmtree(folder / "flows")
        time.sleep(1)
        assert "This is two." in ring(served)
        (folder / "flows").mkdir()
        save(folder, DESK)
        until(lambda: revision(served) == first)
    assert (clients.wrong, set(clients.answers)) == ([], {"one", "two"}), log.read_text()


def test_a_deployment_that_swaps_a_symlink_is_seen(folder: Path) -> None:
    (folder / "flows").rename(folder / "v1")
    (folder / "v2").mkdir()
    (folder / "v2" / "desk.yaml").write_text(named("two"))
    (folder / "flows").symlink_to("v1")
    with serving(folder, "--watch") as (served, log):
        (folder / "next").symlink_to("v2")
        os.replace(folder / "next", folder / "flows")
        until(lambda: "is served now" in log.read_text())
        assert "This is two." in ring(served)


def test_functions_that_cannot_be_loaded_are_a_bad_edit(folder: Path) -> None:
    """They are no error to the checker, and would end every new process."""
    with serving(folder, "--watch") as (served, log):
        before = revision(served)
        (folder / "flowengine.yaml").write_text("constants: { a: b }\n")
        until(lambda: "is served now" in log.read_text())
        now = revision(served)
        assert now != before
        for number, text in enumerate(("import sys\nsys.exit(4)\n", "x = 1\nimport nothing_of_that_name\n")):
            (folder / "functions.py").write_text(text)
            until(lambda wanted=number + 1: log.read_text().count("still served") == wanted)  # type: ignore[misc]
        told = log.read_text()
        assert "functions.py:2:1: it cannot be loaded: SystemExit" in told
        assert "functions.py:2:1: it cannot be loaded: ModuleNotFoundError: No module named" in told
        assert revision(served) == now


def test_a_flow_that_lacks_its_secret_is_a_bad_edit(folder: Path) -> None:
    checked = {**KEYS, "WEBHOOK_PROTECTION": "always"}
    with serving(folder, "--watch", **checked) as (served, log):
        before = revision(served)
        (folder / "flows" / "chat.yaml").write_text(CHAT)
        until(lambda: "still served" in log.read_text())
        assert "CONVERSATION_WEBHOOK_SECRET" in log.read_text()
        assert revision(served) == before


CHAT = """\
flow: chat
channel: message
triggers: [ { keywords: [hello] } ]
start: a
states: { a: { say: Hi., next: end } }
"""
KEYS = {"VOICE_APPLICATION_KEY": "test-key", "VOICE_APPLICATION_SECRET": "dGVzdCBzZWNyZXQ="}


def corrupted(chance: random.Random, number: int) -> bytes:
    """Something that no valid flow is, as half-written files, slips of the hand and broken disks make it."""
    whole = DESK.encode()
    at = chance.randrange(20, len(whole) - 20)
    kind = chance.choice(["cut", "empty", "zeros", "junk", "word", "lost", "twice"])
    if kind == "cut":
        return whole[: whole.index(b"  bye:") - chance.randrange(40)]
    if kind == "empty":
        return b"# %d\n" % number
    if kind == "zeros":
        return whole[:at] + b"\0" * chance.randrange(1, 50) + whole[at:]
    if kind == "junk":
        return whole[:at] + bytes([0xFE, 0xFF, chance.randrange(128, 256)]) + whole[at:]
    if kind == "word":
        return whole.replace(chance.choice([b"menu:", b"choices:", b"start:", b"next:"]), b"wrong%d:" % number)
    if kind == "lost":
        lines = whole.splitlines(keepends=True)
        del lines[chance.choice([0, 3, 8, 10])]
        return b"".join(lines) + b"# %d\n" % number
    return whole + whole + b"# %d\n" % number


@pytest.mark.timeout(120 + 6 * CORRUPTIONS)
def test_no_corruption_goes_live(folder: Path) -> None:
    """``CORRUPTIONS=1000`` for the long form."""
    chance = random.Random(11)
    file = folder / "flows" / "desk.yaml"
    with serving(folder, "--watch") as (served, log), traffic(served.port) as clients:
        before, seen = revision(served), len(log.read_text())
        for number in range(CORRUPTIONS):
            content = corrupted(chance, number) + b"# %d\n" % number
            if chance.random() < 0.3:
                (folder / "broken").write_bytes(content)
                file.unlink()
                os.replace(folder / "broken", file)
            else:
                file.write_bytes(content)
            until(lambda wanted=number + 1: log.read_text().count("still served") == wanted)  # type: ignore[misc]
            told = log.read_text()[seen:]
            seen += len(told)
            assert told.splitlines()[-1] == f"flowengine: the old revision {before} is still served."
            assert any(
                each.startswith("flows/desk.yaml:") and each.split(":")[2].isdigit() and " error " in each
                for each in told.splitlines()
            ), (content, told)
            assert "report" not in told and "Traceback" not in told
        assert revision(served) == before
    assert (clients.wrong, set(clients.answers)) == ([], {"one"}), log.read_text()


# --- the parts -------------------------------------------------------------------------------------------


@pytest.fixture
def signals() -> Iterator[Signals]:
    before = {number: signal.getsignal(number) for number in HEEDED}
    yield Signals()
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)


def artefact_of(folder: Path) -> bytes:
    return write_artefact(build([str(folder / "flows")]))


def test_new_processes_that_do_not_start_leave_the_old_ones(
    folder: Path, signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "START", 4.0)
    path, port, good = folder / "flows.artefact", free_port(), artefact_of(folder)
    publish(good, path)
    env = {**environment(folder), "FLOWENGINE_ARTEFACT": str(path), "WEB_CONCURRENCY": "2"}
    gunicorns = web.Web(gunicorn("127.0.0.1", port, 2, 4), env, folder / "web", 2, signals)
    served = Served(port, gunicorns.process)
    try:
        until(lambda: len(ready.ready(folder / "web")) == 2)
        before = ready.ready(folder / "web")
        with sqlite3.connect(folder / "x.db") as database:
            database.execute("DELETE FROM artefacts")  # or the new ones would go on with the flows kept there
        with traffic(port) as clients:
            publish(b"no artefact", path)
            assert not gunicorns.exchange()
            assert ready.ready(folder / "web") == before
            publish(good, path)
            gunicorns.recover(before)
            until(lambda: len(ready.ready(folder / "web")) == 2)
            assert gunicorns.exchange()
            assert not before & ready.ready(folder / "web") and len(ready.ready(folder / "web")) == 2
        assert clients.wrong == []
        assert "This is one." in ring(served)
    finally:
        gunicorns.stop()
        gunicorns.process.wait(20)


def test_a_worker_that_does_not_start_leaves_the_old_one(folder: Path, signals: Signals) -> None:
    env = environment(folder)
    beside = outbox.Outbox({**env, "FLOWENGINE_FLOWS": str(folder / "flows")}, folder / "outbox", signals)
    try:
        until(lambda: beside.process.pid in ready.ready(folder / "outbox"))
        first = beside.process
        beside.env = {**env, "FLOWENGINE_STORE": "nonsense://"}
        assert not beside.exchange()
        assert beside.process is first and first.poll() is None
        beside.env = {**env, "FLOWENGINE_FLOWS": str(folder / "flows")}
        assert beside.exchange()
        assert beside.process is not first and first.wait(20) == 0
    finally:
        beside.stop()
        beside.join()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def settled(watch: Watch, clock: Clock) -> bool:
    """Whether it says yes once everything stood still."""
    watch.changed()
    clock.now += 1
    return watch.changed()


def test_what_counts_as_a_change(folder: Path) -> None:
    clock = Clock()
    watch = Watch(Source("flows", str(folder / "flows")), clock)
    file = folder / "flows" / "desk.yaml"
    assert not settled(watch, clock)
    os.utime(file)
    assert not settled(watch, clock), "nothing in it is new"
    stat = file.stat()
    file.write_text(DESK.replace("Goodbye.", "Good day."[:8]))
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert settled(watch, clock), "size and time are as before, as after some copies"
    watch.heeded()
    (folder / "flows" / "desk.test.yaml").write_text("scenarios: {}\n")
    (folder / "flows" / "notes.txt").write_text("x")
    assert not settled(watch, clock), "scenarios are no flows"
    for name in ("functions.py", "flowengine.yaml"):
        (folder / name).write_text("# new\n")
        assert settled(watch, clock), name
        watch.heeded()
    file.unlink()
    assert settled(watch, clock)


def test_a_change_counts_once_it_is_quiet(folder: Path) -> None:
    clock = Clock()
    watch = Watch(Source("flows", str(folder / "flows")), clock)
    for number in range(10):
        save(folder, named(str(number)))
        assert not watch.changed()
        clock.now += watching.QUIET / 2
        assert not watch.changed()
    clock.now += watching.QUIET
    assert watch.changed()
    watch.heeded()
    save(folder, named("while it was compiled"))
    assert watch.moved()
    assert settled(watch, clock)


# --- gunicorn without serve ------------------------------------------------------------------------------


@contextmanager
def gunicorn_alone(folder: Path, **more: str) -> Iterator[tuple[Served, Path]]:
    port, log = free_port(), folder / "out.txt"
    env = environment(folder, FLOWENGINE_FLOWS=str(folder / "flows"), **more)
    with log.open("wb") as out:
        process = subprocess.Popen(gunicorn("127.0.0.1", port, 2, 4), cwd=folder, env=env, stderr=out)
    served = Served(port, process)
    try:
        until(lambda: answers(served))
        yield served, log
    finally:
        process.terminate()
        process.wait(20)


def test_gunicorn_goes_on_with_the_last_flows_when_it_is_reloaded_on_broken_ones(folder: Path) -> None:
    with gunicorn_alone(folder) as (served, log), traffic(served.port) as clients:
        before = revision(served)
        save(folder, named("two"))
        served.process.send_signal(signal.SIGHUP)
        until(lambda: revision(served) != before and set(clients.answers) == {"one", "two"})
        time.sleep(4)  # until the last of the old processes has gone
        now = revision(served)
        for wrong in (BAD, "", None):
            if wrong is None:
                (folder / "flows" / "desk.yaml").unlink()
            else:
                save(folder, wrong)
            told = log.read_text().count("is served in their place")
            served.process.send_signal(signal.SIGHUP)
            until(lambda told=told: log.read_text().count("is served in their place") >= told + 2)  # type: ignore[misc]
            until(lambda: answers(served) and revision(served) == now)
        said = log.read_text()
        assert f"revision {now}, last served 20" in said
        assert "flows/desk.yaml:7:" in said and "there are no flows" in said
        save(folder, named("three"))
        served.process.send_signal(signal.SIGHUP)
        until(lambda: "three" in clients.answers)
    assert clients.wrong == [], log.read_text()


def test_nothing_is_served_where_there_are_no_last_flows(folder: Path) -> None:
    save(folder, BAD)
    env = environment(folder, FLOWENGINE_FLOWS="flows")
    done = subprocess.run(
        [sys.executable, "-c", "import flowengine.wsgi"], cwd=folder, env=env, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"flowengine cannot start: the flows cannot be served: flows/desk.yaml:7:" in done.stderr


def test_flows_of_another_version_are_passed_over(folder: Path) -> None:
    """What the store kept may be older than this code."""
    store = open_store(f"sqlite:///{folder}/x.db")
    good = artefact_of(folder)
    store.keep(build([str(folder / "flows")]).revision, good, 1000.0)
    store.keep("newer", good.replace(b'"format":1', b'"format":0'), 2000.0)
    store.close()
    save(folder, BAD)
    with gunicorn_alone(folder) as (served, log):
        assert "This is one." in ring(served)
        assert "last served 1970-01-01 00:16 UTC" in log.read_text()


def test_a_worker_goes_on_with_the_last_flows(folder: Path) -> None:
    store = open_store(f"sqlite:///{folder}/x.db")
    store.keep(build([str(folder / "flows")]).revision, artefact_of(folder), time.time())
    store.close()
    save(folder, BAD)
    log, seen = folder / "worker.txt", folder / "ready"
    seen.mkdir()
    with log.open("wb") as out:
        env = {**environment(folder), ready.READY: str(seen)}
        process = subprocess.Popen([*FLOWENGINE, "worker"], cwd=folder, env=env, stderr=out)
    until(lambda: process.pid in ready.ready(seen))
    process.terminate()
    assert process.wait(20) in (0, -signal.SIGTERM)
    assert "is served in their place" in log.read_text()
