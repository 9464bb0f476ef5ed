from __future__ import annotations

import gzip
import logging
import os
import socket
import ssl
import struct
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from flowengine.fetch import Fetcher, Request, Response, _tls, is_inside, networks, url_problem

LOOPBACK = (ip_network("127.0.0.0/8"),)
OVERSHOOT = 0.3
Handler = Callable[[socket.socket, bytes], None]

connects: list[Any] = []
sys.addaudithook(lambda event, args: connects.append(args[1]) if event == "socket.connect" else None)


class Server:
    """A loopback server that reads one request head and leaves the rest to a handler."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.heads: list[bytes] = []
        self.stopped = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            head = b""
            while b"\r\n\r\n" not in head and (part := connection.recv(65536)):
                head += part
            self.heads.append(head)
            self.handler(connection, head)

    def url(self, path: str = "/", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


@contextmanager
def serving(handler: Handler) -> Iterator[Server]:
    server = Server(handler)
    try:
        yield server
    finally:
        server.stopped.set()
        server.listener.close()


def reply(body: bytes, status: str = "200 OK", *headers: str) -> Handler:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]).encode()
    return lambda connection, _: connection.sendall(head + b"\r\n\r\n" + body)


def get(url: str, **changes: Any) -> Request:
    return Request("GET", url, **changes)


@pytest.fixture(scope="module")
def fetcher() -> Fetcher:
    made = Fetcher(allow=LOOPBACK)
    made.warm_up()
    return made


def test_json_comes_parsed(fetcher: Fetcher) -> None:
    with serving(reply('{"open":true,"queue":[1,2],"name":"Åsa"}'.encode())) as server:
        assert fetcher(get(server.url()), 2) == Response(200, {"open": True, "queue": [1, 2], "name": "Åsa"})


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        (b"open", "text/plain", "open"),
        ("Åsa".encode(), "text/plain; charset=utf-8", "Åsa"),
        ("Åsa".encode("latin-1"), "text/plain; charset=ISO-8859-1", "Åsa"),
        (b"\xff\xfe", "text/plain", "\ufffd\ufffd"),
        (b"x", "text/plain; charset=bz2", "x"),
        (b"", "application/json", ""),
        (b"{broken", "application/json", "{broken"),
        (b'{"a":NaN}', "application/json", '{"a":NaN}'),
    ],
)
def test_anything_else_comes_as_text(fetcher: Fetcher, body: bytes, kind: str, text: str) -> None:
    with serving(reply(body, "200 OK", f"Content-Type: {kind}")) as server:
        assert fetcher(get(server.url()), 2) == Response(200, text)


@pytest.mark.parametrize("status", [201, 204, 301, 304, 400, 404, 418, 500, 503])
def test_a_bad_status_is_no_failure(fetcher: Fetcher, status: int) -> None:
    with serving(reply(b"", f"{status} Whatever")) as server:
        assert fetcher(get(server.url()), 2) == Response(status, "")


def test_a_redirect_is_not_followed(fetcher: Fetcher) -> None:
    with serving(reply(b"secret")) as inside:
        moved = reply(b"gone", "302 Found", f"Location: {inside.url()}", "Set-Cookie: a=b")
        with serving(moved) as server:
            assert fetcher(get(server.url()), 2) == Response(302, "gone")
            assert fetcher(get(server.url()), 2) == Response(302, "gone")
            assert not any(b"cookie" in head.lower() for head in server.heads)
    assert inside.heads == []


def test_what_is_sent(fetcher: Fetcher) -> None:
    def echo(connection: socket.socket, head: bytes) -> None:
        top, _, body = head.partition(b"\r\n\r\n")
        length = int(dict(line.lower().split(b": ") for line in top.split(b"\r\n")[1:]).get(b"content-length", 0))
        while len(body) < length:
            body += connection.recv(65536)
        reply(top + b"\n\n" + body)(connection, b"")

    with serving(echo) as server:
        asked = Request(
            "post",
            server.url("/a b?x=1#part", host="Shop.example"),
            headers=(("X-Name", "Åsa"), ("Host", "evil.example"), ("Content-Length", "3"), ("accept", "text/csv")),
            query=(("q", "a&b=ä"), ("q", "2")),
            json={"name": 'Å"'},
        )
        named = Fetcher(allow=LOOPBACK, resolve=lambda host, port: ["127.0.0.1"])
        top, _, body = named(asked, 2).data.partition("\n\n")
        lines = top.split("\r\n")
        assert lines[0] == "POST /a%20b?x=1&q=a%26b%3D%C3%A4&q=2 HTTP/1.1"
        assert [line for line in lines if line.lower().startswith("host:")] == [f"Host: shop.example:{server.port}"]
        assert {"X-Name: Åsa", "accept: text/csv", "Content-Type: application/json"} <= set(lines)
        assert len([line for line in lines if line.lower().startswith(("content-length:", "accept:"))]) == 2
        assert body == '{"name":"Å\\""}'
        form = Request("PUT", server.url(), form=(("a", "1 2"), ("b", "ä")))
        assert fetcher(form, 2).data.endswith("\n\na=1+2&b=%C3%A4")


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": (("X-Name", "a\r\nX-Evil: 1"),)},
        {"headers": (("X\r\nY", "a"),)},
        {"headers": (("Ä", "a"),)},
        {"headers": (("", "a"),)},
        {"json": {"a": "\ud800"}},
        {"json": object()},
        {"method": "GET / HTTP/1.1\r\nX-Evil: 1"},
        {"method": ""},
        {"url": "http://127.0.0.1/\x00"},
        {"url": "http://127.0.0.1/\ud800"},
        {"url": "http://127.0.0.1/a\r\nX-Evil: 1"},
    ],
)
def test_what_cannot_be_sent_is_not(fetcher: Fetcher, changes: dict[str, Any]) -> None:
    with serving(reply(b"{}")) as server:
        given = {"method": "GET", "url": server.url()} | changes
        given["url"] = given["url"].replace("127.0.0.1/", f"127.0.0.1:{server.port}/")
        assert fetcher(Request(**given), 2).failure == "unreachable"
        assert not any(b"Evil" in head for head in server.heads)


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", "deflate"])
def test_compressed(fetcher: Fetcher, encoding: str) -> None:
    plain = b'{"a":"' + b"b" * 50_000 + b'"}'
    packed = zlib.compress(plain) if encoding == "deflate" else gzip.compress(plain)
    with serving(reply(packed, "200 OK", f"Content-Encoding: {encoding}")) as server:
        assert fetcher(get(server.url()), 2) == Response(200, {"a": "b" * 50_000})


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "gzip"])
def test_what_cannot_be_decompressed(fetcher: Fetcher, encoding: str) -> None:
    with serving(reply(b"no such thing", "200 OK", f"Content-Encoding: {encoding}")) as server:
        assert fetcher(get(server.url()), 2) == Response(200, "", "unreachable")


@pytest.mark.parametrize(("size", "failure"), [(1000, ""), (1001, "too large")])
def test_the_limit_counts_decompressed_bytes(size: int, failure: str) -> None:
    small = Fetcher(allow=LOOPBACK, max_bytes=1000)
    for packed, headers in ((b"a" * size, []), (gzip.compress(b"a" * size), ["Content-Encoding: gzip"])):
        with serving(reply(packed, "200 OK", *headers)) as server:
            answer = small(get(server.url()), 2)
            assert (answer.status, answer.failure) == (200, failure)
            assert answer.data == ("" if failure else "a" * size)


# Servers that misbehave


def drip_head(connection: socket.socket, _: bytes) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def drip_body(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
    for _n in range(10_000):
        connection.sendall(b"x")
        time.sleep(0.05)


def hang(connection: socket.socket, _: bytes) -> None:
    with suppress(OSError):
        while connection.recv(100):
            pass


def reset(connection: socket.socket, _: bytes) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def reset_inside(connection: socket.socket, head: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\nhalf")
    time.sleep(0.1)
    reset(connection, head)


def endless(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def endless_head(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")


def endless_informational(connection: socket.socket, _: bytes) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        time.sleep(0.001)


def bomb(connection: socket.socket, _: bytes) -> None:
    """10 GB of blanks in 10 MB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
    for _n in range(10_000):
        connection.sendall(packer.compress(b" " * 1_000_000) + packer.flush(zlib.Z_SYNC_FLUSH))


