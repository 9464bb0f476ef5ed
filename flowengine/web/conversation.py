"""Conversation webhooks: size, signature over the raw bytes, then the service. Only 200 is delivered."""

from __future__ import annotations

from flask import Flask, Response, request

from flowengine.logs import Seldom, told
from flowengine.service import Service
from flowengine.sinch.webhook_signing import Verifier
from flowengine.web.answers import read_body

MOST = 2 * 1024 * 1024
"""Bytes of a webhook: a text of 100,000 characters may be written with escapes only."""
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
AGAIN = {"Retry-After": "5"}
REFUSED = Seldom()


def conversation_routes(app: Flask, verifier: Verifier | None, service: Service) -> None:
    """``verifier`` is None where signatures are not checked."""

    def conversation() -> Response:
        if request.method != "POST":
            return Response(status=405, headers={"Allow": "POST"})
        body = read_body(request, MOST)
        if body is None:
            return Response(status=413)
        if verifier is not None and not verifier.check(dict(request.headers), body).ok:
            service.counted("unsigned_webhook")
            REFUSED.warning("a webhook was refused: it is not signed as it should be", extra=told("unsigned_webhook"))
            return Response(status=401)
        status = service.chats.webhook(body)
        return Response(status=status, headers=AGAIN if status == 503 else None)

    for path in ("/conversation", "/webhook/conversation"):
        app.add_url_rule(path, path, conversation, methods=METHODS)
