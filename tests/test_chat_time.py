"""What time does to a conversation: reminders, silence, bursts, waits, sessions, busy contacts and quiet hours."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from chatting import APP, ME, Chat

from flowengine.chats import Address

OpenChat = Callable[..., Chat]
HERE = Address(APP, "SMS", ME)


def timed(ask: str, more: str = "", on: str = "answer: got, timeout: late, invalidinput: lost") -> str:
    return f"""
flow: timed
channel: message
triggers: [ {{ keywords: [go] }}, {{ start: api }} ]
variables: {{ kept: {{ type: text }} }}
{more}
start: ask
states:
  ask:
    ask: {{ prompt: Well?, expect: any, into: kept, {ask} }}
    on: {{ {on} }}
  got: {{ say: "Got {{{{ kept }}}}.", next: end }}
  late: {{ say: Late., next: end }}
  lost: {{ say: Lost., next: end }}
"""


# --- reminders, timeout ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "steps",
    [
        "wait 59m\nwait 2m\n< Still there?\nwait 1h\n< Hello?\nwait 1h\n< Late.\nwait 5d",
        "wait 61m\n< Still there?\n> yes\n< Got yes.\nwait 5d",
        "> yes\n< Got yes.\nwait 5d",
        "wait 5d\n< Late.",
    ],
)
def test_reminders_come_in_turn_and_then_the_timeout(open_chat: OpenChat, steps: str) -> None:
    ask = 'timeout: 3h, remind: [ { after: 1h, say: "Still there?" }, { after: 2h, say: "Hello?" } ]'
    open_chat(timed(ask)).play(f"> go\n< Well?\n{steps}")


def test_an_answer_that_is_none_begins_the_timeout_anew(open_chat: OpenChat) -> None:
    flow = timed("timeout: 1h").replace("expect: any", "expect: { matches: '[0-9]+' }")
    open_chat(flow).play("> go\n< Well?\nwait 50m\n> x\n< Well?\nwait 50m\nwait 20m\n< Late.")


def test_a_question_without_a_time_is_forgotten_when_the_session_expires(open_chat: OpenChat) -> None:
    chat = open_chat(timed("repeats: 0", "session: { expires: 2d }"))
    chat.play("> go\n< Well?\nwait 47h\nwait 2h\n> hello\n> go\n< Well?")


# --- bursts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "steps",
    [
        "> a\nwait 10s\n> b\nwait 10s\n> c\nwait 16s\n< Got a / b / c.",
        "> a\nwait 16s\n< Got a.",
        "> a\nphoto b\n< Got a / b.",
        "> a\nwait 10m\n< Got a.",
    ],
)
def test_what_is_typed_in_a_burst_is_one_answer(open_chat: OpenChat, steps: str) -> None:
    chat = open_chat(timed("settle: 15s, timeout: 1h"))
    chat.play(f"> go\n< Well?\n{steps}\nwait 1m")


def test_a_tap_in_a_burst_answers_at_once_and_one_that_does_not_count_leaves_the_burst(open_chat: OpenChat) -> None:
    flow = timed("settle: 15s, timeout: 1h, choices: { one: One }").replace("answer: got", "one: ask, answer: got")
    chat = open_chat(flow, channel="WHATSAPP")
    chat.play("> go\n< Well? | One\n> hm\ntap one\n< Well? | One\nwait 1m")
    first = chat.sent[0]["message"]["choice_message"]["choices"][0]["postback_data"]
    chat.play(f"> a\ntap ={first}\n> b\nwait 16s\n< Got a / b.\nwait 1m")


def test_a_word_to_stop_ends_a_burst(open_chat: OpenChat) -> None:
    open_chat(timed("settle: 15s, timeout: 1h")).play("> go\n< Well?\n> a\n> STOP\nwait 1h")


def test_a_burst_has_an_end(open_chat: OpenChat) -> None:
    chat = open_chat(timed("settle: 60s, timeout: 1h"))
    chat.write("go")
    said = [chat.write(str(number)) for number in range(20)]
    assert said == [[]] * 19 + [["Got " + " / ".join(map(str, range(20))) + "."]]
    chat.write("go")
    assert chat.write("y" * 4000) + chat.write("y" * 4000) == []
    assert chat.write("y" * 4000)[0].startswith("Got yyy")


# --- waits -----------------------------------------------------------------------------------------------------

WAITS = """
flow: waits
channel: message
triggers: [ { keywords: [go] } ]
start: pause
states:
  pause:
    say: Wait.
    wait: { for: 1h, until: ready }
    on: { elapsed: over, ready: now%s }
  over: { say: Over., next: end }
  now: { say: Now., next: end }
"""


@pytest.mark.parametrize(
    ("message", "steps"),
    [
        ("", "wait 59m\nwait 2m\n< Over."),
        ("", "> hello?\nwait 61m\n< Over."),
        ("", "event ready\n< Now.\nwait 2h"),
        (", message: { say: Patience. }", "> hello?\n< Patience.\nwait 61m\n< Over."),
        (", message: now", "> hello?\n< Now.\nwait 2h"),
    ],
)
def test_a_wait_ends_by_time_by_a_message_or_by_an_event(open_chat: OpenChat, message: str, steps: str) -> None:
    open_chat(WAITS % message).play(f"> go\n< Wait.\n{steps}")


# --- sessions --------------------------------------------------------------------------------------------------


def test_a_session_that_resumes_puts_the_question_again(open_chat: OpenChat) -> None:
    chat = open_chat(timed("repeats: 0", "session: { expires: 1d, then: resume }"))
    chat.play("> go\n< Well?\nwait 2d")
    chat.now += 10 * 86_400
    chat.store.sweep(chat.now)
    chat.play("> I am back\n< Well?\n> here\n< Got here.")


def test_a_word_that_breaks_in_does_so_where_a_session_could_be_resumed(open_chat: OpenChat) -> None:
    agent = """
