"""``flowengine doctor``: what is well, what is not and how to mend it, on real stores and a fake Sinch."""

from __future__ import annotations

import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis_servers import serving

from flowengine.build import build, write_artefact
from flowengine.doctor import CHECKS
from flowengine.doctor.base import long_ago, parted
from flowengine.sinch.fake import FakeSinch
from flowengine.stores import open_store
from flowengine.stores.backlog import Backlog, backlog
from flowengine.stores.base import Effect, Store, Timer, Write

DESK = """
flow: desk
channel: voice
triggers: [ { to: "+12025550100" } ]
start: main
states:
  main:
    menu: { prompt: Press 1., choices: { one: 1 } }
    on: { timeout: bye, invalidinput: bye }
  one: { say: One., next: main }
  bye: { say: Goodbye., next: end }
"""
SHOP = """
flow: shop
channel: message
triggers: [ { keywords: [shop] }, { start: api } ]
start: look
states:
  look:
    http:
      get: https://shop.example.com/x
      timeout: 500ms
      headers: { Authorization: "Bearer {{ secret.SHOP_TOKEN }}" }
    on: { ok: ask, error: ask }
  ask:
    ask: { prompt: What?, choices: { tea: { label: Tea } } }
    on: { timeout: end, invalidinput: end, failed: end }
  tea: { say: Tea., next: end }
"""
SECRET = "dGVzdCBzZWNyZXQ="
VOICE = {"VOICE_APPLICATION_KEY": "test-key", "VOICE_APPLICATION_SECRET": SECRET}
DEVELOPMENT = {"FLOWENGINE_ENV": "development"}
OURS = ("FLOWENGINE", "VOICE", "WEBHOOK", "CONVERSATION", "PROJECT", "SINCH", "PROTECT")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "desk.yaml").write_text(DESK)
    return tmp_path


def doctor(folder: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: each for name, each in os.environ.items() if not name.startswith(OURS)}
    whole = {**clean, "FLOWENGINE_STORE": f"sqlite:///{folder}/x.db", **env}
    command = [sys.executable, "-m", "flowengine", "doctor", *words]
    done = subprocess.run(command, cwd=folder, env=whole, capture_output=True, text=True, check=False)
    assert done.stderr == "", done.stderr
    return done


def findings(folder: Path, *words: str, **env: str) -> dict[str, dict[str, str]]:
    """By what was looked at; of several the last."""
    done = doctor(folder, *words, "--format", "json", **env)
    told: Any = json.loads(done.stdout)
    assert told["ok"] == (done.returncode == 0)
    for each in told["findings"]:
        assert not each["sentence"].endswith(".") and each["sentence"]
        assert (each["word"] == "FAIL") == bool(each["fix"]) == bool(each["needed"]), each
    return {each["what"]: each for each in told["findings"]}


def opened(folder: Path) -> Store:
    return open_store(f"sqlite:///{folder}/x.db")


def busy(store: Store, now: float, *, due: float, timer: float) -> None:
    row = Effect("row-1", "send", b'{"identity": "12025550150"}', due, "lane")
    behind = Effect("row-2", "send", b"{}", due, "lane")
    store.commit(Write("k" * 32, 0, b"[]", now + 9e5, now, effects=[row, behind], timers=[Timer("place", timer)]))


# --- the whole -------------------------------------------------------------------------------------------------------


def test_all_is_well_and_nothing_is_made(folder: Path) -> None:
    done = doctor(folder, **VOICE)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"ok    flows        1 flow, 3 states, no problems, revision [0-9a-f]{12}", lines[0])
    assert lines[1] == f"skip  store        {folder}/x.db is not there yet; the first start makes it"
    assert lines[2] == "ok    signatures   callbacks and webhooks are checked (WEBHOOK_PROTECTION=deploy)"
    assert lines[3] == "ok    voice        key and secret are set, region global"
    assert lines[-1] == "4 ok, 0 failed, 2 skipped."
    assert sorted(each.name for each in folder.iterdir()) == ["flows"]


def test_what_fails_says_for_what_it_is_needed_and_the_fix(folder: Path) -> None:
    done = doctor(folder, **{**VOICE, "VOICE_APPLICATION_SECRET": "abcd!efgh-canary"})
    assert done.returncode == 1 and "canary" not in done.stdout
    assert "FAIL  voice        VOICE_APPLICATION_SECRET is not base64 (character 5 is '!'" in done.stdout
    after = done.stdout.splitlines()[next(n for n, line in enumerate(done.stdout.splitlines()) if "FAIL" in line) + 1 :]
    assert after[:2] == [
        "                   needed to know that callbacks come from Sinch",
        "                   fix: copy it again from the Sinch dashboard",
    ]


