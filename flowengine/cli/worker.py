"""``flowengine worker``"""

from __future__ import annotations

import logging
import os
import sys

import click

from flowengine.cli import Command


@click.command(
    cls=Command,
    examples=(
        ("flowengine worker", "beside flowengine serve"),
        ("flowengine serve --worker", "both at once"),
    ),
)
def worker() -> None:
    """Send messages, place calls, change live ones and fire timers, from the outbox of the store.

    Run one or more beside the server; SIGTERM stops it after what is under way.
    """
    from flowengine.settings import Refusal, open_all
    from flowengine.worker import Worker

    logging.basicConfig(format="%(levelname)s %(message)s", stream=sys.stderr)
    try:
        _, service = open_all(os.environ, workers=2)
        works = Worker.from_env(service, os.environ)
    except Refusal as refusal:
        click.echo(f"flowengine cannot start: {refusal}", err=True)
        sys.exit(2)
    works.run()
