"""What a turn heard is in its journal row: enough to know the event again, and nothing that is private."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from chatting import ME, Chat, open_chat
from serving import Line
from test_service import MENU
from test_worker import REMINDER

from flowengine.engine.outcome import NotTaken
from flowengine.fetch import Response
from flowengine.redact import redact_typed

__all__ = ["open_chat"]
CALLER = "12025550150"

WAITS = """
flow: waits
channel: voice
triggers: [ { to: "+12025550102" } ]
variables: { code: { type: text, default: none } }
start: hold
states:
  hold:
    wait: { for: 1h, until: [paid] }
    on: { paid: tell, elapsed: bye }
  tell: { do: [ { set: { code: "{{ event.code }}" } }, { say: "Thank you, {{ code }}." } ], next: end }
  bye: { say: Goodbye., next: end }
"""

PLAIN = """
flow: plain
channel: voice
triggers: [ { to: "+12025550100" } ]
may_dial: { sales: { number: "+12025550111" } }
recordings: { to: "s3://acme/x.mp3", credentials: "{{ secret.RECORDINGS }}" }
start: main
states:
  main:
    menu: { prompt: Press 1 or 2., choices: { sales: 1, code: 2 } }
    on: { timeout: end, invalidinput: end }
  code:
    do: [ { record: start } ]
    collect: { prompt: Your order., digits: 4..12 }
    on: { digits: sales, timeout: end, invalidinput: end }
  sales: { connect: { to: sales, amd: sync }, on: { human: continue, machine: end } }
"""


def heard(line: Line, call: str = "call-1") -> list[dict[str, Any]]:
    return [orjson.loads(row.body)["heard"] for row in line.store.journal(line.key(call))]


def written(store: Any, key: str) -> str:
    """All that the rows of a session hold, their texts also as they read without JSON's escapes."""
    rows = store.journal(key)
    return " ".join(text for row in rows for text in (row.body.decode(), *_texts(orjson.loads(row.body))))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for each in value.items() if isinstance(value, dict) else value:
            yield from _texts(list(each) if isinstance(each, tuple) else each)
    else:
        yield str(value)


# --- calls -------------------------------------------------------------------------------------------------------


def test_the_rows_of_a_call_say_what_came(tmp_path: Path) -> None:
    line = Line(tmp_path, PLAIN, env={"RECORDINGS": "a:b"})
    line.ice(domain="pstn", custom="order 7", callHeaders=[{"key": "x-tier", "value": "gold"}])
    line.pie("return", "code")
    line.send("pie", menuResult={"menuId": "main", "type": "sequence", "value": "4711", "inputMethod": "dtmf"})
    line.ace("human")
    line.dice()
    line.send("notify", type="recording_finished", destination="s3://acme/x.mp3")
    told = heard(line)
    number = f"~{line.library.digest(CALLER)}"
    assert told[0] == {
        "event": "ice", "cli": number, "to": f"~{line.library.digest('12025550100')}", "domain": "pstn",
        "custom": "order 7", "headers": {"x-tier": "gold"},
    }  # fmt: skip
    pie = {"event": "pie", "menuId": "main", "inputMethod": "dtmf"}
    assert told[1] == {**pie, "type": "return", "value": "code"}
    assert told[2] == {**pie, "type": "sequence", "value": "4711"}
    assert told[3] == {"event": "ace", "amd": {"status": "human", "reason": ""}}
    assert told[4] == {"event": "dice", "result": "ANSWERED", "reason": "CALLERHANGUP", "duration": 5}
    assert told[5] == {"event": "notify", "type": "recording_finished", "destination": "s3://acme/x.mp3"}


@pytest.mark.parametrize("cli", ["private", "", "Anonymous <anonymous@host>"])
def test_a_withheld_number_is_empty(tmp_path: Path, cli: str) -> None:
    line = Line(tmp_path, PLAIN, env={"RECORDINGS": "a:b"})
    line.ice(cli=cli)
    assert heard(line)[0]["cli"] == ""


