from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
import trustme
from redis_servers import Server, binary, free_port, serving

from flowengine.stores import open_store, redis_link, shown
from flowengine.stores.base import (
    DAY,
    Count,
    Effect,
    JournalRow,
    Leased,
    Record,
    Store,
    StoreDown,
    StoreRefused,
    Timer,
    Verdict,
    Write,
)
from flowengine.stores.redis_url import RedisUrl, read_url

NOW = 1_760_000_000.0
HOUR = 3600.0
MANY = 3000


@pytest.fixture
def timely() -> None:
    """For tests of how long things take; all others may run on a machine that is busy with more."""


@pytest.fixture(autouse=True)
def patience(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "timely" not in request.fixturenames:
        monkeypatch.setattr(redis_link, "WAIT", 3.0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "server") as server:
        yield server


@pytest.fixture
def store(server: Server) -> Iterator[Store]:
    opened = open_store(server.url)
    yield opened
    opened.close()


def write(key: str = "call", version: int = 0, session: bytes = b"one", **more: Any) -> Write:
    return Write(key, version, session, **{"expires": NOW + HOUR, "now": NOW, **more})


def turn(n: int) -> JournalRow:
    return JournalRow(n, NOW + n, "front_desk", "menu", "main", "sales", "9f2c", b"{}")


def full(key: str = "call", version: int = 0, **more: Any) -> Write:
    """A write with something of everything."""
    return write(
        key,
        version,
        **{
            "dedupe": f"{key}/ice",
            "answer": b"answer",
            "journal": turn(version),
            "effects": [Effect(f"{key}/{version}/{n}", "send", b"{}", NOW, "lane" if n else "") for n in range(3)],
            "timers": [Timer("tick", NOW + 5)],
            "aliases": [f"{key}/alias"],
            "counts": [Count("sms", 7, 99)],
            "records": [Record("contact/a", b'{"name":"Ann"}')],
            "revision": "r1",
            **more,
        },
    )


def add(store: Store, key: str = "sum") -> int:
    while True:
        found = store.load(key)
        total = int(found.session or b"0") + 1
        if store.commit(write(key, found.version, b"%d" % total)) is Verdict.DONE:
            return total


def refusal(url: str) -> str:
    with pytest.raises(StoreRefused) as refused:
        open_store(url)
    return str(refused.value)


# --- the URL and the package -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("redis://localhost", RedisUrl("redis", (("localhost", 6379),))),
        ("redis://[::1]:7000/3?prefix=a", RedisUrl("redis", (("::1", 7000),), db=3, prefix="a")),
        ("redis://ann:p%40ss@h:1/", RedisUrl("redis", (("h", 1),), username="ann", password="p@ss")),
        (
            "rediss://:pw@h/0?ssl_ca_certs=/a/ca.pem",
            RedisUrl("redis", (("h", 6379),), True, password="pw", settings={"ssl_ca_certs": "/a/ca.pem"}),
        ),
        ("redis+cluster://a:1,b:2,c", RedisUrl("cluster", (("a", 1), ("b", 2), ("c", 6379)))),
        ("rediss+cluster://a", RedisUrl("cluster", (("a", 6379),), True)),
        (
            "redis+sentinel://u:p@a,b:2/mymaster/4?sentinel_password=s",
            RedisUrl(
                "sentinel",
                (("a", 26379), ("b", 2)),
                False,
                4,
                "mymaster",
                "u",
                "p",
                settings={"sentinel_password": "s"},
            ),
        ),
    ],
)
def test_a_url_is_read(url: str, read: RedisUrl) -> None:
    found = read_url(url)
    assert found == read
    assert "p@ss" not in found.shown + repr(found) and "pw" not in found.shown + repr(found)


def test_a_url_is_shown_without_what_is_secret() -> None:
    url = "redis+sentinel://u:pw@a:1,b:2/mymaster/0?sentinel_password=pw"
    assert shown(url) == "redis+sentinel://a:1,b:2/mymaster/0"
    assert shown("sqlite:////var/a@b.db?synchronous=full") == "sqlite:////var/a@b.db?synchronous=full"


