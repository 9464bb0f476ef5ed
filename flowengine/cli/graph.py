"""``flowengine graph``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from flowengine.cli import FAILED, Command, Sentence
from flowengine.cli.finding import complete_flow, complete_state, find, note, wanted_state, write
from flowengine.problems import did_you_mean
from flowengine.report import counted

if TYPE_CHECKING:
    from flowengine.diagram import Format
    from flowengine.diagram.palette import Theme
    from flowengine.diagram.scene import Detail

FORMATS = ("svg", "png", "pdf", "dot", "mmd")


@click.command(
    cls=Command,
    examples=(
        ("flowengine graph front_desk -o front_desk.svg", "a picture for light and dark pages"),
        ("flowengine graph front_desk -o near.png --around main", "one state and its neighbours"),
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
def graph(flow: str, output: str | None, detail: Detail, around: str | None, theme: Theme) -> None:
    """Draw FLOW (its name or its path), with its problems marked.

    Works for flows with errors too, as long as they can be read.
    """
    form = _format(output)
    built, found = find(flow)
    from flowengine.diagram import DrawingFailed, picture

    own = [problem for problem in built.problems if problem.mark.file == found.file]
    state = wanted_state(found, around) if around else None
    try:
        drawn = picture(found, built.book, own, form, detail=detail, around=state, theme=theme)
    except DrawingFailed as error:
        raise Sentence(str(error), FAILED) from None
    if output is None:
        click.echo(drawn, nl=False)
        return
    write(output, drawn)
    wrong = f", {counted(len(own), 'problem')} marked" if own else ""
    note(f"{output}: {counted(len(found.states), 'state')} of {found.name}{wrong}.")


def _format(output: str | None) -> Format:
    if output is None:
        return "dot"
    ending = Path(output).suffix.lstrip(".").lower()
    if ending not in FORMATS:
        hint = did_you_mean(ending, FORMATS) or f"; expected {', '.join(FORMATS)}"
        raise Sentence(f'cannot tell a format from "{output}"{hint}')
    return cast("Format", ending)
