"""HTTP steps of a flow: they reach nothing inside the network, keep their deadline and stay small."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import ssl
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

import orjson

from flowengine.loop_thread import GRACE, LoopThread

if TYPE_CHECKING:
    import httpx

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolver = Callable[[str, int], Sequence[str]]
Failure = Literal["", "timeout", "refused address", "too large", "unreachable"]

ALLOWED = "FLOWENGINE_HTTP_INTERNAL"
_TRIES = 3
_CHUNK = 16 * 1024

_URL = re.compile(r"(https?)://([^/?#\\]*)([/?][^#]*)?(?:#.*)?", re.I | re.A)
_AUTHORITY = re.compile(r"(\[[0-9A-F:.]+\]|[A-Z0-9._-]+)(?::([0-9]{1,5}))?", re.I | re.A)
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*", re.I | re.A)
_METHOD = re.compile(r"[A-Z]{1,16}", re.I | re.A)
_CHARSET = re.compile(r"charset=\"?([\w-]+)", re.I)
_ONE_BYTE = frozenset({"iso-8859-1", "latin-1", "latin1", "windows-1252", "cp1252"})
_FRAMING = {"connection", "content-length", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
_OURS = _FRAMING | {"host", "accept-encoding", "proxy-authorization", "proxy-connection"}

# Written out: what ipaddress calls global differs between Python releases and leaves some of these in.
_INSIDE_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # public, yet Azure answers it from inside with its machines' secrets
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# What carries an IPv4 address within (mapped, NAT64) lies outside this block or is named below it.
_PUBLIC_6 = IPv6Network("2000::/3")
_INSIDE_6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # Teredo, ORCHID, benchmarks
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3ffe::/16",
        "3fff::/20",
    )
)


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask. ``timeout`` in seconds covers everything. At most one of ``json`` and ``form`` is given."""

    method: str
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    json: Any | None = field(default=None, repr=False)
    form: tuple[tuple[str, str], ...] | None = field(default=None, repr=False)
    timeout: float = 1.0


@dataclass(frozen=True, slots=True)
class Response:
    """What came back: ``data`` is the parsed JSON, else text. With a ``failure``, ``status`` may be 0."""

    status: int = 0
    data: Any = field(default="", repr=False)
    failure: Failure = ""


@dataclass(frozen=True, slots=True)
class _Target:
    scheme: str
    host: str
    port: int
    path: str


class _Refused(Exception):
    """Not an address to connect to."""


class _TooLarge(Exception):
    """The body passes the limit."""


