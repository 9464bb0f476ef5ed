"""What ``flowengine call`` and ``flowengine chat`` share: their options, and the play they open."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from functools import partial
from secrets import randbits
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import urlsplit

import click

from flowengine.cli import Sentence
from flowengine.cli.finding import complete_flow, find, note, say
from flowengine.cli.start import pairs
from flowengine.report import paint_for

if TYPE_CHECKING:
    from contextlib import ExitStack

    from flowengine.remote import Replies
    from flowengine.sinch.fake import Account, FakeSinch
    from flowengine.terminal.opening import Opening

F = TypeVar("F", bound=Callable[..., Any])
_OPTIONS = (
    click.argument("flow", shell_complete=complete_flow),
    click.option(
        "--now",
        default="",
        metavar="MOMENT",
        help="When it happens, in the time zone of the flow's calendar if none is given. [default: as the scenarios]",
    ),
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

    logging.getLogger("flowengine").addHandler(logging.NullHandler())  # what goes wrong is said at the act
    if given["catch"] and not given["url"]:
        raise Sentence("--catch is for the worker of a running server: give its --url too")
    for name in ("now", "env", "like") if given["url"] else ():
        if given[name]:
            raise Sentence(f"--{name} is for a play in this process: a running server has its own")
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
    from contextlib import ExitStack

    from flowengine.cli.post import target_of
    from flowengine.remote import Remote, Server, account_of
    from flowengine.stage import CALLER
    from flowengine.terminal.keyboard import Keyboard
    from flowengine.terminal.onserver import OnServer
    from flowengine.terminal.play import Play

    url, flow, paint = given["url"], opening.flow, paint_for(sys.stdout, os.environ)
    targets = [target_of(url, path) for path in ("/voice", "/conversation")]
    parts = urlsplit(targets[0])
    program, world = opening.theatre.library.programs[flow.name], opening.world()
    number = str(world.contact.get("number") or CALLER)
    with ExitStack() as stack:
        sinch = _caught(given["catch"], account_of(os.environ), stack)
        server = Server(targets[0], targets[1], f"{parts.scheme}://{parts.netloc}", os.environ)
        outbox = _replies if flow.channel == "message" and sinch is None else None
        remote = Remote(program, server, number, sinch, outbox)
        remote.named = lambda call_id: note(f"The call is {call_id}; where its store is, flowengine trace tells it.")
        scene = OnServer(remote, program, world)
        keyboard, tell = Keyboard(), partial(say, paint=paint)
        shown = Play(scene, keyboard, tell, note, paint, opening.built.book, flow.channel, opening.file, opening.check)
        if sinch is not None:
            keyboard.idle = lambda: shown.meanwhile(scene.meanwhile)
        note(f"{flow.name} on {parts.scheme}://{parts.netloc}. /help says what can be typed.")
        first = opening.first() if given["inputs"] or opening.comes_in else None
        if first is None:
            note(
                "Write something, or /start it." if flow.channel == "message" else "/start NAME=VALUE has it ring you."
            )
        shown.run(first)


def _caught(port: int | None, account: Account, stack: ExitStack) -> FakeSinch | None:
    """A Sinch for the server's worker, and what tells the worker where it is."""
    from flowengine.sinch.fake import FakeSinch

    if port is None:
        return None
    sinch = FakeSinch(port, account=account, seed=randbits(64))  # the server has seen the ids of earlier ones
    try:
        stack.enter_context(sinch)
    except (OSError, SystemExit):
        raise Sentence(f"port {port} of 127.0.0.1 cannot be used; name another with --catch") from None
    note("Start the worker of that server with these, so that what it sends comes here:")
    for name, value in sinch.env().items():
        if name.startswith("FLOWENGINE_") or not os.environ.get(name, "").strip():
            note(f"export {name}={value}")
    return sinch


def _replies() -> Replies | None:
    """What finds the messages that an act puts into the outbox of this environment's store."""
    from flowengine.cli.reply import Outbox

    outbox = Outbox()
    if not outbox.known:
        note("The store is not a file in this folder, so that replies cannot be shown: --catch PORT takes them")
        return None
    return outbox.sends