def short(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")


def gibberish(connection: socket.socket, _: bytes) -> None:
    connection.sendall(b"\x16\x03\x01 what is this\r\n\r\n")


@pytest.mark.parametrize(
    ("handler", "failures"),
    [
        (drip_head, {"timeout"}),
        (drip_body, {"timeout"}),
        (hang, {"timeout"}),
        (reset, {"unreachable"}),
        (reset_inside, {"unreachable"}),
        (endless, {"too large"}),
        (endless_head, {"unreachable"}),
        (endless_informational, {"timeout"}),
        (bomb, {"too large"}),
        (short, {"unreachable"}),
        (gibberish, {"unreachable"}),
    ],
)
def test_a_server_that_misbehaves_cannot_hold_a_call(fetcher: Fetcher, handler: Handler, failures: set[str]) -> None:
    with serving(handler) as server:
        began = time.monotonic()
        answer = fetcher(get(server.url(), timeout=0.6), 5)
        took = time.monotonic() - began
    assert answer.failure in failures
    assert took < 0.6 + OVERSHOOT


@pytest.mark.parametrize(("timeout", "budget"), [(5, 0.3), (0.3, 5)])
def test_the_lesser_of_timeout_and_budget_counts(fetcher: Fetcher, timeout: float, budget: float) -> None:
    with serving(drip_body) as server:
        began = time.monotonic()
        assert fetcher(get(server.url(), timeout=timeout), budget).failure == "timeout"
        assert 0.25 < time.monotonic() - began < 0.3 + OVERSHOOT


@pytest.mark.parametrize("budget", [0, -1, float("nan")])
def test_without_time_nothing_is_sent(fetcher: Fetcher, budget: float) -> None:
    with serving(reply(b"{}")) as server:
        assert fetcher(get(server.url()), budget) == Response(failure="timeout")
        assert server.heads == []


def test_a_slow_name_lookup_counts(fetcher: Fetcher) -> None:
    def slow(host: str, port: int) -> Sequence[str]:
        time.sleep(1)
        return ["127.0.0.1"]

    began = time.monotonic()
    assert Fetcher(LOOPBACK, resolve=slow)(get("http://shop.example/", timeout=0.3), 5).failure == "timeout"
    assert time.monotonic() - began < 0.3 + OVERSHOOT


def test_a_hanging_tls_handshake_counts(fetcher: Fetcher) -> None:
    with serving(hang) as server:
        began = time.monotonic()
        assert fetcher(get(server.url(scheme="https"), timeout=0.3), 5).failure == "timeout"
        assert time.monotonic() - began < 0.3 + OVERSHOOT


def test_many_slow_servers_at_once(fetcher: Fetcher) -> None:
    with serving(drip_head) as slow, serving(reply(b"1")) as quick:
        answers: list[Response] = []
        threads = [
            threading.Thread(target=lambda: answers.append(fetcher(get(slow.url(), timeout=0.8), 5))) for _ in range(32)
        ]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        assert fetcher(get(quick.url()), 0.8) == Response(200, 1)
        for thread in threads:
            thread.join()
        assert time.monotonic() - began < 0.8 + 2 * OVERSHOOT
    assert answers == [Response(failure="timeout")] * 32


def test_connections_are_closed_at_the_deadline(fetcher: Fetcher) -> None:
    gone = threading.Event()

    def wait(connection: socket.socket, _: bytes) -> None:
        if not connection.recv(1):
            gone.set()

    with serving(wait) as server:
        assert fetcher(get(server.url(), timeout=0.2), 5).failure == "timeout"
        assert gone.wait(1)


def test_nobody_listens(fetcher: Fetcher) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert fetcher(get(f"http://127.0.0.1:{port}/"), 2) == Response(failure="unreachable")


def test_the_next_address_is_tried() -> None:
    with serving(reply(b"1")) as server:
        found = Fetcher(LOOPBACK, resolve=lambda host, port: ["127.0.0.9", "127.0.0.1"])
        assert found(get(server.url(host="shop.example")), 2) == Response(200, 1)


@pytest.mark.parametrize("error", [socket.gaierror("no such name"), UnicodeError("label too long"), OSError()])
def test_a_name_nobody_knows(error: Exception) -> None:
    def unknown(host: str, port: int) -> Sequence[str]:
        raise error

    assert Fetcher(resolve=unknown)(get("http://nowhere.example/"), 2) == Response(failure="unreachable")
    assert Fetcher(resolve=lambda host, port: ())(get("http://no.example/"), 2).failure == "unreachable"


# Addresses that must not be reached

NAMES = {
    "inside.example": ["10.0.0.7"],
    "localhost": ["127.0.0.1"],
    "localhost.": ["127.0.0.1"],
    "mixed.example": ["93.184.215.14", "127.0.0.1"],
    "mixed6.example": ["2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::1"],
    "metadata.example": ["169.254.169.254"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "link.example": ["fe80::1%lo"],
    "odd.example": ["not an address"],
}
INSIDE_HOSTS = """
127.0.0.1 127.0.0.2 127.255.255.254 127.1 127.0.1 0 0.0.0.0 0.0.0.1 0x7f000001 0X7F000001 0x7f.1 0x7f.0.0.1
0x7f.0x0.0x0.0x1 2130706433 017700000001 0177.0.0.1 0177.1 00000177.0.0.1 127.0.0.01 127.00.0.1 127.0.0.1.
127.1. 0x7f000001. 10.0.0.1 10.255.255.255 10.1 0x0a000001 012.0.0.1 172.16.0.1 172.31.255.255 172.16.1
192.168.0.1 192.168.1 0xc0a80001 3232235521 169.254.169.254 169.254.0.1 0xa9fea9fe 2852039166 0251.0376.0251.0376
169.254.43518 100.64.0.1 100.100.100.200 100.127.255.255 168.63.129.16 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1
198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 224.0.0.251 239.255.255.250 240.0.0.1 255.255.255.255
0xffffffff 4294967295 4294967296 256.256.256.256 1.2.3.4.5 99999999999 0x 127.0.0.0x1
[::] [::1] [0:0:0:0:0:0:0:1] [0000::0001] [::127.0.0.1] [::7f00:1] [::ffff:127.0.0.1] [::ffff:7f00:1]
[::ffff:10.0.0.1] [::ffff:169.254.169.254] [::ffff:0:127.0.0.1] [64:ff9b::7f00:1] [64:ff9b::127.0.0.1]
[64:ff9b::a9fe:a9fe] [64:ff9b:1::7f00:1] [100::1] [2001::1] [2001:0:7f00:1::] [2001:0:4136:e378:8000:63bf:3fff:fdd2]
[2001:10::1] [2001:20::1] [2001:db8::1] [2002:7f00:1::] [2002:7f00:1::1] [2002:a9fe:a9fe::1] [2002:c0a8:1::1]
[3fff::1] [3ffe::1] [5f00::1] [fc00::1] [fd00::1] [fd00:ec2::254] [fe80::1] [febf::1] [fec0::1] [ff02::1] [ff05::2]
[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff] [1] [] [127.0.0.1] [:::] [::1::]
inside.example mixed.example mixed6.example metadata.example mapped.example nat64.example link.example odd.example
localhost LOCALHOST localhost.
"""
INSIDE = INSIDE_HOSTS.split()
TRICKS = [
    "http://127.0.0.1:{port}",
    "http://127.0.0.1:{port}?x",
    "http://127.0.0.1:{port}#x",
    "http://user@127.0.0.1:{port}/",
    "http://user:word@127.0.0.1:{port}/",
    "http://good.example@127.0.0.1:{port}/",
    "http://good.example:80@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}@good.example/",
    "http://@127.0.0.1:{port}/",
    "http://good.example\\@127.0.0.1:{port}/",
    "http://good.example\\.127.0.0.1:{port}/",
    "http:\\\\127.0.0.1:{port}\\",
    "http:/127.0.0.1:{port}/",
    "http:127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "127.0.0.1:{port}",
    "/127.0.0.1:{port}/",
    "",
    "http://",
    "http:///",
    "http://:{port}/",
    "http://?x",
    "http://.:{port}/",
    "http://..:{port}/",
    "http://.127.0.0.1:{port}/",
    "http://127..1:{port}/",
    "ftp://127.0.0.1:{port}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/",
    "ws://127.0.0.1:{port}/",
    "unix:///var/run/docker.sock",
    "http+unix://127.0.0.1:{port}/",
    " http://127.0.0.1:{port}/",
    "\thttp://127.0.0.1:{port}/",
    "http://127.0.0.1 :{port}/",
    "http:// 127.0.0.1:{port}/",
    "http://127.0.0.1\t:{port}/",
    "http://127.0.0\n.1:{port}/",
    "http://127.0.0.1:{port}\r\n/",
    "ht\ntp://127.0.0.1:{port}/",
    "http://127.0.0.1%00:{port}/",
    "http://%31%32%37.0.0.1:{port}/",
    "http://127%2e0%2e0%2e1:{port}/",
    "http://good.example%2f@127.0.0.1:{port}/",
    "http://127.0.0.1%2f.good.example:{port}/",
    "http://\uff11\uff12\uff17.0.0.1:{port}/",
    "http://127\u30020\u30020\u30021:{port}/",
    "http://127\uff0e0\uff0e0\uff0e1:{port}/",
    "http://\u2460\u2461\u2466.0.0.1:{port}/",
    "http://\u0661\u0662\u0667.0.0.1:{port}/",
    "http://loc\u00adalhost:{port}/",
    "http://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3:{port}/",
    "http://[::1%25lo]:{port}/",
    "http://[::1%lo]:{port}/",
    "http://[v1.a]:{port}/",
    "http://[::1:{port}/",
    "http://::1:{port}/",
    "http://[::1]x:{port}/",
    "http://[[::1]]:{port}/",
    "http://127.0.0.1:{port}:80/",
    "http://good.example:80:{port}/",
    "http://good.example:0/",
    "http://good.example:99999/",
    "http://good.example:-1/",
    "http://good.example:8O/",
    "http://good.example:\u0661/",
    "http://good.example,127.0.0.1:{port}/",
    "http://good.example;127.0.0.1:{port}/",
    "http://good.example&127.0.0.1:{port}/",
    "http://127.0.0.1&good.example:{port}/",
    "http://{{host}}:{port}/",
    "http://" + "a" * 64 + ".example/",
    "http://" + "a." * 127 + "example/",
    "http://127.0.0.1\x00.good.example:{port}/",
    "http://127.0.0.1\ud800:{port}/",
]


def numeric(host: str, port: int) -> Sequence[str]:
    """What a resolver makes of a host without asking anybody: glibc reads every spelling of a number."""
    if host in NAMES:
        return NAMES[host]
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, flags=socket.AI_NUMERICHOST)]


