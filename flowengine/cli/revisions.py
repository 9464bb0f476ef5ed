"""``flowengine revisions``"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from time import time
from typing import TYPE_CHECKING, Any

import click

from flowengine.cli import PROBLEMS, Command, Sentence
from flowengine.cli.finding import say
from flowengine.cli.recordings import opened_store
from flowengine.report import paint_for

if TYPE_CHECKING:
    from flowengine.stores.base import Store

NONE = "(none)"
"""How a revision is shown that is not known: sessions of before there were revisions."""


@click.command(
    cls=Command,
    examples=(
        ("flowengine revisions", "which flows are served, and which sessions still run on others"),
        ("flowengine revisions --verbose", "and the states they stand in"),
    ),
)
@click.option("--store", metavar="URL", help="Where they are kept. [default: $FLOWENGINE_STORE]")
@click.option("-v", "--verbose", is_flag=True, help="The live sessions by flow and state.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How it is told."
)
def revisions(store: str | None, verbose: bool, form: str) -> None:
    """List the revisions of the flows that the store knows, the newest first.

    A revision is the hash of compiled flows. Calls and conversations go on with the one they began with, which is kept
    as long as one of them needs it. "now" is served: a worker or a new process said so within the last minutes. "last"
    was served last. "live" are the sessions that are not over; times are UTC.
    """
    from flowengine.stores.base import StoreDown

    opened = opened_store(store)
    try:
        rows = _rows(opened, verbose)
    except StoreDown as error:
        raise Sentence(f"the store is down: {error}", PROBLEMS) from None
    finally:
        opened.close()
    paint = paint_for(sys.stdout, os.environ)
    if form == "json":
        say(json.dumps({"revisions": rows}, indent=2), paint)
        return
    if not rows:
        say("nothing was ever served from this store.", paint)
        return
    say(f"{'revision':<14}{'served':<8}{'last kept':<18}{'sessions':>8}{'live':>7}", paint)
    for row in rows:
        kept = (row["kept"] or "never")[:16].replace("T", " ")
        shown = f"{row['revision'] or NONE:<14}{row['served']:<8}{kept:<18}{row['sessions']:>8}{row['live']:>7}"
        say(paint(shown, "bold") if row["served"] == "now" else shown, paint)
        width = max((len(f"{each['flow']}: {each['state']}") for each in row.get("states", ())), default=0)
        for each in row.get("states", ()):
            place = f"{each['flow']}: {each['state'] or 'in no state'}"
            say(f"  {place:<{max(width, 45)}}{each['sessions']:>8}", paint)


def _rows(store: Store, verbose: bool) -> list[dict[str, Any]]:
    from flowengine.standing import by_place, is_served

    known, now = sorted(store.revisions(), key=lambda each: each.kept, reverse=True), time()
    newest = max((each.kept for each in known), default=0.0)
    rows: list[dict[str, Any]] = []
    for each in known:
        kept = datetime.fromtimestamp(each.kept, UTC).isoformat(timespec="seconds") if each.kept else None
        row: dict[str, Any] = {"revision": each.hash, "served": is_served(each, newest, now), "kept": kept}
        row |= {"sessions": each.sessions, "live": each.live}
        if verbose:
            places = by_place(store, each.hash).items() if each.live else ()
            row["states"] = [{"flow": at.flow, "state": at.state, "sessions": count} for at, count in places]
        rows.append(row)
    return rows
