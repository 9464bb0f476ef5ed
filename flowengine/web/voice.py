"""Voice callbacks: size, signature, then the service."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, request

from flowengine.callbacks import EVENTS
from flowengine.logs import Seldom, told
from flowengine.service import Service
from flowengine.settings import Settings
from flowengine.web.answers import JSON, not_found, read_body

LOG = logging.getLogger("flowengine")
REFUSED = Seldom()
VOICE = EVENTS | {"voice"}


class _Voice:
    """Answers one callback."""

    def __init__(self, settings: Settings, service: Service) -> None:
        self.settings = settings
        self.service = service

    def __call__(self, path: str = "") -> Response:
        last = path.rsplit("/", 1)[-1]
        if last not in VOICE:
            return not_found()
        body = read_body(request)
        if body is None:
            return Response(status=413)
        application = self._application(body)
        if application is None:
            self.service.counted("unsigned")
            REFUSED.warning("a callback was refused: it is not signed as it should be", extra=told("unsigned"))
            return Response(status=401)
        reply = self.service.callback(body, application)
        if last != "voice" and f'"{last}"'.encode() not in body:
            self.service.counted("path_event")
            sentence = "a callback came to /%s that is of another event; its body was trusted"
            LOG.warning(sentence, last, extra=told("path_event", on=last))
        return Response(reply.body, reply.status, content_type=JSON) if reply.body else Response(status=reply.status)

    def _application(self, body: bytes) -> str | None:
        """The application key that signed the request, empty where signatures are not checked, None: refused."""
        verifier = self.settings.verifier
        if verifier is None:
            return ""
        environ = request.environ
        headers = {
            "authorization": environ.get("HTTP_AUTHORIZATION", ""),
            "x-timestamp": environ.get("HTTP_X_TIMESTAMP", ""),
            "content-type": environ.get("CONTENT_TYPE", ""),
        }
        headers = {name: value for name, value in headers.items() if value}
        return verifier.signer(request.method, public_path(environ, self.settings.prefix), headers, body)


def public_path(environ: Mapping[str, Any], prefix: str = "") -> str:
    """The raw path as the sender wrote it: percent-encoding kept, query left out."""
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI") or environ.get("PATH_INFO", "")
    path = str(raw).split("?", 1)[0]
    if "://" in path[:8]:
        path = "/" + path.split("://", 1)[1].partition("/")[2]
    return prefix + path


def voice_routes(app: Flask, settings: Settings, service: Service) -> None:
    voice = _Voice(settings, service)
    app.add_url_rule("/<path:path>", "voice", voice, methods=["POST"])
    app.add_url_rule("/", "root", voice, methods=["POST"])

    @app.get("/<path:path>")
    def get_only(path: str) -> Response:
        if path.rsplit("/", 1)[-1] in VOICE:
            return Response(status=405, headers={"Allow": "POST"})
        return not_found()
