from __future__ import annotations

import pytest
from chats import told

RULE = "missing-wording"
FLOW = """\
    languages: [en, es]
    channels: [WHATSAPP, SMS]
    triggers: [ { keywords: [book] } ]
    session: { expires: 1d }
    start: a
    states:
      a: { STATE }
      b: { say: Bye., next: end }
    """


def wording(state: str) -> list[str]:
    return told(RULE, FLOW.replace("STATE", state))


@pytest.mark.parametrize(
    "state",
    [
        "say: { en: Hello. }, next: b",
        "ask: { prompt: Well?, choices: { b: { label: { en: Go } } } }, on: { else: b }",
        "ask: { prompt: Well?, choices: { b: Go }, remind: [ { after: 1h, say: { en: Hello? } } ] }, on: { else: b }",
        "send: { card: { title: { en: A table }, choices: { b: Go } } }, next: b",
        "send: { text: Hm?, choices: { b: { label: B, url: https://example.com, description: { en: X } } } }, next: b",
    ],
    ids=["say", "label", "reminder", "card", "description"],
)
def test_a_language_is_missing_wherever_words_stand(state: str) -> None:
    assert wording(state) == ["9: this prompt has no words in es"]


@pytest.mark.parametrize(
    ("words", "messages"),
    [
        ("{ SMS: Hi., else: Hello. }", []),
        ("{ SMS: Hi., WHATSAPP: Hello. }", []),
        ("{ SMS: Hi. }", ["9: this prompt has no words for WHATSAPP"]),
        ("{ en: { SMS: Hi. }, es: Hola. }", ["9: this prompt has no words for WHATSAPP in en"]),
        ("{ en: { SMS: Hi., else: Hello. }, es: Hola. }", []),
    ],
)
def test_words_by_channel(words: str, messages: list[str]) -> None:
    assert wording(f"say: {words}, next: b") == messages
