"""What may be sent to Sinch: every request that the engine makes, its fields and limits.

``python -m flowengine.conversation_wire`` prints the JSON Schema. Objects are closed, so that a misspelt field is
noticed. What a schema cannot say (texts that hold JSON, sizes of serialised objects) the fake platform checks besides.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flowengine.messages.channels import PHONE_CHANNELS

Json = dict[str, Any]

CHANNELS = tuple(
    "SMS RCS WHATSAPP MMS MESSENGER INSTAGRAM VIBERBM TELEGRAM LINE WECHAT KAKAOTALK KAKAOTALKCHAT APPLEBC".split()
)

MAX_METADATA = 1024
MAX_CONVERSATION_METADATA = 2048
MAX_CORRELATION = 128
MAX_PROPERTY = 1024
MAX_CHOICES = 10
MAX_CARDS = 10
MAX_OUTER_CHOICES = 3
MAX_URL = 2048
MAX_CALLBACK_URL = 742
MAX_DURATION = 14400

_TTL = (
    "([3-9]|[1-9][0-9]{1,10}|[12][0-9]{11}|30[0-9]{10}|31[0-4][0-9]{9}|315[0-4][0-9]{8}|3155[0-6][0-9]{7}"
    "|31557[0-5][0-9]{6}|315576000000)"
)
TTL = rf"^{_TTL}s$"
"""3 to 315576000000 seconds."""
NUMBER = r"^\+[1-9][0-9]{6,14}$"
TIME = r"^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9](:[0-6][0-9](\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})$"
WHATSAPP_PARAMETER = r"^(header\[1\]|body\[[1-9][0-9]?\]|button\[[0-9]\])[a-z_]\S*$"
"""Parameters are counted from 1, buttons from 0."""
WHATSAPP_LANGUAGE = r"^[a-z]{2,3}(_[A-Z][A-Za-z]{1,3})?$"


# --- how the tables below are written: a field whose name ends in * must be there --------------------------


def _text(most: int | None = None, least: int = 1, pattern: str = "", doc: str = "") -> Json:
    shape = {"description": doc, "type": "string", "minLength": least, "maxLength": most, "pattern": pattern}
    return {name: value for name, value in shape.items() if value}


def _word(words: str) -> Json:
    return {"enum": words.split()}


def _const(value: str) -> Json:
    return {"const": value}


def _number(least: float, most: float) -> Json:
    return {"type": "number", "minimum": least, "maximum": most}


def _integer(least: int, most: int) -> Json:
    return {"type": "integer", "minimum": least, "maximum": most}


def _list(entry: Json, most: int | None = None, least: int = 1) -> Json:
    shape = {"type": "array", "minItems": least, "maxItems": most, "items": entry}
    return {name: value for name, value in shape.items() if value}


def _ref(name: str) -> Json:
    return {"$ref": f"#/$defs/{name}"}


def _object(doc: str, fields: Mapping[str, Json], **more: Any) -> Json:
    """A closed object."""
    shape: Json = {
        "description": doc,
        "type": "object",
        "properties": {name.rstrip("*"): each for name, each in fields.items()},
        "required": [name[:-1] for name in fields if name.endswith("*")],
        "additionalProperties": False,
        **more,
    }
    return {name: value for name, value in shape.items() if value not in ("", [])}


def _one(doc: str, kinds: Mapping[str, Json], beside: Mapping[str, Json] | None = None, **more: Any) -> Json:
    """An object with exactly one of ``kinds``, and any of ``beside``."""
    return _object(doc, {**kinds, **(beside or {})}, oneOf=_having(*kinds), **more)


def _having(*names: str) -> list[Json]:
    return [{"required": [name]} for name in names]


def _map(doc: str, value: Json, keys: Json) -> Json:
    """An object of the author's own keys, at least one."""
    return {
        "description": doc,
        "type": "object",
        "minProperties": 1,
        "propertyNames": keys,
        "additionalProperties": value,
    }


def _when(field: str, values: list[str], then: Json) -> Json:
    return {"if": {"properties": {field: {"enum": values}}, "required": [field]}, "then": {"properties": then}}


# --- small things ------------------------------------------------------------------------------------------

_CHANNEL = {"enum": list(CHANNELS)}
_LINK = _text(MAX_URL, pattern=r"^https?://[^\s]+$")
_MEDIA = _text(MAX_URL, pattern=r"^https://[^\s]+$", doc="Sinch and the channel fetch it: public and https.")
_PARAMETERS = {"type": "object", "additionalProperties": {"type": "string"}}
_PROPERTY = _text(MAX_PROPERTY, least=0)
_WHATSAPP_HEADER = {"type": "object", "description": "Shown above it on WhatsApp."}