def test_the_worker_says_what_it_drains_without_the_password(server: Server, tmp_path: Path) -> None:
    (tmp_path / "hello.yaml").write_text(
        'flow: hello\nchannel: voice\ntriggers: [ { to: "+12025550100" } ]\nstart: a\n'
        "states:\n  a: { say: Hello., next: end }\n"
    )
    server.client().config_set("requirepass", "hushhush")
    env = {**os.environ, "FLOWENGINE_ENV": "development", "FLOWENGINE_FLOWS": f"{tmp_path}/hello.yaml"}
    env["FLOWENGINE_STORE"] = f"redis://:hushhush@127.0.0.1:{server.port}/0"
    worker = subprocess.Popen(
        [sys.executable, "-m", "flowengine", "worker"], env=env, stderr=subprocess.PIPE, text=True
    )
    assert worker.stderr is not None
    said = worker.stderr.readline()
    worker.terminate()
    said += worker.communicate(timeout=20)[1]
    assert f"worker    drains redis://127.0.0.1:{server.port}/0\n" in said
    assert "hushhush" not in said


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_nothing_loads_the_package_before_it_is_needed() -> None:
    code = "import sys, flowengine.stores as s; s.open_store('memory://'); print('redis' in sys.modules)"
    assert python(code) == "False"


def test_without_the_package_it_is_said_how_to_get_it() -> None:
    code = """
import sys; sys.modules["redis"] = None
from flowengine.stores import StoreRefused, open_store
try: open_store("redis://:secret@localhost/0")
except StoreRefused as refused: print(refused)
"""
    assert python(code) == "the redis store needs a package; run: pip install 'flowengine[redis]'"


# --- what is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_a_server_that_throws_keys_away_is_refused(server: Server, policy: str) -> None:
    server.client().config_set("maxmemory-policy", policy)
    said = refusal(server.url)
    assert f"maxmemory-policy {policy}" in said and "set maxmemory-policy to noeviction" in said


def test_what_a_newer_flowengine_wrote_is_refused(server: Server, store: Store) -> None:
    store.commit(full())
    plain = server.client()
    plain.hset("{flowengine}:session:call", "data", b"\x02new")
    with pytest.raises(StoreRefused, match="written by a newer flowengine"):
        store.load("call")
    plain.hset("{flowengine}:answer:call/ice", "answer", b"\x02new")
    with pytest.raises(StoreRefused, match="newer"):
        store.load("", "call/ice")
    plain.hset("{flowengine}:journal:call", "0", b"\x02new")
    with pytest.raises(StoreRefused, match="newer"):
        store.journal("call")
    plain.set("{flowengine}:layout", 2)
    assert "has layout 2 of the store, written by a newer flowengine" in refusal(server.url)
    open_store(f"{server.url}?prefix=other").close()


def test_a_wrong_password_is_refused_and_not_shown(server: Server) -> None:
    plain = server.client()
    plain.config_set("requirepass", "right")
    at = f"127.0.0.1:{server.port}"
    for url in (f"redis://:wrongpw@{at}", f"redis://{at}"):
        said = refusal(url)
        assert "does not take the user and password" in said and at in said and "wrongpw" not in said
    store = open_store(f"redis://:right@{at}")
    assert add(store) == 1
    assert "right" not in store.durability
    store.close()


def test_a_user_who_may_not_ask_for_settings_is_told_that_nothing_is_known(server: Server) -> None:
    plain = server.client()
    plain.execute_command("ACL", "SETUSER", "flow", "on", ">pw", "~{flowengine}*", "+@all", "-config")
    store = open_store(f"redis://flow:pw@127.0.0.1:{server.port}")
    assert "cannot be known" in store.durability
    assert store.commit(full()) is Verdict.DONE
    assert len(store.take(NOW, 9)) == 2
    store.close()


def test_a_server_that_is_not_there_is_down(tmp_path: Path) -> None:
    port = free_port()
    with pytest.raises(StoreDown, match=f"redis 127.0.0.1:{port}: .*refused"):
        open_store(f"redis://:secret@127.0.0.1:{port}")