@pytest.mark.parametrize("cli", ["+12025550150", "12025550150", "46123", "alice@sip.example.com", "~12025550150"])
def test_who_calls_is_never_told(tmp_path: Path, cli: str) -> None:
    line = Line(tmp_path, PLAIN, env={"RECORDINGS": "a:b"})
    line.ice(cli=cli)
    told = heard(line)[0]["cli"]
    assert told.startswith("~") and len(told) == 25 and "alice" not in told
    assert cli.strip("~+") not in written(line.store, line.key())


def test_events_that_are_no_callbacks(tmp_path: Path) -> None:
    line = Line(tmp_path, WAITS)
    line.ice(to="+12025550102")
    key = line.key()
    with pytest.raises(NotTaken):
        line.service.event(key, "lost", {"code": "x"})
    line.service.event(key, "paid", {"code": "A7", "number": "+12025550150", "count": 12025550150})
    wish = orjson.loads(line.session(key).pending)
    line.service.patched(key, wish["redo"], wish["at"])
    line.ice(to="+12025550102", call="call-2")
    line.service.refused(line.key("call-2"), "no such call +12025550150")
    line.ice(to="+12025550102", call="call-3")
    line.now += 3600
    line.service.woken(line.key("call-3"))
    hashed = f"~{line.library.digest('12025550150')}"
    data = {"code": "A7", "number": hashed, "count": hashed}
    assert heard(line)[1:] == [{"event": "outside", "name": "paid", "data": data}, {"event": "patched"}]
    assert heard(line, "call-2")[1:] == [{"event": "refused", "reason": f"no such call {hashed}"}]
    assert heard(line, "call-3")[1:] == [{"event": "elapsed"}]


def test_the_start_of_an_outbound_call(tmp_path: Path) -> None:
    line = Line(tmp_path, REMINDER)
    key, _ = line.service.dial("reminder", {"to": "+12025550150", "name": "Anna"})
    told = orjson.loads(line.store.journal(key)[0].body)["heard"]
    number = f"~{line.library.digest('12025550150')}"
    assert told["event"] == "start" and told["flow"] == "reminder"
    assert told["inputs"] == {"to": number, "name": "Anna"}


# --- what is private of a call -----------------------------------------------------------------------------------

KEPT = """
flow: kept
channel: voice
triggers: [ { to: "+12025550100" } ]
variables: { pin: { type: text, sensitive: true, default: "0" }, one: { type: text, sensitive: true, default: none } }
start: ask
states:
  ask:
    collect: { prompt: Your code., digits: 4..12 }
    on: { digits: { set: { pin: "{{ menu.value }}" }, to: pick }, timeout: end, invalidinput: end }
  pick:
    menu: { prompt: Press 1 or 2., choices: { yes: 1, no: 2 }, into: one }
    on: { "yes": hold, "no": hold, timeout: end, invalidinput: end }
  hold: { wait: { for: 1h, until: [told] }, on: { told: keep, elapsed: end } }
  keep: { do: [ { set: { one: "{{ event.word }}" } }, { say: Thank you. } ], next: end }
"""


@pytest.mark.parametrize("digits", ["0042", "42", "7", "4" * 20])
def test_digits_of_a_sensitive_variable_are_hidden_in_whole(tmp_path: Path, digits: str) -> None:
    line = Line(tmp_path, MENU)
    line.reply = Response(200, {}, "")
    line.ice()
    line.pie("return", "pin")
    for kind in ("sequence", "invalidinput", "sequence"):
        line.now += 1
        line.pie(kind, digits)
    told = [each for each in heard(line) if each["event"] == "pie"]
    assert told[0]["value"] == "pin" and len(told) >= 2
    assert {each["value"] for each in told[1:]} == {"****"}


def test_what_a_turn_keeps_in_a_sensitive_variable_is_hidden(tmp_path: Path) -> None:
    line = Line(tmp_path, KEPT)
    line.ice(custom="canary-custom", callHeaders=[{"key": "x", "value": "canary-header"}])
    line.pie("sequence", "1234")
    line.pie("sequence", "987654")  # comes late, where a menu is played
    line.pie("return", "yes")
    line.service.event(line.key(), "told", {"word": "canary-word", "more": 1})
    told = heard(line)
    assert told[0]["custom"] == told[0]["headers"] == "****"
    values = [each.get("value", each.get("data")) for each in told[1:]]
    assert len(values) >= 4 and set(values) == {"****"}
    for canary in ("canary", "1234", "987654", '"yes"'):
        assert canary not in written(line.store, line.key()), canary


