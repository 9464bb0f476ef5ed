from __future__ import annotations

import pytest
from chats import told

RULE = "outside-window"
FLOW = """\
    triggers: [ TRIGGER ]
    channels: [CHANNELS]
    session: { expires: 3d }
    contact: { due: { type: time } }
    start: a
    states:
      a: { STATE }
      b: { say: Thank you., next: end }
      c: { ask: { prompt: And now?, choices: { b: Go } }, on: { else: end } }
      t: { ask: { prompt: And now?, choices: { b: Go }, template: { name: x, language: en } }, on: { else: c } }
    """
LATE = "this may go out a day after the contact last wrote, when WHATSAPP takes only templates: "


KEYWORD = "{ keywords: [book] }"


def window(state: str, trigger: str = KEYWORD, channels: str = "WHATSAPP, SMS", **others: str) -> list[str]:
    text = FLOW.replace("STATE", state).replace("TRIGGER", trigger).replace("CHANNELS", channels)
    return [each.replace(LATE, "") for each in told(RULE, text, None, **others)]


@pytest.mark.parametrize(
    ("trigger", "because"),
    [
        ("{ start: api }", "the API starts it"),
        ("{ date: contact.due, at: '10:00' }", "a date starts it"),
        ("{ schedule: mon, at: '10:00', tag: vip }", "a schedule starts it"),
    ],
)
def test_a_flow_that_begins_unasked(trigger: str, because: str) -> None:
    assert window("say: Hi., next: b", trigger) == [f"9: {because}"]
    assert window("next: c", trigger) == [f"11: {because}"]
    assert window("next: t", trigger) == []
    assert window("say: Hi., next: b", "{ keywords: [book] }") == []


def test_a_template_does_not_open_the_window_but_its_answer_does() -> None:
    template = "send: { template: { name: x, language: en } }, next: NEXT"
    assert window(template.replace("NEXT", "b"), "{ start: api }") == ["10: the API starts it"]
    assert window(template.replace("NEXT", "t"), "{ start: api }") == []


def test_a_flow_entered_in_the_middle() -> None:
    triggers = "{ keywords: [book] }, { date: contact.due, at: '10:00', enter: c }"
    assert window("say: Hi., next: b", triggers) == ["11: a date starts it"]
    assert window("say: Hi., next: b", triggers.replace("enter: c", "enter: t")) == []


@pytest.mark.parametrize(
    ("state", "line"),
    [
        ("wait: { for: 24h }, on: { elapsed: b }", 10),
        ("wait: { for: 24h }, on: { elapsed: c }", 11),
        ("wait: { for: 24h }, on: { elapsed: { say: Hi., to: end } }", 9),
        ("ask: { prompt: Well?, choices: { b: Go }, timeout: 24h }, on: { timeout: c }", 11),
        ("ask: { prompt: Well?, choices: { b: Go }, timeout: 20h }, on: { timeout: again }", 12),
        ("handover: { post: https://x.example.com, timeout: 2d }, on: { returned: b, timeout: c, error: b }", 11),
    ],
)
def test_what_follows_a_timer(state: str, line: int) -> None:
    again = state.replace("again", "wait_more")
    more = "\n      wait_more: { wait: { for: 4h }, on: { elapsed: { say: Still there?, to: end } } }\n      b:"
    text = FLOW.replace("\n      b:", more, 1) if "again" in state else FLOW
    text = text.replace("STATE", again).replace("TRIGGER", "{ keywords: [book] }").replace("CHANNELS", "WHATSAPP")
    found = told(RULE, text)
    assert len(found) == 1
    assert found[0].startswith(f"{10 if 'again' in state else line}: {LATE}it follows ")


@pytest.mark.parametrize(
    "state",
    [
        "wait: { for: 23h }, on: { elapsed: b }",
        "wait: { for: 24h }, on: { elapsed: t }",
        "wait: { for: 24h }, on: { elapsed: { send: { channel: SMS, text: Hi. }, to: end } }",
        "wait: { for: 24h }, on: { elapsed: { send: { to: '+12025550100', text: Hi. }, to: end } }",
        "wait: { for: 24h }, on: { elapsed: end, message: b }",
        "ask: { prompt: Well?, choices: { b: Go }, timeout: 23h }, on: { timeout: b, else: b }",
        "ask: { prompt: Well?, choices: { b: Go } }, on: { timeout: b, invalidinput: b, failed: b }",
        "handover: { post: https://x.example.com, timeout: 1h }, on: { returned: b, timeout: b, error: b }",
    ],
)
def test_what_is_in_time(state: str) -> None:
    assert window(state) == []


def test_channels_without_a_window() -> None:
    assert window("say: Hi., next: b", "{ start: api }", "SMS, RCS") == []
    assert window("say: Hi., next: b", "{ start: api }", "SMS, MESSENGER") == [
        "9: this may go out a day after the contact last wrote, when MESSENGER takes only templates: the API starts it"
    ]


def test_reminders() -> None:
    ask = "ask: { prompt: Well?, choices: { b: Go }, remind: [ { after: AFTER, say: Hello? } ] }, on: { else: b }"
    late = "9: this reminder may come 25 h after the contact last wrote, when WHATSAPP takes only templates"
    assert window(ask.replace("AFTER", "25h"))[0].startswith(late.split(" 25 h")[0])
    assert window(ask.replace("AFTER", "23h")) == []


CALL = """\
    channel: voice
    triggers: [ { start: api } ]
    cli: "+12025550100"
    may_dial: { a: { number: "+12025550111" } }
    start: d
    states:
      d: { VISITS dial: { to: a }, on: { answered: end, disconnected: later } }
      later: { wait: { for: 8h }, on: { elapsed: d } }
    """


def test_a_call_takes_the_time_of_its_waits() -> None:
    state = "call: { flow: ring }, on: { done: b, error: b }"
    assert window(state, ring=CALL.replace("VISITS", "")) == []
    (late,) = window(state, ring=CALL.replace("VISITS", "visits: { max: 3, then: end },"))
    assert late == "10: it follows done of a"


def test_a_conversation_that_expired() -> None:
    text = FLOW.replace("start: a", "on: { expired: b }\n    start: a").replace("CHANNELS", "WHATSAPP")
    text = text.replace("TRIGGER", "{ keywords: [book] }").replace("STATE", "next: c")
    assert told(RULE, text) == [f"11: {LATE}the conversation has expired"]


def test_a_circle_of_short_timers_comes_to_an_end() -> None:
    state = "wait: { for: 1s }, on: { elapsed: round }"
    text = FLOW.replace("\n      b:", "\n      round: { wait: { for: 1s }, on: { elapsed: a } }\n      b:", 1)
    text = text.replace("STATE", state).replace("TRIGGER", "{ keywords: [book] }").replace("CHANNELS", "WHATSAPP")
    assert told(RULE, text) == []
