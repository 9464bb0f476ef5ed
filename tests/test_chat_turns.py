"""Turns of conversations: what is left to a worker, order, copies, threads, deaths, broken turns, and what is kept."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from chatting import APP, BUSINESS, ME, Chat

from flowengine.chats import Address
from flowengine.engine.entrances import entrances
from flowengine.engine.session import Session, load
from flowengine.fetch import Response
from flowengine.stores.base import Leased, StoreDown, Verdict, Write
from flowengine.worker import Worker

OpenChat = Callable[..., Chat]
HERE = Address(APP, "SMS", ME)

SLOW = """
flow: slow
channel: message
triggers: [ { keywords: [go] }, { start: api } ]
variables: { last: { type: text, default: "" }, kept: { type: text, default: "" } }
session: { expires: 1d }
start: ask
states:
  ask:
    ask: { prompt: "Next? ({{ kept }})", expect: any, into: last, choices: { fast: Fast, leave: Leave }, timeout: 1h }
    on: { answer: work, timeout: late, invalidinput: end }
  work:
    http:
      post: https://shop.example.com/x
      json: { last: "{{ last }}" }
      timeout: 5s
      save: { kept: "{{ response.n }}" }
    on: { ok: ask, error: sorry }
  fast: { say: Fast!, next: ask }
  late: { say: Late., next: end }
  leave: { say: Bye., next: end }
  sorry: { say: Sorry., next: end }
