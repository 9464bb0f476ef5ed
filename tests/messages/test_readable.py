"""What is read of a message on the wire, and what can be tapped."""

from __future__ import annotations

from typing import Any

import pytest

from flowengine.messages.channels import CHANNELS
from flowengine.messages.compose import compose, compose_for
from flowengine.messages.readable import Button, buttons, kind_of, texts

CARD = {"title": "Pasta", "description": "Basil", "media": "https://x.example/p.jpg"}
CONTENTS: dict[str, dict[str, Any]] = {
    "text": {"text": "Pasta"},
    "choice": {"text": "Pasta", "options": [{"value": "y", "label": "Yes"}, {"value": "n", "label": "No"}]},
    "card": {"card": {**CARD, "choices": [{"value": "y", "label": "Yes"}]}},
    "carousel": {"carousel": {"cards": [CARD, {"title": "Soup"}], "choices": [{"value": "y", "label": "Yes"}]}},
    "list": {
        "list": {
            "title": "Pasta",
            "sections": [{"title": "Warm", "items": [{"value": "y", "label": "Yes", "description": "with cheese"}]}],
        }
    },
    "media": {"media": {"url": "https://x.example/Pasta.jpg"}},
    "location": {"location": {"title": "Pasta", "label": "Main St 1", "latitude": 1.0, "longitude": 2.0}},
    "contact": {"contact": {"name": "Pasta", "phone": "+12025550100", "email": "a@b.example"}},
    "template": {"template": {"name": "Pasta", "language": "en", "body": ["Anna"], "buttons": ["y"]}},
    "explicit": {"explicit": {"WHATSAPP": {"type": "Pasta"}, "SMS": {"type": "Pasta"}}},
}


def sendable() -> list[tuple[str, str]]:
    """Every kind on every channel; another channel's own form is sent nowhere else."""
    found = [(kind, channel) for kind in CONTENTS for channel in CHANNELS]
    return [(kind, channel) for kind, channel in found if kind != "explicit" or channel in CONTENTS[kind]["explicit"]]


@pytest.mark.parametrize(("kind", "channel"), sendable())
def test_whatever_is_sent_is_read(kind: str, channel: str) -> None:
    message = compose(CONTENTS[kind], channel, "t1")
    assert "Pasta" in " ".join(texts(message, channel))


@pytest.mark.parametrize(
    ("kind", "words", "labels"),
    [
        ("choice", ["Pasta"], [("Yes", "y"), ("No", "n")]),
        ("card", ["Pasta", "Basil", "https://x.example/p.jpg"], [("Yes", "y")]),
        ("list", ["Pasta", "Warm", "with cheese"], [("Yes", "y")]),
        ("location", ["Pasta", "Main St 1"], []),
        ("contact", ["Pasta", "+12025550100", "a@b.example"], []),
        ("template", ["[Pasta en] Anna"], [("y", "y")]),
        ("explicit", ['{"type": "Pasta"}'], []),
    ],
)
def test_everything_that_can_be_read_and_tapped(kind: str, words: list[str], labels: list[tuple[str, str]]) -> None:
    message = compose(CONTENTS[kind], "WHATSAPP", "t1")
    assert list(texts(message, "WHATSAPP")) == words
    assert [(each.label, each.value) for each in buttons(message, "WHATSAPP")] == labels
    assert kind_of(message) in (kind, "contact_info", "explicit_channel")


def test_buttons_of_a_carousel_stand_below_its_cards() -> None:
    message = compose(CONTENTS["carousel"], "RCS", "t1")
    assert list(texts(message)) == ["Pasta", "Basil", "https://x.example/p.jpg", "Soup"]
    assert buttons(message) == [Button("Yes", "y#t1")]


@pytest.mark.parametrize("kind", ["choice", "template"])
def test_each_channel_reads_its_own_form(kind: str) -> None:
    content = {**CONTENTS[kind], "text": "Pasta?"}
    message = compose_for(content, ["WHATSAPP", "SMS"], "t1")
    assert next(texts(message, "SMS")).startswith("Pasta?") and not buttons(message, "SMS")
    assert buttons(message, "WHATSAPP")[0].value == "y"


def test_buttons_that_open_are_told_from_those_that_answer() -> None:
    options = [
        {"value": "p", "label": "Page", "kind": "url", "url": "https://x.example"},
        {"value": "w", "label": "Where", "kind": "share_location"},
        {"value": "y", "label": "Yes"},
    ]
    found = buttons(compose({"text": "Hi", "options": options}, "RCS", "t1"))
    assert [(each.label, each.opens, each.asks_place) for each in found] == [
        ("Page", True, False),
        ("Where", False, True),
        ("Yes", False, False),
    ]


def test_a_value_with_the_sign_of_a_tag_is_whole() -> None:
    assert [Button("A", "a#b#t1").value, Button("A", "a").value] == ["a#b", "a"]
