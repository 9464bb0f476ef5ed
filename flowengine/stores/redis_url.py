"""What a URL says of a Redis: one server, a Cluster, or a service that Sentinels watch; with TLS or without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from flowengine.problems import did_you_mean, listed
from flowengine.stores.base import StoreRefused

PREFIX = "flowengine"
PORT, SENTINEL_PORT = 6379, 26379
TLS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
"""Paths of files, as redis-py names them: whom to trust, and who we are."""
SENTINEL = ("sentinel_username", "sentinel_password")


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """``kind`` is ``redis``, ``cluster`` or ``sentinel``; ``nodes`` are the server, some nodes or the Sentinels."""

    kind: str
    nodes: tuple[tuple[str, int], ...]
    tls: bool = False
    db: int = 0
    service: str = ""
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    prefix: str = PREFIX
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def shown(self) -> str:
        """Who is meant, without user and password."""
        nodes = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.nodes)
        return f"redis {self.service} of {nodes}" if self.service else f"redis {nodes}"


def read_url(url: str) -> RedisUrl:
    """Raises :class:`StoreRefused`; the sentence shows nothing of user and password."""
    scheme, _, address = url.partition(":")
    kind = scheme.partition("+")[2] or "redis"
    place, _, query = address.removeprefix("//").partition("?")
    login, _, place = place.rpartition("@")
    hosts, _, path = place.partition("/")
    username, _, password = login.partition(":")
    settings = _settings(query, kind, scheme.startswith("rediss"))
    prefix = settings.pop("prefix", PREFIX)
    if not prefix or set("{}") & set(prefix):
        raise StoreRefused("the prefix of the redis store is empty or has a brace; write a name such as flowengine")
    service, db = _path(path, kind)
    return RedisUrl(
        kind,
        _nodes(hosts, SENTINEL_PORT if kind == "sentinel" else PORT),
        scheme.startswith("rediss"),
        db,
        service,
        unquote(username),
        unquote(password),
        prefix,
        settings,
    )


def _nodes(hosts: str, usual: int) -> tuple[tuple[str, int], ...]:
    nodes = []
    for each in hosts.split(","):
        host, colon, port = each.rpartition(":")
        if not colon or port.endswith("]"):
            host, port = each, str(usual)
        host = host.removeprefix("[").removesuffix("]")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise StoreRefused("the URL of the redis store names no host and port; write redis://localhost:6379/0")
        nodes.append((unquote(host), int(port)))
    return tuple(nodes)


def _path(path: str, kind: str) -> tuple[str, int]:
    """The service that Sentinels know, and the number of the database."""
    service, _, number = path.partition("/") if kind == "sentinel" else ("", "", path)
    if kind == "sentinel" and not service:
        raise StoreRefused("the URL names no service; write redis+sentinel://localhost:26379/mymaster/0")
    number = number.rstrip("/") or "0"
    if not number.isdecimal():
        raise StoreRefused("the database of the redis store is no number; write redis://localhost:6379/0")
    if kind == "cluster" and int(number):
        raise StoreRefused("a Redis Cluster has only the database 0; write redis+cluster://localhost:6379")
    return unquote(service), int(number)


def _settings(query: str, kind: str, tls: bool) -> dict[str, str]:
    known = ["prefix", *(TLS if tls else ()), *(SENTINEL if kind == "sentinel" else ())]
    settings = dict(parse_qsl(query, keep_blank_values=True))
    for name in settings:
        if name in TLS:
            if not tls:
                raise StoreRefused(f"{name} is a setting of TLS, which the URL does not ask for; write rediss://")
        elif name not in known:
            hint = did_you_mean(name, known)
            raise StoreRefused(f'the redis store has no setting "{name}"{hint}; it has {listed(known, "and")}')
    return settings