"""


def asked(kept: str = "") -> str:
    return f"Next? ({kept}) / 1. Fast / 2. Leave"


@pytest.fixture
def chat(open_chat: OpenChat) -> Chat:
    """A slow flow whose server says ``1``, and one question asked."""
    chat = open_chat(SLOW)
    chat.reply = Response(200, {"n": "1"}, "")
    assert chat.write("go") == [asked()]
    return chat


def push(chat: Chat, text: str, **more: Any) -> None:
    """A webhook that is acknowledged; no worker looks yet."""
    assert chat.service.chats.webhook(chat.body(text_message={"text": text}, **more)) == 200


def queued(chat: Chat) -> int:
    assert chat.talk.talk is not None
    return chat.talk.talk.queued


# --- left to a worker ------------------------------------------------------------------------------------------


def test_a_turn_that_asks_outside_is_on_disk_and_changes_nothing_else(chat: Chat) -> None:
    before = chat.talk
    push(chat, "hello")
    after = chat.talk
    assert chat.asked == [] and queued(chat) == 1
    assert (after.place, after.vars, after.n) == (before.place, before.vars, before.n)
    assert chat.answers() == [asked("1")] and queued(chat) == 0


def test_what_comes_after_it_waits_behind_it_in_the_order_it_was_accepted(chat: Chat) -> None:
    push(chat, "a", at=chat.now + 1)
    push(chat, "leave", at=chat.now + 9)
    push(chat, "c", at=chat.now + 3)
    push(chat, "fast", at=chat.now + 2)
    assert queued(chat) == 4
    assert chat.answers() == [asked("1"), "Fast!", asked("1"), asked("1"), "Bye."]
    assert [each.json for each in chat.asked] == [{"last": "a"}, {"last": "c"}]
    assert queued(chat) == 0
    chat.play("> hm\n> go\n< " + asked())  # at once again


def test_what_was_written_in_time_is_not_overtaken_by_the_timeout(chat: Chat) -> None:
    chat.now += 3599
    push(chat, "hello")
    chat.now += 60
    for leased in chat.store.due(chat.now, 30):
        chat.worker._timer(leased)
    assert chat.answers() == [asked("1")]
    assert chat.wait(5) == []


def test_workers_that_are_gone_for_a_day_lose_nothing(chat: Chat) -> None:
    push(chat, "hello")
    push(chat, "fast")
    chat.now += 86_000
    chat.store.sweep(chat.now)
    assert chat.answers() == [asked("1"), "Fast!", asked("1")]


def test_events_and_starts_wait_behind_it_too(chat: Chat) -> None:
    push(chat, "hello")
    assert chat.service.event(chat.key, "ready") == "queued"
    assert chat.service.chats.begin("slow", HERE, {}) == "queued"
    assert chat.answers() == [asked("1")] and queued(chat) == 0
    chat.play("> leave\n< Bye.\nwait 61s\n< " + asked())  # the start that found the contact busy


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_worker_that_dies_leaves_one_answer(chat: Chat, moment: str) -> None:
    """Before the commit it is done anew, after it the row is only taken away."""
    push(chat, "hello")
    (row,) = chat.store.take(chat.now, 30, 1)
    if moment == "after":
        chat.service.chats.carry(row.id, row.session, orjson.loads(row.payload))
    chat.now += 31  # its lease is over
    assert chat.answers() == [asked("1")]
    assert len(chat.asked) == 1 and queued(chat) == 0


def test_two_workers_that_hold_one_row_make_one_turn(chat: Chat) -> None:
    """A worker that was thought dead comes back while another does its work."""
    push(chat, "hello")
    (row,) = chat.store.take(chat.now, 30, 1)
    meanwhile: list[Leased] = []

    def slow(request: Any, budget: float) -> Response:
        if not meanwhile:
            meanwhile.append(row)
            chat.service.chats.carry(row.id, row.session, orjson.loads(row.payload))
        return Response(200, {"n": "1"}, "")

    chat.service.chats.ask = slow
    chat.service.chats.carry(row.id, row.session, orjson.loads(row.payload))
    assert chat.store.settle(row)
    assert chat.answers() == [asked("1")] and queued(chat) == 0


def test_what_comes_while_the_worker_asks_is_not_lost(chat: Chat) -> None:
    def ask(request: Any, budget: float) -> Response:
        if not chat.asked:
            push(chat, "fast")
        chat.asked.append(request)
        return Response(200, {"n": "1"}, "")

    chat.service.chats.ask = ask
    push(chat, "hello")
    assert chat.answers() == [asked("1"), "Fast!", asked("1")]
    assert len(chat.asked) == 1  # the turn was run again, and nobody was asked again


# --- copies and order ------------------------------------------------------------------------------------------


def test_a_message_counts_once_however_often_it_comes(chat: Chat) -> None:
    body = chat.body(text_message={"text": "fast"})
    assert chat.deliver(body) == ["Fast!", asked()]
    other = orjson.loads(body)
    other["message"]["accept_time"] = other["accepted_time"] = "2025-11-24T10:00:09Z"
    for again in (body, orjson.dumps(other)):
        assert chat.deliver(again) == []
    slow = chat.body(text_message={"text": "hello"})
    assert chat.deliver(slow) == [asked("1")]
    assert chat.deliver(slow) == [] and len(chat.asked) == 1


@pytest.mark.parametrize(("late", "answers"), [("answer", ["Fast!", asked()]), ("drop", [])])
def test_a_message_that_comes_out_of_order(open_chat: OpenChat, late: str, answers: list[str]) -> None:
    chat = open_chat(SLOW.replace("session:", f"late: {late}\nsession:"))
    chat.write("go", at=chat.now)
    chat.write("fast", at=chat.now + 10)
    assert chat.write("fast", at=chat.now + 5) == answers
    assert chat.write("fast", at=chat.now + 11) == ["Fast!", asked()]


def test_a_message_of_the_app_itself_is_no_answer(chat: Chat) -> None:
    body = orjson.loads(chat.body(text_message={"text": "fast"}))
    body["message"]["direction"] = "TO_CONTACT"
    assert chat.deliver(orjson.dumps(body)) == []
    body = orjson.loads(chat.body(text_message={"text": "fast"}))
    body["message"]["channel_identity"]["identity"] = BUSINESS
    assert chat.deliver(orjson.dumps(body)) == []


# --- threads ---------------------------------------------------------------------------------------------------

COUNTS = """
flow: counts
channel: message
triggers: [ { keywords: [go] } ]
variables: { n: { type: number, default: 0 } }
session: { expires: 1d }
start: ask
states:
  ask: { ask: { prompt: "{{ n }}", choices: { more: More } }, on: { more: add, timeout: end, invalidinput: end } }
  add: { set: { n: "{{ n + 1 }}" }, next: ask }
