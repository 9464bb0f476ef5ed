"""Which flow a message, a link or the API begins, and for whom."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import orjson
import pytest
from chatting import APP, BUSINESS, ME, Chat
from flask import Flask

from flowengine.engine.entrances import Entrance, Entrances
from flowengine.settings import Settings
from flowengine.starting import CannotStart, start_conversation
from flowengine.web.outside import outside_routes

OpenChat = Callable[..., Chat]
OTHER = "01HX2APP0000000000000000B2"


def says(name: str, *triggers: str) -> str:
    return f"""
flow: {name}
channel: message
triggers: [ {", ".join(triggers)} ]
start: say
states:
  say: {{ say: "{name}", next: end }}
  other: {{ say: "{name} other", next: end }}
""".replace("  other:", "  other:" if any("enter" in each for each in triggers) else "  #")


MAIN = "app: MAIN_APP, channel: SMS"
DOORS = (
    says(
        "words", f'{{ keywords: [book, a table], {MAIN}, to: "+12025550198" }}', "{ keywords: [other], enter: other }"
    ),
    says("by_number", f'{{ keywords: [book], {MAIN}, to: "+{BUSINESS}" }}'),
    says("by_app", "{ keywords: [book], app: OTHER_APP }"),
    says("by_channel", "{ keywords: [book], channel: [WHATSAPP, VIBERBM], app: MAIN_APP }"),
    says("anything", "{ any: true, channel: [SMS, WHATSAPP] }"),
    says("rcs", "{ any: true, channel: RCS }"),
)
APPS = {"MAIN_APP": APP, "OTHER_APP": OTHER}


@pytest.mark.parametrize(
    ("text", "channel", "app", "to", "began"),
    [
        ("book", "SMS", APP, "+12025550198", "words"),
        ("BOOK!", "SMS", APP, "12025550198", "words"),
        (" a  Table ", "SMS", APP, "+12025550198", "words"),
        ("book it", "SMS", APP, "+12025550198", "anything"),
        ("other", "RCS", OTHER, "", "words other"),
        ("book", "WHATSAPP", APP, "+12025550198", "by_channel"),
        ("book", "SMS", OTHER, "+12025550198", "by_app"),
        ("book", "WHATSAPP", OTHER, f"+{BUSINESS}", "by_app"),
        ("book", "SMS", APP, BUSINESS, "by_number"),
        ("book", "SMS", APP, "+12025550197", "anything"),
        ("book", "RCS", APP, "", "rcs"),
        ("", "SMS", APP, BUSINESS, "anything"),
    ],
)
def test_a_trigger_may_ask_for_app_channel_and_number(
    open_chat: OpenChat, text: str, channel: str, app: str, to: str, began: str
) -> None:
    chat = open_chat(*DOORS, channel=channel, env=APPS)
    body = orjson.loads(chat.body(text_message={"text": text}))
    body["app_id"], body["message"]["sender_id"] = app, to
    assert chat.deliver(orjson.dumps(body)) == [began]


def test_the_narrowest_of_several_counts() -> None:
    """Checks refuse flows that leave it open; should two be served all the same, it is not left to chance."""
    wide, channel = Entrance("wide", ""), Entrance("channel", "", channels=frozenset({"SMS"}))
    app, number = Entrance("app", "", app=APP), Entrance("number", "", to=BUSINESS)
    for order in permutations((wide, channel, app, number)):
        known = Entrances(words={"book": list(order)}, anyone=list(order))
        for where, flow in (
            (("x", "RCS", ""), "wide"),
            (("x", "SMS", ""), "channel"),
            ((APP, "SMS", ""), "app"),
            ((APP, "SMS", BUSINESS), "number"),
        ):
            found, anyone = known.by_words("book", *where), known.for_any(*where)
            assert found is not None and anyone is not None and (found.flow, anyone.flow) == (flow, flow)


def test_what_nobody_claims_is_told_apart_and_starts_nothing(open_chat: OpenChat) -> None:
    chat = open_chat(says("words", "{ keywords: [book] }"))
    chat.play("> hello\nphoto\ntap =book\n> book\n< words")


def test_media_and_places_begin_what_takes_anything(open_chat: OpenChat) -> None:
    open_chat(*DOORS, env=APPS).play("photo book\n< anything\nplace book\n< anything")


# --- links -----------------------------------------------------------------------------------------------------


def link(payload: str, ref: str = "") -> bytes:
    told = {
        "id": "01HX2EVENT00000000000000A1",
        "direction": "TO_APP",
        "contact_event": {"shortlink_activated_event": {"payload": payload, "ref": ref, "title": "x", "source": "y"}},
        "channel_identity": {"channel": "MESSENGER", "identity": "77", "app_id": APP},
        "contact_id": "",
    }
    return orjson.dumps({"app_id": APP, "project_id": "p", "accepted_time": "2025-11-24T10:00:00Z", "event": told})


@pytest.mark.parametrize(
    ("payload", "ref", "began"),
    [
        ("shop", "", ["whole"]),
        ("shop-winter", "", ["prefix"]),
        ("shop-sale-1", "", ["longer"]),
        ("", "shop", ["whole"]),
        ("elsewhere", "", []),
        ("", "", []),
    ],
)
def test_a_link_begins_the_flow_that_its_payload_fits_best(
    open_chat: OpenChat, payload: str, ref: str, began: list[str]
) -> None:
    flows = (
        says("whole", "{ link: shop }"),
        says("prefix", '{ link: "shop*" }'),
        says("longer", '{ link: "shop-sale*" }'),
    )
    chat = open_chat(*flows, channel="MESSENGER", identity="77")
    assert chat.deliver(link(payload, ref)) == began
    assert chat.deliver(link(payload, ref)) == []  # the same event again


def test_a_link_that_begins_nothing_leaves_the_question_alone(open_chat: OpenChat) -> None:
    chat = open_chat(ASKS, channel="MESSENGER", identity="77")
    chat.play("> go\n< Well? | Fine")
    assert chat.deliver(link("elsewhere")) == []
    chat.play("> fine\n< Good.")


# --- breaking in -----------------------------------------------------------------------------------------------

ASKS = """
flow: asks
channel: message
triggers: [ { keywords: [go] }, { keywords: [pause], enter: pause } ]
start: ask
states:
  ask: { ask: { prompt: Well?, choices: { fine: Fine } }, on: { timeout: end, invalidinput: end } }
  pause: { wait: { for: 1h }, on: { elapsed: end } }
  fine: { say: Good., next: end }
