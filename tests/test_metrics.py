"""What is counted: by all processes together, of everything once, and never with a caller's number in a label."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from serving import Line
from test_fetch import reply
from test_fetch import serving as asked
from test_serve import environment, serving
from test_service import MENU
from test_web import Served, free_port

PAUSE = 0.5
TOKEN = {"Authorization": "Bearer for-prometheus"}
ON = {"FLOWENGINE_METRICS": "on", "FLOWENGINE_METRICS_TOKEN": "for-prometheus"}
CLI, PIN, CALL = "12025550142", "4711", "call-8f14e45fceea167a"
FLOW = """
flow: line
channel: voice
triggers: [ { to: "+12025550100" } ]
variables: { tier: { type: text, default: none }, pin: { type: digits, sensitive: true } }
on: { error: sorry }
start: main
states:
  main:
    menu: { prompt: Press 1 or 2., choices: { pin: 1, work: 2 } }
    on: { timeout: bye, invalidinput: bye }
  pin:
    collect: { prompt: Your code., digits: 4, into: pin }
    on: { digits: look_up, timeout: bye, invalidinput: bye }
  look_up:
    http: { post: "http://localhost:PORT/x", json: { pin: "{{ pin }}" }, timeout: 1s }
    on: { ok: bye, error: bye }
  work:
    function: { name: busy, with: { who: "{{ call.cli }}" } }
    on: { ok: bye, error: bye }
  sorry: { say: Please call again later., next: end }
  bye: { say: Goodbye., next: end }
"""
FUNCTIONS = """
from flowengine.functions import function

@function
def busy(who):
    return {"who": who}
"""


def figures(text: str) -> dict[str, float]:
    """Every sample by its name and labels."""
    found = (re.fullmatch(r"(\S+(?:\{.*\})?) (\S+)", line) for line in text.splitlines() if not line.startswith("#"))
    return {each[1]: float(each[2]) for each in found if each}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Flows that ask a server."""
    with asked(reply(b'{"tier":"gold"}')) as server:
        flows = tmp_path / "flows"
        flows.mkdir()
        (flows / "line.yaml").write_text(FLOW.replace("PORT", str(server.port)))
        (flows / "functions.py").write_text(FUNCTIONS)
        yield tmp_path


def post(served: Served, event: str, call: str = CALL, **fields: Any) -> Any:
    body = orjson.dumps({"event": event, "callid": call, "version": 1, "timestamp": "x", "cli": CLI, **fields})
    status, answer = served.ask("POST", "/voice", body, {"Content-Type": "application/json"})
    assert status == 200
    return orjson.loads(answer) if answer else None


def play(served: Served, call: str = CALL) -> None:
    """A call that gives its code, with the first callback sent twice."""
    for _ in range(2):
        post(served, "ice", call, to={"type": "did", "endpoint": "+12025550100"})
    post(served, "pie", call, menuResult={"menuId": "main", "type": "return", "value": "pin"})
    told = post(served, "pie", call, menuResult={"menuId": "main", "type": "sequence", "value": PIN})
    assert told["instructions"][-1]["text"] == "Goodbye."
    post(served, "dice", call, result="ANSWERED", reason="CALLERHANGUP", duration=5)


def metrics(served: Served) -> str:
    time.sleep(2 * PAUSE)
    status, text = served.ask("GET", "/metrics", headers=TOKEN)
    assert status == 200
    return text.decode()


