from __future__ import annotations

import copy
import json
import re
import time
from dataclasses import FrozenInstanceError, fields, is_dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowengine.webhooks import (
    MAX_TEXT,
    BadBody,
    Consent,
    Identity,
    Inbound,
    Link,
    Location,
    Media,
    Person,
    Receipt,
    Webhook,
    dedupe_key,
    label_of,
    phone,
    rank,
    read,
    talk_key,
    unix,
)

Body = dict[str, Any]
FILES = {path.stem: path for path in (Path(__file__).parent.parent / "examples/webhooks").glob("*.json")}
BODIES: dict[str, Body] = {name: json.loads(path.read_bytes()) for name, path in FILES.items()}
APP = "01JQ7FLOWAPP00000000000001"
TALK = "01JQ7FLOWTALK0000000000001"
PERSON = "01JQ7FLOWPERSON00000000001"
OTHER = "01JQ7FLOWPERSON00000000002"
SENT = "01JQ7FLOWSENT0000000000001"
CONTACT, BUSINESS, PAGE_USER = "12025550142", "12025550100", "7000000000000142"
NOON = 1795532400.0
"""2026-11-24 15:00 UTC."""


def inbound(n: int, second: float, kind: str = "text", **others: Any) -> Inbound:
    known: Body = {
        "id": f"01JQ7FLOWMESSAGE00000000{n:02}",
        "kind": kind,
        "channel": "WHATSAPP",
        "identity": CONTACT,
        "app_scoped": "",
        "sender": BUSINESS,
        "contact_id": "",
        "conversation_id": "",
        "metadata": "",
        "mode": "DISPATCH",
        "injected": False,
        "accept": pytest.approx(NOON + second, abs=1e-6),
    }
    return Inbound(**(known | others))


def receipt(status: str, final: bool = False, **others: Any) -> Receipt:
    known: Body = {"message_id": SENT, "channel": "WHATSAPP", "identity": CONTACT, "contact_id": ""}
    return Receipt(**(known | {"status": status, "final": final, "metadata": "booking:3:0"} | others))


