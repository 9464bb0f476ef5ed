"""``flowengine dial``"""

from __future__ import annotations

import click

from flowengine.cli import Command, Sentence
from flowengine.cli.finding import complete_flow


@click.command(
    cls=Command,
    examples=(('flowengine dial reminder --input to=+12025550150 --input name=Anna --input time="3 pm"', "ring Anna"),),
)
@click.argument("flow", shell_complete=complete_flow)
@click.option(
    "--input", "inputs", multiple=True, metavar="NAME=VALUE", help="An input of the flow; as often as needed."
)
def dial(flow: str, inputs: tuple[str, ...]) -> None:
    """Start a FLOW that places a call, and say what became of it."""
    from flowengine.cli.start import call, named, opened
    from flowengine.starting import CannotStart, startable

    service, works = opened()
    name = named(service, flow)
    try:
        program = startable(service, name)
    except CannotStart as refusal:
        if refusal.status == 404:
            raise Sentence(str(refusal)) from None
        program = service.library.programs[name]
    if program.channel == "message":
        raise Sentence(f"the flow {name} writes messages: flowengine start {name} --to +1202… begins it")
    call(service, works, name, inputs)
