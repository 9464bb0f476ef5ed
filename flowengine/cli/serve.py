"""``flowengine serve``"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Any

import click

from flowengine.cli import USAGE, Command


@click.command(
    cls=Command,
    examples=(
        ("flowengine serve", "two processes on 127.0.0.1:8080"),
        ("flowengine serve --workers 4 --worker", "with a worker for calls out and timers"),
        ("flowengine serve flows.artefact", "what flowengine compile -o made"),
    ),
)
@click.argument("artefact", required=False)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=int, envvar="PORT", default=8080, show_default=True, help="The port; PORT sets it too.")
@click.option("--workers", type=int, envvar="FLOWENGINE_WORKERS", default=2, show_default=True, help="Processes.")
@click.option("--threads", type=int, default=8, show_default=True, help="Threads of each.")
@click.option("--worker", "with_worker", is_flag=True, help="Run a worker for calls out and timers beside it.")
def serve(artefact: str | None, host: str, port: int, workers: int, threads: int, with_worker: bool) -> None:
    """Serve the flows of FLOWENGINE_FLOWS (or a compiled ARTEFACT) with gunicorn."""
    from flowengine.settings import Refusal, Settings

    began = monotonic()
    try:
        settings = Settings.read(os.environ)
        with tempfile.TemporaryDirectory(prefix="flowengine-") as folder:
            path = _artefact(artefact or settings.artefact, settings.flows, folder)
            _banner(path, settings, began, host, port, workers, with_worker)
            sys.exit(_run(path, settings.store, host, port, workers, threads, with_worker))
    except Refusal as refusal:
        click.echo(f"flowengine cannot start: {refusal}", err=True)
        sys.exit(2)


def _artefact(given: str, flows: str, folder: str) -> str:
    """The artefact's path; flows are checked and compiled into ``folder`` first."""
    from flowengine.build import build, write_artefact
    from flowengine.project import UsageError
    from flowengine.settings import Refusal

    if given:
        return str(Path(given).resolve())
    try:
        built = build([flows])
    except UsageError as error:
        raise Refusal(str(error)) from None
    if built.artefact is None:
        from flowengine.report import print_problems

        print_problems(built)
        sys.exit(1)
    path = Path(folder) / "flows.artefact"
    path.write_bytes(write_artefact(built))
    return str(path)


def _banner(path: str, settings: Any, began: float, host: str, port: int, workers: int, with_worker: bool) -> None:
    from flowengine.banner import banner
    from flowengine.settings import Refusal
    from flowengine.stores import open_store
    from flowengine.stores.base import StoreDown, StoreRefused

    try:
        store = open_store(settings.store, workers + with_worker)
        store.ping()
        durability = store.durability
        store.close()
    except (StoreRefused, StoreDown) as error:
        raise Refusal(str(error)) from None
    click.echo(banner(path, settings, durability, os.environ, monotonic() - began, host, port, workers))


def _run(path: str, store: str, host: str, port: int, workers: int, threads: int, with_worker: bool) -> int:
    env = {**os.environ, "FLOWENGINE_ARTEFACT": path, "WEB_CONCURRENCY": str(workers)}
    env.pop("PORT", None)
    server = subprocess.Popen(gunicorn(host, port, workers, threads), env=env)
    beside = _Beside(env) if with_worker else None

    def stop(number: int, frame: FrameType | None) -> None:
        server.send_signal(signal.SIGTERM)
        if beside is not None:
            beside.stop()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    code = server.wait()
    if beside is not None:
        beside.stop()
        beside.join()
    return 0 if code in (0, -signal.SIGTERM) else code


class _Beside(threading.Thread):
    """A worker beside the server, started again when it dies: what is in the outbox must not stay there."""

    def __init__(self, env: Mapping[str, str]) -> None:
        super().__init__(daemon=True)
        self.env = env
        self.stopped = threading.Event()
        self.child = self._begun()
        self.start()

    def _begun(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", "flowengine", "worker", "--quiet"], env=self.env)

    def run(self) -> None:
        while True:
            code = self.child.wait()
            if self.stopped.is_set() or code == USAGE:
                return
            click.echo(f"the worker ended with {code}; it is started again", err=True)
            self.stopped.wait(1.0)
            self.child = self._begun()
            if self.stopped.is_set():
                self.child.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        self.stopped.set()
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)


def gunicorn(host: str, port: int, workers: int, threads: int) -> list[str]:
    """The command line that serves best: threads, no preload (a reload must bring new code), short grace."""
    fast = ["--worker-tmp-dir", "/dev/shm"] if os.path.isdir("/dev/shm") else []
    return [
        sys.executable, "-m", "gunicorn", "flowengine.wsgi:app",
        "--bind", f"{host}:{port}", "--workers", str(workers), "--threads", str(threads),
        "--worker-class", "gthread", "--keep-alive", "75", "--graceful-timeout", "10", "--timeout", "30",
        "--log-level", "warning", "--no-control-socket", *fast,
    ]  # fmt: skip