def test_digits_that_are_refused_are_hidden_where_those_that_are_taken_would_be(tmp_path: Path) -> None:
    line = Line(tmp_path, KEPT)
    line.ice()
    line.pie("sequence", "123")
    assert heard(line)[1]["value"] == "****"


def test_a_sensitive_input_is_hidden(tmp_path: Path) -> None:
    line = Line(tmp_path, REMINDER.replace("name: { type: text }", "name: { type: text, sensitive: true }"))
    key, _ = line.service.dial("reminder", {"to": "+12025550150", "name": "X"})
    row = orjson.loads(line.store.journal(key)[0].body)
    assert row["heard"]["inputs"]["name"] == "****" and row["changes"]["name"] == "****"


@pytest.mark.parametrize(
    "value", ["\x11" + "2025550150", 'a"2025550150', "2025550150\\", "２０２５５５０１５０", "\ud83d"]
)
def test_whatever_comes_the_row_is_json_without_numbers(tmp_path: Path, value: str) -> None:
    line = Line(tmp_path, PLAIN, env={"RECORDINGS": "a:b"})
    line.ice()
    value = value.encode("utf-8", "replace").decode()
    line.send("pie", menuResult={"menuId": value, "type": value, "value": value, "inputMethod": value})
    line.send("dice", result=value, reason=value, duration=value)
    text = written(line.store, line.key())
    assert len(heard(line)) == 3 and "2025550150" not in text and "２０２５" not in text


# --- conversations -----------------------------------------------------------------------------------------------

BOOK = """
flow: book
channel: message
channels: [WHATSAPP]
triggers: [ { keywords: [book] }, { link: "spring*" }, { start: api } ]
inputs: { name: { type: text, default: you } }
start: when
states:
  when:
    ask: { prompt: "When, {{ name }}?", choices: { today: Today, later: Later }, expect: any, timeout: 2h }
    on: { today: hold, later: hold, answer: hold, timeout: bye, invalidinput: bye, failed: bye }
  hold:
    do: [ { say: A moment. } ]
    wait: { for: 1h, until: [ready] }
    on: { ready: bye, elapsed: bye, message: { say: Please wait. } }
  bye: { say: Goodbye., next: end }
"""
PINS = """
flow: pins
channel: message
triggers: [ { keywords: [go] } ]
variables:
  pin: { type: text, sensitive: true, default: none }
  taken: { type: text, sensitive: true, default: none }
start: ask
states:
  ask:
    ask: { prompt: Pin?, expect: { matches: "[0-9]{4}" }, into: pin, repeats: 1, settle: 5s }
    on: { answer: pick, invalidinput: end, timeout: end, failed: end }
  pick:
    ask: { prompt: Which?, choices: { red: Red, blue: Blue }, into: taken }
    on: { red: more, blue: more, invalidinput: end, timeout: end, failed: end }
  more:
    ask: { prompt: More?, expect: any }
    on: { answer: end, timeout: end, failed: end }
"""
Open = Callable[..., Chat]


def chat_heard(chat: Chat) -> list[dict[str, Any]]:
    return [orjson.loads(row.body)["heard"] for row in chat.store.journal(chat.key)]


def test_the_rows_of_a_conversation_say_what_came(open_chat: Open) -> None:
    chat = open_chat(BOOK, channel="WHATSAPP")
    chat.write("book")
    chat.tap(chat.postback("later"))
    chat.play("photo of it\n< Please wait.\nplace home\n< Please wait.\nevent ready\n< Goodbye.")
    chat.write("book")
    chat.wait(3 * 3600)
    told = chat_heard(chat)
    message = {"event": "message", "channel": "WHATSAPP"}
    assert told[0] == {**message, "kind": "text", "text": "book"}
    assert told[1] == {**message, "kind": "tap", "choice": "later"}
    assert told[2] == {**message, "kind": "media", "text": "of it", "media": "https://media.example.com/p.jpg"}
    assert told[3]["location"] == {"title": "home", "label": "", "latitude": 59.33, "longitude": 18.06}
    assert told[4] == {"event": "outside", "name": "ready", "data": {"by": "desk"}}
    assert told[6] == {"event": "timer"}
    rows = chat.store.journal(chat.key)
    assert rows[6].event == "timeout" and orjson.loads(rows[0].body)["said"] == ["When, you?"]


