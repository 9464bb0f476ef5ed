"""What could not be sent or used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from flowengine.doctor.base import Finding, Site
from flowengine.report import counted, printable

NEWEST = 200
SHOWN = 3
LONGEST = 100


def check(site: Site) -> Iterator[Finding]:
    if site.store is None:
        return
    many = site.store.dead_letters()
    if not many:
        yield Finding("ok", "letters", "no dead letters")
        return
    # Reasons are sentences of ours, or of Sinch's codes: they hold nothing of what was to be sent.
    reasons = Counter(f"{each.kind}: {printable(each.reason)[:LONGEST]}" for each in site.store.letters(NEWEST))
    told = "; ".join(f"{what} ({times})" for what, times in list(reasons.items())[:SHOWN])
    yield Finding("warn", "letters", f"{counted(many, 'dead letter')}, the newest {told} (flowengine letters)")