"""


def test_messages_of_one_contact_in_eight_threads_lose_no_turn(open_chat: OpenChat) -> None:
    chat = open_chat(COUNTS)
    chat.write("go")
    bodies = [chat.body(text_message={"text": "more"}) for _ in range(64)]
    refused: list[int] = []

    def deliver(part: list[bytes]) -> None:
        for body in part:
            while (status := chat.service.chats.webhook(body)) != 200:  # as the platform would
                refused.append(status)
            chat.service.chats.webhook(body)

    threads = [threading.Thread(target=deliver, args=(bodies[at::8],)) for at in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(refused) <= {503}
    assert [each.partition(" ")[0] for each in chat.answers()] == [str(number) for number in range(1, 65)]
    assert chat.talk.vars == {"n": 64}


# --- what fails ------------------------------------------------------------------------------------------------

BROKEN = """
flow: broken
channel: message
languages: [en, es]
triggers: [ { keywords: [go] } ]
variables: { pin: { type: text, sensitive: true } }
session: { expires: 1d }
start: ask
states:
  ask: { ask: { prompt: Pin?, expect: any, into: pin }, on: { answer: said, timeout: end, invalidinput: end } }
  said: { say: "{{ pin }}", next: end }
"""
CANARY = "canary 4711 +12025550188"


def test_a_broken_turn_ends_with_an_apology_and_says_nothing_of_what_was_written(
    open_chat: OpenChat, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = open_chat(BROKEN)
    chat.play("> go\n< Pin?")
    chat.broken = 1

    def fails(*_: Any) -> None:
        raise RuntimeError(CANARY)

    with caplog.at_level(logging.DEBUG), monkeypatch.context() as patched:
        patched.setattr("flowengine.engine.chat.understood", fails)
        chat.play(f"> {CANARY}\n< Something went wrong. Please call again later.\nwait 2d")
    assert "incident" in caplog.text and not leaks(caplog.text)
    assert not leaks(b"".join(each.body for each in chat.store.journal(chat.key)).decode())
    chat.play("> go\n< Pin?")  # it begins anew


def test_a_broken_turn_of_a_worker_does_not_hold_up_what_follows(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    chat.broken = 1
    push(chat, "hello")
    push(chat, "go")

    def fails(*_: Any) -> Response:
        raise RuntimeError(CANARY)

    def carry_first() -> None:
        with monkeypatch.context() as patched:
            patched.setattr("flowengine.engine.outside._asked", fails)
            (row,) = chat.store.take(chat.now, 30, 1)
            chat.worker._effect(row)

    carry_first()
    assert chat.answers() == ["Something went wrong. Please call again later.", asked()]
    assert queued(chat) == 0


@pytest.mark.parametrize("event", ["message", "timer", "stop", "receipt"])
def test_a_conversation_whose_flows_are_gone_ends_and_can_begin_anew(open_chat: OpenChat, event: str) -> None:
    whole = """
flow: whole
channel: message
triggers: [ { keywords: [go] } ]
start: play
states: { play: { subflow: { flow: part }, on: { done: end, expired: end, error: end } } }
"""
    part = """
flow: part
channel: message
start: ask
states:
  ask:
    ask: { prompt: Part?, choices: { more: More }, timeout: 1h }
    on: { more: end, timeout: end, invalidinput: end }
