"""Measures flowengine against floors of the same run, and prints ratios.

Every figure is the median of several rounds in which the two sides take turns, so that a machine that slows down
slows both. Nothing here passes or fails: the wanted ratio stands beside the measured one.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

ROUNDS = 7
CALLS = 2000
KEY, SECRET = "bench-key", base64.b64encode(b"bench secret").decode()
NOW = 1763978400.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = {
        "turn": turn, "size": size, "validate": validate, "message": message, "scenario": scenario, "durable": durable,
        "http": over_http,
    }  # fmt: skip
    parser.add_argument("parts", nargs="*", default=list(parts), help=" ".join(parts))
    for part in parser.parse_args().parts:
        parts[part]()


def tell(what: str, ratio: float, wanted: str, detail: str) -> None:
    print(f"{what:<58} {ratio:8.2f}   wanted {wanted:<8} {detail}", flush=True)


# --- flows ---------------------------------------------------------------------------------------------------------


def long_flow(states: int) -> str:
    """A flow of menus, each with a sentence and an http step behind it, that read a variable as real ones do."""
    lines = ["flow: long", "channel: voice", 'triggers: [ { to: "+12025550100" } ]']
    lines += ["variables: { tier: { type: text, default: gold } }"]
    lines += ["on: { error: bye, timeout: bye, invalidinput: bye }", "start: m0", "states:"]
    groups = max(2, (states - 1) // 3)
    for n in range(groups):
        after = f"m{n + 1}" if n + 1 < groups else "bye"
        lines += [
            f"  m{n}:",
            '    menu: { prompt: "Hello {{ tier }}. Press 1 or 2.", choices: { go: 1, skip: 2 } }',
            f"    on: {{ go: s{n}, skip: h{n} }}",
            f'  s{n}: {{ say: "Thank you, {{{{ tier }}}} customer.", next: {after} }}',
            f"  h{n}:",
            "    http: { get: https://crm.example.com/tier, timeout: 800ms, save: { tier: '{{ response.tier }}' } }",
            f"    on: {{ ok: {after}, error: bye }}",
        ]
    lines.append("  bye: { say: Goodbye., next: end }")
    return "\n".join(lines) + "\n"


@contextmanager
def project(text: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "long.yaml").write_text(text)
        yield folder


def service(paths: list[str], url: str) -> Any:
    from flowengine.compiler import compile_book, revision
    from flowengine.engine.library import open_library
    from flowengine.fetch import Fetcher
    from flowengine.graph import Book
    from flowengine.project import read_project
    from flowengine.service import Service
    from flowengine.settings import settle_memory
    from flowengine.stores import open_store

    source = read_project(paths)
    artefact = orjson.loads(orjson.dumps(compile_book(Book(source.flows), source.project)))
    library = open_library(artefact, revision(artefact), {})
    settle_memory()
    return Service(library, open_store(url), Fetcher(), {"RECORDINGS": "a:b:c"}, lambda *_: None, clock=lambda: NOW)


def ice(call: str) -> bytes:
    return orjson.dumps(
        {
            "event": "ice",
            "callid": call,
            "callResourceUrl": f"https://calling-euc1.api.sinch.com/calling/v1/calls/id/{call}",
            "timestamp": "2025-11-24T10:00:00Z",
            "version": 1,
            "custom": "",
            "applicationKey": "0d5e7b1a-3c44-4c0e-8f60-2b9f4a7712ee",
            "userRate": {"currencyId": "EUR", "amount": 0.0112},
            "cli": "12025550150",
            "to": {"type": "did", "endpoint": "+12025550100"},
            "domain": "pstn",
            "originationType": "PSTN",
            "rdnis": "",
            "callHeaders": [],
        }
    )


def pie(call: str, value: str) -> bytes:
    return orjson.dumps(
        {
            "event": "pie",
            "callid": call,
            "timestamp": "2025-11-24T10:00:10Z",
            "version": 1,
            "applicationKey": "0d5e7b1a-3c44-4c0e-8f60-2b9f4a7712ee",
            "menuResult": {"menuId": "main", "type": "return", "value": value, "inputMethod": "dtmf"},
        }
    )


# --- a turn --------------------------------------------------------------------------------------------------------


def seconds(work: Callable[[Any], Any], items: list[Any]) -> float:
    began = time.perf_counter()
    for item in items:
        work(item)
    return (time.perf_counter() - began) / len(items)


def floor(bodies: list[bytes], answer: bytes) -> float:
    data = orjson.loads(answer)

    def both(body: bytes) -> None:
        orjson.loads(body)
        orjson.dumps(data)

    return seconds(both, bodies)


def turn() -> None:
    """A PIE of the 10-state flow, answered with a sentence and a menu, a template in each."""
    with project(long_flow(10)) as flows, tempfile.TemporaryDirectory() as folder:
        stores = {"memory": ("memory:", "<= 15"), "SQLite": (f"sqlite:///{folder}/bench.db", "<= 70")}
        for name, (url, wanted) in stores.items():
            ratios, micros = _turns(service([flows], url), name)
            detail = f"{statistics.median(micros):.1f} us a turn"
            tell(f"turn, {name} store, bytes in to bytes out / floor", statistics.median(ratios), wanted, detail)


def _turns(served: Any, name: str) -> tuple[list[float], list[float]]:
    ratios, micros = [], []
    for number in range(ROUNDS):
        calls = [f"{name}{number}x{n:08x}c94a7e9a3e51f6b2d8c901" for n in range(CALLS)]
        for call in calls:
            served.callback(ice(call))
        bodies = [pie(call, "go") for call in calls]
        answer = served.callback(bodies[0]).body
        assert b"Hello gold" in answer, answer
        took = seconds(served.callback, bodies[1:])
        least = min(floor(bodies[1:], answer) for _ in range(3))
        ratios.append(took / least)
        micros.append(took * 1e6)
    return ratios, micros


def size() -> None:
    """The same turn in a flow of 10 and of 10,000 states, taking turns."""
    with project(long_flow(10)) as small, project(long_flow(10_000)) as large:
        served = [service([small], "memory:"), service([large], "memory:")]
        ratios = []
        for number in range(ROUNDS * 2):
            took = []
            for each in served if number % 2 else served[::-1]:
                calls = [f"s{number}x{n:08x}" for n in range(CALLS)]
                for call in calls:
                    each.callback(ice(call))
                took.append(seconds(each.callback, [pie(call, "go") for call in calls]))
            small_took, large_took = took if number % 2 else took[::-1]
            ratios.append(large_took / small_took)
    tell("turn in 10,000 states / in 10 states", statistics.median(ratios), "<= 1.1", "memory store")


def durable() -> None:
    """Durable commits a second of several threads, which share a sync of the disk, against those of one."""
    from concurrent.futures import ThreadPoolExecutor

    from flowengine.stores import open_store
    from flowengine.stores.base import Write

    def commits(store: Any, threads: int, name: str) -> float:
        def work(thread: int) -> int:
            until, done = time.monotonic() + 0.5, 0
            while time.monotonic() < until:
                done += 1
                key = f"{name}/{thread}/{done}"
                store.commit(Write(key, 0, b"x" * 400, NOW + 3600, NOW, key, b"answer", durable=True))
            return done

        with ThreadPoolExecutor(threads) as pool:
            return sum(pool.map(work, range(threads))) / 0.5

    rates: dict[int, list[float]] = {1: [], 4: [], 16: []}
    with tempfile.TemporaryDirectory(dir=".") as folder:
        store = open_store(f"sqlite:///{folder}/bench.db")
        for number in range(ROUNDS):
            for threads, found in rates.items():
                found.append(commits(store, threads, f"{number}/{threads}"))
        store.close()
    for threads, wanted in ((4, ">= 1"), (16, ">= 1.5")):
        ratio = statistics.median(many / one for many, one in zip(rates[threads], rates[1], strict=True))
        detail = f"{statistics.median(rates[threads]):.0f} a second, {statistics.median(rates[1]):.0f} of one thread"
        tell(f"durable commits, SQLite, {threads} threads / 1 thread", ratio, wanted, detail)


CHAT = """
flow: chat
channel: message
triggers: [ { keywords: [start here] } ]
session: { expires: 1d }
variables: { tier: { type: text, default: gold } }
start: m0
states:
  m0:
    ask:
      prompt: "Hello {{ tier }}. Go on or skip?"
      choices: { go: Go on, skip: Skip }
    on: { go: m1, skip: bye, timeout: bye, invalidinput: bye, failed: end }
  m1:
    ask:
      prompt: "Thank you, {{ tier }} customer. Go on or skip?"
      choices: { go: Go on, skip: Skip }
    on: { go: m0, skip: bye, timeout: bye, invalidinput: bye, failed: end }
  bye: { say: Goodbye., next: end }
