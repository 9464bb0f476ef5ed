"""Keys that tell notifications and conversations apart without holding a number."""

from __future__ import annotations

from hashlib import blake2b

from flowengine.callbacks import Fields
from flowengine.webhooks.parts import Consent, Receipt, Webhook
from flowengine.webhooks.values import SCOPED_CHANNELS, bare, channel_named, text_of


def dedupe_key(webhook: Webhook, body: bytes, app: str = "") -> str:
    """The same for every delivery of one notification: 32 hexadecimal digits that hold no number.

    A message counts once per id, masked or not; a receipt per message, status and channel; an event per id;
    an event's receipt per event and status; a consent per request, status and time; any other per body.
    ``app`` is the app that the notification is filed under.
    """
    parts = _act(webhook)
    return _digest("body", app, body=body) if parts is None else _digest(*parts, app)


def talk_key(app: str, channel: str, identity: str, app_scoped: str = "") -> str:
    """A key for the conversation with one contact: 32 hexadecimal digits that hold no number.

    Identities of one phone number, with or without ``+``, and old and new names of a channel are the same.
    ``app_scoped`` counts only on channels whose identities are; there an empty one is ``app``.
    """
    channel = channel_named(channel)
    scope = (app_scoped or app) if channel in SCOPED_CHANNELS else ""
    return _digest("talk", app, channel, bare(channel, identity), scope)


def label_of(postback: str, message_id: str) -> str:
    """The label in the postback of a choice that had none of its own, ``<message_id>_<label>``; else ``""``."""
    prefix = f"{message_id}_"
    return postback[len(prefix) :] if message_id and postback.startswith(prefix) else ""


def _act(webhook: Webhook) -> tuple[str, ...] | None:
    """What makes a notification the one it is, or None where only its body does."""
    if webhook.inbound is not None:
        return ("message", webhook.inbound.id) if webhook.inbound.id else None
    if webhook.receipt is not None:
        return _receipt_act(webhook.trigger, webhook.receipt)
    if webhook.consent is not None:
        return _consent_act(webhook.fields, webhook.consent)
    if webhook.trigger == "EVENT_INBOUND":
        id = text_of(webhook.fields["event"].get("id"))
        return ("event", id) if id else None
    return None


def _receipt_act(trigger: str, receipt: Receipt) -> tuple[str, ...] | None:
    if not receipt.message_id or not receipt.status:
        return None
    if trigger == "EVENT_DELIVERY":
        return "event receipt", receipt.message_id, receipt.status
    return "receipt", receipt.message_id, receipt.status, receipt.channel


def _consent_act(fields: Fields, consent: Consent) -> tuple[str, ...] | None:
    if not consent.request_id and not consent.identity:
        return None
    about = (consent.request_id,) if consent.request_id else (consent.channel, consent.identity)
    part = fields["opt_out_notification" if consent.out else "opt_in_notification"]
    return "out" if consent.out else "in", text_of(part.get("status")), text_of(fields.get("accepted_time")), *about


def _digest(*parts: str, body: bytes = b"") -> str:
    text = "".join([f"{len(part)}:{part}" for part in parts])
    return blake2b(text.encode("utf-8", "surrogatepass") + body, digest_size=16).hexdigest()
