"""The file behind the SQLite store: whether it can be used, and who has it open."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakSet

from flowengine.stores.base import StoreDown, StoreRefused

BUSY = 0.5
"""Seconds a turn waits for a writer of another process."""
QUEUE = 0.4
"""Seconds a turn waits for a writer of its own process."""
SYNC = 1.0
"""Seconds a durable turn waits for those that the disk is busy with."""
PATIENCE = 5.0
"""Seconds that opening waits for another process that is making the same file."""
CHECKED = 32 * 1024 * 1024
"""Files up to this many bytes are read through for damage when they are opened."""

SETTINGS = ("wal_autocheckpoint=4000", "journal_size_limit=67108864", "secure_delete=ON")
"""Pages between two checkpoints (fewer cost turns more), bytes the log keeps, and zeroes over the deleted."""

APPLICATION = 0x466C6F77
VERSION = 3
LANES = (
    "ALTER TABLE outbox ADD COLUMN lane TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE outbox ADD COLUMN rank REAL NOT NULL DEFAULT 0",
    "CREATE INDEX outbox_lane ON outbox (lane, rank, row) WHERE lane <> ''",
    "CREATE TABLE records (key TEXT PRIMARY KEY, document BLOB NOT NULL) WITHOUT ROWID",
)
REVISIONS = (
    "ALTER TABLE sessions ADD COLUMN revision TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE sessions ADD COLUMN over INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX sessions_revision ON sessions (revision, over)",
    "ALTER TABLE dedupe ADD COLUMN session TEXT NOT NULL DEFAULT ''",
    "CREATE TABLE artefacts (revision TEXT PRIMARY KEY, kept REAL NOT NULL, artefact BLOB NOT NULL)",
)
STEPS = {1: LANES, 2: REVISIONS}
"""What brings a file of an older layout to the next one."""

SCHEMA = (
    """CREATE TABLE sessions (key TEXT PRIMARY KEY, version INTEGER NOT NULL, expires REAL NOT NULL,
        session BLOB NOT NULL)""",
    "CREATE TABLE aliases (alias TEXT PRIMARY KEY, session TEXT NOT NULL) WITHOUT ROWID",
    "CREATE INDEX aliases_session ON aliases (session)",
    """CREATE TABLE dedupe (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, leased_until REAL NOT NULL,
        expires REAL NOT NULL, answer BLOB)""",
    "CREATE INDEX dedupe_expires ON dedupe (expires)",
    """CREATE TABLE journal (session TEXT NOT NULL, n INTEGER NOT NULL, at REAL NOT NULL, flow TEXT NOT NULL,
        event TEXT NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL, revision TEXT NOT NULL,
        body BLOB NOT NULL, PRIMARY KEY (session, n))""",
    """CREATE TABLE outbox (row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
        session TEXT NOT NULL, payload BLOB NOT NULL, due REAL NOT NULL, expires REAL NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0, token TEXT NOT NULL DEFAULT '',
        leased_until REAL NOT NULL DEFAULT 0)""",
    "CREATE INDEX outbox_due ON outbox (due)",
    *LANES,
    """CREATE TABLE timers (row INTEGER PRIMARY KEY, session TEXT NOT NULL, name TEXT NOT NULL,
        due REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, token TEXT NOT NULL DEFAULT '',
        leased_until REAL NOT NULL DEFAULT 0, UNIQUE (session, name))""",
    "CREATE INDEX timers_due ON timers (due)",
    """CREATE TABLE counters (name TEXT NOT NULL, span INTEGER NOT NULL, n INTEGER NOT NULL,
        expires REAL NOT NULL, PRIMARY KEY (name, span)) WITHOUT ROWID""",
    """CREATE TABLE dead_letters (id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL,
        session TEXT NOT NULL, reason TEXT NOT NULL, payload BLOB NOT NULL, attempts INTEGER NOT NULL,
        expires REAL NOT NULL)""",
    "CREATE TABLE pulse (n INTEGER NOT NULL)",
    "INSERT INTO pulse VALUES (0)",
    *REVISIONS,
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {VERSION}",
)
BEAT = "UPDATE pulse SET n = n + 1"
"""The smallest thing to write."""

NETWORK = {
    *("9p", "afs", "beegfs", "ceph", "cifs", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4"),
    *("rclone", "s3fs", "smb2", "smb3", "smbfs", "sshfs"),
}
MOUNTS = Path("/proc/self/mountinfo")

_datasync = getattr(os, "fdatasync", os.fsync)
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class _Link:
    """One thread's connection, closed with its thread."""

    __slots__ = ("__weakref__", "connection")

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def __del__(self) -> None:
        self.connection.close()


class _Round:
    """Those who wait for the same sync."""

    done = False
    error: OSError | None = None


