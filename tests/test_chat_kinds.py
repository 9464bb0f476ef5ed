"""What states of a conversation do beside asking: hand over, call, play parts, ask servers, draw, keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from chatting import ME, Chat

from flowengine.engine.outcome import NotTaken
from flowengine.fetch import Response
from flowengine.sinch.fake import FakeSinch
from flowengine.worker import Worker

OpenChat = Callable[..., Chat]
OK = Response(200, {}, "")
DOWN = Response(503, None, "")


def flow(states: str, more: str = "", name: str = "kinds") -> str:
    start = states.strip().partition(":")[0]
    return f"""
flow: {name}
channel: message
triggers: [ {{ keywords: [go] }} ]
{more}
start: {start}
states:
{states}
"""


# --- handover --------------------------------------------------------------------------------------------------

DESK = flow(
    """
  desk:
    handover:
      post: https://desk.example.com/chats
      json: { vip: "{{ contact.tags }}" }
      timeout: 1h
      every: 20m
      until: rated
    on:
      taken: { say: Ann is here. }
      returned: thanks
      rated: { say: Rated., to: end }
      tick: { say: Still looking. }
      timeout: nobody
      error: sorry
      message: { say: "Passed on: {{ message.text }}" }
  thanks: { say: Thanks., next: end }
  nobody: { say: Nobody., next: end }
  sorry: { say: Sorry., next: end }
"""
)


@pytest.mark.parametrize(
    "steps",
    [
        "event taken\n< Ann is here.\n> hi\n< Passed on: hi\nevent returned\n< Thanks.\nwait 3h",
        "event rated\n< Rated.\nwait 3h",
        "wait 21m\n< Still looking.\nwait 20m\n< Still looking.\nwait 20m\n< Nobody.\nwait 3h",
    ],
)
def test_a_handover_goes_to_the_desk_and_comes_back(open_chat: OpenChat, steps: str) -> None:
    chat = open_chat(DESK)
    chat.reply = OK
    chat.play(f"> go\n{steps}")
    (request,) = chat.asked
    assert (request.method, request.url) == ("POST", "https://desk.example.com/chats")
    told: Any = request.json
    assert told["session"] == chat.key and told["state"] == "desk" and told["message"]["text"] == "go"
    assert told["contact"]["number"] == f"+{ME}" and told["vip"] == []


def test_a_handover_that_the_desk_refuses_is_an_error(open_chat: OpenChat) -> None:
    chat = open_chat(DESK)
    chat.reply = DOWN
    chat.play("> go\n< Sorry.")


def test_what_a_place_does_not_take_changes_nothing(open_chat: OpenChat) -> None:
    chat = open_chat(DESK)
    chat.reply = OK
    chat.write("go")
    before = chat.store.load(chat.key)
    for name in ("elapsed", "timeout", "message", "error", "nonsense"):
        with pytest.raises(NotTaken):
            chat.service.event(chat.key, name)
    assert chat.store.load(chat.key) == before
    chat.play("event returned\n< Thanks.")
    with pytest.raises(NotTaken):
        chat.service.event(chat.key, "returned")


# --- a call ----------------------------------------------------------------------------------------------------

RINGS = flow(
    """
  ring:
    call: { flow: call, with: { to: "{{ contact.number }}", name: Ann } }
    on: { pressed: pressed, done: over, error: failed%s }
  pressed: { say: "Pressed {{ result.key }}.", next: end }
  over: { say: Over., next: end }
  failed: { say: Failed., next: end }
"""
)
CALL = """
flow: call
channel: voice
inputs: { to: { type: phone }, name: { type: text } }
outcomes: [pressed]
cli: "+12025550100"
may_dial: { them: { number: "{{ to }}", countries: [US], per_hour: 3 } }
start: ring
states:
  ring:
    dial: { to: them, dial_timeout: 20s }
    on: { answered: ask, disconnected: end }
  ask:
    menu: { prompt: "Hello {{ name }}, press 1.", choices: { one: 1 } }
    on: { timeout: end, invalidinput: end }
  one: { say: Thank you., return: { outcome: pressed, with: { key: "{{ menu.value }}" } } }
