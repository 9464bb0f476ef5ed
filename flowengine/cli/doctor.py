"""``flowengine doctor``"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from flowengine.cli import PROBLEMS, Command
from flowengine.cli.finding import say
from flowengine.report import Paint, counted, paint_for

if TYPE_CHECKING:
    from flowengine.doctor.base import Finding

STYLES = {"ok": "green", "FAIL": "red", "warn": "yellow", "skip": "dim"}
INDENT = " " * 19


@click.command(
    cls=Command,
    examples=(
        ("flowengine doctor", "before the first start, and when something seems wrong"),
        ("flowengine doctor --online", "ask Sinch too whether it takes the keys"),
        ("flowengine doctor --format json", "for a program"),
    ),
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How it is told."
)
@click.option("--online", is_flag=True, help="Ask Sinch too, with the keys that are set; nothing is changed there.")
def doctor(form: str, online: bool) -> None:
    """Say what is well and what is not: flows, store, settings, signatures, keys, clock, worker, outbox, dead letters.

    It looks at what the environment says, as serve and worker would be started from here. Nothing is made that is not
    there, and no secret or number is shown. Each line is ok, FAIL, warn (it works, but look at it) or skip (nothing to
    look at, or nobody needs it here). Exit code 0, or 1 where something fails.
    """
    from flowengine.doctor import examine

    found = examine(os.environ, online)
    paint = paint_for(sys.stdout, os.environ)
    failed = sum(each.word == "FAIL" for each in found)
    if form == "json":
        say(json.dumps({"ok": not failed, "findings": [asdict(each) for each in found]}, indent=2), paint)
    else:
        for line in _lines(found, paint):
            say(line, paint)
    if failed:
        raise click.exceptions.Exit(PROBLEMS)


def _lines(found: Sequence[Finding], paint: Paint) -> Iterator[str]:
    for each in found:
        yield f"{paint(each.word.ljust(4), STYLES[each.word])}  {each.what:<11}  {each.sentence}"
        if each.needed:
            yield f"{INDENT}needed {each.needed}"
        if each.fix:
            yield f"{INDENT}fix: {each.fix}"
    many = {word: sum(each.word == word for each in found) for word in STYLES}
    warned = f", {counted(many['warn'], 'warning')}" if many["warn"] else ""
    yield ""
    yield paint(f"{many['ok']} ok, {many['FAIL']} failed{warned}, {many['skip']} skipped.", "bold")
