"""The public address, of which signatures of callbacks cover the path."""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.doctor.base import Finding, Site

NAME = "FLOWENGINE_PUBLIC_PREFIX"


def check(site: Site) -> Iterator[Finding]:
    prefix = site.env.get(NAME, "").strip()
    if not prefix:
        return
    if not prefix.startswith("/") or "://" in prefix or "?" in prefix:
        needed = "to check signatures, which cover the public path"
        fix = f"set {NAME} to the path before /voice that a proxy takes away, such as /acme"
        yield Finding("FAIL", "prefix", f"{NAME} is no path that begins with /", needed, fix)
    else:
        yield Finding(
            "ok", "prefix", f"a proxy takes {prefix.rstrip('/')} away; Sinch calls {prefix.rstrip('/')}/voice"
        )
