"""The whole request of one send: whom to, by which channels, and the message for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowengine.messages.compose import compose, properties


def envelope(payload: Mapping[str, Any], row: str, shut: bool = False) -> dict[str, Any]:
    """The body of ``messages:send`` for a row of the outbox, whose id ``row`` comes back with the receipts.

    ``payload`` has ``app channels identity contact sender content`` and maybe ``instead`` (a template) and ``tag``.
    ``shut``: the first channel takes nothing but templates now.
    """
    first, *others = payload["channels"]
    content, tag = payload["content"], payload.get("tag", "")
    if shut and payload.get("instead"):
        content = {**content, "template": payload["instead"]}
    message = compose(content, first, tag)
    own = {each: compose(payload["content"], each, tag) for each in others}
    if own:
        message["explicit_channel_omni_message"] = {name: _omni(each) for name, each in own.items()}
    body: dict[str, Any] = {
        "recipient": _recipient(payload),
        "message": message,
        "message_metadata": row,
        "channel_properties": properties(payload["channels"], payload["sender"]),
    }
    if payload["app"]:
        body["app_id"] = payload["app"]
    if others:
        body["channel_priority_order"] = list(payload["channels"])
    return {name: value for name, value in body.items() if value}
