"""The way to a Redis: scripts that are run once or not at all, short times, one sentence for whatever goes wrong."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import sha1
from importlib.resources import files
from time import monotonic
from typing import Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import (
    AuthenticationError,
    NoPermissionError,
    NoScriptError,
    RedisClusterException,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as ConnectionLost
from redis.retry import Retry
from redis.sentinel import Sentinel

from flowengine.stores.base import StoreDown, StoreRefused
from flowengine.stores.redis_url import SENTINEL, RedisUrl

WAIT = 0.2
"""Seconds that a connection and an answer are waited for."""
OLDEST = (6, 2)
"""Servers before this one have no XAUTOCLAIM."""
LAYOUT = 1
"""Of the keys and what is in them; a server that has a later one belongs to a newer flowengine."""
SCRIPTED = re.compile(r"^.*@user_script: ?\d+: -?(ERR )?| script: [0-9a-f]{40}.*$")
"""Where in a script it went wrong, as servers of different versions say."""
COMMON = ("common", "outbox", "sessions")

T = TypeVar("T")


@cache
def script(name: str) -> tuple[str, str]:
    """The text of a script, and the hash under which a server knows it."""
    folder = files("flowengine.stores") / "lua"
    text = "\n".join((folder / f"{each}.lua").read_text("utf-8") for each in (*COMMON, name))
    return text, sha1(text.encode(), usedforsecurity=False).hexdigest()


class RedisLink:
    """One pool of connections per process, made when it is first needed.

    All keys share one hash tag, so that a script may touch any of them in a Cluster too. redis-py repeats what failed,
    which for a script that ran and whose answer was lost means twice: here nothing that writes is ever repeated.
    """

    def __init__(self, url: RedisUrl) -> None:
        self.url = url
        self.tag = f"{{{url.prefix}}}"
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._known: Any = None

    def run(self, name: str, *values: Any) -> Any:
        """What a script returns. Raises :class:`StoreDown`; then nobody can tell whether it ran."""
        return self._told(lambda: self._run(name, values))

    def ask(self, name: str, *values: Any) -> Any:
        """As :meth:`run`, for what only reads: once more if the connection was lost while there is time."""
        return self._told(lambda: self._again(name, values))

    def _again(self, name: str, values: tuple[Any, ...]) -> Any:
        began = monotonic()
        try:
            return self._run(name, values)
        except ConnectionLost:
            if monotonic() - began > WAIT / 2:
                raise
            return self._run(name, values)

    def _run(self, name: str, values: tuple[Any, ...]) -> Any:
        text, digest = script(name)
        try:
            return self._execute("EVALSHA", digest, 1, self.tag, *values)
        except NoScriptError:
            return self._execute("EVAL", text, 1, self.tag, *values)

    def _execute(self, *command: Any) -> Any:
        client = self._client()
        if isinstance(client, RedisCluster):
            # A command for a node that is named is not repeated; where its slot has moved, it is sent there.
            return client.execute_command(*command, target_nodes=client.get_node_from_key(self.tag))
        return client.execute_command(*command)

    def _client(self) -> Any:
        if self._pid != os.getpid():
            self._begin()
        if self._known is None:
            with self._lock:
                self._known = self._known or _connected(self.url)
        return self._known

    def _told(self, act: Callable[[], T]) -> T:
        """Everything that can go wrong on the way or in the server, as :class:`StoreDown`."""
        try:
            return act()
        except (RedisError, RedisClusterException, OSError) as error:
            raise StoreDown(f"{self.url.shown}: {_sentence(error)}") from error

    def servers(self) -> Iterator[redis.Redis]:
        """The server, or every primary of a Cluster. Raises as redis-py does."""
        client = self._client()
        if isinstance(client, RedisCluster):
            yield from (client.get_redis_connection(each) for each in client.get_primaries())
        else:
            yield client

    def facts(self) -> dict[str, str]:
        """The settings that decide what survives; empty where the server does not tell them. Raises StoreDown."""
        return self._told(self._facts)

    def _facts(self) -> dict[str, str]:
        client = self._client()
        if isinstance(client, RedisCluster):
            client = client.get_redis_connection(client.get_node_from_key(self.tag))
        found: dict[str, str] = {}
        try:
            for name in ("appendonly", "appendfsync", "save"):
                found |= {_text(key): _text(value) for key, value in client.config_get(name).items()}
        except ResponseError:
            return {}
        return found

    def examine(self) -> None:
        """Raises :class:`StoreRefused` where this Redis must not be used, and :class:`StoreDown`."""
        try:
            for each in self.servers():
                self._examine(each.info("server"), each.info("memory"))
        except AuthenticationError as error:
            raise StoreRefused(f"{self.url.shown} does not take the user and password of the URL") from error
        except NoPermissionError as error:
            raise StoreRefused(
                f"{self.url.shown} does not let this user see INFO; allow it, and EVAL on ~{self.tag}*"
            ) from error
        except RedisClusterException as error:
            if "mode is not enabled" in str(error) or "mode is not enabled" in str(error.__cause__):
                raise StoreRefused(f"{self.url.shown} is no Redis Cluster; write redis:// without +cluster") from error
            raise StoreDown(f"{self.url.shown}: {_sentence(error)}") from error
        except (RedisError, OSError) as error:
            raise StoreDown(f"{self.url.shown}: {_sentence(error)}") from error
        layout = int(self.run("facts", "layout", LAYOUT))
        if layout > LAYOUT:
            raise self.newer(f"layout {layout} of the store")

    def _examine(self, server: dict[str, Any], memory: dict[str, Any]) -> None:
        version, policy = str(server["redis_version"]), str(memory.get("maxmemory_policy", "noeviction"))
        if tuple(int(each) for each in version.split(".")[:2]) < OLDEST:
            raise StoreRefused(f"{self.url.shown} is Redis {version}; the store needs 6.2 or newer")
        if server.get("redis_mode") == "cluster" and self.url.kind != "cluster":
            raise StoreRefused(f"{self.url.shown} is a Redis Cluster; write redis+cluster://HOST:PORT")
        if policy != "noeviction":
            raise StoreRefused(
                f"{self.url.shown} throws keys away when its memory is full (maxmemory-policy {policy}), and calls with"
                " them; set maxmemory-policy to noeviction"
            )

    def newer(self, what: str) -> StoreRefused:
        """The refusal of something that a newer flowengine wrote."""
        return StoreRefused(
            f"{self.url.shown} has {what}, written by a newer flowengine; run that one or name another prefix"
        )

    def close(self) -> None:
        known, self._known = self._known, None
        if known is not None and self._pid == os.getpid():
            known.close()


def _connected(url: RedisUrl) -> Any:
    settings: dict[str, Any] = {"socket_timeout": WAIT, "socket_connect_timeout": WAIT, "protocol": 2}
    settings |= {"retry": Retry(NoBackoff(), 0), "retry_on_error": []}
    if url.tls:
        own = {name: value for name, value in url.settings.items() if name not in SENTINEL}
        settings |= {"ssl": True, "ssl_cert_reqs": "required", "ssl_check_hostname": True, **own}
    login = {"username": url.username or None, "password": url.password or None}
    if url.kind == "cluster":
        nodes = [ClusterNode(host, port) for host, port in url.nodes]
        return RedisCluster(startup_nodes=nodes, **login, **settings)
    if url.kind == "sentinel":
        asked = dict(zip(("username", "password"), (url.settings.get(each) for each in SENTINEL), strict=True))
        sentinels = Sentinel(url.nodes, sentinel_kwargs={**settings, **asked})
        return sentinels.master_for(url.service, db=url.db, **login, **settings)
    ((host, port),) = url.nodes
    return redis.Redis(host=host, port=port, db=url.db, **login, **settings)


def _sentence(error: BaseException) -> str:
    return SCRIPTED.sub("", str(error).partition("\n")[0]) or type(error).__name__


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