_COORDINATES = _object(
    "Degrees.",
    {"latitude*": _number(-90, 90), "longitude*": _number(-180, 180)},
)
_PLACE = {"title*": _text(), "coordinates*": _ref("coordinates"), "label": _text(least=0)}

_CHOICE_KINDS: Mapping[str, Json] = {
    "text_message": _ref("text"),
    "url_message": _object("Opens a page.", {"title*": _text(), "url*": _LINK}),
    "call_message": _object("Calls a number.", {"title*": _text(), "phone_number*": _text(pattern=NUMBER)}),
    "location_message": _ref("location"),
    "calendar_message": _object(
        "Puts something into the calendar.",
        {
            "title*": _text(),
            "event_start*": _text(pattern=TIME),
            "event_end*": _text(pattern=TIME),
            "event_title*": _text(),
            "event_description": _text(least=0),
            "fallback_url*": _LINK,
        },
    ),
    "share_location_message": _object(
        "Asks where the contact is; a location comes back.", {"title*": _text(), "fallback_url*": _LINK}
    ),
}
_POSTBACK = {"postback_data": _text(2048, least=0, doc="Comes back when it is tapped; RCS allows no more.")}
_DISPLAY = {"display_mode": _word("DISPLAY_MODE_UNSPECIFIED PERSISTENT")}

# --- kinds of messages -------------------------------------------------------------------------------------

_TEMPLATE_REFERENCE = {
    "template_id*": _text(),
    "version*": _text(pattern=r"^(latest|[0-9]+)$"),
    "language_code": _text(32),
    "parameters": _PARAMETERS,
}
_CHANNEL_TEMPLATE = _object(
    "A template that the channel approved.",
    {"template_id*": _text(), "version": _text(least=0), "language_code": _text(32), "parameters": _PARAMETERS},
)
_WHATSAPP_TEMPLATE = _object(
    "The template's name, its language and values for all of its parameters.",
    {
        "template_id*": _text(512),
        "version": _text(least=0),
        "language_code*": _text(pattern=WHATSAPP_LANGUAGE),
        "parameters": {**_PARAMETERS, "propertyNames": {"pattern": WHATSAPP_PARAMETER}},
    },
)
_LIST_ITEM = {
    "choice": _object(
        "One row.",
        {"title*": _text(), "description": _text(least=0), "media": _ref("media"), **_POSTBACK},
    ),
    "product": _object("A product of the catalogue.", {"id*": _text(), "marketplace*": _text()}),
}


def _all_items(kind: str) -> Json:
    entry = {"properties": {"items": {"items": {"required": [kind]}}}}
    return {"properties": {"sections": {"items": entry}}}


_CATALOGUE = {
    "required": ["message_properties"],
    "properties": {"message_properties": {"required": ["catalog_id"]}},
}

