"""The whole request of one send: whom to, by which channels, and the message for each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from flowengine.messages.compose import compose_for, form, properties


def reachable(payload: Mapping[str, Any], shut: Collection[str]) -> list[str]:
    """The channels that take this message now; those in ``shut`` take nothing but templates."""
    content = _content(payload, shut)
    return [each for each in payload["channels"] if each not in shut or form(content, each) in ("template", "explicit")]


def envelope(payload: Mapping[str, Any], row: str, shut: Collection[str] = ()) -> dict[str, Any]:
    """The body of ``messages:send`` for a row of the outbox, whose id ``row`` comes back with the receipts.

    ``payload`` has ``app channels identity contact sender content`` and maybe ``instead`` (a template) and ``tag``.
    The channels in ``shut`` take nothing but templates now.
    """
    channels, tag = payload["channels"], payload.get("tag", "")
    message = compose_for(_content(payload, shut), channels, tag)
    body: dict[str, Any] = {
        "app_id": payload["app"],
        "recipient": {"identified_by": {"channel_identities": _identities(payload)}},
        "message": message,
        "channel_priority_order": list(channels) if channels[1:] else [],
        "channel_properties": _properties(payload),
        "message_metadata": row,
    }
    return {name: value for name, value in body.items() if value}


def _content(payload: Mapping[str, Any], shut: Collection[str]) -> Mapping[str, Any]:
    content: Mapping[str, Any] = payload["content"]
    if payload.get("instead") and not set(shut).isdisjoint(payload["channels"]):
        return {**content, "template": payload["instead"]}
    return content


def _identities(payload: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"channel": each, "identity": payload["identity"]} for each in payload["channels"]]


def _properties(payload: Mapping[str, Any]) -> dict[str, str]:
    found = [properties(each, payload["sender"]) for each in payload["channels"]]
    return {name: value for each in found for name, value in each.items()}
