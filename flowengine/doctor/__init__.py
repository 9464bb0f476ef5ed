"""What an operator would look at first: each check is a file here, and says what it found in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from flowengine.doctor import (
    clock,
    flows,
    letters,
    messages,
    online,
    prefix,
    revisions,
    settings,
    signatures,
    store,
    token,
    voice,
    worker,
)
from flowengine.doctor.base import Finding, Site
from flowengine.doctor.site import opened
from flowengine.stores.base import StoreDown, StoreRefused

CHECKS: Mapping[str, Callable[[Site], Iterator[Finding]]] = {
    "flows": flows.check,
    "store": store.check,
    "settings": settings.check,
    "signatures": signatures.check,
    "voice": voice.check,
    "messages": messages.check,
    "token": token.check,
    "prefix": prefix.check,
    "clock": clock.check,
    "worker": worker.check,
    "letters": letters.check,
    "revisions": revisions.check,
}
"""In the order in which they are told."""


def examine(env: Mapping[str, str], ask_sinch: bool = False) -> list[Finding]:
    """Everything that is found. Nothing leaves this machine, but to the store, unless Sinch is to be asked."""
    site = opened(env)
    checks = {**CHECKS, "online": online.check} if ask_sinch else CHECKS
    try:
        return [finding for name, check in checks.items() for finding in _done(name, check, site)]
    finally:
        if site.store is not None:
            site.store.close()


def _done(name: str, check: Callable[[Site], Iterator[Finding]], site: Site) -> Iterator[Finding]:
    try:
        yield from check(site)
    except (StoreDown, StoreRefused) as error:
        yield Finding(
            "FAIL", name, f"it cannot be told: {str(error).rstrip('.')}", "to know how it is", "mend the store first"
        )
