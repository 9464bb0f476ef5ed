"""Access tokens of the project: OAuth2 client credentials, asked for once and shared until shortly before they end."""

from __future__ import annotations

import os
import re
import threading
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from flowengine.sinch.transport import NoReply, Reply, Transport, object_of

AUTH_HOST = "https://auth.sinch.com"
TOKEN_PATH = "/oauth2/token"
EARLY = 60.0
"""Seconds before its end that a token is asked for anew."""
UNSTATED = 600.0
PAUSE = 1.0
"""Seconds that the token endpoint is left alone after it refused: it allows ten requests a second."""
_BODY = b"grant_type=client_credentials"
_TOKEN = re.compile(r"[!-~]{1,16384}")


class TokenError(Exception):
    """No token: HTTP ``status``, 0 where there was no answer, why in a ``sentence``, and seconds to wait if told.

    Nothing was sent with it, so what needed it may be tried again. No part of it holds a key or a secret.
    """

    def __init__(self, status: int, sentence: str, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Grant:
    """A token and how many seconds it is good for."""

    token: str = field(repr=False)
    seconds: float


Ask = Callable[[float], Grant]
"""Seconds it may take → a grant; raises :class:`TokenError`."""


class Tokens:
    """The token of one key: whoever needs it first asks, all others wait for that answer.

    ``clock`` gives seconds that never go back. May be made before a fork and used by several threads.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._until = 0.0
        self._refused: TokenError | None = None
        self._flight: Future[str | TokenError] | None = None
        self._pid = 0

    def __repr__(self) -> str:
        return "Tokens()"

    def get(self, ask: Ask, seconds: float) -> str:
        """A token that is good now; :class:`TokenError` if there is none in ``seconds``."""
        with self._lock:
            if self._clock() < self._until:
                return self._known()
            flight = self._flight
            first = flight is None or self._pid != os.getpid()
            if flight is None or first:
                flight = self._flight = Future()
                self._pid = os.getpid()
        if first:
            self._fly(flight, ask, seconds)
        try:
            landed = flight.result(max(seconds, 0.0))
        except Late:
            raise TokenError(0, "No access token came in time.") from None
        return _token_or_raise(landed)

    def drop(self, token: str) -> None:
        """Forget ``token``, which was refused, unless another has taken its place."""
        with self._lock:
            if token and token == self._token:
                self._token, self._until = "", 0.0

    def _known(self) -> str:
        return _token_or_raise(self._refused or self._token)

    def _fly(self, flight: Future[str | TokenError], ask: Ask, seconds: float) -> None:
        landed: str | TokenError = TokenError(0, "The request for an access token failed.")
        try:
            grant = ask(seconds)
            landed = grant.token
            self._land(grant.token, None, grant.seconds - min(EARLY, grant.seconds / 2))
        except TokenError as error:
            landed = error
            if error.status:
                self._land("", error, PAUSE if error.retry_after is None else error.retry_after)
        finally:
            with self._lock:
                self._flight = None
            flight.set_result(landed)

    def _land(self, token: str, refused: TokenError | None, seconds: float) -> None:
        with self._lock:
            self._token, self._refused, self._until = token, refused, self._clock() + seconds


def _token_or_raise(landed: str | TokenError) -> str:
    if isinstance(landed, TokenError):
        # A new one: several threads may raise it at once, and each writes its own traceback into it.
        raise TokenError(landed.status, landed.sentence, landed.retry_after)
    return landed


_SHARED: dict[tuple[str, str], Tokens] = {}
_SHARING = threading.Lock()


def tokens_for(url: str, key_id: str) -> Tokens:
    """The one cache of this process for a key at a token endpoint."""
    with _SHARING:
        return _SHARED.setdefault((url, key_id), Tokens())


def forget_tokens(base_url: str) -> None:
    """Tokens of an endpoint that is another one now, though its address is the same."""
    with _SHARING:
        for key in [key for key in _SHARED if key[0].startswith(f"{base_url}/")]:
            del _SHARED[key]


def basic(key_id: str, secret: str) -> str:
    """The Authorization header of HTTP Basic."""
    return "Basic " + b64encode(f"{key_id}:{secret}".encode()).decode()


def request_token(transport: Transport, url: str, key_id: str, secret: str, seconds: float) -> Grant:
    """Ask the endpoint for a token; :class:`TokenError`."""
    headers = {"Authorization": basic(key_id, secret), "Content-Type": "application/x-www-form-urlencoded"}
    try:
        reply = transport.exchange("POST", url, headers, _BODY, seconds)
    except NoReply as error:
        raise TokenError(0, _unheard(error)) from None
    if reply.status != 200:
        raise TokenError(reply.status, _refusal(reply.status), _wait(reply))
    return _grant(reply)


def _grant(reply: Reply) -> Grant:
    found = object_of(reply.body)
    token = found.get("access_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise TokenError(
            reply.status, "The token endpoint answered without an access token; check FLOWENGINE_AUTH_URL."
        )
    seconds: Any = found.get("expires_in")
    good = isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds < 1e9
    return Grant(token, float(seconds) if good else UNSTATED)


def _unheard(error: NoReply) -> str:
    if error.late:
        return "The token endpoint did not answer in time."
    return "The token endpoint cannot be reached, or broke the connection."


def _refusal(status: int) -> str:
    if status in (400, 401, 403):
        why = "check PROJECT_ID_API_KEY and PROJECT_ID_API_SECRET"
    elif status == 429:
        why = "it was asked too often"
    elif status >= 500:
        why = "it is unavailable for the moment"
    else:
        why = "check FLOWENGINE_AUTH_URL"
    return f"The token endpoint answered {status}: {why}."


def _wait(reply: Reply) -> float | None:
    text = reply.headers.get("retry-after", "").strip()
    return min(float(text), 60.0) if text.isascii() and text.isdigit() and len(text) < 9 else None
