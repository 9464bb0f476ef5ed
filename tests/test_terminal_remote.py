"""The terminal against a running server: gunicorn that checks signatures, and its worker, whose requests are caught."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from test_serve import serving
from test_terminal import DESK, SHOP, environment
from test_web import free_port

from flowengine.remote import account_of
from flowengine.sinch.fake import Account, FakeSinch

RING = """
flow: ring
channel: voice
inputs: { to: { type: phone }, name: { type: text } }
triggers: [ { start: api } ]
cli: "+12025550100"
may_dial: { patient: { number: "{{ to }}", countries: [US] } }
start: dial
states:
  dial:
    dial: { to: patient, dial_timeout: 30s, amd: sync }
    on: { human: ask, notsure: ask, machine: end, disconnected: missed }
  ask:
    menu: { prompt: "Hello {{ name }}. Press 1 to confirm.", choices: { yes: 1 } }
    on: { "yes": thanks, else: end }
  thanks: { say: Thank you., next: end }
  missed: { send: { to: "{{ to }}", text: We called you. }, next: end }
"""
HASTE = SHOP.replace("flow: shop", "flow: haste").replace("[shop]", "[haste]").replace("2h", "2s")
KEYS = ("VOICE_APPLICATION_KEY", "VOICE_APPLICATION_SECRET", "CONVERSATION_WEBHOOK_SECRET", "CONVERSATION_APP_ID")


@dataclass(frozen=True)
class Site:
    folder: Path
    url: str
    catch: str
    env: dict[str, str]

    def run(self, *words: str, typed: str, catch: bool = True, **more: str) -> subprocess.CompletedProcess[str]:
        port = ["--catch", self.catch] if catch else []
        command = [sys.executable, "-m", "flowengine", *words, "--url", self.url, *port]
        env = {**self.env, **more}
        return subprocess.run(
            command, input=typed, capture_output=True, text=True, cwd=self.folder, env=env, timeout=60
        )  # fmt: skip


@contextmanager
def working(folder: Path, env: dict[str, str]) -> Iterator[None]:
    with (folder / "worker.txt").open("wb") as out:
        command = [sys.executable, "-m", "flowengine", "worker"]
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=out, stderr=out)
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    (folder / "flows").mkdir()
    for name, text in {"desk": DESK, "shop": SHOP, "ring": RING, "haste": HASTE}.items():
        (folder / f"flows/{name}.yaml").write_text(text)
    catch = str(free_port())
    keys = {name: value for name, value in FakeSinch().env().items() if not name.startswith("FLOWENGINE_")}
    ours = {**keys, "FLOWENGINE_TOKEN": "token", "WEBHOOK_PROTECTION": "always", "FLOWENGINE_ENV": "production"}
    known = {**environment(), **ours, "FLOWENGINE_STORE": f"sqlite:///{folder}/x.db"}
    api = f"http://127.0.0.1:{catch}"
    urls = {f"FLOWENGINE_{name}_URL": api for name in ("VOICE", "CONVERSATION", "AUTH")}
    with serving(folder, **ours) as (served, _), working(folder, {**known, **urls}):
        yield Site(folder, f"http://127.0.0.1:{served.port}", catch, known)


def test_a_signed_call(site: Site) -> None:
    done = site.run("call", "desk", typed="1\n/again\n/state\nanswers\nhangup\n/save sales\n", catch=False)
    head, named = done.stderr.splitlines()
    assert (done.returncode, head) == (0, f"desk on {site.url}. /help says what can be typed.")
    call_id = named.removeprefix("The call is ").partition(";")[0]
    command = [sys.executable, "-m", "flowengine", "trace", call_id]
    traced = subprocess.run(command, cwd=site.folder, env=site.env, capture_output=True, text=True, check=True)
    assert "start: -> main" in traced.stdout
    assert (
        done.stdout
        == """\
> caller dials
  hears    For sales press 1, for service press 2.
           1 sales   2 ask
> presses 1
  connects +12025550111
  it rings: answers, no answer, busy, unreachable, or hangup
> callback comes again
  the same answer came, and nothing changed
  it rings: answers, no answer, busy, unreachable, or hangup
  cannot: that is known where the flow is played here alone: leave out --url
> callee answers
  nothing happens
> hangs up
  ends     CALLERHANGUP
  saved as "sales" in flows/desk.test.yaml; it passes
