"""Whether callbacks and webhooks of others than Sinch are refused."""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.doctor.base import Finding, Site
from flowengine.sinch.credentials import OLD_PROTECTION, PROTECTION, must_check, protection, protection_note


def check(site: Site) -> Iterator[Finding]:
    if note := protection_note(site.env):
        yield Finding("warn", "signatures", note.rstrip("."))
    mode = protection(site.env)
    name = OLD_PROTECTION if site.env.get(OLD_PROTECTION) and not site.env.get(PROTECTION) else PROTECTION
    if must_check(site.env):
        yield Finding("ok", "signatures", f"callbacks and webhooks are checked ({name}={mode})")
    elif mode == "never":
        yield Finding("warn", "signatures", f"not asked for ({name}=never): whoever knows the address can call flows")
    else:
        yield Finding("warn", "signatures", "not asked for (FLOWENGINE_ENV=development): for this machine only")
