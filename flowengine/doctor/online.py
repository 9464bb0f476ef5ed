"""Sinch itself, only when asked: whether it takes the keys, and whether its clock is ours. Nothing is changed there."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from flowengine.doctor.base import Finding, Site, long_ago
from flowengine.sinch.conversation import AUTH_URL
from flowengine.sinch.conversation import BASE_URL as CONVERSATION_URL
from flowengine.sinch.credentials import Credentials, Misconfigured, ProjectKeys
from flowengine.sinch.oauth import AUTH_HOST, TOKEN_PATH, TokenError, request_token
from flowengine.sinch.signing import authorization
from flowengine.sinch.transport import NoReply, Reply, Transport
from flowengine.sinch.voice import BASE_URL, CALLS

SECONDS = 5.0
NOBODY = "flowengine-doctor"
"""The id of a call that there is not."""
SKEW = 60.0
"""Seconds by which our clock may be off: Sinch refuses signatures after five minutes."""
TAKEN = (200, 404)


def check(site: Site) -> Iterator[Finding]:
    transport = Transport()
    try:
        yield from _voice(site, transport)
        yield from _messages(site, transport)
    finally:
        transport.close()


def _voice(site: Site, transport: Transport) -> Iterator[Finding]:
    try:
        credentials = Credentials.from_env(site.env)
    except Misconfigured:
        return  # told already
    if credentials is None:
        return
    base = (site.env.get(BASE_URL, "").strip() or credentials.host).rstrip("/")
    for number, (key, secret) in enumerate(credentials.keys, 1):
        which = f"key {number}" if len(credentials.keys) > 1 else "key and secret"
        signed = authorization(key, secret, "GET", f"{CALLS}{NOBODY}")
        try:
            reply = transport.exchange("GET", f"{base}{CALLS}{NOBODY}", signed, b"", SECONDS)
        except NoReply as error:
            yield Finding(
                "FAIL", "voice api", _unheard(base, error), "to place calls and change live ones", _way(BASE_URL)
            )
            return
        yield _voice_told(reply, which)
        if number == 1:
            yield from _clock(site, reply)


def _voice_told(reply: Reply, which: str) -> Finding:
    if reply.status in TAKEN:
        return Finding("ok", "voice api", f"it takes the Voice application's {which}")
    if reply.status in (401, 403):
        what = f"it does not take the Voice application's {which} ({reply.status})"
        return Finding(
            "FAIL", "voice api", what, "to place calls and to check callbacks", "copy both again from the dashboard"
        )
    return Finding("warn", "voice api", f"it answered {reply.status}; ask again later")


def _clock(site: Site, reply: Reply) -> Iterator[Finding]:
    try:
        ahead = parsedate_to_datetime(reply.headers.get("date", "")).timestamp() - site.now
    except ValueError:
        return
    if abs(ahead) > SKEW:
        fix = "let this machine's clock be set by NTP"
        what = f"Sinch's is {long_ago(abs(ahead))} {'ahead' if ahead > 0 else 'behind'}"
        yield Finding("FAIL", "clock", what, "for signatures, which hold the time", fix)


def _messages(site: Site, transport: Transport) -> Iterator[Finding]:
    try:
        keys = ProjectKeys.from_env(site.env)
    except Misconfigured:
        return
    if keys is None:
        return
    auth = (site.env.get(AUTH_URL, "").strip() or AUTH_HOST).rstrip("/")
    needed = "to send messages"
    try:
        grant = request_token(transport, f"{auth}{TOKEN_PATH}", keys.key_id, keys.secret, SECONDS)
    except TokenError as error:
        what, _, fix = error.sentence.rstrip(".").partition(": ")
        yield Finding("FAIL", "token api", what, needed, fix or _way(AUTH_URL))
        return
    yield Finding("ok", "token api", f"it takes the project's key; tokens last {long_ago(grant.seconds)}")
    base = (site.env.get(CONVERSATION_URL, "").strip() or keys.host).rstrip("/")
    url = f"{base}/v1/projects/{keys.project}/apps/{keys.app}"
    try:
        reply = transport.exchange("GET", url, {"Authorization": f"Bearer {grant.token}"}, b"", SECONDS)
    except NoReply as error:
        yield Finding("FAIL", "app", _unheard(base, error), needed, _way(CONVERSATION_URL))
        return
    yield _app_told(reply, keys.region, needed)


def _app_told(reply: Reply, region: str, needed: str) -> Finding:
    if reply.status == 200:
        return Finding("ok", "app", f"the app is in the region {region}")
    if reply.status == 404:
        fix = "check CONVERSATION_APP_ID, PROJECT_ID and CONVERSATION_REGION"
        return Finding("FAIL", "app", f"there is no such app of this project in the region {region}", needed, fix)
    if reply.status in (401, 403):
        what = f"the project's key may not see the app ({reply.status})"
        return Finding("FAIL", "app", what, needed, "make an access key of this project")
    return Finding("warn", "app", f"the Conversation API answered {reply.status}; ask again later")


def _unheard(base: str, error: NoReply) -> str:
    return f"{base} {'did not answer in time' if error.late else 'cannot be reached'}"


def _way(name: str) -> str:
    return f"let this machine reach it{f', or unset {name}' if name else ''}"
