"""One HTTP exchange with Sinch: within its deadline, small, and clear about whether the request had left."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from flowengine.fetch import hush
from flowengine.loop_thread import LoopThread

if TYPE_CHECKING:
    import httpx

MAX_BYTES = 64 * 1024
_LEFT = "http11.send_request_body.started"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; names of ``headers`` are in lower case. A body over the limit, or a packed one, is empty."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class NoReply(Exception):
    """Nothing usable came back. ``left``: the request may have arrived. ``late``: it was a matter of time."""

    def __init__(self, left: bool, late: bool) -> None:
        super().__init__(f"no reply: left={left}, late={late}")
        self.left = left
        self.late = late


@dataclass(slots=True)
class _Progress:
    left: bool = False

    async def trace(self, event: str, _: Any) -> None:
        self.left = self.left or event == _LEFT


def is_base(url: str) -> bool:
    """Whether ``url`` can be the base of an API: http or https, a host, no user name, no query."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return usable and url.isascii() and url.isprintable() and not {"@", "?", "#", " "} & set(url)


def object_of(body: bytes) -> dict[str, Any]:
    """The JSON object in a body, an empty one where there is none."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


class Transport:
    """Exchanges for the threads of a process over shared connections; may be made before a fork.

    No redirects, no cookies, no proxy or password out of the environment, no retries.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self._loop = LoopThread("flowengine-sinch", self._prepare)
        self._http: httpx.AsyncClient

    def exchange(self, verb: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Reply:
        """The reply, or :class:`NoReply`, in ``seconds`` whatever the other side does."""
        if not seconds > 0:
            raise NoReply(left=False, late=True)
        progress = _Progress()
        task = self._within(verb, url, headers, body, monotonic() + seconds, progress)
        try:
            return self._loop.run(task, seconds)
        except TimeoutError:
            raise NoReply(progress.left, late=True) from None

    def close(self) -> None:
        """Give the connections back; the next exchange opens new ones."""
        self._loop.stop(self._give_back)

    async def _within(
        self, verb: str, url: str, headers: Mapping[str, str], body: bytes, deadline: float, progress: _Progress
    ) -> Reply:
        import httpx

        extensions = {"trace": progress.trace}
        try:
            async with (
                asyncio.timeout(deadline - monotonic()),
                self._http.stream(verb, url, headers=headers, content=body, extensions=extensions) as answer,
            ):
                return await self._read(answer)
        except (TimeoutError, httpx.TimeoutException):
            raise NoReply(progress.left, late=True) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            raise NoReply(progress.left, late=False) from None

    async def _read(self, answer: httpx.Response) -> Reply:
        headers = {name.lower(): text for name, text in answer.headers.items()}
        body = b""
        if headers.get("content-encoding", "identity") == "identity":
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > self.max_bytes:
                    return Reply(answer.status_code, headers, b"")
        return Reply(answer.status_code, headers, body)

    async def _give_back(self) -> None:
        await self._http.aclose()

    def _prepare(self) -> None:
        import httpx

        hush()
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "flowengine"}
        nothing = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        self._http = httpx.AsyncClient(timeout=None, trust_env=False, headers=headers, cookies=nothing)
