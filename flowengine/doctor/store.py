"""The store: whether it can be written, and what survives there."""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.doctor.base import Finding, Site
from flowengine.doctor.site import KEEPS
from flowengine.stores.base import StoreDown


def check(site: Site) -> Iterator[Finding]:
    if site.store is None:
        yield site.store_about
        return
    try:
        site.store.ping()
    except StoreDown as error:
        yield Finding(
            "FAIL",
            "store",
            f"it cannot be written: {str(error).rstrip('.')}",
            KEEPS,
            "free it, or give this user the right to",
        )
        return
    yield Finding("ok" if site.store.shared else "warn", "store", site.store.durability.rstrip("."))