KEPT = {"conversation_id": TALK, "contact_id": PERSON, "mode": "CONVERSATION", "channel": "SMS"}
MARIA = Person(
    id=PERSON,
    name="Maria Lind",
    language="EN_US",
    email="maria@example.com",
    external_id="crm-142",
    identities=(Identity("SMS", CONTACT), Identity("MESSENGER", PAGE_USER, APP)),
)
READINGS: dict[str, tuple[str, Any]] = {
    "text": (
        "MESSAGE_INBOUND",
        inbound(1, 1.4, text="Book a table", metadata='{"operator":"310150"}', **KEPT),
    ),
    "reply": ("MESSAGE_INBOUND", inbound(2, 4.4, text="That one, please", reply_to=SENT)),
    "tap": (
        "MESSAGE_INBOUND",
        inbound(3, 8.4, "tap", answers=SENT, postback="4#k3", reply_to=SENT, metadata="booking:3:0"),
    ),
    "tap_label": ("MESSAGE_INBOUND", inbound(4, 9.4, "tap", answers=SENT, postback=f"{SENT}_4 people", channel="RCS")),
    "media": (
        "MESSAGE_INBOUND",
        inbound(5, 12.4, "media", media=(Media("https://media.example.com/in/menu.pdf", filename="menu.pdf"),)),
    ),
    "media_card": (
        "MESSAGE_INBOUND",
        inbound(
            6,
            16.4,
            "media",
            text="my receipt",
            media=(Media("https://media.example.com/in/receipt.jpg", caption="my receipt"),),
        ),
    ),
    "location": (
        "MESSAGE_INBOUND",
        inbound(7, 20.4, "location", location=Location("Office", "12 Oak Street", 38.897, -77.036)),
    ),
    "product": (
        "MESSAGE_INBOUND",
        inbound(
            8,
            24.4,
            "product",
            text="for Friday",
            products=(
                {"id": "soup-1", "marketplace": "FACEBOOK", "quantity": 2, "item_price": 9.5, "currency": "USD"},
            ),
        ),
    ),
    "fallback": ("MESSAGE_INBOUND", inbound(9, 28.4, "fallback")),
    "form": ("MESSAGE_INBOUND", inbound(10, 32.4, "channel_specific", form={"flow_token": "k3", "guests": "4"})),
    "redaction": (
        "MESSAGE_INBOUND_SMART_CONVERSATION_REDACTION",
        inbound(11, 36.4, text="My number is {phone}", **KEPT),
    ),
    "submitted": ("MESSAGE_SUBMIT", receipt("SUBMITTED", channel="RCS", contact_id=PERSON)),
    "queued": ("MESSAGE_DELIVERY", receipt("QUEUED_ON_CHANNEL")),
    "delivered": ("MESSAGE_DELIVERY", receipt("DELIVERED")),
    "read": ("MESSAGE_DELIVERY", receipt("READ", final=True)),
    "switching": (
        "MESSAGE_DELIVERY",
        receipt(
            "SWITCHING_CHANNEL",
            channel="RCS",
            reason="RECIPIENT_NOT_REACHABLE",
            sub_code="UNSPECIFIED_SUB_CODE",
            description="no RCS here",
        ),
    ),
    "failed": (
        "MESSAGE_DELIVERY",
        receipt(
            "FAILED",
            final=True,
            reason="OUTSIDE_ALLOWED_SENDING_WINDOW",
            sub_code="UNSPECIFIED_SUB_CODE",
            description="the window is closed",
        ),
    ),
    "event_composing": ("EVENT_INBOUND", "composing"),
    "event_composing_end": ("EVENT_INBOUND", "composing_end"),
    "event_conversation_deleted": ("EVENT_INBOUND", "conversation_deleted"),
    "event_comment": ("EVENT_INBOUND", "comment"),
    "event_generic": ("EVENT_INBOUND", "generic"),
    "event_payment": ("EVENT_INBOUND", "payment_status_update"),
    "event_reaction": ("EVENT_INBOUND", "reaction"),
    "event_link": (
        "EVENT_INBOUND",
        Link(
            id="01JQ7FLOWEVENT000000000007",
            payload="summer-menu",
            ref="poster-7",
            title="Start",
            source="SHORTLINK",
            channel="MESSENGER",
            identity=PAGE_USER,
            app_scoped=APP,
            contact_id="",
            conversation_id="",
            mode="DISPATCH",
            accept=NOON + 56.39,
        ),
    ),
    "event_receipt": (
        "EVENT_DELIVERY",
        receipt(
            "DELIVERED",
            message_id="01JQ7FLOWTYPING00000000001",
            channel="MESSENGER",
            identity=PAGE_USER,
            metadata="typing",
        ),
    ),
    "opt_in": ("OPT_IN", Consent(False, True, "WHATSAPP", CONTACT, PERSON, "in-142")),
    "opt_out": ("OPT_OUT", Consent(True, True, "SMS", CONTACT, "", "out-142")),
    "conversation_start": ("CONVERSATION_START", None),
    "conversation_stop": ("CONVERSATION_STOP", None),
    "conversation_delete": ("CONVERSATION_DELETE", None),
    "contact_create": ("CONTACT_CREATE", Person(PERSON, identities=(Identity("SMS", CONTACT),))),
    "contact_update": ("CONTACT_UPDATE", MARIA),
    "contact_delete": ("CONTACT_DELETE", MARIA),
    "contact_merge": (
        "CONTACT_MERGE",
        Person(MARIA.id, MARIA.name, MARIA.language, MARIA.email, MARIA.external_id, MARIA.identities, merged=OTHER),
    ),
    "duplicated_identities": ("CONTACT_IDENTITIES_DUPLICATION", None),
    "capability": ("CAPABILITY", None),
    "channel_event": ("CHANNEL_EVENT", None),
    "unsupported": ("UNSUPPORTED", None),
    "smart_conversation": ("SMART_CONVERSATIONS", None),
    "record": ("RECORD_NOTIFICATION", None),
    "batch_status": ("BATCH_STATUS_UPDATE", None),
}
KNOWN = """
    MESSAGE_INBOUND MESSAGE_INBOUND_SMART_CONVERSATION_REDACTION MESSAGE_SUBMIT MESSAGE_DELIVERY EVENT_INBOUND
    EVENT_DELIVERY CONVERSATION_START CONVERSATION_STOP CONVERSATION_DELETE CONTACT_CREATE CONTACT_UPDATE
    CONTACT_DELETE CONTACT_MERGE CONTACT_IDENTITIES_DUPLICATION CAPABILITY OPT_IN OPT_OUT CHANNEL_EVENT UNSUPPORTED
    SMART_CONVERSATIONS RECORD_NOTIFICATION BATCH_STATUS_UPDATE
""".split()