def test_a_replica_is_down_for_writers(server: Server, tmp_path: Path) -> None:
    master = ("--replicaof", "127.0.0.1", f"{server.port}")
    with (
        serving(tmp_path / "replica", "--save", "", *master) as replica,
        pytest.raises(StoreDown, match="read only replica"),
    ):
        open_store(replica.url)


def test_a_server_that_is_loading_is_down(timely: None, tmp_path: Path) -> None:
    with serving(tmp_path / "server", "--save", "9999", "9999") as server:
        pipe = server.client().pipeline()
        for n in range(1000):
            pipe.set(f"k{n}", os.urandom(20_000))
        pipe.execute()
        store = open_store(server.url)
        server.client().save()
        server.signal(signal.SIGKILL)
        server.settings += ("--key-load-delay", "1000")
        server.start(wait=False)
        said = set()
        until = time.monotonic() + 9
        while time.monotonic() < until:
            try:
                store.load("call")
                break
            except StoreDown as down:
                said.add(str(down).partition(": ")[2][:40])
                time.sleep(0.01)
        assert any("loading the dataset" in each for each in said), said
        assert store.commit(write()) is Verdict.DONE
        store.close()


# --- what survives ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("--save", ""), "everything is lost when redis dies"),
        (("--save", "3600", "1"), "what was written since the last snapshot is lost when redis dies"),
        (("--appendonly", "yes", "--appendfsync", "everysec"), "the last two seconds may be lost"),
        (("--appendonly", "yes", "--appendfsync", "always"), "every answered turn survives"),
    ],
)
def test_what_a_killed_server_loses_is_what_was_said(tmp_path: Path, settings: tuple[str, ...], said: str) -> None:
    with serving(tmp_path / "server", *settings) as server:
        store = open_store(server.url)
        assert said in store.durability
        if "3600" in settings:
            store.commit(write("before"))
            server.client().save()
        told: list[float] = [0.0] * MANY

        def work(first: int) -> None:
            for n in range(first, MANY, 8):
                # A disk that is slow for a moment is a store that is down for a moment.
                while not _done(partial(store.commit, write(f"call{n:04}", dedupe=f"ice{n}", answer=b"x"))):
                    pass
                told[n] = time.monotonic()

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert min(told) > 0
        killed = time.monotonic()
        server.signal(signal.SIGKILL)
        server.start()
        lost = [n for n in range(MANY) if store.load(f"call{n:04}").session is None]
        assert [n for n in range(MANY) if store.load("", f"ice{n}").answer is None] == lost
        if "always" in settings:
            assert lost == []
        elif "everysec" in settings:
            assert all(killed - told[n] < 2.5 for n in lost)
        else:
            assert len(lost) == MANY
            assert (store.load("before").session is None) == ("3600" not in settings)
        store.close()


# --- when it does not answer -----------------------------------------------------------------------------------


def operations(store: Store) -> dict[str, Callable[[], object]]:
    """Every one that there is."""
    leased = Leased("call/0/0", "send", "call", b"{}", NOW, 1, "token")
    return {
        "load": lambda: store.load("call", "ice", "contact/a"),
        "commit": lambda: store.commit(full(version=1)),
        "claim": lambda: store.claim("claim", NOW, 5),
        "take": lambda: store.take(NOW, 5),
        "hold": lambda: store.hold(leased, NOW),
        "settle": lambda: store.settle(leased),
        "retry": lambda: store.retry(leased, NOW),
        "arrived": lambda: store.arrived("x"),
        "bury": lambda: store.bury(leased, "reason", NOW),
        "dead_letter": lambda: store.dead_letter("callback", "reason", b"", NOW),
        "due": lambda: store.due(NOW, 5),
        "fired": lambda: store.fired(leased),
        "record": lambda: store.record("contact/a"),
        "read": lambda: store.read("contact/a", "contact/b"),
        "records": lambda: list(store.records("contact/")),
        "merge": lambda: store.merge(Record("contact/a", b"{}")),
        "count": lambda: store.count("sms", 7),
        "journal": lambda: store.journal("call"),
        "keys": lambda: store.keys("c", 9),
        "dead_letters": store.dead_letters,
        "letters": lambda: store.letters(9),
        "keep": lambda: store.keep("r1", b"flows", NOW),
        "artefact": lambda: store.artefact("r1"),
        "revisions": store.revisions,
        "of_revision": lambda: list(store.of_revision("r1")),
        "overdue": lambda: store.overdue(NOW, 9),
        "search": lambda: list(store.search("one")),
        "forget": lambda: store.forget("nobody"),
        "forget_record": lambda: store.forget_record("contact/z"),
        "sweep": lambda: store.sweep(NOW),
        "ping": store.ping,
        "durability": lambda: store.durability,
    }


