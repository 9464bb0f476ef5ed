from __future__ import annotations

import errno
import os
import random
import resource
import select
import shutil
import signal
import sqlite3
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from flowengine.stores import open_store, sqlite_file
from flowengine.stores.base import JournalRow, Record, Store, StoreDown, StoreRefused, Verdict, Write
from flowengine.stores.sqlite_file import SqliteFile, network_file_system

NOW = 1_760_000_000.0
DATA = Path(__file__).parent / "data"


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def write(key: str, version: int = 0, session: bytes = b"", dedupe: str = "") -> Write:
    row = JournalRow(version, NOW, "f", "e", "a", "b", "r", b"{}")
    return Write(key, version, session, NOW + 3600, NOW, dedupe, b"answer", journal=row)


def add(store: Store, key: str = "sum") -> int:
    """One more, as a turn would do it: read, write, and again after a conflict."""
    while True:
        found = store.load(key)
        total = int(found.session or b"0") + 1
        if store.commit(write(key, found.version, b"%d" % total)) is Verdict.DONE:
            return total


class Child:
    """A forked process that tells through a pipe what ``act`` returned, or what it raised."""

    def __init__(self, act: Callable[[Callable[[object], None]], object]) -> None:
        self.told, mouth = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(30)
            os.close(self.told)

            def tell(what: object) -> None:
                os.write(mouth, f"{what}\n".encode())

            try:
                tell(act(tell))
            except BaseException as error:
                tell(f"{type(error).__name__}: {error}")
            os._exit(0)
        os.close(mouth)

    def hear(self, seconds: float = 30) -> str:
        """What it says next."""
        ready, _, _ = select.select([self.told], [], [], seconds)
        assert ready, "the child said nothing"
        return os.read(self.told, 1 << 20).decode()

    def end(self) -> str:
        """What it still had to say."""
        said = b""
        while more := os.read(self.told, 1 << 20):
            said += more
        os.close(self.told)
        os.waitpid(self.pid, 0)
        return said.decode().strip()


def refusal(path: Path) -> str:
    with pytest.raises(StoreRefused) as refused:
        open_store(url(path))
    assert str(path) in str(refused.value) or str(path.parent) in str(refused.value)
    return str(refused.value)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(url(tmp_path / "store.db"))
    yield opened
    opened.close()


def test_the_file_is_made_for_its_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "var" / "calls" / "store.db"
    store = open_store(url(path))
    store.commit(write("call"))
    files = sorted(path.parent.iterdir())
    assert [each.name for each in files] == ["store.db", "store.db-shm", "store.db-wal"]
    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    store.close()


def test_a_relative_path_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///var/my%20calls.db")
    monkeypatch.chdir("/")
    store.commit(write("call"))
    assert (tmp_path / "var" / "my calls.db").is_file()
    store.close()


def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    store = open_store(url(tmp_path / "store.db"))
    store.commit(write("call", session=b"one", dedupe="ice"))
    store.close()
    assert store.load("call").session == b"one"
    store.close()
    again = open_store(url(tmp_path / "store.db"), workers=4)
    assert (again.load("call", "ice").session, again.load("call", "ice").answer) == (b"one", b"answer")
    again.close()


