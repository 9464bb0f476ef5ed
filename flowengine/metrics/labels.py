"""What labels may say: words of the flows and of ours, never what came from outside."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from flowengine.callbacks import EVENTS, Callback
from flowengine.engine.library import Library
from flowengine.fetch import Request, Response
from flowengine.heard import UNUSED
from flowengine.webhooks import Inbound, Link

OTHER = "other"
HAPPENINGS = frozenset("elapsed outside start patched refused lost receipt consent timer called".split())
"""What happens to a session beside callbacks, messages and links."""
OUTCOMES = UNUSED | frozenset(
    """ok error timeout invalidinput hangup start elapsed answered disconnected ended lost past later queued skipped
    behind help opt_in opt_out settling early poll unused quiet message digits done failed busy noanswer human machine
    notsure recorded transcribed chosen open closed""".split()
)
"""Outcomes that need not stand in a flow."""
_NAME = re.compile(r"[a-z][a-z_0-9]{0,63}")
_COUNTED = re.compile(r"[a-z_]{1,48}")


def event(what: Any) -> str:
    """What came, in one word."""
    kind = what.__class__
    if kind is Callback:
        return what.event if what.event in EVENTS else OTHER
    if kind is Inbound:
        return "message"
    if kind is Link:
        return "link"
    named = what.get("event") if isinstance(what, Mapping) else None
    return named if named in HAPPENINGS else OTHER


def counted(name: str) -> str:
    """The name of a counter; what a webhook said of itself may be part of one."""
    return name if _COUNTED.fullmatch(name) else OTHER


class Words:
    """What the flows of a library say themselves: names of outcomes, and hosts that are asked."""

    def __init__(self, library: Library) -> None:
        self.flows = frozenset(library.programs)
        self._outcomes: set[str] = set(OUTCOMES)
        self._hosts: set[str] = set()
        for program in library.programs.values():
            self._read(program.image)
        for value in library.env.values():
            self._hosts.update(_host(value))

    def flow(self, name: str) -> str:
        return name if name in self.flows else ""

    def outcome(self, name: str) -> str:
        return name if name in self._outcomes else OTHER

    def host(self, request: Request) -> str:
        found = next(_host(request.url), "")
        return found if found in self._hosts else OTHER

    def _read(self, part: Any) -> None:
        if isinstance(part, Mapping):
            for name in ("on", "events", "choices"):
                self._outcomes.update(each for each in _names(part.get(name)) if _NAME.fullmatch(each))
            if "url" in part:
                url = part["url"]
                self._hosts.update(_host(url if isinstance(url, str) else str(url.get("$u", ""))))
        for each in part.values() if isinstance(part, Mapping) else part if isinstance(part, list) else ():
            self._read(each)


def _names(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        yield from (str(each) for each in part)
    elif isinstance(part, list):
        for each in part:
            value = each.get("value") if isinstance(each, Mapping) else each[0] if isinstance(each, list) else each
            if isinstance(value, str):
                yield value


def _host(url: str) -> Iterator[str]:
    """The host of a URL, where it is written out."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return
    if host and "{" not in host and "}" not in host:
        yield host


def result(response: Response) -> str:
    """How an http step ended."""
    if response.failure:
        return response.failure.replace(" ", "_")
    return "ok" if 200 <= response.status < 300 else f"{response.status // 100}xx"
