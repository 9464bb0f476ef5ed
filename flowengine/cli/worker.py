"""``flowengine worker``"""

from __future__ import annotations

import atexit
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowengine.cli import Command

if TYPE_CHECKING:
    from flowengine.worker import Worker


@click.command(
    cls=Command,
    examples=(
        ("flowengine worker", "beside flowengine serve"),
        ("flowengine serve --worker", "both at once"),
    ),
)
@click.option(
    "--metrics-port",
    type=click.IntRange(1, 65535),
    envvar="FLOWENGINE_METRICS_PORT",
    help="Answer GET /metrics on this port of 127.0.0.1.",
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing at the start.")
def worker(quiet: bool, metrics_port: int | None) -> None:
    """Send messages, place calls, change live ones and fire timers, from the outbox of the store.

    Run one or more beside the server; SIGTERM stops it after what is under way.
    """
    from flowengine.logs import BadSetting, log_to, said
    from flowengine.serving.last import open_or_last
    from flowengine.serving.ready import tell_ready
    from flowengine.settings import Refusal
    from flowengine.worker import Worker

    try:
        log_to(os.environ)
        counting = _counting(metrics_port)
        settings, service = open_or_last(os.environ, workers=2)
        works = Worker.from_env(service, os.environ)
    except (Refusal, BadSetting) as refusal:
        click.echo(f"flowengine cannot start: {refusal}", err=True)
        sys.exit(2)
    if not quiet:
        click.echo(_banner(works, settings.store), err=True)
    tell_ready(os.environ)
    if counting and metrics_port:
        _listen(works, settings.store, metrics_port)
    said("started", "a worker drains the outbox")
    works.run()
    said("stopped", "a worker has ended")


def _counting(port: int | None) -> bool:
    """Whether anything is counted: as it is set, and where a port is given. A worker by itself counts for itself."""
    from flowengine.metrics import FOLDER, SETTING
    from flowengine.metrics.folder import prepared

    if port and not os.environ.get(SETTING):
        os.environ[SETTING] = "on"
    on = os.environ.get(SETTING, "").strip().lower() == "on"
    if on and not os.environ.get(FOLDER):
        folder = tempfile.TemporaryDirectory(prefix="flowengine-")
        atexit.register(folder.cleanup)
        os.environ.update(prepared(os.environ, Path(folder.name)))
    return on


def _listen(works: Worker, store: str, port: int) -> None:
    from flowengine.metrics.exposing import exposition, listen

    try:
        listen(port, exposition(works.service, store, os.environ))
    except OSError as error:
        click.echo(f"flowengine cannot start: port {port} for the metrics: {error.strerror}", err=True)
        sys.exit(2)


def _banner(works: Worker, store: str) -> str:
    from flowengine.banner import missing
    from flowengine.sinch.credentials import protection_note
    from flowengine.stores import shown

    flows = {name: program.image for name, program in works.service.library.programs.items()}
    lacking = [*missing({"flows": flows}, os.environ), protection_note(os.environ)]
    lines = [f"worker    drains {shown(store)}", *(f"missing   {each}" for each in lacking if each)]
    return "\n".join([*lines, "Ctrl-C stops; what is under way is finished first."])