def test_what_two_processes_count_is_told_by_any_and_names_nobody(folder: Path) -> None:
    with serving(folder, "--worker", **ON, FLOWENGINE_HTTP_INTERNAL="127.0.0.0/8,::1/128") as (served, _):
        for number in range(12):
            play(served, f"{CALL}{number}")
        post(served, "ice", "other", to={"type": "did", "endpoint": "+12025550199"})
        post(served, "ice", "works", to={"type": "did", "endpoint": "+12025550100"})
        post(served, "pie", "works", menuResult={"menuId": "main", "type": "return", "value": "work"})
        post(served, "pie", "nobody", menuResult={"menuId": "main", "type": "return", "value": PIN})
        assert served.ask("POST", "/voice", b"{")[0] == 200
        post(served, "ice", "live", to={"type": "did", "endpoint": "+12025550100"})
        text = metrics(served)
        told = figures(text)
        assert figures(metrics(served)).keys() == told.keys()
    assert told['flowengine_turns_total{event="ice",flow="line",outcome="start"}'] == 14
    assert told['flowengine_turns_total{event="pie",flow="line",outcome="pin"}'] == 12
    assert told['flowengine_turn_seconds_count{event="pie"}'] == 25
    assert told['flowengine_counted_total{what="stored_answer"}'] == 12
    assert told['flowengine_counted_total{what="unused_number"}'] == 1
    assert told['flowengine_counted_total{what="no_session"}'] == 1
    assert told['flowengine_counted_total{what="bad_body"}'] == 1
    assert told['flowengine_http_step_seconds_count{host="localhost",result="ok"}'] == 12
    assert told['flowengine_function_step_seconds_count{function="busy",result="ok"}'] == 1
    assert told['flowengine_live_sessions{flow="line"}'] >= 1
    assert told["flowengine_outbox_waiting"] == told["flowengine_timers_overdue"] == 0
    assert told["flowengine_dead_letters"] == told["flowengine_store_up"] == 1
    assert re.search(r'flowengine_build_info\{revision="[0-9a-f]+",version="[0-9.]+"\} 1', text)
    labels = "".join(re.findall(r"\{.*?\}", text))
    for canary in (CLI, CLI[1:], PIN, CALL, "works", "2025550100", "2025550199"):
        assert canary not in labels, canary


def test_it_is_not_there_unless_asked_for(folder: Path) -> None:
    with serving(folder) as (served, _):
        assert served.ask("GET", "/metrics", headers=TOKEN)[0] == 404
        loaded = "import flowengine.wsgi, sys; print([n for n in sys.modules if n.startswith(('prom', 'opentel'))])"
        env = environment(folder, FLOWENGINE_STORE=f"sqlite:///{folder}/other.db")
        done = subprocess.run([sys.executable, "-c", loaded], cwd=folder, env=env, capture_output=True, check=True)
        assert done.stdout == b"[]\n"


def test_a_wrong_token_is_refused_and_none_is_needed_only_in_development(folder: Path) -> None:
    with serving(folder, **ON) as (served, _):
        assert served.ask("GET", "/metrics")[0] == 401
        assert served.ask("GET", "/metrics", headers={"Authorization": "Bearer other"})[0] == 401
    with serving(folder, FLOWENGINE_METRICS="on") as (served, _):
        assert served.ask("GET", "/metrics")[0] == 200
    with serving(folder, FLOWENGINE_METRICS="on", FLOWENGINE_ENV="", WEBHOOK_PROTECTION="never") as (served, _):
        assert served.ask("GET", "/metrics")[0] == 404
        assert served.ask("GET", "/metrics", headers=TOKEN)[0] == 404


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"FLOWENGINE_METRICS": "yes"}, "FLOWENGINE_METRICS is 'yes'; write on or off"),
        ({"FLOWENGINE_METRICS": "on"}, "set PROMETHEUS_MULTIPROC_DIR"),
    ],
)
def test_a_server_that_could_not_count_refuses_to_start(folder: Path, env: dict[str, str], told: str) -> None:
    command = [sys.executable, "-c", "import flowengine.wsgi"]
    done = subprocess.run(command, cwd=folder, env=environment(folder, **env), capture_output=True, check=False)
    assert done.returncode == 2
    assert told in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_what_dead_processes_counted_is_kept_in_few_files_until_the_next_start(folder: Path) -> None:
    counts = folder / "counts"
    counts.mkdir()
    (counts / "counter_123456789.db").write_bytes(b"of an earlier run")
    with serving(folder, **ON, PROMETHEUS_MULTIPROC_DIR=str(counts)) as (served, _):
        for number in range(6):
            post(served, "ice", f"c{number}", to={"type": "did", "endpoint": "+12025550100"})
        before = figures(metrics(served))['flowengine_turns_total{event="ice",flow="line",outcome="start"}']
        for _ in range(2):
            revision = orjson.loads(served.ask("GET", "/health")[1])["revision"]
            flow = folder / "flows" / "line.yaml"
            flow.write_text(flow.read_text().replace("Goodbye.", "Goodbye and thank you."))
            served.process.send_signal(signal.SIGHUP)
            until = time.monotonic() + 30
            while orjson.loads(served.ask("GET", "/health")[1])["revision"] == revision and time.monotonic() < until:
                time.sleep(0.2)
        time.sleep(1)
        post(served, "ice", "last", to={"type": "did", "endpoint": "+12025550100"})
        after = figures(metrics(served))['flowengine_turns_total{event="ice",flow="line",outcome="start"}']
        assert (before, after) == (6, 7)
        assert not (counts / "counter_123456789.db").exists()
        assert len(list(counts.glob("counter_*.db"))) <= 5
    with serving(folder, **ON, PROMETHEUS_MULTIPROC_DIR=str(counts)) as (served, _):
        assert 'event="ice"' not in metrics(served)