def test_a_paused_server_is_down_soon_and_heals_soon(timely: None, server: Server, store: Store) -> None:
    own = {name for name in dir(Store) if not name.startswith("_")} - {"close", "shared"}
    assert set(operations(store)) == own
    store.commit(full())
    server.signal(signal.SIGSTOP)
    slow = {name: _refused(act) for name, act in operations(store).items()}
    slow |= {name: _refused(operations(store)[name]) for name, took in slow.items() if took >= 0.5}
    with pytest.raises(StoreDown):
        open_store(server.url)
    assert max(slow.values()) < 0.5, slow
    server.signal(signal.SIGCONT)
    began = time.monotonic()
    while True:
        with suppress(StoreDown):
            store.ping()
            break
    assert time.monotonic() - began < 2
    for act in operations(store).values():
        act()


def _refused(act: Callable[[], object]) -> float:
    """After how many seconds the store was said to be down."""
    began = time.monotonic()
    with pytest.raises(StoreDown):
        act()
    return time.monotonic() - began


def test_many_threads_at_a_paused_server_are_all_told_soon(timely: None, server: Server, store: Store) -> None:
    waited: list[float] = []

    def work() -> None:
        began = time.monotonic()
        with pytest.raises(StoreDown):
            store.load("call")
        waited.append(time.monotonic() - began)

    server.signal(signal.SIGSTOP)
    threads = [threading.Thread(target=work) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.signal(signal.SIGCONT)
    assert len(waited) == 24 and sorted(waited)[-4] < 0.6


def test_a_server_without_memory_is_down_and_changes_nothing(server: Server, store: Store) -> None:
    store.commit(full("kept"))
    plain = server.client()
    plain.config_set("maxmemory", 1_000_000)
    before = plain.dbsize()
    tries: list[Callable[[], object]] = [
        lambda: store.commit(full("call")),
        lambda: store.commit(full("kept", 1, dedupe="pie", drops=["lane"])),
        lambda: store.claim("claim", NOW, 5),
        lambda: store.merge(Record("contact/b", b"{}")),
        lambda: store.dead_letter("callback", "reason", b"", NOW),
        store.ping,
    ]
    for each in tries:
        with pytest.raises(StoreDown, match="command not allowed when used memory") as down:
            each()
        assert "script" not in str(down.value)
    assert store.load("kept", "kept/ice")[1:4] == (1, b"one", b"answer")
    assert plain.dbsize() == before
    plain.config_set("maxmemory", 0)
    assert [each.id for each in store.take(NOW, 9)] == ["kept/0/0", "kept/0/1"]
    assert store.commit(full("call")) is Verdict.DONE


def test_a_server_that_was_restarted_is_used_again_at_once(server: Server, store: Store) -> None:
    store.commit(write())
    server.signal(signal.SIGKILL)
    with pytest.raises(StoreDown):
        store.load("call")
    server.start()
    assert store.commit(write()) is Verdict.DONE
    server.client().script_flush()
    assert store.load("call").version == 1
    server.client().client_kill_filter(_type="normal", skipme=True)
    assert store.commit(write(version=1)) is Verdict.DONE


class Proxy:
    """Stands before a server; may lose its next answer. With ``tls`` the side of the clients is encrypted."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._to, self._tls = port, tls
        self.losing = False
        self.lost = 0
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._door.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self._to)) as server:
            near = self._tls.wrap_socket(client, server_side=True) if self._tls else client
            threading.Thread(target=self._pass, args=(near, server, False), daemon=True).start()
            self._pass(server, near, True)

    def _pass(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if answers and self.losing:
                    self.losing, self.lost = False, self.lost + 1
                    break
                target.sendall(data)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._door.close()


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    proxy = Proxy(server.port)
    yield proxy
    proxy.close()


def scripts(server: Server) -> int:
    """How many were run."""
    return int(server.client().info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"])


def test_a_write_whose_answer_was_lost_is_not_repeated(server: Server, proxy: Proxy) -> None:
    store = open_store(f"redis://127.0.0.1:{proxy.port}")
    store.commit(write("other"))
    assert store.take(NOW, 9) == []
    before = scripts(server)
    proxy.losing = True
    with pytest.raises(StoreDown):
        store.commit(full(records=()))
    assert (proxy.lost, scripts(server) - before) == (1, 1)
    assert store.commit(full()) is Verdict.DUPLICATE
    assert store.commit(full(dedupe="")) is Verdict.CONFLICT
    found = store.load("call", "call/ice")
    assert (found.version, found.answer, store.count("sms", 7)) == (1, b"answer", 1)
    assert len(store.journal("call")) == 1
    proxy.losing = True
    with pytest.raises(StoreDown):
        store.take(NOW, 9)
    assert store.take(NOW + 8, 9) == []  # leased to nobody who knows of it, until that is over
    assert {each.attempts for each in store.take(NOW + 9, 9)} == {2}
    store.close()


def test_a_read_whose_answer_was_lost_is_asked_again_once(server: Server, proxy: Proxy) -> None:
    store = open_store(f"redis://127.0.0.1:{proxy.port}")
    store.commit(full())
    before = scripts(server)
    proxy.losing = True
    assert store.load("call").version == 1
    assert (proxy.lost, scripts(server) - before) == (1, 2)
    store.close()


# --- TLS, Cluster, Sentinel ------------------------------------------------------------------------------------


def test_a_server_behind_tls_is_trusted_by_its_certificate(server: Server, tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    stranger.cert_pem.write_to_path(tmp_path / "stranger.pem")
    proxy = Proxy(server.port, context)
    store = open_store(f"rediss://localhost:{proxy.port}/0?ssl_ca_certs={tmp_path}/ca.pem")
    assert add(store) == 1
    store.close()
    for url in (
        f"rediss://localhost:{proxy.port}?ssl_ca_certs={tmp_path}/stranger.pem",
        f"rediss://127.0.0.1:{proxy.port}?ssl_ca_certs={tmp_path}/ca.pem",
        f"rediss://localhost:{proxy.port}",
    ):
        with pytest.raises(StoreDown, match="certificate verify failed"):
            open_store(url)
    with pytest.raises(StoreDown):
        open_store(f"rediss://localhost:{server.port}?ssl_ca_certs={tmp_path}/ca.pem")
    proxy.close()


def low_port() -> int:
    """With room for the port of the cluster's own talk, 10,000 above."""
    while (port := free_port()) > 55_000:
        pass
    return port


@contextmanager
def cluster(folder: Path, many: int = 3) -> Iterator[list[Server]]:
    given = ("--save", "", "--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
    nodes = [Server(folder / f"{n}", *given, port=low_port()) for n in range(many)]
    try:
        for n, node in enumerate(nodes):
            node.start()
            edges = (16384 * n // many, 16384 * (n + 1) // many)
            node.client().execute_command("CLUSTER", "ADDSLOTS", *range(*edges))
            node.client().execute_command("CLUSTER", "SET-CONFIG-EPOCH", n + 1)
        for node in nodes[1:]:
            nodes[0].client().execute_command("CLUSTER", "MEET", "127.0.0.1", node.port)
        until = time.monotonic() + 20
        while not all(_agrees(node, many) for node in nodes):
            assert time.monotonic() < until, "the cluster does not come together"
            time.sleep(0.05)
        yield nodes
    finally:
        for node in nodes:
            node.stop()


def _agrees(node: Server, many: int) -> bool:
    found = node.client().execute_command("CLUSTER", "INFO")
    told = found if isinstance(found, dict) else dict(line.split(":") for line in found.decode().split("\r\n") if line)
    return told["cluster_state"] == "ok" and int(told["cluster_known_nodes"]) == many


def test_a_cluster_holds_a_deployment_on_one_node_and_may_move_it(timely: None, tmp_path: Path) -> None:
    with cluster(tmp_path) as nodes:
        assert "write redis+cluster://" in refusal(nodes[0].url)
        ports = ",".join(f"127.0.0.1:{node.port}" for node in nodes[:2])
        store = open_store(f"redis+cluster://{ports}?prefix=mine", workers=4)
        assert "a failover loses" in store.durability
        assert store.commit(full()) is Verdict.DONE
        assert [each.id for each in store.take(NOW, 5)] == ["call/0/0", "call/0/1"]
        holders = [node for node in nodes if node.client().dbsize()]
        assert len(holders) == 1
        here, there = holders[0], next(node for node in nodes if node is not holders[0])
        _move(here, there)
        assert here.client().dbsize() == 0
        assert store.load("call/alias", "call/ice").answer == b"answer"
        assert {each.attempts for each in store.take(NOW + 5, 5)} == {2}
        assert add(store) == 1
        there.signal(signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(StoreDown):
            store.ping()
        assert time.monotonic() - began < 1.5
        there.signal(signal.SIGCONT)
        until = time.monotonic() + 5
        while True:
            with suppress(StoreDown):
                assert add(store) >= 2
                break
            assert time.monotonic() < until
        store.close()


def _move(here: Server, there: Server) -> None:
    """The slot of the deployment, as an operator of a cluster moves it."""
    slot = int(here.client().execute_command("CLUSTER", "KEYSLOT", "{mine}"))
    ids = [node.client().execute_command("CLUSTER", "MYID").decode() for node in (here, there)]
    there.client().execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0])
    here.client().execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1])
    keys = here.client().execute_command("CLUSTER", "GETKEYSINSLOT", slot, 1000)
    here.client().execute_command("MIGRATE", "127.0.0.1", there.port, "", 0, 5000, "KEYS", *keys)
    for node in (there, here):
        node.client().execute_command("CLUSTER", "SETSLOT", slot, "NODE", ids[1])


