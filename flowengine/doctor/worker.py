"""Whether somebody works: what is due in the outbox, timers, and when the store was last looked after."""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.banner import needs_credentials, sends
from flowengine.doctor.base import Finding, Site, long_ago
from flowengine.report import counted
from flowengine.stores.backlog import Backlog, backlog
from flowengine.worker import SWEEP

LATE = 60.0
"""Seconds after which what is due says that nobody works."""
SEEN = 3 * SWEEP
FIX = "run flowengine worker, or flowengine serve --worker"
NEEDED = "to send messages, place calls, wake what waits and end what nobody ended"


def check(site: Site) -> Iterator[Finding]:
    if site.store is None:
        return
    found = backlog(site.store_url, site.now)
    if found is None:
        return
    late = _late(found, site.now)
    ago = site.now - max((each.kept for each in site.store.revisions()), default=0.0)
    if late:
        yield Finding("FAIL", "worker", f"nobody works: {late}", NEEDED, FIX)
    elif ago <= SEEN:
        yield Finding("ok", "worker", f"nothing is late; the store was looked after {long_ago(ago)} ago")
    elif any(sends(flow) or needs_credentials(flow) for flow in site.flows.values()):
        when = f"was looked after {long_ago(ago)} ago" if ago < site.now else "was never looked after"
        yield Finding("warn", "worker", f"nothing is late, but the store {when}: no worker seems to run ({FIX})")
    else:
        yield Finding("skip", "worker", "nothing is late, and no flow sends messages or places calls")
    yield _outbox(found, site.now)


def _late(found: Backlog, now: float) -> str:
    parts = []
    if found.oldest and now - found.oldest > LATE:
        parts.append(f"{counted(found.due, 'row')} of the outbox due, the first for {long_ago(now - found.oldest)}")
    if found.oldest_timer and now - found.oldest_timer > LATE:
        parts.append(f"{counted(found.timers, 'timer')} due, the first for {long_ago(now - found.oldest_timer)}")
    return ", ".join(parts)


def _outbox(found: Backlog, now: float) -> Finding:
    if not found.rows:
        return Finding("ok", "outbox", "empty")
    ready = f", {found.due} of them due now" if found.due else ""
    return Finding("ok", "outbox", f"{counted(found.rows, 'row')} waiting or under way{ready}")
