"""Messages to contacts: sent in order, held to consent and to the window of the channel, and never lost silently.

There is no idempotency key. A send that may or may not have arrived is left alone until its receipt, which carries
the row's id, has had time to come; only without one is it sent again. A worker that dies inside a send is the same.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import orjson

from flowengine.delivery.base import Desk, Sends
from flowengine.engine.person import talk_record
from flowengine.logs import told
from flowengine.messages.channels import is_phone, window
from flowengine.messages.envelope import envelope, reachable
from flowengine.sinch.conversation import Ambiguous, Limited, Permanent, SendError, back_off
from flowengine.stores.base import Leased
from flowengine.webhooks import talk_key

LOG = logging.getLogger("flowengine")
PATIENCE = 86_400.0
"""Seconds after which a message that could not be sent is given up."""
RECEIPT = 60.0
"""Seconds that the receipt of an uncertain send is waited for at first."""
GROWTH = 1.5
"""How much longer each time."""
LONGEST = 3600.0
PACE = 20.0
"""Messages a second that an app's queue is drained at; more would only wait there."""
NO_CREDENTIALS = 60.0
UNWANTED = "not_sent_opted_out"


class Pace:
    """Lets one through every so often, and none while the platform wants none; for all threads of a process."""

    def __init__(self, per_second: float = PACE) -> None:
        self._step = 1.0 / per_second
        self._next = 0.0
        self._lock = threading.Lock()
        self.shut = 0.0
        """Unix seconds before which nothing is sent: too many requests were made."""

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
    client: Sends | None
    receipt: float = RECEIPT
    pace: Pace = field(default_factory=Pace)

    def __call__(self, leased: Leased, payload: Mapping[str, Any]) -> None:
        desk, now = self.desk, self.desk.now()
        channels, shut = self._channels(payload, now)
        if not channels:
            desk.service.counted(UNWANTED)
            desk.store.settle(leased)
        elif now - payload["at"] > PATIENCE:
            self._give_up(leased, "it could not be sent within a day")
        elif self.client is None:
            desk.store.retry(leased, now + NO_CREDENTIALS)
        elif now < self.pace.shut:
            desk.store.retry(leased, self.pace.shut + random.random())
        else:
            self._compose(leased, {**payload, "channels": channels}, shut)

    def _channels(self, payload: Mapping[str, Any], now: float) -> tuple[list[str], set[str]]:
        """The channels on which the contact wants messages, and those of them that take only templates now."""
        known = {channel: self._known(payload, channel) for channel in payload["channels"]}
        wanted = [each for each in known if payload.get("farewell") or not known[each].get("out")]
        seen = {each: float(known[each].get("seen", 0)) for each in wanted}
        return wanted, {each for each in wanted if _is_shut(each, seen[each], now)}

    def _known(self, payload: Mapping[str, Any], channel: str) -> dict[str, Any]:
        """Consent and window belong to a channel, also where one conversation goes over several."""
        key = payload["talk"]
        if is_phone(channel):
            key = talk_record(talk_key(payload["app"], channel, payload["identity"]))
        found: dict[str, Any] = orjson.loads(self.desk.store.record(key) or b"{}")
        return found

    def _compose(self, leased: Leased, payload: Mapping[str, Any], shut: Collection[str]) -> None:
        left = reachable(payload, shut)
        if not left:
            self._give_up(leased, "the channel no longer takes free text, and the message has no template")
            return
        try:
            body = envelope({**payload, "channels": left}, leased.id, shut)
        except Exception as error:
            extra = told("failed_message", error=type(error).__name__)
            LOG.error("a message cannot be composed: %s", type(error).__name__, extra=extra)
            self._give_up(leased, "it cannot be composed")
            return
        self._send(leased, body)

    def _send(self, leased: Leased, body: Mapping[str, Any]) -> None:
        desk = self.desk
        assert self.client is not None
        threading.Event().wait(self.pace.wait())
        # From here on it may have arrived: should this process die, the row waits for its receipt all the same.
        if not desk.store.hold(leased, desk.now() + self.receipt):
            return
        try:
            self.client.send(body)
        except Permanent as error:
            self._give_up(leased, error.sentence)
        except SendError as error:
            LOG.warning("a message is sent later: %s", error.sentence, extra=told("sent_later"))
            desk.store.retry(leased, desk.now() + self._pause(leased, error))
        else:
            desk.service.counted("sent")
            desk.store.settle(leased)

    def _pause(self, leased: Leased, error: SendError) -> float:
        told = error.retry_after or 0.0
        if isinstance(error, Ambiguous):
            return max(told, min(LONGEST, self.receipt * GROWTH ** min(leased.attempts - 1, 40)))
        if isinstance(error, Limited) and error.retry_after is not None:
            self.pace.shut = max(self.pace.shut, self.desk.now() + told)
            return told
        return back_off(leased.attempts, isinstance(error, Limited))

    def _give_up(self, leased: Leased, reason: str) -> None:
        """A dead letter; if it was a question, its flow goes on with ``failed``."""
        self.desk.service.counted("not_sent")
        LOG.warning("a message is not sent: %s", reason, extra=told("not_sent"))
        self.desk.service.chats.undelivered(leased.id, reason)
        self.desk.bury(leased, reason)


def _is_shut(channel: str, seen: float, now: float) -> bool:
    """Whether the channel takes nothing but templates now: too long since the contact last wrote there."""
    opened = window(channel)
    return opened is not None and now - seen > opened