def test_no_check_shows_a_secret_or_a_number(folder: Path) -> None:
    (folder / "flows" / "shop.yaml").write_text(SHOP)
    busy(opened(folder), time.time(), due=time.time(), timer=time.time())
    canary = {name: f"canary-{name}" for name in ("PROJECT_ID_API_SECRET", "CONVERSATION_WEBHOOK_SECRET", "SHOP_TOKEN")}
    canary |= {"PROJECT_ID": "p", "PROJECT_ID_API_KEY": "canary-key", "CONVERSATION_APP_ID": "app"}
    for more in ({}, {"FLOWENGINE_TOKEN": "canary"}, {"VOICE_APPLICATION_KEY": "canary:key"}):
        told = doctor(folder, **{**VOICE, **canary, **more}).stdout
        assert "canary" not in told and SECRET not in told and "555" not in told


def test_each_check_is_told_of(folder: Path) -> None:
    assert set(CHECKS) <= {each.stem for each in (Path(__file__).parent.parent / "flowengine/doctor").glob("*.py")}


# --- flows, settings, keys -------------------------------------------------------------------------------------------


def test_flows_that_cannot_be_served(folder: Path) -> None:
    (folder / "flows" / "desk.yaml").write_text(DESK.replace("one: 1", "two: 1"))
    found = findings(folder, **DEVELOPMENT)["flows"]
    assert found["word"] == "FAIL" and "flows/desk.yaml:" in found["sentence"] and "flowengine validate" in found["fix"]
    assert findings(folder, **DEVELOPMENT, FLOWENGINE_FLOWS="elsewhere")["flows"]["word"] == "FAIL"
    (folder / "none").mkdir()
    assert "there are no flows" in findings(folder, **DEVELOPMENT, FLOWENGINE_FLOWS="none")["flows"]["sentence"]
    (folder / "bad.artefact").write_bytes(b"{}")
    assert "bad.artefact" in findings(folder, **DEVELOPMENT, FLOWENGINE_ARTEFACT="bad.artefact")["flows"]["sentence"]


def test_an_artefact_is_looked_at_as_it_will_be_served(folder: Path) -> None:
    built = build([str(folder / "flows")])
    (folder / "flows.artefact").write_bytes(write_artefact(built))
    found = findings(folder, **DEVELOPMENT, FLOWENGINE_ARTEFACT="flows.artefact")["flows"]
    assert found["sentence"].endswith(f"revision {built.revision}")


@pytest.mark.parametrize(
    ("env", "what", "word", "part"),
    [
        ({**DEVELOPMENT, "FLOWENGINE_STOER": "x"}, "settings", "FAIL", "FLOWENGINE_STOER means nothing"),
        ({**DEVELOPMENT, "FLOWENGINE_LEASE": "1d"}, "settings", "FAIL", "FLOWENGINE_LEASE"),
        ({}, "voice", "FAIL", "VOICE_APPLICATION_KEY and VOICE_APPLICATION_SECRET are not set"),
        ({"VOICE_APPLICATION_KEY": "k"}, "voice", "FAIL", "VOICE_APPLICATION_SECRET is not"),
        ({**VOICE, "SINCH_VOICE_REGION": "euc"}, "voice", "FAIL", "SINCH_VOICE_REGION"),
        (DEVELOPMENT, "voice", "skip", "no flow needs them while signatures are not asked for"),
        (DEVELOPMENT, "signatures", "warn", "FLOWENGINE_ENV=development"),
        ({"WEBHOOK_PROTECTION": "never"}, "signatures", "warn", "whoever knows the address"),
        ({**VOICE, "WEBHOOK_PROTECTION": "Deploy"}, "signatures", "ok", "WEBHOOK_PROTECTION=deploy"),
        ({**VOICE, "FLOWENGINE_PUBLIC_PREFIX": "acme"}, "prefix", "FAIL", "no path that begins with /"),
        ({**VOICE, "FLOWENGINE_PUBLIC_PREFIX": "/acme/"}, "prefix", "ok", "Sinch calls /acme/voice"),
        (DEVELOPMENT, "messages", "skip", "no flow sends messages"),
    ],
)
def test_each_setting_is_looked_at(env: dict[str, str], what: str, word: str, part: str, folder: Path) -> None:
    found = findings(folder, **env)[what]
    assert found["word"] == word and part in found["sentence"], found