def test_a_server_that_is_no_cluster_is_refused_as_one(server: Server) -> None:
    assert "write redis:// without +cluster" in refusal(server.url.replace("redis:", "redis+cluster:"))


def test_sentinels_lead_to_the_master_and_to_the_next_one(timely: None, tmp_path: Path) -> None:
    with (
        serving(tmp_path / "a", "--save", "", "--repl-diskless-sync-delay", "0") as first,
        serving(tmp_path / "b", "--save", "", "--replicaof", "127.0.0.1", f"{first.port}") as second,
    ):
        settings = tmp_path / "sentinel.conf"
        settings.write_text(
            f"port {free_port()}\nbind 127.0.0.1\ndir {tmp_path}\n"
            f"sentinel monitor mymaster 127.0.0.1 {first.port} 1\n"
            "sentinel down-after-milliseconds mymaster 500\nsentinel failover-timeout mymaster 2000\n"
        )
        port = int(settings.read_text().split()[1])
        watcher = subprocess.Popen([binary(), str(settings), "--sentinel"], stdout=subprocess.DEVNULL)
        try:
            url = f"redis+sentinel://127.0.0.1:{port},127.0.0.1:{free_port()}/mymaster/0"
            store = _opened(url)
            assert "a failover loses" in store.durability
            assert add(store) == 1
            assert first.client().wait(1, 4000) == 1
            _until(lambda: redis.Redis(port=port).execute_command("SENTINEL", "REPLICAS", "mymaster"))
            first.signal(signal.SIGKILL)
            with pytest.raises(StoreDown):
                add(store)
            _until(lambda: _done(lambda: add(store)))
            assert second.client().hget("{flowengine}:session:sum", "data") == b"\x012"
            store.close()
            with pytest.raises(StoreDown, match="No master"):
                open_store(url.replace("mymaster", "nobody"))
        finally:
            watcher.kill()
            watcher.wait()


