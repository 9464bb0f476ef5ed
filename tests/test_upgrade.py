"""Which flows are in use, and who stands in what new ones change."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from test_revisions import CHAT, FUNCTIONS, VOICE, Deployment

from flowengine.build import build
from flowengine.cli import main
from flowengine.standing import is_served
from flowengine.stores.base import Revision
from flowengine.upgrading import differences


class Deployed(Deployment):
    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder}/flows.db"

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--store", self.url])

    def new(self, **replaced: str) -> str:
        """A folder with the flows that ``process("alpha")`` serves, and in them what was replaced."""
        folder = self.folder / f"new{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        for file, text in {"desk.yaml": VOICE, "visit.yaml": CHAT}.items():
            text = text.replace("FIRST", "This is alpha.").replace("NAME", "alpha")
            for before, after in replaced.items():
                assert len(before) > 1
                text = text.replace(before, after)
            (folder / file).write_text(text)
        (folder / "functions.py").write_text(FUNCTIONS.replace("PRICE", "1"))
        return str(folder)


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Deployed]:
    found = Deployed(tmp_path, f"sqlite:///{tmp_path}/flows.db")
    yield found
    found.store.close()


def replaced(deployed: Deployed, file: str, before: str, after: str) -> str:
    folder = deployed.new()
    path = Path(folder) / file
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    assert build([folder]).artefact is not None
    return folder


# --- revisions -------------------------------------------------------------------------------------------


def test_revisions_are_listed_with_who_runs_on_them(deployed: Deployed) -> None:
    first = deployed.process("alpha")
    for number in range(3):
        deployed.call = f"c{number}"
        deployed.ring(first)
    deployed.post(first, "dice", result="ANSWERED", reason="CALLERHANGUP", duration=1)
    deployed.write(first, "visit")
    second = deployed.process("beta")
    told = deployed.run("revisions", "--verbose")
    assert told.exit_code == 0
    lines = [each.split() for each in told.stdout.splitlines()]
    assert lines[0] == ["revision", "served", "last", "kept", "sessions", "live"]
    assert lines[1][0] == second.library.revision and lines[1][-2:] == ["0", "0"]
    assert lines[2][0] == first.library.revision and lines[2][-2:] == ["4", "3"]
    assert lines[3:] == [["desk:", "main", "2"], ["visit:", "ask", "1"]]
    assert "desk:" not in deployed.run("revisions").stdout
    whole = json.loads(deployed.run("revisions", "--verbose", "--format", "json").stdout)["revisions"]
    assert [(each["revision"], each["sessions"], each["live"]) for each in whole] == [
        (second.library.revision, 0, 0),
        (first.library.revision, 4, 3),
    ]
    assert whole[1]["states"][1] == {"flow": "visit", "state": "ask", "sessions": 1}
    assert whole[0]["kept"].endswith("+00:00")


def test_what_is_served_is_what_somebody_says_is() -> None:
    def revision(kept: float) -> Revision:
        return Revision("a", kept, 0, 0)

    assert is_served(revision(950.0), 950.0, 1000.0) == "now"
    assert is_served(revision(940.0), 950.0, 1000.0) == "now", "during an exchange both are"
    assert is_served(revision(500.0), 500.0, 1000.0) == "last"
    assert is_served(revision(400.0), 500.0, 1000.0) == "no"
    assert is_served(revision(0.0), 0.0, 1000.0) == "no"


def test_a_store_that_is_empty_or_not_there(deployed: Deployed) -> None:
    told = deployed.run("revisions")
    assert told.exit_code == 0 and "nothing was ever served" in told.stdout
    told = CliRunner().invoke(main, ["revisions", "--store", f"sqlite:///{deployed.folder}/none.db"])
    assert told.exit_code == 1 and "there is no store" in told.stderr
    assert not (deployed.folder / "none.db").exists()


# --- check-upgrade ---------------------------------------------------------------------------------------


def test_nobody_is_concerned_by_what_they_do_not_stand_in(deployed: Deployed) -> None:
    before = deployed.process("alpha")
    deployed.ring(before)
    deployed.write(before, "visit")
    told = deployed.run("check-upgrade", replaced(deployed, "desk.yaml", "Goodbye.", "So long."))
    assert told.exit_code == 0, told.output
    assert f"revision {before.library.revision}: 2 live sessions\n  none stands in what changed\n" in told.stdout
    stays = f"  2 sessions stay on {before.library.revision} until they end; the oldest began 2026-11-18 "
    assert stays in told.stdout


def test_those_who_are_concerned_are_counted_by_place(deployed: Deployed) -> None:
    before = deployed.process("alpha")
    for number in range(2):
        deployed.call = f"c{number}"
        deployed.ring(before)
    deployed.write(before, "visit")
    folder = replaced(deployed, "desk.yaml", "choices: { alpha: 1 }", "choices: { alpha: 2 }")
    (Path(folder) / "visit.yaml").unlink()
    told = deployed.run("check-upgrade", folder)
    assert told.exit_code == 1
    assert '  desk: main  2 sessions: the choice "alpha" was key 1 and is key 2\n' in told.stdout
    assert "  visit: ask  1 session: the flow is gone\n" in told.stdout
    assert "3 sessions in what changed. They are safe as long as the store keeps their flows." in told.stdout
    whole = json.loads(deployed.run("check-upgrade", folder, "--format", "json").stdout)
    assert whole["revision"] == build([folder]).revision and whole["live"] == 0
    assert whole["older"][0]["affected"][1] == {
        "flow": "visit",
        "state": "ask",
        "changes": ["the flow is gone"],
        "sessions": 1,
    }


def test_those_whose_flows_the_store_lost_go_on_with_what_is_served(deployed: Deployed) -> None:
    before = deployed.process("alpha")
    deployed.ring(before)
    with sqlite3.connect(deployed.folder / "flows.db") as database:
        database.execute("DELETE FROM artefacts")
    told = deployed.run("check-upgrade", replaced(deployed, "desk.yaml", "Goodbye.", "So long."))
    assert told.exit_code == 0
    assert "the store has no flows of this revision that can be read: it goes on with what is served" in told.stdout


def test_the_flows_that_are_served_concern_nobody(deployed: Deployed) -> None:
    before = deployed.process("alpha")
    deployed.ring(before)
    told = deployed.run("check-upgrade", str(deployed.folder / "alpha1"))
    assert told.exit_code == 0
    assert "1 live session runs on it already." in told.stdout
    deployed.post(before, "dice", result="ANSWERED", reason="CALLERHANGUP", duration=1)
    assert "no session is live." in deployed.run("check-upgrade", str(deployed.folder / "alpha1")).stdout


@pytest.mark.parametrize(("text", "told"), [("flow: [", "have 1 error"), (None, "there are no flows")])
def test_new_flows_that_cannot_be_served(deployed: Deployed, text: str | None, told: str) -> None:
    deployed.process("alpha")
    folder = deployed.folder / "bad"
    folder.mkdir()
    if text is not None:
        (folder / "x.yaml").write_text(text)
    done = deployed.run("check-upgrade", str(folder))
    assert done.exit_code == 2 and told in done.stderr


def image(**more: Any) -> Mapping[str, Any]:
    state = {"kind": "menu", "op": {"choices": {"a": "1", "b": "2"}}}
    return {"channel": "voice", "inputs": {}, "variables": {"v": {"type": "text"}}, "states": {"s": state}, **more}


@pytest.mark.parametrize(
    ("new", "told"),
    [
        (image(), []),
        (None, ["the flow is gone"]),
        (image(channel="message"), ["the flow was made of calls and is made of messages"]),
        (image(states={}), ["the state is gone"]),
        (image(states={"s": {"kind": "collect"}}), ["the state was a menu and is a collect"]),
        (image(states={"s": {}}), ["the state was a menu and is one without a kind"]),
        (image(states={"s": {"kind": "menu", "op": {"choices": {}}}}), ['the choices "a" and "b" are gone']),
        (image(states={"s": {"kind": "menu", "op": {"choices": {"a": "1", "b": "2", "c": "3"}}}}), []),
        (
            image(states={"s": {"kind": "menu", "op": {"choices": {"b": "1"}}}}),
            ['the choice "a" is gone', 'the choice "b" was key 2 and is key 1'],
        ),
        (image(variables={}), ['the variable "v", which has a value, is no longer declared']),
        (image(variables={"v": {"type": "number"}}), ['the variable "v" was text and is number']),
        (image(variables={}, inputs={"v": {"type": "text"}}), []),
    ],
)
def test_what_is_told_to_be_other(new: Mapping[str, Any] | None, told: list[str]) -> None:
    assert list(differences(image(), new, "s", {"v": "x"})) == told


def test_choices_of_a_question_have_no_keys() -> None:
    def ask(*values: str) -> Mapping[str, Any]:
        choices = [{"value": each, "label": {}} for each in values]
        return image(channel="message", states={"s": {"kind": "ask", "op": {"choices": choices}}})

    assert list(differences(ask("a", "b"), ask("b", "c"), "s", {})) == ['the choice "a" is gone']
    assert list(differences(ask("a"), ask("a"), "", {})) == []


PLAYED = """
flow: outer
channel: voice
triggers: [ { to: "+12025550109" } ]
start: play
states:
  play: { subflow: { flow: inner }, on: { done: bye } }
  bye: { say: Goodbye., next: end }
