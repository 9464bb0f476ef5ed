"""What other programs may do: post events to sessions and start conversations, with a bearer token."""

from __future__ import annotations

import logging
from secrets import token_hex
from typing import Any

import orjson
from flask import Flask, Response, request

from flowengine.engine.outcome import NotTaken, TurnFailed
from flowengine.logs import told as logged
from flowengine.service import Service, UnknownSession
from flowengine.settings import Settings
from flowengine.starting import CannotStart, start_conversation
from flowengine.stores.base import StoreDown
from flowengine.web.answers import JSON, read_body, told, unauthorised

LOG = logging.getLogger("flowengine")
AGAIN = {"Retry-After": "2"}


def outside_routes(app: Flask, settings: Settings, service: Service) -> None:
    @app.post("/sessions/<key>/events/<name>")
    def outside(key: str, name: str) -> Response:
        data = _given(settings)
        return data if isinstance(data, Response) else _taken(service, key, name, data)

    @app.post("/flows/<name>/start")
    def start(name: str) -> Response:
        data = _given(settings)
        return data if isinstance(data, Response) else _started(service, name, data)


def _given(settings: Settings) -> Any:
    """The JSON of an authorised request, else what refuses it."""
    refused = unauthorised(settings.token)
    if refused is not None:
        return refused
    body = read_body(request)
    if body is None:
        return Response(status=413)
    try:
        return orjson.loads(body) if body else {}
    except orjson.JSONDecodeError:
        return told(400, "the body is not JSON")


def _taken(service: Service, key: str, name: str, data: Any) -> Response:
    try:
        became = service.event(key, name, data)
    except UnknownSession:
        return told(404, "there is no such session")
    except NotTaken:
        return told(409, f'the session takes no event "{name[:64]}" now; nothing was changed')
    except StoreDown:
        return told(503, "the store is down; try again", AGAIN)
    except Exception as error:
        service.counted("failed_turn")
        incident, kind = token_hex(4), type(error).__name__
        extra = logged("failed_turn", incident=incident, error=kind, on="outside")
        LOG.error("incident %s: %s in an outside event", incident, kind, extra=extra)
        return told(500, "the event could not be carried out; nothing was changed")
    return Response(orjson.dumps({"event": name, "became": became}), 202, content_type=JSON)


def _started(service: Service, name: str, data: Any) -> Response:
    try:
        session, became = start_conversation(service, name, data)
    except CannotStart as refusal:
        return told(refusal.status, str(refusal))
    except TurnFailed as error:
        return told(422, f"an input is not of its type: {error}")
    except StoreDown:
        return told(503, "the store is down; try again", AGAIN)
    return Response(orjson.dumps({"session": session, "became": became}), 202, content_type=JSON)
