"""Flows of earlier revisions: sessions go on with those they began with, which the store keeps until none is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from flowengine.build import BadArtefact, read_artefact
from flowengine.engine.library import Library, open_library
from flowengine.stores.base import Store

Call = Callable[[str, Mapping[str, Any], float], Any]
MOST = 8
"""Revisions that a process holds ready beside the one it serves."""


@dataclass(slots=True)
class Shelf:
    """Finds the flows of a revision; called by every turn of a session that does not run on those served now.

    ``env`` is the process environment, ``key`` that of the journal's hashes, ``functions`` makes what runs the
    functions of a library. ``served`` is the revision that is served with its artefact, kept as long as it is.
    """

    store: Store
    env: Mapping[str, str]
    key: bytes
    functions: Callable[[Library], Call]
    served: tuple[str, bytes] = ("", b"")
    _ready: dict[str, Library | None] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def __call__(self, revision: str) -> Library | None:
        """The flows, or None where the store has them no longer. Raises :class:`StoreDown`."""
        if revision not in self._ready:
            found = self._opened(revision)
            with self._lock:
                self._ready[revision] = found
                while len(self._ready) > MOST:
                    del self._ready[next(iter(self._ready))]
            return found
        return self._ready.get(revision)

    def _opened(self, revision: str) -> Library | None:
        data = self.store.artefact(revision)
        if data is None:
            return None
        try:
            artefact, found = read_artefact(data)
        except BadArtefact:
            return None
        library = open_library(artefact, found, self.env, self.key)
        library.call = self.functions(library)
        return library

    def keep(self, now: float) -> None:
        """The flows that are served are in use. Raises :class:`StoreDown`."""
        revision, data = self.served
        if revision:
            self.store.keep(revision, data, now)
