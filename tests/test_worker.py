"""Calls out, timers and changes of live calls, against a server that speaks the voice REST API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import Line, said

from flowengine.engine.outcome import NotTaken
from flowengine.fetch import Response
from flowengine.sinch.credentials import Credentials
from flowengine.sinch.fake import Answer, FakeSinch
from flowengine.sinch.voice import VoiceClient
from flowengine.worker import Worker, drain

REMINDER = """
flow: reminder
channel: voice
inputs: { to: { type: phone }, name: { type: text } }
triggers: [ { start: api } ]
cli: "+12025550100"
may_dial: { patient: { number: "{{ to }}", countries: [US], per_hour: 2 } }
start: ring
states:
  ring:
    visits: { max: 3, then: end }
    dial: { to: patient, dial_timeout: 30s, amd: sync }
    on:
      human: ask
      machine: leave
      disconnected:
        - { when: not call.answered, to: later }
        - { else: end }
  later: { wait: { for: 15m }, on: { elapsed: ring } }
  ask: { menu: { prompt: "Hello {{ name }}. Press 1.", choices: { fine: 1 } }, on: { timeout: bye, invalidinput: bye } }
  leave: { say: [ { pause: 3s }, "Hello {{ name }}." ], next: end }
  fine: { say: Thank you., next: end }
  bye: { say: Goodbye., next: end }
"""

HOLD = """
flow: hold
channel: voice
triggers: [ { to: "+12025550100" } ]
may_dial: { agent: { number: "+12025550111" } }
start: hold
states:
  hold:
    park: { intro: Please hold., max: 60s, until: [agent_ready, closing] }
    on: { agent_ready: agent, closing: bye, elapsed: bye, error: note }
  agent: { connect: { to: agent }, on: { disconnected: end } }
  note: { do: [ { log: the caller could not be brought back } ], next: end }
  bye: { say: Goodbye., next: end }
