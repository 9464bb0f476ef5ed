"""What the process that looks after the others says: to standard error, which may be a terminal that was closed."""

from __future__ import annotations

from contextlib import suppress

import click


def say(line: str) -> None:
    with suppress(OSError):
        click.echo(line, err=True)
