"""The Conversation API, as far as flows send: a message, or an event such as typing.

A 200 means queued, not sent: what the channel says comes later in receipts. There is no idempotency key, so a send
whose outcome is unknown is told apart from one that never left (:class:`Ambiguous`, :class:`Unsent`).
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Any, Literal

import orjson

from flowengine.sinch.credentials import Misconfigured, ProjectKeys
from flowengine.sinch.oauth import (
    AUTH_HOST,
    TOKEN_PATH,
    Grant,
    TokenError,
    Tokens,
    basic,
    request_token,
    tokens_for,
)
from flowengine.sinch.transport import NoReply, Reply, Transport, is_base, object_of

BASE_URL = "FLOWENGINE_CONVERSATION_URL"
AUTH_URL = "FLOWENGINE_AUTH_URL"
TIMEOUT = 10.0
"""Seconds for one send: the token, the request and its repetition after a 401 together."""
DAY = 86400.0
JITTER = 0.25
LONGEST_PAUSE = 600.0

_CODE = re.compile(r"[A-Z][A-Z_]{1,63}")
_FIELD = re.compile(r"[a-z_]{1,64}(\[[0-9]{1,3}\])?(\.[A-Za-z_]{1,64}(\[[0-9]{1,3}\])?){0,12}", re.A)
_WHY = {
    400: "the request is not valid",
    401: "the access token is not accepted; check PROJECT_ID_API_KEY and PROJECT_ID_API_SECRET",
    402: "the account has not enough credit",
    403: "the project may not do this",
    404: "there is no such app or project here; check CONVERSATION_APP_ID, PROJECT_ID and CONVERSATION_REGION",
    413: "the message is too large",
    429: "too many requests",
    501: "it knows no such request; check FLOWENGINE_CONVERSATION_URL",
}


class SendError(Exception):
    """A send failed: HTTP ``status``, 0 without an answer; why in a ``sentence``; the API's ``code`` such as
    ``INVALID_ARGUMENT``, or nothing; ``retry_after`` seconds if it said so.

    Always one of the classes below. No part of it holds a number, a message's text or a secret.
    """

    def __init__(self, status: int, sentence: str, code: str = "", retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.code = code
        self.retry_after = retry_after


class Permanent(SendError):
    """Trying again cannot help: a refused request, key, address or account."""


class Limited(SendError):
    """Not taken because there were too many; ``retry_after``, if any, already has its random part added."""


class Unsent(SendError):
    """The message never left this machine, so it may be sent again at once."""


class Ambiguous(SendError):
    """It may have been accepted: another try may be a second message. A receipt with its metadata settles it."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What was accepted: its id, and when (ISO 8601 as the API wrote it, or empty)."""

    message_id: str
    accepted_time: str


