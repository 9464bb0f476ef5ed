"""Counts what happens in one process. Made after the folder is known: prometheus_client looks at it as it is loaded."""

from __future__ import annotations

import atexit
import os
import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Mapping
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Histogram

from flowengine.breaker import Breaker
from flowengine.callbacks import EVENTS, Callback
from flowengine.engine.library import Library
from flowengine.fetch import Request, Response
from flowengine.metrics import labels
from flowengine.stores.base import Leased, Loaded, Store

if TYPE_CHECKING:
    from flowengine.turns import Attempt, Result

Ask = Callable[[Request, float], Response]
Call = Callable[[str, Mapping[str, Any], float], Any]
TURN = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.5)
STEP = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.8, 1.2, 2.5, 5.0, 10.0, 30.0)
PAUSE = 0.5
"""Seconds after which turns are counted at the latest, many at once: one by one they would cost each a few percent."""
MOST = 5000
"""Kinds of turns that are kept at hand."""

Key = tuple[str, str, str, str]


class Meter:
    """``flowengine_…_total`` and histograms of seconds, in the folder that all processes share."""

    def __init__(self) -> None:
        self._heard: deque[tuple[Library, Key, float]] = deque()
        self._counting = threading.Lock()
        into = CollectorRegistry()
        self._turns = Counter(
            "flowengine_turns", "Turns that were written.", ["flow", "event", "outcome"], registry=into
        )
        self._seconds = Histogram(
            "flowengine_turn_seconds", "From reading the session to having written it.", ["event"],
            registry=into, buckets=TURN,
        )  # fmt: skip
        self.counted = Counter("flowengine_counted", "What else happened, by name.", ["what"], registry=into)
        self._http = Histogram(
            "flowengine_http_step_seconds", "Http steps.", ["host", "result"], registry=into, buckets=STEP
        )
        self._functions = Histogram(
            "flowengine_function_step_seconds", "Function steps.", ["function", "result"], registry=into, buckets=STEP
        )
        self.rows = Counter(
            "flowengine_outbox_rows", "Rows of the outbox that workers were done with, this time.", ["kind", "result"],
            registry=into,
        )  # fmt: skip
        self._words: dict[str, labels.Words] = {}
        self._known: dict[Key, tuple[Any, Any]] = {}
        self._start()
        os.register_at_fork(after_in_child=self._start)
        atexit.register(self.count)

    def _start(self) -> None:
        self._counting = threading.Lock()
        threading.Thread(target=self._count_often, name="metrics", daemon=True).start()

    def _count_often(self) -> None:
        while True:
            sleep(PAUSE)
            self.count()

    def words(self, library: Library) -> labels.Words:
        found = self._words.get(library.revision)
        if found is None:
            found = self._words[library.revision] = labels.Words(library)
        return found

    def turn(self, attempt: Attempt[Any], result: Result) -> None:
        """One turn was written. Never raises: the answer is on its way."""
        heard = attempt.heard
        if heard is None or not result.told:
            return
        what, library = heard.what, attempt.library
        happened = what.event if what.__class__ is Callback else labels.event(what)
        key = (library.revision, attempt.session.flow, happened, result.event)
        self._heard.append((library, key, monotonic() - attempt.began))

    def count(self) -> None:
        """Everything that was heard up to now."""
        with self._counting:
            found: dict[Key, tuple[Library, list[float]]] = {}
            for _ in range(len(self._heard)):
                library, key, seconds = self._heard.popleft()
                found.setdefault(key, (library, []))[1].append(seconds)
            for key, (library, took) in found.items():
                count, seconds_of = self._known.get(key) or self._labelled(library, key)
                count.inc(len(took))
                _observe(seconds_of, took)

    def _labelled(self, library: Library, key: Key) -> tuple[Any, Any]:
        _, flow, event, outcome = key
        words = self.words(library)
        event = event if event in EVENTS | labels.HAPPENINGS | {"message", "link"} else labels.OTHER
        turns = self._turns.labels(words.flow(flow), event, words.outcome(outcome))
        found = turns, self._seconds.labels(event)
        if len(self._known) < MOST:
            self._known[key] = found
        return found

    def asking(self, ask: Ask, library: Callable[[], Library]) -> Ask:
        """``ask`` with its time taken."""

        def asked(request: Request, budget: float) -> Response:
            began = monotonic()
            response = ask(request, budget)
            host = self.words(library()).host(request)
            self._http.labels(host, labels.result(response)).observe(monotonic() - began)
            return response

        return asked

    def calling(self, call: Call) -> Call:
        """``call`` with its time taken. The names of functions are written in flows."""

        def called(name: str, arguments: Mapping[str, Any], timeout: float) -> Any:
            began, result = monotonic(), "error"
            try:
                value = call(name, arguments, timeout)
                result = "ok"
                return value
            except TimeoutError:
                result = "timeout"
                raise
            finally:
                self._functions.labels(name, result).observe(monotonic() - began)

        return called


def _observe(histogram: Any, took: list[float]) -> None:
    """As ``observe`` of each, with one write for each bucket."""
    histogram._sum.inc(sum(took))
    buckets = [0] * (len(TURN) + 1)
    for each in took:
        buckets[bisect_left(TURN, each)] += 1
    for number, many in enumerate(buckets):
        if many:
            histogram._buckets[number].inc(many)


class Counters(dict[str, int]):
    """The counters of a service, which are counted here as well."""

    def __init__(self, counter: Counter) -> None:
        super().__init__()
        self._counter = counter

    def __setitem__(self, name: str, value: int) -> None:
        self._counter.labels(labels.counted(name)).inc(value - self.get(name, 0))
        super().__setitem__(name, value)


class CountedStore(Breaker):
    """A store whose rows and stored answers are counted."""

    def __init__(self, store: Store, meter: Meter) -> None:
        super().__init__(store)
        if isinstance(store, Breaker):  # one is enough
            self.store, self.reading, self.writing = store.store, store.reading, store.writing
        self._rows, self._again = meter.rows, meter.counted.labels("stored_answer")

    def load(self, key: str, dedupe: str = "", *records: str) -> Loaded:
        found = self.reading.run(self.store.load, key, dedupe, *records)
        if found.answer is not None and key:
            self._again.inc()
        return found

    def settle(self, leased: Leased) -> bool:
        return self._row(leased, "done", super().settle(leased))

    def retry(self, leased: Leased, due: float) -> bool:
        return self._row(leased, "retried", super().retry(leased, due))

    def bury(self, leased: Leased, reason: str, now: float) -> bool:
        return self._row(leased, "buried", super().bury(leased, reason, now))

    def _row(self, leased: Leased, result: str, done: bool) -> bool:
        if done:
            self._rows.labels(leased.kind, result).inc()
        return done
