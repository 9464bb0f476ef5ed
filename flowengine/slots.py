"""A few threads for work that may hang: who waits for it stops waiting, and no process waits for them to end."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any


class Slots:
    """Runs work on ``most`` threads named ``name``; may be made before a fork."""

    def __init__(self, name: str, most: int = 8) -> None:
        self._name, self._most, self._pid = name, most, 0
        self._lock = threading.Lock()
        self._waiting: SimpleQueue[tuple[Future[Any], Callable[[], Any]]]

    def run(self, work: Callable[[], Any], seconds: float) -> Any:
        """What ``work`` returns or raises; TimeoutError after so many seconds.

        Work that has begun by then goes on, its result unused; work that has not is never begun.
        """
        if seconds <= 0:
            raise TimeoutError
        future: Future[Any] = Future()
        self._queue().put((future, work))
        try:
            return future.result(seconds)
        except TimeoutError:
            future.cancel()
            raise

    def _queue(self) -> SimpleQueue[tuple[Future[Any], Callable[[], Any]]]:
        if self._pid != os.getpid():
            with self._lock:
                if self._pid != os.getpid():
                    self._waiting = SimpleQueue()
                    for number in range(self._most):
                        threading.Thread(target=self._work, name=f"{self._name}-{number}", daemon=True).start()
                    self._pid = os.getpid()
        return self._waiting

    def _work(self) -> None:
        waiting = self._waiting
        while True:
            future, work = waiting.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)
            del future, work
