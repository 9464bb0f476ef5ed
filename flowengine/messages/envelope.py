"""The whole request of one send: whom to, by which channels, and the message for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowengine.messages.compose import compose_for, properties


def envelope(payload: Mapping[str, Any], row: str, shut: bool = False) -> dict[str, Any]:
    """The body of ``messages:send`` for a row of the outbox, whose id ``row`` comes back with the receipts.

    ``payload`` has ``app channels identity contact sender content`` and maybe ``instead`` (a template) and ``tag``.
    ``shut``: the first channel takes nothing but templates now.
    """
    channels, tag = payload["channels"], payload.get("tag", "")
    content = payload["content"]
    if shut:
        content = {**content, "template": payload["instead"]}
    message = compose_for(content, channels, tag)
    body: dict[str, Any] = {
        "app_id": payload["app"],
        "recipient": {"identified_by": {"channel_identities": _identities(payload)}},
        "message": message,
        "channel_priority_order": list(channels) if channels[1:] else [],
        "channel_properties": _properties(payload),
        "message_metadata": row,
    }
    return {name: value for name, value in body.items() if value}


def _identities(payload: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"channel": each, "identity": payload["identity"]} for each in payload["channels"]]


def _properties(payload: Mapping[str, Any]) -> dict[str, str]:
    found = [properties(each, payload["sender"]) for each in payload["channels"]]
    return {name: value for each in found for name, value in each.items()}
