"""What every route shares: reading a body no further than allowed, and answers that say what was wrong."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

import orjson
from flask import Request, Response, request
from werkzeug.exceptions import BadRequest

JSON = "application/json"
MAX_BODY = 64 * 1024
HANDLERS = (
    "POST /voice",
    *(f"POST /{event}" for event in ("ice", "ace", "pie", "dice", "notify")),
    "POST /conversation",
    "POST /webhook/conversation",
    "POST /flows/{name}/start",
    "POST /sessions/{id}/events/{name}",
    "GET /health",
    "GET /ready",
)


def read_body(incoming: Request, most: int = MAX_BODY) -> bytes | None:
    """The body, or None when it is larger than allowed: read no further than that.

    Raises :class:`BadRequest` where it ends too early or is cut into chunks that are none.
    """
    length = incoming.content_length
    if length is not None and length > most:
        return None
    try:
        body = incoming.stream.read(most + 1)
    except Exception:  # each server has errors of its own for this
        raise BadRequest from None
    return None if len(body) > most else body


def unauthorised(token: str) -> Response | None:
    """The refusal of a request without the bearer token, None where it has it."""
    if not token:
        return told(403, "outside events are off: FLOWENGINE_TOKEN is not set")
    sent = request.headers.get("Authorization", "")
    scheme, _, given = sent.partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode("utf-8", "replace"), token.encode()):
        return Response(status=401, headers={"WWW-Authenticate": "Bearer"})
    return None


def not_found() -> Response:
    return Response(orjson.dumps({"error": "there is no such handler", "handlers": HANDLERS}), 404, content_type=JSON)


def told(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error as JSON: one sentence."""
    return Response(orjson.dumps({"error": sentence}), status, headers=headers, content_type=JSON)