def took(body: Any) -> Webhook:
    return read(orjson.dumps(body))


def parts(webhook: Webhook) -> list[Any]:
    found = [webhook.inbound, webhook.receipt, webhook.consent, webhook.link, webhook.person]
    return [part for part in (*found, webhook.event or None) if part is not None]


def message(**others: Any) -> Body:
    """The text example, with other fields of its message; ``None`` leaves one out."""
    body = copy.deepcopy(BODIES["text"])
    given = body["message"] | others
    return body | {"message": {name: value for name, value in given.items() if value is not None}}


def content(**kind: Any) -> Inbound:
    found = took(message(contact_message=kind)).inbound
    assert found is not None
    return found


# --- every trigger and kind ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(READINGS))
def test_an_example_is_read(name: str) -> None:
    webhook = read(FILES[name].read_bytes())
    trigger, part = READINGS[name]
    assert webhook.trigger == trigger
    assert parts(webhook) == ([] if part is None else [part])
    assert webhook.app == ("" if name.startswith(("contact", "duplicated")) else APP)
    assert webhook.project == "8c2b7f60-41d5-4e0b-9d27-3b1c5a90e7f4"
    assert webhook.fields == BODIES[name]
    assert NOON < webhook.accepted < NOON + 100


def test_every_example_has_its_reading_and_every_trigger_its_example() -> None:
    assert set(FILES) == set(READINGS)
    assert {read(path.read_bytes()).trigger for path in FILES.values()} == set(KNOWN)


def test_the_envelope() -> None:
    webhook = took(BODIES["text"])
    assert (webhook.metadata, webhook.correlation) == ('{"flow":"booking"}', "booking-142")
    assert webhook.accepted == pytest.approx(NOON + 1.418, abs=1e-6)
    assert took({"message": {"accept_time": "2026-11-24T15:00:01Z"}}).accepted == NOON + 1
    assert took({"message": {}}).accepted == 0


def test_it_cannot_be_changed_and_shows_nothing() -> None:
    webhook = took(BODIES["text"])
    assert repr(webhook) == "Webhook(trigger='MESSAGE_INBOUND')"
    assert CONTACT not in repr(webhook.inbound) and "table" not in repr(webhook.inbound)
    with pytest.raises(FrozenInstanceError):
        webhook.trigger = "OPT_OUT"  # type: ignore[misc]
    assert not hasattr(webhook, "__dict__") and not hasattr(webhook.inbound, "__dict__")


@pytest.mark.parametrize("body", [{}, {"app_id": "a"}, {"message": None}, {"message": 5}, {"novel": {"id": "1"}}])
def test_a_body_that_tells_of_nothing(body: Body) -> None:
    webhook = took(body)
    assert (webhook.trigger, parts(webhook), webhook.fields) == ("", [], body)


def test_null_is_absent() -> None:
    webhook = took({"app_id": None, "message": None, "event": None, "opt_out_notification": {"status": None}})
    assert (webhook.trigger, webhook.app) == ("OPT_OUT", "")
    assert webhook.consent == Consent(True, False, "", "", "", "")
    bare = took({"message": dict.fromkeys(BODIES["text"]["message"])})
    assert bare.inbound == Inbound("", "unknown", "", "", "", "", "", "", "", "", False, 0.0)


def test_fields_that_are_left_out_are_empty() -> None:
    assert content(text_message={}).kind == "text"
    assert content(text_message={}).text == ""
    assert content(text_message={"text": None}).text == ""
    assert content(text_message=None, media_message={"url": "https://example.com/1.jpg"}).kind == "media"
    assert content().kind == "unknown"
    assert content(novel_message={"x": 1}).kind == "unknown"


# --- messages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "others",
    [
        {"direction": "TO_CONTACT"},
        {"direction": "to_contact"},
        {"contact_message": None, "app_message": {"text_message": {"text": "Hi"}}},
        {"channel_identity": {"channel": "SMS", "identity": "+12025550142"}, "sender_id": "12025550142"},
    ],
)
def test_our_own_messages_are_no_input(others: Body) -> None:
    webhook = took(message(**others))
    assert (webhook.trigger, parts(webhook)) == ("MESSAGE_INBOUND", [])


