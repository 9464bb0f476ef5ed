"""``flowengine trace``"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowengine.cli import PROBLEMS, Command, Sentence
from flowengine.cli.finding import note, paths_or_default, say
from flowengine.cli.people import is_contact, named
from flowengine.cli.recordings import applications, opened_store
from flowengine.report import paint_for

if TYPE_CHECKING:
    from flowengine.recorded.reading import Recorded
    from flowengine.recorded.telling import Sources
    from flowengine.stores.base import Store

_FLOW = re.compile(r"^flow:\s*([a-z][a-z0-9_]*)", re.MULTILINE)
_TESTS = (".test.yaml", ".test.yml")


@click.command(
    cls=Command,
    examples=(
        ("flowengine trace", "list the newest calls and conversations"),
        ("flowengine trace 1a2b-call-id", "tell a call by the id that Sinch gave it"),
        ("flowengine trace 3f2a9c", "a call or conversation by its session's key, or how that begins"),
        ("flowengine trace +12025550150", "all calls and conversations of somebody, the newest last"),
        ("flowengine trace 3f2a9c --format json", "the same facts for a program"),
        ("flowengine trace 3f2a9c --as-scenario", "as a test, with made-up numbers and digits"),
        ("flowengine trace 3f2a9c --as-scenario --save --name 'lost in the menu'", "put into the flow's .test.yaml"),
    ),
)
@click.argument("name", metavar="[CALLID|NUMBER]", default="")
@click.option("--store", metavar="URL", help="Where it is kept. [default: $FLOWENGINE_STORE]")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How it is told."
)
@click.option("--as-scenario", is_flag=True, help="As a scenario that passes where the flows here do what they did.")
@click.option("--name", "title", default="", metavar="NAME", help="With --as-scenario: what it is called.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False), help="With --as-scenario: put it into this file of scenarios."
)
@click.option("--save", is_flag=True, help="With --as-scenario: put it into the .test.yaml beside its flow.")
def trace(
    name: str, store: str | None, form: str, as_scenario: bool, title: str, output: str | None, save: bool
) -> None:
    """Tell a call or conversation from the journal: what came, where it led and why, what was answered.

    CALLID is a call id, or the key of a session (as flowengine dial and start print it) or its first characters; or a
    number in E.164, or APP/CHANNEL/IDENTITY of somebody without one: then all that is with them or names them.
    Without it the newest 20 are listed: key, time (UTC), flow, events.
    Numbers are shown as hashes and what is sensitive as ****. With --as-scenario it is played on the flows here and
    written as a test: fictional numbers stand for hashes, digits that fit for ****, and what a scenario cannot say is
    told on standard error. Look through what people wrote before you keep it. Exit code 0, or 1 where nothing is known
    of it, or nothing of it can be a scenario.
    """
    if not as_scenario and (title or output or save):
        raise Sentence("--name, --output and --save belong to --as-scenario")
    if save and output:
        raise Sentence("--save names the file beside the flow; leave out --output, or --save")
    if as_scenario and not name:
        raise Sentence("--as-scenario is of one call or conversation: name it; flowengine trace lists them")
    from flowengine.stores.base import StoreDown

    opened = opened_store(store)
    try:
        if not name:
            _list(opened, form)
            return
        found = _of_contact(opened, name) if is_contact(name) else [_of_session(opened, name)]
    except StoreDown as error:
        raise Sentence(f"the store is down: {error}", PROBLEMS) from None
    finally:
        opened.close()
    if as_scenario:
        _write_scenario(_only(found), title, output, save)
    else:
        _print(found, form, is_contact(name))


def _list(store: Store, form: str) -> None:
    """The newest, the last one first."""
    from flowengine.recorded.newest import MOST, newest
    from flowengine.recorded.telling import listed_lines

    paint = paint_for(sys.stdout, os.environ)
    found, whole = newest(store)
    if form == "json":
        say(json.dumps({"sessions": [asdict(each) for each in found]}, indent=2, ensure_ascii=False), paint)
    else:
        for line in listed_lines(found, paint):
            say(line, paint)
    if not found:
        note("The store knows no call or conversation; ended ones are forgotten after a day.")
    if not whole:
        note(f"There are more than {MOST:,} calls and conversations, of which only as many were looked at.")


def _of_session(store: Store, name: str) -> tuple[str, list[Recorded]]:
    from flowengine.recorded.reading import NotFound, find, history

    try:
        key = find(store, name, *applications())
    except NotFound as unknown:
        raise Sentence(str(unknown), PROBLEMS) from None
    turns = history(store, key)
    if not turns:
        raise Sentence(f"nothing has happened yet in the session {key}", PROBLEMS)
    return key, turns


def _of_contact(store: Store, name: str) -> list[tuple[str, list[Recorded]]]:
    """All of them in which something happened, the newest last."""
    from flowengine.recorded.contact import sessions
    from flowengine.recorded.reading import history

    who = named(store, name)
    found = [(key, turns) for key in sessions(store, who) if (turns := history(store, key))]
    if not found:
        raise Sentence(f"the store knows no call or conversation of {who.shown}; ended ones are forgotten", PROBLEMS)
    return sorted(found, key=lambda each: each[1][-1].at)


def _only(found: Sequence[tuple[str, list[Recorded]]]) -> list[Recorded]:
    if len(found) > 1:
        keys = ", ".join(key[:12] for key, _ in found)
        raise Sentence(f"a scenario is of one call or conversation; name one of {keys}")
    return found[0][1]


def _write_scenario(turns: list[Recorded], title: str, output: str | None, save: bool) -> None:
    from flowengine.build import build
    from flowengine.engine.library import open_library
    from flowengine.project import shown_path
    from flowengine.recorded.as_scenario import CannotTell
    from flowengine.recorded.as_scenario import as_scenario as retold
    from flowengine.scenarios.writing import insert_scenario, suite_text
    from flowengine.settings import journal_key
    from flowengine.stage import Theatre

    logging.getLogger("flowengine").addHandler(logging.NullHandler())  # what goes wrong is told in a sentence
    paths = paths_or_default(())
    built = build(paths)
    if built.artefact is None:
        raise Sentence(f"the flows in {', '.join(paths)} have errors; flowengine validate tells them", PROBLEMS)
    theatre = Theatre(open_library(built.artefact, built.revision, {}, journal_key(os.environ)))
    try:
        told = retold(turns, theatre, built.book, theatre.library.digest, title)
    except CannotTell as why:
        raise Sentence(f"it cannot be written as a scenario: {why}", PROBLEMS) from None
    scenario = told.scenario
    if not (save or output):
        say(suite_text(scenario.flow, [scenario]).rstrip(), paint_for(sys.stdout, os.environ))
    else:
        file = Path(output) if output else Path(built.book.flows[scenario.flow].file).with_suffix(".test.yaml")
        insert_scenario(file, scenario)
        note(f"“{scenario.name}” is in {shown_path(file)}")
    for sentence in told.sentences:
        note(sentence)


def _print(found: Sequence[tuple[str, list[Recorded]]], form: str, several: bool) -> None:
    from flowengine.recorded.telling import lines

    paint = paint_for(sys.stdout, os.environ)
    if form == "json":
        told = [{"session": key, "turns": [asdict(each) for each in turns]} for key, turns in found]
        say(json.dumps({"sessions": told} if several else told[0], indent=2, ensure_ascii=False), paint)
        return
    sources = _sources()
    for number, (key, turns) in enumerate(found):
        if number:
            say("", paint)
        for line in lines(turns, key, sources, paint):
            say(line, paint)


def _sources() -> Sources:
    """The flows as they lie here now, for the places of guards."""
    from flowengine.recorded.telling import Sources

    found: dict[str, tuple[str, list[str]]] = {}
    for given in paths_or_default(()):
        path = Path(given)
        for file in sorted(path.rglob("*.y*ml")) if path.is_dir() else [path] if path.is_file() else []:
            content = "" if file.name.endswith(_TESTS) else file.read_text("utf-8", errors="replace")
            if match := _FLOW.search(content):
                found[match[1]] = (str(file), content.splitlines())
    return Sources(found)