"""


def inbound(contact: int, text: str, number: int) -> bytes:
    message = {
        "id": f"01HX2{number:010}{contact:011}",
        "direction": "TO_APP",
        "contact_message": {"text_message": {"text": text}},
        "channel_identity": {"channel": "SMS", "identity": f"12025{contact:06}", "app_id": ""},
        "conversation_id": "",
        "contact_id": "",
        "metadata": "",
        "accept_time": "2025-11-24T10:00:00.100Z",
        "sender_id": "12025550199",
        "processing_mode": "DISPATCH",
        "injected": False,
    }
    times = {"accepted_time": "2025-11-24T10:00:00.200Z", "event_time": "2025-11-24T10:00:00Z"}
    return orjson.dumps({"app_id": "01HX2APP0000000000000000A1", "project_id": "p", **times, "message": message})


def message() -> None:
    """A message answered by a question, one row of the outbox, against a PIE answered by a sentence and a menu."""
    with tempfile.TemporaryDirectory() as folder:
        for durable, name in ((False, "NORMAL"), (True, "FULL")):
            with project(CHAT) as chats, project(long_flow(10)) as flows:
                more = f"?synchronous={'full' if durable else 'normal'}"
                talks = service([chats], f"sqlite:///{folder}/chat{name}.db{more}")
                calls = service([flows], f"sqlite:///{folder}/call{name}.db{more}")
                ratios, micros = _messages(talks, calls, 200 if durable else CALLS)
            detail = f"{statistics.median(micros):.0f} us a message"
            wanted = "<= 2" if not durable else "-"
            tell(f"message, SQLite {name}, bytes in to row out / voice turn", statistics.median(ratios), wanted, detail)


def _messages(talks: Any, calls: Any, many: int) -> tuple[list[float], list[float]]:
    ratios, micros = [], []
    for number in range(ROUNDS):
        people = range(number * many, (number + 1) * many)
        for each in people:
            assert talks.chats.webhook(inbound(each, "start here", 1)) == 200
        texts = [inbound(each, "go on", 2) for each in people]
        names = [f"m{number}x{n:08x}c94a7e9a3e51f6b2d8c901" for n in range(many)]
        for call in names:
            calls.callback(ice(call))
        _emptied(talks.store)
        ours = seconds(talks.chats.webhook, texts)
        theirs = seconds(calls.callback, [pie(call, "go") for call in names])
        assert talks.store.journal(_key(people[0]))[-1].event == "go"
        ratios.append(ours / theirs)
        micros.append(ours * 1e6)
    return ratios, micros


def _emptied(store: Any) -> None:
    """The outbox as workers leave it: what was answered before has been sent."""
    while taken := store.take(NOW, 60.0, 500):
        for each in taken:
            store.settle(each)


def _key(contact: int) -> str:
    from flowengine.webhooks import talk_key

    return talk_key("01HX2APP0000000000000000A1", "SMS", f"12025{contact:06}")


PRESSES = 40
"""Keys that one scenario presses: enough that its beginning weighs little, as few as people write in a long one."""


def scenario() -> None:
    """A key pressed and the question expected after it, set-up included, against the turn that answers the key."""
    from flowengine.build import build
    from flowengine.engine.library import open_library
    from flowengine.scenarios.reading import suite_from_text
    from flowengine.scenarios.running import run
    from flowengine.stage import Theatre

    steps = "".join('      - presses: "1"\n      - asks: Hello gold\n' for _ in range(PRESSES))
    text = f"scenarios:\n  long:\n    steps:\n      - caller dials\n      - asks: Hello gold\n{steps}"
    with project(long_flow(3 * PRESSES + 10)) as flows:
        built = build([flows])
        assert built.artefact is not None
        theatre = Theatre(open_library(built.artefact, built.revision, {}))
        served, suite = service([flows], "memory:"), suite_from_text(text, "long.test.yaml")
        ratios, micros = [], []
        for number in range(ROUNDS):
            calls = [f"p{number}x{n:08x}c94a7e9a3e51f6b2d8c901" for n in range(CALLS)]
            for call in calls:
                served.callback(ice(call))
            took = seconds(served.callback, [pie(call, "go") for call in calls])
            many = [suite.scenarios[0]] * (CALLS // PRESSES)
            played = seconds(lambda each: run(theatre, each, built.book), many) / (PRESSES + 1)
            ratios.append(played / took)
            micros.append(played * 1e6)
        assert run(theatre, suite.scenarios[0], built.book).passed
    detail = f"{statistics.median(micros):.0f} us an act with what is expected of it"
    tell("scenario step / turn, memory store", statistics.median(ratios), "<= 5", detail)


def validate() -> None:
    """Validating 10,000 states against 1,000, each in a process of its own."""
    took: dict[int, list[float]] = {1000: [], 10_000: []}
    for states in took:
        with project(long_flow(states)) as flows:
            for _ in range(3):
                began = time.perf_counter()
                command = [sys.executable, "-m", "flowengine", "validate", flows]
                done = subprocess.run(command, capture_output=True, check=False)
                took[states].append(time.perf_counter() - began)
                assert done.returncode == 0, done.stdout.decode()[-2000:]
    few, many = (statistics.median(each) for each in took.values())
    tell("validate 10,000 states / 1,000 states", many / few, "<= 12", f"{few:.2f} s and {many:.2f} s, whole process")


# --- over HTTP -----------------------------------------------------------------------------------------------------

CONSTANT = """
from flask import Flask, Response
app = Flask("constant")
@app.post("/voice")
def voice():
    return Response(b'{"action":{"name":"hangup"}}', content_type="application/json")
