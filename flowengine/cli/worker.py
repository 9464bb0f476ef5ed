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
    """Place calls, change live ones and fire timers, from the outbox of the store.

    Run one or more beside the server; SIGTERM stops it after what is under way.
    """
    from flowengine.settings import Refusal, application, open_all
    from flowengine.sinch.credentials import Credentials, Misconfigured
    from flowengine.sinch.voice import VoiceClient
    from flowengine.worker import Worker

    logging.basicConfig(format="%(levelname)s %(message)s", stream=sys.stderr)
    try:
        _, service = open_all(os.environ, workers=2)
        credentials = Credentials.from_env(os.environ)
    except (Refusal, Misconfigured) as refusal:
        click.echo(f"flowengine cannot start: {refusal}", err=True)
        sys.exit(2)
    client = VoiceClient.from_env(credentials, os.environ) if credentials else None
    Worker(service, client, application(os.environ)).run()
