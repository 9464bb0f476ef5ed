"""``flowengine dial``"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowengine.cli import Command, Sentence

if TYPE_CHECKING:
    from flowengine.linking import Program
    from flowengine.service import Service


@click.command(
    cls=Command,
    examples=(('flowengine dial reminder --input to=+12025550150 --input name=Anna --input time="3 pm"', "ring Anna"),),
)
@click.argument("flow")
@click.option(
    "--input", "inputs", multiple=True, metavar="NAME=VALUE", help="An input of the flow; as often as needed."
)
def dial(flow: str, inputs: tuple[str, ...]) -> None:
    """Start a FLOW that places a call, and say what became of it."""
    from flowengine.settings import Refusal, open_all
    from flowengine.worker import Worker, drain

    try:
        _, service = open_all(os.environ, workers=2)
        works = Worker.from_env(service, os.environ)
    except Refusal as refusal:
        raise Sentence(str(refusal)) from None
    given = _given(inputs)
    flow = _name(service.library.programs, flow)
    _known(service.library.programs, flow, given)
    if works.client is None:
        raise Sentence(
            "VOICE_APPLICATION_KEY and VOICE_APPLICATION_SECRET are not set; a call cannot be placed without them"
        )
    key, placed = _dialled(service, flow, given)
    if not placed:
        _stop(1, f"the flow {flow} placed no call (session {key}): its number may be outside may_dial")
    wrong = drain(works, key)
    if wrong:
        _stop(1, f"the call was not placed: {wrong} (session {key})")
    click.echo(f"calling (session {key})")


def _stop(code: int, sentence: str) -> None:
    raise Sentence(sentence, code)


def _given(inputs: tuple[str, ...]) -> dict[str, str]:
    given = {}
    for each in inputs:
        name, equals, value = each.partition("=")
        if not equals:
            _stop(2, f'found --input "{each}"; expected NAME=VALUE')
        given[name] = value
    return given


def _name(programs: Mapping[str, Program], flow: str) -> str:
    """A flow's name, for a path to it."""
    for program in programs.values():
        if flow not in programs and Path(program.file).resolve() == Path(flow).resolve():
            return program.name
    return flow


def _known(programs: Mapping[str, Program], flow: str, given: dict[str, str]) -> None:
    from flowengine.problems import did_you_mean, listed

    if flow not in programs:
        _stop(
            2,
            f'there is no flow "{flow}"{did_you_mean(flow, programs) or "; the flows are " + listed(sorted(programs))}',
        )
    program = programs[flow]
    if not program.outbound:
        _stop(2, f"the flow {flow} has no dial state, so it cannot place a call")
    for name in given:
        if name not in program.inputs:
            _stop(2, f'the flow {flow} has no input "{name}"{did_you_mean(name, program.inputs)}')
    missing = [name for name in sorted(program.inputs) if name not in given and name not in program.defaults]
    if missing:
        _stop(2, f"the flow {flow} needs --input {' --input '.join(f'{name}=…' for name in missing)}")


def _dialled(service: Service, flow: str, given: dict[str, str]) -> tuple[str, bool]:
    from flowengine.engine.turn import TurnFailed

    try:
        return service.dial(flow, given)
    except TurnFailed as error:
        raise Sentence(str(error)) from None