DEFINITIONS: Mapping[str, Json] = {
    "coordinates": _COORDINATES,
    "text": _object("A text.", {"text*": _text()}),
    "media": _object(
        "An image, a video, a sound or a file; which is told by its Content-Type.",
        {"url*": _MEDIA, "thumbnail_url": _MEDIA, "filename_override": _text(255)},
    ),
    "location": _object("A place.", _PLACE),
    "choice": _one("Something to tap.", _CHOICE_KINDS, {**_POSTBACK, **_DISPLAY}),
    "outer_choice": _one("Something to tap below a carousel.", _CHOICE_KINDS, _POSTBACK),
    "choices": _object(
        "A text with choices.",
        {
            "text_message": _ref("text"),
            "choices*": _list(_ref("choice"), MAX_CHOICES),
            "message_properties": _object("", {"whatsapp_footer": _text(60)}),
        },
    ),
    "card": _object(
        "A card.",
        {
            "title": _text(),
            "description": _text(),
            "height": _word("UNSPECIFIED_HEIGHT SHORT MEDIUM TALL"),
            "media_message": _ref("media"),
            "choices": _list(_ref("choice"), MAX_CHOICES, least=0),
            "message_properties": _object("", {"whatsapp_header": _WHATSAPP_HEADER}),
        },
        anyOf=_having("title", "description", "media_message"),
    ),
    "carousel": _object(
        "Cards side by side; a single one is shown as a card.",
        {
            "cards*": _list(_ref("card"), MAX_CARDS),
            "choices": _list(_ref("outer_choice"), MAX_OUTER_CHOICES, least=0),
        },
    ),
    "list": _object(
        "Rows under headings, of one type.",
        {
            "title*": _text(),
            "description": _text(least=0),
            "media": _ref("media"),
            "sections*": _list(
                _object(
                    "A heading and its rows.",
                    {"title": _text(least=0), "items*": _list(_one("One row.", _LIST_ITEM))},
                )
            ),
            "message_properties": _object(
                "", {"catalog_id": _text(), "menu": _text(), "whatsapp_header": _WHATSAPP_HEADER}
            ),
        },
        anyOf=[_all_items("choice"), {"allOf": [_all_items("product"), _CATALOGUE]}],
    ),
    "template": _object(
        "A template, of a channel or of the project.",
        {
            "channel_template": {
                **_map("One for each channel.", _CHANNEL_TEMPLATE, _CHANNEL),
                "properties": {"WHATSAPP": _WHATSAPP_TEMPLATE},
            },
            "omni_template": _object("A template of the project.", _TEMPLATE_REFERENCE),
        },
        anyOf=_having("channel_template", "omni_template"),
    ),
    "contact_info": _object(
        "Somebody's details.",
        {
            "name*": _object(
                "",
                {
                    "full_name*": _text(),
                    **{f"{part}_name": _text(least=0) for part in ("first", "last", "middle")},
                    "prefix": _text(least=0),
                    "suffix": _text(least=0),
                },
            ),
            "phone_numbers*": _list(_object("", {"phone_number*": _text(64), "type": _text(least=0)})),
            "addresses": _list(
                _object("", {name: _text(least=0) for name in "city country state zip type country_code".split()})
            ),
            "email_addresses": _list(_object("", {"email_address*": _text(), "type": _text(least=0)})),
            "organization": _object("", {name: _text(least=0) for name in ("company", "department", "title")}),
            "urls": _list(_object("", {"url*": _LINK, "type": _text(least=0)})),
            "birthday": _text(pattern=r"^[0-9]{4}-[01][0-9]-[0-3][0-9]$"),
        },
    ),
    "template_reference": _object("A template of the project.", _TEMPLATE_REFERENCE),
    "flows": _object(
        "Opens a WhatsApp Flow.",
        {
            "flow_id*": _text(),
            "flow_cta*": _text(20),
            "flow_token": _text(),
            "flow_mode": _word("draft published"),
            "flow_action": _word("navigate data_exchange"),
            "flow_action_payload": _object("", {"screen": _text(), "data": {"type": "object"}}),
            "header": {"type": "object"},
            "body": _object("", {"text*": _text(1024)}),
            "footer": _object("", {"text*": _text(60)}),
        },
    ),
    "agent": _object(
        "Who writes.",
        {"display_name": _text(), "type": _word("UNKNOWN_AGENT_TYPE HUMAN BOT"), "picture_url": _LINK},
    ),
}

MESSAGE_KINDS: Mapping[str, Json] = {
    "text_message": _ref("text"),
    "media_message": _ref("media"),
    "location_message": _ref("location"),
    "choice_message": _ref("choices"),
    "card_message": _ref("card"),
    "carousel_message": _ref("carousel"),
    "list_message": _ref("list"),
    "template_message": _ref("template"),
    "contact_info_message": _ref("contact_info"),
}
_OMNI_KINDS = {
    **{name: shape for name, shape in MESSAGE_KINDS.items() if name != "template_message"},
    "template_reference": _ref("template_reference"),
}
_SPECIFIC_TYPES = "FLOWS ORDER_DETAILS ORDER_STATUS COMMERCE CAROUSEL_COMMERCE NOTIFICATION_MESSAGE_TEMPLATE"
COMPANIONS: Mapping[str, Json] = {
    "explicit_channel_message": _map(
        "The channel's own format, as a text that holds JSON; takes the place of the message there.",
        {"type": "string", "minLength": 2, "contentMediaType": "application/json"},
        _CHANNEL,
    ),
    "explicit_channel_omni_message": _map(
        "Another message for a channel.", _one("Exactly one kind.", _OMNI_KINDS), _CHANNEL
    ),
    "channel_specific_message": _map(
        "What only one channel has.",
        _object(
            "",
            {"message_type*": _word(_SPECIFIC_TYPES), "message*": {"type": "object", "minProperties": 1}},
            allOf=[_when("message_type", ["FLOWS"], {"message": _ref("flows")})],
        ),
        _CHANNEL,
    ),
    "agent": _ref("agent"),
    "reply_to": _object("The message it quotes.", {"message_id*": _text()}),
}
_MESSAGE = _object(
    "Exactly one kind of message, or none but a channel's own format.",
    {**MESSAGE_KINDS, **COMPANIONS},
    oneOf=[
        *_having(*MESSAGE_KINDS),
        {"required": ["explicit_channel_message"], "not": {"anyOf": _having(*MESSAGE_KINDS)}},
    ],
)

