"""The Voice application's key and secret: who needs them."""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.banner import needs_credentials
from flowengine.doctor.base import Finding, Site, parted
from flowengine.problems import listed
from flowengine.report import counted
from flowengine.sinch.credentials import KEY, NO_KEYS, SECRET, Credentials, Misconfigured, must_check

CHECKS_THEM = "to know that callbacks come from Sinch"
COPY = f"copy {KEY} and {SECRET} from the dashboard (Voice, Apps), then run doctor again"


def check(site: Site) -> Iterator[Finding]:
    takes = [name for name, flow in site.flows.items() if flow["channel"] == "voice"]
    does = {name: what for name, flow in site.flows.items() if (what := needs_credentials(flow))}
    checked = bool(takes or not site.flows) and must_check(site.env)
    needed = CHECKS_THEM if checked else f"by {listed(list(does), 'and')}" if does else ""
    try:
        credentials = Credentials.from_env(site.env)
    except Misconfigured as wrong:
        found, fix = parted(str(wrong))
        yield Finding("FAIL", "voice", found, needed or CHECKS_THEM, fix)
        return
    if credentials is not None:
        pairs = (
            f"{counted(len(credentials.keys), 'key')} with secret" if len(credentials.keys) > 1 else "key and secret"
        )
        yield Finding("ok", "voice", f"{pairs} are set, region {credentials.region}")
    elif checked:
        yield Finding("FAIL", "voice", NO_KEYS, needed, COPY)
    elif does:
        told = listed([f"{name} ({what})" for name, what in does.items()], "and")
        yield Finding("skip", "voice", f"{NO_KEYS}; only {told} {'needs' if len(does) == 1 else 'need'} them")
    elif takes:
        yield Finding("skip", "voice", f"{NO_KEYS}; no flow needs them while signatures are not asked for")
    elif site.flows:
        yield Finding("skip", "voice", f"{NO_KEYS}; no flow takes or places calls")
