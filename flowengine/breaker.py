"""A store that fails is left alone for a while: who asks is told at once, and one at a time tries whether it is back.

Reading and writing are kept apart, since a file that another program has locked can be read all the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from time import monotonic
from typing import ParamSpec, TypeVar

from flowengine.logs import told
from flowengine.stores.base import (
    JournalRow,
    Leased,
    Letter,
    Loaded,
    Record,
    Revision,
    Store,
    StoreDown,
    Verdict,
    Write,
)

LOG = logging.getLogger("flowengine")
AFTER = 3
"""Failures in a row after which the store is left alone."""
PAUSE = 1.0
"""Seconds that it is."""

P = ParamSpec("P")
T = TypeVar("T")


class Circuit:
    """One way to the store. ``clock`` gives seconds from any beginning.

    There is no lock: two threads that try at the same moment do no harm, and a fork finds nothing held.
    """

    __slots__ = ("_after", "_clock", "_failures", "_pause", "_reason", "_until", "_way")

    def __init__(self, way: str, after: int, pause: float, clock: Callable[[], float]) -> None:
        self._way, self._after, self._pause, self._clock = way, after, pause, clock
        self._failures = 0
        self._until = 0.0
        self._reason = ""

    @property
    def is_open(self) -> bool:
        """Whether the store is left alone now."""
        return self._failures >= self._after

    def run(self, act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``act`` returns or raises; :class:`StoreDown` at once while the store is left alone."""
        if self._failures >= self._after:
            self._try()
        try:
            result = act(*args, **kwargs)
        except StoreDown as error:
            self._failed(error)
            raise
        except BaseException:
            self._worked()  # it had something to say, which is all that is asked here
            raise
        if self._failures:
            self._worked()
        return result

    def each(self, items: Iterator[T]) -> Iterator[T]:
        """The same for what is read piece by piece."""
        while True:
            try:
                item = self.run(next, items)
            except StopIteration:
                return
            yield item

    def _try(self) -> None:
        now = self._clock()
        if now < self._until:
            raise StoreDown(self._reason)
        self._until = now + self._pause  # this one tries; others are told at once meanwhile

    def _failed(self, error: StoreDown) -> None:
        self._failures += 1
        self._reason = str(error)
        if self._failures < self._after:
            return
        self._until = self._clock() + self._pause
        if self._failures == self._after:
            sentence = "%s the store is left alone for %g s at a time"
            LOG.warning(sentence, self._way, self._pause, extra=told("store_left_alone", on=self._way))

    def _worked(self) -> None:
        if self._failures >= self._after:
            LOG.warning("%s the store works again", self._way, extra=told("store_works", on=self._way))
        self._failures = 0


class Breaker:
    """A :class:`Store` in front of another one. A hanging store costs a callback at most its own time-out, once."""

    def __init__(
        self, store: Store, after: int = AFTER, pause: float = PAUSE, clock: Callable[[], float] = monotonic
    ) -> None:
        self.store = store
        self.shared = store.shared
        self.reading = Circuit("reading", after, pause, clock)
        self.writing = Circuit("writing", after, pause, clock)

    @property
    def durability(self) -> str:
        return self.store.durability

    def load(self, key: str, dedupe: str = "", *records: str) -> Loaded:
        return self.reading.run(self.store.load, key, dedupe, *records)

    def commit(self, write: Write) -> Verdict:
        return self.writing.run(self.store.commit, write)

    def claim(self, dedupe: str, now: float, lease: float) -> bool:
        return self.writing.run(self.store.claim, dedupe, now, lease)

    def take(self, now: float, lease: float, limit: int = 16) -> list[Leased]:
        return self.writing.run(self.store.take, now, lease, limit)

    def hold(self, leased: Leased, until: float) -> bool:
        return self.writing.run(self.store.hold, leased, until)

    def settle(self, leased: Leased) -> bool:
        return self.writing.run(self.store.settle, leased)

    def retry(self, leased: Leased, due: float) -> bool:
        return self.writing.run(self.store.retry, leased, due)

    def arrived(self, id: str) -> bool:
        return self.writing.run(self.store.arrived, id)

    def bury(self, leased: Leased, reason: str, now: float) -> bool:
        return self.writing.run(self.store.bury, leased, reason, now)

    def dead_letter(self, kind: str, reason: str, payload: bytes, now: float) -> None:
        self.writing.run(self.store.dead_letter, kind, reason, payload, now)

    def due(self, now: float, lease: float, limit: int = 16) -> list[Leased]:
        return self.writing.run(self.store.due, now, lease, limit)

    def fired(self, leased: Leased) -> bool:
        return self.writing.run(self.store.fired, leased)

    def record(self, key: str) -> bytes | None:
        return self.reading.run(self.store.record, key)

    def read(self, *keys: str) -> list[bytes | None]:
        return self.reading.run(self.store.read, *keys)

    def records(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        return self.reading.each(self.store.records(prefix))

    def merge(self, record: Record) -> None:
        self.writing.run(self.store.merge, record)

    def count(self, name: str, window: int) -> int:
        return self.reading.run(self.store.count, name, window)

    def journal(self, key: str) -> list[JournalRow]:
        return self.reading.run(self.store.journal, key)

    def keys(self, prefix: str, limit: int) -> list[str]:
        return self.reading.run(self.store.keys, prefix, limit)

    def dead_letters(self) -> int:
        return self.reading.run(self.store.dead_letters)

    def letters(self, limit: int) -> list[Letter]:
        return self.reading.run(self.store.letters, limit)

    def keep(self, revision: str, artefact: bytes, now: float) -> None:
        self.writing.run(self.store.keep, revision, artefact, now)

    def artefact(self, revision: str) -> bytes | None:
        return self.reading.run(self.store.artefact, revision)

    def revisions(self) -> list[Revision]:
        return self.reading.run(self.store.revisions)

    def of_revision(self, revision: str, limit: int | None = None) -> Iterator[tuple[str, bytes]]:
        return self.reading.each(self.store.of_revision(revision, limit))

    def overdue(self, now: float, limit: int) -> list[str]:
        return self.reading.run(self.store.overdue, now, limit)

    def search(self, text: str) -> Iterator[str]:
        return self.reading.each(self.store.search(text))

    def forget(self, key: str) -> bool:
        return self.writing.run(self.store.forget, key)

    def forget_record(self, key: str) -> bool:
        return self.writing.run(self.store.forget_record, key)

    def sweep(self, now: float) -> int:
        return self.writing.run(self.store.sweep, now)

    def ping(self) -> None:
        self.writing.run(self.store.ping)

    def close(self) -> None:
        self.store.close()
