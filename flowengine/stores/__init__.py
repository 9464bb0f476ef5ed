"""Where sessions live, chosen by the scheme of a URL: one module per store, named as the scheme."""

from __future__ import annotations

from importlib import import_module

from flowengine.problems import did_you_mean, listed
from flowengine.stores.base import Store, StoreDown, StoreRefused

__all__ = ["EXAMPLES", "Store", "StoreDown", "StoreRefused", "open_store"]

EXAMPLES = {"memory": "memory://", "sqlite": "sqlite:///var/flowengine.db"}
"""A URL of every kind of store."""


def open_store(url: str, workers: int = 1) -> Store:
    """The store at ``url``, ready for ``workers`` processes.

    ``memory://``, ``sqlite:///relative/path`` (from the current folder) or ``sqlite:////absolute/path``, the
    latter with ``?synchronous=full`` to survive a power cut. Raises :class:`StoreRefused`. A process that
    forks may open the store before and use it after the fork.
    """
    scheme, colon, address = url.partition(":")
    if not colon or scheme not in EXAMPLES:
        raise StoreRefused(_unknown(scheme if colon else ""))
    store: Store = import_module(f"{__name__}.{scheme}").opened(address)
    if workers > 1 and not store.shared:
        raise StoreRefused(
            f"the {scheme} store lives inside one process, but {workers} workers were asked for; "
            f"set FLOWENGINE_STORE={EXAMPLES['sqlite']} or run one worker"
        )
    return store


def _unknown(scheme: str) -> str:
    """The rest of the URL is not repeated, for it may hold a password."""
    found = f'there is no store "{scheme}"' if scheme else "the store's URL has no scheme"
    return f"{found}{did_you_mean(scheme, EXAMPLES)}; write it as {listed(list(EXAMPLES.values()))}"