"""
    )


def test_silence_needs_no_waiting(site: Site) -> None:
    began = time.monotonic()
    done = site.run("call", "desk", typed=".\n", catch=False)
    assert done.stdout.count("hears    For sales press 1") == 3
    assert done.stdout.endswith("  hears    Goodbye.\n  ends     MANAGERHANGUP\n")
    assert time.monotonic() - began < 15  # three times five seconds, had it waited


def test_the_wrong_secret_is_told(site: Site) -> None:
    done = site.run("call", "desk", typed="", catch=False, VOICE_APPLICATION_SECRET="d3Jvbmc=")
    assert "cannot: 401: the server wants a signature: set VOICE_APPLICATION_KEY" in done.stdout
    assert done.returncode == 0
    done = site.run("chat", "shop", typed="shop\n", catch=False, CONVERSATION_WEBHOOK_SECRET="wrong")
    assert "cannot: 401: the server wants a signature: set CONVERSATION_WEBHOOK_SECRET" in done.stdout


def test_nobody_listens_there(site: Site) -> None:
    done = replace(site, url=f"http://127.0.0.1:{free_port()}").run("call", "desk", typed="", catch=False)
    assert "cannot: nothing listens on http://127.0.0.1:" in done.stdout


def test_a_chat_with_the_worker_of_the_server(site: Site) -> None:
    done = site.run("chat", "shop", "--from", "+12025550160", typed="shop\n[2\n/again\n/save large\n")
    assert (
        done.stdout
        == """\
> writes "shop"
  reads    Which size?
           [1 Small]   [2 Large]
> taps Large
  reads    Thank you!
> callback comes again
  the same answer came, and nothing changed
  saved as "large" in flows/shop.test.yaml; it passes
"""
    )
    for name in ("VOICE", "CONVERSATION", "AUTH"):
        assert f"export FLOWENGINE_{name}_URL=http://127.0.0.1:{site.catch}\n" in done.stderr
    assert "SECRET" not in done.stderr


def test_the_flow_rings_and_writes(site: Site) -> None:
    inputs = ("--input", "to=+12025550142", "--input", "name=Ann")
    done = site.run("call", "ring", *inputs, typed="/wait 1s\nhuman\n1\n/save confirms\n")
    assert "  rings    +12025550142\n" in done.stdout
    assert "  hears    Hello Ann. Press 1 to confirm.\n" in done.stdout
    assert done.stdout.endswith(
        '  hears    Thank you.\n  ends     MANAGERHANGUP\n  saved as "confirms" in flows/ring.test.yaml; it passes\n'
    )
    missed = site.run("call", "ring", typed="/start to=+12025550143 name=Bo\n/wait 1s\nno answer\n/wait 1s\n")
    assert "  sends    to +12025550143\n           We called you.\n" in missed.stdout


def test_a_start_without_the_token_is_told(site: Site) -> None:
    done = site.run("call", "ring", typed="/start to=+12025550143 name=Bo\n", FLOWENGINE_TOKEN="")
    assert "cannot: the server starts nothing without its token: set FLOWENGINE_TOKEN" in done.stdout


def test_what_comes_while_nobody_types_is_shown(site: Site) -> None:
    main, inner = pty.openpty()
    words = ["chat", "haste", "--url", site.url, "--catch", site.catch, "--from", "+12025550161"]
    env = {**site.env, "TERM": "xterm", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "flowengine", *words]
    process = subprocess.Popen(command, stdin=inner, stdout=inner, stderr=inner, cwd=site.folder, env=env)
    os.close(inner)
    try:
        for awaited, typed in (("> ", b"haste\n"), ("Which size?", b""), ("Too late.", b"/quit\n")):
            shown, until = b"", time.monotonic() + 30
            while awaited.encode() not in shown:
                assert time.monotonic() < until, shown
                if select.select([main], [], [], 0.2)[0]:
                    shown += os.read(main, 65536)
            os.write(main, typed)
        assert process.wait(20) == 0
    finally:
        process.kill()
        os.close(main)


def test_a_chat_without_the_worker_reads_the_outbox(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows/shop.yaml").write_text(SHOP)
    store = f"sqlite:///{tmp_path}/x.db"
    keys = {"CONVERSATION_APP_ID": "01OURS", "CONVERSATION_WEBHOOK_SECRET": "s", "FLOWENGINE_STORE": store}
    with serving(tmp_path, **keys) as (served, _):
        site = Site(tmp_path, f"http://127.0.0.1:{served.port}", "", {**environment(), **keys})
        done = site.run("chat", "shop", typed="shop\n[2\n", catch=False)
        assert "  reads    Which size?\n           [1 Small]   [2 Large]\n> taps Large\n" in done.stdout
        assert "  reads    Thank you!\n" in done.stdout
        done = site.run("chat", "shop", typed="shop\n", catch=False, FLOWENGINE_STORE="sqlite:///other.db")
        assert "--catch PORT takes them" in done.stderr


def test_the_account_is_that_of_the_environment() -> None:
    found = account_of({"VOICE_APPLICATION_KEY": "a, b", "PROJECT_ID": " p ", "CONVERSATION_APP_ID": ""})
    assert found == replace(Account(), voice_key="a", project="p")
