"""``flowengine chat``."""

from __future__ import annotations

from typing import Any

import click

from flowengine.cli import Command
from flowengine.cli.playing import options, play


@click.command(
    cls=Command,
    examples=(
        ("flowengine chat booking", "be the contact: write, [1 taps, /help"),
        ("flowengine chat appointment --input name=Ann --input when=2026-12-01", "be written to"),
        ("printf 'book\\n1\\n' | flowengine chat booking", "a line is a message"),
        ("flowengine chat booking --url http://127.0.0.1:8080 --catch 8089", "on a running server with its worker"),
    ),
)
@options
def chat(flow: str, **given: Any) -> None:
    """Be the contact of a flow: write, tap what its messages show, wait.

    The flow is played in this process, without a network and with a clock of its own. What its http steps ask is
    answered by the servers of its scenarios, else by you. /save NAME keeps what was played as a scenario beside the
    flow. Each line of standard input is one message; /help lists what else can be typed.
    """
    play("message", flow, given)
