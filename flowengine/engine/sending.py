"""A message of a turn → the row of the outbox that a worker sends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowengine.engine.outcome import Effect
from flowengine.engine.person import talk_record
from flowengine.engine.talk import Talk
from flowengine.webhooks import talk_key

LANE = "send/"
"""The lane of the outbox in which the messages to a contact stand, by the key of the conversation."""


def from_conversation(talk: Talk, key: str, row: str, send: Mapping[str, Any], at: float) -> Effect:
    """``send`` has ``content`` and maybe ``instead``, ``tag`` and ``farewell``; ``at`` is the turn's Unix time."""
    channels = talk.channels or [talk.channel]
    return _effect(talk.app, channels, talk.identity, talk.sender, key, row, send, at)


def from_call(app: str, channel: str, to: str, content: Mapping[str, Any], at: float) -> Effect:
    """``to`` is a number in E.164, or what else names somebody on the channel."""
    identity = to.removeprefix("+")
    return _effect(app, [channel], identity, "", talk_key(app, channel, identity), "", {"content": dict(content)}, at)


def _effect(
    app: str, channels: list[str], identity: str, sender: str, key: str, row: str, send: Mapping[str, Any], at: float
) -> Effect:
    payload = {
        "app": app,
        "channels": channels,
        "identity": identity,
        "sender": sender,
        "talk": talk_record(key),
        "at": at,
        **send,
    }
    return Effect("send", payload, row, LANE + key)