def test_a_worker_tells_on_a_port_of_its_own(folder: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "flowengine", "worker", "--metrics-port", str(port)]
    worker = subprocess.Popen(command, cwd=folder, env=environment(folder), stderr=subprocess.PIPE)
    try:
        served, status = Served(port, worker), 0
        for _ in range(200):
            try:
                status, text = served.ask("GET", "/metrics")
                break
            except OSError:
                time.sleep(0.1)
        assert status == 200
        assert figures(text.decode())["flowengine_store_up"] == 1
        assert served.ask("GET", "/else")[0] == 404
    finally:
        worker.terminate()
        assert worker.wait(20) == 0


FOLLOW = """
import os, sys
from flowengine.metrics.exposing import exposition, instrument
sys.path.insert(0, "TESTS")
from pathlib import Path
from serving import Line
from test_service import MENU
from flowengine.fetch import Response
from flowengine.stores.base import StoreDown

line = Line(Path(sys.argv[1]), MENU, store="sqlite:///" + sys.argv[1] + "/m.db")
count = instrument(line.service, os.environ)
text = exposition(line.service, "sqlite:///" + sys.argv[1] + "/m.db", os.environ)
def told():
    count()
    return text()
line.ice()
"""


def follow(tmp_path: Path, more: str, **env: str) -> str:
    """What a process says that does more than serve."""
    tests = str(Path(__file__).parent)
    settings = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "counts"), **env}
    code = FOLLOW.replace("TESTS", tests) + more
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=settings, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_fallbacks_and_rows_are_counted(tmp_path: Path) -> None:
    text = follow(
        tmp_path,
        """
import flowengine.service, time
from flowengine.stores.base import Effect, Write
hear = flowengine.service.hear
flowengine.service.hear = lambda *_: 1 / 0
line.pie("return", "pin")
flowengine.service.hear = hear
def down(*_): raise StoreDown("x")
line.service.store.store.load = down
line.pie("return", "pin", call="other")
del line.service.store.store.load
store, now = line.service.store, time.time()
rows = [Effect(f"e{n}", "send", b"{}", now - 60) for n in range(4)]
store.commit(Write("s", 0, b"[]", now + 99, now, effects=rows))
a, b, c = store.take(now, 30, 3)
store.settle(a); store.settle(a); store.retry(b, now + 60); store.bury(c, "why", now)
print(told().decode())
""",
    )
    told = figures(text)
    assert told['flowengine_counted_total{what="failed_turn"}'] == 1
    assert told['flowengine_counted_total{what="store_down"}'] == 1
    for result in ("done", "retried", "buried"):
        assert told[f'flowengine_outbox_rows_total{{kind="send",result="{result}"}}'] == 1
    assert told["flowengine_outbox_waiting"] == 2
    assert told["flowengine_outbox_due"] == 1
    assert 59 <= told["flowengine_outbox_oldest_due_seconds"] <= 90
    assert told["flowengine_dead_letters"] == 1