"""


@pytest.fixture
def sinch() -> Any:
    with FakeSinch() as found:
        yield found


def ringing(open_chat: OpenChat, sinch: FakeSinch, message: str = "") -> tuple[Chat, str]:
    """A conversation that has placed its call, and the call's id."""
    chat = open_chat(RINGS % message, CALL)
    chat.worker = Worker(chat.service, Worker.from_env(chat.service, sinch.env()).client)
    assert chat.write("go") == []
    (callout,) = sinch.callouts
    return chat, callout.call_id


def test_a_call_is_placed_once_and_what_it_came_to_is_told(open_chat: OpenChat, sinch: FakeSinch) -> None:
    chat, call = ringing(open_chat, sinch)
    assert "Hello Ann, press 1." in str(chat.ace(call=call))
    assert "Thank you." in str(chat.pie("return", "one", call=call))
    assert chat.answers() == ["Pressed one."]
    chat.dice(call=call)
    assert chat.answers() == [] and len(sinch.callouts) == 1


@pytest.mark.parametrize("told", ["dice", "timeout"])
def test_a_call_without_an_outcome_is_done(open_chat: OpenChat, sinch: FakeSinch, told: str) -> None:
    chat, call = ringing(open_chat, sinch)
    if told == "timeout":
        chat.ace(call=call)
        chat.pie("timeout", call=call)
    chat.dice(call=call, result="NOANSWER")
    assert chat.answers() == ["Over."]


def test_what_is_written_while_it_rings_does_not_lose_the_call(open_chat: OpenChat, sinch: FakeSinch) -> None:
    chat, call = ringing(open_chat, sinch, ", message: { say: We are ringing. }")
    chat.play("> hello?\n< We are ringing.")
    chat.dice(call=call)
    assert chat.answers() == ["Over."]


def test_a_call_that_nobody_waits_for_any_more_tells_nobody(open_chat: OpenChat, sinch: FakeSinch) -> None:
    chat, call = ringing(open_chat, sinch)
    chat.play("> stop\n> start")
    chat.dice(call=call)
    assert chat.answers() == []


def test_a_call_that_cannot_be_placed_is_an_error(open_chat: OpenChat) -> None:
    chat = open_chat(RINGS % "", CALL)  # no credentials
    chat.play("> go\n< Failed.")


@pytest.mark.parametrize("identity", ["441632960001", "not-a-number"])
def test_a_number_that_may_not_be_rung_does_not_hold_the_conversation_up(open_chat: OpenChat, identity: str) -> None:
    """Out of the list of countries, and no number at all: the call is never placed."""
    chat = open_chat(RINGS % "", CALL, channel="SMS", identity=identity)
    assert chat.write("go") in (["Over."], ["Failed."])


# --- parts -----------------------------------------------------------------------------------------------------

WHOLE = flow(
    """
  whole:
    subflow: { flow: part, with: { size: "{{ 2 + 1 }}" }, save: { found: "{{ result.it }}" } }
    on: { right: right, wrong: wrong, done: over, expired: end, error: failed }
  right: { say: "Right {{ found }}.", next: end }
  wrong: { say: Wrong., next: end }
  over: { say: Over., next: end }
  failed: { say: Failed., next: end }
""",
    'variables: { found: { type: text, default: "" } }',
)
PART = """
flow: part
channel: message
inputs: { size: { type: number } }
outcomes: [right, wrong]
variables: { it: { type: text } }
start: ask
states:
  ask:
    ask:
      prompt: "{{ size }} letters?"
      expect: { matches: "[a-z]{3}" }
      choices: { none: None, over: Over }
      into: it
      repeats: 0
    on: { answer: right, none: wrong, over: end, invalidinput: wrong, timeout: end }
  right: { return: { outcome: right, with: { it: "{{ it }}" } } }
  wrong: { return: wrong }
"""


