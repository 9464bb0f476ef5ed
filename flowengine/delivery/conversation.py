"""Turns of conversations that were left to a worker, the calls they place, and what those calls came to."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowengine.chats import Engaged
from flowengine.delivery.base import Desk
from flowengine.engine.outcome import TurnFailed
from flowengine.logs import told as told_log
from flowengine.stores.base import Leased

LOG = logging.getLogger("flowengine")


@dataclass(frozen=True, slots=True)
class ChatTurns:
    desk: Desk

    def __call__(self, leased: Leased, payload: Mapping[str, Any]) -> None:
        try:
            self.desk.service.chats.carry(leased.id, leased.session, payload)
        except Engaged as engaged:
            self.desk.store.retry(leased, engaged.until)
            return
        self.desk.store.settle(leased)


@dataclass(frozen=True, slots=True)
class Dials:
    """A call that a conversation wants: its session has the row's id, so that it is begun once."""

    desk: Desk

    def __call__(self, leased: Leased, payload: Mapping[str, Any]) -> None:
        try:
            self.desk.service.dial(payload["flow"], payload["with"], leased.id, payload["told"])
        except (TurnFailed, KeyError) as error:
            self._refuse(leased, payload["told"], error)
        else:
            self.desk.store.settle(leased)

    def _refuse(self, leased: Leased, told: Mapping[str, Any], error: Exception) -> None:
        """The call cannot even begin: its number is none, say, or its flow is gone."""
        name = type(error).__name__
        LOG.error("a call could not be begun: %s", name, extra=told_log("failed_dial", error=name))
        self.desk.service.chats.called({**told, "outcome": "error", "result": {}})
        self.desk.bury(leased, f"the call could not be begun: {type(error).__name__}")


@dataclass(frozen=True, slots=True)
class Returns:
    desk: Desk

    def __call__(self, leased: Leased, payload: Mapping[str, Any]) -> None:
        self.desk.service.chats.called(payload)
        self.desk.store.settle(leased)
