"""``flowengine graph``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from flowengine.cli import FAILED, PROBLEMS, Command, Sentence
from flowengine.cli.finding import complete_flow, complete_state, find, note, wanted_state, write
from flowengine.problems import did_you_mean
from flowengine.report import counted

if TYPE_CHECKING:
    from flowengine.build import Built
    from flowengine.diagram import Format
    from flowengine.diagram.overlay import Overlay
    from flowengine.diagram.palette import Theme
    from flowengine.diagram.scene import Detail
    from flowengine.model import Flow

FORMATS = ("svg", "png", "pdf", "dot", "mmd")


@click.command(
    cls=Command,
    examples=(
        ("flowengine graph front_desk -o front_desk.svg", "a picture for light and dark pages"),
        ("flowengine graph front_desk -o near.png --around main", "one state and its neighbours"),
        ("flowengine graph front_desk -o tested.svg --coverage", "with what its scenarios tried"),
        ("flowengine graph front_desk", "DOT on standard output"),
    ),
)
@click.argument("flow", shell_complete=complete_flow)
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="FILE.svg, .png, .pdf, .dot or .mmd.")
@click.option(
    "--detail",
    type=click.Choice(["full", "names"]),
    default="full",
    show_default=True,
    help="What a state shows.",
)
@click.option("--around", metavar="STATE", shell_complete=complete_state, help="Only this state and its neighbours.")
@click.option(
    "--theme", type=click.Choice(["light", "dark"]), default="light", show_default=True, help="For PNG and PDF."
)
@click.option("--coverage", is_flag=True, help="Play its scenarios, and mark what none of them tried.")
def graph(flow: str, output: str | None, detail: Detail, around: str | None, theme: Theme, coverage: bool) -> None:
    """Draw FLOW (its name or its path), with its problems marked.

    Works for flows with errors too, as long as they can be read; --coverage needs flows that can be played.
    """
    form = _format(output)
    built, found = find(flow, compiled=coverage)
    from flowengine.diagram import DrawingFailed, picture

    own = [problem for problem in built.problems if problem.mark.file == found.file]
    state = wanted_state(found, around) if around else None
    tried, by = _tried(built, found) if coverage else (None, "")
    try:
        drawn = picture(found, built.book, own, form, detail=detail, around=state, theme=theme, overlay=tried)
    except DrawingFailed as error:
        raise Sentence(str(error), FAILED) from None
    if output is None:
        click.echo(drawn, nl=False)
        return
    write(output, drawn)
    wrong = f", {counted(len(own), 'problem')} marked" if own else ""
    tested = f"; {by}: {tried.legend}" if tried else ""
    note(f"{output}: {counted(len(found.states), 'state')} of {found.name}{wrong}{tested}.")


def _tried(built: Built, found: Flow) -> tuple[Overlay, str]:
    """What the scenarios of this flow tried of it, and of the flows that play it; and how many they are."""
    from flowengine.engine.library import open_library
    from flowengine.scenarios.company import Company, with_suites
    from flowengine.scenarios.many import play
    from flowengine.scenarios.overlay import overlay
    from flowengine.scenarios.reading import read_suites
    from flowengine.scenarios.survey import with_played
    from flowengine.stage import Theatre

    folder = str(Path(found.file).parent)
    suites = [each for each in read_suites([folder]) if found.name in with_played(built.book, [each.flow])]
    if not suites:
        beside = Path(found.file).with_suffix(".test.yaml")
        raise Sentence(f"{found.name} has no scenarios; write some to {beside}, docs/testing.md shows how")
    if built.artefact is None:
        raise Sentence(f"flows with errors cannot be played; flowengine validate {folder} tells them", PROBLEMS)
    theatre = Theatre(open_library(built.artefact, built.revision, {}, b"scenarios"))
    report = play([with_suites(Company(built, [], theatre), suites)])
    if report.failed:
        failed = sum(not each.passed for each in report.played)
        problems = f" and {counted(len(report.problems), 'problem')}" if report.problems else ""
        note(f"{counted(failed, 'scenario')} failed{problems}: flowengine test {folder}")
    return overlay(report.coverage, found, built.book), counted(len(report.played), "scenario")


def _format(output: str | None) -> Format:
    if output is None:
        return "dot"
    ending = Path(output).suffix.lstrip(".").lower()
    if ending not in FORMATS:
        hint = did_you_mean(ending, FORMATS) or f"; expected {', '.join(FORMATS)}"
        raise Sentence(f'cannot tell a format from "{output}"{hint}')
    return cast("Format", ending)
