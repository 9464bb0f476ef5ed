"""One notification of the Conversation API out of a request body, however it is spelt."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from flowengine.callbacks import BadBody, Fields, json_object
from flowengine.messages.channels import PHONE_CHANNELS
from flowengine.webhooks.content import content_of
from flowengine.webhooks.parts import Consent, Identity, Inbound, Link, Person, Receipt, Webhook
from flowengine.webhooks.values import (
    bare,
    json_of,
    object_in,
    objects_in,
    text_of,
    texts_of,
    unix,
    who,
)

TRIGGERS = {
    "message": "MESSAGE_INBOUND",
    "message_delivery_report": "MESSAGE_DELIVERY",
    "message_submit_notification": "MESSAGE_SUBMIT",
    "event": "EVENT_INBOUND",
    "message_redaction": "MESSAGE_INBOUND_SMART_CONVERSATION_REDACTION",
    "event_delivery_report": "EVENT_DELIVERY",
    "opt_in_notification": "OPT_IN",
    "opt_out_notification": "OPT_OUT",
    "conversation_start_notification": "CONVERSATION_START",
    "conversation_stop_notification": "CONVERSATION_STOP",
    "conversation_delete_notification": "CONVERSATION_DELETE",
    "contact_create_notification": "CONTACT_CREATE",
    "contact_update_notification": "CONTACT_UPDATE",
    "contact_delete_notification": "CONTACT_DELETE",
    "contact_merge_notification": "CONTACT_MERGE",
    "duplicated_contact_identities_notification": "CONTACT_IDENTITIES_DUPLICATION",
    "duplicated_identities_notification": "CONTACT_IDENTITIES_DUPLICATION",
    "duplicated_identities": "CONTACT_IDENTITIES_DUPLICATION",
    "capability_notification": "CAPABILITY",
    "channel_event_notification": "CHANNEL_EVENT",
    "channel_event": "CHANNEL_EVENT",
    "unsupported_callback": "UNSUPPORTED",
    "unsupported": "UNSUPPORTED",
    "smart_conversation_notification": "SMART_CONVERSATIONS",
    "record_notification": "RECORD_NOTIFICATION",
    "batch_status_update": "BATCH_STATUS_UPDATE",
    "batch_status_update_notification": "BATCH_STATUS_UPDATE",
}
"""The trigger that each body key tells of. No field on the wire names it; the first key here that is there counts."""

SUBMITTED = "SUBMITTED"
_RANKS = {
    "QUEUED": 1,
    SUBMITTED: 2,
    "QUEUED_ON_CHANNEL": 3,
    "SWITCHING_CHANNEL": 4,
    "DELIVERED": 5,
    "READ": 6,
    "FAILED": 7,
}
_ESCAPES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)
"""Whole pairs, then halves of them (the group), then every other escape of JSON."""
_FINAL = frozenset({"READ", "FAILED"})


def read(body: bytes) -> Webhook:
    """The notification in a request body of UTF-8 JSON that is known to be authentic, or :class:`BadBody`."""
    fields = _fields(body)
    get = fields.get
    key = "message" if get("message").__class__ is dict else _body_key(fields)
    part = object_in(get(key))
    accepted = unix(get("accepted_time")) or unix(part.get("accept_time"))
    app, project, correlation = texts_of(get("app_id", ""), get("project_id", ""), get("correlation_id", ""))
    common = (TRIGGERS.get(key, ""), app, project, accepted, json_of(get("message_metadata")), correlation, fields)
    return Webhook(*common, **_READERS[key](part, accepted)) if key in _READERS else Webhook(*common)


def _fields(body: bytes) -> Fields:
    """The object; half of a character, as is left where a text was cut inside an emoji, becomes U+FFFD."""
    try:
        return json_object(body)
    except BadBody:
        mended = _ESCAPES.sub(lambda found: found[0] if found[1] is None else rb"\ufffd", body)
        if mended == body:
            raise
        return json_object(mended)


def rank(status: str) -> int:
    """How far a status is: a receipt with a lower one than is known comes late. 0 is a status that is not known."""
    return _RANKS.get(status, 0)


def _body_key(fields: Fields) -> str:
    for key in TRIGGERS:
        found = fields.get(key).__class__
        if found is dict or (found is list and key == "duplicated_identities"):
            return key
    return ""


def _is_own(part: Fields, ours: str) -> bool:
    """Whether it went to the contact, by its direction or by holding the app's content, called ``ours``."""
    direction = part.get("direction")
    if direction != "TO_APP" and text_of(direction).upper() == "TO_CONTACT":
        return True
    return part.get(ours) is not None