def test_our_own_events_are_no_input() -> None:
    body = copy.deepcopy(BODIES["event_link"])
    body["event"]["direction"] = "TO_CONTACT"
    webhook = took(body)
    assert (webhook.link, webhook.event) == (None, "shortlink_activated")


def test_without_a_direction_it_came_to_us() -> None:
    assert took(message(direction=None)).inbound is not None


def test_an_injected_message_says_so() -> None:
    webhook = took(message(injected=True))
    assert webhook.inbound is not None and webhook.inbound.injected


@pytest.mark.parametrize(
    ("others", "channel", "identity"),
    [
        ({"channel_identity": {"channel": "VIBER", "identity": "+12025550142"}}, "VIBERBM", CONTACT),
        ({"channel_identity": {"channel": "sms", "identity": " 12025550142 "}}, "SMS", CONTACT),
        ({"channel_identity": {"identity": "+12025550142"}, "channel": "MMS"}, "MMS", CONTACT),
        ({"channel_identity": None, "channel": "SMS", "identity": CONTACT}, "SMS", CONTACT),
        ({"channel_identity": "12025550142", "channel": "SMS"}, "SMS", CONTACT),
        ({"channel_identity": {"channel": "TELEGRAM", "identity": 700142}}, "TELEGRAM", "700142"),
        ({"channel_identity": {"channel": "TELEGRAM", "identity": "+700142"}}, "TELEGRAM", "+700142"),
        ({"channel_identity": {"channel": "NOVEL", "identity": "x"}}, "NOVEL", "x"),
    ],
)
def test_spellings_of_who(others: Body, channel: str, identity: str) -> None:
    found = took(message(**others)).inbound
    assert found is not None
    assert (found.channel, found.identity, found.app_scoped) == (channel, identity, "")


@pytest.mark.parametrize(("channel", "scoped"), [("INSTAGRAM", APP), ("LINE", APP), ("WECHAT", APP), ("SMS", "")])
def test_the_app_of_an_identity_counts_where_identities_hold_in_one_app(channel: str, scoped: str) -> None:
    found = took(message(channel_identity={"channel": channel, "identity": "u1", "app_id": APP})).inbound
    assert found is not None and found.app_scoped == scoped


def test_a_long_text_is_cut_and_says_so() -> None:
    whole = "é👍" * (MAX_TEXT // 2)
    assert (content(text_message={"text": whole}).text, content(text_message={"text": whole}).cut) == (whole, False)
    longer = content(text_message={"text": whole + "x"})
    assert (longer.text, longer.cut) == (whole, True)
    assert content(media_card_message={"url": "https://example.com/1", "caption": whole + "x"}).cut


def test_text_is_kept_as_it_came() -> None:
    odd = "  \u200e1\ufe0f\u20e3 \x00 ja\u0301\n"
    assert content(text_message={"text": odd}).text == odd


def test_several_files() -> None:
    found = content(media_message=[{"url": "https://example.com/1"}, {"url": "https://example.com/2"}, 7, {}])
    assert (found.kind, found.media) == ("media", (Media("https://example.com/1"), Media("https://example.com/2")))


@pytest.mark.parametrize(
    "coordinates",
    [
        None,
        "38.9,-77.0",
        {"latitude": "38.9", "longitude": "-77.0"},
        {"latitude": True, "longitude": 1},
        {"latitude": 90.1, "longitude": 0},
        {"latitude": 0, "longitude": -180.5},
        {"latitude": 10**15, "longitude": 0},
    ],
)
def test_a_place_without_usable_coordinates_is_unknown(coordinates: Any) -> None:
    found = content(location_message={"title": "x", "coordinates": coordinates})
    assert (found.kind, found.location) == ("unknown", None)


def test_coordinates_that_are_zero_may_be_left_out() -> None:
    assert content(location_message={"coordinates": {"longitude": 6}}).location == Location("", "", 0.0, 6.0)


def test_the_note_with_an_order_has_two_names() -> None:
    assert content(product_response_message={"products": None, "text": "soon"}).text == "soon"
    assert content(
        product_response_message={"products": [1, {"id": "a"}], "title": "now", "text": "soon"}
    ).products == ({"id": "a"},)


@pytest.mark.parametrize(
    ("response", "form"),
    [
        ('{"a":{"b":[1]}}', {"a": {"b": [1]}}),
        ({"a": 1}, {"a": 1}),
        ("{}", {}),
        ("", None),
        ("[1]", None),
        ("null", None),
        ('{"a":1,"a":2}', None),
        ('{"a":NaN}', None),
        ("{" * 400, None),
        ('{"a":' * 300 + "1" + "}" * 300, None),
        (None, None),
        (7, None),
    ],
)
def test_a_form(response: Any, form: Any) -> None:
    found = content(channel_specific_message={"message": {"nfm_reply": {"response_json": response}}})
    assert (found.kind, found.form) == ("channel_specific", form)


def test_another_channel_specific_message_is_no_form() -> None:
    assert content(channel_specific_message={"message_type": "novel", "message": {"x": 1}}).form is None


# --- spellings on which sources disagree ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "trigger"),
    [
        ({"duplicated_identities_notification": {"duplicated_channel_identities": []}}, KNOWN[13]),
        ({"duplicated_identities": [{"channel": "SMS", "contact_ids": []}]}, KNOWN[13]),
        ({"channel_event": {"channel": "WHATSAPP"}}, "CHANNEL_EVENT"),
        ({"unsupported": {"channel": "SMS", "payload": {"x": 1}}}, "UNSUPPORTED"),
        ({"unsupported_callback": {"channel": "SMS", "payload": {"x": 1}}}, "UNSUPPORTED"),
        ({"record_notification": {"entityId": "1", "recordStatus": "EVENT_RECORD_STORED"}}, "RECORD_NOTIFICATION"),
        ({"batch_status_update_notification": {"batch_id": "1"}}, "BATCH_STATUS_UPDATE"),
    ],
)
def test_other_names_of_a_trigger(body: Body, trigger: str) -> None:
    assert took(body).trigger == trigger


