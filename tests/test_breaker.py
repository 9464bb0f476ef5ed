"""A store that fails is left alone; a function that hangs holds up neither the call nor the end of the process."""

from __future__ import annotations

import inspect
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flowengine.breaker import AFTER, PAUSE, Breaker
from flowengine.slots import Slots
from flowengine.stores import open_store
from flowengine.stores.base import Loaded, Record, Store, StoreDown, Verdict, Write


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Broken:
    """A real store whose calls fail while ``down`` says so, and which counts those that reach it."""

    def __init__(self, store: Store) -> None:
        self.store, self.down, self.reached = store, False, 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.store, name)
        if not callable(found):
            return found

        def call(*given: Any) -> Any:
            self.reached += 1
            if self.down:
                raise StoreDown("gone")
            return found(*given)

        return call


@pytest.fixture
def broken() -> Broken:
    return Broken(open_store("memory://"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(broken: Broken, clock: Clock) -> Breaker:
    return Breaker(broken, clock=clock)


def fails(act: Callable[[], Any]) -> None:
    with pytest.raises(StoreDown, match="gone"):
        act()


def test_it_offers_what_every_store_does() -> None:
    wanted = {name for name in vars(Store) if not name.startswith("_")} - {"shared"}
    for name in wanted:
        ours, theirs = getattr(Breaker, name), getattr(Store, name)
        if callable(theirs):
            assert inspect.signature(ours) == inspect.signature(theirs), name


def test_after_failures_in_a_row_nobody_asks_until_the_pause_is_over(
    breaker: Breaker, broken: Broken, clock: Clock
) -> None:
    broken.down = True
    for _ in range(AFTER + 20):
        fails(lambda: breaker.load("x"))
    assert broken.reached == AFTER
    clock.now += PAUSE
    for _ in range(20):
        fails(lambda: breaker.load("x"))
    assert broken.reached == AFTER + 1
    broken.down = False
    clock.now += PAUSE
    assert breaker.load("x").key == "x"
    assert breaker.load("x").key == "x"
    assert not breaker.reading.is_open


def test_failures_between_which_it_worked_leave_it_open_to_all(breaker: Breaker, broken: Broken) -> None:
    for _ in range(10):
        broken.down = True
        for _ in range(AFTER - 1):
            fails(lambda: breaker.load("x"))
        broken.down = False
        breaker.load("x")


def test_reading_goes_on_while_nothing_can_be_written(breaker: Breaker, broken: Broken, clock: Clock) -> None:
    for _ in range(AFTER):
        broken.down = True
        fails(lambda: breaker.merge(Record("a", b"{}")))
        broken.down = False
        breaker.load("x")
    reached = broken.reached
    fails(lambda: breaker.merge(Record("a", b"{}")))
    fails(breaker.ping)
    assert broken.reached == reached
    assert breaker.load("x").key == "x"


def test_one_at_a_time_tries(broken: Broken) -> None:
    """Beside a try that hangs, others are told at once."""
    hanging, let_go = threading.Event(), threading.Event()
    load = broken.store.load

    def hangs(*given: Any) -> Loaded:
        hanging.set()
        assert let_go.wait(5)
        return load(*given)

    breaker = Breaker(broken, pause=0.05)
    broken.down = True
    for _ in range(AFTER):
        fails(lambda: breaker.load("x"))
    broken.down = False
    broken.store.load = hangs  # type: ignore[method-assign, assignment]
    time.sleep(0.06)
    breaker.reading._pause = 60.0
    trying = threading.Thread(target=breaker.load, args=("x",))
    trying.start()
    assert hanging.wait(5)
    began = time.monotonic()
    fails(lambda: breaker.load("x"))
    assert time.monotonic() - began < 1
    let_go.set()
    trying.join()
    assert breaker.load("x").key == "x"


def test_what_is_read_piece_by_piece_fails_the_same_way(breaker: Breaker, broken: Broken) -> None:
    def down() -> Iterator[tuple[str, bytes]]:
        raise StoreDown("gone")
        yield

    broken.store.records = lambda prefix: down()  # type: ignore[method-assign]
    for _ in range(AFTER):
        fails(lambda: list(breaker.records("")))
    fails(lambda: breaker.load("x"))


def test_a_mistake_of_ours_is_no_failure_of_the_store(breaker: Breaker) -> None:
    def wrong(*_: Any) -> Verdict:
        raise ValueError("twice")

    breaker.store.commit = wrong  # type: ignore[method-assign, assignment]
    for _ in range(AFTER + 1):
        with pytest.raises(ValueError, match="twice"):
            breaker.commit(Write("a", 0, b"", 1.0, 1.0))


def test_a_locked_file_costs_its_time_only_at_first(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    store = Breaker(open_store(f"sqlite:///{path}"))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        took = []
        for _ in range(AFTER + 10):
            began = time.monotonic()
            with pytest.raises(StoreDown):
                store.merge(Record("a", b"{}"))
            took.append(time.monotonic() - began)
            store.load("x")
        assert max(took[AFTER:]) < 0.2 < min(took[:AFTER])
        other.execute("ROLLBACK")
    began = time.monotonic()
    while True:
        try:
            store.merge(Record("a", b"{}"))
            break
        except StoreDown:
            time.sleep(0.05)
    assert time.monotonic() - began < 5
    store.close()


# --- functions ------------------------------------------------------------------------------------------------------


def test_work_that_hangs_is_left_and_what_had_not_begun_never_does() -> None:
    slots, let_go, ran = Slots("test", 2), threading.Event(), []
    for _ in range(2):
        with pytest.raises(TimeoutError):
            slots.run(lambda: let_go.wait(10), 0.05)
    with pytest.raises(TimeoutError):
        slots.run(lambda: ran.append("late"), 0.05)
    let_go.set()
    assert slots.run(lambda: "in time", 5) == "in time"
    assert ran == []
    with pytest.raises(TimeoutError):
        slots.run(lambda: ran.append("no time"), 0)
    assert ran == []


def test_what_work_raises_comes_back() -> None:
    slots = Slots("test", 1)
    with pytest.raises(ZeroDivisionError):
        slots.run(lambda: 1 / 0, 5)
    assert slots.run(lambda: 1, 5) == 1


HANGS = """
import time
from flowengine.slots import Slots
try:
    Slots("test").run(lambda: time.sleep(60), 0.1)
except TimeoutError:
    print("left")
"""


def test_a_process_ends_though_work_hangs() -> None:
    done = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == "left\n"
