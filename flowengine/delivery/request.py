"""Requests of http steps that nobody waits for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from flowengine.delivery.base import Desk
from flowengine.engine.outside import put_in
from flowengine.fetch import Request
from flowengine.stores.base import Leased

PASSING = (408, 425, 429)


@dataclass(frozen=True, slots=True)
class Requests:
    desk: Desk

    def __call__(self, leased: Leased, payload: Mapping[str, Any]) -> None:
        text = orjson.dumps(payload["request"]).decode()
        asked = orjson.loads(put_in(text, payload["nonce"], self.desk.service.env))
        pairs = {name: tuple((key, value) for key, value in asked[name]) for name in ("headers", "query", "form")}
        request = Request(**{**asked, **pairs})
        response = self.desk.service.ask(request, request.timeout)
        if 200 <= response.status < 300:
            self.desk.store.settle(leased)
        elif response.status and response.status < 500 and response.status not in PASSING:
            self.desk.bury(leased, f"status {response.status}")
        else:
            self.desk.later(leased, response.failure or f"status {response.status}")
