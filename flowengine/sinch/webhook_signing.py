"""Signatures of the Conversation API's webhooks, which are not those of voice callbacks.

What is signed: the raw body, ``.``, the nonce, ``.`` and the timestamp. The signature is
base64(HMAC-SHA256) under the UTF-8 bytes of the webhook's secret as it was typed. A delivery that is
repeated is not signed again: it comes with the nonce and the time of the first.
"""

from __future__ import annotations

import hmac
import time
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from flowengine.sinch.credentials import PROTECTION, Misconfigured, must_check, protection, unchecked
from flowengine.sinch.signing import raw
from flowengine.units import seconds

SECRET = "CONVERSATION_WEBHOOK_SECRET"
TOKEN = "CONVERSATION_WEBHOOK_TOKEN"
WINDOW = "CONVERSATION_WEBHOOK_WINDOW"

SIGNATURE_HEADER = "x-sinch-webhook-signature"
TIMESTAMP_HEADER = "x-sinch-webhook-signature-timestamp"
NONCE_HEADER = "x-sinch-webhook-signature-nonce"
ALGORITHM_HEADER = "x-sinch-webhook-signature-algorithm"
ALGORITHM = "HmacSHA256"

DAY = 86400.0
AHEAD = 300.0
"""Seconds that a sender's clock may be ahead."""

_MILLISECONDS = 13
_LONGEST_TIMESTAMP = 19

