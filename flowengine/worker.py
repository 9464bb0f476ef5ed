"""Drains the outbox and the timers: places calls, changes live ones, sends what need not be waited for.

Rows are leased, so several workers never do one thing twice. A callout is never tried again once its request may
have left: a second one would ring a person twice.
"""

from __future__ import annotations

import logging
import random
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import orjson

from flowengine.engine.outside import put_in
from flowengine.engine.voice import NotTaken
from flowengine.fetch import Request
from flowengine.service import Service, UnknownSession, fill_secrets
from flowengine.sinch.voice import Ambiguous, VoiceClient, VoiceError
from flowengine.stores.base import Leased, StoreDown

LOG = logging.getLogger("flowengine")
LEASE = 30.0
IDLE = 0.2
SWEEP = 60.0
MOST_TRIES = 6


@dataclass(slots=True)
class Worker:
    """``client`` is None without credentials: then callouts and changes of live calls are refused, with a reason."""

    service: Service
    client: VoiceClient | None
    application: str = ""
    stopped: threading.Event = field(default_factory=threading.Event)
    done: dict[str, str] = field(default_factory=dict)

    def run(self) -> None:
        """Until SIGTERM or SIGINT; what is under way is finished first."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: self.stopped.set())
        self.loop()

    def loop(self) -> None:
        """Until ``stopped`` is set. A store that one process holds alone is drained by a thread of that process."""
        swept = 0.0
        while not self.stopped.is_set():
            try:
                worked = self.step()
                if monotonic() - swept > SWEEP:
                    self.service.store.sweep(self.service.clock())
                    swept = monotonic()
            except StoreDown as error:
                LOG.error("the store is down: %s", error)
                worked = 0
            if not worked:
                self.stopped.wait(IDLE)

    def step(self) -> int:
        """One look at timers and outbox; how many rows were worked on."""
        now = self.service.clock()
        timers = self.service.store.due(now, LEASE)
        for leased in timers:
            self._timer(leased)
        effects = self.service.store.take(now, LEASE)
        for leased in effects:
            self._effect(leased)
        return len(timers) + len(effects)

    def _timer(self, leased: Leased) -> None:
        try:
            self.service.event(leased.session, "elapsed")
        except (NotTaken, UnknownSession):
            pass
        except StoreDown:
            raise
        except Exception as error:
            LOG.error("a timer failed: %s", type(error).__name__)
        self.service.store.fired(leased)

    def _effect(self, leased: Leased) -> None:
        act = {"callout": self._callout, "patch": self._patch, "http": self._http}.get(leased.kind)
        if act is None:
            self.service.store.bury(leased, f"nothing carries out {leased.kind}", self.service.clock())
            return
        try:
            act(leased, orjson.loads(leased.payload))
        except StoreDown:
            raise
        except Exception as error:
            LOG.error("an effect of kind %s failed: %s", leased.kind, type(error).__name__)
            self._later(leased, f"{type(error).__name__}")

    def _refuse(self, leased: Leased, reason: str) -> None:
        self.done[leased.session] = reason
        self.service.store.bury(leased, reason, self.service.clock())
        self.service.refused(leased.session, reason)

    def _callout(self, leased: Leased, payload: Mapping[str, Any]) -> None:
        if self.client is None:
            self._refuse(leased, "VOICE_APPLICATION_KEY and VOICE_APPLICATION_SECRET are not set")
            return
        if leased.attempts > 1:
            self._refuse(leased, "a worker stopped while it placed this call; it is not placed again")
            return
        ice = fill_secrets(payload["ice"].encode(), self.service.env).decode()
        try:
            call_id = self.client.custom_callout(ice, payload["custom"])
        except Ambiguous as error:
            # The call may ring: its callbacks carry our token and find the session.
            self.done[leased.session] = error.sentence
            self.service.store.bury(leased, error.sentence, self.service.clock())
            return
        except VoiceError as error:
            self._refuse(leased, error.sentence)
            return
        self.service.called(leased.session, call_id, self.application)
        self.service.store.settle(leased)
        self.done[leased.session] = ""

    def _patch(self, leased: Leased, payload: Mapping[str, Any]) -> None:
        if self.client is None:
            self._refuse(leased, "VOICE_APPLICATION_KEY and VOICE_APPLICATION_SECRET are not set")
            return
        try:
            svaml = fill_secrets(payload["svaml"].encode(), self.service.env)
            self.client.patch_call(payload["call"], svaml, payload["url"])
        except VoiceError as error:
            self._refuse(leased, error.sentence)
            return
        self.service.patched(leased.session, payload["redo"], payload["at"])
        self.service.store.settle(leased)
        self.done[leased.session] = ""

    def _http(self, leased: Leased, payload: Mapping[str, Any]) -> None:
        text = orjson.dumps(payload["request"]).decode()
        asked = orjson.loads(put_in(text, payload["nonce"], self.service.env))
        pairs = {name: tuple((key, value) for key, value in asked[name]) for name in ("headers", "query", "form")}
        request = Request(**{**asked, **pairs})
        response = self.service.ask(request, request.timeout)
        if 200 <= response.status < 300:
            self.service.store.settle(leased)
        elif response.status and response.status < 500 and response.status not in (408, 425, 429):
            self.service.store.bury(leased, f"status {response.status}", self.service.clock())
        else:
            self._later(leased, response.failure or f"status {response.status}")

    def _later(self, leased: Leased, reason: str) -> None:
        if leased.attempts >= MOST_TRIES:
            self.service.store.bury(leased, reason, self.service.clock())
            return
        delay = min(600.0, 2.0**leased.attempts) * (0.5 + random.random())
        self.service.store.retry(leased, self.service.clock() + delay)


def drain(worker: Worker, session: str, seconds: float = 15.0, pause: Callable[[float], None] | None = None) -> str:
    """Work until this session's callout is settled: what went wrong, or nothing. For ``flowengine dial``."""
    wait = pause or worker.stopped.wait
    until = monotonic() + seconds
    while monotonic() < until:
        worker.step()
        if session in worker.done:
            return worker.done[session]
        current = worker.service.store.load(session)
        if current.session is not None and orjson.loads(current.session)["call"].get("id"):
            return ""
        wait(0.05)
    return "no worker has placed the call yet; it stays in the outbox"