class ConversationClient:
    """Sends for one app: no redirects, no proxy out of the environment, one repetition only, after a 401.

    ``base_url`` is that of the region unless given, ``timeout`` is seconds for all of a send. ``now`` gives the
    Unix time that dates of Retry-After are measured by. May be made before a fork and used by several threads.
    """

    def __init__(
        self,
        keys: ProjectKeys,
        base_url: str | None = None,
        auth_url: str | None = None,
        timeout: float = TIMEOUT,
        tokens: Tokens | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.app = keys.app
        self.base_url = _base(BASE_URL, base_url or keys.host)
        self._token_url = _base(AUTH_URL, auth_url or AUTH_HOST) + TOKEN_PATH
        self._keys = keys
        self._timeout = timeout
        self._tokens = tokens or tokens_for(self._token_url, keys.key_id)
        self._now = now
        self._transport = Transport()

    @classmethod
    def from_env(cls, env: Mapping[str, str], timeout: float = TIMEOUT) -> ConversationClient | None:
        """None where CONVERSATION_APP_ID is not set; Misconfigured, naming the variable, for what cannot work.

        FLOWENGINE_CONVERSATION_URL and FLOWENGINE_AUTH_URL take the place of Sinch's addresses.
        """
        keys = ProjectKeys.from_env(env)
        if keys is None:
            return None
        return cls(keys, env.get(BASE_URL, "").strip() or None, env.get(AUTH_URL, "").strip() or None, timeout)

    def __repr__(self) -> str:
        return f"ConversationClient({self.base_url!r})"

    def send(self, body: Mapping[str, Any]) -> Sent:
        """Send a message; ``body`` is that of ``messages:send``, whose ``app_id`` may be left out."""
        return self._send("messages:send", "message_id", body)

    def send_event(self, body: Mapping[str, Any]) -> Sent:
        """Send an event such as typing, whose id is in ``message_id``. Not every channel has every event."""
        return self._send("events:send", "event_id", body)

    def close(self) -> None:
        """Give connections back; usable again afterwards."""
        self._transport.close()

    def _send(self, call: Literal["messages:send", "events:send"], name: str, body: Mapping[str, Any]) -> Sent:
        url = f"{self.base_url}/v1/projects/{self._keys.project}/{call}"
        try:
            content = orjson.dumps({"app_id": self.app, **body})
        except orjson.JSONEncodeError:
            raise Permanent(0, "The message cannot be written as JSON, so nothing was sent.") from None
        reply = self._authorised(url, content, monotonic() + self._timeout)
        if not 200 <= reply.status < 300:
            raise refusal(reply, self._now())
        found = object_of(reply.body)
        sent = found.get(name)
        if not isinstance(sent, str) or not sent:
            raise Ambiguous(reply.status, "The Conversation API took the message but did not say its id.")
        accepted = found.get("accepted_time")
        return Sent(sent, accepted if isinstance(accepted, str) else "")

    def _authorised(self, url: str, body: bytes, deadline: float) -> Reply:
        if self._keys.basic:
            return self._exchange(url, body, basic(self._keys.key_id, self._keys.secret), deadline)
        token = self._token(deadline)
        reply = self._exchange(url, body, f"Bearer {token}", deadline)
        if reply.status == 401:
            self._tokens.drop(token)
            reply = self._exchange(url, body, f"Bearer {self._token(deadline)}", deadline)
        return reply

    def _token(self, deadline: float) -> str:
        keys = self._keys

        def ask(seconds: float) -> Grant:
            return request_token(self._transport, self._token_url, keys.key_id, keys.secret, seconds)

        try:
            return self._tokens.get(ask, deadline - monotonic())
        except TokenError as error:
            raise _without_token(error) from None

    def _exchange(self, url: str, body: bytes, authorization: str, deadline: float) -> Reply:
        headers = {"Authorization": authorization, "Content-Type": "application/json"}
        try:
            return self._transport.exchange("POST", url, headers, body, deadline - monotonic())
        except NoReply as error:
            raise _unheard(error) from None


def back_off(attempt: int, limited: bool = False, chance: Callable[[], float] = random.random) -> float:
    """Seconds to wait after the ``attempt``-th failure, counted from 1: a random part of 2, 4, 8 … up to 600.

    ``limited`` (too many requests) grows by four instead: 4, 16, 64 …
    """
    ceiling = (4.0 if limited else 2.0) ** min(max(attempt, 1), 16)
    return chance() * min(LONGEST_PAUSE, ceiling)


def refusal(reply: Reply, now: float) -> SendError:
    """The error that an answer other than 2xx stands for. What it says itself stays out: it may quote a number."""
    status = reply.status
    code, field = described(reply.body)
    wait = retry_after(reply.headers.get("retry-after", ""), now)
    if status == 429:
        return Limited(status, _sentence(status, code, field), code, wait)
    if status >= 500 and status != 501:
        why = "it is unavailable for the moment, and the message may have been accepted"
        return Ambiguous(status, f"The Conversation API answered {status}: {why}.", code, wait)
    if status == 408:
        return Ambiguous(status, "The Conversation API gave up waiting; it may have accepted the message.", code, wait)
    return Permanent(status, _sentence(status, code, field), code)


def described(body: bytes) -> tuple[str, str]:
    """Code and field of an error body: wrapped in ``error``, flat, problem+json, or no JSON at all."""
    found = object_of(body)
    wrapped = found.get("error")
    error = wrapped if isinstance(wrapped, dict) else found
    code = str(error.get("status", "")).upper()
    return (code if _CODE.fullmatch(code) else ""), _field(error.get("details"))


def retry_after(text: str, now: float, chance: Callable[[], float] = random.random) -> float | None:
    """Seconds out of a Retry-After header, a number or a date, at most a day, and up to a quarter of a second more."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        seconds = float(text)
    else:
        try:
            date = parsedate_to_datetime(text)
            seconds = date.replace(tzinfo=date.tzinfo or UTC).timestamp() - now
        except (ValueError, TypeError, OverflowError, IndexError):
            return None
    return min(max(seconds, 0.0), DAY) + chance() * JITTER


def _field(details: Any) -> str:
    """The first field that the details name: ``field_violations`` in either spelling, or ``field``."""
    for detail in details if isinstance(details, list) else ():
        if not isinstance(detail, dict):
            continue
        violations = detail.get("field_violations") or detail.get("fieldViolations") or [detail]
        for violation in violations if isinstance(violations, list) else ():
            field = violation.get("field") if isinstance(violation, dict) else None
            if isinstance(field, str) and _FIELD.fullmatch(field):
                return field
    return ""


def _sentence(status: int, code: str, field: str) -> str:
    if 300 <= status < 400:
        return f"The Conversation API redirected with {status}, which is not followed; check {BASE_URL}."
    why = _WHY.get(402 if code == "BILLING_CREDIT_LIMIT_BREACHED" else status, "it does not say why")
    named = f"{status} {code}" if code else str(status)
    return f"The Conversation API refused with {named}: {why}{f' at {field}' if field else ''}."


def _without_token(error: TokenError) -> SendError:
    if error.status == 429:
        return Limited(429, error.sentence, "", error.retry_after)
    if 0 < error.status < 500:
        return Permanent(error.status, error.sentence)
    return Unsent(error.status, error.sentence)


def _unheard(error: NoReply) -> SendError:
    if not error.left:
        return Unsent(0, "The Conversation API cannot be reached.")
    if error.late:
        return Ambiguous(0, "The Conversation API did not answer in time; it may have accepted the message.")
    return Ambiguous(0, "The connection to the Conversation API broke; it may have accepted the message.")


def _base(name: str, url: str) -> str:
    if not is_base(url):
        raise Misconfigured(f"{name} is not an address such as https://us.conversation.api.sinch.com.")
    return url.rstrip("/")
