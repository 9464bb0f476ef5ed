"""One line for each thing that happens, of fields that are allowed, and never a number in it."""

from __future__ import annotations

import io
import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import orjson
import pytest
from serving import Line
from test_serve import environment, ice, serving
from test_service import MENU

from flowengine.logs import BadSetting, Seldom, form, log_to, told

CANARY = "+12025550142"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is said, as JSON."""
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    stream = io.StringIO()
    log_to({"FLOWENGINE_LOG": "json"}, stream)
    yield stream
    root.handlers[:] = before


def read(stream: io.StringIO) -> list[dict[str, str]]:
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_when_how_bad_what_and_where(lines: io.StringIO) -> None:
    extra = told("failed_turn", incident="12345678", flow="line", state="main", error="ZeroDivisionError", on="pie")
    logging.getLogger("flowengine").error("incident %s: it broke", "12345678", extra=extra)
    (line,) = read(lines)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "error",
        "event": "failed_turn",
        "flow": "line",
        "state": "main",
        "incident": "12345678",
        "error": "ZeroDivisionError",
        "on": "pie",
        "sentence": "incident 12345678: it broke",
    }


@pytest.mark.parametrize("value", [CANARY, "12025550142", "0042", "Anna Smith", "a" * 65, ""])
def test_what_is_no_name_is_left_out(lines: io.StringIO, value: str) -> None:
    logging.getLogger("flowengine").error("x", extra=told("failed_turn", flow=value, state=value, cli=value))
    (line,) = read(lines)
    assert line.keys() == {"time", "level", "event", "sentence"}


@pytest.mark.parametrize("number", [CANARY, "12025550142", "+1 202 555 0142", "(202) 555-0142", "202.555.0142"])
def test_numbers_are_hidden_wherever_they_come_from(lines: io.StringIO, number: str) -> None:
    logging.getLogger("flowengine").error("no call to %s", number)
    logging.getLogger("werkzeug").error("GET /x?to=%s", number)
    logging.getLogger("other").error(f"a call to {number}")
    try:
        raise ValueError(number)
    except ValueError:
        logging.getLogger("flask").exception("Exception on %s", number)
    assert number not in lines.getvalue()
    assert "0142" not in lines.getvalue()
    assert [line["event"] for line in read(lines)] == ["said", "library", "library", "library"]
    assert read(lines)[-1]["error"] == "ValueError"


def test_days_are_no_numbers(lines: io.StringIO) -> None:
    logging.getLogger("flowengine").error("revision 1f0c9a3e5b7d, last served %s", "2026-11-21 19:16 UTC")
    assert read(lines)[0]["sentence"] == "revision 1f0c9a3e5b7d, last served 2026-11-21 19:16 UTC"


def test_text_is_for_terminals_unless_it_is_set() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert form({}, Terminal()) == "text"
    assert form({}, io.StringIO()) == "json"
    assert form({"FLOWENGINE_LOG": "json"}, Terminal()) == "json"
    assert form({"FLOWENGINE_LOG": "text"}, io.StringIO()) == "text"
    with pytest.raises(BadSetting, match="FLOWENGINE_LOG is 'jsn'; write text or json; did you mean \"json\""):
        form({"FLOWENGINE_LOG": "jsn"}, io.StringIO())


def test_text_has_the_sentence_and_no_number() -> None:
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    stream = io.StringIO()
    log_to({"FLOWENGINE_LOG": "text"}, stream)
    logging.getLogger("flowengine").error("incident 1234abcd: of %s", CANARY)
    root.handlers[:] = before
    time, level, sentence = stream.getvalue().rstrip("\n").split(" ", 2)
    assert (level, sentence) == ("ERROR", "incident 1234abcd: of ****")
    assert time.endswith("Z")


def test_strangers_fill_no_disk(lines: io.StringIO) -> None:
    refused = Seldom()
    for _ in range(1000):
        refused.warning("refused", extra=told("unsigned"))
    assert len(read(lines)) == 1


def test_a_turn_that_fails_names_its_incident(
    lines: io.StringIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(tmp_path, MENU)
    line.ice(cli=CANARY)
    monkeypatch.setattr("flowengine.service.hear", lambda *_: 1 / 0)
    line.pie("return", "pin")
    (said,) = read(lines)
    assert {name: said[name] for name in ("event", "flow", "state", "error", "on")} == {
        "event": "failed_turn",
        "flow": "line",
        "state": "main",
        "error": "ZeroDivisionError",
        "on": "pie",
    }
    (row,) = (row for row in line.store.journal(line.key()) if b"incident" in row.body)
    assert orjson.loads(row.body)["incident"] == said["incident"]


def test_a_served_line_tells_of_start_incident_and_stop(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "line.yaml").write_text(MENU)
    with serving(tmp_path, FLOWENGINE_LOG="json") as (served, log):
        ice(served)
        with closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            body = {"event": "ice", "callid": "d", "cli": CANARY, "to": {"type": "did", "endpoint": "+12025550100"}}
            status, answer = served.ask("POST", "/voice", orjson.dumps(body), {"Content-Type": "application/json"})
            assert status == 200
            assert orjson.loads(answer)["action"]["name"] == "hangup"
            other.execute("ROLLBACK")
    said = [orjson.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    events = [line["event"] for line in said]
    # The worker beside the server may be told to end before it has begun.
    assert events.count("started") == events.count("stopped") and events[0] == "started"
    (incident,) = (line for line in said if line["event"] == "store_down")
    assert incident["incident"] in incident["sentence"]
    assert CANARY[1:] not in log.read_text()


def test_a_form_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "line.yaml").write_text(MENU)
    env = {**os.environ, **environment(tmp_path, FLOWENGINE_LOG="xml")}
    for command in (["-m", "flowengine", "worker"], ["-c", "import flowengine.wsgi"]):
        done = subprocess.run([sys.executable, *command], cwd=tmp_path, env=env, capture_output=True, check=False)
        assert done.returncode == 2, done.stderr
        assert b"FLOWENGINE_LOG is 'xml'; write text or json" in done.stderr
        assert b"Traceback" not in done.stderr