@pytest.mark.parametrize("scheme", ["http", "HTTPS"])
def test_hosts_inside_are_refused(scheme: str) -> None:
    closed = Fetcher(resolve=numeric)
    closed.warm_up()
    with serving(reply(b"secret")) as server:
        connects.clear()
        for host in INSIDE:
            assert closed(get(server.url("/x", host, scheme)), 2) == Response(failure="refused address"), host
        assert (connects, server.heads) == ([], [])


def spellings(number: int) -> list[str]:
    """One IPv4 address as people and attackers write it."""
    a, b, c, d = number >> 24, number >> 16 & 255, number >> 8 & 255, number & 255
    dotted = f"{a}.{b}.{c}.{d}"
    return [
        dotted,
        f"{dotted}.",
        str(number),
        hex(number),
        f"0{number:o}",
        f"{a}.{(b << 16) + (c << 8) + d}",
        f"{a}.{b}.{(c << 8) + d}",
        f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"[::ffff:{dotted}]",
        f"[64:ff9b::{dotted}]",
        f"[2002:{number >> 16:x}:{number & 0xFFFF:x}::1]",
    ]


PRIVATE = """
127.0.0.1 127.1.2.3 127.255.255.254 10.0.0.1 10.20.30.40 10.255.255.255 172.16.0.1 172.20.10.5 172.31.255.254
192.168.0.1 192.168.100.200 192.168.255.255 169.254.169.254 169.254.0.1 100.64.0.1 100.100.100.200 100.127.255.254
0.0.0.0 0.1.2.3 192.0.0.1 192.0.2.7 198.18.0.1 198.19.255.255 198.51.100.9 203.0.113.5 224.0.0.1 239.255.255.250
240.0.0.1 250.1.1.1 255.255.255.255 127.0.0.53 10.96.0.1 172.17.0.1 192.168.49.2 169.254.170.2 10.0.2.2 172.18.0.2
192.168.1.254 127.0.1.1 100.64.100.100 10.43.0.1 192.168.64.1""".split()


