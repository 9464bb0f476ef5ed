"""``flowengine start``"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowengine.cli import PROBLEMS, USAGE, Command, Sentence
from flowengine.cli.finding import complete_flow, note

if TYPE_CHECKING:
    from flowengine.service import Service
    from flowengine.worker import Worker

CAME_TO = {
    "start": "started (session {key})",
    "queued": "a worker starts it, after what is going on or because a server is asked (session {key})",
    "later": "it begins later: the contact is in another conversation, or in their quiet hours (session {key})",
    "again": "this id was started before; nothing happened (session {key})",
}
"""What became of a start. What is not here began nothing."""

NOT_STARTED = {
    "skipped": "the contact is in another conversation, and the flow says busy: skip; nothing was started",
    "opted_out": "the contact has opted out of messages; nothing was started",
}


@click.command(
    cls=Command,
    examples=(
        ("flowengine start appointment --to +12025550150 --input name=Anna --input when=2026-12-01", "remind Anna"),
        ("flowengine start appointment --to +12025550150 … --id visit-7731", "the same, once however often"),
        ("flowengine start reminder --input to=+12025550150 …", "a flow that places a call"),
    ),
)
@click.argument("flow", shell_complete=complete_flow)
@click.option("--to", metavar="NUMBER", help="Who is written to: +1202…, or the identity that the channel knows.")
@click.option("--channel", metavar="NAME", help="SMS, WHATSAPP, … [default: the flow's first]")
@click.option("--app", metavar="ID", help="The Conversation app. [default: CONVERSATION_APP_ID]")
@click.option(
    "--input", "inputs", multiple=True, metavar="NAME=VALUE", help="An input of the flow; as often as needed."
)
@click.option("--id", "once", metavar="TEXT", help="Two starts with the same id are one.")
def start(
    flow: str, to: str | None, channel: str | None, app: str | None, inputs: tuple[str, ...], once: str | None
) -> None:
    """Start a FLOW with somebody, and say what became of it.

    A message flow needs --to and the trigger start: api; what it says is sent by flowengine worker. A voice flow is
    dialled, as with flowengine dial.
    """
    service, works = opened()
    name = named(service, flow)
    given = {"to": to, "channel": channel, "app": app, "id": once}
    data: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if _is_voice(service, name):
        if data:
            raise Sentence(f"the flow {name} places a call: give its number with --input, not --{min(data)}")
        call(service, works, name, inputs)
        return
    key, became = begun(service, name, {**data, "inputs": pairs(inputs)})
    if became not in CAME_TO:
        raise Sentence(NOT_STARTED.get(became, f"nothing was started: {became}"), PROBLEMS)
    click.echo(CAME_TO[became].format(key=key))
    _warn(works)


def _is_voice(service: Service, name: str) -> bool:
    program = service.library.programs.get(name)
    return program is not None and program.channel == "voice"


def _warn(works: Worker) -> None:
    from flowengine.sinch.credentials import missing_for_messages

    if works.sender is None:
        note(f"What it says waits in the outbox. {missing_for_messages(os.environ)}")


# --- shared with dial ------------------------------------------------------------------------------------


def opened() -> tuple[Service, Worker]:
    """Flows, store and clients of the environment; one sentence where they cannot be had."""
    from flowengine.settings import Refusal, open_all
    from flowengine.worker import Worker

    try:
        _, service = open_all(os.environ, workers=2)
        return service, Worker.from_env(service, os.environ)
    except Refusal as refusal:
        raise Sentence(str(refusal)) from None


def named(service: Service, flow: str) -> str:
    """A flow's name, for a path to it."""
    programs = service.library.programs
    for program in programs.values():
        if flow not in programs and Path(program.file).resolve() == Path(flow).resolve():
            return program.name
    return flow


def pairs(inputs: tuple[str, ...]) -> dict[str, str]:
    """``NAME=VALUE``, each."""
    given = {}
    for each in inputs:
        name, equals, value = each.partition("=")
        if not equals:
            raise Sentence(f'found --input "{each}"; expected NAME=VALUE', USAGE)
        given[name] = value
    return given


def begun(service: Service, flow: str, data: dict[str, Any]) -> tuple[str, str]:
    """The session and what became of it; one sentence where it cannot be started."""
    from flowengine.engine.outcome import TurnFailed
    from flowengine.starting import CannotStart, start_conversation
    from flowengine.stores.base import StoreDown

    try:
        return start_conversation(service, flow, data)
    except CannotStart as refusal:
        raise Sentence(str(refusal)) from None
    except TurnFailed as error:
        raise Sentence(f"an input is not of its type: {error}") from None
    except StoreDown as error:
        raise Sentence(f"the store is down: {error}", PROBLEMS) from None


def call(service: Service, works: Worker, flow: str, inputs: tuple[str, ...]) -> None:
    """Place the call of a voice flow, and say what became of it."""
    from flowengine.sinch.credentials import NO_KEYS
    from flowengine.starting import CannotStart, known_inputs
    from flowengine.worker import drain

    program = service.library.programs[flow]
    if not program.outbound:
        raise Sentence(f"the flow {flow} has no dial state, so it cannot place a call")
    given = pairs(inputs)
    try:
        known_inputs(program, given)
    except CannotStart as refusal:
        raise Sentence(f"{refusal} (--input NAME=VALUE)") from None
    if works.client is None:
        raise Sentence(f"{NO_KEYS}; a call cannot be placed without them")
    key, became = begun(service, flow, {"inputs": given})
    if became != "calling":
        raise Sentence(f"the flow {flow} placed no call (session {key}): its number may be outside may_dial", PROBLEMS)
    wrong = drain(works, key)
    if wrong:
        raise Sentence(f"the call was not placed: {wrong} (session {key})", PROBLEMS)
    click.echo(f"calling (session {key})")
