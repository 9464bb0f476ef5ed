"""Consent words, by channel and by what is expected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowengine.messages.channels import CHANNELS
from flowengine.messages.consent import consent, is_stop_class

ALWAYS = ["STOP", "STOPALL", "UNSUBSCRIBE", "REVOKE", "OPTOUT", "DETENER", "SALIR", "PARAR", "OptOut_All_EN"]
ON_PHONES = ["END", "CANCEL", "QUIT", "CANCELAR"]
START = ["START", "SUBSCRIBE", "UNSTOP", "VOLVER", "RECIBIR", "VOLTAR", "RECEBER", "OptIn_All_EN"]


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("word", [*ALWAYS, "STOP MARKETING", "parar notification", " stop ", "Stop.", "“STOP”"])
def test_stop_words_stop_everywhere_and_whatever_is_expected(word: str, channel: str) -> None:
    assert consent(word, channel) == "stop"
    assert consent(word, channel, {word.casefold().strip(' .“”"'), "stop"}) == "stop"
    assert is_stop_class(word)


@pytest.mark.parametrize("text", ["please stop", "STOP it", "don't stop", "stop?stop", "nonstop", "stop " * 50, ""])
def test_a_word_in_a_sentence_says_nothing(text: str) -> None:
    assert consent(text, "SMS") == ""
    assert not is_stop_class(text)


@pytest.mark.parametrize("word", ON_PHONES)
def test_weaker_words_stop_on_phones_unless_expected(word: str) -> None:
    assert consent(word, "SMS") == consent(word.lower(), "MMS") == "stop"
    assert consent(word, "WHATSAPP") == ""
    assert consent(word, "SMS", {word.lower()}) == ""
    assert not is_stop_class(word)


@pytest.mark.parametrize("word", START)
def test_start_words(word: str) -> None:
    assert consent(word, "WHATSAPP") == consent(word, "SMS", out=True) == "start"
    assert consent(word, "SMS", {word.lower()}) == ""
    assert consent(word, "SMS", {word.lower()}, out=True) == "start"


def test_yes_starts_only_who_has_stopped() -> None:
    assert consent("Yes", "SMS") == ""
    assert consent("Yes", "SMS", out=True) == "start"
    assert consent("Yes", "SMS", {"yes"}, out=True) == ""
    assert consent("Yes", "WHATSAPP", out=True) == ""


def test_help() -> None:
    assert consent("HELP", "SMS") == consent("info", "RCS") == "help"
    assert consent("HELP", "SMS", {"help"}) == ""


@given(st.text(), st.sampled_from([*CHANNELS, ""]))
def test_takes_anything(text: str, channel: str) -> None:
    assert consent(text, channel) in ("stop", "start", "help", "")
