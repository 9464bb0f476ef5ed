"""Where sessions live, chosen by the scheme of a URL: one module per store, loaded when it is opened."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from flowengine.problems import did_you_mean, listed
from flowengine.stores.base import Store, StoreDown, StoreRefused

__all__ = ["EXAMPLES", "Store", "StoreDown", "StoreRefused", "open_store", "shown"]

EXAMPLES = {
    "memory": "memory://",
    "sqlite": "sqlite:///var/flowengine.db",
    "redis": "redis://localhost:6379/0",
}
"""A URL of every kind of store."""
MODULES = {
    **{name: name for name in EXAMPLES},
    **dict.fromkeys(("rediss", "redis+cluster", "rediss+cluster", "redis+sentinel", "rediss+sentinel"), "redis"),
}
"""Which module opens a scheme. The longer ones are Redis with TLS, as a Cluster, and watched by Sentinels."""


def open_store(url: str, workers: int = 1) -> Store:
    """The store at ``url``, ready for ``workers`` processes.

    ``memory://``, ``sqlite:///relative/path`` (from the current folder) or ``sqlite:////absolute/path``, the
    latter with ``?synchronous=full`` to survive a power cut; ``redis://[user:password@]host:port/db``,
    ``redis+cluster://host:port,host:port`` or ``redis+sentinel://host:port,host:port/service/db``, each with
    ``rediss`` for TLS (``?ssl_ca_certs=FILE``) and ``?prefix=NAME``. Raises :class:`StoreRefused`, and
    :class:`StoreDown` where it cannot be reached. A process that forks may open the store before and use it after
    the fork.
    """
    scheme, colon, _ = url.partition(":")
    if not colon or scheme not in MODULES:
        raise StoreRefused(_unknown(scheme if colon else ""))
    store: Store = _module(scheme).opened(url)
    if workers > 1 and not store.shared:
        raise StoreRefused(
            f"the {scheme} store lives inside one process, but {workers} workers were asked for; "
            f"set FLOWENGINE_STORE={EXAMPLES['sqlite']} or run one worker"
        )
    return store


def shown(url: str) -> str:
    """The URL of a store as people may see it: without user, password and settings."""
    scheme, colon, address = url.partition(":")
    if MODULES.get(scheme) != "redis":
        return url
    place = address.partition("?")[0].removeprefix("//")
    return f"{scheme}{colon}//{place.rpartition('@')[2]}"


def _module(scheme: str) -> ModuleType:
    try:
        return import_module(f"{__name__}.{MODULES[scheme]}")
    except ModuleNotFoundError as error:
        if error.name != "redis":
            raise
        raise StoreRefused("the redis store needs a package; run: pip install 'flowengine[redis]'") from error


def _unknown(scheme: str) -> str:
    """The rest of the URL is not repeated, for it may hold a password."""
    found = f'there is no store "{scheme}"' if scheme else "the store's URL has no scheme"
    return f"{found}{did_you_mean(scheme, MODULES)}; write it as {listed(list(EXAMPLES.values()))}"
