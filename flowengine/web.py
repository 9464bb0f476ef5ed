"""The WSGI application: callbacks in, answers out. ``create_app`` is public."""

from __future__ import annotations

import hmac
import logging
import os
import threading
from collections.abc import Mapping
from typing import Any

import orjson
from flask import Flask, Request, Response, request
from werkzeug.exceptions import BadRequest

from flowengine.callbacks import EVENTS
from flowengine.engine.voice import NotTaken
from flowengine.service import Service, UnknownSession
from flowengine.settings import Settings, open_all
from flowengine.stores.base import StoreDown

LOG = logging.getLogger("flowengine")
MAX_BODY = 64 * 1024
JSON = "application/json"
HANDLERS = (
    "POST /voice",
    *(f"POST /{event}" for event in ("ice", "ace", "pie", "dice", "notify")),
    "POST /sessions/{id}/events/{name}",
    "GET /health",
    "GET /ready",
)
VOICE = EVENTS | {"voice"}


def create_app(env: Mapping[str, str] | None = None, service: Service | None = None) -> Flask:
    """The application, set by ``env`` (the process environment unless given).

    Raises :class:`flowengine.settings.Refusal` with one sentence where it must not start.
    """
    given = os.environ if env is None else env
    if service is None:
        workers = int(given.get("WEB_CONCURRENCY") or 1)
        settings, service = open_all(given, workers)
    else:
        settings = Settings.read(given)
    app = Flask("flowengine", static_folder=None)
    _voice_routes(app, _Voice(settings, service))
    _outside_routes(app, settings, service)
    _health_routes(app, service)
    _refusals(app)
    if not service.store.shared:
        _drain_here(service, given)
    return app


def _drain_here(service: Service, env: Mapping[str, str]) -> None:
    """No other process sees this store, so its timers and outbox are worked on by a thread of this one."""
    from flowengine.settings import application
    from flowengine.sinch.credentials import Credentials
    from flowengine.sinch.voice import VoiceClient
    from flowengine.worker import Worker

    credentials = Credentials.from_env(env)
    client = VoiceClient.from_env(credentials, env) if credentials else None
    threading.Thread(target=Worker(service, client, application(env)).loop, daemon=True).start()


class _Voice:
    """Answers voice callbacks: size, signature, then the service."""

    def __init__(self, settings: Settings, service: Service) -> None:
        self.settings = settings
        self.service = service

    def __call__(self, path: str = "") -> Response:
        last = path.rsplit("/", 1)[-1]
        if last not in VOICE:
            return _not_found()
        body = read_body(request)
        if body is None:
            return Response(status=413)
        application = self._application(body)
        if application is None:
            self.service.counted("unsigned")
            return Response(status=401)
        reply = self.service.callback(body, application)
        if last != "voice" and f'"{last}"'.encode() not in body:
            self.service.counted("path_event")
            LOG.warning("a callback came to /%s that is of another event; its body was trusted", last)
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


def read_body(incoming: Request) -> bytes | None:
    """The body, or None when it is larger than allowed: read no further than that.

    Raises :class:`BadRequest` where it ends too early or is cut into chunks that are none.
    """
    length = incoming.content_length
    if length is not None and length > MAX_BODY:
        return None
    try:
        body = incoming.stream.read(MAX_BODY + 1)
    except Exception:  # each server has errors of its own for this
        raise BadRequest from None
    return None if len(body) > MAX_BODY else body


def _voice_routes(app: Flask, voice: _Voice) -> None:
    app.add_url_rule("/<path:path>", "voice", voice, methods=["POST"])
    app.add_url_rule("/", "root", voice, methods=["POST"])

    @app.get("/<path:path>")
    def get_only(path: str) -> Response:
        if path.rsplit("/", 1)[-1] in VOICE:
            return Response(status=405, headers={"Allow": "POST"})
        return _not_found()


def _outside_routes(app: Flask, settings: Settings, service: Service) -> None:
    @app.post("/sessions/<key>/events/<name>")
    def outside(key: str, name: str) -> Response:
        refused = _unauthorised(settings.token)
        if refused is not None:
            return refused
        body = read_body(request)
        if body is None:
            return Response(status=413)
        try:
            data = orjson.loads(body) if body else {}
        except orjson.JSONDecodeError:
            return told(400, "the body is not JSON")
        return _taken(service, key, name, data)


def _taken(service: Service, key: str, name: str, data: Any) -> Response:
    try:
        became = service.event(key, name, data)
    except UnknownSession:
        return told(404, "there is no such session")
    except NotTaken:
        return told(409, f'the session takes no event "{name[:64]}" now; nothing was changed')
    except StoreDown:
        return told(503, "the store is down; try again", {"Retry-After": "2"})
    except Exception as error:
        service.counted("failed_turn")
        LOG.error("an outside event failed: %s", type(error).__name__)
        return told(500, "the event could not be carried out; nothing was changed")
    return Response(orjson.dumps({"event": name, "became": became}), 202, content_type=JSON)


def _unauthorised(token: str) -> Response | None:
    if not token:
        return told(403, "outside events are off: FLOWENGINE_TOKEN is not set")
    sent = request.headers.get("Authorization", "")
    scheme, _, given = sent.partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode("utf-8", "replace"), token.encode()):
        return Response(status=401, headers={"WWW-Authenticate": "Bearer"})
    return None


def _health_routes(app: Flask, service: Service) -> None:
    @app.get("/health")
    def health() -> Response:
        facts = {"status": "ok", "revision": service.library.revision, "flows": len(service.library.programs)}
        return Response(orjson.dumps(facts), content_type=JSON)

    @app.get("/ready")
    def ready() -> Response:
        try:
            service.store.ping()
        except StoreDown as error:
            return told(503, f"the store is down: {error}", {"Retry-After": "2"})
        return Response(orjson.dumps({"status": "ready"}), content_type=JSON)


def _refusals(app: Flask) -> None:
    @app.errorhandler(400)
    def unreadable(error: Exception) -> Response:
        return Response(status=400, headers={"Connection": "close"})

    @app.errorhandler(404)
    def missing(error: Exception) -> Response:
        return _not_found()

    @app.errorhandler(405)
    def method(error: Any) -> Response:
        voice = request.path.rsplit("/", 1)[-1] in VOICE
        return Response(status=405, headers={"Allow": "POST" if voice else ", ".join(error.valid_methods or ["POST"])})

    @app.errorhandler(500)
    def broken(error: Exception) -> Response:
        return told(500, "the request could not be answered")


def _not_found() -> Response:
    return Response(orjson.dumps({"error": "there is no such handler", "handlers": HANDLERS}), 404, content_type=JSON)


def told(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error as JSON: one sentence."""
    return Response(orjson.dumps({"error": sentence}), status, headers=headers, content_type=JSON)