"""


@contextmanager
def server(target: str, port: int, env: dict[str, str]) -> Iterator[None]:
    from flowengine.serving.command import gunicorn

    command = gunicorn("127.0.0.1", port, 1, 4)
    command[command.index("flowengine.wsgi:app")] = target
    child = subprocess.Popen(command, env={**os.environ, **env}, stderr=subprocess.DEVNULL)
    try:
        for _ in range(150):
            try:
                http.client.HTTPConnection("127.0.0.1", port, timeout=1).connect()
                break
            except OSError:
                time.sleep(0.1)
        yield
    finally:
        child.terminate()
        child.wait()


def _load(port: int, requests: list[tuple[bytes, dict[str, str]]], done: Any) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for body, headers in requests:
        connection.request("POST", "/voice", body, headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            done.put(answer.status)
            return
    done.put(200)


def _signed(body: bytes) -> tuple[bytes, dict[str, str]]:
    from flowengine.sinch.signing import authorization, decode_secret

    headers = authorization(KEY, decode_secret(SECRET), "POST", "/voice", body)
    return body, {**headers, "Content-Type": "application/json"}


def rate(port: int, requests: list[list[tuple[bytes, dict[str, str]]]]) -> float:
    """Requests a second of several clients at once."""
    context = multiprocessing.get_context("fork")
    done = context.Queue()
    clients = [context.Process(target=_load, args=(port, each, done)) for each in requests]
    began = time.perf_counter()
    for each in clients:
        each.start()
    statuses = [done.get() for _ in clients]
    took = time.perf_counter() - began
    assert set(statuses) == {200}, statuses
    return sum(map(len, requests)) / took


def over_http() -> None:
    """Signed ICEs and PIEs through gunicorn and SQLite, against a constant Flask handler that checks nothing."""
    with project(long_flow(10)) as flows, tempfile.TemporaryDirectory() as folder:
        Path(folder, "constant.py").write_text(CONSTANT)
        env = {
            "FLOWENGINE_FLOWS": flows,
            "FLOWENGINE_STORE": f"sqlite:///{folder}/http.db",
            "WEBHOOK_PROTECTION": "always",
            "VOICE_APPLICATION_KEY": KEY,
            "VOICE_APPLICATION_SECRET": SECRET,
            "PYTHONPATH": folder,
        }
        ratios, rates = [], []
        with server("flowengine.wsgi:app", 8137, env), server("constant:app", 8138, env):
            for number in range(5):
                requests = _traffic(number)
                ours, theirs = rate(8137, requests), rate(8138, requests)
                ratios.append(ours / theirs)
                rates.append((ours, theirs))
    ours, theirs = (statistics.median(each) for each in zip(*rates, strict=True))
    detail = f"{ours:.0f} and {theirs:.0f} requests/s, one worker"
    tell("requests/s, signed + SQLite / constant Flask handler", statistics.median(ratios), ">= 0.4", detail)


def _traffic(number: int) -> list[list[tuple[bytes, dict[str, str]]]]:
    found = []
    for client in range(4):
        calls = [f"h{number}c{client}x{n:06x}" for n in range(150)]
        found.append([_signed(body) for call in calls for body in (ice(call), pie(call, "go"), pie(call, "go"))])
    return found


if __name__ == "__main__":
    main()