"""


def test_a_keyword_breaks_in_only_if_it_says_so(open_chat: OpenChat) -> None:
    flows = (says("quiet_one", "{ keywords: [menu] }"), says("loud", "{ keywords: [agent], interrupt: true }"))
    open_chat(ASKS, *flows).play(
        """
        > go
        < Well? / 1. Fine
        > menu
        < Well? / 1. Fine
        > the agent
        < Well? / 1. Fine
        > Agent
        < loud
        > fine
        > pause
        > menu
        > agent
        < loud
        """
    )


# --- the API ---------------------------------------------------------------------------------------------------

STARTED = """
flow: started
channel: message
channels: [SMS]
inputs: { name: { type: text }, seats: { type: number } }
triggers: [ { start: api } ]
start: hello
states: { hello: { say: "Hello {{ name }}, {{ seats + 1 }}.", next: end } }
"""
GIVEN: dict[str, Any] = {"to": f"+{ME}", "inputs": {"name": "Ann", "seats": 3}}


def test_the_api_begins_a_flow_once_for_each_id(open_chat: OpenChat) -> None:
    chat = open_chat(STARTED)
    assert start_conversation(chat.service, "started", {**GIVEN, "id": "1"}) == (chat.key, "start")
    assert start_conversation(chat.service, "started", {**GIVEN, "id": "1"}) == (chat.key, "again")
    assert chat.answers() == ["Hello Ann, 4."]
    assert start_conversation(chat.service, "started", {**GIVEN, "id": "2"})[1] == "start"
    assert chat.answers() == ["Hello Ann, 4."]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"to": ""}, '"to" is missing'),
        ({"to": "12"}, "not a phone number"),
        ({"channel": "SMOKE"}, 'there is no channel "SMOKE"'),
        ({"inputs": {"name": "Ann"}}, "needs the input seats"),
        ({"inputs": {"name": "Ann", "seats": "many"}}, "seats"),
        ({"inputs": {"name": "Ann", "seats": 1, "x": 1}}, 'no input "x"'),
        ({"inputs": ["x"]}, "no object"),
        ({"at": "noon"}, 'found "at"'),
    ],
)
def test_a_start_that_cannot_be_is_refused_before_anything_happens(
    open_chat: OpenChat, change: dict[str, Any], says: str
) -> None:
    chat = open_chat(STARTED)
    with pytest.raises(CannotStart, match=says):
        start_conversation(chat.service, "started", {**GIVEN, **change})
    assert chat.answers() == [] and chat.store.load(chat.key).session is None


def test_only_a_flow_that_says_so_is_started_from_outside(open_chat: OpenChat) -> None:
    chat = open_chat(STARTED, ASKS)
    with pytest.raises(CannotStart, match="no trigger start: api"):
        start_conversation(chat.service, "asks", GIVEN)
    with pytest.raises(CannotStart, match="did you mean"):
        start_conversation(chat.service, "startd", GIVEN)


def test_starts_and_events_come_in_by_http(open_chat: OpenChat) -> None:
    pausing = ASKS.replace("wait: { for: 1h }, on: {", "wait: { for: 1h, until: ready }, on: { ready: fine,")
    chat = open_chat(STARTED, pausing)
    app = Flask("outside")
    outside_routes(app, Settings("", "", "memory:", "secret-token", True, "", 1, None), chat.service)
    client = app.test_client()
    bearer = {"Authorization": "Bearer secret-token"}

    def post(path: str, data: Any, headers: dict[str, str] = bearer) -> tuple[int, Any]:
        answer = client.post(path, data=orjson.dumps(data), headers=headers)
        return answer.status_code, orjson.loads(answer.data or b"{}")

    assert post("/flows/started/start", GIVEN, {})[0] == 401
    assert post("/flows/started/start", GIVEN) == (202, {"session": chat.key, "became": "start"})
    assert chat.answers() == ["Hello Ann, 4."]
    assert post("/flows/started/start", {**GIVEN, "inputs": {"name": "Ann", "seats": "x"}})[0] in (400, 422)
    assert post("/flows/asks/start", GIVEN)[0] == 409
    assert post("/flows/none/start", GIVEN)[0] == 404
    chat.write("pause")
    assert post(f"/sessions/{chat.key}/events/other", {})[0] == 409
    assert post(f"/sessions/{chat.key}/events/ready", {}) == (202, {"event": "ready", "became": "ready"})
    assert chat.answers() == ["Good."]


# --- who is who ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["SMS", "WHATSAPP", "RCS"])
def test_a_number_is_one_contact_with_and_without_plus(open_chat: OpenChat, channel: str) -> None:
    chat = open_chat(ASKS, channel=channel)
    chat.write("go")
    chat.identity = f"+{ME}"
    chat.play("> fine\n< Good.")


def test_contacts_and_apps_and_channels_do_not_mix(open_chat: OpenChat) -> None:
    chat = open_chat(ASKS)
    chat.write("go")
    body = orjson.loads(chat.body(text_message={"text": "fine"}))
    others = [
        {**body, "app_id": OTHER, "message": {**body["message"], "id": "x1"}},
        {
            **body,
            "message": {**body["message"], "id": "x2", "channel_identity": {"channel": "SMS", "identity": "4670"}},
        },
        {**body, "message": {**body["message"], "id": "x3", "channel_identity": {"channel": "RCS", "identity": ME}}},
    ]
    assert [chat.deliver(orjson.dumps(each)) for each in others] == [[], [], []]
    chat.play("> fine\n< Good.")


def test_an_identity_of_one_app_is_somebody_else_in_another(open_chat: OpenChat) -> None:
    chat = open_chat(ASKS, channel="MESSENGER", identity="77")
    scoped = orjson.loads(chat.body(text_message={"text": "go"}))
    scoped["message"]["channel_identity"]["app_id"] = OTHER
    assert chat.deliver(orjson.dumps(scoped)) == ["Well? | Fine"]
    chat.play("> fine\n> go\n< Well? | Fine\n> fine\n< Good.")


def test_dispatch_and_conversation_mode_are_one_conversation(open_chat: OpenChat) -> None:
    chat = open_chat(ASKS)
    chat.write("go")
    body = orjson.loads(chat.body(text_message={"text": "fine"}))
    body["message"] |= {"processing_mode": "CONVERSATION", "contact_id": "01CONTACT", "conversation_id": "01TALK"}
    assert chat.deliver(orjson.dumps(body)) == ["Good."]
    assert chat.talk.talk is not None and chat.talk.talk.contact == "01CONTACT"