class Fetcher:
    """Runs requests. One per process, which may be made before a fork.

    ``allow`` are the networks inside that may be reached all the same. ``max_bytes`` is how much of a body is
    taken, decompressed. ``resolve(host, port)`` gives the addresses of a name as texts.
    """

    def __init__(
        self, allow: Sequence[Network] = (), max_bytes: int = 256 * 1024, resolve: Resolver | None = None
    ) -> None:
        self.allow = tuple(allow)
        self.max_bytes = max_bytes
        self._resolve = resolve or _resolve
        self._loop = LoopThread("flowengine-fetch", self._prepare)
        self._resolvers: ThreadPoolExecutor

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Fetcher:
        """ValueError if FLOWENGINE_HTTP_INTERNAL is not networks with commas between them."""
        return cls(allow=networks(env.get(ALLOWED, "")))

    def warm_up(self) -> None:
        """Load in this process what the first request needs, which takes a few tenths of a second."""
        self._loop.running()

    def __call__(self, request: Request, budget: float) -> Response:
        """The response, or why there is none, within ``min(request.timeout, budget)`` seconds. Never raises.

        A redirect is not followed: its status is the answer. No proxy, no cookies, no credentials but those
        in the request. A name is resolved once, refused if any of its addresses lies inside, and the
        connection goes to an address that was checked. The very first call also warms up.
        """
        seconds = min(budget, request.timeout)
        if not seconds > 0:
            return Response(failure="timeout")
        try:
            self.warm_up()
            return self._loop.run(self._within(request, monotonic() + seconds), seconds)
        except TimeoutError:
            return Response(failure="timeout")
        except Exception:
            return Response(failure="unreachable")

    def _prepare(self) -> None:
        hush()
        _tls()
        self._resolvers = ThreadPoolExecutor(8, "flowengine-resolve")

    async def _within(self, request: Request, deadline: float) -> Response:
        try:
            async with asyncio.timeout(deadline - monotonic()):
                return await self._fetch(request, deadline)
        except _Refused:
            return Response(failure="refused address")
        except TimeoutError:
            return Response(failure="timeout")

    async def _fetch(self, request: Request, deadline: float) -> Response:
        target = _target(request.url)
        addresses = (await self._addresses(target))[:_TRIES]
        for n, address in enumerate(addresses):
            left = deadline - monotonic()
            response = await self._ask(request, target, address, left, left / (len(addresses) - n))
            if response is not None:
                return response
        return Response(failure="timeout" if monotonic() > deadline - GRACE else "unreachable")

    async def _addresses(self, target: _Target) -> list[str]:
        literal = _literal(target.host)
        if literal is not None:
            found = [str(literal)]
        else:
            loop, threads = asyncio.get_running_loop(), self._resolvers
            found = list(await loop.run_in_executor(threads, self._look_up, target.host, target.port))
        if not all(map(self._may_reach, found)):
            raise _Refused
        return found

    def _look_up(self, host: str, port: int) -> Sequence[str]:
        try:
            return self._resolve(host, port)
        except (OSError, UnicodeError):
            return ()

    def _may_reach(self, text: str) -> bool:
        address = _literal(text)
        if address is None:
            return False
        return not is_inside(address) or any(address in network for network in self.allow)

    async def _ask(
        self, request: Request, target: _Target, address: str, left: float, connect: float
    ) -> Response | None:
        """None if there was no connection in ``connect`` seconds, so that another address may be tried."""
        import httpx

        timeout = httpx.Timeout(left, connect=connect)
        # A client for each request: a shared one would reuse connections between names and keep cookies.
        async with httpx.AsyncClient(verify=_tls(), timeout=timeout, trust_env=False) as client:
            try:
                async with client.stream(*_line(request, target, address), **_rest(request, target)) as answer:
                    return await self._read(answer)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                return None
            except httpx.TimeoutException:
                return Response(failure="timeout")
            except (httpx.HTTPError, httpx.InvalidURL):
                return Response(failure="unreachable")

    async def _read(self, answer: httpx.Response) -> Response:
        try:
            body = await self._body(answer)
        except _TooLarge:
            return Response(answer.status_code, failure="too large")
        except (zlib.error, LookupError):
            return Response(answer.status_code, failure="unreachable")
        return Response(answer.status_code, _data(body, answer.headers.get("content-type", "")))

    async def _body(self, answer: httpx.Response) -> bytes:
        """Decompressed here and not by httpx, which inflates a whole chunk before it can be counted."""
        unpack = _unpacker(answer.headers.get("content-encoding", ""))
        body, received = bytearray(), 0
        async for chunk in answer.aiter_raw(_CHUNK):
            received += len(chunk)
            body += unpack(chunk, self.max_bytes + 1 - len(body))
            if max(len(body), received) > self.max_bytes:
                raise _TooLarge
        return bytes(body)


def networks(text: str) -> tuple[Network, ...]:
    """``127.0.0.0/8,10.1.0.0/16``; ValueError names the variable for what is not a network."""
    try:
        return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ValueError(f"{ALLOWED}: {error}; write networks such as 10.1.0.0/16 with commas between") from None


def is_inside(address: Address) -> bool:
    """Whether an address is anything but one host of the public internet."""
    if isinstance(address, IPv4Address):
        return any(address in network for network in _INSIDE_4)
    return address not in _PUBLIC_6 or any(address in network for network in _INSIDE_6)


def url_problem(url: str) -> str | None:
    """What is wrong with the address of an http step as it is written, or None."""
    if not re.match(r"https?://", url, re.I):
        return "an http step needs an address that begins with https:// or http://"
    authority = re.split(r"[/?#]", url.split("://", 1)[1], maxsplit=1)[0]
    if "@" in authority:
        return "an address must not hold a user name or password; send an Authorization header"
    if not authority.partition(":")[0]:
        return "the address has no host"
    return _host_problem(authority)