# --- whole requests ----------------------------------------------------------------------------------------

_IDENTITY = _object(
    "Where a contact is reached. A phone number may have its +.",
    {"channel*": _CHANNEL, "identity*": _text(256)},
    allOf=[_when("channel", sorted(PHONE_CHANNELS), {"identity": {"pattern": r"^\+?[1-9][0-9]{3,14}$"}})],
)
_RECIPIENT = _one(
    "To whom: the identities are a must where the app keeps no contacts.",
    {
        "contact_id": _text(),
        "identified_by": _object("", {"channel_identities*": _list(_ref("identity"))}),
    },
)
_CALLBACK_URL = _text(MAX_CALLBACK_URL, pattern=r"^https?://[^\s]+$")
_QUEUE = _word("NORMAL_PRIORITY HIGH_PRIORITY")

_SEND = _object(
    "The body of messages:send.",
    {
        "app_id*": _text(),
        "recipient*": _ref("recipient"),
        "message*": _ref("message"),
        "callback_url": _CALLBACK_URL,
        "channel_priority_order": _list(_CHANNEL),
        "channel_properties": {
            "type": "object",
            "propertyNames": {"pattern": "^[A-Z][A-Z0-9_]*$"},
            "additionalProperties": _PROPERTY,
        },
        "message_metadata": _text(MAX_METADATA, least=0, doc="Comes back in receipts and with taps."),
        "conversation_metadata": {"type": "object"},
        "conversation_metadata_update_strategy": _word("REPLACE MERGE_PATCH"),
        "correlation_id": _text(MAX_CORRELATION, least=0),
        "queue": _QUEUE,
        "ttl": _text(pattern=TTL),
        "processing_strategy": _word("DEFAULT DISPATCH_ONLY"),
        "message_content_type": _word("CONTENT_UNKNOWN CONTENT_MARKETING CONTENT_NOTIFICATION"),
    },
)
_NOTHING = _object("No fields.", {})
_EVENT = _object(
    "The body of events:send.",
    {
        "app_id*": _text(),
        "recipient*": _ref("recipient"),
        "event*": _one(
            "Exactly one.",
            {
                "composing_event": _NOTHING,
                "composing_end_event": _NOTHING,
                "read_message_event": _NOTHING,
                "comment_reply_event": _ref("text"),
                "agent_joined_event": _object("", {"agent*": _ref("agent")}),
                "agent_left_event": _object("", {"agent*": _ref("agent")}),
                "generic_event": _object("", {"payload*": {"type": "object"}}),
            },
        ),
        "callback_url": _CALLBACK_URL,
        "channel_priority_order": _list(_CHANNEL, 1),
        "event_metadata": _text(MAX_METADATA, least=0),
        "queue": _QUEUE,
    },
)
_TOKEN = _object(
    "The form sent to the token endpoint, beside HTTP Basic.", {"grant_type*": _const("client_credentials")}
)
_SVAML = _text(doc="SVAML as a text that holds JSON, or an address to ask.")
_CALLOUT = _object(
    "The body of a voice callout that SVAML of ours routes.",
    {
        "method*": _const("customCallout"),
        "customCallout*": _object(
            "",
            {
                "ice": _SVAML,
                "ace": _SVAML,
                "pie": _SVAML,
                "custom": _text(1024, least=0),
                "cli": _text(64),
                "destination": _object("", {"type*": _word("number username sip"), "endpoint*": _text(256)}),
                "dtmf": _text(128, pattern="^[0-9#w]+$"),
                "maxDuration": _integer(1, MAX_DURATION),
            },
            anyOf=_having("ice", "destination"),
        ),
    },
)

REQUESTS: Mapping[str, Json] = {"send": _SEND, "event": _EVENT, "token": _TOKEN, "callout": _CALLOUT}
"""The body of each request, by its name in :func:`schema`."""


def schema(request: str = "") -> Json:
    """The JSON Schema (2020-12) of one of ``REQUESTS``, or of any of them."""
    parts = {**DEFINITIONS, "message": _MESSAGE, "identity": _IDENTITY, "recipient": _RECIPIENT}
    whole = _ref(request) if request else {"oneOf": [_ref(name) for name in REQUESTS]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Requests to Sinch: messages, events, access tokens, callouts",
        **whole,
        "$defs": {**REQUESTS, **parts},
    }


def schema_text() -> str:
    """The schema as its file holds it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(schema_text(), end="")
