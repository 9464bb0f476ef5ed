"""The fake Sinch: it accepts what Sinch accepts, fails as told, and its webhooks are like the platform's."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask import Flask, Response, request

from flowengine.sinch.conversation import Ambiguous, ConversationClient, Permanent, SendError
from flowengine.sinch.credentials import Credentials
from flowengine.sinch.fake import AcceptThenDrop, Answer, FakeSinch, Hang, NoTarget, bodies
from flowengine.sinch.fake.bodies import trigger
from flowengine.sinch.fake.ids import Ids
from flowengine.sinch.oauth import Tokens
from flowengine.sinch.voice import Ambiguous as AmbiguousCall
from flowengine.sinch.voice import VoiceClient, VoiceError
from flowengine.sinch.webhook_signing import Verifier
from flowengine.webhooks import read

ROOT = Path(__file__).parent.parent
CONTACT = "12025550142"
SECRET = "fake-webhook-secret"
ROUTE = {"action": {"name": "connectPstn", "number": "+12025550142"}}


def to(identity: str = CONTACT, channel: str = "WHATSAPP") -> dict[str, Any]:
    return {"identified_by": {"channel_identities": [{"channel": channel, "identity": identity}]}}


def say(text: str, **more: Any) -> dict[str, Any]:
    return {"recipient": to(), "message": {"text_message": {"text": text}}, **more}


def ask(*choices: Any) -> dict[str, Any]:
    found = [{"text_message": {"text": label}, "postback_data": postback} for label, postback in choices]
    return {"recipient": to(), "message": {"choice_message": {"text_message": {"text": "?"}, "choices": found}}}


class Application:
    """Takes webhooks in its own process: checks the signature, keeps the body, answers ``status``."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.got: list[dict[str, Any]] = []
        self.raw: list[tuple[bytes, dict[str, str]]] = []
        self.flask = Flask("application")
        self.flask.post("/webhook/conversation")(self._take)

    def _take(self) -> Response:
        body = request.get_data()
        headers = dict(request.headers.items())
        assert Verifier([SECRET.encode()]).check(headers, body).ok
        self.raw.append((body, {name: text for name, text in headers.items() if "signature" in name.lower()}))
        self.got.append(json.loads(body))
        return Response(status=self.statuses.pop(0) if self.statuses else 200)

    def triggers(self) -> list[str]:
        return [trigger(body) for body in self.got]


@pytest.fixture
def sinch() -> Iterator[FakeSinch]:
    with FakeSinch() as started:
        yield started


@pytest.fixture
def application(sinch: FakeSinch) -> Application:
    made = Application()
    sinch.webhook(made.flask)
    return made


def client(sinch: FakeSinch) -> ConversationClient:
    made = ConversationClient.from_env(sinch.env())
    assert made is not None
    made._tokens = Tokens()
    return made


# --- what it takes -----------------------------------------------------------------------------------------


def test_messages_are_kept_in_order(sinch: FakeSinch) -> None:
    api = client(sinch)
    ids = [api.send(say(text)).message_id for text in "abc"]
    assert [record.message_id for record in sinch.wait(3)] == ids == sorted(ids)
    assert [record.text for record in sinch.sent] == ["a", "b", "c"]


