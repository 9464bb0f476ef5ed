"""Webhooks as the platform writes them: every kind of inbound message, receipts, events, consent, contacts."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

from flowengine.sinch.fake.ids import Ids
from flowengine.sinch.fake.records import Record

Json = dict[str, Any]
Mode = Literal["DISPATCH", "CONVERSATION"]
SCOPED = ("MESSENGER", "INSTAGRAM", "LINE", "WECHAT")
"""Channels whose identities belong to one app."""


# --- what a contact can send -----------------------------------------------------------------------------


def text(words: str) -> Json:
    return {"text_message": {"text": words}}


def media(url: str, caption: str = "", filename: str = "") -> Json:
    """A file; with a caption it is another kind on the wire."""
    if caption:
        return {"media_card_message": {"url": url, "caption": caption}}
    return {"media_message": {"url": url, "thumbnail_url": "", "filename_override": filename}}


def location(latitude: float, longitude: float, title: str = "", label: str = "") -> Json:
    place = {"latitude": latitude, "longitude": longitude}
    return {"location_message": {"title": title, "label": label, "coordinates": place}}


def tap(message_id: str, postback: str) -> Json:
    """A tap on what the message ``message_id`` showed."""
    return {"choice_response_message": {"message_id": message_id, "postback_data": postback}}


def products(*ids: str, title: str = "", catalog: str = "88001") -> Json:
    """A filled basket, one of each."""
    found = [
        {"id": each, "marketplace": "FACEBOOK", "quantity": 1, "item_price": 9.5, "currency": "EUR"} for each in ids
    ]
    return {"product_response_message": {"products": found, "title": title, "catalog_id": catalog}}


def form(answers: Mapping[str, Any], body: str = "Sent") -> Json:
    """A WhatsApp Flow that was filled in."""
    reply = {"name": "flow", "response_json": orjson.dumps(answers).decode(), "body": body}
    return {
        "channel_specific_message": {"message_type": "nfm_reply", "message": {"type": "nfm_reply", "nfm_reply": reply}}
    }


def fallback(raw: str = '{"type":"poll"}') -> Json:
    """Something the platform has no kind for."""
    reason = {"code": "UNSUPPORTED_OPERATION", "description": "no mapping", "sub_code": "UNSPECIFIED_SUB_CODE"}
    return {"fallback_message": {"raw_message": raw, "reason": reason}}


# --- events ------------------------------------------------------------------------------------------------


def typing() -> Json:
    return {"contact_event": {"composing_event": {}}}


def reaction(message_id: str, emoji: str = "👍") -> Json:
    found = {"emoji": emoji, "action": "REACTION_ACTION_REACT", "message_id": message_id, "reaction_category": "like"}
    return {"contact_message_event": {"reaction_event": found}}


def link(ref: str, payload: str = "", title: str = "") -> Json:
    """A link into the chat was opened (Messenger, Instagram)."""
    found = {"payload": payload, "title": title, "ref": ref, "source": "SHORTLINK", "type": "OPEN_THREAD"}
    return {"contact_message_event": {"shortlink_activated_event": {**found, "existing_thread": False}}}


# --- whole bodies ------------------------------------------------------------------------------------------


class Bodies:
    """Builds bodies for one app. In ``DISPATCH`` there are no contacts: their ids are empty texts."""

    def __init__(self, app: str, project: str, ids: Ids, clock: Callable[[], float], mode: Mode) -> None:
        self.app = app
        self.project = project
        self.mode = mode
        self._ids = ids
        self._clock = clock
        self._contacts: dict[tuple[str, str, str], str] = {}

    def envelope(self, key: str, content: Json, metadata: str = "", correlation: str = "") -> Json:
        """A body whose trigger is told by ``key``."""
        now = stamp(self._clock())
        head = {"app_id": self.app, "project_id": self.project, "accepted_time": now, "event_time": now}
        return {**head, key: content, "message_metadata": metadata, "correlation_id": correlation}

    def inbound(
        self,
        content: Json,
        channel: str,
        identity: str,
        sender: str,
        *,
        message_id: str = "",
        reply_to: str = "",
        metadata: str = "",
        accepted: float | None = None,
    ) -> Json:
        """A message of a contact. ``sender`` is the business number written to, ``accepted`` Unix seconds."""
        quoted = {"reply_to": {"message_id": reply_to}} if reply_to else {}
        message = {
            "id": message_id or self._ids.new(),
            "direction": "TO_APP",
            "contact_message": {**content, **quoted},
            **self._who(channel, identity),
            "metadata": metadata,
            "accept_time": stamp(self._clock() if accepted is None else accepted),
            "sender_id": sender,
            "processing_mode": self.mode,
            "injected": False,
        }
        return self.envelope("message", message)

    def event(self, content: Json, channel: str, identity: str) -> Json:
        """An event of a contact: typing, a reaction, a link opened."""
        head = {"id": self._ids.new(), "direction": "TO_APP", **content}
        tail = {"accept_time": stamp(self._clock()), "processing_mode": self.mode}
        return self.envelope("event", {**head, **self._who(channel, identity), **tail})

    def submitted(self, record: Record) -> Json:
        """A message of ours leaves for its channel."""
        shown = {**record.message, "explicit_channel_message": record.message.get("explicit_channel_message", {})}
        return self._about(record, "message_submit_notification", {"submitted_message": shown})

    def receipt(self, record: Record, status: str, reason: str = "") -> Json:
        """What became of a message: QUEUED_ON_CHANNEL, DELIVERED, READ, or FAILED with a reason's code."""
        why = {"code": reason, "description": "as the test says", "sub_code": "UNSPECIFIED_SUB_CODE"}
        told = {"status": status, **({"reason": why} if reason else {})}
        return self._about(record, "message_delivery_report", told)

    def consent(self, out: bool, channel: str, identity: str) -> Json:
        """The platform's own opt-out, or opt-in."""
        way = "opt_out" if out else "opt_in"
        found = {
            "request_id": self._ids.new(),
            "contact_id": self._contact(channel, identity),
            "channel": channel,
            "identity": identity,
            "status": f"{way.upper()}_SUCCEEDED",
            "error_details": {"description": ""},
            "processing_mode": self.mode,
        }
        return self.envelope(f"{way}_notification", found)

    def contact(self, what: Literal["create", "update", "delete"], name: str, channel: str, identity: str) -> Json:
        """A contact was made, changed or deleted."""
        who = {"channel": channel, "identity": identity, "app_id": self._scope(channel)}
        found = {
            "id": self._contact(channel, identity) or self._ids.new(),
            "channel_identities": [who],
            "channel_priority": [],
            "display_name": name or "Unknown",
            "email": "",
            "external_id": "",
            "metadata": "",
            "language": "UNSPECIFIED",
        }
        return self.envelope(f"contact_{what}_notification", {"contact": found})

    def _about(self, record: Record, key: str, told: Json) -> Json:
        head = {"message_id": record.message_id, **self._who(record.channel, record.identity)}
        found = {**head, **told, "metadata": record.metadata, "processing_mode": self.mode}
        return self.envelope(key, found, correlation=str(record.body.get("correlation_id", "")))

    def _who(self, channel: str, identity: str) -> Json:
        return {
            "channel_identity": {"channel": channel, "identity": identity, "app_id": self._scope(channel)},
            "contact_id": self._contact(channel, identity),
            "conversation_id": self._contact(channel, identity, "conversation"),
        }

    def _scope(self, channel: str) -> str:
        return self.app if channel in SCOPED else ""

    def _contact(self, channel: str, identity: str, what: str = "contact") -> str:
        """The same id for the same person."""
        if self.mode == "DISPATCH":
            return ""
        key = (what, channel, identity)
        if key not in self._contacts:
            self._contacts[key] = self._ids.new()
        return self._contacts[key]


def trigger(body: Mapping[str, Any]) -> str:
    """The key that tells what a body is about."""
    head = ("app_id", "project_id", "accepted_time", "event_time", "message_metadata", "correlation_id")
    return next((key for key in body if key not in head), "")


def stamp(seconds: float) -> str:
    """Unix seconds as the platform writes them."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def signed(body: bytes, secret: str, nonce: str, seconds: float) -> dict[str, str]:
    """The headers of a webhook. Written apart from what checks them: one mistake must not hide on both sides."""
    timestamp = str(int(seconds))
    digest = hmac.digest(secret.encode(), b".".join((body, nonce.encode(), timestamp.encode())), "sha256")
    names: Sequence[tuple[str, str]] = (
        ("", b64encode(digest).decode()),
        ("-timestamp", timestamp),
        ("-nonce", nonce),
        ("-algorithm", "HmacSHA256"),
    )
    return {f"x-sinch-webhook-signature{name}": value for name, value in names}