def test_every_spelling_of_an_address_inside_is_refused() -> None:
    """Some 500 URLs: nothing is connected to, whatever the spelling."""
    closed, tried = Fetcher(resolve=numeric), 0
    connects.clear()
    for text in PRIVATE:
        number = int.from_bytes(bytes(int(each) for each in text.split(".")), "big")
        for host in spellings(number):
            answer = closed(get(f"http://{host}/x"), 1.0)
            assert answer.failure in ("refused address", "unreachable"), host
            tried += 1
    assert tried >= 500
    assert connects == []


def test_tricks_are_refused() -> None:
    """Even where loopback is allowed a form that two parsers could read differently reaches nothing."""
    for allow in ((), LOOPBACK):
        made = Fetcher(allow, resolve=numeric)
        with serving(reply(b"secret")) as server:
            connects.clear()
            for trick in TRICKS[3 if allow else 0 :]:
                answer = made(get(trick.replace("{port}", str(server.port))), 2)
                assert answer == Response(failure="refused address"), trick
            assert (connects, server.heads) == ([], [])


def test_a_name_is_resolved_once_and_its_address_pinned() -> None:
    """A resolver that answers with an allowed address first and with another one ever after."""
    asked: list[str] = []

    def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) % 2 else ["10.0.0.1"]

    with serving(reply(b"1")) as server:
        made = Fetcher(LOOPBACK, resolve=rebinding)
        made.warm_up()
        connects.clear()
        url = server.url(host="shop.example")
        assert made(get(url), 2) == Response(200, 1)
        assert made(get(url), 2) == Response(failure="refused address")
        assert connects == [("127.0.0.1", server.port)]
        assert asked == ["shop.example"] * 2
        assert f"Host: shop.example:{server.port}\r\n".encode() in server.heads[0]


