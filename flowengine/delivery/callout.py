"""Callouts: never tried again once the request may have left, for a second one would ring a person twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowengine.delivery.base import Calls, Desk
from flowengine.service import fill_secrets
from flowengine.sinch.credentials import NO_KEYS
from flowengine.sinch.voice import Ambiguous, VoiceError
from flowengine.stores.base import Leased

UNHEARD = 660.0
"""Seconds after which a call that may ring and was never heard of is given up."""


@dataclass(frozen=True, slots=True)
class Callouts:
    """``application`` is the key under which callbacks are filed."""

    desk: Desk
    client: Calls | None
    application: str

    def __call__(self, leased: Leased, payload: Mapping[str, Any]) -> None:
        desk = self.desk
        if self.client is None:
            desk.refuse(leased, payload, NO_KEYS)
            return
        if leased.attempts > 1:
            desk.refuse(leased, payload, "nothing was heard of this call, and it is not placed again")
            return
        ice = fill_secrets(payload["ice"].encode(), desk.service.env).decode()
        try:
            call_id = self.client.custom_callout(ice, payload["custom"])
        except Ambiguous as error:
            # The call may ring: its callbacks carry our token and find the session. If none comes, the row is
            # taken once more after the longest ringing, and then it is refused.
            desk.settled(leased.session, error.sentence)
            desk.store.retry(leased, desk.now() + UNHEARD)
            return
        except VoiceError as error:
            desk.refuse(leased, payload, error.sentence)
            return
        desk.service.called(leased.session, call_id, self.application)
        desk.store.settle(leased)
        desk.settled(leased.session, "")
