"""Callbacks and webhooks, signed as the platform signs them and posted to a running server."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from flowengine.sinch.credentials import Credentials
from flowengine.sinch.signing import authorization
from flowengine.sinch.webhook_signing import sign, webhook_secrets

TIMEOUT = 10.0
"""Seconds in which a server should have answered."""


CALLBACK_REFUSED = {
    400: "the server cannot use this body",
    401: "the server wants a signature: set VOICE_APPLICATION_KEY and VOICE_APPLICATION_SECRET as it has them",
    404: "the server has no such path; /voice takes every callback",
    405: "the server does not take POST there",
    413: "the body is too large",
}
WEBHOOK_REFUSED = {
    401: "the server wants a signature: set CONVERSATION_WEBHOOK_SECRET as it has it",
    404: "the server takes no messages: none of its flows has channel: message",
    413: "the body is too large",
    503: "the store is down, so that nothing was kept: the platform would send it again",
}
"""What a status other than 200 means, of a callback and of a webhook."""


class Unreached(Exception):
    """No answer could be had: one sentence, and what to do."""


def send(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """POST of JSON: the status and what was answered. Raises :class:`Unreached`."""
    from urllib import error, request

    call = request.Request(url, data=body, headers={"Content-Type": "application/json", **headers}, method="POST")
    opener = request.build_opener(request.ProxyHandler({}))
    try:
        with opener.open(call, timeout=TIMEOUT) as reply:
            return reply.status, reply.read()
    except error.HTTPError as refused:
        return refused.code, refused.read()
    except (error.URLError, OSError) as failed:
        raise Unreached(_unreached(url, failed)) from None


def _unreached(url: str, failed: Exception) -> str:
    where = f"{urlsplit(url).scheme}://{urlsplit(url).netloc}"
    reason = getattr(failed, "reason", failed)
    if isinstance(reason, ConnectionRefusedError):
        return f"nothing listens on {where}; start it with tools/start or flowengine serve"
    if isinstance(reason, TimeoutError):
        return f"{where} did not answer within {TIMEOUT:g} s"
    return f"{where} cannot be reached: {reason}"


def signed_callback(env: Mapping[str, str], url: str, body: bytes) -> dict[str, str]:
    """The headers that sign a callback of a call, none where ``env`` has no keys. Raises Misconfigured."""
    credentials = Credentials.from_env(env)
    if credentials is None:
        return {}
    key, secret = credentials.keys[0]
    return authorization(key, secret, "POST", urlsplit(url).path or "/", body)


def signed_webhook(env: Mapping[str, str], body: bytes) -> dict[str, str]:
    """The headers that sign a webhook, none where ``env`` has no secret for it."""
    secrets = webhook_secrets(env)
    return sign(secrets[0], body) if secrets else {}
