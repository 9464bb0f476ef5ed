"""An asyncio event loop in a thread of its own: a task can be cancelled when its time is over, a thread cannot."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any, TypeVar

GRACE = 0.15
"""Seconds that a task may take longer than its time, to say itself that it is late."""

T = TypeVar("T")


class LoopThread:
    """Runs tasks for the threads of a process; may be made before a fork, since each process gets its own loop.

    ``name`` is the thread's. ``prepare()`` is called once in each process, before its loop takes the first task.
    """

    def __init__(self, name: str, prepare: Callable[[], None]) -> None:
        self._name = name
        self._prepare = prepare
        self._lock = threading.Lock()
        self._pid = 0
        self._loop: asyncio.AbstractEventLoop

    def run(self, task: Coroutine[Any, Any, T], seconds: float) -> T:
        """What ``task`` returns or raises; TimeoutError, and the task is cancelled, if that takes too long."""
        future = asyncio.run_coroutine_threadsafe(task, self.running())
        try:
            return future.result(seconds + GRACE)
        except (TimeoutError, CancelledError):
            future.cancel()
            raise TimeoutError from None

    def running(self) -> asyncio.AbstractEventLoop:
        """The loop of this process."""
        with self._lock:
            if self._pid != os.getpid():
                self._start()
            return self._loop

    def stop(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run ``last`` for a second at most and end the loop; the next task starts another."""
        with self._lock:
            if self._pid == os.getpid():
                with suppress(TimeoutError, OSError):
                    asyncio.run_coroutine_threadsafe(last(), self._loop).result(1.0)
                self._loop.call_soon_threadsafe(self._loop.stop)
            self._pid = 0

    def _start(self) -> None:
        self._prepare()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name=self._name, daemon=True).start()
        self._pid = os.getpid()