def _message(part: Fields, accepted: float) -> Fields:
    channel, identity, scope = who(part)
    get = part.get
    id, sender, contact, conversation, mode = texts_of(
        get("id", ""),
        get("sender_id", ""),
        get("contact_id", ""),
        get("conversation_id", ""),
        get("processing_mode", ""),
    )
    sender = bare(channel, sender)
    if _is_own(part, "app_message") or (identity and identity == sender and channel in PHONE_CHANNELS):
        return {}
    given = object_in(get("contact_message"))
    kind, content = content_of(given)
    if quoted := given.get("reply_to"):
        content["reply_to"] = text_of(object_in(quoted).get("message_id"))
    inbound = Inbound(
        id,
        kind,
        channel,
        identity,
        scope,
        sender,
        contact,
        conversation,
        json_of(get("metadata")),
        mode,
        get("injected") is True,
        unix(get("accept_time")) or accepted,
        **content,
    )
    return {"inbound": inbound}


def _submit(part: Fields, accepted: float) -> Fields:
    return _receipt(part, SUBMITTED, part.get("message_id"))


def _delivery(part: Fields, accepted: float) -> Fields:
    return _receipt(part, part.get("status"), part.get("message_id"))


def _event_delivery(part: Fields, accepted: float) -> Fields:
    return _receipt(part, part.get("status"), part.get("event_id"))


def _receipt(part: Fields, told: Any, message_id: Any) -> Fields:
    channel, identity, _ = who(part)
    status = text_of(told).upper()
    contact, metadata = text_of(part.get("contact_id")), json_of(part.get("metadata"))
    known = (text_of(message_id), status, status in _FINAL, channel, identity, contact, metadata)
    reason = part.get("reason")
    if reason.__class__ is dict:
        get = reason.get
        why = texts_of(get("code", ""), get("sub_code", ""), get("description", ""))
    else:
        why = (text_of(reason),)
    return {"receipt": Receipt(*known, *why)}


def _event(part: Fields, accepted: float) -> Fields:
    name, content = _event_kind(part)
    if name != "shortlink_activated_event" or _is_own(part, "app_event"):
        return {"event": name.removesuffix("_event")}
    channel, identity, scope = who(part)
    link = Link(
        id=text_of(part.get("id")),
        payload=text_of(content.get("payload")),
        ref=text_of(content.get("ref")),
        title=text_of(content.get("title")),
        source=text_of(content.get("source")),
        channel=channel,
        identity=identity,
        app_scoped=scope,
        contact_id=text_of(part.get("contact_id")),
        conversation_id=text_of(part.get("conversation_id")),
        mode=text_of(part.get("processing_mode")),
        accept=unix(part.get("accept_time")) or accepted,
    )
    return {"link": link}


def _event_kind(part: Fields) -> tuple[str, Fields]:
    for holder in ("contact_message_event", "contact_event", "app_event"):
        for name, content in object_in(part.get(holder)).items():
            if content is not None:
                return name, object_in(content)
    return "unknown", {}


def _opt_in(part: Fields, accepted: float) -> Fields:
    return _consent(part, out=False)


def _opt_out(part: Fields, accepted: float) -> Fields:
    return _consent(part, out=True)


def _consent(part: Fields, out: bool) -> Fields:
    channel, identity, _ = who(part)
    contact, request, status = texts_of(part.get("contact_id", ""), part.get("request_id", ""), part.get("status", ""))
    return {"consent": Consent(out, status.upper().endswith("_SUCCEEDED"), channel, identity, contact, request)}


def _contact(part: Fields, accepted: float) -> Fields:
    return {"person": _person(part.get("contact"), part.get("contact_id") or part.get("deleted_contact_id"))}


def _merge(part: Fields, accepted: float) -> Fields:
    gone = object_in(part.get("deleted_contact")).get("id") or part.get("deleted_contact_id")
    stays = part.get("preserved_contact_id") or part.get("contact_id")
    return {"person": _person(part.get("preserved_contact") or part.get("contact"), stays, text_of(gone))}


def _person(contact: Any, id: Any, merged: str = "") -> Person:
    get = object_in(contact).get
    name, language = text_of(get("display_name")), text_of(get("language"))
    return Person(
        text_of(get("id") or id),
        "" if name == "Unknown" else name,
        "" if language == "UNSPECIFIED" else language,
        text_of(get("email")),
        text_of(get("external_id")),
        tuple(Identity(*who({"channel_identity": each})) for each in objects_in(get("channel_identities"))),
        merged,
    )


_READERS: dict[str, Callable[[Fields, float], Fields]] = {
    "message": _message,
    "message_redaction": _message,
    "message_delivery_report": _delivery,
    "message_submit_notification": _submit,
    "event": _event,
    "event_delivery_report": _event_delivery,
    "opt_in_notification": _opt_in,
    "opt_out_notification": _opt_out,
    "contact_create_notification": _contact,
    "contact_update_notification": _contact,
    "contact_delete_notification": _contact,
    "contact_merge_notification": _merge,
}
