"""Turns of conversations that were left to a worker, the calls they place, and what those calls came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowengine.chats import Engaged
from flowengine.delivery.base import Desk
from flowengine.stores.base import Leased


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
        self.desk.service.dial(payload["flow"], payload["with"], leased.id, payload["told"])
        self.desk.store.settle(leased)


@dataclass(frozen=True, slots=True)
class Returns:
    desk: Desk

    def __call__(self, leased: Leased, payload: Mapping[str, Any]) -> None:
        self.desk.service.chats.called(payload)
        self.desk.store.settle(leased)