@pytest.mark.parametrize(
    ("said", "answer"), [("abc", "Right abc."), ("none", "Wrong."), ("abcd", "Wrong."), ("over", "Over.")]
)
def test_a_part_returns_one_of_its_outcomes(open_chat: OpenChat, said: str, answer: str) -> None:
    open_chat(WHOLE, PART).play(f"> go\n< 3 letters? / 1. None / 2. Over\n> {said}\n< {answer}\n> {said}")


# --- servers, functions ----------------------------------------------------------------------------------------

FETCH = flow(
    """
  fetch:
    do: [ { say: One moment. } ]
    http:
      get: https://shop.example.com/x
      query: { q: "{{ message.text }}" }
      timeout: 5s
      save: { n: "{{ response.n }}" }
    on: { ok: said, error: { retry: 1, then: failed } }
  said: { say: "It is {{ n }}.", next: end }
  failed: { say: Failed., next: end }
""",
    "variables: { n: { type: number } }",
)


@pytest.mark.parametrize(
    ("reply", "answer", "asked"),
    [
        (Response(200, {"n": 7}, ""), "It is 7.", 1),
        (Response(200, {"m": 7}, ""), "Failed.", 2),
        (Response(200, {"n": "x"}, ""), "Failed.", 2),
        (Response(404, {}, ""), "Failed.", 2),
        (Response(0, None, "unreachable"), "Failed.", 2),
    ],
)
def test_a_server_is_asked_by_the_worker(open_chat: OpenChat, reply: Response, answer: str, asked: int) -> None:
    chat = open_chat(FETCH)
    chat.reply = reply
    assert chat.service.chats.webhook(chat.body(text_message={"text": "go"})) == 200
    assert chat.asked == []  # not before the webhook is answered
    assert chat.answers() == ["One moment.", answer]
    assert len(chat.asked) == asked and chat.asked[0].query == (("q", "go"),)


def test_a_request_that_nobody_waits_for_goes_out_after_the_turn(open_chat: OpenChat) -> None:
    chat = open_chat(
        flow(
            """
  tell:
    http: { post: "https://crm.example.com/x", json: { who: "{{ contact.number }}" }, timeout: 5s, wait: false }
    on: { ok: said, error: said }
  said: { say: Told., next: end }
"""
        )
    )
    chat.reply = DOWN
    chat.play("> go\n< Told.")
    chat.reply = OK
    chat.play("wait 1m")
    assert [each.json for each in chat.asked] == [{"who": f"+{ME}"}] * 2
    chat.play("wait 1h")
    assert len(chat.asked) == 2


TWICE = """
from flowengine.functions import function


@function
def twice(n: str) -> int:
    return 2 * int(n)
"""


def test_a_function_is_called_by_the_worker(open_chat: OpenChat) -> None:
    chat = open_chat(
        flow(
            """
  count:
    ask: { prompt: Which?, expect: any, into: n, timeout: 1h }
    on: { answer: work, timeout: end, invalidinput: end }
  work:
    function: { name: twice, with: { n: "{{ n }}" }, save: { n: "{{ result }}" } }
    on: { ok: said, error: failed }
  said: { say: "{{ n }}", next: end }
  failed: { say: Failed., next: end }
""",
            "variables: { n: { type: text } }",
        ),
        functions=TWICE,
    )
    chat.play("> go\n< Which?\n> 21\n< 42\n> go\n< Which?\n> x\n< Failed.")


# --- chance, hours, visits -------------------------------------------------------------------------------------


