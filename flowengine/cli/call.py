"""``flowengine call``."""

from __future__ import annotations

from typing import Any

import click

from flowengine.cli import Command
from flowengine.cli.playing import options, play


@click.command(
    cls=Command,
    examples=(
        ("flowengine call front_desk", "be the caller: keys, . for silence, hangup, /help"),
        ('flowengine call front_desk --now "2026-12-24 10:00" --from withheld', "on a holiday, without a number"),
        ("flowengine call reminder --input to=+12025550142 --input name=Ann --input time=noon", "be rung"),
        ("printf '2\\n1234\\n' | flowengine call front_desk", "a line is an act"),
        ("flowengine call front_desk --url http://127.0.0.1:8080", "on a running server"),
    ),
)
@options
def call(flow: str, **given: Any) -> None:
    """Be the caller of a flow, or the one it rings: hear what is said, press keys, hang up.

    The flow is played in this process, without a network and with a clock of its own. What its http steps ask is
    answered by the servers of its scenarios, else by you. /save NAME keeps what was played as a scenario beside the
    flow. Each line of standard input is one act; /help lists what can be typed.
    """
    play("voice", flow, given)