def test_contacts_told_of_by_id_alone() -> None:
    assert took({"contact_delete_notification": {"contact_id": "c1"}}).person == Person("c1")
    assert took({"contact_delete_notification": {"deleted_contact_id": "c1"}}).person == Person("c1")
    merged = {"preserved_contact_id": "c1", "deleted_contact_id": "c2"}
    assert took({"contact_merge_notification": merged}).person == Person("c1", merged="c2")
    merged = {"contact_id": "c1", "deleted_contact_id": "c2"}
    assert took({"contact_merge_notification": merged}).person == Person("c1", merged="c2")


def test_a_receipt_of_an_unknown_status_is_not_final() -> None:
    given = {"message_id": "m", "status": "Teleported", "channel_identity": {"channel": "SMS"}, "reason": "NEVER_SEEN"}
    found = took({"message_delivery_report": given}).receipt
    assert found == Receipt("m", "TELEPORTED", False, "SMS", "", "", "", "NEVER_SEEN")
    assert took({"message_delivery_report": given | {"status": "Read"}}).receipt == Receipt(
        "m", "READ", True, "SMS", "", "", "", "NEVER_SEEN"
    )


def test_a_submit_notification_with_any_content() -> None:
    contents: list[Any] = [None, "text", {"text_message": {"text": "x"}}, {"contact_message": {}}]
    for submitted in contents:
        given = {"message_id": "m", "submitted_message": submitted, "status": "FAILED"}
        found = took({"message_submit_notification": given}).receipt
        assert found == Receipt("m", "SUBMITTED", False, "", "", "", "")


def test_an_event_receipt_may_name_a_conversation() -> None:
    given = BODIES["event_receipt"]["event_delivery_report"] | {"conversation_id": TALK}
    assert took({"event_delivery_report": given}).receipt == READINGS["event_receipt"][1]


@pytest.mark.parametrize(
    ("status", "succeeded"),
    [
        ("OPT_OUT_SUCCEEDED", True),
        ("opt_out_succeeded", True),
        ("OPT_OUT_FAILED", False),
        ("OPT_OUT_STATUS_UNSPECIFIED", False),
        ("", False),
    ],
)
def test_a_consent_that_did_not_succeed(status: str, succeeded: bool) -> None:
    found = took({"opt_out_notification": {"channel": "VIBER", "identity": "+12025550142", "status": status}})
    assert found.consent == Consent(True, succeeded, "VIBERBM", CONTACT, "", "")