def test_a_store_that_is_down_is_told(tmp_path: Path) -> None:
    more = (
        "line.service.store.store.dead_letters = lambda: (_ for _ in ()).throw(StoreDown('x'))\nprint(told().decode())"
    )
    told = figures(follow(tmp_path, more))
    assert told["flowengine_store_up"] == 0
    assert "flowengine_dead_letters" not in told
    assert told['flowengine_turns_total{event="ice",flow="line",outcome="start"}'] == 1


def test_times_are_counted_as_one_by_one(tmp_path: Path) -> None:
    more = """
from prometheus_client import CollectorRegistry, Histogram
from flowengine.metrics.meter import TURN, _observe
both = [Histogram(name, "x", ["event"], registry=CollectorRegistry(), buckets=TURN) for name in ("one", "many")]
took = [0.0, 0.0004, 0.0005, 0.00051, 0.3, 2.0, 3.5, 3.6, 100.0]
for each in took:
    both[0].labels("x").observe(each)
_observe(both[1].labels("x"), took)
print(told().decode())
"""
    told = figures(follow(tmp_path, more))
    one = {name.removeprefix("one"): value for name, value in told.items() if name.startswith("one")}
    many = {name.removeprefix("many"): value for name, value in told.items() if name.startswith("many")}
    assert one == many
    assert one['_count{event="x"}'] == 9


# --- labels -----------------------------------------------------------------------------------------------------------


def test_labels_are_words_of_the_flows(tmp_path: Path) -> None:
    from flowengine.fetch import Request
    from flowengine.metrics.labels import Words, counted, event

    words = Words(Line(tmp_path, MENU).library)
    assert words.host(Request("POST", "https://crm.example.com/x?cli=12025550142")) == "crm.example.com"
    assert words.host(Request("POST", "https://12025550142.example.com/")) == "other"
    assert words.outcome("pin") == "pin"
    assert words.outcome("invalidinput") == "invalidinput"
    assert words.flow("line") == "line"
    for value in (PIN, CLI, CALL, "Anna", ""):
        assert words.outcome(value) == "other"
        assert words.flow(value) == ""
        assert event({"event": value}) == "other"
    assert counted("webhook_message_delivery") == "webhook_message_delivery"
    assert counted(f"webhook_{CLI}") == "other"


# --- spans ------------------------------------------------------------------------------------------------------------

SPANS = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from flowengine.spans import set_up, spans
assert set_up(os.environ)
kept, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(kept))
trace.set_tracer_provider(provider)
line.service.heeds(spans())
line.pie("return", "pin")
line.pie("sequence", "4711")
for each in kept.get_finished_spans():
    assert 0 <= each.end_time - each.start_time < 5e9
    print(each.name, sorted(each.attributes.items()))
"""


def test_a_turn_is_a_span_where_opentelemetry_is_set_up(tmp_path: Path) -> None:
    pytest.importorskip("opentelemetry.sdk")
    told = follow(tmp_path, SPANS, OTEL_TRACES_EXPORTER="console").splitlines()
    assert len(told) == 2
    assert told[0] == (
        "turn [('flowengine.event', 'pie'), ('flowengine.flow', 'line'), ('flowengine.outcome', 'pin'),"
        " ('flowengine.state', 'main')]"
    )
    assert PIN not in "".join(told)


@pytest.mark.parametrize(
    "env", [{}, {"OTEL_SDK_DISABLED": "true", "OTEL_SERVICE_NAME": "x"}, {"OTEL_TRACES_EXPORTER": "none"}]
)
def test_there_are_no_spans_unless_they_are_set_up(env: dict[str, str]) -> None:
    from flowengine.spans import set_up

    assert not set_up(env)