def _opened(url: str) -> Store:
    found: list[Store] = []
    _until(lambda: _done(lambda: found.append(open_store(url))))
    return found[0]


def _done(act: Callable[[], object]) -> bool:
    with suppress(StoreDown):
        act()
        return True
    return False


def _until(act: Callable[[], object], seconds: float = 9) -> None:
    until = time.monotonic() + seconds
    while not act():
        assert time.monotonic() < until
        time.sleep(0.05)


# --- several processes -----------------------------------------------------------------------------------------


def test_four_processes_lose_no_update(server: Server) -> None:
    code = f"""
import os
from flowengine.stores import open_store
from flowengine.stores.base import StoreDown, Verdict, Write
store = open_store({server.url!r}, workers=4)
for n in range(1000):
    verdict = Verdict.CONFLICT
    while verdict is Verdict.CONFLICT:
        try:
            found = store.load("sum")
            total = b"%d" % (int(found.session or b"0") + 1)
            once = f"{{os.getpid()}}/{{n}}"
            verdict = store.commit(Write("sum", found.version, total, {NOW + HOUR}, {NOW}, once))
        except StoreDown:
            pass
"""
    workers = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    assert [each.wait(60) for each in workers] == [0] * 4
    store = open_store(server.url)
    assert store.load("sum")[1:3] == (4000, b"4000")
    store.close()