def test_metadata_that_is_no_text() -> None:
    webhook = took(message(metadata={"a": 1}) | {"message_metadata": {"b": [2]}})
    assert webhook.inbound is not None
    assert (webhook.inbound.metadata, webhook.metadata) == ('{"a":1}', '{"b":[2]}')


@pytest.mark.parametrize("event", [{}, {"contact_event": {}}, {"contact_event": {"composing_event": None}}])
def test_an_event_of_no_kind(event: Body) -> None:
    assert took({"event": event}).event == "unknown"


def test_a_new_event_has_its_own_name() -> None:
    assert took({"event": {"contact_event": {"novel_event": {}}}}).event == "novel"


# --- ranks, times, numbers, labels ------------------------------------------------------------------------


def test_ranks() -> None:
    order = ["?", "QUEUED", "SUBMITTED", "QUEUED_ON_CHANNEL", "SWITCHING_CHANNEL", "DELIVERED", "READ", "FAILED"]
    assert sorted(order, key=rank) == order
    assert len({rank(status) for status in order}) == len(order)


@pytest.mark.parametrize("digits", range(10))
@pytest.mark.parametrize(("zone", "hours"), [("Z", 0), ("", 0), ("+02:00", 2), ("-0330", -3.5)])
def test_times(digits: int, zone: str, hours: float) -> None:
    fraction = f".{'123456789'[:digits]}" if digits else ""
    expected = NOON + float(f"0{fraction[:7] or '.0'}") - hours * 3600
    assert unix(f"2026-11-24T15:00:00{fraction}{zone}") == pytest.approx(expected, abs=1e-6)


def test_a_time_without_an_offset_is_not_that_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        found = unix("2026-11-24T15:00:00")
    time.tzset()
    assert found == NOON


def test_the_time_of_a_message_is_its_own() -> None:
    own, envelope = took(BODIES["text"]), took(message(accept_time=None))
    assert own.inbound is not None and envelope.inbound is not None
    assert own.inbound.accept < own.accepted == envelope.inbound.accept


@pytest.mark.parametrize("value", [None, "", "soon", 1795532400, [], {}, "2026-13-01T00:00:00Z", "9" * 5000, "１"])
def test_what_is_no_time(value: Any) -> None:
    assert unix(value) == 0


@given(st.text(max_size=80) | st.datetimes().map(lambda moment: moment.isoformat()))
@example("0001-01-01T00:00:00+23:59")
@example("9999-12-31T23:59:59-23:59")
def test_no_time_raises(text: str) -> None:
    assert isinstance(unix(text), float)


@pytest.mark.parametrize(
    ("channel", "identity", "number"),
    [
        ("SMS", CONTACT, "+12025550142"),
        ("WHATSAPP", "+12025550142", "+12025550142"),
        ("VIBER", CONTACT, "+12025550142"),
        ("rcs", CONTACT, "+12025550142"),
        ("MESSENGER", CONTACT, ""),
        ("TELEGRAM", CONTACT, ""),
        ("KAKAOTALKCHAT", CONTACT, ""),
        ("SMS", "", ""),
        ("SMS", "+", ""),
        ("SMS", "Shop", ""),
        ("SMS", "٢٣٤٥٦٧٨", ""),
        ("SMS", "1202555²", ""),
        ("SMS", "012025550142", ""),
        ("SMS", "1" * 16, ""),
        ("WHATSAPP", "US.12025550142", ""),
    ],
)
def test_phone(channel: str, identity: str, number: str) -> None:
    assert phone(channel, identity) == number


@pytest.mark.parametrize(
    ("postback", "message_id", "label"),
    [
        ("m1_Yes please", "m1", "Yes please"),
        ("m_1_a_b_", "m_1", "a_b_"),
        ("m1_", "m1", ""),
        ("m2_Yes", "m1", ""),
        ("Yes", "m1", ""),
        ("_Yes", "", ""),
        ("m1Yes", "m1", ""),
    ],
)
def test_label_of(postback: str, message_id: str, label: str) -> None:
    assert label_of(postback, message_id) == label


# --- keys ------------------------------------------------------------------------------------------------


def key(body: Any, app: str = APP) -> str:
    raw = orjson.dumps(body)
    return dedupe_key(read(raw), raw, app)