def test_many_threads(sinch: FakeSinch) -> None:
    api = client(sinch)

    def several(name: int) -> None:
        for number in range(5):
            api.send(say(f"{name}-{number}"))

    threads = [threading.Thread(target=several, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({record.message_id for record in sinch.sent}) == len({record.text for record in sinch.sent}) == 40


def test_ids_are_the_same_for_the_same_seed() -> None:
    def made(seed: int) -> list[str]:
        ids = Ids(seed)
        return [ids.new() for _ in range(50)]

    assert made(1) == made(1) == sorted(made(1))
    assert made(1) != made(2)
    assert all(re.fullmatch("[0-9A-HJKMNP-TV-Z]{26}", each) for each in made(3))


def test_a_record_tells_what_is_seen(sinch: FakeSinch) -> None:
    card = {"title": "Pasta", "description": "Basil", "choices": [{"text_message": {"text": "Order"}}]}
    rows = [{"choice": {"title": "17:00", "postback_data": "17"}}, {"choice": {"title": "18:00"}}]
    template = {"WHATSAPP": {"template_id": "ready", "language_code": "en"}}
    messages: list[dict[str, Any]] = [
        {"carousel_message": {"cards": [card, {"title": "Soup"}]}},
        {"list_message": {"title": "When?", "sections": [{"items": rows}]}},
        {"template_message": {"channel_template": template}},
        {"media_message": {"url": "https://example.com/a.jpg"}},
    ]
    api = client(sinch)
    for message in messages:
        api.send({"recipient": to("+12025550142"), "message": message, "channel_priority_order": ["WHATSAPP"]})
    cards, times, ready, picture = sinch.sent
    assert (cards.text, cards.options) == ("Pasta / Basil / Soup", [("Order", f"{cards.message_id}_Order")])
    assert (times.text, times.options) == ("When?", [("17:00", "17"), ("18:00", f"{times.message_id}_18:00")])
    assert (ready.text, picture.text) == ("[ready en]", "https://example.com/a.jpg")
    assert (picture.channel, picture.identity) == ("WHATSAPP", CONTACT)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (say("a", ttl=60), "ttl is not of the type string"),
        (say("a", ttl="1s"), "ttl does not fit"),
        (say(""), "message.text_message.text is shorter than 1"),
        (say("a", metadata="m"), "the request has no field metadata"),
        ({"recipient": to()}, "the request lacks message"),
        (say("a", message_metadata="canary" * 200), "message_metadata is longer than 1024"),
        (say("a", queue="FAST"), "queue is none of NORMAL_PRIORITY, HIGH_PRIORITY"),
        ({"recipient": to(), "message": {}}, "message needs one of text_message"),
        ({"recipient": to("canary"), "message": {"text_message": {"text": "a"}}}, "identity does not fit"),
        (ask(*[("a", "b")] * 11), "message.choice_message.choices has more entries than 10"),
        (say("a", conversation_metadata={"k": "v" * 2048}), "conversation_metadata is longer than 2048"),
        ({"recipient": to(), "message": {"explicit_channel_message": {"SMS": "canary"}}}, "holds a JSON object"),
        (
            {"recipient": to(), "message": {"text_message": {"text": "a"}, "media_message": {"url": "https://a.b"}}},
            "message has text_message and media_message; one is allowed",
        ),
    ],
)
def test_a_problem_names_the_field_and_no_value(sinch: FakeSinch, body: dict[str, Any], says: str) -> None:
    with pytest.raises(Permanent) as caught:
        client(sinch).send(body)
    assert (caught.value.status, caught.value.code) == (400, "INVALID_ARGUMENT")
    (problem,) = sinch.problems
    assert says in problem.sentence
    assert "canary" not in problem.sentence
    assert problem.body["recipient"] == body["recipient"]
    assert sinch.sent == []


def post(sinch: FakeSinch, path: str, **more: Any) -> httpx.Response:
    account = sinch.account
    return httpx.post(sinch.url + path, auth=(account.key_id, account.key_secret), trust_env=False, **more)


def test_an_error_looks_like_the_platforms(sinch: FakeSinch) -> None:
    answer = post(sinch, f"/v1/projects/{sinch.account.project}/messages:send", content=b"{}")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
    assert error["details"][0]["field_violations"][0]["description"].startswith("is no JSON, or its Content-Type")


def test_what_is_not_there(sinch: FakeSinch) -> None:
    body = {"app_id": sinch.account.app, **say("a")}
    assert post(sinch, "/v1/projects/another/messages:send", json=body).status_code == 404
    ours = f"/v1/projects/{sinch.account.project}"
    assert post(sinch, f"{ours}/messages:send", json=body | {"app_id": "another"}).status_code == 404
    assert post(sinch, f"{ours}/messages", json=body).status_code == 501
    assert post(sinch, "/nowhere", json=body).status_code == 404
    assert sinch.sent == []