"""
    chat = open_chat(whole, part)
    chat.play("> go\n< Part? / 1. More")
    chat.library.programs.clear()
    chat.library.programs.update(open_chat(COUNTS).library.programs)
    chat.library.entrances = entrances(chat.library.programs, {})
    chat.library.counted["counts"] = []
    if event == "receipt":  # of no question that is known
        assert chat.deliver(receipt(chat.rows[0], "FAILED")) == []
        return
    if event == "stop":
        chat.play("> stop\n> start")
    else:
        chat.broken = 1
        chat.play(
            ("> more" if event == "message" else "wait 2h") + "\n< Something went wrong. Please call again later."
        )
    chat.play("wait 2d\n> go\n< 0 / 1. More\n> more\n< 1 / 1. More")


@pytest.mark.parametrize("garbled", [b"[99]", b"", b"{", b"[1]", b'[1,"x",{}]'])
def test_a_session_that_cannot_be_read_is_begun_anew(chat: Chat, garbled: bytes) -> None:
    loaded = chat.store.load(chat.key)
    written = Write(chat.key, loaded.version, garbled, chat.now + 86_400, chat.now)
    assert chat.store.commit(written) is Verdict.DONE
    chat.play(f"> fast\n> go\n< {asked()}\n> fast\n< Fast!\n< {asked()}\nwait 2h\n< Late.")
    assert [each.n for each in chat.store.journal(chat.key)] == [1, 2, 3, 4, 5]


def leaks(text: str) -> list[str]:
    return [each for each in ("canary", "4711", "2025550188", "2025550150", BUSINESS) if each in text]


def test_a_journal_holds_no_numbers_and_nothing_sensitive(open_chat: OpenChat) -> None:
    chat = open_chat(BROKEN)
    chat.play("> go\n< Pin?\n> 4711\n< 4711\n> go\n< Pin?\n> stop")
    rows = chat.store.journal(chat.key)
    assert [each.event for each in rows] == ["start", "answer", "start", "opt_out"]
    assert not leaks(b"".join(each.body for each in rows).decode())


def test_a_store_that_is_down_acknowledges_nothing(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(write: Write) -> None:
        raise StoreDown("locked")

    body = chat.body(text_message={"text": "fast"})
    with monkeypatch.context() as patched:
        patched.setattr(chat.store, "commit", down)
        assert chat.service.chats.webhook(body) == 503
    assert chat.deliver(body) == ["Fast!", asked()]


def test_what_cannot_be_read_is_acknowledged_and_kept_without_its_text(chat: Chat) -> None:
    for body in (b"", b"nonsense 4711", b"[]", b"null", b'{"message": 1}', b'{"a": 1, "a": 2}', b"\xff"):
        assert chat.service.chats.webhook(body) == 200
    assert chat.answers() == [] and chat.store.dead_letters() == 6


def test_a_row_that_no_worker_can_carry_is_buried_without_what_was_written(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(chat, f"hello {CANARY}")
    (row,) = chat.store.take(chat.now, 30, 1)
    buried: list[Leased] = []

    def bury(leased: Leased, reason: str, now: float) -> bool:
        buried.append(leased)
        return True

    monkeypatch.setattr(chat.store, "bury", bury)
    chat.worker.desk.bury(row, "cannot be read")
    assert not leaks(buried[0].payload.decode())


# --- receipts --------------------------------------------------------------------------------------------------

UNDELIVERED = """
flow: undelivered
channel: message
triggers: [ { keywords: [go] } ]
session: { expires: 1d }
start: first
states:
  first:
    say: Hello.
    ask: { prompt: First?, choices: { yes: "Yes" }, repeats: 1 }
    on: { yes: second, failed: other, timeout: end, invalidinput: end }
  second:
    ask: { prompt: Second?, choices: { no: "No" } }
    on: { no: end, failed: other, timeout: end, invalidinput: end }
  other: { say: "Failed {{ event.reason }}.", next: end }
