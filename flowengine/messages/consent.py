"""Consent words: what always means "no more messages", "messages again" or "help", wherever the flow stands."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal

from flowengine.messages.folding import fold

Consent = Literal["stop", "start", "help", ""]

_STOP = frozenset({"stop", "stopall", "stop all", "unsubscribe", "revoke", "optout", "opt out", "opt-out"})
_STOP_ABROAD = frozenset({"detener", "salir", "parar"})
_STOP_ON_PHONES = frozenset({"end", "cancel", "quit", "cancelar"})
_START = frozenset({"start", "subscribe", "unstop", "volver", "recibir", "voltar", "receber"})
_START_ON_PHONES = frozenset({"yes"})
_HELP = frozenset({"help", "info"})
_ON_PHONES = frozenset({"SMS", "MMS"})
_LIST = re.compile(r" (?:marketing|notification)$")
_OPT_OUT = re.compile(r"optout_(?:all|marketing|notification)(?:_[a-z]{2})?")
_OPT_IN = re.compile(r"optin_(?:all|marketing|notification)(?:_[a-z]{2})?")
LONGEST = 40
"""A longer message says nothing about consent."""


def consent(text: str, channel: str, expected: Collection[str] = (), out: bool = False) -> Consent:
    """What a whole message says about consent; a word inside a sentence says nothing.

    ``expected`` are the folded words that the state, or a trigger, takes as an answer; ``out`` tells whether the
    contact has opted out. Whatever is expected: the STOP words stop, and once out the START words start. END,
    CANCEL, QUIT and CANCELAR stop, and YES starts (once out), on SMS and MMS and only if nobody expects them. HELP
    and INFO, and START words of a contact who is not out, are left to the flow if it expects them.

    >>> consent("Stop.", "WHATSAPP"), consent("please stop", "SMS"), consent("end", "SMS", {"end"})
    ('stop', '', '')
    """
    if len(text) > LONGEST:
        return ""
    folded = fold(text)
    word = _LIST.sub("", folded)
    if _stops(word):
        return "stop"
    if (word in _START or _OPT_IN.fullmatch(folded)) and (out or folded not in expected):
        return "start"
    if folded in expected:
        return ""
    if channel in _ON_PHONES and word in _STOP_ON_PHONES:
        return "stop"
    if channel in _ON_PHONES and out and folded in _START_ON_PHONES:
        return "start"
    return "help" if folded in _HELP else ""


def is_stop_class(word: str) -> bool:
    """Whether this word always stops messages, so that no flow can take it as an answer."""
    return _stops(_LIST.sub("", fold(word)))


def _stops(word: str) -> bool:
    """``word`` is folded, and bare of the list that it names."""
    return word in _STOP or word in _STOP_ABROAD or _OPT_OUT.fullmatch(word) is not None