def changed(name: str, **others: Any) -> Body:
    """An example with other fields in its part."""
    body = copy.deepcopy(BODIES[name])
    part = next(part for part in body if part not in ("app_id", "project_id", "accepted_time", "message_metadata"))
    body[part] |= others
    return body


def test_every_example_has_a_key_of_its_own() -> None:
    keys = {key(body) for body in BODIES.values()}
    assert len(keys) == len(BODIES)
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in keys)
    assert keys.isdisjoint({key(body, "another app") for body in BODIES.values()})


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("text", {"accept_time": "2026-11-24T16:00:00Z", "contact_message": {"text_message": {"text": "x"}}}),
        ("event_reaction", {"accept_time": "2026-11-24T16:00:00Z", "contact_message_event": {}}),
        ("event_link", {"contact_id": PERSON}),
        ("failed", {"reason": None, "contact_id": PERSON}),
        ("submitted", {"submitted_message": None}),
        ("event_receipt", {"metadata": "x", "channel_identity": None}),
        ("opt_out", {"contact_id": PERSON, "channel": "RCS", "identity": "12025550143"}),
    ],
)
def test_the_same_notification_written_differently(name: str, others: Body) -> None:
    assert key(changed(name, **others)) == key(BODIES[name])


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("text", {"id": "m2"}),
        ("event_reaction", {"id": "e2"}),
        ("failed", {"status": "DELIVERED"}),
        ("failed", {"message_id": "m2"}),
        ("failed", {"channel_identity": {"channel": "SMS", "identity": CONTACT}}),
        ("submitted", {"channel_identity": {"channel": "SMS", "identity": CONTACT}}),
        ("event_receipt", {"status": "FAILED"}),
        ("opt_out", {"request_id": "out-143"}),
        ("opt_out", {"status": "OPT_OUT_FAILED"}),
        ("contact_update", {"contact": {"id": "c2"}}),
        ("capability", {"request_id": "cap-143"}),
    ],
)
def test_another_notification(name: str, others: Body) -> None:
    assert key(changed(name, **others)) != key(BODIES[name])


def test_a_masked_copy_of_a_message_is_the_same_message() -> None:
    assert key({"message_redaction": BODIES["text"]["message"]}) == key(BODIES["text"])


def test_a_consent_without_a_request() -> None:
    without = changed("opt_out", request_id="")
    assert key(without) == key(changed("opt_out", request_id=None, contact_id=PERSON))
    assert key(without) != key(changed("opt_out", request_id="", identity="12025550143"))
    assert key(without) != key(changed("opt_out", request_id="", channel="RCS"))
    assert key(without) != key(without | {"accepted_time": "2026-11-24T16:00:00Z"})
    nobody = changed("opt_out", request_id="", identity="")
    assert key(nobody) != key(nobody | {"correlation_id": "x"})


@pytest.mark.parametrize("name", ["text", "event_reaction"])
def test_without_an_id_the_body_counts(name: str) -> None:
    without = changed(name, id="")
    assert key(without) == key(without)
    assert key(without) != key(without | {"correlation_id": "x"})


def test_one_conversation_has_one_key() -> None:
    assert talk_key(APP, "SMS", CONTACT) == talk_key(APP, "sms", "+12025550142")
    assert talk_key(APP, "VIBER", CONTACT) == talk_key(APP, "VIBERBM", CONTACT)
    assert talk_key(APP, "SMS", CONTACT, APP) == talk_key(APP, "SMS", CONTACT)
    assert talk_key(APP, "MESSENGER", PAGE_USER, APP) == talk_key(APP, "MESSENGER", PAGE_USER)
    assert re.fullmatch("[0-9a-f]{32}", talk_key(APP, "SMS", CONTACT))


def test_conversations_that_differ() -> None:
    ones = [
        (APP, "SMS", CONTACT),
        (APP, "SMS", "12025550143"),
        (APP, "RCS", CONTACT),
        (APP, "MESSENGER", PAGE_USER),
        (APP, "MESSENGER", PAGE_USER, "page-2"),
        (APP, "TELEGRAM", "+1"),
        (APP, "TELEGRAM", "1"),
        ("b", "SMS", CONTACT),
        ("bS", "MS", CONTACT),
    ]
    assert len({talk_key(*each) for each in ones}) == len(ones)