def test_tls_asks_for_the_name_and_not_for_the_address() -> None:
    hello: list[bytes] = []

    def accept(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            hello.append(connection.recv(4096))

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=accept, args=(server,), daemon=True)
        thread.start()
        made = Fetcher(LOOPBACK, resolve=lambda host, port: ["127.0.0.1"])
        url = f"https://shop.example.:{server.getsockname()[1]}/"
        assert made(get(url), 2).failure == "unreachable"
        thread.join(2)
    assert b"shop.example" in hello[0]
    assert b"shop.example." not in hello[0]
    assert b"127.0.0.1" not in hello[0]


def test_certificates_are_checked() -> None:
    context = _tls()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize(
    "text",
    ["1.1.1.1", "93.184.215.14", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "223.255.255.255",
     "2606:4700:4700::1111", "2a00:1450:400f:80c::200e", "2001:4860:4860::8888", "2400:cb00::1"],
)  # fmt: skip
def test_public_addresses_are_not_inside(text: str) -> None:
    assert not is_inside(ip_address(text))


def test_networks_that_operators_allow() -> None:
    assert networks("") == ()
    assert networks("127.0.0.0/8, 10.1.0.0/16,fd00::/8,") == tuple(
        map(ip_network, ("127.0.0.0/8", "10.1.0.0/16", "fd00::/8"))
    )
    with pytest.raises(ValueError, match="FLOWENGINE_HTTP_INTERNAL"):
        networks("10.1.0.5/16")
    with pytest.raises(ValueError, match="FLOWENGINE_HTTP_INTERNAL"):
        Fetcher.from_env({"FLOWENGINE_HTTP_INTERNAL": "internal"})
    with serving(reply(b"1")) as server:
        assert Fetcher.from_env({"FLOWENGINE_HTTP_INTERNAL": "127.0.0.0/8"})(get(server.url()), 2).status == 200
        assert Fetcher.from_env({})(get(server.url()), 2).failure == "refused address"
        mapped = f"http://[::ffff:127.0.0.1]:{server.port}/"
        assert Fetcher(LOOPBACK)(get(mapped), 2).failure == "refused address"


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch, fetcher: Fetcher) -> None:
    with serving(reply(b"proxy")) as proxy, serving(reply(b"1")) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        monkeypatch.setenv("NO_PROXY", "")
        assert fetcher(get(server.url()), 2) == Response(200, 1)
        assert proxy.heads == []


