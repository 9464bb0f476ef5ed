"""How things stand, read from the store: what waits, what is late, what is going on. Looked at every so often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from threading import Lock
from time import monotonic, time

from prometheus_client.core import GaugeMetricFamily, Metric

from flowengine import __version__
from flowengine.engine.session import BadSession, load
from flowengine.stores.backlog import backlog
from flowengine.stores.base import Store, StoreDown

FRESH = 15.0
"""Seconds that what was seen is told again."""
MOST = 2000
"""Sessions that are looked into; of those beyond, the flow is not told."""


class Standing:
    """A collector. ``url`` is the store's; ``revision`` gives what is served."""

    def __init__(self, store: Store, url: str, revision: Callable[[], str], clock: Callable[[], float] = time) -> None:
        self._store, self._url, self._revision, self._clock = store, url, revision, clock
        self._lock = Lock()
        self._seen: list[Metric] = []
        self._until = -1.0

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            if monotonic() >= self._until:
                self._seen = list(self._look())
                self._until = monotonic() + FRESH
            yield from self._seen

    def _look(self) -> Iterator[Metric]:
        build = GaugeMetricFamily("flowengine_build_info", "What serves.", labels=["version", "revision"])
        build.add_metric([__version__, self._revision()], 1)
        yield build
        try:
            found = [*self._backlog(), self._live(), self._letters()]
        except StoreDown:
            found = []
        yield GaugeMetricFamily("flowengine_store_up", "Whether the store could be read.", value=bool(found))
        yield from found

    def _backlog(self) -> Iterator[Metric]:
        now = self._clock()
        found = backlog(self._url, now)
        if found is None:
            return
        figures = (
            ("outbox_waiting", "Rows of the outbox, those under way too.", found.rows),
            ("outbox_due", "Rows that are due and with no worker.", found.due),
            ("outbox_oldest_due_seconds", "How long the first of them has been due.", now - (found.oldest or now)),
            ("timers_overdue", "Timers that are due and with no worker.", found.timers),
            (
                "timers_oldest_overdue_seconds",
                "How long the first of them has been due.",
                now - (found.oldest_timer or now),
            ),
        )
        for name, means, value in figures:
            yield GaugeMetricFamily(f"flowengine_{name}", means, value=max(0.0, value))

    def _live(self) -> Metric:
        flows: Counter[str] = Counter()
        left = MOST
        for each in self._store.revisions():
            seen = 0
            for _, data in self._store.of_revision(each.hash, min(left, each.live)) if left and each.live else ():
                flows[_flow(data)] += 1
                seen += 1
            left -= seen
            flows[""] += max(0, each.live - seen)
        found = GaugeMetricFamily("flowengine_live_sessions", "Calls and conversations going on.", labels=["flow"])
        for flow, many in sorted(flows.items()):
            if many:
                found.add_metric([flow], many)
        return found

    def _letters(self) -> Metric:
        means = "Dead letters that are kept (for a week)."
        return GaugeMetricFamily("flowengine_dead_letters", means, value=self._store.dead_letters())


def _flow(data: bytes) -> str:
    try:
        return load(data).flow
    except BadSession:
        return ""