"""


def receipt(row: str, status: str) -> bytes:
    report = {
        "message_id": f"01MSG{row}",
        "status": status,
        "channel_identity": {"channel": "SMS", "identity": ME, "app_id": ""},
        "metadata": row,
        "reason": {"code": "RECIPIENT_NOT_REACHABLE", "description": "x"} if status == "FAILED" else {},
    }
    return orjson.dumps({"app_id": APP, "accepted_time": "", "message_delivery_report": report})


@pytest.mark.parametrize(
    ("failed", "before", "answers"),
    [
        (1, [], ["Failed RECIPIENT_NOT_REACHABLE."]),  # the question that stands
        (0, [], []),  # what was said before it
        (1, ["yes"], []),  # a question that was answered
        (2, ["yes"], ["Failed RECIPIENT_NOT_REACHABLE."]),
        (1, ["what"], []),  # it was put again
        (2, ["what"], ["Failed RECIPIENT_NOT_REACHABLE."]),
        (1, ["stop"], []),
    ],
)
def test_a_question_that_was_not_delivered_has_failed(
    open_chat: OpenChat, failed: int, before: list[str], answers: list[str]
) -> None:
    chat = open_chat(UNDELIVERED)
    chat.write("go")
    for text in before:
        chat.write(text)
    row = chat.rows[failed]
    for status in ("QUEUED_ON_CHANNEL", "DELIVERED"):
        assert chat.deliver(receipt("another.row.1.0", status)) == []
    assert chat.deliver(receipt(row, "FAILED")) == answers
    for status in ("FAILED", "DELIVERED", "QUEUED_ON_CHANNEL", "READ", "NEWS"):
        assert chat.deliver(receipt(row, status)) == []


def test_a_receipt_settles_a_send_whose_answer_never_came(open_chat: OpenChat) -> None:
    chat = open_chat(UNDELIVERED)
    push(chat, "go")
    (first,) = chat.store.take(chat.now, 30, 1)  # sent, and the worker died before it could say so
    assert chat.deliver(receipt(first.id, "DELIVERED")) == ["First? / 1. Yes"]
    chat.now += 3600
    assert chat.answers() == []


# --- bounds ----------------------------------------------------------------------------------------------------


def test_a_list_offers_no_more_than_fifty(open_chat: OpenChat) -> None:
    listed = """
flow: listed
channel: message
triggers: [ { keywords: [go] } ]
variables: { items: { type: list }, kept: { type: text } }
session: { expires: 1d }
start: fetch
states:
  fetch:
    http: { get: "https://shop.example.com/x", timeout: 5s, save: { items: "{{ response.items }}" } }
    on: { ok: ask, error: end }
  ask:
    ask: { prompt: Which?, choices: { each: items, value: "{{ item.id }}", label: "{{ item.name }}" }, into: kept }
    on: { answer: said, empty: end, timeout: end, invalidinput: end }
  said: { say: "{{ kept }}", next: end }
"""
    chat = open_chat(listed)
    chat.reply = Response(200, {"items": [{"id": str(n), "name": f"no {n} " + "x" * 1500} for n in range(100)]}, "")
    chat.write("go")
    talk = chat.talk.talk
    assert talk is not None and len(talk.options) == 50 and max(len(each["label"]) for each in talk.options) == 1000


def test_a_turn_has_no_more_states_than_it_may(open_chat: OpenChat, monkeypatch: pytest.MonkeyPatch) -> None:
    long = "".join(f"  s{n}: {{ set: {{ n: '{n}' }}, next: {'end' if n == 29 else f's{n + 1}'} }}\n" for n in range(30))
    flow = f"""