class GroupSync:
    """Brings a file to the disk: once for all threads that ask while the last time is still going on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._going = threading.Lock()
        self._next = _Round()

    def sync(self) -> None:
        """What was written before the call is on the disk. Raises :class:`OSError`."""
        mine = self._next
        if not self._going.acquire(timeout=SYNC):
            raise TimeoutError(errno.ETIMEDOUT, "the disk is too slow")
        try:
            if not mine.done:
                self._next = _Round()  # whoever comes from here on may have written after the sync began
                self._lead(mine)
        finally:
            self._going.release()
        if mine.error is not None:
            raise mine.error

    def _lead(self, round: _Round) -> None:
        try:
            file = os.open(self._path, os.O_RDWR)
            try:
                _datasync(file)
            finally:
                os.close(file)
        except FileNotFoundError:
            pass  # the log goes once all of it is in the file, and on the disk
        except OSError as error:
            round.error = error
        round.done = True


class SqliteFile:
    """One connection per thread, made when it is first needed, and one writer at a time.

    SQLite keeps its locks per process and cannot see a fork: a child that inherits an open file would
    believe in locks that it does not have, and could delete a log that others still need. So the forking
    thread closes its connection first, and a child that inherits one of another thread's gets
    :class:`StoreDown` instead of the file.
    """

    def __init__(self, path: Path, full: bool = False) -> None:
        self.path = path
        self._synchronous = "FULL" if full else "NORMAL"
        self._held: list[_Link] = []
        self._inherited: list[_Link] = []
        self._begin()
        with _fork_lock:
            _files.add(self)

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._local = threading.local()
        self._links: WeakSet[_Link] = WeakSet()
        self._linking = threading.Lock()
        self._writing = threading.Lock()
        self._syncs = GroupSync(Path(f"{self.path}-wal"))

    def connect(self) -> sqlite3.Connection:
        """A new connection to a file that is there already."""
        link = sqlite3.connect(
            f"{self.path.as_uri()}?mode=rw",
            uri=True,
            timeout=BUSY,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            for setting in (f"synchronous={self._synchronous}", *SETTINGS):
                link.execute(f"PRAGMA {setting}")
        except sqlite3.DatabaseError:
            link.close()
            raise
        return link

    def rows(self, sql: str, *values: object) -> list[Any]:
        """What a reading statement finds. Raises :class:`StoreDown`."""
        try:
            return self._connection().execute(sql, values).fetchall()
        except sqlite3.ProgrammingError:
            raise
        except sqlite3.DatabaseError as error:
            raise self._down(error) from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing: what raises inside leaves the file as it was. Raises :class:`StoreDown`."""
        try:
            connection = self._connection()
            if not self._writing.acquire(timeout=QUEUE):
                raise StoreDown(f"{self.path}: other turns of this process have not finished writing")
            try:
                # A deferred transaction that reads and then writes fails at once when another wrote between.
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
            finally:
                self._writing.release()
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise
        except sqlite3.DatabaseError as error:
            raise self._down(error) from error

    def sync(self) -> None:
        """What was committed survives a power cut from here on. Raises :class:`StoreDown`.

        As ``synchronous=FULL`` would do within the commit, but after it, so that threads share it. The log holds
        every commit that is not in the file yet, and SQLite syncs both before it takes anything out of the log.
        """
        try:
            self._syncs.sync()
        except OSError as error:
            raise StoreDown(f"{self.path}: what was written may not be on the disk ({error.strerror})") from error

    def _connection(self) -> sqlite3.Connection:
        if self._pid != os.getpid():
            self.disown()
        link: _Link | None = getattr(self._local, "link", None)
        return (link or self._linked()).connection

    def _linked(self) -> _Link:
        with self._linking:
            if self._inherited:
                raise StoreDown(f"{self.path}: this process was forked while threads were using the store")
            link = _Link(self.connect())
            self._links.add(link)
        self._local.link = link
        return link

    def _down(self, error: sqlite3.DatabaseError) -> StoreDown:
        """A connection that failed otherwise than by waiting is not used again."""
        if error.sqlite_errorcode & 0xFF not in _LOCKED:
            self.let_go()
        return StoreDown(f"{self.path}: {error}")

    def let_go(self) -> None:
        """Close the connection of this thread, if it has one."""
        if link := getattr(self._local, "link", None):
            del self._local.link
            link.connection.close()
            with self._linking:
                self._links.discard(link)

    def hold(self) -> None:
        """Before a fork: no connection of this thread is open, and none of others opens or goes meanwhile."""
        self.let_go()
        self._linking.acquire()
        self._held = list(self._links)

    def release(self) -> None:
        """After a fork, in the parent."""
        self._held = []
        self._linking.release()

    def disown(self) -> None:
        """After a fork, in the child: what was open belongs to the parent and must not even be closed."""
        self._inherited.extend(self._held or self._links)
        self._begin()

    def close(self) -> None:
        """Close the connections of all threads; none may be using the store."""
        with self._linking:
            links = list(self._links)
            self._links.clear()
            self._local = threading.local()
        for link in links:
            link.connection.close()


_files: WeakSet[SqliteFile] = WeakSet()
_forking: list[SqliteFile] = []
_fork_lock = threading.Lock()


