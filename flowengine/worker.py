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
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

import orjson

from flowengine.engine.outside import put_in
from flowengine.engine.session import BadSession, load
from flowengine.engine.voice import NotTaken
from flowengine.fetch import Request
from flowengine.redact import redact
from flowengine.service import Service, UnknownSession, fill_secrets
from flowengine.sinch.voice import Ambiguous, VoiceClient, VoiceError
from flowengine.stores.base import Leased, StoreDown

LOG = logging.getLogger("flowengine")
LEASE = 30.0
IDLE = 0.2
SWEEP = 60.0
UNHEARD = 660.0
MOST_TRIES = 6
MOST_AT_ONCE = 16
PATCH_TRIES = 3
"""How often a change of a live call is sent while nobody can tell whether it arrived: the caller is waiting."""
REMEMBERED = 1000


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
        return len(timers) + self._outbox()

    def _outbox(self) -> int:
        """One row at a time: a row that waited here for slow ones would outlive its lease."""
        for worked in range(MOST_AT_ONCE):
            taken = self.service.store.take(self.service.clock(), LEASE, 1)
            if not taken:
                return worked
            self._effect(taken[0])
        return MOST_AT_ONCE

    def _timer(self, leased: Leased) -> None:
        try:
            self.service.event(leased.session, "elapsed")
        except (NotTaken, UnknownSession):
            pass
        except StoreDown:
            raise
        except Exception as error:
            self._timer_broke(leased, error)
        self.service.store.fired(leased)

    def _timer_broke(self, leased: Leased, error: Exception) -> None:
        try:
            self.service.timer_broke(leased.session, error)
        except StoreDown:
            raise
        except Exception as another:
            LOG.error("a timer failed: %s, then %s", type(error).__name__, type(another).__name__)

    def _effect(self, leased: Leased) -> None:
        act = {"callout": self._callout, "patch": self._patch, "http": self._http}.get(leased.kind)
        if act is None:
            self._bury(leased, f"nothing carries out {leased.kind}")
            return
        try:
            act(leased, orjson.loads(leased.payload))
        except StoreDown:
            raise
        except Exception as error:
            LOG.error("an effect of kind %s failed: %s", leased.kind, type(error).__name__)
            self._later(leased, f"{type(error).__name__}")

    def _refuse(self, leased: Leased, payload: Mapping[str, Any], reason: str) -> None:
        # The row goes last: should this process die before, another one says it again, which changes nothing.
        self.service.refused(leased.session, reason, payload)
        self._settled(leased.session, reason)
        self._bury(leased, reason)

    def _settled(self, session: str, reason: str) -> None:
        self.done[session] = reason
        if len(self.done) > REMEMBERED:
            del self.done[next(iter(self.done))]

    def _bury(self, leased: Leased, reason: str) -> None:
        """A dead letter says what was to be done, without numbers and what is sensitive."""
        current = self.service.store.load(leased.session).session
        library = self.service.library
        try:
            hidden = library.hidden(load(current)) if current is not None else []
        except BadSession:
            hidden = []
        shown = redact(orjson.loads(leased.payload), hidden, library.digest)
        self.service.store.bury(replace(leased, payload=orjson.dumps(shown)), reason, self.service.clock())

    def _callout(self, leased: Leased, payload: Mapping[str, Any]) -> None:
        if self.client is None:
            self._refuse(leased, payload, "VOICE_APPLICATION_KEY and VOICE_APPLICATION_SECRET are not set")
            return
        if leased.attempts > 1:
            self._refuse(leased, payload, "nothing was heard of this call, and it is not placed again")
            return
        ice = fill_secrets(payload["ice"].encode(), self.service.env).decode()
        try:
            call_id = self.client.custom_callout(ice, payload["custom"])
        except Ambiguous as error:
            # The call may ring: its callbacks carry our token and find the session. If none comes, the row is
            # taken once more after the longest ringing, and then it is refused.
            self._settled(leased.session, error.sentence)
            self.service.store.retry(leased, self.service.clock() + UNHEARD)
            return
        except VoiceError as error:
            self._refuse(leased, payload, error.sentence)
            return
        self.service.called(leased.session, call_id, self.application)
        self.service.store.settle(leased)
        self._settled(leased.session, "")

    def _patch(self, leased: Leased, payload: Mapping[str, Any]) -> None:
        if self.client is None:
            self._refuse(leased, payload, "VOICE_APPLICATION_KEY and VOICE_APPLICATION_SECRET are not set")
            return
        if not self.service.wanted(leased.session, payload):
            self.service.store.settle(leased)
            return
        try:
            svaml = fill_secrets(payload["svaml"].encode(), self.service.env)
            self.client.patch_call(payload["call"], svaml, payload["url"])
        except VoiceError as error:
            passing = isinstance(error, Ambiguous) or (payload["call"] and error.status in (0, 429, 500, 503))
            if passing and leased.attempts < PATCH_TRIES:
                self.service.store.retry(leased, self.service.clock() + leased.attempts)
                return
            self._refuse(leased, payload, error.sentence)
            return
        self.service.patched(leased.session, payload["redo"], payload["at"])
        self.service.store.settle(leased)
        self._settled(leased.session, "")

    def _http(self, leased: Leased, payload: Mapping[str, Any]) -> None:
        text = orjson.dumps(payload["request"]).decode()
        asked = orjson.loads(put_in(text, payload["nonce"], self.service.env))
        pairs = {name: tuple((key, value) for key, value in asked[name]) for name in ("headers", "query", "form")}
        request = Request(**{**asked, **pairs})
        response = self.service.ask(request, request.timeout)
        if 200 <= response.status < 300:
            self.service.store.settle(leased)
        elif response.status and response.status < 500 and response.status not in (408, 425, 429):
            self._bury(leased, f"status {response.status}")
        else:
            self._later(leased, response.failure or f"status {response.status}")

    def _later(self, leased: Leased, reason: str) -> None:
        if leased.attempts >= MOST_TRIES:
            self._bury(leased, reason)
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
