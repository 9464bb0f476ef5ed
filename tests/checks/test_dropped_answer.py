"""Answers that nobody keeps: menus."""

from __future__ import annotations

import pytest
from telling import messages

MENU = """
start: ask
languages: [en-US, es-ES]
variables: { kept: { type: text, default: none } }
states:
  ask: { menu: { %s }, on: { %s } }
  thanks: { say: Thank you., next: end }
  good: { say: Good., next: end }
"""
KEYS = "prompt: Press 1 or 2., choices: { good: 1, bad: 2 }"
ALL = "else: thanks"


@pytest.mark.parametrize(
    ("menu", "on"),
    [
        (KEYS, "else: thanks"),  # good goes to the state of its name
        (f"{KEYS}, into: kept", ALL),
        (KEYS.replace("good", "fine"), "fine: { set: { kept: fine }, to: thanks }, else: thanks"),
        ("template: language", ALL),
        ("prompt: Press 1., choices: { fine: 1 }", ALL),
    ],
)
def test_choices_that_matter(menu: str, on: str) -> None:
    assert messages("dropped-answer", MENU % (menu, on)) == []


def test_a_choice_that_changes_nothing() -> None:
    told = messages("dropped-answer", MENU % (KEYS.replace("good", "fine"), ALL))
    assert told == ["whatever is chosen leads to the same place, and the choice is forgotten"]
