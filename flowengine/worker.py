"""Drains the outbox and the timers: each row is leased, so that several workers never do one thing twice."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic

import orjson

from flowengine.delivery.base import Calls, Carrier, Desk, Sends
from flowengine.delivery.callout import Callouts
from flowengine.delivery.change import Changes
from flowengine.delivery.conversation import ChatTurns, Dials, Returns
from flowengine.delivery.message import Messages
from flowengine.delivery.occasion import Dates, Schedules
from flowengine.delivery.request import Requests
from flowengine.engine.outcome import NotTaken
from flowengine.logs import told
from flowengine.service import Service, UnknownSession
from flowengine.settings import LEASE, Refusal, application, lease
from flowengine.sinch.conversation import TIMEOUT, ConversationClient
from flowengine.sinch.credentials import Credentials, Misconfigured
from flowengine.sinch.voice import VoiceClient
from flowengine.stores.base import Leased, StoreDown

LOG = logging.getLogger("flowengine")
IDLE = 0.2
SWEEP = 60.0
LOOK = 20.0
"""Seconds between two looks at what days of the week begin."""
MOST_AT_ONCE = 16
HELPERS = 3
"""Threads beside the one that works on the timers."""


@dataclass(slots=True)
class Worker:
    """``client`` is None without credentials: then callouts and changes of live calls are refused, with a reason.

    Without a ``sender`` messages wait for one. ``lease`` is how many seconds a row is left to who took it; the receipt
    of an uncertain send is waited for twice as long.
    """

    service: Service
    client: Calls | None
    application: str = ""
    sender: Sends | None = None
    lease: float = LEASE
    stopped: threading.Event = field(default_factory=threading.Event)
    desk: Desk = field(init=False)
    carriers: dict[str, Carrier] = field(init=False)

    def __post_init__(self) -> None:
        self.desk = Desk(self.service)
        self.carriers = {
            "callout": Callouts(self.desk, self.client, self.application),
            "patch": Changes(self.desk, self.client),
            "http": Requests(self.desk),
            "send": Messages(self.desk, self.sender, 2 * self.lease),
            "turn": ChatTurns(self.desk),
            "dial": Dials(self.desk),
            "told": Returns(self.desk),
            "occasion": Dates(self.desk),
        }

    @staticmethod
    def from_env(service: Service, env: Mapping[str, str]) -> Worker:
        """With the clients that ``env`` has credentials for. Raises :class:`~flowengine.settings.Refusal`."""
        try:
            credentials = Credentials.from_env(env)
            client = VoiceClient.from_env(credentials, env) if credentials else None
            seconds = lease(env)
            sender = ConversationClient.from_env(env, min(TIMEOUT, seconds))
        except Misconfigured as error:
            raise Refusal(str(error)) from None
        return Worker(service, client, application(env), sender, seconds)

    @property
    def done(self) -> dict[str, str]:
        return self.desk.done

    def run(self) -> None:
        """Until SIGTERM or SIGINT; what is under way is finished first."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: self.stopped.set())
        self.loop()

    def loop(self) -> None:
        """Until ``stopped`` is set. A store that one process holds alone is drained by a thread of that process."""
        helpers = [threading.Thread(target=self._help, daemon=True) for _ in range(HELPERS)]
        for each in helpers:
            each.start()
        self._work()
        for each in helpers:
            each.join()

    def _help(self) -> None:
        """Rows of the outbox only: a server that hangs must not hold up timers, calls and everybody else's messages."""
        while not self.stopped.is_set():
            try:
                worked = self._outbox()
            except StoreDown:  # the thread that works on the timers says so
                worked = 0
            if not worked:
                self.stopped.wait(IDLE)

    def _work(self) -> None:
        swept = looked = 0.0
        while not self.stopped.is_set():
            try:
                worked = self.step()
                if monotonic() - looked > LOOK:
                    Schedules(self.desk).tick()
                    looked = monotonic()
                if monotonic() - swept > SWEEP:
                    self.service.look_after()
                    swept = monotonic()
            except StoreDown as error:
                self.service.counted("store_down")
                LOG.error("the store is down: %s", error, extra=told("store_down", on="worker"))
                worked = 0
            if not worked:
                self.stopped.wait(IDLE)

    def step(self) -> int:
        """One look at timers and outbox; how many rows were worked on."""
        now = self.service.clock()
        timers = self.service.store.due(now, self.lease)
        for leased in timers:
            self._timer(leased)
        return len(timers) + self._outbox()

    def _outbox(self) -> int:
        """One row at a time: a row that waited here for slow ones would outlive its lease."""
        for worked in range(MOST_AT_ONCE):
            taken = self.service.store.take(self.service.clock(), self.lease, 1)
            if not taken:
                return worked
            self._effect(taken[0])
        return MOST_AT_ONCE

    def _timer(self, leased: Leased) -> None:
        try:
            self.service.woken(leased.session)
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
            first, then = type(error).__name__, type(another).__name__
            LOG.error("a timer failed: %s, then %s", first, then, extra=told("failed_timer", error=then))

    def _effect(self, leased: Leased) -> None:
        carry = self.carriers.get(leased.kind)
        if carry is None:
            self.desk.bury(leased, f"nothing carries out {leased.kind}")
            return
        try:
            carry(leased, orjson.loads(leased.payload))
        except StoreDown:
            raise
        except Exception as error:
            extra = told("failed_effect", kind=leased.kind, error=type(error).__name__)
            LOG.error("an effect of kind %s failed: %s", leased.kind, type(error).__name__, extra=extra)
            self.desk.later(leased, f"{type(error).__name__}")


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
