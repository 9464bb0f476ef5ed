"""What commands share that look at recorded calls and conversations: the store, and whose callbacks it holds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from flowengine.cli import PROBLEMS, Sentence

if TYPE_CHECKING:
    from flowengine.stores.base import Store


def store_url(url: str | None) -> str:
    """The given one, else that of the environment."""
    from flowengine.settings import DEFAULT_STORE

    return url or os.environ.get("FLOWENGINE_STORE") or DEFAULT_STORE


def opened_store(url: str | None) -> Store:
    """The store, which must be there: looking at it makes none."""
    from flowengine.stores import StoreDown, StoreRefused, open_store
    from flowengine.stores.peek import missing

    url = store_url(url)
    if url.startswith("memory:"):
        raise Sentence(
            "the memory store lives inside the process that serves; what was recorded needs one that is kept, as sqlite"
        )
    if path := missing(url):
        raise Sentence(f"there is no store at {path} yet; --store or FLOWENGINE_STORE names another", PROBLEMS)
    try:
        return open_store(url)
    except StoreRefused as refused:
        raise Sentence(str(refused)) from None
    except StoreDown as error:
        raise Sentence(f"the store is down: {error}", PROBLEMS) from None


def applications() -> list[str]:
    """The keys that callbacks may be filed under: the worker's first."""
    from flowengine.settings import application
    from flowengine.sinch.credentials import Credentials, Misconfigured

    try:
        credentials = Credentials.from_env(os.environ)
        own = application(os.environ)
    except Misconfigured as wrong:
        raise Sentence(str(wrong)) from None
    return [own, *(key for key, _ in credentials.keys)] if credentials is not None else [own]