def test_tokens_end() -> None:
    now = [1_772_442_900.0]
    with FakeSinch(token_life=120.0, clock=lambda: now[0]) as sinch:
        token = post(sinch, "/oauth2/token", data={"grant_type": "client_credentials"}).json()
        assert (token["expires_in"], token["token_type"]) == (120, "bearer")
        url = f"{sinch.url}/v1/projects/{sinch.account.project}/messages:send"
        statuses, told = [], ""
        for passed in (119.0, 1.0):
            now[0] += passed
            answer = httpx.post(
                url,
                headers={"Authorization": f"Bearer {token['access_token']}"},
                json={"app_id": sinch.account.app, **say("a")},
                trust_env=False,
            )
            statuses.append(answer.status_code)
            told = answer.headers.get("www-authenticate", "")
        assert statuses == [200, 401]
        assert "expired" in told
        assert sinch.sent[0].time == now[0] - 1


def test_unknown_keys_and_forms(sinch: FakeSinch) -> None:
    wrong = httpx.post(sinch.url + "/oauth2/token", auth=("fake-key", "other"), trust_env=False)
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert post(sinch, "/oauth2/token", data={"grant_type": "password"}).status_code == 400
    assert [problem.request for problem in sinch.problems] == ["token"]


def test_scripts_belong_to_a_place(sinch: FakeSinch) -> None:
    sinch.script([Answer(503)], at="event")
    api = client(sinch)
    api.send(say("a"))
    with pytest.raises(Ambiguous):
        api.send_event({"recipient": to(), "event": {"composing_event": {}}})
    sinch.script([Answer(500, accepted=True)])
    with pytest.raises(Ambiguous):
        api.send(say("b"))
    assert [record.text for record in sinch.sent] == ["a", "b"]


def test_flaky_is_the_same_for_the_same_seed() -> None:
    def outcomes() -> list[bool]:
        with FakeSinch() as sinch:
            sinch.flaky(0.4, seed=7)
            api, found = client(sinch), []
            for _ in range(20):
                try:
                    found.append(bool(api.send(say("a"))))
                except SendError:
                    found.append(False)
            assert found.count(True) == len(sinch.sent)
            return found

    first = outcomes()
    assert 0 < first.count(False) < 20
    assert outcomes() == first


def test_waiting_in_vain_says_why(sinch: FakeSinch) -> None:
    with pytest.raises(Permanent):
        client(sinch).send(say("a", ttl=5))
    with pytest.raises(AssertionError, match=r"expected 1 messages, 0 were sent in 0\.01 s; problems: ttl is not"):
        sinch.wait(1, 0.01)


def send_in_vain(api: ConversationClient) -> None:
    with pytest.raises(Ambiguous):
        api.send(say("a"))


def test_stopping_lets_go_of_what_hangs() -> None:
    with FakeSinch() as sinch:
        sinch.script([Hang()])
        sender = threading.Thread(target=send_in_vain, args=(client(sinch),))
        sender.start()
        while not sinch.token_requests:
            time.sleep(0.001)
        time.sleep(0.05)
    sender.join(5)
    assert not sender.is_alive()


# --- receipts ----------------------------------------------------------------------------------------------


