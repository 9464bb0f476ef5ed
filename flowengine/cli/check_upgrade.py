"""``flowengine check-upgrade``"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from flowengine.cli import PROBLEMS, USAGE, Command, Sentence
from flowengine.cli.finding import paths_or_default, say
from flowengine.cli.recordings import opened_store
from flowengine.cli.revisions import NONE
from flowengine.report import counted, paint_for

if TYPE_CHECKING:
    from flowengine.build import Built
    from flowengine.upgrading import Upgrade


@click.command(
    "check-upgrade",
    cls=Command,
    examples=(
        ("flowengine check-upgrade", "whom the flows here would concern, if they were served now"),
        ("flowengine check-upgrade ../next/flows", "whom those there would"),
    ),
)
@click.argument("new", nargs=-1, type=click.Path())
@click.option("--store", metavar="URL", help="Where the sessions are. [default: $FLOWENGINE_STORE]")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How it is told."
)
def check_upgrade(new: tuple[str, ...], store: str | None, form: str) -> None:
    """Tell which live calls and conversations stand in states that NEW flows lack or change.

    NEW are files or folders of flows; without any: $FLOWENGINE_FLOWS, else flows/. Nothing breaks for who is told
    here: everybody goes on with the flows they began with, for as long as the store keeps them. Exit code 0 where
    nobody stands in what changed, 1 where somebody does, 2 where the new flows have errors or for wrong usage.
    """
    from flowengine.stores.base import StoreDown
    from flowengine.upgrading import upgrades

    paths = paths_or_default(new)
    built = _built(paths)
    assert built.artefact is not None
    opened = opened_store(store)
    try:
        found = upgrades(opened, built.artefact["flows"], built.revision)
        same = sum(each.live for each in opened.revisions() if each.hash == built.revision)
    except StoreDown as error:
        raise Sentence(f"the store is down: {error}", PROBLEMS) from None
    finally:
        opened.close()
    paint = paint_for(sys.stdout, os.environ)
    if form == "json":
        say(_as_json(built.revision, same, found), paint)
    else:
        for line in _lines(paths, built.revision, same, found):
            say(line, paint)
    if any(each.affected for each in found):
        raise click.exceptions.Exit(PROBLEMS)


def _built(paths: Sequence[str]) -> Built:
    from flowengine.build import build, no_flows
    from flowengine.problems import errors

    built = build(paths)
    if not built.source.loaded:
        raise Sentence(no_flows(paths))
    if built.artefact is None:
        wrong = counted(len(errors(built.problems)), "error")
        raise Sentence(f"the flows in {', '.join(paths)} have {wrong}; flowengine validate tells them", USAGE)
    return built


def _lines(paths: Sequence[str], revision: str, same: int, found: Sequence[Upgrade]) -> Iterator[str]:
    yield f"new: {', '.join(paths)}, revision {revision}"
    if same:
        yield f"{counted(same, 'live session')} {'runs' if same == 1 else 'run'} on it already."
    for each in found:
        yield ""
        yield f"revision {each.revision or NONE}: {counted(each.live, 'live session')}"
        for one in each.affected:
            place = f"{one.place.flow}: {one.place.state or 'in no state'}"
            yield f"  {place}  {counted(one.sessions, 'session')}: {'; '.join(one.changes)}"
        if not each.affected:
            yield "  none stands in what changed"
        yield f"  {_becomes(each)}"
    if not found and not same:
        yield "no session is live."
    elif any(each.touched for each in found):
        touched = sum(each.touched for each in found)
        yield ""
        yield f"{counted(touched, 'session')} in what changed. They are safe as long as the store keeps their flows."


def _becomes(each: Upgrade) -> str:
    began = datetime.fromtimestamp(each.oldest, UTC).strftime("%Y-%m-%d %H:%M UTC")
    one = each.live == 1
    oldest = f"it began {began}" if one else f"the oldest began {began}"
    if each.kept:
        until = "until it ends" if one else "until they end"
        return f"{counted(each.live, 'session')} {'stays' if one else 'stay'} on {each.revision} {until}; {oldest}"
    goes = "it goes" if one else "they go"
    return f"the store has no flows of this revision that can be read: {goes} on with what is served; {oldest}"


def _as_json(revision: str, same: int, found: Sequence[Upgrade]) -> str:
    return json.dumps({"revision": revision, "live": same, "older": [_record(each) for each in found]}, indent=2)


def _record(each: Upgrade) -> dict[str, object]:
    affected = [{**asdict(one), "place": one.place._asdict()} for one in each.affected]
    oldest = datetime.fromtimestamp(each.oldest, UTC).isoformat(timespec="seconds")
    told = {"revision": each.revision, "live": each.live, "oldest": oldest, "kept": each.kept}
    return {**told, "affected": [{**one.pop("place"), **one} for one in affected]}