flow: agent
channel: message
triggers: [ { keywords: [agent], interrupt: true } ]
start: here
states: { here: { say: Here I am., next: end } }
"""
    chat = open_chat(timed("repeats: 0", "session: { expires: 1d, then: resume }"), agent)
    chat.play("> go\n< Well?\nwait 2d\n> agent\n< Here I am.")


def test_a_start_does_not_wait_for_a_session_that_only_could_be_resumed(open_chat: OpenChat) -> None:
    chat = open_chat(timed("repeats: 0", "session: { expires: 1d, then: resume }"))
    chat.play("> go\n< Well?\nwait 2d")
    assert chat.service.chats.begin("timed", HERE, {}) == "start"
    assert chat.answers() == ["Well?"]


def test_what_waits_for_days_is_not_swept_away(open_chat: OpenChat) -> None:
    chat = open_chat(timed("timeout: 20d"))
    chat.write("go")
    assert chat.service.chats.begin("timed", HERE, {}) == "later"
    for _ in range(19):
        chat.now += 86_400
        chat.store.sweep(chat.now)
    chat.play("> still here\n< Got still here.\n< Well?")


OUTER = """
flow: outer
channel: message
triggers: [ { keywords: [go] } ]
session: { expires: 2d }
start: part
states:
  part: { subflow: { flow: inner }, on: { done: done, expired: gone, error: end } }
  done: { say: Done., next: end }
  gone: { say: Gone., next: end }
"""
INNER = """
flow: inner
channel: message
%s
start: ask
states:
  ask: { ask: { prompt: Inner?, choices: { yes: "Yes" } }, on: { yes: end, timeout: end, invalidinput: end } }
"""


@pytest.mark.parametrize(
    ("inner", "steps"),
    [
        ("session: { expires: 1h }", "> yes\n< Done."),
        ("session: { expires: 1h }", "wait 50m\nwait 11m\n< Gone."),
        ("", "wait 47h\n> yes\n< Done."),
        ("", "wait 49h\n> yes"),
    ],
)
def test_a_part_expires_by_its_own_time_or_with_the_whole(open_chat: OpenChat, inner: str, steps: str) -> None:
    open_chat(OUTER, INNER % inner).play(f"> go\n< Inner? / 1. Yes\n{steps}")


# --- busy and quiet --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("busy", "became", "steps"),
    [
        ("wait", "later", "> x\n< Got x.\nwait 61s\n< Well?"),
        ("wait", "later", "wait 61s\n> x\n< Got x.\nwait 61s\n< Well?"),
        ("skip", "skipped", "> x\n< Got x.\nwait 61s"),
        ("replace", "start", "> x\n< Got x.\nwait 61s"),
    ],
)
def test_a_flow_that_meets_a_busy_contact(open_chat: OpenChat, busy: str, became: str, steps: str) -> None:
    chat = open_chat(timed("timeout: 1h", f"busy: {busy}"))
    chat.play("> go\n< Well?")
    assert chat.service.chats.begin("timed", HERE, {}) == became
    assert chat.answers() == (["Well?"] if became == "start" else [])
    chat.play(steps)


QUIET = 'quiet: {{ from: "21:00", to: "08:00", timezone: {zone} }}'


@pytest.mark.parametrize(
    ("zone", "hour", "became", "waits"),
    [
        ("Europe/Stockholm", 12, "start", 0),
        ("Europe/Stockholm", 21, "later", 10),  # 22:00 there, until 8:00
        ("Asia/Tokyo", 13, "later", 10),  # 22:00 there
        ("contact", 22, "later", 10),
        ("contact", 12, "start", 0),
    ],
)
def test_nobody_is_written_to_at_night(open_chat: OpenChat, zone: str, hour: int, became: str, waits: int) -> None:
    chat = open_chat(timed("timeout: 1h", QUIET.format(zone=zone)))
    chat.now += (hour - 10) * 3600
    assert chat.service.chats.begin("timed", HERE, {}) == became
    if waits:
        chat.play(f"wait {waits - 1}h\nwait 61m\n< Well?")
    else:
        assert chat.answers() == ["Well?"]


def test_the_night_is_the_contacts(open_chat: OpenChat) -> None:
    zoned = """
flow: zoned
channel: message
triggers: [ { keywords: [tokyo] } ]
start: keep
states: { keep: { set: { contact.timezone: Asia/Tokyo }, next: end } }
"""
    chat = open_chat(timed("timeout: 1h", QUIET.format(zone="contact")), zoned)
    chat.write("tokyo")
    chat.now += 3 * 3600  # 22:00 in Tokyo
    assert chat.service.chats.begin("timed", HERE, {}) == "later"
    chat.play("wait 9h\nwait 61m\n< Well?")


def test_reminders_and_timeouts_wait_for_the_morning(open_chat: OpenChat) -> None:
    ask = 'timeout: 11h, remind: [ { after: 10h, say: "Still there?" } ]'
    chat = open_chat(timed(ask, QUIET.format(zone="UTC")))
    chat.now += 2 * 3600
    chat.play("> go\n< Well?\nwait 10h\nwait 9h\nwait 30m\nwait 31m\n< Late.")


def test_whoever_writes_at_night_is_answered_at_night(open_chat: OpenChat) -> None:
    chat = open_chat(timed("timeout: 1h", QUIET.format(zone="UTC")))
    chat.now += 13 * 3600
    chat.play("> go\n< Well?\n> x\n< Got x.")