UNSIGNED = "the signature, its nonce or its timestamp is missing"
NOT_OURS = "the signature is of another secret or another body"
OTHER_ALGORITHM = f"the signature is not said to be {ALGORITHM}"
NO_TIME = "the timestamp is not a whole number of seconds"
FUTURE = "the timestamp is more than five minutes ahead of this machine's clock"
PAST = f"the timestamp is older than {WINDOW} allows"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request is authentic, else the ``reason`` in words for the log, without anything out of it.

    ``nonce`` is ``""`` where a bearer token vouched for the request, or nothing did. One that came before is a
    repeated delivery: to be answered 200 and not acted on.
    """

    ok: bool
    nonce: str = ""
    reason: str = ""


class Verifier:
    """Tells authentic webhooks from all others. Several secrets and tokens may be active while they rotate.

    ``window`` is how many seconds old a signature may be, 0: any age. Nonces must be remembered for as long,
    and it must not be shorter than the platform goes on delivering.
    """

    __slots__ = ("_clock", "_secrets", "_tokens", "window")

    def __init__(
        self,
        secrets: Iterable[bytes],
        tokens: Iterable[bytes] = (),
        window: float = DAY,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._secrets = tuple(secrets)
        self._tokens = tuple(tokens)
        if not self._secrets + self._tokens or not all(self._secrets + self._tokens):
            raise ValueError("there must be a secret or a token, and none may be empty")
        self.window = window
        self._clock = clock

    def __repr__(self) -> str:
        return f"Verifier({len(self._secrets)} secrets, {len(self._tokens)} tokens)"

    def check(self, headers: Mapping[str, Any], body: bytes) -> Verdict:
        """Whether a signature or a bearer token vouches for a request. Never raises.

        Names of ``headers`` count in any case; values and ``body`` are as received, each character of a text
        one byte, as WSGI gives them. Of a list of values the first counts.
        """
        verdict = self._signed(headers, body)
        if not verdict.ok and self._tokens and self._bears(_header(headers, "authorization")):
            return Verdict(True)
        return verdict

    def _signed(self, headers: Mapping[str, Any], body: bytes) -> Verdict:
        signed, nonce, stamp = (_header(headers, name) for name in (SIGNATURE_HEADER, NONCE_HEADER, TIMESTAMP_HEADER))
        if not signed or not nonce or not stamp:
            return Verdict(False, reason=UNSIGNED)
        if not _is_known(_header(headers, ALGORITHM_HEADER)):
            return Verdict(False, reason=OTHER_ALGORITHM)
        # A nonce with a brace may be the end of a body that was cut at one of its points.
        if "}" in nonce or not self._is_ours(raw(signed), body, raw(nonce), raw(stamp)):
            return Verdict(False, reason=NOT_OURS)
        if reason := self._untimely(stamp):
            return Verdict(False, reason=reason)
        return Verdict(True, nonce)

    def _is_ours(self, signed: bytes, body: bytes, nonce: bytes, stamp: bytes) -> bool:
        return any(hmac.compare_digest(_sign(secret, body, nonce, stamp), signed) for secret in self._secrets)

    def _untimely(self, stamp: str) -> str:
        if not stamp.isascii() or not stamp.isdigit() or len(stamp) > _LONGEST_TIMESTAMP:
            return NO_TIME
        age = self._clock() - int(stamp) / (1000 if len(stamp) == _MILLISECONDS else 1)
        if age < -AHEAD:
            return FUTURE
        return PAST if self.window and age > self.window else ""

    def _bears(self, header: str) -> bool:
        scheme, _, token = header.partition(" ")
        given = raw(token.strip(" "))
        known = any(hmac.compare_digest(each, given) for each in self._tokens)
        return known and scheme.lower() == "bearer"


def signature(secret: bytes, body: bytes, nonce: str, timestamp: str) -> str:
    """The signature of one webhook, as base64 text. ``timestamp`` is in Unix seconds."""
    return _sign(secret, body, raw(nonce), raw(timestamp)).decode()


def sign(secret: bytes, body: bytes, nonce: str = "", moment: float | None = None) -> dict[str, str]:
    """The headers that sign a webhook: now, and with a new nonce, where nothing else is said."""
    nonce = nonce or token_hex(13).upper()
    timestamp = str(int(time.time() if moment is None else moment))
    return {
        "Content-Type": "application/json",
        SIGNATURE_HEADER: signature(secret, body, nonce, timestamp),
        TIMESTAMP_HEADER: timestamp,
        NONCE_HEADER: nonce,
        ALGORITHM_HEADER: ALGORITHM,
    }


def webhook_secrets(env: Mapping[str, str]) -> tuple[bytes, ...]:
    """The secrets in the environment; the first signs, every one verifies.

    Several stand with commas between them while they rotate. The whole text counts too: a secret is free
    text, and this one may hold a comma.
    """
    whole = env.get(SECRET, "")
    texts = dict.fromkeys([*_values(whole), whole]) if _values(whole) else {}
    return tuple(text.encode("utf-8", "surrogateescape") for text in texts)


def webhook_verifier(env: Mapping[str, str], clock: Callable[[], float] = time.time) -> Verifier | None:
    """What checks webhooks, None where they go unchecked; :class:`Misconfigured` where nothing is set to check by."""
    if not must_check(env):
        return None
    secrets, tokens = webhook_secrets(env), [token.encode("utf-8", "surrogateescape") for token in _tokens(env)]
    if not secrets and not tokens:
        raise Misconfigured(
            f"Webhooks are checked ({PROTECTION}={protection(env)}), but {SECRET} is not set: "
            f"set it to the secret that the app's webhook was created with.{unchecked(env)}"
        )
    return Verifier(secrets, tokens, _window(env), clock)


def _window(env: Mapping[str, str]) -> float:
    text = env.get(WINDOW, "").strip()
    if text == "0":
        return 0.0
    try:
        return seconds(text) if text else DAY
    except ValueError as error:
        raise Misconfigured(f"{WINDOW}: {error}, or 0 for any age.") from None


def _tokens(env: Mapping[str, str]) -> list[str]:
    tokens = _values(env.get(TOKEN, ""))
    if any(" " in token for token in tokens):
        raise Misconfigured(f"{TOKEN} holds a blank, which no token has: give the token without the word Bearer.")
    return tokens


def _values(text: str) -> list[str]:
    return [value.strip() for value in text.split(",") if value.strip()]


def _sign(secret: bytes, body: bytes, nonce: bytes, timestamp: bytes) -> bytes:
    return b2a_base64(hmac.digest(secret, b"%b.%b.%b" % (body, nonce, timestamp), "sha256"), newline=False)


def _header(headers: Mapping[str, Any], name: str) -> str:
    value = headers.get(name)
    if value is None:
        found = (each for key, each in headers.items() if key.__class__ is str and key.lower() == name)
        value = next(found, None)
    if isinstance(value, list | tuple):
        value = value[0] if value else None
    return value.strip(" \t") if isinstance(value, str) else ""


def _is_known(algorithm: str) -> bool:
    return not algorithm or algorithm.lower().replace("-", "") == ALGORITHM.lower()
