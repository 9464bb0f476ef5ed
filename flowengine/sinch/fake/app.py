"""The fake platform over HTTP: access tokens, messages, events, voice callouts, and a look at what it took."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from urllib.parse import unquote

import orjson
from flask import Flask, Response, request

from flowengine.sinch.fake.bodies import stamp
from flowengine.sinch.fake.checking import Fault
from flowengine.sinch.fake.platform import Platform
from flowengine.sinch.fake.script import STATUS_TEXTS, AcceptThenDrop, Answer, Drop, Hang, Place, Slow, Step
from flowengine.sinch.signing import Verifier, decode_secret

_JSON = "application/json"


def create_app(platform: Platform) -> Flask:
    app = Flask("fake-sinch", static_folder=None)
    _token_route(app, platform)
    _conversation_routes(app, platform)
    _voice_routes(app, platform)
    _history_routes(app, platform)
    return app


def _token_route(app: Flask, platform: Platform) -> None:
    def grant() -> Response:
        life = int(platform.token_life) if platform.token_life >= 1 else platform.token_life
        found = {"access_token": platform.token(), "token_type": "bearer", "expires_in": life, "scope": ""}
        return _json(200, found)

    @app.post("/oauth2/token")
    def token() -> Response:
        step = platform.step("token")
        if isinstance(step, Answer):
            return _scripted(step)
        if not platform.known_key(request.headers.get("Authorization", "")):
            return _json(401, {"error": "invalid_client", "error_description": "unknown key"})
        if platform.check("token", request.form.to_dict()):
            return _json(400, {"error": "unsupported_grant_type", "error_description": "use client_credentials"})
        return _perform(platform, step, grant)


def _conversation_routes(app: Flask, platform: Platform) -> None:
    def message(body: Any) -> Response:
        record = platform.take(body)
        return _json(200, {"message_id": record.message_id, "accepted_time": stamp(record.time)})

    def event(body: Any) -> Response:
        found = platform.take_event(body)
        return _json(200, {"event_id": found.event_id, "accepted_time": stamp(found.time)})

    @app.post("/v1/projects/<project>/messages:send")
    def send(project: str) -> Response:
        return _conversation(platform, project, "send", message)

    @app.post("/v1/projects/<project>/events:send")
    def send_event(project: str) -> Response:
        return _conversation(platform, project, "event", event)

    @app.get("/v1/projects/<project>/apps/<name>")
    def known(project: str, name: str) -> Response:
        if platform.admitted(request.headers.get("Authorization", "")):
            return _refused(401, "Request not authenticated")
        if (project, name) != (platform.account.project, platform.account.app):
            return _refused(404, "No such project or app")
        return _json(200, {"id": name})

    @app.route("/v1/<path:path>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def unknown(path: str) -> Response:
        return _refused(501, "no such route here")


def _conversation(platform: Platform, project: str, at: Place, take: Callable[[Any], Response]) -> Response:
    step = platform.step(at)
    if isinstance(step, Answer) and not step.accepted:
        return _scripted(step)
    if isinstance(step, Drop | Hang) and not getattr(step, "accepted", False):
        return _perform(platform, step, lambda: Response())
    if why := platform.admitted(request.headers.get("Authorization", "")):
        told = f'Bearer error="invalid_token", error_description="{why}"'
        return _refused(401, "Request not authenticated", headers={"WWW-Authenticate": told})
    body = _body()
    if found := platform.check(at, body):
        return _refused(400, "Invalid argument", found)
    if project != platform.account.project or body["app_id"] != platform.account.app:
        return _refused(404, "No such project or app")
    return _perform(platform, step, lambda: take(body))


def _voice_routes(app: Flask, platform: Platform) -> None:
    account = platform.account
    verifier = Verifier([(account.voice_key, decode_secret(account.voice_secret))])

    @app.post("/calling/v1/callouts")
    def callout() -> Response:
        body = _body()
        return _voice(platform, verifier, "callout", "callout", body, lambda: _called(platform, body))

    @app.get("/calling/v1/calls/id/<path:call>")
    def result(call: str) -> Response:
        return _voice_refused(404, 40400) if _is_signed(platform, verifier) else _voice_refused(401, 40102)

    @app.patch("/calling/v1/calls/id/<path:call>")
    def patch(call: str) -> Response:
        body = _body()

        def change() -> Response:
            platform.take_patch(unquote(call), body)
            return Response(status=204)

        return _voice(platform, verifier, "patch", "svaml", body, change)


def _voice(
    platform: Platform, verifier: Verifier, at: Place, kind: str, body: Any, take: Callable[[], Response]
) -> Response:
    step = platform.step(at)
    if isinstance(step, Answer) and not step.accepted:
        return _voice_refused(step.status, step.status * 100 + 1)
    if isinstance(step, Drop | Hang) and not getattr(step, "accepted", False):
        return _perform(platform, step, lambda: Response())
    if not _is_signed(platform, verifier):
        return _voice_refused(401, 40102)
    if platform.check(kind, body):
        return _voice_refused(400, 40001)
    return _perform(platform, step, take)


def _called(platform: Platform, body: Any) -> Response:
    ice = body["customCallout"].get("ice", "")
    svaml = orjson.loads(ice) if ice.startswith("{") else {}
    return _json(200, {"callId": platform.take_callout(body, svaml).call_id})


def _is_signed(platform: Platform, verifier: Verifier) -> bool:
    headers = {name.lower(): value for name, value in request.headers.items()}
    path = request.environ.get("RAW_URI", request.path).partition("?")[0]
    given = request.authorization
    basic = given is not None and given.type == "basic" and given.username == platform.account.voice_key
    known = basic and given is not None and given.password == platform.account.voice_secret
    return known or verifier.accepts(request.method, path, headers, request.get_data())


def _history_routes(app: Flask, platform: Platform) -> None:
    @app.get("/_fake/<what>")
    def history(what: str) -> Response:
        """For other processes: what was taken, as JSON."""
        if what not in ("sent", "events", "callouts", "patches", "problems"):
            return _refused(404, "there are sent, events, callouts, patches and problems")
        with platform.changed:
            found = [asdict(each) for each in getattr(platform, what)]
        return _json(200, found)


# --- answers -----------------------------------------------------------------------------------------------


def _perform(platform: Platform, step: Step, take: Callable[[], Response]) -> Response:
    """The answer as the script wants it. ``take`` accepts the request, and is left where nothing is accepted."""
    if isinstance(step, Slow):
        platform.stopping.wait(step.seconds)
        return take()
    if isinstance(step, Hang):
        if step.accepted:
            take()
        platform.stopping.wait()
        return _cut()
    if isinstance(step, Drop):
        return _cut()
    answer = take()
    if isinstance(step, AcceptThenDrop):
        return _cut()
    return _scripted(step) if isinstance(step, Answer) else answer


def _cut() -> Response:
    """Ends the connection; what is returned finds nobody to go to."""
    connection = request.environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)
    return Response()


def _scripted(step: Answer) -> Response:
    wait = step.retry_after
    headers = {} if wait is None else {"Retry-After": wait if isinstance(wait, str) else f"{wait:g}"}
    body = step.body()
    if isinstance(body, str):
        return Response(body, step.status, headers, content_type="text/html")
    kind = "application/problem+json" if step.shape == "problem" else _JSON
    return Response(orjson.dumps(body), step.status, headers, content_type=kind)


def _refused(
    status: int, sentence: str, found: list[Fault] | None = None, headers: dict[str, str] | None = None
) -> Response:
    violations = [{"field": each.field, "description": each.sentence} for each in found or ()]
    kind = "type.googleapis.com/google.rpc.BadRequest"
    details = [{"@type": kind, "field_violations": violations}] if violations else []
    text = STATUS_TEXTS.get(status, "")
    error = {"code": status, "message": sentence, "status": text, "details": details}
    return Response(orjson.dumps({"error": error}), status, headers, content_type=_JSON)


def _voice_refused(status: int, code: int) -> Response:
    return _json(status, {"errorCode": code, "message": "refused"})


def _body() -> Any:
    """The body as data, None where it is no JSON or is not called so."""
    if not (request.content_type or "").lower().startswith(_JSON):
        return None
    try:
        return orjson.loads(request.get_data())
    except orjson.JSONDecodeError:
        return None


def _json(status: int, data: Any) -> Response:
    return Response(orjson.dumps(data), status, content_type=_JSON)
