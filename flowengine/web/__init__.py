"""The WSGI application: callbacks and webhooks in, answers out. ``create_app`` is public."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any

import orjson
from flask import Flask, Response, request

from flowengine.metrics import TOKEN
from flowengine.metrics import wanted as metrics_wanted
from flowengine.service import Service
from flowengine.settings import Settings, open_all, watch, webhook_checks
from flowengine.stores.base import StoreDown
from flowengine.web.answers import HANDLERS, JSON, MAX_BODY, not_found, told, unauthorised
from flowengine.web.conversation import conversation_routes
from flowengine.web.outside import outside_routes
from flowengine.web.voice import VOICE, public_path, voice_routes


def create_app(env: Mapping[str, str] | None = None, service: Service | None = None) -> Flask:
    """The application, set by ``env`` (the process environment unless given).

    Raises :class:`flowengine.settings.Refusal` with one sentence where it must not start.
    """
    given = os.environ if env is None else env
    if service is None:
        workers = int(given.get("WEB_CONCURRENCY") or 1)
        settings, service = open_all(given, workers)
        watch(service, given)
    else:
        settings = Settings.read(given)
    app = Flask("flowengine", static_folder=None)
    voice_routes(app, settings, service)
    wanted, verifier = webhook_checks(service.library, given)
    if wanted:
        conversation_routes(app, verifier, service)
    outside_routes(app, settings, service)
    _health_routes(app, service)
    _metrics_route(app, settings, service, given)
    _refusals(app)
    if not service.store.shared:
        _drain_here(service, given)
    return app


def _drain_here(service: Service, env: Mapping[str, str]) -> None:
    """No other process sees this store, so its timers and outbox are worked on by a thread of this one."""
    from flowengine.worker import Worker

    threading.Thread(target=Worker.from_env(service, env).loop, daemon=True).start()


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


def _metrics_route(app: Flask, settings: Settings, service: Service, env: Mapping[str, str]) -> None:
    """For who has the token. Requests may come through a proxy, so where they come from says nothing."""
    if not metrics_wanted(env):
        return
    from flowengine.metrics.exposing import CONTENT_TYPE, exposition

    text, token = exposition(service, settings.store, env), env.get(TOKEN, "")

    @app.get("/metrics")
    def figures() -> Response:
        if not token and not (settings.development and request.remote_addr in ("127.0.0.1", "::1")):
            return not_found()
        refused = unauthorised(token) if token else None
        return refused or Response(text(), content_type=CONTENT_TYPE)


def _refusals(app: Flask) -> None:
    @app.errorhandler(400)
    def unreadable(error: Exception) -> Response:
        return Response(status=400, headers={"Connection": "close"})

    @app.errorhandler(404)
    def missing(error: Exception) -> Response:
        return not_found()

    @app.errorhandler(405)
    def method(error: Any) -> Response:
        voice = request.path.rsplit("/", 1)[-1] in VOICE
        return Response(status=405, headers={"Allow": "POST" if voice else ", ".join(error.valid_methods or ["POST"])})

    @app.errorhandler(500)
    def broken(error: Exception) -> Response:
        return told(500, "the request could not be answered")


__all__ = ["HANDLERS", "MAX_BODY", "create_app", "public_path"]