@pytest.mark.parametrize(("setting", "pragma"), [("", 1), ("?synchronous=normal", 1), ("?synchronous=full", 2)])
def test_durability_is_what_it_says(tmp_path: Path, setting: str, pragma: int) -> None:
    store = open_store(url(tmp_path / "store.db") + setting)
    with closing(SqliteFile(tmp_path / "store.db", full=pragma == 2).connect()) as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (pragma,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert ("and a power cut" in store.durability) == (pragma == 2)
    assert ("a power cut may lose" in store.durability) == (pragma == 1)


class Disk:
    """Counts how often something is brought to the disk, and may be slow or broken."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.syncs, self.pause, self.error = 0, 0.0, False
        self.sync = os.fdatasync
        monkeypatch.setattr(sqlite_file, "_datasync", self)

    def __call__(self, file: int) -> None:
        self.syncs += 1
        time.sleep(self.pause)
        if self.error:
            raise OSError(errno.EIO, "Input/output error")
        self.sync(file)


def durable(store: Store, key: str) -> Verdict:
    return store.commit(write(key, dedupe=key)._replace(durable=True))


def test_a_durable_turn_is_on_the_disk_and_others_need_not_be(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    store.commit(write("one"))
    assert disk.syncs == 0
    assert durable(store, "two") is Verdict.DONE
    assert disk.syncs == 1
    assert durable(store, "two") is Verdict.DUPLICATE
    assert disk.syncs == 1
    full = open_store(url(tmp_path / "full.db") + "?synchronous=full")
    assert durable(full, "three") is Verdict.DONE
    assert disk.syncs == 1
    full.close()
    normal = open_store(url(tmp_path / "normal.db") + "?synchronous=normal")
    assert durable(normal, "four") is Verdict.DONE
    assert disk.syncs == 1 and "messages too" in normal.durability
    normal.close()


def test_threads_share_a_sync_and_none_returns_before_one_that_began_later(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    disk.pause = 0.05
    waited: list[float] = []

    def work(n: int) -> None:
        for each in range(4):
            began = time.monotonic()
            assert durable(store, f"{n}/{each}") is Verdict.DONE
            waited.append(time.monotonic() - began)

    threads = [Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(waited) == 32 and min(waited) >= 0.05
    assert disk.syncs < 32  # how many fewer is measured by tools/bench: here the machine may be busy


def test_a_disk_that_fails_is_told_to_all_who_wait_for_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch)
    disk.pause, disk.error = 0.05, True
    told: list[str] = []

    def work(n: int) -> None:
        with pytest.raises(StoreDown) as down:
            durable(store, f"{n}")
        told.append(str(down.value))

    threads = [Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 6 and all("may not be on the disk (Input/output error)" in each for each in told)
    disk.error = False
    assert durable(store, "0") is Verdict.DUPLICATE
    assert durable(store, "new") is Verdict.DONE


def test_a_disk_that_hangs_is_down_soon(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch)
    monkeypatch.setattr(sqlite_file, "SYNC", 0.1)
    disk.pause = 0.5
    first = Thread(target=durable, args=(store, "first"))
    first.start()
    while not disk.syncs:
        time.sleep(0.001)
    with pytest.raises(StoreDown, match="too slow"):
        durable(store, "second")
    first.join()
    assert store.load("second").version == 1


def test_what_was_looked_for_cannot_be_erased_halfway(store: Store, tmp_path: Path) -> None:
    """What is given while answers are read through goes as well."""
    store.claim("claimed", NOW, 5)
    store.commit(write("call", dedupe="early"))
    sql = store._file  # type: ignore[attr-defined]
    real = sql.transaction

    @contextmanager
    def late() -> Iterator[sqlite3.Connection]:
        sql.transaction = real
        store.commit(write("call", 1, dedupe="late"))
        store.commit(write("call", 2, dedupe="claimed"))
        store.commit(write("other", dedupe="kept"))
        with real() as rows:
            yield rows

    sql.transaction = late
    assert store.forget("call")
    found = [store.load("", each).answer for each in ("early", "late", "claimed", "kept")]
    assert found == [None, None, None, b"answer"]


def test_four_processes_lose_no_update(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    open_store(url(path)).close()

    def work(_: object) -> None:
        store = open_store(url(path), workers=4)
        for _each in range(1000):
            add(store)

    children = [Child(work) for _ in range(4)]
    assert [child.end() for child in children] == ["None"] * 4
    store = open_store(url(path))
    assert store.load("sum").session == b"4000"
    assert [row.n for row in store.journal("sum")] == list(range(4000))
    store.close()


def test_kill_loses_no_acknowledged_commit(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = open_store(url(path))
    chance = random.Random(7)
    acknowledged = 0
    for n in range(36):
        key = f"sum{n % 3}"
        found = store.load(key).session
        store.close()

        def work(tell: Callable[[object], None], key: str = key) -> None:
            mine = open_store(url(path))
            while True:
                tell(add(mine, key))

        child = Child(work)
        first = child.hear()
        time.sleep(chance.random() * 0.06)
        os.kill(child.pid, signal.SIGKILL)
        told = [int(each) for each in (first + child.end()).split()]
        assert told[0] == int(found or b"0") + 1
        kept = int(store.load(key).session or b"0")
        assert told[-1] <= kept <= told[-1] + 1
        assert len(store.journal(key)) == kept
        acknowledged += len(told)
    assert acknowledged > 36
    store.close()


def test_processes_that_open_a_new_file_together_all_can_use_it(tmp_path: Path) -> None:
    for n in range(6):

        def work(_: object, n: int = n) -> int:
            return add(open_store(url(tmp_path / f"{n}.db"), workers=4))

        children = [Child(work) for _ in range(5)]
        assert sorted(child.end() for child in children) == ["1", "2", "3", "4", "5"]


def test_a_locked_file_is_down_soon_and_heals(store: Store, tmp_path: Path) -> None:
    store.commit(write("call"))
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        tries: list[Callable[[], object]] = [
            lambda: store.commit(write("call", 1)),
            lambda: store.claim("ice", NOW, 5),
            store.ping,
        ]
        for each in tries:
            began = time.monotonic()
            with pytest.raises(StoreDown, match="locked"):
                each()
            assert time.monotonic() - began < 1
        assert store.load("call").version == 1
        assert store.take(NOW, 5) == []
        other.execute("ROLLBACK")
    store.ping()
    assert store.commit(write("call", 1)) is Verdict.DONE


def test_a_queue_behind_a_locked_file_is_down_soon(store: Store, tmp_path: Path) -> None:
    waited: list[float] = []

    def work() -> None:
        began = time.monotonic()
        with pytest.raises(StoreDown):
            store.ping()
        waited.append(time.monotonic() - began)

    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        threads = [Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(waited) == 8
    assert max(waited) < 1.5


def test_a_full_disk_is_down_and_heals(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = open_store(url(path))
    store.commit(write("kept", session=b"kept"))
    store.close()

    def work(tell: Callable[[object], None]) -> object:
        mine = open_store(url(path))
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
        written = 0
        try:
            while True:
                mine.commit(write(f"call{written}", session=os.urandom(9000), dedupe=f"ice{written}"))
                written += 1
        except StoreDown:
            tell("down")
        full = mine.load(f"call{written}").session is None and mine.load("kept").session == b"kept"
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        again = mine.commit(write(f"call{written}", session=b"x", dedupe=f"ice{written}"))
        lost = [n for n in range(written) if mine.load(f"call{n}").session is None]
        return f"{full} {again.value} {lost} {written > 0}"

    assert Child(work).end().split("\n") == ["down", "True done [] True"]


def test_a_process_may_fork_after_using_the_store(store: Store, tmp_path: Path) -> None:
    add(store)
    go, went = os.pipe()

    def work(tell: Callable[[object], None]) -> object:
        tell(add(store))
        os.read(go, 1)
        return [add(store) for _ in range(3)]

    child = Child(work)
    assert child.hear() == "2\n"
    assert add(store) == 3
    # The last connection to a file removes its log: this one must notice the child's.
    store.close()
    assert (tmp_path / "store.db-wal").exists()
    os.write(went, b"x")
    assert child.end() == "[4, 5, 6]"
    assert add(store) == 7
    os.close(go)
    os.close(went)


def test_a_child_keeps_off_what_another_thread_had_open(store: Store) -> None:
    begun, done = Event(), Event()
    seen: list[int] = []

    def work() -> None:
        seen.append(add(store))
        begun.set()
        done.wait(30)
        seen.append(add(store))

    thread = Thread(target=work)
    thread.start()
    begun.wait(30)

    def fork_again(tell: Callable[[object], None]) -> int:
        tell(Child(lambda _: add(store)).end())
        return add(store)

    said = Child(fork_again).end().split("\n")
    assert len(said) == 2
    assert all(line.startswith("StoreDown: ") and "forked" in line for line in said)
    done.set()
    thread.join()
    assert seen == [1, 2]
    assert Child(lambda _: add(store)).end() == "3"


def test_threads_leave_no_connection_behind(store: Store) -> None:
    def open_files() -> int:
        return len(os.listdir("/proc/self/fd"))

    add(store)
    before = open_files()
    for _ in range(20):
        thread = Thread(target=add, args=(store,))
        thread.start()
        thread.join()
    assert open_files() <= before + 1


@pytest.mark.parametrize("content", [b"calls: []\n" * 200, b"SQLite format 3\0" + b"\xff" * 8000])
def test_what_is_no_store_is_refused_and_left(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(content)
    assert "move it away" in refusal(path)
    assert path.read_bytes() == content


def test_a_damaged_file_is_refused_and_left(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = open_store(url(path))
    for n in range(200):
        store.commit(write(f"call{n}", session=os.urandom(500), dedupe=f"ice{n}"))
    store.close()
    content = bytearray(path.read_bytes())
    content[4096:40960] = os.urandom(36864)
    path.write_bytes(content)
    assert "is damaged" in refusal(path)
    assert path.read_bytes() == content


def test_an_empty_file_is_a_new_store(tmp_path: Path) -> None:
    (tmp_path / "store.db").touch()
    store = open_store(url(tmp_path / "store.db"))
    assert add(store) == 1
    store.close()


def test_the_file_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE people (name)")
        other.execute("PRAGMA user_version = 1")
    assert "of another program" in refusal(path)


def test_a_file_of_the_first_layout_is_brought_up_to_this_one(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    later = {*sqlite_file.LANES, *sqlite_file.REVISIONS, f"PRAGMA user_version = {sqlite_file.VERSION}"}
    first = [each for each in sqlite_file.SCHEMA if each not in later]
    with closing(sqlite3.connect(path)) as old:
        for statement in (*first, "PRAGMA user_version = 1"):
            old.execute(statement)
        old.execute(
            "INSERT INTO outbox (id, kind, session, payload, due, expires) VALUES ('e', 'http', 's', x'', 0, 9e9)"
        )
        old.commit()
    store = open_store(f"sqlite:///{path}")
    assert [each.id for each in store.take(NOW, 60)] == ["e"]
    store.merge(Record("contact/a", b"{}"))
    assert store.record("contact/a") == b"{}"
    store.close()


def test_a_file_of_the_second_layout_goes_on_with_all_it_has(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with closing(sqlite3.connect(path)) as old:
        old.executescript((DATA / "store_layout_2.sql").read_text())
    store = open_store(url(path))
    assert store.load("contact", "ice/1", "contact/a") == (
        "call", 1, b'[3,"one"]', b'{"action":{"name":"hangup"}}', [b'{"name":"Ann"}'],
    )  # fmt: skip
    assert not store.claim("ice/2", NOW + 59, 5) and store.claim("ice/2", NOW + 60, 5)
    assert [(each.id, each.attempts) for each in store.take(NOW + 30, 60)] == [("call.1", 2), ("call.3", 1)]
    assert [each.kind for each in store.due(NOW + 20, 60)] == ["place"]
    assert (store.count("sms", 488888), store.dead_letters(), len(store.journal("call"))) == (1, 1, 1)
    assert store.revisions() == [] and store.overdue(NOW + 3600, 9) == ["call"]
    assert store.commit(Write("call", 1, b"over", NOW + 7200, NOW, revision="r1", over=True)) is Verdict.DONE
    assert store.revisions() == [("r1", 0.0, 1, 0)]
    assert store.sweep(NOW + 7200) == 1
    store.close()


def test_another_version_of_the_layout_is_refused_and_left(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = open_store(url(path))
    add(store)
    store.close()
    with closing(sqlite3.connect(path)) as other:
        other.execute(f"PRAGMA user_version = {sqlite_file.VERSION + 1}")
    said = refusal(path)
    assert f"version {sqlite_file.VERSION + 1} " in said
    assert f"reads version {sqlite_file.VERSION};" in said
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT session FROM sessions").fetchall() == [(b"1",)]


def test_a_folder_or_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert "folder is in the way" in refusal(tmp_path / "folder")
    (tmp_path / "file").touch()
    assert "name a file in a folder" in refusal(tmp_path / "file" / "store.db")
    assert "name a file in a folder" in refusal(Path("/proc/flowengine/store.db"))


@pytest.mark.parametrize(("file", "folder"), [(0o444, 0o755), (0o444, 0o777), (0o000, 0o777)])
def test_a_read_only_file_is_refused(file: int, folder: int) -> None:
    place = Path(tempfile.mkdtemp())
    path = place / "store.db"
    open_store(url(path)).close()
    path.chmod(file)
    place.chmod(folder)
    try:
        said = Child(lambda _: open_as_nobody(path)).end()
    finally:
        place.chmod(0o700)
        shutil.rmtree(place)
    assert said.startswith(f"StoreRefused: {path} ")
    assert "read-only" in said or "cannot be used" in said
    assert "name another file" in said


def test_a_folder_that_may_not_be_written_is_refused() -> None:
    place = Path(tempfile.mkdtemp())
    place.chmod(0o555)
    try:
        said = Child(lambda _: open_as_nobody(place / "store.db")).end()
    finally:
        shutil.rmtree(place)
    assert said.startswith("StoreRefused: ")
    assert "cannot be made (Permission denied)" in said


def open_as_nobody(path: Path) -> Store:
    """Root may write anything, so be somebody else."""
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    return open_store(url(path))


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"1 0 8:1 / / rw - ext4 /dev/vda rw\n2 1 0:9 / {tmp_path.resolve()}/far rw - nfs4 host:/ rw\n")
    monkeypatch.setattr(sqlite_file, "MOUNTS", mounts)
    said = refusal(tmp_path / "far" / "store.db")
    assert "network file system (nfs4)" in said
    store = open_store(url(tmp_path / "near.db"))
    store.close()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/store.db", ""),
        ("/mnt/share/store.db", "cifs"),
        ("/mnt/share/disk/store.db", ""),
        ("/mnt/shared/store.db", ""),
        ("/mnt/my files/store.db", "fuse.sshfs"),
        ("/tmp/store.db", ""),
    ],
)
def test_the_mount_nearest_to_the_file_counts(path: str, kind: str) -> None:
    mounts = "\n".join(
        [
            "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/vda rw",
            "22 21 0:30 / /mnt/share rw - cifs //host/share rw",
            "23 22 8:2 / /mnt/share/disk rw shared:7 master:2 - xfs /dev/vdb rw",
            "24 21 0:31 / /mnt/my\\040files rw - fuse.sshfs host: rw",
            "25 21 0:32 / /tmp rw - tmpfs tmpfs rw",
        ]
    )
    assert network_file_system(Path(path), mounts) == kind
