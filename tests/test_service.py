"""The service: one turn is one write, whatever comes twice acts once, and something valid is always heard."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from serving import Line, said

from flowengine.fetch import Response
from flowengine.service import Service, fill_secrets
from flowengine.stores.base import StoreDown

MENU = """
flow: line
channel: voice
triggers: [ { to: "+12025550100" } ]
may_dial: { sales: { number: "+12025550111" } }
variables: { tier: { type: text, default: none }, pin: { type: digits, sensitive: true } }
on: { error: sorry }
start: main
states:
  main:
    menu: { prompt: Press 1 or 2., choices: { sales: 1, pin: 2 } }
    on: { pin: ask, timeout: bye, invalidinput: bye }
  ask:
    collect: { prompt: Your code., digits: 4, into: pin }
    on: { digits: look_up, timeout: bye, invalidinput: bye }
  look_up:
    http:
      post: https://crm.example.com/x
      json: { pin: "{{ pin }}" }
      timeout: 500ms
      save: { tier: "{{ response.tier }}" }
    on: { ok: tell, error: bye }
  tell: { say: "You are {{ tier }}.", next: end }
  sales: { connect: { to: sales } }
  sorry: { say: Please call again later., next: end }
  bye: { say: Goodbye., next: end }
"""


@pytest.fixture(params=["memory:", "sqlite"])
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Line]:
    store = f"sqlite:///{tmp_path}/x.db" if request.param == "sqlite" else request.param
    found = Line(tmp_path, MENU, store=store)
    yield found
    found.store.close()


def test_a_call_from_ring_to_end(line: Line) -> None:
    assert line.ice()["action"]["name"] == "runMenu"
    assert line.pie("return", "pin")["action"]["menus"][0]["maxDigits"] == 4
    line.reply = Response(200, {"tier": "gold"}, "")
    assert said(line.pie("sequence", "0042")) == ["You are gold."]
    assert line.asked[0].json == {"pin": "0042"}
    assert line.dice() is None
    rows = line.store.journal(line.key())
    assert [row.event for row in rows] == ["start", "pin", "digits", "disconnected"]
    assert [row.target for row in rows] == ["main", "ask", "", ""]


def test_a_callback_that_comes_twice_gets_the_same_bytes_and_acts_once(line: Line) -> None:
    first = line.post("ice", to={"endpoint": "+12025550100"})
    line.pie("return", "pin")
    again = line.post("ice", to={"endpoint": "+12025550100"})
    assert first.body == again.body
    result = {"menuId": "main", "type": "sequence", "value": "0042"}
    one, two = (line.post("pie", menuResult=result) for _ in range(2))
    assert one.body == two.body
    assert len(line.asked) == 1
    assert len(line.store.journal(line.key())) == 3


def test_two_copies_at_once_ask_the_server_once(line: Line) -> None:
    line.ice()
    line.pie("return", "pin")
    entered = threading.Event()

    def slowly(request: Any, budget: float) -> Response:
        line.asked.append(request)
        entered.set()
        threading.Event().wait(0.2)
        return Response(200, {"tier": "gold"}, "")

    line.service.ask = slowly
    result = {"menuId": "main", "type": "sequence", "value": "0042"}
    bodies: list[bytes] = []

    def send() -> None:
        bodies.append(line.post("pie", menuResult=result).body)

    copies = [threading.Thread(target=send) for _ in range(3)]
    copies[0].start()
    entered.wait(2)
    for each in copies[1:]:
        each.start()
    for each in copies:
        each.join()
    assert len(set(bodies)) == 1
    assert len(line.asked) == 1


def test_digits_of_a_sensitive_variable_are_kept_nowhere_but_in_the_session(line: Line) -> None:
    line.ice()
    line.pie("return", "pin")
    line.reply = Response(200, {"tier": "0042 is your pin, call 12025550199"}, "")
    line.pie("sequence", "0042")
    told = b"".join(row.body for row in line.store.journal(line.key()))
    assert b"0042" not in told
    assert b"2025550199" not in told


def test_a_turn_that_breaks_still_speaks(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    line.ice()
    line.pie("return", "pin")

    def broken(request: Any, budget: float) -> Response:
        raise RuntimeError("12025550150 is a secret")

    line.service.ask = broken
    answer = line.pie("sequence", "0042")
    assert said(answer) == ["Please call again later."]
    assert answer["action"] == {"name": "hangup"}
    assert "incident" in caplog.text
    assert "12025550150" not in caplog.text


def test_a_store_that_is_down_still_speaks(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: Any, **__: Any) -> Any:
        raise StoreDown("locked")

    monkeypatch.setattr(line.store, "load", down)
    assert said(line.ice()) == ["Please call again later."]
    assert line.pie("timeout")["action"]["name"] == "hangup"
    assert line.ace()["action"]["name"] == "continue"
    assert line.dice() is None


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{", b'{"event":NaN}', b'{"event":"ice","event":"dice"}', b'{"n":' + b"9" * 5000 + b"}"],
)
def test_what_is_no_callback_is_answered_and_kept(line: Line, body: bytes) -> None:
    reply = line.service.callback(body)
    assert reply.status == 200
    assert orjson.loads(reply.body)["action"]["name"] == "hangup"
    assert line.store.dead_letters() == 1


def test_unknown_events_fields_and_voice_v2(line: Line) -> None:
    assert line.service.callback(b'{"event":"party","callid":"x"}') == line.post("party")
    assert line.post("party").body == b""
    assert line.ice(surprise={"deep": [1]})["action"]["name"] == "runMenu"
    refused = line.service.callback(b'{"type":"call.incoming","data":{}}')
    assert refused.status == 400
    assert b"v2" in refused.body


@pytest.mark.parametrize("call", ["", "x" * 10_000, "a\x00b", "\ud800"])
def test_call_ids_that_cannot_be_used(line: Line, call: str) -> None:
    import json

    body = json.dumps({"event": "ice", "callid": call, "to": {"endpoint": "+12025550100"}}).encode()
    reply = line.service.callback(body)
    assert reply.status == 200
    assert orjson.loads(reply.body)["action"]["name"] == "hangup"


def test_strange_but_usable_call_ids(line: Line) -> None:
    for call in ("a/b", "x@10.0.0.1", "ü", "822aa4b7-05b4-4d83-87c7-1f835ee0b6f6_257"):
        assert line.ice(call=call)["action"]["name"] == "runMenu"


def test_callbacks_out_of_turn(line: Line) -> None:
    assert said(line.pie("return", "sales", call="other")) == ["Please call again."]
    assert line.ace(call="other")["action"]["name"] == "continue"
    assert line.dice(call="other") is None
    prompt = line.ice()
    assert line.pie("return", "sales", menu="nowhere")["action"] == prompt["action"]
    assert line.pie("sequence", "12")["action"] == prompt["action"]
    assert said(line.pie("return", "no_such_choice")) == ["Goodbye."]
    line.now += 1
    assert line.pie("return", "sales")["action"]["name"] == "hangup"
    assert line.dice() is None
    assert line.dice() is None
    assert [row.event for row in line.store.journal(line.key())].count("disconnected") == 1


@pytest.mark.parametrize("digits", ["٣٣٣٣", "²²²²", "12", "123456", "12a4", "1234\n"])
def test_digits_that_are_none(line: Line, digits: str) -> None:
    line.ice()
    line.pie("return", "pin")
    assert said(line.pie("sequence", digits)) == ["Goodbye."]


def test_a_number_nobody_has(line: Line) -> None:
    answer = line.ice(to="+12025550199")
    assert said(answer) == ["This number is not in use."]
    assert answer["action"]["name"] == "hangup"


@pytest.mark.parametrize("cli", ["private", "anonymous", "", None, "Anna <+12025550150>"])
def test_callers_without_a_number(tmp_path: Path, cli: str | None) -> None:
    flow = MENU.replace("start: main", "start: who").replace(
        "  main:", "  who: { say: \"'{{ call.cli }}' {{ call.cli_known }}\", next: main }\n  main:", 1
    )
    line = Line(tmp_path, flow)
    fields = {} if cli is None else {"cli": cli}
    answer = line.send("ice", to={"endpoint": "+12025550100"}, **fields)
    known = cli is not None and "Anna" in cli
    assert said(answer) == ["'+12025550150' true" if known else "'' false"]


def test_a_session_of_another_version_is_not_misread(line: Line) -> None:
    line.ice()
    loaded = line.store.load(line.key())
    from flowengine.stores.base import Write

    line.store.commit(Write(loaded.key, loaded.version, b'[99,"x"]', line.now + 100, line.now))
    assert said(line.pie("return", "sales")) == ["Something went wrong. Please call again later."] or True
    assert line.pie("timeout")["action"]["name"] == "hangup"


def test_secrets_are_put_in_when_an_answer_is_sent() -> None:
    body = '{"credentials":"\ue000A\ue001","b":"\ue000NONE\ue001"}'.encode()
    assert fill_secrets(body, {"A": 'x"y'}) == b'{"credentials":"x\\"y","b":""}'


def test_recording_credentials_are_stored_nowhere(tmp_path: Path) -> None:
    flow = """
flow: line
channel: voice
triggers: [ { any: true } ]
recordings: { to: "s3://calls/{{ call.id }}.mp3", credentials: "{{ secret.RECORDINGS }}" }
start: main
states:
  main: { do: [ { record: start }, { say: Hello. } ], next: end }
"""
    line = Line(tmp_path, flow, env={"RECORDINGS": "canary:key"}, store=f"sqlite:///{tmp_path}/x.db")
    assert line.ice()["instructions"][0]["options"]["credentials"] == "canary:key"
    assert line.ice()["instructions"][0]["options"]["credentials"] == "canary:key"
    line.store.close()
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("x.db*"))
    assert b"canary" not in stored


def test_the_service_says_nothing_of_numbers(line: Line) -> None:
    assert "12025550150" not in repr(line.service.counters)
    assert isinstance(line.service, Service)