def statuses(application: Application) -> list[str]:
    return [body.get("message_delivery_report", {"status": "SUBMITTED"})["status"] for body in application.got]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ["SUBMITTED", "DELIVERED"]),
        ({"read": True}, ["SUBMITTED", "DELIVERED", "READ"]),
        ({"read": True, "fail": "CHANNEL_FAILURE"}, ["SUBMITTED", "FAILED"]),
        ({"fail": lambda record: "CHANNEL_FAILURE" if record.text == "a" else ""}, ["SUBMITTED", "FAILED"]),
        ({"submit": False, "after": 0.02}, ["DELIVERED"]),
        ({"deliver": False}, ["SUBMITTED"]),
    ],
)
def test_receipts(sinch: FakeSinch, application: Application, settings: Any, expected: list[str]) -> None:
    sinch.receipts(**settings)
    sent = client(sinch).send(say("a", message_metadata="row-1", correlation_id="c-1"))
    sinch.settle()
    assert statuses(application) == expected
    for body in application.got:
        told = body[trigger(body)]
        assert (told["message_id"], told["metadata"], body["correlation_id"]) == (sent.message_id, "row-1", "c-1")
        assert told["channel_identity"] == {"channel": "WHATSAPP", "identity": CONTACT, "app_id": ""}
    if "FAILED" in expected:
        assert application.got[-1]["message_delivery_report"]["reason"]["code"] == "CHANNEL_FAILURE"


def test_a_receipt_is_posted_until_it_is_taken(sinch: FakeSinch, application: Application) -> None:
    application.statuses = [503, 500]
    sinch.receipts(submit=False)
    client(sinch).send(say("a"))
    sinch.settle()
    assert [(each.status, each.tries) for each in sinch.posted] == [(200, 3)]
    assert len(application.raw) == 3
    assert application.raw[0] == application.raw[1] == application.raw[2], "not signed anew"


def test_no_receipts_unless_asked_for(sinch: FakeSinch, application: Application) -> None:
    client(sinch).send(say("a"))
    sinch.settle()
    assert application.got == []


# --- the contact -------------------------------------------------------------------------------------------

KINDS: dict[str, tuple[dict[str, Any], str]] = {
    "text": ({"text": "Book a table 👍"}, "text_message"),
    "empty text": ({"text": ""}, "text_message"),
    "media": ({"media": "https://media.example.com/a.jpg"}, "media_message"),
    "media with a caption": ({"media": "https://media.example.com/a.jpg", "caption": "mine"}, "media_card_message"),
    "location": ({"location": (59.3, 18.1)}, "location_message"),
    "form": ({"form": {"seats": "4"}}, "channel_specific_message"),
    "products": ({"content": bodies.products("7", "8", title="for Friday")}, "product_response_message"),
    "fallback": ({"content": bodies.fallback()}, "fallback_message"),
    "tap": ({"content": bodies.tap("01HX", "yes")}, "choice_response_message"),
}


@pytest.mark.parametrize("name", KINDS)
def test_inbound_kinds(sinch: FakeSinch, application: Application, name: str) -> None:
    settings, key = KINDS[name]
    assert sinch.inbound(**settings, sender="12025550100", reply_to="01HXQ", metadata="m").status_code == 200
    (body,) = application.got
    message = body["message"]
    assert trigger(body) == "message"
    assert set(message["contact_message"]) == {key, "reply_to"}
    assert message["channel_identity"] == {"channel": "SMS", "identity": CONTACT, "app_id": ""}
    assert (message["sender_id"], message["metadata"], message["direction"]) == ("12025550100", "m", "TO_APP")
    assert (message["contact_id"], message["conversation_id"], message["processing_mode"]) == ("", "", "DISPATCH")
    assert (body["app_id"], body["project_id"]) == (sinch.account.app, sinch.account.project)


def test_exactly_one_kind(sinch: FakeSinch, application: Application) -> None:
    for settings in ({}, {"text": "a", "media": "https://a.example"}):
        with pytest.raises(ValueError, match="exactly one of text, tap, media"):
            sinch.inbound(**settings)  # type: ignore[arg-type]
    assert application.got == []