def test_a_fork_gets_a_loop_of_its_own(fetcher: Fetcher) -> None:
    with serving(reply(b"1")) as server:
        assert fetcher(get(server.url()), 2).status == 200
        child = os.fork()
        if not child:
            os._exit(0 if fetcher(get(server.url()), 2).status == 200 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert fetcher(get(server.url()), 2).status == 200


def test_nothing_of_the_caller_is_logged_or_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(reply(b'"canary"')) as server:
        asked = Request(
            "POST",
            server.url("/canary"),
            headers=(("Authorization", "canary"),),
            query=(("q", "canary"),),
            json="canary",
        )
        answer = Fetcher(LOOPBACK)(asked, 2)
        assert answer.data == "canary"
    assert "canary" not in caplog.text + repr(asked) + repr(answer)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com",
        "https://api.example.com/",
        "http://api.example.com:8443/a?b=c#d",
        "HTTPS://API.Example.com/x",
        "https://xn--bcher-kva.example/",
        "https://a_b.example./x",
        "https://api.example.com/find/{{ digits }}?n={{ name }}",
        "http://localhost:8080/",
        "https://1password.example/",
        "https://0x7f.example/",
        "https://api.example.com/user@host",
    ],
)
def test_addresses_a_flow_may_name(url: str) -> None:
    assert url_problem(url) is None


