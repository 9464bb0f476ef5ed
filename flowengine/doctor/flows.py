"""The flows: whether they can be served, and what secrets and variables they name that are not set."""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.banner import secrets
from flowengine.doctor.base import Finding, Site
from flowengine.problems import listed
from flowengine.sinch.credentials import must_check


def check(site: Site) -> Iterator[Finding]:
    yield site.about
    needed: dict[str, list[str]] = {}
    for name, flow in site.flows.items():
        for secret in sorted(secrets(flow)):
            needed.setdefault(secret, []).append(name)
    for secret, flows in needed.items():
        if not site.env.get(secret) and not must_check(site.env):
            needs = "needs" if len(flows) == 1 else "need"
            yield Finding("skip", "secret", f"{secret} is not set; only {listed(flows, 'and')} {needs} it")
        elif not site.env.get(secret):
            yield Finding(
                "FAIL",
                "secret",
                f"{secret} is not set",
                f"by {listed(flows, 'and')}, as secret.{secret}",
                f"set {secret}",
            )
    unset = [name for name in site.needs_env if name not in site.env]
    if unset:
        verb = "is" if len(unset) == 1 else "are"
        yield Finding("warn", "env", f"{listed(unset, 'and')} {verb} not set, and empty in the flows that read env.")