def _before_fork() -> None:
    _fork_lock.acquire()
    _forking.extend(_files)
    for file in _forking:
        file.hold()


def _after_fork(act: Callable[[SqliteFile], None]) -> None:
    for file in _forking:
        act(file)
    _forking.clear()
    _fork_lock.release()


os.register_at_fork(
    before=_before_fork,
    after_in_parent=lambda: _after_fork(SqliteFile.release),
    after_in_child=lambda: _after_fork(SqliteFile.disown),
)


def prepared(path: Path, full: bool) -> SqliteFile:
    """The file, made if it is not there. Raises :class:`StoreRefused` where it must not or cannot be used."""
    _make_room(path)
    kind = network_file_system(path, _mounts())
    if kind:
        raise StoreRefused(
            f"{path} is on a network file system ({kind}), where SQLite loses data; put it on a local disk"
        )
    file = SqliteFile(path, full)
    until = time.monotonic() + PATIENCE
    while not _examined(file, last=time.monotonic() > until):
        time.sleep(0.05)
    return file


def _make_room(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError as error:
        if not path.is_file():
            found = path if path.exists() else path.parent
            raise StoreRefused(f"{found} is in the way of the store; name a file in a folder") from error
    except OSError as error:
        raise StoreRefused(
            f"{path} cannot be made ({error.strerror}); name a file in a folder that this user may write to"
        ) from error


def _mounts() -> str:
    return MOUNTS.read_text(errors="replace") if MOUNTS.exists() else ""


def network_file_system(path: Path, mounts: str) -> str:
    """The kind of network file system that ``path`` is on, or nothing; ``mounts`` as Linux lists them."""
    best, kind = "", ""
    place = f"{path.resolve()}/"
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        mount = left.split()[4].replace("\\040", " ").rstrip("/") + "/"
        if place.startswith(mount) and len(mount) >= len(best):
            best, kind = mount, right.split()[0]
    return kind if kind.removeprefix("fuse.") in NETWORK else ""


def _examined(file: SqliteFile, last: bool) -> bool:
    """False: another process is at it, ask again; on the ``last`` attempt that is a refusal."""
    try:
        with closing(file.connect()) as connection:
            _examine(file.path, connection)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF in _LOCKED and not last:
            return False
        raise StoreRefused(_reason(file.path, error)) from error
    return True


def _reason(path: Path, error: sqlite3.DatabaseError) -> str:
    code = error.sqlite_errorcode & 0xFF
    if code in _LOCKED:
        return f"{path} stays locked by another program; end that program or name another file"
    if code in _DAMAGED:
        return _damaged(path, str(error))
    if code == sqlite3.SQLITE_READONLY:
        return f"{path} is read-only; give this user the right to write it and its folder, or name another file"
    return f"{path} cannot be used ({error}); mend that or name another file"


def _damaged(path: Path, what: str) -> str:
    return f"{path} is damaged or no SQLite file ({what}); move it away or restore a copy, it is left as it is"


def _examine(path: Path, connection: sqlite3.Connection) -> None:
    # One transaction, or a file that another process is just making looks half ours.
    connection.execute("BEGIN")
    new = _is_new(path, connection)
    connection.execute("COMMIT")
    if new:
        _create(path, connection)
    _bring_up(connection)
    if path.stat().st_size <= CHECKED:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise StoreRefused(_damaged(path, found))
    _set_wal(path, connection)
    try:
        # Nothing less than a row tells: with a log, a transaction begins on a read-only file too.
        connection.execute(BEAT)
    except sqlite3.OperationalError as error:
        # A turn that is being written shows that the file can be written.
        if error.sqlite_errorcode & 0xFF not in _LOCKED:
            raise


def _is_new(path: Path, connection: sqlite3.Connection) -> bool:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not (application or version or tables):
        return True
    if application != APPLICATION:
        raise StoreRefused(f"{path} is the SQLite file of another program; name a file of its own for the store")
    if version != VERSION and version not in STEPS:
        raise StoreRefused(
            f"{path} was written in version {version} of the store's layout, this flowengine reads version"
            f" {VERSION}; run the flowengine that wrote it or name another file"
        )
    return False


def _create(path: Path, connection: sqlite3.Connection) -> None:
    _set_wal(path, connection)
    connection.execute("BEGIN IMMEDIATE")
    if _is_new(path, connection):
        for statement in SCHEMA:
            connection.execute(statement)
    connection.execute("COMMIT")


def _bring_up(connection: sqlite3.Connection) -> None:
    """A file of an older layout gets what this one has more."""
    if connection.execute("PRAGMA user_version").fetchone() == (VERSION,):
        return
    connection.execute("BEGIN IMMEDIATE")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    while version < VERSION:
        for statement in STEPS[version]:
            connection.execute(statement)
        version += 1
        connection.execute(f"PRAGMA user_version = {version}")
    connection.execute("COMMIT")


def _set_wal(path: Path, connection: sqlite3.Connection) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        raise StoreRefused(f"{path} cannot keep a write-ahead log (it stays in mode {mode}); name another file")