"""


@pytest.fixture
def sinch() -> Iterator[FakeSinch]:
    with FakeSinch() as found:
        yield found
        assert not found.problems


def worker(line: Line, sinch: FakeSinch) -> Worker:
    credentials = Credentials.from_env(sinch.env())
    assert credentials is not None
    return Worker(line.service, VoiceClient.from_env(credentials, sinch.env()))


@pytest.fixture(params=["memory:", "sqlite"])
def reminder(request: pytest.FixtureRequest, tmp_path: Path) -> Line:
    store = f"sqlite:///{tmp_path}/x.db" if request.param == "sqlite" else request.param
    return Line(tmp_path, REMINDER, store=store)


def dialled(line: Line, sinch: FakeSinch) -> tuple[str, str]:
    """The session and its first call id, once the call is placed."""
    key, placed = line.service.dial("reminder", {"to": "+12025550150", "name": "Anna"})
    assert placed
    assert drain(worker(line, sinch), key) == ""
    return key, sinch.callouts[-1].call_id


def test_a_call_is_placed_with_inline_ice(reminder: Line, sinch: FakeSinch) -> None:
    key, call = dialled(reminder, sinch)
    callout = sinch.callouts[0]
    assert callout.body["method"] == "customCallout"
    action = callout.svaml["action"]
    assert action["number"] == "+12025550150"
    assert action["cli"] == "+12025550100"
    assert action["amd"] == {"enabled": True, "async": False}
    assert reminder.session(key).call["id"] == call
    asks = reminder.ace("human", call=call, custom=callout.body["customCallout"]["custom"])
    assert asks["action"]["menus"][0]["mainPrompt"] == "#tts[Hello Anna. Press 1.]"
    assert said(reminder.pie("return", "fine", call=call)) == ["Thank you."]


def test_callbacks_that_overtake_the_reply_find_the_session(reminder: Line, sinch: FakeSinch) -> None:
    key, _ = reminder.service.dial("reminder", {"to": "+12025550150", "name": "Anna"})
    answer = reminder.ace("machine", call="early", custom=f"fe.{key}")
    assert said(answer) == ["Hello Anna."]
    assert reminder.store.load(reminder.key("early")).key == key


def test_nobody_answers_and_it_is_tried_again_in_the_same_session(reminder: Line, sinch: FakeSinch) -> None:
    key, call = dialled(reminder, sinch)
    works = worker(reminder, sinch)
    for round_ in (1, 2):
        assert reminder.dice(call=call, result="NOANSWER") is None
        reminder.dice(call=call, result="NOANSWER")
        assert reminder.session(key).place == "later"
        works.step()
        assert len(sinch.callouts) == round_
        reminder.now += 901
        works.step()
        works.step()
        if round_ == 2:
            break
        assert len(sinch.callouts) == round_ + 1
        call = sinch.callouts[-1].call_id
        assert reminder.session(key).visits["reminder"]["ring"] == round_ + 1


def test_the_hourly_cap_holds_over_sessions(reminder: Line, sinch: FakeSinch) -> None:
    inputs = {"to": "+12025550150", "name": "Anna"}
    assert [reminder.service.dial("reminder", inputs)[1] for _ in range(3)] == [True, True, False]
    assert reminder.service.dial("reminder", {**inputs, "to": "+12025550151"})[1]
    reminder.now += 3600
    assert reminder.service.dial("reminder", inputs)[1]


@pytest.mark.parametrize("to", ["+19005550150", "+442079460000", "+46701234567"])
def test_numbers_outside_the_bounds_are_never_called(reminder: Line, to: str) -> None:
    try:
        _, placed = reminder.service.dial("reminder", {"to": to, "name": "x"})
    except Exception as error:
        assert type(error).__name__ == "TurnFailed"
    else:
        assert not placed


def test_a_refused_callout_is_an_error_at_its_place(reminder: Line, sinch: FakeSinch) -> None:
    sinch.script([Answer(402)], at="callout")
    key, _ = reminder.service.dial("reminder", {"to": "+12025550150", "name": "Anna"})
    assert "credit" in drain(worker(reminder, sinch), key)
    assert reminder.session(key).ended
    assert reminder.store.dead_letters() == 1


def test_a_callout_whose_worker_died_is_not_placed_twice(reminder: Line, sinch: FakeSinch) -> None:
    key, _ = reminder.service.dial("reminder", {"to": "+12025550150", "name": "Anna"})
    assert reminder.store.take(reminder.now, 5.0)
    reminder.now += 60
    works = worker(reminder, sinch)
    works.step()
    assert sinch.callouts == []
    assert reminder.session(key).ended


def test_without_credentials_a_call_is_refused_with_a_reason(reminder: Line) -> None:
    key, _ = reminder.service.dial("reminder", {"to": "+12025550150", "name": "Anna"})
    works = Worker(reminder.service, None)
    works.step()
    assert "VOICE_APPLICATION_KEY" in works.done[key]


def test_a_parked_call_is_brought_back_in_two_phases(tmp_path: Path, sinch: FakeSinch) -> None:
    line = Line(tmp_path, HOLD)
    assert line.ice()["action"]["name"] == "park"
    key = line.key()
    with pytest.raises(NotTaken):
        line.service.event(key, "no_such_event")
    line.service.event(key, "agent_ready", {"id": 7})
    assert line.session(key).place == "hold"
    with pytest.raises(NotTaken):
        line.service.event(key, "closing")
    worker(line, sinch).step()
    assert [(each.call_id, each.svaml["action"]["name"]) for each in sinch.patches] == [("call-1", "connectPstn")]
    assert line.session(key).place == "agent"
    assert line.ace()["action"]["name"] == "continue"


def test_a_change_that_fails_leaves_the_place_and_raises_error(tmp_path: Path, sinch: FakeSinch) -> None:
    line = Line(tmp_path, HOLD)
    line.ice()
    line.service.event(line.key(), "agent_ready")
    sinch.script([Answer(404)], at="patch")
    worker(line, sinch).step()
    session = line.session(line.key())
    assert session.ended
    assert line.store.journal(line.key())[-1].event == "error"


def test_the_end_of_the_call_beats_the_change(tmp_path: Path, sinch: FakeSinch) -> None:
    line = Line(tmp_path, HOLD)
    line.ice()
    line.service.event(line.key(), "agent_ready")
    line.dice()
    worker(line, sinch).step()
    session = line.session(line.key())
    assert session.ended
    assert session.place == ""


def test_a_parked_call_wakes_before_the_platform_hangs_up(tmp_path: Path, sinch: FakeSinch) -> None:
    line = Line(tmp_path, HOLD)
    line.ice()
    works = worker(line, sinch)
    line.now += 49
    assert works.step() == 0
    line.now += 2
    works.step()
    works.step()
    assert said(sinch.patches[0].svaml) == ["Goodbye."]
    assert line.session(line.key()).ended


FIRE = """
flow: fire
channel: voice
triggers: [ { any: true } ]
start: tell
states:
  tell:
    http: { post: https://crm.example.com/x, json: { a: 1 }, timeout: 1s, wait: false }
    on: { ok: bye, error: bye }
  bye: { say: Goodbye., next: end }
"""


def test_a_request_nobody_waits_for_is_sent_afterwards_and_again_if_it_fails(tmp_path: Path) -> None:
    line = Line(tmp_path, FIRE)
    assert said(line.ice()) == ["Goodbye."]
    assert line.asked == []
    works = Worker(line.service, None)
    line.reply = Response(500, {}, "")
    works.step()
    assert len(line.asked) == 1
    line.now += 60
    line.reply = Response(200, {}, "")
    works.step()
    assert len(line.asked) == 2
    line.now += 600
    assert works.step() == 0


def test_a_message_waits_in_the_outbox_for_credentials(tmp_path: Path) -> None:
    sending = 'bye: { send: { to: "{{ call.cli }}", text: Hello. }, next: end }'
    flow = FIRE.replace("bye: { say: Goodbye., next: end }", sending)
    line = Line(tmp_path, flow)
    line.ice()
    works = Worker(line.service, None)
    works.step()
    assert works.step() == 0
    held: list[Any] = line.store.take(5e9, 1.0)
    assert [each.kind for each in held] == ["send"]
    payload = json.loads(held[0].payload)
    assert (payload["identity"], payload["channels"]) == ("12025550150", ["SMS"])
    assert payload["content"] == {"text": "Hello."}


def test_secrets_of_a_later_request_are_put_in_as_it_leaves(tmp_path: Path) -> None:
    flow = FIRE.replace("json: { a: 1 }", 'headers: { X-Key: "{{ secret.CRM }}" }, json: { key: "{{ secret.CRM }}" }')
    line = Line(tmp_path, flow, env={"CRM": 'canary"1'}, store=f"sqlite:///{tmp_path}/x.db")
    line.ice(cli="{secret:x:CRM}")
    line.reply = Response(200, {}, "")
    Worker(line.service, None).step()
    assert line.asked[0].json == {"key": 'canary"1'}
    assert line.asked[0].headers == (("X-Key", 'canary"1'),)
    line.store.close()
    assert b"canary" not in b"".join(file.read_bytes() for file in tmp_path.glob("x.db*"))


def test_a_later_request_without_its_secret_is_an_error(tmp_path: Path) -> None:
    flow = FIRE.replace("json: { a: 1 }", 'json: { key: "{{ secret.CRM }}" }').replace("error: bye", "error: worse")
    line = Line(tmp_path, flow + "  worse: { say: Worse., next: end }\n")
    assert said(line.ice()) == ["Worse."]


def test_a_callout_nothing_is_heard_of_ends_after_the_longest_ringing(reminder: Line, sinch: FakeSinch) -> None:
    sinch.script([Answer(504, accepted=True)], at="callout")  # it may have been placed, and it may not
    key, _ = reminder.service.dial("reminder", {"to": "+12025550150", "name": "Anna"})
    works = worker(reminder, sinch)
    works.step()
    assert not reminder.session(key).ended
    reminder.now += 700
    works.step()
    assert len(sinch.callouts) == 1
    assert reminder.session(key).ended


def test_a_callout_that_was_placed_after_all_is_left_alone(reminder: Line, sinch: FakeSinch) -> None:
    sinch.script([Answer(504, accepted=True)], at="callout")
    key, _ = reminder.service.dial("reminder", {"to": "+12025550150", "name": "Anna"})
    works = worker(reminder, sinch)
    works.step()
    asks = reminder.ace("human", call="rang", custom=f"fe.{key}")
    assert asks["action"]["name"] == "runMenu"
    reminder.now += 700
    works.step()
    assert said(reminder.pie("return", "fine", call="rang")) == ["Thank you."]
