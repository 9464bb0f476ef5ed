"""Starting a flow from outside: the one place that says whether that can be done, for the API and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from flowengine.chats import Address
from flowengine.linking import Program
from flowengine.messages.channels import is_phone
from flowengine.model import CHANNELS
from flowengine.numbers import e164
from flowengine.problems import did_you_mean, listed
from flowengine.service import Service
from flowengine.values import BadValue, coerce

KEYS = ("to", "channel", "app", "inputs", "id")


class CannotStart(Exception):
    """One sentence with what to do; ``status`` is the HTTP status that says the same."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status


def start_conversation(service: Service, flow: str, data: Any) -> tuple[str, str]:
    """Begin ``flow`` with somebody: the session's key, and what became of it in one word.

    ``data`` has ``inputs`` and, for messages, ``to`` (a number in E.164 or the channel's identity), ``channel`` (the
    flow's first unless given), ``app`` and ``id``: two starts of one id are one. Raises :class:`CannotStart`.
    """
    program = startable(service, flow)
    data = _shaped(data)
    inputs = known_inputs(program, data.get("inputs") or {})
    if program.channel == "voice":
        key, placed = service.dial(program.name, inputs)
        return key, "calling" if placed else "no call"
    address = _address(service, program, data)
    once = blake2b(f"{flow} {data['id']}".encode(), digest_size=16).hexdigest() if data.get("id") else ""
    became = service.chats.begin(program.name, address, inputs, dedupe=f"start/{once}" if once else "")
    return address.key, became


def startable(service: Service, flow: str) -> Program:
    """The flow of that name, if it may be started from outside. Raises :class:`CannotStart`."""
    programs = service.library.programs
    program = programs.get(flow)
    if program is None:
        known = did_you_mean(flow, programs) or f"; the flows are {listed(sorted(programs))}"
        raise CannotStart(f'there is no flow "{flow[:64]}"{known}', 404)
    if not program.outbound and not any(kind == "start" for kind, *_ in program.image["triggers"]):
        raise CannotStart(f"the flow {flow} has no trigger start: api, so it cannot be started from outside", 409)
    return program


def known_inputs(program: Program, given: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs, all of them and no others. Raises :class:`CannotStart`."""
    for name in given:
        if name not in program.inputs:
            hint = did_you_mean(name, program.inputs)
            raise CannotStart(f'the flow {program.name} has no input "{name[:64]}"{hint}')
    missing = [name for name in sorted(program.inputs) if name not in given and name not in program.defaults]
    if missing:
        raise CannotStart(f"the flow {program.name} needs the input {listed(missing, 'and')}")
    return {name: _typed(program, name, value) for name, value in given.items()}


def _typed(program: Program, name: str, value: Any) -> Any:
    variable = program.variables[name]
    try:
        found = coerce(variable["type"], value)
    except BadValue as error:
        raise CannotStart(f'the input "{name}" of the flow {program.name} is {variable["type"]}: {error}') from None
    known = variable.get("one_of")
    if known and found not in known:
        raise CannotStart(f'the input "{name}" of the flow {program.name} is one of {listed(known)}')
    return found


def _shaped(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise CannotStart("the body is no JSON object")
    for name in data:
        if name not in KEYS:
            raise CannotStart(f'found "{name[:64]}"{did_you_mean(name, KEYS) or "; expected " + listed(KEYS)}')
    if not isinstance(data.get("inputs") or {}, dict):
        raise CannotStart('"inputs" is no object')
    for name in ("to", "channel", "app", "id"):
        if not isinstance(data.get(name, ""), str):
            raise CannotStart(f'"{name}" is no text')
    return data


def _address(service: Service, program: Program, data: Mapping[str, Any]) -> Address:
    channel = str(data.get("channel") or next(iter(program.image["channels"]), "SMS")).upper()
    if channel not in CHANNELS:
        raise CannotStart(f'there is no channel "{channel[:32]}"{did_you_mean(channel, CHANNELS)}')
    to = str(data.get("to") or "").strip()
    if not to:
        raise CannotStart('"to" is missing: the number or identity of the contact')
    if is_phone(channel):
        number = e164(to if to.startswith("+") else f"+{to}")
        if number is None:
            raise CannotStart('"to" is not a phone number in E.164, such as "+12025550150"')
        to = number.removeprefix("+")
    app = str(data.get("app") or service.chats.app)
    return Address(app, channel, to)
