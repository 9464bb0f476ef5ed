"""``flowengine post``."""

from __future__ import annotations

import json
import os
import sys
from typing import Any
from urllib.parse import urlsplit

import click

from flowengine.cli import PROBLEMS, Command, Sentence
from flowengine.cli.finding import note, say
from flowengine.cli.reply import Outbox, of_this_app, signed, webhook_in, written
from flowengine.inshort import in_short
from flowengine.posting import CALLBACK_REFUSED, WEBHOOK_REFUSED
from flowengine.report import paint_for


@click.command(
    cls=Command,
    examples=(
        ("flowengine post examples/callbacks/ice.json", "a call comes in"),
        ("flowengine post examples/callbacks/pie.json", "the caller presses 1"),
        ("flowengine post examples/callbacks/ice.json --again", "sent twice: the same answer?"),
        ("flowengine post examples/webhooks/text.json", "somebody writes"),
        ("flowengine post examples/webhooks/text.json --text 1", "and writes again"),
    ),
)
@click.argument("file", type=click.File("rb"))
@click.option(
    "--url", help="Where to send it; without a path to /voice or /conversation. [default: 127.0.0.1:$PORT, PORT 8080]"
)
@click.option("--again", is_flag=True, help="Send it twice and say whether the answers are the same, byte for byte.")
@click.option("--call", metavar="ID", help="Put this call id into the body: another call with the same file.")
@click.option("--text", metavar="TEXT", help="Put this text into the body: another message of the same contact.")
def post(file: Any, url: str | None, again: bool, call: str | None, text: str | None) -> None:
    """Send the callback or webhook in FILE (JSON; - for standard input) to a running server and show its answer.

    Callbacks are signed when VOICE_APPLICATION_KEY and VOICE_APPLICATION_SECRET are set, webhooks when
    CONVERSATION_WEBHOOK_SECRET is. A message is put to the app CONVERSATION_APP_ID, where that is set; its answer
    is what waits in the outbox of FLOWENGINE_STORE.
    """
    body = file.read()
    webhook = webhook_in(body)
    target = target_of(url, "/voice" if webhook is None else "/conversation")
    if webhook is not None:
        _write(target, _of_contact(webhook, body, call, text), again)
        return
    if text is not None:
        raise Sentence("the file is no message, so --text has nowhere to go")
    _call(target, _with_call(body, call), again)


def target_of(url: str | None, path: str) -> str:
    """Where to post to: ``path`` is added where the URL has none."""
    target = url or f"http://127.0.0.1:{os.environ.get('PORT') or 8080}"
    if urlsplit(target).scheme not in ("http", "https"):
        raise Sentence(f'"{target}" is not a URL; expected http://… or https://…')
    return target.rstrip("/") + path if urlsplit(target).path in ("", "/") else target


def _call(target: str, body: bytes, again: bool) -> None:
    status, answer = _send(target, body, _signed(target, body))
    _show(status, answer)
    if again:
        _compare(answer, _send(target, body, _signed(target, body))[1])
    if status >= 400:
        raise click.exceptions.Exit(PROBLEMS)


def _of_contact(webhook: dict[str, Any], body: bytes, call: str | None, text: str | None) -> bytes:
    if call is not None:
        raise Sentence("the file is no callback of a call, so --call has nowhere to go; --text writes another message")
    webhook, body = of_this_app(webhook, body)
    return body if text is None else written(webhook, text)


def _write(target: str, body: bytes, again: bool) -> None:
    """A webhook is acknowledged with nothing; what answers it waits in the outbox."""
    paint = paint_for(sys.stdout, os.environ)
    for _ in range(1 + again):
        outbox = Outbox()
        status, answer = _send(target, body, signed(body))
        if status != 200:
            note(f"{status}: {WEBHOOK_REFUSED.get(status) or 'the server answered'}")
            if answer:
                say(answer.decode("utf-8", "replace").rstrip(), paint)
            raise click.exceptions.Exit(PROBLEMS)
        for each in outbox.show():
            say(each, paint)


def _with_call(body: bytes, call: str | None) -> bytes:
    if call is None:
        return body
    try:
        whole = json.loads(body)
        return json.dumps({**whole, "callid": call}).encode()
    except (ValueError, TypeError):
        raise Sentence("the file is not a JSON object, so --call has nowhere to go") from None


def _send(url: str, body: bytes, signature: dict[str, str]) -> tuple[int, bytes]:
    from flowengine.posting import Unreached, send

    try:
        return send(url, body, signature)
    except Unreached as failed:
        raise Sentence(str(failed), PROBLEMS) from None


def _signed(url: str, body: bytes) -> dict[str, str]:
    from flowengine.posting import signed_callback
    from flowengine.sinch.credentials import Misconfigured

    try:
        return signed_callback(os.environ, url, body)
    except Misconfigured as wrong:
        raise Sentence(str(wrong)) from None


def _show(status: int, answer: bytes) -> None:
    paint = paint_for(sys.stdout, os.environ)
    svaml = _parsed(answer)
    if status == 200 and svaml is not None:
        note(f"{status}: {in_short(svaml)}")
        say(json.dumps(svaml, indent=2, ensure_ascii=False), paint)
        return
    empty = "an empty answer, as for an event that needs none" if status == 200 else ""
    note(f"{status}: {CALLBACK_REFUSED.get(status, empty) or 'the server answered'}")
    if answer:
        say(answer.decode("utf-8", "replace").rstrip(), paint)


def _parsed(answer: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(answer)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "action" in found else None


def _compare(first: bytes, second: bytes) -> None:
    if first == second:
        note("sent again: the same answer, byte for byte")
        return
    note("sent again: ANOTHER answer")
    raise click.exceptions.Exit(PROBLEMS)
