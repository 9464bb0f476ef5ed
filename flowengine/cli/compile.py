"""``flowengine compile``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowengine.cli import PROBLEMS, Command, Sentence
from flowengine.cli.finding import complete_flow, find, note, paths_or_default, say, tell, write
from flowengine.problems import errors
from flowengine.report import counted, paint_for

if TYPE_CHECKING:
    from flowengine.build import Built


@click.command(
    "compile",
    cls=Command,
    examples=(
        ("flowengine compile front_desk", "what each callback is answered"),
        ("flowengine compile front_desk --format json", "the same for programs"),
        ("flowengine compile -o flows.artefact", "all flows, ready for flowengine serve"),
    ),
)
@click.argument("flow", required=False, shell_complete=complete_flow)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="For the listing."
)
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write the artefact of the whole project here.")
def compile_(flow: str | None, form: str, output: str | None) -> None:
    """Show the callback handlers that FLOW becomes: place × event × position, with every default filled in.

    With -o the compiled project is written to a file, which flowengine serve takes in place of the YAML.
    """
    if output is not None:
        _write(flow, output)
        return
    if flow is None:
        raise Sentence("name a flow to show, or -o FILE to write all of them")
    _show(flow, form)


def _show(name: str, form: str) -> None:
    from flowengine.listing import as_json, as_text, listing

    built, flow = find(name)
    files = {flow.file, built.source.project.file}
    _stop_at_errors(built, files)
    listed = listing(flow, built.book)
    paint = paint_for(sys.stdout, os.environ)
    say(as_json(listed) if form == "json" else as_text(listed, paint), paint)


def _write(name: str | None, output: str) -> None:
    from flowengine.build import build, write_artefact

    if name is None or Path(name).is_dir():
        built = build(paths_or_default([name] if name else ()))
    else:
        built, _ = find(name, compiled=True)
    _stop_at_errors(built, None)
    data = write_artefact(built)
    write(output, data)
    flows = counted(len(built.book.flows), "flow")
    note(f"{output}: {flows}, revision {built.revision}, {len(data):,} bytes.")


def _stop_at_errors(built: Built, files: set[str] | None) -> None:
    found = [each for each in errors(built.problems) if files is None or each.mark.file in files]
    if not found:
        return
    tell(found, built)
    note(f"{counted(len(found), 'error')}: nothing was compiled.")
    raise click.exceptions.Exit(PROBLEMS)