def test_keys_are_asked_for_only_where_a_flow_needs_them(folder: Path) -> None:
    (folder / "flows" / "shop.yaml").write_text(SHOP)
    at_home = findings(folder, **DEVELOPMENT)
    assert {at_home[each]["word"] for each in ("secret", "messages", "webhooks", "token")} == {"skip"}
    assert "only shop needs them" in at_home["messages"]["sentence"]
    abroad = findings(folder, **VOICE)
    assert {abroad[each]["word"] for each in ("secret", "messages", "webhooks")} == {"FAIL"}
    assert abroad["secret"]["needed"] == "by shop, as secret.SHOP_TOKEN"
    assert abroad["messages"]["needed"] == "by shop"
    with FakeSinch() as sinch:
        ready = {**VOICE, **sinch.env(), "SHOP_TOKEN": "x", "FLOWENGINE_TOKEN": "0123456789abcdef0123456789abcdef"}
    assert {each["word"] for each in findings(folder, **ready).values()} <= {"ok", "skip", "warn"}


# --- store, worker, clock --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "word", "part"),
    [
        ("memory:", "FAIL", "2 workers"),
        ("sqlite:///flows/desk.yaml", "FAIL", "no SQLite file"),
        ("sqlite:///flows/desk.yaml/x.db", "FAIL", "cannot be made"),
        ("nosql:", "FAIL", 'no store "nosql"'),
        ("redis://127.0.0.1:1/0", "FAIL", "127.0.0.1:1"),
    ],
)
def test_stores_that_cannot_be_used(url: str, word: str, part: str, folder: Path) -> None:
    found = findings(folder, **DEVELOPMENT, FLOWENGINE_STORE=url)["store"]
    assert found["word"] == word and part in found["sentence"], found


def test_the_store_says_how_durable_it_is(folder: Path) -> None:
    opened(folder).close()
    found = findings(folder, **DEVELOPMENT)["store"]
    assert found["word"] == "ok" and "a power cut may lose the last turns" in found["sentence"]
    full = findings(folder, **DEVELOPMENT, FLOWENGINE_STORE=f"sqlite:///{folder}/x.db?synchronous=full")["store"]
    assert full["sentence"].endswith("survives the end of a process and a power cut")
    one = findings(folder, **DEVELOPMENT, FLOWENGINE_STORE="memory:", FLOWENGINE_WORKERS="1")
    assert one["store"]["word"] == "warn" and "lost when this process ends" in one["store"]["sentence"]
    assert "worker" not in one


