"""``flowengine trace``"""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowengine.cli import PROBLEMS, Command, Sentence
from flowengine.cli.finding import paths_or_default, say
from flowengine.cli.recordings import applications, opened_store
from flowengine.report import paint_for

if TYPE_CHECKING:
    from flowengine.recorded.reading import Recorded
    from flowengine.recorded.telling import Sources

_FLOW = re.compile(r"^flow:\s*([a-z][a-z0-9_]*)", re.MULTILINE)
_TESTS = (".test.yaml", ".test.yml")


@click.command(
    cls=Command,
    examples=(
        ("flowengine trace 1a2b-call-id", "tell a call by the id that Sinch gave it"),
        ("flowengine trace 3f2a9c", "a call or conversation by its session's key, or how that begins"),
        ("flowengine trace 3f2a9c --format json", "the same facts for a program"),
    ),
)
@click.argument("name", metavar="CALLID")
@click.option("--store", metavar="URL", help="Where it is kept. [default: $FLOWENGINE_STORE]")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How it is told."
)
def trace(name: str, store: str | None, form: str) -> None:
    """Tell a call or conversation from the journal: what came, where it led and why, what was answered.

    CALLID is a call id, or the key of a session (as flowengine dial and start print it) or its first characters.
    Numbers are shown as hashes and what is sensitive as ****. Exit code 0, or 1 where nothing is known of it.
    """
    from flowengine.recorded.reading import NotFound, find, history
    from flowengine.stores.base import StoreDown

    opened = opened_store(store)
    try:
        key = find(opened, name, *applications())
        turns = history(opened, key)
    except NotFound as unknown:
        raise Sentence(str(unknown), PROBLEMS) from None
    except StoreDown as error:
        raise Sentence(f"the store is down: {error}", PROBLEMS) from None
    finally:
        opened.close()
    if not turns:
        raise Sentence(f"nothing has happened yet in the session {key}", PROBLEMS)
    _print(turns, key, form)


def _print(turns: list[Recorded], key: str, form: str) -> None:
    from flowengine.recorded.telling import lines

    paint = paint_for(sys.stdout, os.environ)
    if form == "json":
        whole = {"session": key, "turns": [asdict(each) for each in turns]}
        say(json.dumps(whole, indent=2, ensure_ascii=False), paint)
        return
    for line in lines(turns, key, _sources(), paint):
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
