"""Flows that begin without a message: on a date kept with a contact, on days of the week; and where they write."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from chatting import APP, ME, Chat
from serving import NOON, Line

from flowengine.chats import Address
from flowengine.delivery.occasion import Schedules
from flowengine.engine.occasions import Occasion, latest
from flowengine.engine.person import contact_record

DAY = 86_400.0
DATED = """
flow: visits
channel: message
channels: [WHATSAPP, SMS]
contact: { visit: { type: time } }
triggers:
  - { keywords: [soon] }
  - { keywords: [later], enter: later }
  - { keywords: [never], enter: never }
  - { date: contact.visit, offset: -1d, at: "10:00", enter: remind }
start: soon
states:
  soon: { set: { contact.visit: "2025-11-27T15:00:00Z" }, next: end }
  later: { set: { contact.visit: "2025-12-24T15:00:00Z" }, next: end }
  never: { clear: contact.visit, next: end }
  remind: { say: "See you on {{ contact.visit | date }}.", next: end }
"""
TAGGED = """
flow: news
channel: message
triggers:
  - { keywords: [join] }
  - { keywords: [leave], enter: leave }
  - { schedule: mon-fri, at: "09:00", timezone: Europe/Stockholm, tag: news, enter: news }
start: join
states:
  join: { do: [ { tag: news } ], next: end }
  leave: { do: [ { untag: news } ], next: end }
  news: { say: Nothing new., next: end }
"""
CALLED = """
flow: line
channel: voice
contact: { visit: { type: time } }
triggers: [ { to: "+12025550100" } ]
start: keep
states:
  keep: { do: [ { set: { contact.visit: "2025-12-24T15:00:00Z" } }, { tag: caller } ], next: hello }
  hello: { say: "Hello {{ contact.name | default('you') }}, {{ contact.number }}.", next: end }
"""


@pytest.fixture(params=["memory:", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory:" if request.param == "memory:" else f"sqlite:///{tmp_path}/chat.db"


def days(chat: Chat, number: int) -> dict[str, list[str]]:
    """What is sent in the days to come, by day; the store forgets what it may meanwhile."""
    found = {}
    for _ in range(number):
        chat.now += DAY
        chat.store.sweep(chat.now)
        if said := chat.wait(0) + chat.answers():
            found[datetime.fromtimestamp(chat.now, UTC).date().isoformat()] = said
    return found


def test_a_date_begins_its_flow_once_however_far_it_is(tmp_path: Path, store: str) -> None:
    chat = Chat(tmp_path, DATED, store=store)
    assert chat.write("later") == []
    assert days(chat, 40) == {"2025-12-23": ["See you on 24 December 2025."]}


def test_a_date_that_was_changed_or_taken_back_does_not_count(tmp_path: Path, store: str) -> None:
    chat = Chat(tmp_path, DATED, store=store)
    chat.write("soon")
    chat.write("later")
    assert list(days(chat, 40)) == ["2025-12-23"]
    chat.write("never")
    assert days(chat, 40) == {}


def test_a_date_that_is_set_twice_reminds_once(tmp_path: Path, store: str) -> None:
    chat = Chat(tmp_path, DATED, store=store)
    chat.write("later")
    chat.write("later")
    assert [len(each) for each in days(chat, 40).values()] == [1]


def test_days_of_the_week_write_to_whoever_carries_the_tag_once(tmp_path: Path, store: str) -> None:
    chat = Chat(tmp_path, TAGGED, store=store)
    chat.write("join")
    chat.identity = "12025550151"
    chat.write("join")
    chat.write("leave")
    chat.now = NOON + DAY - 2 * 3600 + 60  # Tuesday, 9:01 in Stockholm
    for _ in range(3):
        Schedules(chat.worker.desk).tick()
    assert chat.answers() == ["Nothing new."]
    assert chat.sent[-1]["recipient"]["identified_by"]["channel_identities"] == [{"channel": "SMS", "identity": ME}]
    chat.now += DAY
    Schedules(chat.worker.desk).tick()
    assert chat.answers() == ["Nothing new."]


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2025-11-24T08:00", "2025-11-24T08:00"),
        ("2025-11-24T07:59", "2025-11-21T08:00"),
        ("2025-11-23T12:00", "2025-11-21T08:00"),
        ("2025-07-01T07:00", "2025-07-01T07:00"),
    ],
)
def test_a_schedule_keeps_the_hour_of_its_place(now: str, due: str) -> None:
    """9:00 in Stockholm, Monday to Friday."""
    schedule = Occasion("f/0", "f", "", 540, "Europe/Stockholm", days=(0, 1, 2, 3, 4))
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC).timestamp()
    assert latest(schedule, moment) == datetime.fromisoformat(due).replace(tzinfo=UTC).timestamp()


def test_a_call_keeps_what_messages_read_later(tmp_path: Path, store: str) -> None:
    """One contact for calls and messages: by their number."""
    chat = Chat(tmp_path, DATED, CALLED, store=store)
    assert Line.send(chat, "ice", cli=ME, to={"type": "did", "endpoint": "+12025550100"})
    record = orjson.loads(chat.store.record(contact_record(f"+{ME}")) or b"{}")
    assert record["fields"] == {"visit": "2025-12-24T15:00:00+00:00"}
    assert record["tags"] == {"caller": True}
    chat.write("hello?")
    assert list(days(chat, 40)) == ["2025-12-23"]


def test_what_we_begin_goes_by_all_channels_and_the_answer_may_come_by_any(tmp_path: Path, store: str) -> None:
    asks = """
flow: ask
channel: message
channels: [WHATSAPP, SMS]
triggers: [ { start: api } ]
start: ask
states:
  ask: { ask: { prompt: "Coming?", choices: { fine: "Yes", bad: "No" } }, on: { timeout: end, invalidinput: end } }
  fine: { say: Good., next: end }
  bad: { say: Pity., next: end }
"""
    chat = Chat(tmp_path, asks, store=store)
    assert chat.service.chats.begin("ask", Address(APP, "WHATSAPP", ME), {}) == "start"
    assert chat.answers() == ["Coming? | Yes | No"]
    sent = chat.sent[-1]
    assert sent["channel_priority_order"] == ["WHATSAPP", "SMS"]
    own = sent["message"]["explicit_channel_omni_message"]["SMS"]
    assert own == {"text_message": {"text": "Coming?\n\n1. Yes\n2. No"}}
    assert chat.channel == "SMS"
    assert chat.write("2") == ["Pity."]
    assert chat.sent[-1]["recipient"]["identified_by"]["channel_identities"] == [{"channel": "SMS", "identity": ME}]
