"""Which flows are kept, and how many sessions stand on those that are not served any more."""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.doctor.base import Finding, Site
from flowengine.report import counted

SHOWN = 4


def check(site: Site) -> Iterator[Finding]:
    if site.store is None:
        return
    known = site.store.revisions()
    live = sum(each.live for each in known)
    lost = [each for each in known if each.live and not each.kept and each.hash != site.revision]
    if lost:
        named = ", ".join(each.hash for each in lost[:SHOWN])
        many = sum(each.live for each in lost)
        yield Finding("warn", "revisions", f"{counted(many, 'live session')} on flows that the store has not: {named}")
    older = [each for each in known if each.live and each.kept and each.hash != site.revision]
    told = ", ".join(f"{each.hash} with {each.live}" for each in older[:SHOWN])
    more = f"; {sum(each.live for each in older)} on other flows than those here: {told}" if older else ""
    yield Finding("ok", "revisions", f"{counted(live, 'live session')}{more}")
