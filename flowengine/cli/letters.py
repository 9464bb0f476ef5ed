"""``flowengine letters``"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import click

from flowengine.cli import PROBLEMS, Command, Sentence
from flowengine.cli.finding import say
from flowengine.cli.recordings import opened_store, store_url
from flowengine.report import counted, paint_for, printable

if TYPE_CHECKING:
    from flowengine.report import Paint
    from flowengine.stores.base import Letter

SHOWN = 120
"""Characters of a payload on one line."""


@click.command(
    cls=Command,
    examples=(
        ("flowengine letters", "the newest first"),
        ("flowengine letters --limit 500 --format json", "for a program"),
        ("flowengine letters --drop", "throw all of them away"),
    ),
)
@click.option("--store", metavar="URL", help="Where they are kept. [default: $FLOWENGINE_STORE]")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How they are told.",
)
@click.option("--drop", is_flag=True, help="Throw all of them away.")
def letters(store: str | None, limit: int, form: str, drop: bool) -> None:
    """Tell the dead letters: what could not be sent or used, when and why, and which session it belongs to.

    They hold no numbers and nothing that people wrote, and go by themselves after seven days. Nothing is sent again
    from here: mend what the reason names, and start the flow anew. Exit code 0.
    """
    from flowengine.stores.base import StoreDown
    from flowengine.stores.scrub import drop_letters

    paint = paint_for(sys.stdout, os.environ)
    opened = opened_store(store)
    try:
        if drop:
            say(f"{counted(drop_letters(store_url(store)), 'dead letter')} thrown away.", paint)
        else:
            _tell(opened.letters(limit), opened.dead_letters(), form, paint)
    except StoreDown as error:
        raise Sentence(f"the store is down: {error}", PROBLEMS) from None
    finally:
        opened.close()


def _tell(found: list[Letter], many: int, form: str, paint: Paint) -> None:
    from flowengine.recorded.telling import moment

    if form == "json":
        say(json.dumps({"kept": many, "letters": [_data(each) for each in found]}, indent=2, ensure_ascii=False), paint)
        return
    for each in found:
        what = paint(each.kind, "bold")
        tried = f" after {each.attempts} tries" if each.attempts > 1 else ""
        say(f"{paint(moment(each.at), 'dim')}  {what}: {printable(each.reason)}{tried}", paint)
        session = f"session {each.session[:12]}…  " if each.session else ""
        say(f"    {session}{_short(each.payload)}", paint)
    older = f", of which the newest {len(found)} are shown" if many > len(found) else ""
    say(paint(f"{counted(many, 'dead letter')}{older}.", "bold"), paint)


def _short(payload: bytes) -> str:
    text = printable(payload.decode("utf-8", "replace"))
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _data(letter: Letter) -> dict[str, object]:
    return {
        "at": letter.at,
        "kind": letter.kind,
        "session": letter.session,
        "reason": letter.reason,
        "attempts": letter.attempts,
        "payload": letter.payload.decode("utf-8", "replace"),
    }
