"""Blocks leave nothing out: with them and without, the same calls get the same bytes and keep the same."""

from __future__ import annotations

from random import Random
from typing import Any

import orjson
import pytest
from generate import ENTRY, Generated, generate, project_of
from stage import built
from test_random_flows import Line

from flowengine import prompts, turns
from flowengine.build import Built
from flowengine.expressions import compile_text
from flowengine.linking import Linker
from flowengine.problems import errors

WORDY: dict[str, Any] = {
    "flow": "main",
    "channel": "voice",
    "triggers": [{"to": ENTRY}],
    "languages": ["en-US", "es-ES"],
    "variables": {"tier": {"type": "text", "default": "gold"}, "kept": {"type": "text", "default": ""}},
    "on": {"error": "bye", "timeout": "bye", "invalidinput": "bye"},
    "start": "main",
    "states": {
        "main": {
            "menu": {
                "prompt": "Hello {{ tier }}, key {{ menu.value }}.",
                "choices": {"thank": 1, "straight": 2, "tongue": 3, "noted": 4, "tell": 5, "played": 6, "back": 9},
            },
            "on": {
                "thank": {"say": "You pressed {{ menu.value }}.", "to": "thanks"},
                "straight": "more",
                "tongue": "tongue",
                "noted": "noted",
                "tell": [{"when": 'tier == "gold"', "to": "thanks"}, {"else": "more"}],
                "played": "sub",
            },
        },
        "thanks": {"say": "Thank you, {{ call.custom }}.", "next": "more"},
        "more": {
            "do": [{"say": {"en-US": "More.", "es-ES": "Más, {{ tier }}."}}],
            "collect": {"prompt": "Digits, {{ tier }}.", "digits": 2, "into": "kept"},
            "on": {"digits": "main"},
        },
        "tongue": {"menu": {"template": "language"}, "on": {"english": "main", "espanol": "thanks"}},
        "noted": {"do": [{"set": {"tier": "blue"}}, {"say": "Noted."}], "next": "counted"},
        "counted": {
            "menu": {"prompt": "Visit {{ visits.counted }}.", "choices": {"main": 1, "thanks": 2}},
            "on": {"invalidinput": {"retry": 2, "say": "Again.", "then": "bye"}},
        },
        "sub": {"subflow": "other", "on": {"done": "main"}},
        "bye": {"say": "Goodbye.", "next": "end"},
    },
}
OTHER: dict[str, Any] = {
    "flow": "other",
    "channel": "voice",
    "start": "ask",
    "states": {
        "ask": {
            "menu": {"prompt": "Inside.", "choices": {"deeper": 1, "out": 2}},
            "on": {"out": "end", "timeout": "end", "invalidinput": "end"},
        },
        "deeper": {"say": "Deeper.", "next": "ask"},
    },
}


MEASURED = {"ms": 0, "recorded": []}
"""What a turn writes down of its own speed."""


def told(found: Built, seed: int, use_blocks: bool, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], int]:
    """Everything one call came to, and how many of its turns met a block."""
    chance = Random(seed)
    monkeypatch.setattr(turns, "random", lambda: 0.3)
    line = Line(found, False, chance.choice)
    line.library.use_blocks = use_blocks
    heard: list[Any] = []
    line.start()
    for _ in range(25):
        _choose(line)
        heard.append(line.last)
    rows = [(row, orjson.loads(row.body) | MEASURED) for row in line.store.journal(line.key)]
    kept = [row._replace(at=0, body=b"") for row, _ in rows], [body for _, body in rows]
    return [heard, kept, line.store.load(line.key)], sum(each is not None for each in line.library.blocks.values())


def _choose(line: Line) -> None:
    """Mostly a key that is taken: what else may happen is played elsewhere at length."""
    session = line.session()
    node = line.library.programs[session.flow].states.get(session.place) if session is not None else None
    if node is not None and node.waits_as == "menu" and line.draw((True, True, True, False)):
        line._choose()
    else:
        line.step()


def held(project: Generated, seeds: range, monkeypatch: pytest.MonkeyPatch) -> int:
    found = built(project)
    if errors(found.problems) or project.outbound:
        return 0
    met = 0
    for seed in seeds:
        walked, none = told(found, seed, False, monkeypatch)
        played, blocks = told(found, seed, True, monkeypatch)
        assert played == walked, seed
        assert none == 0
        met += blocks
    return met


def test_a_wordy_flow_is_the_same_with_blocks_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    project = project_of([WORDY, OTHER])
    assert not errors(built(project).problems)
    assert held(project, range(40), monkeypatch) > 40


def test_random_flows_are_the_same_with_blocks_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sum(held(generate(Random(seed)), range(2), monkeypatch) for seed in range(60)) > 2


TEMPLATES = ("Hello {{ who }}, it is {{ day }}.", "{{ who }}", "{{who}} & {{ day }}?", "a {{ who }}")
VALUES = ("Anna", "", " Anna  B ", "a;b]", "#tts[x]", "ä\n", "\ue000", "%s", "x" * 700, 7, 1.5, True, None)


@pytest.mark.parametrize("source", TEMPLATES)
@pytest.mark.parametrize("value", VALUES)
def test_words_are_spoken_as_the_template_has_them(source: str, value: Any) -> None:
    spoken = Linker({"languages": ["en-US"]}).value({"$p": {"": [["say", {"$t": source}]]}})
    assert spoken.lone
    scope = {"who": value, "day": "Monday"}
    texts = prompts.split(prompts.plain(compile_text(source).render(scope)))
    assert spoken.string("en-US", scope) == ";".join(f"#tts[{text}]" for text in texts)
    told = [orjson.loads(each.body) for each in spoken.instructions("en-US", scope)]
    assert told == [{"name": "say", "text": text, "locale": "en-US"} for text in texts]
