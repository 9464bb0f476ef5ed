"""Posts webhooks to the application under test, and tries again while it does not answer 2xx."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import httpx
import orjson

from flowengine.fetch import hush
from flowengine.sinch.fake.bodies import signed
from flowengine.sinch.fake.ids import Ids
from flowengine.sinch.fake.records import Json, Posted

Target = str | Callable[..., Any]
"""An address, or a WSGI application."""


class NoTarget(Exception):
    """There is nowhere to post to."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """One notification, written and signed once: what is posted again is the same to the byte."""

    data: Json
    body: bytes
    headers: Mapping[str, str]


@dataclass(order=True, slots=True)
class _Job:
    due: float
    number: int
    webhook: Webhook = field(compare=False)
    tries: int = field(compare=False, default=0)


class Poster:
    """``post`` does it at once; what is put into the queue goes out by a thread of its own, in order of time."""

    def __init__(self, ids: Ids, clock: Callable[[], float], tries: int = 6) -> None:
        self.target: Target = ""
        self.secret = ""
        self.posted: list[Posted] = []
        self._ids = ids
        self._clock = clock
        self._tries = tries
        self._jobs: list[_Job] = []
        self._number = 0
        self._busy = False
        self._stopped = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._client: httpx.Client | None = None

    def write(self, data: Json) -> Webhook:
        """Sign a body. Without a secret there are no signature headers."""
        body = orjson.dumps(data)
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if self.secret:
            headers |= signed(body, self.secret, self._ids.new(), self._clock())
        return Webhook(data, body, headers)

    def post(self, webhook: Webhook) -> httpx.Response:
        if not self.target:
            raise NoTarget("say where webhooks go: FakeSinch.webhook(address or WSGI application)")
        hush()
        headers = dict(webhook.headers)
        if isinstance(self.target, str):
            return self._over_http().post(self.target, content=webhook.body, headers=headers)
        with httpx.Client(transport=httpx.WSGITransport(self.target), trust_env=False) as client:
            return client.post("http://app.test/webhook/conversation", content=webhook.body, headers=headers)

    def _over_http(self) -> httpx.Client:
        """One for all: to make one takes longer than a request."""
        with self._changed:
            if self._client is None:
                self._client = httpx.Client(trust_env=False, timeout=30.0)
            return self._client

    def queue(self, webhook: Webhook, after: float) -> None:
        """Post it in ``after`` seconds."""
        with self._changed:
            self._number += 1
            heapq.heappush(self._jobs, _Job(monotonic() + after, self._number, webhook))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="fake-sinch-webhooks", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def idle(self, seconds: float) -> bool:
        """Wait until nothing is queued; whether that came in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._jobs and not self._busy, seconds)

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            client, self._client = self._client, None
            self._changed.notify_all()
        if client is not None:
            client.close()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            status = self._try(job.webhook)
            with self._changed:
                self._busy = False
                self._done(job, status)
                self._changed.notify_all()

    def _next(self) -> _Job | None:
        with self._changed:
            while not self._stopped:
                wait = self._jobs[0].due - monotonic() if self._jobs else None
                if wait is not None and wait <= 0:
                    self._busy = True
                    return heapq.heappop(self._jobs)
                self._changed.wait(wait)
        return None

    def _try(self, webhook: Webhook) -> int:
        try:
            return self.post(webhook).status_code
        except Exception:  # a WSGI application may raise anything
            return 0

    def _done(self, job: _Job, status: int) -> None:
        tries = job.tries + 1
        if 200 <= status < 300 or tries >= self._tries:
            self.posted.append(Posted(job.webhook.data, status, tries))
            return
        heapq.heappush(self._jobs, _Job(monotonic() + 0.05 * 2**tries, job.number, job.webhook, tries))
