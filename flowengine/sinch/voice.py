"""The voice REST API, as far as flows call out: place a call, change one."""

from __future__ import annotations

import os
import re
import threading
from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from flowengine.fetch import hush
from flowengine.sinch.credentials import Credentials
from flowengine.sinch.signing import authorization
from flowengine.sinch.transport import object_of

if TYPE_CHECKING:
    import httpx

BASE_URL = "FLOWENGINE_VOICE_URL"
CALLOUTS = "/calling/v1/callouts"
CALLS = "/calling/v1/calls/id/"
_SINCH = re.compile(r"https://((?:[a-z0-9-]+\.)+api\.sinch\.com)(?::443)?(?:/|\Z)", re.I | re.A)
_JSON = "application/json"

# Error codes of the API; the first three digits are the HTTP status.
ERRORS = {
    40001: "a parameter is not valid",
    40002: "a parameter is missing",
    40003: "the request is not valid",
    40004: "the application key is not valid",
    40005: "a number lacks its +",
    40100: "the Authorization header is not accepted",
    40101: "the timestamp header is not accepted",
    40102: "the signature is wrong; check VOICE_APPLICATION_SECRET",
    40108: "the application key and secret are not accepted",
    40200: "the account has not enough credit",
    40300: "the application may not do this",
    40301: "the application may not do this",
    40400: "there is no such call",
    50000: "Sinch has an internal error",
    50300: "Sinch is unavailable for the moment",
}


class VoiceError(Exception):
    """A request failed: HTTP ``status`` and Sinch's ``code``, 0 where there is none, and why in a ``sentence``.

    No part of it holds a secret or a number. Nothing was done unless it is :class:`Ambiguous`.
    """

    def __init__(self, status: int, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.sentence = sentence


class Ambiguous(VoiceError):
    """The request was sent and its outcome is unknown: trying again may place a second call."""


class VoiceClient:
    """Requests signed for one application; no redirects, no retries, no proxy out of the environment.

    ``base_url`` is that of the credentials' region unless given, ``timeout`` is seconds for each phase of a
    request. ``basic`` sends the key and secret as they are instead of a signature: for trying things out.
    May be made before a fork and used by several threads.
    """

    def __init__(
        self, credentials: Credentials, base_url: str | None = None, timeout: float = 5.0, basic: bool = False
    ) -> None:
        self._credentials = credentials
        self._timeout = timeout
        self._basic = basic
        self._lock = threading.Lock()
        self._pid = 0
        self._http: httpx.Client
        self.base_url = (base_url or credentials.host).rstrip("/")

    @classmethod
    def from_env(cls, credentials: Credentials, env: Mapping[str, str]) -> VoiceClient:
        """FLOWENGINE_VOICE_URL takes the place of the region's address."""
        return cls(credentials, env.get(BASE_URL, "").strip() or None)

    def __repr__(self) -> str:
        return f"VoiceClient({self.base_url!r})"

    def custom_callout(
        self,
        ice: dict[str, Any] | str,
        custom: str = "",
        ace: str = "",
        pie: str = "",
        max_duration: int | None = None,
    ) -> str:
        """Place a call that ``ice`` routes, and return its call id.

        ``ice`` is SVAML, or a text: SVAML as JSON or an address to ask. ``ace`` and ``pie`` are such texts too;
        left out, the events go to the application's callback address. ``max_duration`` is in seconds.
        """
        route = ice if isinstance(ice, str) else orjson.dumps(ice).decode()
        given = {"ice": route, "custom": custom, "ace": ace, "pie": pie, "maxDuration": max_duration}
        callout = {name: value for name, value in given.items() if value}
        body = orjson.dumps({"method": "customCallout", "customCallout": callout})
        answer = self._send("POST", self.base_url + CALLOUTS, body)
        call_id = object_of(answer.content).get("callId")
        if not isinstance(call_id, str) or not call_id:
            raise Ambiguous(answer.status_code, 0, "Sinch took the call but did not say its id.")
        return call_id

    def patch_call(self, call_id: str, svaml: bytes, url: str = "") -> None:
        """Change a running call; a parked one takes any SVAML that an ICE could be answered with.

        ``url`` is the ``callResourceUrl`` of its callbacks: the call lives on that host. Only the host is used,
        only one of Sinch's, and not when ``base_url`` is somewhere else.
        """
        self._send("PATCH", self._call(call_id, url), svaml)

    def close(self) -> None:
        with self._lock:
            if self._pid == os.getpid():
                self._http.close()
            self._pid = 0

    def _call(self, call_id: str, url: str) -> str:
        if call_id in ("", ".", ".."):
            raise VoiceError(0, 0, "The call has no id to name it by.")
        return self._base(url) + CALLS + quote(call_id, safe="@:", errors="replace")

    def _base(self, url: str) -> str:
        found = _SINCH.match(url)
        return f"https://{found[1]}" if found and _SINCH.match(self.base_url) else self.base_url

    def _send(self, verb: str, url: str, body: bytes) -> httpx.Response:
        import httpx

        try:
            client = self._client()
            request = client.build_request(verb, url, content=body)
            request.headers.update(self._authorization(verb, request.url, body))
            answer = client.send(request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol):
            raise VoiceError(0, 0, "Sinch's voice API cannot be reached.") from None
        except httpx.InvalidURL:
            raise VoiceError(0, 0, f"{BASE_URL} is not an address.") from None
        except httpx.TimeoutException:
            raise Ambiguous(0, 0, "Sinch did not answer in time; the request may have been carried out.") from None
        except httpx.HTTPError:
            raise Ambiguous(0, 0, "The connection to Sinch broke; the request may have been carried out.") from None
        if not answer.is_success:
            raise _error(answer)
        return answer

    def _authorization(self, verb: str, url: httpx.URL, body: bytes) -> dict[str, str]:
        key, secret = self._credentials.keys[0]
        if self._basic:
            token = b64encode(f"{key}:{self._credentials.password}".encode()).decode()
            return {"Authorization": f"Basic {token}", "Content-Type": _JSON}
        path = url.raw_path.partition(b"?")[0].decode()
        return authorization(key, secret, verb, path, body, _JSON)

    def _client(self) -> httpx.Client:
        """One for each process: connections must not be shared over a fork."""
        import httpx

        with self._lock:
            if self._pid != os.getpid():
                hush()
                self._http = httpx.Client(timeout=self._timeout, trust_env=False, headers={"Accept": _JSON})
                self._pid = os.getpid()
            return self._http


def _error(answer: httpx.Response) -> VoiceError:
    """Sinch's own message stays out of it: it may quote a number."""
    status, code = answer.status_code, _code(object_of(answer.content).get("errorCode"))
    if status in (502, 504):
        return Ambiguous(status, code, f"A gateway answered {status}; the request may have been carried out.")
    why = ERRORS.get(code) or ERRORS.get(status * 100) or "it does not say why"
    return VoiceError(status, code, f"Sinch refused with {code or status}: {why}.")


def _code(value: Any) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0
