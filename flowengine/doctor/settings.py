"""Names and values of settings: what ``serve`` would refuse."""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.doctor.base import Finding, Site, parted
from flowengine.settings import Refusal, Settings
from flowengine.sinch.credentials import PROTECTION


def check(site: Site) -> Iterator[Finding]:
    try:
        Settings.read({**site.env, PROTECTION: "never"})  # keys and secrets are looked at one by one
    except Refusal as refusal:
        found, fix = parted(str(refusal))
        yield Finding("FAIL", "settings", found, "to start", fix or "see docs/running.md")
