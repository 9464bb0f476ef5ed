"""``flowengine replay``."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from time import perf_counter, time
from typing import TYPE_CHECKING

import click

from flowengine.cli import PROBLEMS, Command, Sentence
from flowengine.cli.finding import note, paths_or_default, say
from flowengine.cli.recordings import applications, opened_store
from flowengine.report import paint_for

if TYPE_CHECKING:
    from flowengine.recorded.reading import Recorded
    from flowengine.recorded.replaying import Replayed, Replayer
    from flowengine.stores.base import Store

MOST = 10_000_000
"""Sessions that are looked through."""
Session = tuple[str, "list[Recorded]"]


@click.command(
    cls=Command,
    examples=(
        ("flowengine replay", "everything that is recorded, against the flows here"),
        ("flowengine replay --flow front_desk --since 7d", "the calls of one flow in the last week"),
        ("flowengine replay 3f2a9c --flows ../changed/flows", "one call, against other flows"),
    ),
)
@click.argument("names", nargs=-1, metavar="[CALLID]...")
@click.option("--store", metavar="URL", help="Where they are kept. [default: $FLOWENGINE_STORE]")
@click.option("--flows", multiple=True, type=click.Path(), help="The flows they are played against. [default: flows/]")
@click.option("--since", metavar="DURATION", help="Only those of which something happened in this time, such as 7d.")
@click.option("--flow", default="", metavar="NAME", help="Only those that this flow began.")
@click.option("--limit", type=click.IntRange(1), default=None, help="At most so many, the newest.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How it is told."
)
def replay(
    names: tuple[str, ...],
    store: str | None,
    flows: tuple[str, ...],
    since: str | None,
    flow: str,
    limit: int | None,
    form: str,
) -> None:
    """Play recorded calls and conversations again, and tell which come out otherwise with the flows that are here.

    Every turn hears what it heard then, at the time it was then, and servers, functions and chance say what they said:
    nothing leaves the machine. CALLID is a call id, or the key of a session or how it begins; without any, all of the
    store. Compared are the event, the states gone through, the answer, the messages and the effects of each turn; the
    first difference of each is told. Exit code 0 where there is none, 1 where there is one, 2 for wrong usage.
    """
    from flowengine.stores.base import StoreDown

    began = perf_counter()
    opened = opened_store(store)
    try:
        replayer = _replayer(flows)
        sessions = _named(opened, names) if names else _chosen(opened, since, flow, limit)
        found = [_played(opened, replayer, key, turns) for key, turns in sessions]
    except StoreDown as error:
        raise Sentence(f"the store is down: {error}", PROBLEMS) from None
    finally:
        opened.close()
    if not found:
        raise Sentence("there is nothing recorded to play", PROBLEMS)
    _tell(found, perf_counter() - began, form)
    if any(each.difference is not None for each in found):
        raise click.exceptions.Exit(PROBLEMS)


def _replayer(flows: Sequence[str]) -> Replayer:
    from flowengine.build import build
    from flowengine.recorded.replaying import Replayer
    from flowengine.settings import journal_key

    paths = paths_or_default(flows)
    built = build(paths)
    if built.artefact is None:
        raise Sentence(f"the flows in {', '.join(paths)} have errors; flowengine validate tells them", PROBLEMS)
    # What a turn that breaks logs is told as a difference, or was so then.
    logging.getLogger("flowengine").addHandler(logging.NullHandler())
    return Replayer(built, dict(os.environ), journal_key(os.environ))


def _named(store: Store, names: Sequence[str]) -> Iterator[Session]:
    from flowengine.recorded.reading import NotFound, find, history

    known = applications()
    for name in names:
        try:
            key = find(store, name, *known)
        except NotFound as unknown:
            raise Sentence(str(unknown), PROBLEMS) from None
        yield key, history(store, key)


def _chosen(store: Store, since: str | None, flow: str, limit: int | None) -> Iterator[Session]:
    """Every session with a turn, the newest first where there is a limit."""
    from flowengine.recorded.reading import history

    after = time() - _seconds(since) if since else 0.0
    found = []
    for key in store.keys("", MOST):
        turns = history(store, key)
        if turns and turns[-1].at >= after and (not flow or flow in (turns[0].begun, turns[0].flow)):
            found.append((key, turns))
    if limit is not None:
        found.sort(key=lambda each: each[1][-1].at, reverse=True)
    yield from found[:limit]


def _seconds(text: str) -> float:
    from flowengine.units import seconds

    try:
        return float(seconds(text))
    except ValueError as error:
        raise Sentence(f"--since: {error}") from None


def _played(store: Store, replayer: Replayer, key: str, turns: Sequence[Recorded]) -> Replayed:
    from flowengine.engine.session import BadSession, load

    loaded = store.load(key).session
    try:
        call_id = str(load(loaded).call.get("id") or "") if loaded is not None else ""
    except BadSession:
        call_id = ""
    return replayer.replay(key, turns, call_id)


def _tell(found: Sequence[Replayed], seconds: float, form: str) -> None:
    from flowengine.recorded.results import as_data, lines, sentence

    paint = paint_for(sys.stdout, os.environ)
    if form == "json":
        say(json.dumps(as_data(found, seconds), indent=2, ensure_ascii=False), paint)
        return
    for each in found:
        for line in lines(each, paint) if each.difference is not None else ():
            say(line, paint)
    say(paint(sentence(found, seconds), "bold"), paint)
    differs = next((each for each in found if each.difference is not None), None)
    if differs is not None:
        note(f"The whole of one: flowengine trace {differs.key[:12]}")