OTHERS: dict[str, Callable[[FakeSinch], httpx.Response]] = {
    "event": lambda sinch: sinch.happening(bodies.typing()),
    "event ": lambda sinch: sinch.happening(bodies.reaction("01HX"), channel="MESSENGER"),
    "event  ": lambda sinch: sinch.happening(bodies.link("menu"), channel="MESSENGER"),
    "opt_out_notification": lambda sinch: sinch.consent(out=True),
    "opt_in_notification": lambda sinch: sinch.consent(out=False),
    "contact_create_notification": lambda sinch: sinch.contact("create"),
    "contact_update_notification": lambda sinch: sinch.contact("update", "Ada"),
    "contact_delete_notification": lambda sinch: sinch.contact("delete"),
    "unknown_thing": lambda sinch: sinch.post(sinch.bodies.envelope("unknown_thing", {})),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_webhooks(sinch: FakeSinch, application: Application, name: str) -> None:
    assert OTHERS[name](sinch).status_code == 200
    assert application.triggers() == [name.strip()]


def tapped(application: Application) -> tuple[str, str]:
    found = application.got[-1]["message"]["contact_message"]["choice_response_message"]
    return found["message_id"], found["postback_data"]


def test_taps(sinch: FakeSinch, application: Application) -> None:
    api = client(sinch)
    api.send(ask(("Small", "small#1"), ("Large", "large#1")))
    api.send({**ask(("Small", "small#2")), "recipient": to("12025550143")})
    api.send(ask(("Small", "small#3")))
    first, _, third = sinch.sent
    for wanted, expected in {
        "Small": (third.message_id, "small#3"),
        "small": (third.message_id, "small#3"),
        "small#1": (first.message_id, "small#1"),
        "Large": (first.message_id, "large#1"),
    }.items():
        sinch.inbound(tap=wanted)
        assert tapped(application) == expected, wanted
    sinch.inbound(tap="Small", on=first)
    assert tapped(application) == (first.message_id, "small#1")
    sinch.inbound(tap="something else", on=first)
    assert tapped(application) == (first.message_id, "something else")
    with pytest.raises(ValueError, match="shows 'Huge'"):
        sinch.inbound(tap="Huge")


def test_a_choice_without_postback_gives_id_and_label(sinch: FakeSinch, application: Application) -> None:
    message = {"choice_message": {"text_message": {"text": "?"}, "choices": [{"text_message": {"text": "Yes"}}]}}
    sent = client(sinch).send({"recipient": to(), "message": message})
    sinch.inbound(tap="Yes")
    assert tapped(application) == (sent.message_id, f"{sent.message_id}_Yes")


def test_a_tap_comes_from_where_the_message_went(sinch: FakeSinch, application: Application) -> None:
    client(sinch).send({**ask(("Yes", "yes#1")), "message_metadata": "row-1"})
    sinch.inbound(tap="yes")
    sinch.inbound(tap="yes", channel="RCS", metadata="other")
    first, second = (body["message"] for body in application.got)
    assert (first["channel_identity"]["channel"], first["metadata"]) == ("WHATSAPP", "row-1")
    assert (second["channel_identity"]["channel"], second["metadata"]) == ("RCS", "other")


def test_the_engine_reads_every_webhook(sinch: FakeSinch, application: Application) -> None:
    for settings, _ in KINDS.values():
        sinch.inbound(**settings)
    for name in OTHERS:
        OTHERS[name](sinch)
    sinch.receipts(read=True)
    client(sinch).send(say("a", message_metadata="row-1"))
    sinch.settle()
    found = [read(raw) for raw, _ in application.raw]
    kinds = [webhook.inbound.kind for webhook in found if webhook.inbound]
    assert kinds == "text text media media location channel_specific product fallback tap".split()
    assert {(each.inbound.channel, each.inbound.identity) for each in found if each.inbound} == {("SMS", CONTACT)}
    assert [webhook.consent.out for webhook in found if webhook.consent] == [True, False]
    assert [webhook.link.ref for webhook in found if webhook.link] == ["menu"]
    assert [webhook.person.name for webhook in found if webhook.person] == ["", "Ada", ""]
    receipts = [webhook.receipt for webhook in found if webhook.receipt]
    assert [receipt.status for receipt in receipts] == ["SUBMITTED", "DELIVERED", "READ"]
    assert {receipt.metadata for receipt in receipts} == {"row-1"}
    assert [webhook.trigger for webhook in found].count("") == 1, "the one of an unknown kind"


def test_redelivery_is_the_same_to_the_byte(sinch: FakeSinch, application: Application) -> None:
    with pytest.raises(NoTarget):
        sinch.redeliver()
    sinch.inbound("a")
    sinch.inbound("a")
    sinch.redeliver()
    assert application.raw[1] == application.raw[2]
    assert application.got[0]["message"]["id"] < application.got[1]["message"]["id"]
    assert application.raw[0][1] != application.raw[1][1]


def test_the_answer_of_the_application_is_returned(sinch: FakeSinch, application: Application) -> None:
    application.statuses = [503]
    assert sinch.inbound("a").status_code == 503


def test_without_a_secret_nothing_is_signed(sinch: FakeSinch) -> None:
    seen: list[list[str]] = []
    app = Flask("open")

    @app.post("/webhook/conversation")
    def take() -> str:
        seen.append([name for name in request.headers.keys() if "Signature" in name])  # noqa: SIM118
        return ""

    sinch.webhook(app, secret="")
    sinch.inbound("a")
    assert seen == [[]]


def test_nowhere_to_post() -> None:
    with pytest.raises(NoTarget, match=r"FakeSinch\.webhook"):
        FakeSinch().inbound("a")


def test_conversation_mode_gives_ids_to_contacts() -> None:
    application = Application()
    with FakeSinch(mode="CONVERSATION") as sinch:
        sinch.webhook(application.flask)
        for identity in (CONTACT, CONTACT, "12025550143"):
            sinch.inbound("a", identity=identity)
    contacts = [body["message"]["contact_id"] for body in application.got]
    talks = [body["message"]["conversation_id"] for body in application.got]
    assert contacts[0] == contacts[1] != contacts[2]
    assert len({*contacts, *talks}) == 4


def test_app_scoped_identities(sinch: FakeSinch, application: Application) -> None:
    sinch.inbound("a", channel="MESSENGER", identity="7000000000000017")
    assert application.got[0]["message"]["channel_identity"]["app_id"] == sinch.account.app


# --- voice -------------------------------------------------------------------------------------------------


def voice(sinch: FakeSinch) -> VoiceClient:
    credentials = Credentials.from_env(sinch.env())
    assert credentials is not None
    return VoiceClient.from_env(credentials, sinch.env())


def test_a_callout(sinch: FakeSinch) -> None:
    call = voice(sinch).custom_callout(ROUTE, "reminder-1")
    (callout,) = sinch.callouts
    assert (callout.call_id, callout.svaml) == (call, ROUTE)
    assert callout.body["customCallout"]["custom"] == "reminder-1"
    voice(sinch).custom_callout("https://example.com/ice")
    assert sinch.callouts[1].svaml == {}
    assert sinch.problems == []


@pytest.mark.parametrize(
    ("ice", "says"),
    [
        ({"action": {"name": "connectPstn"}}, "customCallout.ice:action"),
        ("nonsense", "is neither an address nor JSON"),
        ("[]", "is not of the type object"),
    ],
)
def test_a_callout_that_cannot_be(sinch: FakeSinch, ice: Any, says: str) -> None:
    with pytest.raises(VoiceError) as caught:
        voice(sinch).custom_callout(ice)
    assert caught.value.code == 40001
    assert says in sinch.problems[0].sentence
    assert sinch.callouts == []


def test_calls_change(sinch: FakeSinch) -> None:
    svaml = {"action": {"name": "hangup"}}
    voice(sinch).patch_call("abc@192.0.2.1/x", json.dumps(svaml).encode())
    assert [(each.call_id, each.svaml) for each in sinch.patches] == [("abc@192.0.2.1/x", svaml)]
    with pytest.raises(VoiceError):
        voice(sinch).patch_call("c1", b'{"action":{"name":"explode"}}')


def test_voice_fails_as_told(sinch: FakeSinch) -> None:
    sinch.script([Answer(402), AcceptThenDrop()], at="callout")
    with pytest.raises(VoiceError) as caught:
        voice(sinch).custom_callout(ROUTE)
    assert caught.value.status == 402
    with pytest.raises(AmbiguousCall):
        voice(sinch).custom_callout(ROUTE)
    assert len(sinch.callouts) == 1


def test_callouts_are_signed(sinch: FakeSinch) -> None:
    wrong = Credentials((("7c9e6679-7425-40de-944b-e07fc1f90ae7", b"another"),))
    with pytest.raises(VoiceError) as caught:
        VoiceClient(wrong, sinch.url).custom_callout(ROUTE)
    assert caught.value.code == 40102
    assert sinch.callouts == []


# --- other processes, the command line, the package --------------------------------------------------------


def test_other_processes_see_what_was_taken(sinch: FakeSinch) -> None:
    sent = client(sinch).send(say("a"))
    voice(sinch).custom_callout(ROUTE)

    def look(what: str) -> Any:
        return httpx.get(f"{sinch.url}/_fake/{what}", trust_env=False).json()

    assert [(each["message_id"], each["body"]["message"]) for each in look("sent")] == [
        (sent.message_id, {"text_message": {"text": "a"}})
    ]
    assert look("callouts")[0]["svaml"] == ROUTE
    assert look("problems") == look("events") == look("patches") == []


@pytest.fixture
def by_hand(sinch: FakeSinch) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "flowengine.sinch.fake", "--port", "0", "--webhook", sinch.url + "/nowhere"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    yield process
    process.kill()
    process.communicate()


def test_by_hand(by_hand: subprocess.Popen[str]) -> None:
    assert by_hand.stdin
    assert by_hand.stdout
    names = FakeSinch().env()
    env = dict(by_hand.stdout.readline().strip().removeprefix("export ").split("=", 1) for _ in names)
    assert set(env) == set(names)
    api = ConversationClient.from_env(env)
    assert api is not None
    api.send(ask(("Friday", "fri#1")))
    by_hand.stdin.write("hello\n/tap Thursday\n/tap fri\n")
    by_hand.stdin.flush()
    assert [by_hand.stdout.readline().rstrip() for _ in range(4)] == [
        "send     WHATSAPP …42  ? [Friday]",
        "  …42 > answered 404",
        "  no message to this contact shows 'Thursday'",
        "  …42 > answered 404",
    ]
    by_hand.send_signal(signal.SIGINT)
    rest, told = by_hand.communicate(timeout=10)
    assert (by_hand.returncode, rest) == (0, "")
    assert told.startswith("\nListening on http://127.0.0.1:")
    assert "Traceback" not in told


def test_sending_loads_neither_the_fake_nor_the_checker() -> None:
    code = "import sys, flowengine.web, flowengine.worker, flowengine.sinch.conversation; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout.split()
    )
    assert "flowengine.sinch.conversation" in loaded
    assert not {name for name in loaded if name.startswith(("flowengine.sinch.fake", "jsonschema", "httpx"))}
    assert "flowengine.conversation_wire" not in loaded


def test_the_package_carries_it() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]["find"]
    assert settings == {"include": ["flowengine*"]}
    for folder in {file.parent for file in (ROOT / "flowengine").rglob("*.py")}:
        assert (folder / "__init__.py").is_file(), f"{folder} would be left out of a wheel"


EXAMPLES = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "fake-sinch.md").read_text("utf-8"), re.S | re.M)


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_examples_of_the_page_run(code: str) -> None:
    assert len(EXAMPLES) == 2
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_the_page_names_every_step_and_record() -> None:
    page = (ROOT / "docs" / "fake-sinch.md").read_text("utf-8")
    public = [name for name in vars(FakeSinch) if not name.startswith("_")]
    steps = [each.__name__ for each in (Answer, AcceptThenDrop, Hang)]
    told = [name for name in [*public, *steps] if name not in ("start", "stop", "url", "listen")]
    assert [name for name in told if name not in page] == []
