"""What ``flowengine call`` and ``flowengine chat`` share: their options, and the play they open."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from flowengine.cli import Sentence
from flowengine.cli.finding import complete_flow, find, note, say
from flowengine.cli.start import pairs
from flowengine.report import paint_for

if TYPE_CHECKING:
    from flowengine.terminal.opening import Opening

F = TypeVar("F", bound=Callable[..., Any])
_OPTIONS = (
    click.argument("flow", shell_complete=complete_flow),
    click.option("--now", default="", metavar="MOMENT", help="When it happens. [default: as the scenarios beside it]"),
    click.option("--from", "number", default="", metavar="NUMBER", help="Who calls or writes; a call may be withheld."),
    click.option("--input", "inputs", multiple=True, metavar="NAME=VALUE", help="Start the flow with this input."),
    click.option("--env", "env", multiple=True, metavar="NAME=VALUE", help="What env.NAME or secret.NAME is."),
    click.option("--like", default="", metavar="SCENARIO", help="Servers, moment and contact of this scenario."),
    click.option("-v", "--verbose", is_flag=True, help="Show what every guard came to."),
    click.option("--url", default="", help="Play against a running server, in real time."),
    click.option(
        "--catch",
        type=click.IntRange(1, 65535),
        metavar="PORT",
        help="With --url: be Sinch for that server's worker, on this port of this machine.",
    ),
)


def options(command: F) -> F:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def play(channel: Literal["voice", "message"], flow: str, given: dict[str, Any]) -> None:
    """Open the play that the options ask for, and run it."""
    from flowengine.terminal.opening import Opening, Wanted

    if given["catch"] and not given["url"]:
        raise Sentence("--catch is for the worker of a running server: give its --url too")
    built, found = find(flow, compiled=True)
    if found.channel != channel:
        other = "chat" if channel == "voice" else "call"
        kind = "a conversation" if channel == "voice" else "a call"
        raise Sentence(f"the flow {found.name} is {kind}: flowengine {other} {found.name}")
    named = {name: _pairs(name, given[name]) for name in ("inputs", "env")}
    wanted = Wanted(given["now"], given["number"], named["inputs"], named["env"], given["like"])
    opening = Opening(built, found, wanted)
    if given["url"]:
        _on_server(opening, given)
    else:
        _here(opening, given["verbose"])


def _pairs(name: str, found: tuple[str, ...]) -> dict[str, str]:
    if name == "inputs":
        return pairs(found)
    for each in found:
        if "=" not in each:
            raise Sentence(f'found --env "{each}"; expected NAME=VALUE')
    return dict(each.split("=", 1) for each in found)


def _here(opening: Opening, verbose: bool) -> None:
    from dataclasses import replace

    from flowengine.scenarios.telling import moment
    from flowengine.terminal.asking import Servers
    from flowengine.terminal.keyboard import Keyboard
    from flowengine.terminal.local import Local
    from flowengine.terminal.play import Play

    flow, book, paint = opening.flow, opening.built.book, paint_for(sys.stdout, os.environ)
    keyboard = Keyboard()
    tell = partial(say, paint=paint)
    servers = Servers(keyboard, lambda request: shown.ask(request), note)
    world = opening.world()
    first = opening.first()
    scene = Local(opening.theatre, book, flow.name, replace(world, ask=servers))
    shown = Play(
        scene, keyboard, tell, note, paint, book, flow.channel, opening.file, opening.check, servers.declared, verbose
    )  # fmt: skip
    note(f"{flow.name}, {moment(world.now, book, flow.name)}. /help says what can be typed.")
    if first is None:
        note("Write something, or /start to be written to.")
    shown.run(first)


def _on_server(opening: Opening, given: dict[str, Any]) -> None:
    raise NotImplementedError