def test_a_draw_holds_for_the_conversation(open_chat: OpenChat) -> None:
    drawn = flow(
        """
  split:
    visits: { max: 30, then: enough }
    random: { a: 1, b: 1 }
  a: { say: A, next: again }
  b: { say: B, next: again }
  again: { ask: { prompt: Again?, choices: { more: More } }, on: { more: split, timeout: end, invalidinput: end } }
  enough: { say: Enough., next: end }
"""
    )
    chat = open_chat(drawn)
    first = chat.write("go")[0]
    for _ in range(29):
        assert chat.write("more") == [first, "Again? / 1. More"]
    assert chat.write("more") == ["Enough."]
    firsts = {open_chat(drawn).write("go")[0] for _ in range(12)}
    assert firsts == {"A", "B"}


@pytest.mark.parametrize(
    ("day", "hour", "answer"), [(24, 10, "Open."), (24, 20, "Closed."), (29, 10, "Closed."), (25, 10, "Holiday.")]
)
def test_hours(open_chat: OpenChat, day: int, hour: int, answer: str) -> None:
    chat = open_chat(
        flow(
            """
  hours: { hours: office, on: { open: opened, closed: shut, holiday: off } }
  opened: { say: Open., next: end }
  shut: { say: Closed., next: end }
  off: { say: Holiday., next: end }
""",
            "calendars: { office: { timezone: UTC, open: { mon-fri: 09:00-17:00 }, holidays: [2025-11-25] } }",
        )
    )
    chat.now += (day - 24) * 86_400 + (hour - 10) * 3600
    chat.play(f"> go\n< {answer}")


# --- what is kept of a contact ---------------------------------------------------------------------------------

KEEPS = """
flow: keeps
channel: message
contact: { colour: { type: text }, seats: { type: number, default: 2 } }
triggers: [ { keywords: [keep] }, { keywords: [tell], enter: tell }, { keywords: [drop], enter: drop } ]
start: keep
states:
  keep:
    do:
      - set: { contact.colour: red, contact.seats: "{{ contact.seats + 1 }}", contact.name: Ann }
      - tag: vip
      - tag: new
    next: end
  tell:
    route:
      - { when: '"vip" in contact.tags', to: vip }
      - { else: other }
  vip:
    say: "{{ contact.name }}: {{ contact.colour }}, {{ contact.seats }}, {{ contact.tags | join('+') }}"
    next: end
  other:
    say: "{{ contact.name | default('You') }}: {{ contact.colour | default('no') }}, {{ contact.seats }}"
    next: end
  drop: { do: [ { clear: contact.colour }, { untag: vip } ], next: end }
"""


def test_fields_and_tags_outlive_the_conversation(open_chat: OpenChat) -> None:
    chat = open_chat(KEEPS)
    chat.play("> tell\n< You: no, 2\n> keep\n> tell\n< Ann: red, 3, new+vip")
    chat.now += 40 * 86_400
    chat.store.sweep(chat.now)
    chat.play("> tell\n< Ann: red, 3, new+vip\n> keep\n> tell\n< Ann: red, 4, new+vip\n> drop\n> tell\n< Ann: no, 4")


def test_a_contact_is_their_number_whatever_the_channel(open_chat: OpenChat) -> None:
    chat = open_chat(KEEPS)
    chat.write("keep")
    chat.channel = "WHATSAPP"
    chat.play("> tell\n< Ann: red, 3, new+vip")
    chat.identity = "12025550151"
    chat.play("> tell\n< You: no, 2")


def test_what_the_platform_knows_is_known(open_chat: OpenChat) -> None:
    chat = open_chat(KEEPS)
    contact = {
        "id": "01CONTACT",
        "display_name": "Bo",
        "language": "ES",
        "channel_identities": [{"channel": "SMS", "identity": f"+{ME}", "app_id": ""}],
    }
    body = {"app_id": "x", "accepted_time": "", "contact_update_notification": {"contact": contact}}
    assert chat.service.chats.webhook(orjson.dumps(body)) == 200
    chat.play("> tell\n< Bo: no, 2")