def test_links_receipts_consent_and_starts(open_chat: Open) -> None:
    from flowengine.chats import Address

    chat = open_chat(BOOK)
    address = Address(chat.service.chats.app, chat.channel, chat.identity)
    chat.service.chats.begin("book", Address("app", "SMS", ME), {"name": "Ann"})
    key = Address("app", "SMS", ME).key
    chat.answers()
    row = chat.rows[-1]
    chat.service.chats.undelivered(row, "gone +12025550150")
    told = [orjson.loads(each.body)["heard"] for each in chat.store.journal(key)]
    hashed = f"~{chat.service.library.digest('12025550150')}"
    assert told == [
        {"event": "start", "flow": "book", "inputs": {"name": "Ann"}, "channel": "SMS"},
        {"event": "receipt", "status": "FAILED", "reason": f"gone {hashed}"},
    ]
    body = {
        "opt_out_notification": {"status": "OPT_OUT_SUCCEEDED", "channel": "SMS", "identity": ME, "contact_id": ""},
        "app_id": address.app,
    }
    assert chat.service.chats.webhook(orjson.dumps(body)) == 200
    assert chat_heard(chat)[-1] == {"event": "consent", "out": True}


@pytest.mark.parametrize("typed", ["4711", "47 11", "no, 4711!", "4-7-1-1"])
def test_what_answers_for_a_sensitive_variable_is_hidden_in_whole(open_chat: Open, typed: str) -> None:
    chat = open_chat(PINS)
    chat.write("go")
    chat.write(typed)
    chat.wait(10)
    if chat.talk.place == "ask":
        chat.write("4711")
        chat.wait(10)
    chat.write("red")
    chat.write("well, 4711 and Red")
    chat.write("go")
    chat.write("STOP")
    told = chat_heard(chat)
    texts = [each["text"] for each in told if each["event"] == "message"]
    assert texts[0] == "go" and texts[-1] == "****" and "****" in texts[-3:]
    text = written(chat.store, chat.key)
    assert typed not in text and "4711" not in text
    assert any("**** and" in each for each in texts)


@pytest.mark.parametrize(
    "number",
    [
        "(202) 555-0150",
        "+1 202 555 0150",
        "202.555.0150",
        "202-555-0150",
        "+12025550150",
        "12 02 55 50 15 0",
        "~2025550150",
    ],
)
def test_a_number_that_is_written_is_hidden_however_it_is_written(open_chat: Open, number: str) -> None:
    chat = open_chat(BOOK)
    chat.write("book")
    chat.write(f"call {number} on 2026-12-24 or 24.12.2026 18")
    told = chat_heard(chat)[-1]["text"]
    digits = "".join(each for each in number if each.isdigit())
    assert f"~{chat.service.library.digest(digits)}" in told and number.strip("~+(") not in told
    assert told.endswith("on 2026-12-24 or 24.12.2026 18")


@pytest.mark.parametrize(
    "day", ["2026-12-24", "24/12/2026", "12/24/2026", "24.12.2026", "2026-12-24 10", "at 10:30", "123456"]
)
def test_a_day_is_no_number(day: str) -> None:
    assert redact_typed(day, (), str) == day


def test_after_a_flow_that_asked_for_something_sensitive_words_may_still_be_it(open_chat: Open) -> None:
    chat = open_chat(PINS.replace("keywords: [go]", "any: true"))
    chat.write("hello")
    chat.write("4711")
    chat.wait(10)
    chat.write("red")
    chat.write("done")
    assert chat.talk.ended
    chat.write("again with 4711")
    told = [each["text"] for each in chat_heard(chat) if each["event"] == "message"]
    assert (told[0], told[-1]) == ("hello", "****") and "4711" not in written(chat.store, chat.key)