flow: long
channel: message
triggers: [ {{ keywords: [go] }} ]
variables: {{ n: {{ type: text, default: "" }} }}
start: s0
states:
{long.replace("s29: { set: { n: '29' }", "s29: { say: 'done {{ n }}'")}"""
    chat = open_chat(flow)
    monkeypatch.setattr("flowengine.engine.turn.MAX_STATES", 30)
    chat.play("> go\n< done 28")
    monkeypatch.setattr("flowengine.engine.turn.MAX_STATES", 29)
    chat.broken = 1
    chat.play("> go\n< Something went wrong. Please call again later.")


def test_a_session_does_not_grow_with_what_is_written(open_chat: OpenChat) -> None:
    chat = open_chat(COUNTS.replace("choices: { more: More }", "choices: { more: More }, repeats: 5"))
    chat.write("go")

    def size() -> int:
        return len(chat.store.load(chat.key).session or b"")

    for _ in range(50):
        chat.write("more")
        chat.tap("more#old.1")
    small = size()
    for number in range(100):
        chat.write("more")
        chat.tap(f"more#old.{number}")
        chat.tap("x" * 3000)
    assert size() < small + 200


def test_messages_that_pile_up_before_the_workers_are_bounded_by_the_row(chat: Chat) -> None:
    """However many wait, the session keeps their number only."""
    push(chat, "hello")
    before = len(chat.store.load(chat.key).session or b"")
    for _ in range(200):
        push(chat, "x" * 1000)
    assert len(chat.store.load(chat.key).session or b"") < before + 50
    assert queued(chat) == 201


def test_a_session_is_read_from_its_bytes_in_every_turn(chat: Chat) -> None:
    seen: list[Session] = []
    opened = type(chat.service.chats).opened

    def spied(self: Any, data: bytes) -> Session:
        seen.append(opened(self, data))
        return seen[-1]

    type(chat.service.chats).opened = spied  # type: ignore[method-assign]
    try:
        chat.play("> fast\n< Fast!\n< " + asked() + "\n> leave\n< Bye.")
    finally:
        type(chat.service.chats).opened = opened  # type: ignore[method-assign]
    assert len(seen) >= 2 and load(seen[-1].dump()).dump() == seen[-1].dump()
    assert isinstance(chat.worker, Worker)


def test_threads_that_hear_and_workers_that_carry_lose_nothing_and_double_nothing(open_chat: OpenChat) -> None:
    """Four contacts write sixteen messages each while two workers ask the server; every message has its answer."""
    chat = open_chat(SLOW)
    chat.reply = Response(200, {"n": "1"}, "")
    people = [f"1202555016{number}" for number in range(4)]
    bodies: dict[str, list[bytes]] = {}
    for chat.identity in people:
        chat.write("go")
        texts = ["hello", "fast", "hello", "fast"] * 4
        bodies[chat.identity] = [chat.body(text_message={"text": text}) for text in texts]
    chat.sent.clear()
    hearing = [threading.Thread(target=_deliver, args=(chat, bodies[who][at::2])) for who in people for at in (0, 1)]
    done = threading.Event()
    carrying = [threading.Thread(target=_carry, args=(chat, done)) for _ in range(2)]
    for thread in (*hearing, *carrying):
        thread.start()
    for thread in hearing:
        thread.join()
    done.set()
    for thread in carrying:
        thread.join()
    said = chat.answers()
    assert (said.count("Fast!"), sum(each.startswith("Next?") for each in said)) == (4 * 8, 4 * 16)
    for chat.identity in people:
        assert queued(chat) == 0


def _deliver(chat: Chat, bodies: list[bytes]) -> None:
    for body in bodies:
        while chat.service.chats.webhook(body) != 200:
            pass


def _carry(chat: Chat, done: threading.Event) -> None:
    """Turns only; what is to be sent stays in the outbox, in front of nothing."""
    idle = 0
    while idle < 20:
        finished = done.is_set()
        taken = [each for each in chat.store.take(chat.now, 0.0, 64) if each.kind == "turn"]
        idle = idle + 1 if finished and not taken else 0
        for row in taken:
            try:
                chat.service.chats.carry(row.id, row.session, orjson.loads(row.payload))
            except StoreDown:
                continue
            chat.store.arrived(row.id)