@pytest.mark.parametrize(
    "host", [host for host in INSIDE if not host.casefold().endswith(("example", "localhost", "t."))]
)
def test_flows_name_no_ip_address(host: str) -> None:
    problem = url_problem(f"https://{host}/")
    assert problem is not None
    assert "IP address" in problem or host in ("[1]", "[]", "[:::]", "[::1::]")


@pytest.mark.parametrize("host", ["1.1.1.1", "8.8.8.8", "0x08080808", "134744072", "[2001:4860:4860::8888]"])
def test_nor_a_public_one(host: str) -> None:
    assert url_problem(f"https://{host}/") == "the host is an IP address; name the host"


@pytest.mark.parametrize("trick", TRICKS)
def test_flows_name_nothing_that_would_be_refused(trick: str) -> None:
    assert url_problem(trick.replace("{port}", "8080")) is not None


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ftp://example.com/", "https://"),
        ("example.com", "https://"),
        ("https://", "no host"),
        ("https:///x", "no host"),
        ("https://:80/", "no host"),
        ("https://user:word@example.com/", "Authorization"),
        ("https://{{ host }}/", "name made of"),
        ("https://b\u00fccher.example/", "name made of"),
        ("https://example.com:70000/", "port"),
    ],
)
def test_what_is_wrong_is_said(url: str, problem: str) -> None:
    assert problem in (url_problem(url) or "")
