"""The bearer token of other programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowengine.doctor.base import Finding, Site
from flowengine.problems import listed

SHORT = 16
"""Characters of a token that could be guessed."""


def check(site: Site) -> Iterator[Finding]:
    token = site.env.get("FLOWENGINE_TOKEN", "")
    wanted = [name for name, flow in site.flows.items() if _is_told(flow)]
    if token and len(token) < SHORT:
        yield Finding("warn", "token", f"FLOWENGINE_TOKEN has {len(token)} characters; one of 32 cannot be guessed")
    elif token:
        yield Finding("ok", "token", "FLOWENGINE_TOKEN is set: other programs may start flows and send events")
    elif wanted:
        told = f"only {listed(wanted, 'and')} {'waits' if len(wanted) == 1 else 'wait'} for other programs"
        yield Finding("skip", "token", f"FLOWENGINE_TOKEN is not set, so the API is off; {told}")


def _is_told(flow: Any) -> bool:
    """Whether another program starts it, or sends it events."""
    starts = any(kind == "start" for kind, *_ in flow["triggers"])
    return starts or any(state.get("op", {}).get("until") for state in flow["states"].values())
