"""``flowengine serve``"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import click

from flowengine.cli import Command

if TYPE_CHECKING:
    from flowengine.settings import Settings


@click.command(
    cls=Command,
    examples=(
        ("flowengine serve", "two processes on 127.0.0.1:8080"),
        ("flowengine serve --workers 4 --worker", "with a worker for calls out and timers"),
        ("flowengine serve --watch", "serve every good edit of the flows as it is saved"),
        ("flowengine serve flows.artefact", "what flowengine compile -o made"),
    ),
)
@click.argument("artefact", required=False)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=int, envvar="PORT", default=8080, show_default=True, help="The port; PORT sets it too.")
@click.option("--workers", type=int, envvar="FLOWENGINE_WORKERS", default=2, show_default=True, help="Processes.")
@click.option("--threads", type=int, default=8, show_default=True, help="Threads of each.")
@click.option("--worker", "with_worker", is_flag=True, help="Run a worker for calls out and timers beside it.")
@click.option("--watch", is_flag=True, help="Serve what is edited, once it is free of errors.")
def serve(
    artefact: str | None, host: str, port: int, workers: int, threads: int, with_worker: bool, watch: bool
) -> None:
    """Serve the flows of FLOWENGINE_FLOWS (or a compiled ARTEFACT) with gunicorn.

    SIGHUP reads them again. Flows without errors take the place of those that were served, and no request is lost;
    calls and conversations go on with the flows they began with. Where there are errors they are told, and what was
    served still is. With --watch every change of the files does the same.
    """
    from flowengine.settings import Refusal, Settings

    try:
        settings = Settings.read(os.environ)
        with tempfile.TemporaryDirectory(prefix="flowengine-") as folder:
            code = _serve(settings, artefact, Path(folder), host, port, workers, threads, with_worker, watch)
    except Refusal as refusal:
        click.echo(f"flowengine cannot start: {refusal}", err=True)
        sys.exit(2)
    sys.exit(code)


def _serve(
    settings: Settings,
    artefact: str | None,
    folder: Path,
    host: str,
    port: int,
    workers: int,
    threads: int,
    with_worker: bool,
    watch: bool,
) -> int:
    from flowengine.banner import banner
    from flowengine.metrics.folder import prepared
    from flowengine.serving.command import gunicorn
    from flowengine.serving.outbox import Outbox
    from flowengine.serving.signals import Signals
    from flowengine.serving.source import Source
    from flowengine.serving.supervisor import Supervisor, publish
    from flowengine.serving.watching import Watch
    from flowengine.serving.web import Web

    began = monotonic()
    signals = Signals()
    source = Source.of(settings.flows, artefact or settings.artefact)
    watched = Watch(source) if watch else None
    made = source.made(folder, signals)
    if made.code:
        return 0 if signals.stop else made.code
    path = folder / "flows.artefact"
    publish(made.data, path)
    durability, shared = _look_at_store(settings, workers + with_worker)
    looked_at = source.path if watch else ""
    took = monotonic() - began
    click.echo(banner(str(path), settings, durability, os.environ, took, host, port, workers, looked_at))
    env = {**os.environ, "FLOWENGINE_ARTEFACT": str(path), "WEB_CONCURRENCY": str(workers)}
    env.pop("PORT", None)
    env |= prepared(env, folder)
    web = Web(gunicorn(host, port, workers, threads), env, folder / "web", workers, signals)
    outbox = Outbox(env, folder / "outbox", signals) if with_worker else None
    return Supervisor(source, path, made, signals, web, outbox, watched, not shared).run()


def _look_at_store(settings: Settings, processes: int) -> tuple[str, bool]:
    """How durable it is, in a sentence, and whether processes share it. Raises Refusal."""
    from flowengine.settings import Refusal
    from flowengine.stores import open_store
    from flowengine.stores.base import StoreDown, StoreRefused

    try:
        store = open_store(settings.store, processes)
        store.ping()
        found = store.durability, store.shared
        store.close()
    except (StoreRefused, StoreDown) as error:
        raise Refusal(str(error)) from None
    return found
