"""Messages to contacts: sent in order, held to consent and to the window of the channel, and never lost silently.

There is no idempotency key. A send that may or may not have arrived is left alone until its receipt, which carries
the row's id, has had time to come; only without one is it sent again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import orjson

from flowengine.delivery.base import Desk
from flowengine.messages.channels import window
from flowengine.messages.envelope import envelope
from flowengine.sinch.conversation import Ambiguous, ConversationClient, Limited, Permanent, SendError, back_off
from flowengine.stores.base import Leased

LOG = logging.getLogger("flowengine")
PATIENCE = 86_400.0
"""Seconds after which a message that could not be sent is given up."""
RECEIPT = 60.0
"""Seconds that the receipt of an uncertain send is waited for."""
PACE = 20.0
"""Messages a second that an app's queue is drained at; more would only wait there."""
NO_CREDENTIALS = 60.0


class Pace:
    """Lets one through every so often; for all threads of a process."""

    def __init__(self, per_second: float = PACE) -> None:
        self._step = 1.0 / per_second
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> float:
        """Seconds to wait before the next one may go."""
        with self._lock:
            now = monotonic()
            at = max(now, self._next)
            self._next = at + self._step
            return at - now


@dataclass(frozen=True, slots=True)
class Messages:
    """``receipt`` is how long the receipt of an uncertain send is waited for (seconds)."""

    desk: Desk
    client: ConversationClient | None
    receipt: float = RECEIPT
    pace: Pace = field(default_factory=Pace)

    def __call__(self, leased: Leased, payload: Mapping[str, Any]) -> None:
        desk, now = self.desk, self.desk.now()
        if now - payload["at"] > PATIENCE:
            self._give_up(leased, "it could not be sent within a day")
            return
        talk = orjson.loads(desk.store.record(payload["talk"]) or b"{}")
        if talk.get("out") and not payload.get("farewell"):
            desk.service.counted("not_sent_opted_out")
            desk.store.settle(leased)
            return
        if self.client is None:
            desk.store.retry(leased, now + NO_CREDENTIALS)
            return
        shut = _is_shut(payload, float(talk.get("seen", 0)), now)
        if shut and not payload.get("instead"):
            self._give_up(leased, "the channel no longer takes free text, and the message has no template")
            return
        threading.Event().wait(self.pace.wait())
        self._send(leased, envelope(payload, leased.id, bool(shut)))

    def _send(self, leased: Leased, body: Mapping[str, Any]) -> None:
        desk = self.desk
        assert self.client is not None
        try:
            self.client.send(body)
        except Permanent as error:
            self._give_up(leased, error.sentence)
        except SendError as error:
            LOG.warning("a message is sent later: %s", error.sentence)
            desk.store.retry(leased, desk.now() + self._pause(leased, error))
        else:
            desk.service.counted("sent")
            desk.store.settle(leased)

    def _pause(self, leased: Leased, error: SendError) -> float:
        if isinstance(error, Ambiguous):
            return self.receipt
        if isinstance(error, Limited) and error.retry_after is not None:
            return error.retry_after
        return back_off(leased.attempts, isinstance(error, Limited))

    def _give_up(self, leased: Leased, reason: str) -> None:
        """A dead letter; if it was a question, its flow goes on with ``failed``."""
        self.desk.service.counted("not_sent")
        self.desk.service.chats.undelivered(leased.id, reason)
        self.desk.bury(leased, reason)


def _is_shut(payload: Mapping[str, Any], seen: float, now: float) -> bool:
    """Whether the channel takes nothing but templates now: too long since the contact last wrote."""
    opened = window(payload["channels"][0])
    return opened is not None and now - seen > opened