"""
INNER = """
flow: inner
channel: voice
outcomes: [done]
start: ask
states:
  ask:
    menu: { prompt: One?, choices: { one: 1 } }
    on: { timeout: one, invalidinput: one }
  one: { return: done }
"""


def test_a_flow_that_plays_the_one_where_they_stand_counts_too(deployed: Deployed) -> None:
    from flowengine.engine.library import open_library
    from flowengine.service import Service
    from flowengine.shelf import Shelf

    def written(name: str, outer: str) -> str:
        folder = deployed.folder / name
        folder.mkdir()
        (folder / "outer.yaml").write_text(outer)
        (folder / "inner.yaml").write_text(INNER)
        return str(folder)

    from flowengine.build import write_artefact

    old = build([written("old", PLAYED)])
    assert old.artefact is not None, old.problems
    library = open_library(old.artefact, old.revision, {}, b"key")
    service = Service(library, deployed.store, None, {}, None, clock=lambda: deployed.now)  # type: ignore[arg-type]
    shelf = Shelf(deployed.store, {}, b"key", lambda _: None, (old.revision, write_artefact(old)))  # type: ignore[arg-type,return-value]
    shelf.keep(deployed.now)
    deployed.post(service, "ice", cli="+12025550142", to={"type": "did", "endpoint": "+12025550109"})
    assert (deployed.session().flow, deployed.session().place) == ("inner", "ask")
    told = deployed.run("check-upgrade", written("next", PLAYED.replace("play", "begin")))
    assert told.exit_code == 1
    assert "  outer: play  1 session: the state is gone\n" in told.stdout
