"""Words that leave, come back or ask for help, in every state of a conversation."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest
from chatting import APP, ME, Chat

from flowengine.chats import Address
from flowengine.fetch import Response

OpenChat = Callable[..., Chat]
PROJECT = """
consent:
  farewell: You get no more messages.
  welcome: Welcome back.
  help: Call +1 202 555 0100.
"""
FLOW = """
flow: shop
channel: message
triggers: [ { keywords: [go] }, { keywords: [pause], enter: pause }, { keywords: [work], enter: work } ]
on: { timeout: end, invalidinput: end }
start: ask
states:
  ask:
    ask:
      prompt: Well?
      choices: { fine: OK, off: { words: [cancel] } }
      timeout: 2h
      remind: [ { after: 1h, say: Hey? } ]
  fine: { say: Good., next: ask }
  off: { say: Off., next: end }
  pause: { wait: { for: 2h }, on: { elapsed: fine } }
  work: { http: { get: "https://shop.example.com/x", timeout: 5s }, on: { ok: fine, error: end } }
"""


@pytest.fixture
def chat(open_chat: OpenChat) -> Chat:
    return open_chat(FLOW, project=PROJECT)


BYE = "< You get no more messages."
QUESTION = "< Well? / 1. OK"


@pytest.mark.parametrize(
    "steps",
    [
        f"> STOP\n{BYE}",
        f"> go\n{QUESTION}\n> stop\n{BYE}",
        f"> go\n{QUESTION}\n> Unsubscribe.\n{BYE}",
        f"> go\n{QUESTION}\n> END\n{BYE}",
        f"> pause\n> STOPALL\n{BYE}",
        f"> END\n{BYE}",
    ],
)
def test_a_word_to_stop_stops_everywhere(chat: Chat, steps: str) -> None:
    """One farewell; nothing is sent after it, whatever is written or whose time comes."""
    chat.play(f"{steps}\nwait 5h\n> go\n> STOP\n> hello\n> help\nwait 5h")
    assert chat.service.chats.begin("shop", Address(APP, "SMS", ME), {}) == "opted_out"
    chat.play(f"> START\n< Welcome back.\n> go\n{QUESTION}")


@pytest.mark.parametrize(
    ("channel", "steps"),
    [
        ("SMS", f"> go\n{QUESTION}\n> cancel\n< Off."),  # expected here
        ("SMS", f"> pause\n> cancel\n{BYE}"),
        ("WHATSAPP", "> go\n< Well? | OK\n> end\n< Well? | OK"),  # no such word there
        ("WHATSAPP", f"> go\n< Well? | OK\n> stop\n{BYE}"),
        ("SMS", f"> go\n{QUESTION}\n> please stop\n{QUESTION}"),  # no word alone
        ("SMS", f"> stop\n{BYE}\n> yes\n< Welcome back."),
        ("WHATSAPP", f"> stop\n{BYE}\n> yes\n> start\n< Welcome back."),
        ("SMS", f"> go\n{QUESTION}\n> yes\n{QUESTION}"),
        ("SMS", f"> go\n{QUESTION}\n> start\n{QUESTION}"),  # nobody was out
        ("SMS", f"> go\n{QUESTION}\n> HELP\n< Call +1 202 555 0100.\n> ok\n< Good.\n{QUESTION}"),
        ("SMS", "> pause\n> help\n< Call +1 202 555 0100.\nwait 3h\n< Good.\n" + QUESTION),
        ("SMS", "> info\n< Call +1 202 555 0100."),
    ],
)
def test_words_of_consent(open_chat: OpenChat, channel: str, steps: str) -> None:
    open_chat(FLOW, project=PROJECT, channel=channel).play(steps)


def test_without_words_of_the_project_nothing_is_said(open_chat: OpenChat) -> None:
    open_chat(FLOW).play(f"> go\n{QUESTION}\n> stop\n> go\n> start\n> go\n{QUESTION}\n> help\n{QUESTION}")


def test_a_keyword_that_breaks_in_is_expected(open_chat: OpenChat) -> None:
    other = """
flow: ends
channel: message
triggers: [ { keywords: [end], interrupt: true } ]
start: bye
states: { bye: { say: The end., next: end } }
"""
    open_chat(FLOW, other, project=PROJECT).play(f"> go\n{QUESTION}\n> end\n< The end.\n> pause\n> end\n< The end.")


def test_a_word_to_stop_takes_back_what_is_not_sent_yet(chat: Chat) -> None:
    for text in ("go", "ok", "ok"):
        assert chat.service.chats.webhook(chat.body(text_message={"text": text})) == 200
    chat.play(f"> stop\n{BYE}")


def test_a_word_to_stop_overtakes_the_workers(chat: Chat) -> None:
    """What was written before it and is not worked on yet comes to nothing."""
    chat.reply = Response(200, {}, "")
    for text in ("work", "go"):
        assert chat.service.chats.webhook(chat.body(text_message={"text": text})) == 200
    chat.play(f"> stop\n{BYE}\nwait 1h")
    assert chat.talk.talk is not None and chat.talk.talk.queued == 0


def test_an_older_word_to_start_does_not_undo_a_newer_word_to_stop(chat: Chat) -> None:
    late = chat.body(text_message={"text": "START"}, at=chat.now)
    chat.now += 60
    chat.play(f"> stop\n{BYE}")
    assert chat.deliver(late) == []
    chat.now += 60
    chat.play(f"> go\n> start\n< Welcome back.\n> go\n{QUESTION}")


def notification(kind: str, status: str) -> bytes:
    told = {"request_id": f"{kind}{status}", "status": status, "channel": "SMS", "identity": ME, "contact_id": ""}
    return orjson.dumps({"app_id": APP, "project_id": "p", "accepted_time": "", f"{kind}_notification": told})


def test_what_the_platform_registers_counts_and_is_not_answered(chat: Chat) -> None:
    chat.play(f"> go\n{QUESTION}")
    assert chat.deliver(notification("opt_out", "OPT_OUT_FAILED")) == []
    chat.play(f"> ok\n< Good.\n{QUESTION}")
    assert chat.deliver(notification("opt_out", "OPT_OUT_SUCCEEDED")) == []
    chat.play("wait 5h\n> go")
    assert chat.deliver(notification("opt_in", "OPT_IN_SUCCEEDED")) == []
    chat.play(f"> go\n{QUESTION}")


def test_who_stopped_one_channel_stays_on_the_other(chat: Chat) -> None:
    chat.play(f"> stop\n{BYE}")
    chat.channel = "WHATSAPP"
    chat.play("> go\n< Well? | OK")
