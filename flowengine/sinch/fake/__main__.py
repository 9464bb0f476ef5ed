"""``python -m flowengine.sinch.fake``: a fake Sinch to try message flows against by hand.

It prints what it gets. With ``--webhook`` each line typed is a message to the application, and a line that begins
with ``/tap`` taps what follows.
"""

from __future__ import annotations

import signal
import sys
import threading
from typing import Any

import click
import httpx

from flowengine.sinch.fake.posting import NoTarget
from flowengine.sinch.fake.records import Callout, Event, Patch, Problem, Record
from flowengine.sinch.fake.server import CONTACT, FakeSinch


@click.command()
@click.option("--port", default=8089, show_default=True, help="Where it listens, on 127.0.0.1.")
@click.option("--webhook", default="", help="The application's address for webhooks.")
@click.option("--channel", default="SMS", show_default=True, help="The channel that typed lines come from.")
@click.option("--receipts/--no-receipts", default=True, help="Whether receipts are posted to the webhook.")
def main(port: int, webhook: str, channel: str, receipts: bool) -> None:
    """A fake Sinch on this machine: messages, access tokens, callouts."""
    sinch = FakeSinch(port, channel=channel)
    sinch.listen(lambda new: click.echo(line(new)))
    try:
        sinch.start()
    except (OSError, SystemExit):
        raise SystemExit(f"port {port} of 127.0.0.1 cannot be used; name another with --port") from None
    for name, value in sinch.env().items():
        click.echo(f"export {name}={value}")
    click.echo(f"\nListening on {sinch.url}. Ctrl-C stops.", err=True)
    if webhook:
        sinch.webhook(webhook)
        if receipts:
            sinch.receipts()
    for number in (signal.SIGINT, signal.SIGTERM):  # in the background of a script the first is ignored
        signal.signal(number, signal.default_int_handler)
    try:
        _chat(sinch, bool(webhook))
    except KeyboardInterrupt:
        pass
    finally:
        sinch.stop()


def _chat(sinch: FakeSinch, posting: bool) -> None:
    for typed in sys.stdin if posting else ():
        if typed.strip():
            click.echo(_say(sinch, typed.strip()))
    threading.Event().wait()


def _say(sinch: FakeSinch, typed: str) -> str:
    try:
        if typed.startswith("/tap "):
            answer = sinch.inbound(tap=typed.removeprefix("/tap ").strip())
        else:
            answer = sinch.inbound(typed)
    except (ValueError, NoTarget) as error:
        return f"  {error}"
    except httpx.HTTPError:
        return "  the application cannot be reached"
    return f"  …{CONTACT[-2:]} > answered {answer.status_code}"


def line(new: Any) -> str:
    """What was taken, in one line: of numbers only the last two digits."""
    if isinstance(new, Record):
        shown = "".join(f" [{label}]" for label, _ in new.options)
        return f"send     {new.channel} …{new.identity[-2:]}  {new.text}{shown}"
    if isinstance(new, Event):
        return f"event    {next(iter(new.body['event']))}"
    if isinstance(new, Callout):
        return f"callout  {new.call_id}  {_action(new.svaml)}"
    if isinstance(new, Patch):
        return f"patch    {new.call_id}  {_action(new.svaml)}"
    return f"refused  {new.request}: {new.sentence}" if isinstance(new, Problem) else ""


def _action(svaml: dict[str, Any]) -> str:
    return str(svaml.get("action", {}).get("name", ""))


if __name__ == "__main__":
    main()