def test_a_locked_store_fails_and_the_rest_is_told(folder: Path) -> None:
    opened(folder).close()
    with sqlite3.connect(folder / "x.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        found = findings(folder, **DEVELOPMENT)
    assert found["store"]["word"] == "FAIL" and "locked" in found["store"]["sentence"]
    assert found["flows"]["word"] == "ok" and found["revisions"]["word"] == "ok"


def test_a_worker_that_is_missing_is_noticed_by_what_is_late(folder: Path) -> None:
    store, now = opened(folder), time.time()
    busy(store, now, due=now - 600, timer=now - 130)
    late = findings(folder, **DEVELOPMENT)
    assert late["worker"]["word"] == "FAIL"
    told = "nobody works: 1 row of the outbox due, the first for 10 minutes, 1 timer due, the first for 2 minutes"
    assert late["worker"]["sentence"] == told
    assert late["outbox"]["sentence"] == "2 rows waiting or under way, 1 of them due now"
    for each in (*store.take(now, 600), *store.due(now, 600)):
        assert each.token
    store.keep("abc", b"{}", now - 20)
    at_work = findings(folder, **DEVELOPMENT)
    assert at_work["worker"]["word"] == "ok" and "looked after 2" in at_work["worker"]["sentence"]


def test_a_worker_that_was_never_seen_is_told_where_a_flow_needs_one(folder: Path) -> None:
    opened(folder).close()
    assert findings(folder, **DEVELOPMENT)["worker"]["word"] == "skip"
    (folder / "flows" / "shop.yaml").write_text(SHOP)
    found = findings(folder, **DEVELOPMENT)["worker"]
    assert found["word"] == "warn" and "never looked after" in found["sentence"]


def test_a_clock_that_is_behind_the_store_is_noticed(folder: Path) -> None:
    store = opened(folder)
    store.keep("abc", b"{}", time.time() + 3600)
    found = findings(folder, **DEVELOPMENT)["clock"]
    assert found["word"] == "FAIL" and "60 minutes ahead" in found["sentence"] and "NTP" in found["fix"]


def test_letters_and_revisions_are_counted(folder: Path) -> None:
    store, now = opened(folder), time.time()
    for number in range(3):
        store.dead_letter("webhook", "the body is no JSON", b"{}", now + number)
    store.keep("aaaa", b"{}", now)
    store.commit(Write("one", 0, b"[]", now + 60, now, revision="aaaa"))
    store.commit(Write("two", 0, b"[]", now + 60, now, revision="bbbb"))
    found = findings(folder, **DEVELOPMENT)
    assert found["letters"]["word"] == "warn"
    assert found["letters"]["sentence"].startswith("3 dead letters, the newest webhook: the body is no JSON (3)")
    assert found["revisions"]["sentence"] == "2 live sessions; 1 on other flows than those here: aaaa with 1"
    assert "1 live session on flows that the store has not: bbbb" in doctor(folder, **DEVELOPMENT).stdout


@pytest.fixture(params=["sqlite", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/x.db"
        return
    with serving(tmp_path / "server", "--appendonly", "yes") as server:
        yield server.url


def test_a_backlog_is_counted_and_nothing_of_it_is_taken(url: str) -> None:
    store, now = open_store(url), 1_795_000_000.0
    assert backlog(url, now) == Backlog(0)
    busy(store, now, due=now + 10, timer=now + 20)
    assert backlog(url, now) == Backlog(2)
    for _ in range(2):
        assert backlog(url, now + 30) == Backlog(2, 1, now + 10, 1, now + 20)
    (row,) = store.take(now + 30, 60)
    (timer,) = store.due(now + 30, 60)
    assert backlog(url, now + 40) == Backlog(2)
    store.settle(row)
    store.fired(timer)
    assert backlog(url, now + 40) == Backlog(1, 1, now + 10)
    assert backlog("memory:", now) is None
    store.close()


def test_redis_is_told_as_it_is(folder: Path) -> None:
    with serving(folder / "server", "--appendonly", "yes") as server:
        found = findings(folder, **DEVELOPMENT, FLOWENGINE_STORE=server.url)
    assert "appendfsync everysec" in found["store"]["sentence"]
    assert found["clock"]["sentence"].endswith("as the store has it") and found["outbox"]["sentence"] == "empty"


# --- Sinch -----------------------------------------------------------------------------------------------------------


def test_sinch_is_asked_only_when_told_to(folder: Path) -> None:
    with FakeSinch() as sinch:
        env = {**sinch.env(), "SHOP_TOKEN": "x"}
        assert findings(folder, **env).keys().isdisjoint({"voice api", "token api", "app"})
        asked: list[int] = [sinch.token_requests]
        found = findings(folder, "--online", **env)
        assert {found[each]["word"] for each in ("voice api", "token api", "app")} == {"ok"}
        asked.append(sinch.token_requests)
        assert asked == [0, 1] and not (sinch.callouts or sinch.patches or sinch.sent)
        wrong = {**env, "VOICE_APPLICATION_SECRET": "b3RoZXI=", "PROJECT_ID_API_SECRET": "other"}
        refused = findings(folder, "--online", **wrong)
        assert refused["voice api"]["word"] == refused["token api"]["word"] == "FAIL"
        assert "401" in refused["voice api"]["sentence"] and "PROJECT_ID_API_SECRET" in refused["token api"]["fix"]
        elsewhere = findings(folder, "--online", **{**env, "CONVERSATION_APP_ID": "other"})["app"]
        assert elsewhere["word"] == "FAIL" and "CONVERSATION_REGION" in elsewhere["fix"]


def test_sinch_that_cannot_be_reached_is_told_in_time(folder: Path) -> None:
    with FakeSinch() as sinch, socket.create_server(("127.0.0.1", 0)) as mute:
        env = sinch.env() | {"FLOWENGINE_VOICE_URL": f"http://127.0.0.1:{mute.getsockname()[1]}"}
    began = time.monotonic()
    found = findings(folder, "--online", **env)
    assert "cannot be reached" in found["token api"]["sentence"] and time.monotonic() - began < 20
    assert found["voice api"]["word"] == "FAIL"


def test_words() -> None:
    assert parted("it is no path: none; write one") == ("it is no path: none", "write one")
    assert parted("it is so.") == ("it is so", "")
    assert [long_ago(each) for each in (-1, 59.6, 119, 120, 7200, 200_000)] == [
        "0 s",
        "60 s",
        "119 s",
        "2 minutes",
        "2 hours",
        "2 days",
    ]
