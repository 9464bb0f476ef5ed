"""A voicemail as a caller meets it: which keys end the message."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowengine.build import build, read_artefact, write_artefact
from flowengine.engine.library import open_library
from flowengine.scenarios.model import NOW
from flowengine.stage import Stage, Theatre, World

BOX = """
flow: box
channel: voice
triggers: [ { to: "+12025550100" } ]
recordings: { to: "s3://acme-calls/x.mp3", credentials: "{{ secret.RECORDINGS }}" }
start: leave
states:
  leave:
    say: Leave a message.
    voicemail: { tone: { play: beep.wav }, max: MAX, keys: "#" }
    on: { recorded: thanks }
  thanks: { say: Thank you., next: end }
"""


def caller(folder: Path, longest: str) -> Stage:
    (folder / "box.yaml").write_text(BOX.replace("MAX", longest))
    built = build([str(folder)])
    assert built.artefact is not None, built.problems
    artefact, revision = read_artefact(write_artefact(built))
    stage = Theatre(open_library(artefact, revision, {}, b"key")).stage("box", World(NOW))
    stage.dial("", "+12025550150", "", None)
    return stage


def thanked(stage: Stage) -> bool:
    return any(each.text == "Thank you." for each in stage.seen)


@pytest.mark.parametrize(("longest", "others"), [("30s", 1), ("60s", 2), ("2m", 4)])
def test_each_other_key_takes_a_part_off_the_time_and_the_last_ends(tmp_path: Path, longest: str, others: int) -> None:
    stage = caller(tmp_path, longest)
    for _ in range(others - 1):
        stage.phone.press("0")
        assert not thanked(stage)
    stage.phone.press("0")
    assert thanked(stage)


def test_the_key_that_ends_it_ends_it_at_once(tmp_path: Path) -> None:
    stage = caller(tmp_path, "2m")
    stage.phone.press("#")
    assert thanked(stage)