def test_a_process_may_fork_after_using_the_store(store: Store) -> None:
    assert add(store) == 1
    told, mouth = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        totals = [add(store) for _ in range(100)]
        os.write(mouth, b"%d" % len(totals))
        os._exit(0)
    assert [add(store) for _ in range(100)]
    assert os.read(told, 9) == b"100"
    os.waitpid(child, 0)
    assert add(store) == 202
    os.close(told)
    os.close(mouth)


# --- keys ------------------------------------------------------------------------------------------------------

FOR_GOOD = {"record", "records", "sequence", "pulse", "layout", "artefact", "revisions"}
"""What has no end of its own."""


def kinds(server: Server) -> dict[str, list[float]]:
    """How many seconds the keys of each kind still live."""
    plain = server.client()
    found: dict[str, list[float]] = {}
    for key in plain.scan_iter(count=1000):
        tag, kind = key.decode().split(":")[:2]
        assert tag == "{flowengine}"
        found.setdefault(kind, []).append(plain.pttl(key) / 1000)
    return found


def test_nothing_outlives_its_time_where_nobody_sweeps(server: Server, store: Store) -> None:
    assert store.commit(full("live")) is Verdict.DONE
    assert store.commit(full("over", over=True, expires=NOW + 2 * HOUR)) is Verdict.DONE
    store.keep("r1", b"flows", NOW)
    held = store.take(NOW, 9)
    store.due(NOW + 5, 9)
    assert store.bury(held[0], "refused", NOW)
    found = kinds(server)
    for kind, seconds in found.items():
        if kind in FOR_GOOD:
            assert seconds == [-0.001], kind
        else:
            assert min(seconds) > HOUR and max(seconds) < 8 * DAY, (kind, seconds)
    assert sorted(round(each / 100) for each in found["session"]) == [73, 901]
    for kind in ("alias", "aliases", "journal", "timers"):
        assert max(found[kind]) <= DAY + HOUR + 61, kind
    assert {"ready", "place", "row", "lane", "letter", "buried", "timers_held", "live", "over", "pins"} <= set(found)


def test_nothing_is_left_once_everything_has_gone(server: Server, store: Store) -> None:
    for n in range(30):
        store.commit(full(f"call{n}", revision=f"r{n % 3}", over=n % 2 == 0))
    while taken := store.take(NOW, 9, 7):
        for n, each in enumerate(taken):
            assert store.settle(each) if n % 3 else store.bury(each, "refused", NOW)
    for each in store.due(NOW + 5, 9):
        assert store.fired(each)
    store.claim("claimed", NOW, 5)
    store.dead_letter("callback", "reason", b"", NOW)
    store.keep("r0", b"flows", NOW)
    assert store.forget("call3")
    assert store.forget_record("contact/a")
    store.sweep(NOW + 9 * DAY)
    assert set(kinds(server)) <= {"sequence", "pulse", "layout", "ready"}
    assert server.client().xpending("{flowengine}:ready", "workers")["pending"] == 0