def _host_problem(authority: str) -> str | None:
    parts = _AUTHORITY.fullmatch(authority)
    if parts and _is_number(parts[1]):
        return "the host is an IP address; name the host"
    if not parts or not _is_name(parts[1]):
        return "the host is not a name made of letters, digits, dots and hyphens"
    return None if int(parts[2] or 1) in range(1, 65536) else "the port is not one from 1 to 65535"


def hush() -> None:
    """httpx logs addresses and httpcore headers: both may hold numbers and secrets."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _target(text: str) -> _Target:
    url = _URL.fullmatch(text)
    authority = url and _AUTHORITY.fullmatch(url[2])
    if not url or not authority:
        raise _Refused
    scheme, host, path = url[1].lower(), authority[1].lower(), url[3] or "/"
    port = int(authority[2] or _usual_port(scheme))
    if port not in range(1, 65536) or (_literal(host) is None and (_is_number(host) or not _is_name(host))):
        raise _Refused
    return _Target(scheme, host, port, path if path[0] == "/" else f"/{path}")


def _usual_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _is_number(host: str) -> bool:
    """Whether anything could read the host as an IP address: ``127.1`` and ``0x7f000001`` too."""
    return host.startswith("[") or bool(_NUMERIC_LABEL.fullmatch(host.removesuffix(".").rpartition(".")[2]))


def _is_name(host: str) -> bool:
    labels = host.removesuffix(".").split(".")
    return len(host) < 254 and all(0 < len(label) < 64 for label in labels)


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


def _resolve(host: str, port: int) -> Sequence[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    except socket.gaierror:  # with that flag a machine that has only loopback knows no name
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _line(request: Request, target: _Target, address: str) -> tuple[str, str]:
    if not _METHOD.fullmatch(request.method):
        raise ValueError("not a method")
    place = f"[{address}]" if ":" in address else address
    path = target.path
    if request.query:
        path += ("&" if "?" in path else "?") + urlencode(request.query, errors="replace")
    return request.method.upper(), f"{target.scheme}://{place}:{target.port}{path}"


def _rest(request: Request, target: _Target) -> dict[str, Any]:
    """Headers, body, and the name that the certificate is checked against, which the pinned address lacks."""
    body, kind = _content(request)
    given = [(name, text) for name, text in request.headers if name.lower().strip() not in _OURS]
    names = {name.lower() for name, _ in given}
    usual = {"Accept": "application/json", "User-Agent": "flowengine", "Content-Type": kind}
    ours = [("Host", _host(target)), ("Accept-Encoding", "gzip"), ("Connection", "close")]
    ours += [(name, text) for name, text in usual.items() if text and name.lower() not in names]
    name = target.host.removesuffix(".")
    return {
        "headers": [(name.encode("ascii"), text.encode("utf-8", "replace")) for name, text in ours + given],
        "content": body,
        "extensions": {"sni_hostname": name} if _literal(name) is None else {},
    }


def _host(target: _Target) -> str:
    return target.host if target.port == _usual_port(target.scheme) else f"{target.host}:{target.port}"


def _content(request: Request) -> tuple[bytes | None, str]:
    if request.json is not None:
        return orjson.dumps(request.json), "application/json"
    if request.form is not None:
        return urlencode(request.form, errors="replace").encode(), "application/x-www-form-urlencoded"
    return None, ""


@cache
def _tls() -> ssl.SSLContext:
    import httpx

    return httpx.create_ssl_context(trust_env=False)


def _unpacker(encoding: str) -> Callable[[bytes, int], bytes]:
    """``(chunk, most)`` → so many bytes at most; LookupError for an encoding that was not asked for."""
    known = encoding.strip().lower()
    if known in ("", "identity"):
        return lambda chunk, most: chunk[:most]
    if known not in ("gzip", "x-gzip", "deflate"):
        raise LookupError(known)
    return zlib.decompressobj(32 + zlib.MAX_WBITS).decompress


def _data(body: bytes, content_type: str) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        named = _CHARSET.search(content_type)
        charset = named[1].lower() if named else "utf-8"
        return body.decode("cp1252" if charset in _ONE_BYTE else "utf-8", "replace")
