"""This machine's clock against that of the store, and of those who wrote to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

from flowengine.doctor.base import Finding, Site, long_ago
from flowengine.stores.base import StoreDown

NEEDED = "to check signatures and to wake what waits in time"
FIX = "let the clocks of all machines be set by NTP"
APART = 5.0
"""Seconds by which clocks may differ before it is told."""
BORN = datetime(2025, 1, 1, tzinfo=UTC).timestamp()


def check(site: Site) -> Iterator[Finding]:
    shown = f"{datetime.fromtimestamp(site.now, UTC):%Y-%m-%d %H:%M:%S} UTC"
    ahead, whose = _ahead(site)
    if site.now < BORN:
        yield Finding("FAIL", "clock", f"it says {shown}", NEEDED, FIX)
    elif ahead > APART:
        yield Finding("FAIL", "clock", f"it says {shown}, and {whose} is {long_ago(ahead)} ahead of that", NEEDED, FIX)
    elif ahead < -APART:
        yield Finding("FAIL", "clock", f"it says {shown}, {long_ago(-ahead)} ahead of {whose}", NEEDED, FIX)
    else:
        yield Finding("ok", "clock", f"{shown}{f', as {whose} has it' if whose else ''}")


def _ahead(site: Site) -> tuple[float, str]:
    """By how many seconds another clock is ahead of this one, and whose it is."""
    if site.store is None:
        return 0.0, ""
    if site.store_url.startswith("redis"):
        return _of_redis(site.store_url) - site.now, "the store"
    written = max((each.kept for each in site.store.revisions()), default=0.0)
    # Of a file only what lies in the future tells anything: what is past may just be long ago.
    return (written - site.now, "what was last written to the store") if written > site.now else (0.0, "")


def _of_redis(url: str) -> float:
    from redis.exceptions import RedisError

    from flowengine.stores.redis_link import RedisLink
    from flowengine.stores.redis_url import read_url

    with closing(RedisLink(read_url(url))) as link:
        try:
            seconds, micros = next(link.servers()).time()
        except (RedisError, OSError) as error:
            raise StoreDown(f"{link.url.shown}: {error}") from error
    return float(seconds) + float(micros) / 1e6