# --- hostile bodies --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"[{}]",
        b'"message"',
        b"{",
        b"\xff",
        b'{"message":NaN}',
        b'{"message":{"x":Infinity}}',
        b'{"app_id":"a","app_id":"b"}',
        b'{"message":{"id":"1","id":"2"}}',
        b'{"x":' + b"9" * 5000 + b"}",
        b'{"x":' + b"[" * 300 + b"]" * 300 + b"}",
        b'{"x":' + b"[" * 50_000,
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_no_notification(body: bytes) -> None:
    with pytest.raises(BadBody) as caught:
        read(body)
    assert re.fullmatch(r"The body [a-zA-Z ]+\.", caught.value.reason)


def names(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(names, value.values()))
    return set().union(*map(names, value)) if isinstance(value, list) else set()


NAMES = sorted(names(list(BODIES.values())) | {"unsupported", "channel_event", "app_message", "deleted_contact_id"})
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["SMS", "VIBER", "TO_APP", "TO_CONTACT", "READ", CONTACT, "2026-11-24T15:00:00Z", "{}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=20,
)
ANNOTATED = {
    "str": str,
    "bool": bool,
    "float": float,
    "Fields": dict,
    "Fields | None": dict | None,
    "Location | None": Location | None,
}


def is_as_declared(value: Any) -> bool:
    """Whether a reading holds what its class declares, and can be stored as JSON."""
    for each in fields(value):
        held = getattr(value, each.name)
        if is_dataclass(held) and not is_as_declared(held):
            return False
        if isinstance(held, tuple):
            if not all(is_as_declared(one) if is_dataclass(one) else isinstance(one, dict) for one in held):
                return False
        elif each.type in ANNOTATED and not isinstance(held, ANNOTATED[str(each.type)]):
            return False
    return True


def check(body: bytes) -> None:
    try:
        webhook = read(body)
    except BadBody:
        return
    assert is_as_declared(webhook)
    assert len(parts(webhook)) <= 1
    assert re.fullmatch("[0-9a-f]{32}", dedupe_key(webhook, body, APP))
    if webhook.inbound is not None:
        found = webhook.inbound
        assert re.fullmatch(r"(\+[1-9][0-9]{0,14})?", phone(found.channel, found.identity))
        assert talk_key(APP, found.channel, found.identity, found.app_scoped)
        label_of(found.postback, found.answers)


@given(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6))
def test_any_object_is_read(body: Body) -> None:
    check(orjson.dumps(body))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [each for key, one in inner for each in ((*path, key), *places(one, (*path, key)))]


@given(st.sampled_from(sorted(BODIES)), st.data())
def test_an_example_with_any_value_in_any_place(name: str, data: st.DataObject) -> None:
    body = copy.deepcopy(BODIES[name])
    *path, last = data.draw(st.sampled_from(places(body)))
    holder: Any = body
    for step in path:
        holder = holder[step]
    holder[last] = data.draw(VALUES)
    check(orjson.dumps(body))


@given(st.sampled_from(sorted(FILES)), st.data())
def test_an_example_with_any_bytes_changed(name: str, data: st.DataObject) -> None:
    raw = orjson.dumps(BODIES[name])
    start = data.draw(st.integers(0, len(raw)))
    stop = data.draw(st.integers(start, min(len(raw), start + 40)))
    check(raw[:start] + data.draw(st.binary(max_size=4)) + raw[stop:])


@given(st.binary())
def test_any_bytes(body: bytes) -> None:
    check(body)


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (r"cut \ud83d", "cut �"),
        (r"\udc4d cut", "� cut"),
        (r"\ud83d\ud83d\udc4d", "�👍"),
        (r"\\ud83d \ud83d", r"\ud83d" + " �"),
        (r"\n\ud83d\"", '\n�"'),
    ],
)
def test_half_a_character_does_not_cost_the_message(escaped: str, text: str) -> None:
    inbound = read(TEXT_BODY.replace(b"HERE", escaped.encode())).inbound
    assert inbound is not None
    assert inbound.text == text


TEXT_BODY = (
    b'{"app_id":"A","message":{"id":"M","direction":"TO_APP","contact_message":{"text_message":{"text":"HERE"}},'
    b'"channel_identity":{"channel":"SMS","identity":"12025550150"},"accept_time":"2026-03-02T09:15:27Z"}}'
)
