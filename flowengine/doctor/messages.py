"""What messages are sent with, and what their webhooks are checked by."""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.banner import sends
from flowengine.doctor.base import Finding, Site, parted
from flowengine.problems import listed
from flowengine.sinch.credentials import MESSAGES, Misconfigured, ProjectKeys, must_check
from flowengine.sinch.webhook_signing import SECRET, TOKEN, webhook_verifier


def check(site: Site) -> Iterator[Finding]:
    yield from _sending(site, [name for name, flow in site.flows.items() if sends(flow)])
    yield from _webhooks(site, [name for name, flow in site.flows.items() if flow["channel"] == "message"])


def _sending(site: Site, senders: list[str]) -> Iterator[Finding]:
    lacking = [name for name in MESSAGES if not site.env.get(name, "").strip()]
    if not lacking:
        try:
            keys = ProjectKeys.from_env(site.env)
        except Misconfigured as wrong:
            found, fix = parted(str(wrong))
            yield Finding("FAIL", "messages", found, f"by {listed(senders, 'and')}" if senders else "to send", fix)
            return
        assert keys is not None
        basic = ", with CONVERSATION_AUTH=basic, which is for trying things out" if keys.basic else ""
        yield Finding(
            "warn" if basic else "ok", "messages", f"project, key and app are set, region {keys.region}{basic}"
        )
        return
    verb = "is" if len(lacking) == 1 else "are"
    what = f"{listed(lacking, 'and')} {verb} not set"
    if senders and must_check(site.env):
        yield Finding(
            "FAIL", "messages", what, f"by {listed(senders, 'and')}", "copy from the dashboard (Conversation API)"
        )
    elif senders:
        need = "needs them" if len(senders) == 1 else "need them"
        yield Finding("skip", "messages", f"{what}; only {listed(senders, 'and')} {need}")
    elif site.flows:
        yield Finding("skip", "messages", f"{what}; no flow sends messages")


def _webhooks(site: Site, talks: list[str]) -> Iterator[Finding]:
    if not talks and not site.env.get(SECRET, "").strip():
        return
    try:
        verifier = webhook_verifier(site.env)
    except Misconfigured as wrong:
        found, fix = parted(str(wrong))
        yield Finding("FAIL", "webhooks", found, "to know that messages come from Sinch", fix)
        return
    if verifier is not None:
        told = f"{SECRET if site.env.get(SECRET, '').strip() else TOKEN} is set"
        yield Finding("ok", "webhooks", f"{told}; it must be the one that the app's webhook has")
    else:
        yield Finding("skip", "webhooks", "webhooks are not checked here")
