"""What may be sent, as a schema: whole requests pass, broken ones do not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from flowengine.conversation_wire import CHANNELS, MESSAGE_KINDS, REQUESTS, schema, schema_text

SCHEMA_FILE = Path(__file__).parent.parent / "schema" / "conversation.schema.json"
VALID = {name: Draft202012Validator(schema(name)) for name in REQUESTS}
LABEL = {"text_message": {"text": "Yes"}, "postback_data": "yes#1"}
PLACE = {"latitude": 59.31, "longitude": 18.07}

MESSAGES: dict[str, Any] = {
    "text": {"text_message": {"text": "Your table is booked"}},
    "media": {"media_message": {"url": "https://files.example.com/menu.pdf", "filename_override": "menu.pdf"}},
    "location": {"location_message": {"title": "The shop", "label": "High Street 2", "coordinates": PLACE}},
    "choices": {
        "choice_message": {
            "text_message": {"text": "Which size?"},
            "choices": [
                {"text_message": {"text": "Small"}, "postback_data": "small#1"},
                {"url_message": {"title": "The menu", "url": "https://example.com/menu"}},
                {"call_message": {"title": "Call us", "phone_number": "+12025550100"}},
                {"location_message": {"title": "Here", "coordinates": PLACE}, "postback_data": "here#1"},
                {"share_location_message": {"title": "Where are you?", "fallback_url": "https://example.com/where"}},
                {
                    "calendar_message": {
                        "title": "Save it",
                        "event_start": "2026-12-24T18:00:00Z",
                        "event_end": "2026-12-24T20:00:00+01:00",
                        "event_title": "Dinner",
                        "fallback_url": "https://example.com/dinner.ics",
                    }
                },
                {**LABEL, "display_mode": "PERSISTENT"},
            ],
            "message_properties": {"whatsapp_footer": "Open until ten"},
        }
    },
    "card": {
        "card_message": {
            "title": "Pasta",
            "description": "With basil",
            "height": "TALL",
            "media_message": {"url": "https://files.example.com/pasta.jpg"},
            "choices": [LABEL],
        }
    },
    "carousel": {
        "carousel_message": {
            "cards": [{"title": "One", "description": "1", "choices": [LABEL]}, {"title": "Two"}],
            "choices": [LABEL],
        }
    },
    "list": {
        "list_message": {
            "title": "Pick a time",
            "description": "Tonight",
            "message_properties": {"menu": "Times"},
            "sections": [
                {
                    "title": "Early",
                    "items": [
                        {"choice": {"title": "17:00", "description": "by the window", "postback_data": "17#1"}},
                        {"choice": {"title": "18:00"}},
                    ],
                }
            ],
        }
    },
    "products": {
        "list_message": {
            "title": "Dishes",
            "sections": [{"items": [{"product": {"id": "7", "marketplace": "FACEBOOK"}}]}],
            "message_properties": {"catalog_id": "88001"},
        }
    },
    "template": {
        "template_message": {
            "channel_template": {
                "WHATSAPP": {
                    "template_id": "table_ready",
                    "language_code": "en_US",
                    "parameters": {
                        "header[1]image.link": "https://files.example.com/a.jpg",
                        "body[1]text": "Ada",
                        "button[0]quick_reply[1]payload": "",
                    },
                },
                "KAKAOTALK": {"template_id": "ready"},
            }
        }
    },
    "omni template": {"template_message": {"omni_template": {"template_id": "ready", "version": "latest"}}},
    "contact": {
        "contact_info_message": {
            "name": {"full_name": "Front Desk"},
            "phone_numbers": [{"phone_number": "+12025550100", "type": "Work"}],
            "organization": {"company": "Acme"},
            "birthday": "1990-02-28",
        }
    },
    "omni": {
        "text_message": {"text": "A long one"},
        "explicit_channel_omni_message": {"SMS": {"text_message": {"text": "short"}}},
    },
    "explicit alone": {"explicit_channel_message": {"WHATSAPP": '{"type":"text"}'}},
    "companions": {
        "text_message": {"text": "Hello"},
        "explicit_channel_message": {"RCS": "{}"},
        "agent": {"display_name": "Ada", "type": "HUMAN"},
        "reply_to": {"message_id": "01J0000000000000000000000A"},
    },
    "whatsapp flow": {
        "text_message": {"text": "Book here"},
        "channel_specific_message": {
            "WHATSAPP": {
                "message_type": "FLOWS",
                "message": {"flow_id": "1", "flow_cta": "Book", "body": {"text": "A table"}, "flow_mode": "draft"},
            }
        },
    },
}


def send(**changes: Any) -> dict[str, Any]:
    identities = [{"channel": "WHATSAPP", "identity": "12025550142"}, {"channel": "SMS", "identity": "+12025550142"}]
    return {
        "app_id": "01JAPP",
        "recipient": {"identified_by": {"channel_identities": identities}},
        "message": MESSAGES["text"],
        **changes,
    }


WHOLE = send(
    channel_priority_order=["WHATSAPP", "SMS"],
    channel_properties={"SMS_SENDER": "12025550100", "MMS_STRICT_VALIDATION": "true"},
    message_metadata="s" * 1024,
    conversation_metadata={"flow": "booking", "step": 3},
    conversation_metadata_update_strategy="MERGE_PATCH",
    correlation_id="c" * 128,
    ttl="86400s",
    queue="HIGH_PRIORITY",
    callback_url="https://engine.example.com/receipts",
    processing_strategy="DISPATCH_ONLY",
    message_content_type="CONTENT_NOTIFICATION",
)


def passes(request: str, body: Any) -> bool:
    return bool(VALID[request].is_valid(body))


def test_the_schema_file_is_the_schema() -> None:
    assert SCHEMA_FILE.read_text("utf-8") == schema_text(), (
        "run: python -m flowengine.conversation_wire > schema/conversation.schema.json"
    )
    Draft202012Validator.check_schema(json.loads(schema_text()))


def test_the_module_prints_the_schema() -> None:
    command = [sys.executable, "-m", "flowengine.conversation_wire"]
    assert subprocess.run(command, capture_output=True, check=True).stdout.decode() == schema_text()


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_passes(name: str) -> None:
    assert list(VALID["send"].iter_errors(send(message=MESSAGES[name]))) == []


def test_every_kind_is_tried() -> None:
    assert set(MESSAGE_KINDS) <= {key for message in MESSAGES.values() for key in message}


def test_a_request_with_everything_passes() -> None:
    assert list(VALID["send"].iter_errors(WHOLE)) == []
    assert passes("send", send(recipient={"contact_id": "01JCONTACT"}))
    assert Draft202012Validator(schema()).is_valid(WHOLE)


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_channel_is_known(channel: str) -> None:
    found = {"identified_by": {"channel_identities": [{"channel": channel, "identity": "12025550142"}]}}
    assert passes("send", send(recipient=found))


@pytest.mark.parametrize("ttl", ["3s", "10s", "120s", "99999999999s", "299999999999s", "315576000000s"])
def test_times_to_live(ttl: str) -> None:
    assert passes("send", send(ttl=ttl))


EVENTS: list[dict[str, Any]] = [
    {"composing_event": {}},
    {"composing_end_event": {}},
    {"read_message_event": {}},
    {"comment_reply_event": {"text": "Thanks"}},
    {"agent_joined_event": {"agent": {"display_name": "Ada", "type": "HUMAN"}}},
    {"generic_event": {"payload": {"any": ["thing"]}}},
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: next(iter(event)))
def test_an_event_passes(event: dict[str, Any]) -> None:
    body = send(event=event, event_metadata="e1", channel_priority_order=["SMS"])
    del body["message"]
    assert list(VALID["event"].iter_errors(body)) == []


def callout(**fields: Any) -> dict[str, Any]:
    return {"method": "customCallout", "customCallout": fields}


def test_other_requests_pass() -> None:
    assert passes("token", {"grant_type": "client_credentials"})
    assert passes("callout", callout(ice="{}", ace="https://example.com/ace", custom="r-1", maxDuration=60))
    assert passes("callout", callout(destination={"type": "number", "endpoint": "+12025550142"}, cli="+12025550100"))


def message(**kinds: Any) -> dict[str, Any]:
    return send(message=kinds)


def choices(*found: Any, **more: Any) -> dict[str, Any]:
    return message(choice_message={"text_message": {"text": "?"}, "choices": list(found), **more})


def template(**fields: Any) -> dict[str, Any]:
    found = {"template_id": "ready", "language_code": "en_US", **fields}
    return message(template_message={"channel_template": {"WHATSAPP": found}})


def rows(*items: Any, **more: Any) -> dict[str, Any]:
    return message(list_message={"title": "t", "sections": [{"items": list(items)}], **more})


def to(channel: str, identity: str) -> dict[str, Any]:
    return send(recipient={"identified_by": {"channel_identities": [{"channel": channel, "identity": identity}]}})


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in send().items() if key != name}


ROW = {"choice": {"title": "a"}}
PRODUCT = {"product": {"id": "7", "marketplace": "FACEBOOK"}}
FLOW = {"flow_id": "1", "flow_cta": "Book"}


def specific(**flow: Any) -> dict[str, Any]:
    content = {"WHATSAPP": {"message_type": "FLOWS", "message": flow}}
    return message(text_message={"text": "a"}, channel_specific_message=content)


BROKEN: dict[str, dict[str, Any]] = {
    "no app": without("app_id"),
    "no recipient": without("recipient"),
    "no message": without("message"),
    "a misspelt field": send(metadata="m"),
    "an empty message": message(),
    "two kinds": message(**MESSAGES["text"], **MESSAGES["media"]),
    "two kinds and explicit": message(
        **MESSAGES["text"], **MESSAGES["media"], explicit_channel_message={"WHATSAPP": "{}"}
    ),
    "only companions": message(agent={"type": "BOT"}),
    "an unknown kind": message(sound_message={"url": "https://example.com/a.mp3"}),
    "an empty text": message(text_message={"text": ""}),
    "a text that is a number": message(text_message={"text": 5}),
    "text as the kind": message(text_message="Hello"),
    "media over http": message(media_message={"url": "http://example.com/a.jpg"}),
    "media without url": message(media_message={"caption": "a"}),
    "a latitude over 90": message(location_message={"title": "a", "coordinates": {"latitude": 91, "longitude": 0}}),
    "a longitude under -180": message(
        location_message={"title": "a", "coordinates": {"latitude": 0, "longitude": -180.5}}
    ),
    "coordinates as texts": message(
        location_message={"title": "a", "coordinates": {"latitude": "1", "longitude": "2"}}
    ),
    "a place without title": message(location_message={"coordinates": PLACE}),
    "no choices": choices(),
    "eleven choices": choices(*[LABEL] * 11),
    "a choice of two kinds": choices({**LABEL, "url_message": {"title": "a", "url": "https://example.com"}}),
    "a choice of no kind": choices({"postback_data": "a"}),
    "a number without plus": choices({"call_message": {"title": "a", "phone_number": "12025550100"}}),
    "an unknown display mode": choices({**LABEL, "display_mode": "ALWAYS"}),
    "a long postback": choices({**LABEL, "postback_data": "p" * 2049}),
    "a calendar without times": choices(
        {"calendar_message": {"title": "a", "event_title": "b", "fallback_url": "https://example.com"}}
    ),
    "an empty card": message(card_message={"height": "TALL"}),
    "a card's height": message(card_message={"title": "a", "height": "HUGE"}),
    "eleven cards": message(carousel_message={"cards": [{"title": "a"}] * 11}),
    "no cards": message(carousel_message={"cards": []}),
    "four outer choices": message(carousel_message={"cards": [{"title": "a"}], "choices": [LABEL] * 4}),
    "an outer choice's display": message(
        carousel_message={"cards": [{"title": "a"}], "choices": [{**LABEL, "display_mode": "PERSISTENT"}]}
    ),
    "rows of two types": rows(ROW, PRODUCT, message_properties={"catalog_id": "1"}),
    "products without catalogue": rows(PRODUCT),
    "a row without title": rows({"choice": {"postback_data": "a"}}),
    "a section without rows": rows(),
    "a list without title": message(list_message={"sections": [{"items": [ROW]}]}),
    "no template at all": message(template_message={}),
    "a template without language": message(
        template_message={"channel_template": {"WHATSAPP": {"template_id": "ready"}}}
    ),
    "a language with a hyphen": template(language_code="en-US"),
    "a parameter counted from 0": template(parameters={"body[0]text": "a"}),
    "a parameter without index": template(parameters={"body": "a"}),
    "a parameter that is a number": template(parameters={"body[1]text": 4}),
    "an omni template without version": message(template_message={"omni_template": {"template_id": "a"}}),
    "a contact without name": message(contact_info_message={"phone_numbers": [{"phone_number": "+12025550100"}]}),
    "a contact without number": message(contact_info_message={"name": {"full_name": "a"}, "phone_numbers": []}),
    "explicit as an object": message(explicit_channel_message={"WHATSAPP": {"type": "text"}}),
    "explicit for an unknown channel": message(explicit_channel_message={"WHATSUP": "{}"}),
    "omni with a template message": message(
        text_message={"text": "a"}, explicit_channel_omni_message={"SMS": MESSAGES["omni template"]}
    ),
    "a flow without button": specific(flow_id="1"),
    "a flow's long button": specific(**(FLOW | {"flow_cta": "Book a table for tonight"})),
    "a flow's unknown action": specific(**FLOW, flow_action="open"),
    "long metadata": send(message_metadata="m" * 1025),
    "metadata as an object": send(message_metadata={"id": 1}),
    "a long correlation": send(correlation_id="c" * 129),
    "time to live as a number": send(ttl=60),
    "time to live without s": send(ttl="60"),
    "time to live of two seconds": send(ttl="2s"),
    "time to live beyond the limit": send(ttl="315576000001s"),
    "a boolean property": send(channel_properties={"SMS_FLASH_MESSAGE": True}),
    "a long property": send(channel_properties={"SMS_SENDER": "s" * 1025}),
    "a property's name in lower case": send(channel_properties={"sms_sender": "12025550100"}),
    "an unknown channel": to("WHATSUP", "12025550142"),
    "a channel in lower case": to("sms", "12025550142"),
    "words for a number": to("SMS", "Ada"),
    "no identity": send(recipient={"identified_by": {"channel_identities": []}}),
    "two recipients": send(
        recipient={
            "contact_id": "01JCONTACT",
            "identified_by": {"channel_identities": [{"channel": "LINE", "identity": "u1"}]},
        }
    ),
    "an unknown queue": send(queue="FAST"),
    "conversation metadata as text": send(conversation_metadata="{}"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_send_fails(name: str) -> None:
    assert not passes("send", BROKEN[name])


@pytest.mark.parametrize(
    ("request_name", "body"),
    [
        ("token", {"grant_type": "password"}),
        ("token", {}),
        ("token", {"grant_type": "client_credentials", "client_secret": "canary"}),
        ("callout", callout()),
        ("callout", callout(ice={"action": {"name": "hangup"}})),
        ("callout", callout(ice="{}", maxDuration=14401)),
        ("callout", callout(ice="{}", enableAce=True)),
        ("callout", {"method": "ttsCallout", "ttsCallout": {}}),
        ("event", {"app_id": "a", "recipient": {"contact_id": "c"}, "event": {}}),
        ("event", {"app_id": "a", "recipient": {"contact_id": "c"}, "event": {"composing_event": {"a": 1}}}),
        ("event", {"app_id": "a", "recipient": {"contact_id": "c"}, "event": {"generic_event": {}}}),
    ],
)
def test_other_broken_requests_fail(request_name: str, body: dict[str, Any]) -> None:
    assert not passes(request_name, body)
