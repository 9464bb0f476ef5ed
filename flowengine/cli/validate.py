"""``flowengine validate``."""

from __future__ import annotations

import os
import sys
from time import perf_counter
from typing import TYPE_CHECKING

import click

from flowengine.cli import PROBLEMS, Command, Sentence
from flowengine.cli.finding import note, paths_or_default, say, tell
from flowengine.report import Report, as_github, as_json, counted, next_commands, paint_for, sentence, sms_lines, sms_of

if TYPE_CHECKING:
    from flowengine.build import Built


@click.command(
    cls=Command,
    examples=(
        ("flowengine validate", "check every flow in flows/"),
        ("flowengine validate flows/front_desk.yaml", "check one file"),
        ("flowengine validate --strict --format github", "in CI: warnings fail too"),
    ),
)
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--strict", is_flag=True, help="Warnings count as problems too (exit 1).")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="How problems are told.",
)
@click.option("-v", "--verbose", is_flag=True, help="Name every file that is read, on standard error.")
def validate(paths: tuple[str, ...], strict: bool, form: str, verbose: bool) -> None:
    """Check flows and tell every problem at once.

    PATHS are files or folders of flows; without any: $FLOWENGINE_FLOWS, else flows/. Exit code 0 without
    errors, 1 with errors (with --strict also with warnings), 2 for wrong usage.
    """
    from flowengine.build import build

    began = perf_counter()
    given = paths_or_default(paths)
    built = build(given, compiled=False)
    files = [each.document.file for each in built.source.loaded]
    if not files and not built.problems:
        raise Sentence(f"there are no flows (*.yaml) in {', '.join(given)}")
    sms = sms_of(built.book)
    report = Report(built.problems, len(files), built.states, perf_counter() - began, files, sms)
    if verbose:
        _name_files(built)
    _print(built, report, form)
    if report.failed(strict):
        raise click.exceptions.Exit(PROBLEMS)


def _print(built: Built, report: Report, form: str) -> None:
    paint = paint_for(sys.stdout, os.environ)
    if form == "json":
        say(as_json(report), paint)
        return
    if form == "github":
        if report.problems:
            say(as_github(report.problems), paint)
    else:
        tell(report.problems, built)
        if report.problems:
            say("", paint)
    for line in sms_lines(report.sms) if form == "text" else ():
        say(line, paint)
    say(paint(sentence(report), "bold"), paint)
    names = {flow.file: name for name, flow in built.book.flows.items()}
    if form == "text" and (more := next_commands(report.problems, names)):
        say(more, paint)


def _name_files(built: Built) -> None:
    for each in built.source.loaded:
        flow = each.flow
        what = f"{flow.name}, {counted(len(flow.states), 'state')}" if flow else "not understood"
        note(f"{each.document.file}: {what}")
