"""Changes of live calls (PATCH). Their place is committed once the call has changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowengine.delivery.base import Calls, Desk
from flowengine.service import fill_secrets
from flowengine.sinch.credentials import NO_KEYS
from flowengine.sinch.voice import Ambiguous, VoiceError
from flowengine.stores.base import Leased

TRIES = 3
"""How often a change is sent while nobody can tell whether it arrived: the caller is waiting."""


@dataclass(frozen=True, slots=True)
class Changes:
    desk: Desk
    client: Calls | None

    def __call__(self, leased: Leased, payload: Mapping[str, Any]) -> None:
        desk = self.desk
        if self.client is None:
            desk.refuse(leased, payload, NO_KEYS)
            return
        if not desk.service.wanted(leased.session, payload):
            desk.store.settle(leased)
            return
        try:
            svaml = fill_secrets(payload["svaml"].encode(), desk.service.env)
            self.client.patch_call(payload["call"], svaml, payload["url"])
        except VoiceError as error:
            passing = isinstance(error, Ambiguous) or (payload["call"] and error.status in (0, 429, 500, 503))
            if passing and leased.attempts < TRIES:
                desk.store.retry(leased, desk.now() + leased.attempts)
                return
            desk.refuse(leased, payload, error.sentence)
            return
        desk.service.patched(leased.session, payload["redo"], payload["at"])
        desk.store.settle(leased)
        desk.settled(leased.session, "")
