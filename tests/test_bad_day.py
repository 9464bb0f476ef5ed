"""Workers that die, callbacks that overtake and servers that refuse: the call goes on where it stood."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from serving import Line, said
from test_worker import HOLD, REMINDER, worker

from flowengine import service
from flowengine.callbacks import dedupe_key, read
from flowengine.delivery.base import REMEMBERED
from flowengine.fetch import Response
from flowengine.sinch.fake import Answer, FakeSinch
from flowengine.stores.base import Write
from flowengine.turns import LEASE


@pytest.fixture
def sinch() -> Iterator[FakeSinch]:
    with FakeSinch() as found:
        yield found
        assert not found.problems


@pytest.fixture(params=["memory:", "sqlite"])
def reminder(request: pytest.FixtureRequest, tmp_path: Path) -> Line:
    store = f"sqlite:///{tmp_path}/x.db" if request.param == "sqlite" else request.param
    return Line(tmp_path, REMINDER, store=store)


def test_a_worker_that_dies_after_placing_a_call_does_not_end_it(reminder: Line, sinch: FakeSinch) -> None:
    key, _ = reminder.service.dial("reminder", {"to": "+12025550150", "name": "Anna"})
    assert reminder.store.take(reminder.now, 5.0)  # its request left, and the worker died
    assert reminder.ace("human", call="rings", custom=f"fe.{key}")["action"]["name"] == "runMenu"
    reminder.now += 60
    worker(reminder, sinch).step()
    assert sinch.callouts == []
    assert reminder.session(key).place == "ask"
    assert said(reminder.pie("return", "fine", call="rings")) == ["Thank you."]


def test_the_refusal_of_a_call_that_went_on_is_not_told_to_what_came_after(reminder: Line, sinch: FakeSinch) -> None:
    key, _ = reminder.service.dial("reminder", {"to": "+12025550150", "name": "Anna"})
    assert reminder.store.take(reminder.now, 5.0)
    reminder.dice(call="rings", custom=f"fe.{key}", result="NOANSWER")
    assert reminder.session(key).place == "later"
    reminder.now += 60
    worker(reminder, sinch).step()
    assert reminder.session(key).place == "later"


def test_an_end_that_overtakes_the_reply_leaves_the_next_call_alone(reminder: Line, sinch: FakeSinch) -> None:
    key, _ = reminder.service.dial("reminder", {"to": "+12025550150", "name": "Anna"})
    works = worker(reminder, sinch)
    reminder.dice(call="early", custom=f"fe.{key}", result="FAILED")
    assert reminder.store.take(reminder.now, 30.0)
    reminder.now += 901
    works.step()  # the timer: the next call begins
    works.service.called(key, "early", "")
    works.step()
    assert [each.call_id for each in sinch.callouts] == [reminder.session(key).call["id"]]


HOLD_ON = HOLD.replace("bye, error: note }", "bye, error: note, disconnected: rest }").replace(
    "  bye:",
    "  rest: { wait: { for: 10m }, on: { elapsed: after } }\n  after: { do: [ { log: done } ], next: end }\n  bye:",
)


def test_a_change_refused_after_the_end_says_nothing_to_what_came_after(tmp_path: Path, sinch: FakeSinch) -> None:
    line = Line(tmp_path, HOLD_ON)
    line.ice()
    line.service.event(line.key(), "agent_ready")
    line.dice()
    assert line.session(line.key()).place == "rest"
    sinch.script([Answer(404)], at="patch")
    worker(line, sinch).step()
    assert line.session(line.key()).place == "rest"
    assert not line.session(line.key()).ended


SLOW = """
flow: slow
channel: voice
triggers: [ { to: "+12025550100" } ]
start: ask
states:
  ask: { http: { get: "https://crm.example.com/x", timeout: 1s }, on: { ok: bye, error: sorry } }
  bye: { say: Goodbye., next: end }
  sorry: { say: Sorry., next: end }
