"""``flowengine explore``."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from flowengine.cli import PROBLEMS, Command, Sentence
from flowengine.cli.finding import complete_flow, find, note, say, tell
from flowengine.problems import errors
from flowengine.report import counted, paint_for

if TYPE_CHECKING:
    from flowengine.build import Built
    from flowengine.exploring.exploration import Exploration
    from flowengine.exploring.walking import Progress
    from flowengine.scenarios.model import Scenario
    from flowengine.stage import Theatre

MOST_NAMED = 12
"""Scenarios that are named one by one when they are written."""


@click.command(
    cls=Command,
    examples=(
        ("flowengine explore front_desk", "walk every way through a flow, then play it at random"),
        ("flowengine explore front_desk --write", "keep the walk as scenarios in front_desk.test.yaml"),
        ("flowengine explore booking --seconds 120 --seed 7", "longer, with other random plays"),
    ),
)
@click.argument("flow", shell_complete=complete_flow)
@click.option("--write", is_flag=True, help="Add scenarios for every way that none of FLOW.test.yaml takes yet.")
@click.option(
    "--random", type=click.IntRange(0), metavar="N", default=200, show_default=True, help="Random plays after the walk."
)
@click.option(
    "--seed", type=click.IntRange(0), metavar="N", default=0, show_default=True, help="Draws other random plays."
)
@click.option(
    "--depth", type=click.IntRange(1, 200), metavar="N", default=40, show_default=True, help="Acts in one play at most."
)
@click.option(
    "--seconds",
    type=click.FloatRange(0.1),
    metavar="S",
    default=20.0,
    show_default=True,
    help="How long the walk may take, and then the random plays.",
)
@click.option(
    "--plays", type=click.IntRange(1), metavar="N", default=50_000, show_default=True, help="Plays of the walk at most."
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How it is told."
)
def explore(flow: str, write: bool, random: int, seed: int, depth: int, seconds: float, plays: int, form: str) -> None:
    """Play FLOW (its name or its path) in every way there is, and tell what does not hold.

    Keys, silence, wrong answers, time, servers that answer this or that or never, refusals of the platform: no turn
    may break, every answer and message must be one the platform takes, a callback that comes twice may act once, an end
    can be reached from everywhere, silence ends, and the flow's own properties hold. Exit code 0 when all of it holds,
    1 when something does not, 2 for wrong usage.
    """
    from flowengine.exploring.exploration import explore as explored
    from flowengine.exploring.walking import Budget

    built, found = find(flow, compiled=True)
    theatre = _theatre(built)
    with _quietly():
        progress = _progress()
        result = explored(theatre, built.book, found.name, Budget(seconds, plays, depth), random, seed, progress)
        if progress is not None:
            click.echo("\r\x1b[K", nl=False, err=True)
        if not result.plays:
            raise Sentence(_unplayable(built, found.name))
        written = _written(result, theatre) if write else []
    _tell(result, written, form, write)
    if result.findings:
        raise click.exceptions.Exit(PROBLEMS)


def _theatre(built: Built) -> Theatre:
    from flowengine.engine.library import open_library
    from flowengine.stage import Theatre

    if built.artefact is None:
        wrong = errors(built.problems)
        tell(wrong, built)
        note(f"{counted(len(wrong), 'error')} to mend before anything can be played.")
        raise click.exceptions.Exit(PROBLEMS)
    return Theatre(open_library(built.artefact, built.revision, {}, b"explore"))


def _unplayable(built: Built, flow: str) -> str:
    players = sorted(
        name
        for name, each in built.book.flows.items()
        if any(state.kind in ("subflow", "call") and state.config["flow"] == flow for state in each.states.values())
    )
    if players:
        return f"nothing begins {flow} but another flow; explore {players[0]}, which plays it"
    return f"nothing begins {flow}: it has no trigger, and no flow plays it"


def _tell(result: Exploration, written: list[Scenario], form: str, write: bool) -> None:
    from flowengine.exploring.telling import as_data, lines

    if form == "json":
        say(
            json.dumps(as_data(result, written), indent=2, ensure_ascii=False), paint_for(sys.stdout, {"NO_COLOR": "1"})
        )
        return
    paint = paint_for(sys.stdout, os.environ)
    for line in _added(result, written) if write else ():
        say(line, paint)
    for line in lines(result, paint):
        say(line, paint)
    name = result.ground.flow.name
    if written:
        say(
            f"Play them: flowengine test {written[0].file}      On the picture: flowengine graph {name} --coverage",
            paint,
        )
    elif result.findings:
        by_hand = "call" if result.ground.flow.channel == "voice" else "chat"
        say(f"By hand: flowengine {by_hand} {name}      On the picture: flowengine graph {name} -o {name}.svg", paint)
    elif not write:
        say(f"Keep the walk as scenarios: flowengine explore {name} --write", paint)


def _added(result: Exploration, written: list[Scenario]) -> Iterator[str]:
    from flowengine.exploring.writing import test_file

    file = str(test_file(result.ground.flow.file))
    if not written:
        yield f"{file}: its scenarios take every way that was found; nothing was added."
        return
    yield f"{file}: {counted(len(written), 'scenario')} added."
    yield from (f"  {each.name}" for each in written[:MOST_NAMED])
    if len(written) > MOST_NAMED:
        yield f"  and {len(written) - MOST_NAMED} more"
    yield ""


def _written(result: Exploration, theatre: Theatre) -> list[Scenario]:
    """What the scenarios that are there do not try, added to them. Raises UsageError."""
    from flowengine.exploring.writing import add_scenarios

    return add_scenarios(result.ground, theatre, result.first)


@contextmanager
def _quietly() -> Iterator[None]:
    """What the engine logs of refusals and broken turns is told with the play they belong to."""
    logger = logging.getLogger("flowengine")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


def _progress() -> Progress | None:
    """How far it is, on a terminal only."""
    if not sys.stderr.isatty() or os.environ.get("CI") or os.environ.get("TERM") == "dumb":
        return None

    def tell_it(plays: int, situations: int) -> None:
        more = f", {situations} situations" if situations else ", at random"
        click.echo(f"\r\x1b[K{plays} plays{more}\r", nl=False, err=True)

    return tell_it