def test_rows_whose_time_was_over_before_the_sweep_hold_up_nobody(server: Server, store: Store) -> None:
    rows = [Effect(f"{n}", "send", b"", NOW, "lane" if n % 2 else "") for n in range(6)]
    store.commit(write(effects=rows))
    (held,) = [each for each in store.take(NOW, 9) if each.id == "1"]
    server.client().delete(*(f"{{flowengine}}:row:{n}" for n in (0, 1, 3, 4)))
    assert not store.settle(held)
    assert [each.id for each in store.take(NOW + 9, 9)] == ["2", "5"]
    assert not store.arrived("3")
    assert server.client().xpending("{flowengine}:ready", "workers")["pending"] == 2


def test_a_row_under_way_whose_time_was_over_is_not_left_pending(server: Server, store: Store) -> None:
    store.commit(write(effects=[Effect("late", "send", b"", NOW, "lane", 2.0)]))
    assert len(store.take(NOW, 9)) == 1
    store.commit(write(version=1, effects=[Effect("early", "send", b"", NOW, "lane", 1.0)]))
    server.client().delete("{flowengine}:row:late", "{flowengine}:row:early")
    assert store.arrived("early")
    pending = server.client().xpending("{flowengine}:ready", "workers")["pending"]
    assert (pending, store.take(NOW + 9, 9), store.arrived("late")) == (0, [], False)


def test_a_session_that_redis_itself_forgot_begins_anew(server: Server, store: Store) -> None:
    store.commit(full())
    for kind in ("session", "journal", "aliases", "timers"):
        server.client().delete(f"{{flowengine}}:{kind}:call")
    server.client().delete("{flowengine}:alias:call/alias")
    assert store.load("call").session is None and store.keys("", 9) == []
    assert store.due(NOW + 5, 9) == []
    assert store.commit(write(expires=NOW + 9, over=True)) is Verdict.DONE
    assert store.revisions() == []
    assert store.sweep(NOW + 9) == 1


def test_what_is_carried_out_is_pending_in_the_stream(server: Server, store: Store) -> None:
    store.commit(full())
    plain = server.client()
    first, second = store.take(NOW, 30)
    assert plain.xpending("{flowengine}:ready", "workers")["pending"] == plain.xlen("{flowengine}:ready") == 2
    assert store.settle(first) and store.retry(second, NOW + 5)
    assert plain.xpending("{flowengine}:ready", "workers")["pending"] == plain.xlen("{flowengine}:ready") == 0


def test_a_lease_ends_by_the_clock_of_who_takes_to_the_fraction(store: Store) -> None:
    store.commit(write(effects=[Effect("e", "send", b"")]))
    store.take(NOW, 10.0004)
    assert store.take(NOW + 10.0003, 10) == []
    assert store.take(NOW + 10.0003, 10) == []
    (taken,) = store.take(NOW + 10.0004, 10)
    assert store.hold(taken, NOW + 40.0004)
    assert store.take(NOW + 40.0003, 10) == [] and len(store.take(NOW + 40.0004, 10)) == 1


def test_numbers_of_any_size_come_back_as_they_were(store: Store) -> None:
    at = 1760000000.1234567
    patch = b'{"big":12345678901234567890,"small":0.1,"empty":[],"none":{}}'
    row = JournalRow(1, at, "f", "e\n", "a", "b", "r", b'{"n":1}\n{"m":2}')
    store.commit(write(effects=[Effect("e", "send", b"", at)], timers=[Timer("t", at)], journal=row))
    store.merge(Record("contact/a", patch))
    assert store.record("contact/a") == patch
    assert store.journal("call") == [row]
    assert [each.due for each in (*store.take(at, 9), *store.due(at, 9))] == [at, at]


def test_deployments_with_another_prefix_see_nothing_of_each_other(server: Server) -> None:
    one, two = open_store(f"{server.url}?prefix=one"), open_store(f"{server.url}?prefix=two")
    one.commit(full())
    assert two.load("call").session is None
    assert two.commit(full()) is Verdict.DONE
    assert one.forget("call") and two.load("call").version == 1
    one.close()
    two.close()