"""


def test_a_copy_takes_over_from_a_process_that_died(tmp_path: Path) -> None:
    line = Line(tmp_path, SLOW)
    began = time.monotonic()
    body = orjson.dumps({"event": "ice", "callid": "c1", "to": {"type": "did", "endpoint": "+12025550100"}})
    line.service.clock = time.time
    assert line.store.claim(dedupe_key(read(body), body), time.time(), LEASE)
    assert said(orjson.loads(line.service.callback(body).body)) == ["Goodbye."]
    assert time.monotonic() - began < 3.5
    assert said(orjson.loads(line.service.callback(body).body)) == ["Goodbye."]


CAPPED = HOLD.replace('agent: { number: "+12025550111" }', 'agent: { number: "+12025550111", per_hour: 1 }').replace(
    "agent: { connect: { to: agent }, on: { disconnected: end } }",
    "agent: { connect: { to: agent }, on: { disconnected: end, error: bye } }",
)


def test_a_cap_that_two_changes_reach_at_once_leaves_no_call_hanging(tmp_path: Path, sinch: FakeSinch) -> None:
    line = Line(tmp_path, CAPPED)
    for call in ("a", "b"):
        line.ice(call=call)
        line.service.event(line.key(call), "agent_ready")
    works = worker(line, sinch)
    works.step()
    actions = sorted(each.svaml["action"]["name"] for each in sinch.patches)
    assert [line.session(line.key(call)).pending for call in ("a", "b")] == ["", ""]
    assert actions == ["connectPstn", "hangup"]


def test_http_is_asked_once_though_the_session_moved(tmp_path: Path, sinch: FakeSinch) -> None:
    look = '  look: { http: { get: "https://crm.example.com/x", timeout: 1s }, on: { ok: agent, error: agent } }'
    flow = HOLD.replace("agent_ready: agent,", "agent_ready: look,") + look
    line = Line(tmp_path, flow)
    line.ice()

    def ask(request: Any, budget: float) -> Response:
        line.asked.append(request)
        if len(line.asked) == 1:
            line.send("notify", type="recordingfinished")
            key = line.key()
            line.service.called(key, "x", "")  # moves the version
        return Response(200, {}, "")

    line.service.ask = ask
    line.service.event(line.key(), "agent_ready")
    assert len(line.asked) == 1


def test_a_timer_whose_turn_breaks_ends_the_call_with_words(
    tmp_path: Path, sinch: FakeSinch, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(tmp_path, HOLD)
    line.ice()
    monkeypatch.setattr(service, "outside", lambda *_: 1 / 0)
    line.now += 51
    works = worker(line, sinch)
    works.step()
    assert line.session(line.key()).ended
    assert said(sinch.patches[0].svaml) == ["Something went wrong. Please call again later."]
    works.step()
    assert len(sinch.patches) == 1


@pytest.mark.parametrize("status", [503, 502])
def test_a_change_is_sent_again_while_nobody_can_tell_whether_it_arrived(
    tmp_path: Path, sinch: FakeSinch, status: int
) -> None:
    line = Line(tmp_path, HOLD)
    line.ice()
    works = worker(line, sinch)
    sinch.script([Answer(status)], at="patch")
    line.service.event(line.key(), "agent_ready")
    works.step()
    assert line.session(line.key()).place == "hold"
    assert sinch.patches == []
    line.now += 2
    works.step()
    assert line.session(line.key()).place == "agent"


def test_no_dead_letter_names_a_number(reminder: Line, sinch: FakeSinch) -> None:
    sinch.script([Answer(402)], at="callout")
    letters: list[bytes] = []
    bury = reminder.store.bury

    def kept(leased: Any, reason: str, now: float) -> bool:
        letters.append(leased.payload)
        return bury(leased, reason, now)

    reminder.store.bury = kept  # type: ignore[method-assign]
    reminder.service.dial("reminder", {"to": "+12025550150", "name": "Anna"})
    worker(reminder, sinch).step()
    assert len(letters) == 1
    assert b"2025550150" not in letters[0]


def test_what_a_worker_remembers_is_bounded(reminder: Line, sinch: FakeSinch) -> None:
    works = worker(reminder, sinch)
    for number in range(3000):
        works.desk.settled(str(number), "")
    assert len(works.done) == REMEMBERED


PRESS = HOLD.replace("agent_ready: agent,", "agent_ready: press,") + (
    "  press: { menu: { prompt: Press 1., choices: { agent: 1 } }, on: { timeout: bye, invalidinput: bye } }\n"
)


def test_a_key_pressed_after_a_change_whose_worker_died_counts(tmp_path: Path, sinch: FakeSinch) -> None:
    line = Line(tmp_path, PRESS)
    line.ice()
    line.service.event(line.key(), "agent_ready")
    assert line.store.take(line.now, 5.0)  # the change was made, and the worker died
    assert line.pie("return", "agent")["action"]["name"] == "connectPstn"
    line.now += 60
    worker(line, sinch).step()
    assert sinch.patches == []
    assert line.session(line.key()).place == "agent"


def test_a_cap_that_many_reach_at_once_refuses_the_rest(tmp_path: Path) -> None:
    line = Line(tmp_path, REMINDER, store=f"sqlite:///{tmp_path}/x.db")
    placed: list[bool] = []

    def dial() -> None:
        for _ in range(3):
            placed.append(line.service.dial("reminder", {"to": "+12025550150", "name": "Anna"})[1])

    threads = [threading.Thread(target=dial) for _ in range(5)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(placed) == [False] * 13 + [True] * 2


def test_a_session_of_another_version_stops_no_worker(reminder: Line, sinch: FakeSinch) -> None:
    key, _ = reminder.service.dial("reminder", {"to": "+12025550150", "name": "Anna"})
    loaded = reminder.store.load(key)
    reminder.store.commit(Write(key, loaded.version, b"[99]", reminder.now + 9000, reminder.now))
    sinch.script([Answer(402)] * 8, at="callout")
    works = worker(reminder, sinch)
    for _ in range(8):
        works.step()
        reminder.now += 700
    assert reminder.store.dead_letters() == 1
