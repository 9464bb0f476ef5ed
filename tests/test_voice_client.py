from __future__ import annotations

import base64
import json
import logging
import os
import socket
import struct
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from flowengine.sinch.credentials import Credentials
from flowengine.sinch.signing import Verifier
from flowengine.sinch.voice import ERRORS, Ambiguous, VoiceClient, VoiceError

KEY, SECRET = "0d5e7b1a-3c44-4c0e-8f60-2b9f4a7712ee", "bXkta2V5LXNlY3JldA"
CREDENTIALS = Credentials(((KEY, b"my-key-secret"), (KEY, b"the old one")), password=SECRET)
CALLEE = "+12025550101"
ROUTE = {"action": {"name": "connectPstn", "number": CALLEE, "amd": {"enabled": True}}}


class Fake(ThreadingHTTPServer):
    """A voice API that checks every signature and answers what it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, str, bytes]] = []
        self.heads: list[dict[str, str]] = []
        self.status = 200
        self.body = b'{"callId":"c0ffee01"}'
        self.before: Callable[[socket.socket], None] = lambda _: None

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Fake

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        heads = {name.lower(): text for name, text in self.headers.items()}
        self.server.heads.append(heads)
        self.server.requests.append((self.command, self.path, body))
        signed = Verifier([(KEY, b"my-key-secret")]).accepts(self.command, self.path, heads, body)
        basic = heads.get("authorization") == "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
        self.server.before(self.connection)
        if signed or basic:
            self.reply(self.server.status, self.server.body)
        else:
            self.reply(401, b'{"errorCode":40102,"message":"bad"}')

    def reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PATCH = answer

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def fake() -> Iterator[Fake]:
    with Fake() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


def client(fake: Fake, **options: Any) -> VoiceClient:
    return VoiceClient(CREDENTIALS, fake.url, **options)


@pytest.mark.parametrize("basic", [False, True])
def test_custom_callout(fake: Fake, basic: bool) -> None:
    assert client(fake, basic=basic).custom_callout(ROUTE, "reminder-88") == "c0ffee01"
    verb, path, body = fake.requests[0]
    assert (verb, path) == ("POST", "/calling/v1/callouts")
    sent = json.loads(body)
    assert sent["method"] == "customCallout"
    assert set(sent["customCallout"]) == {"ice", "custom"}
    assert sent["customCallout"]["custom"] == "reminder-88"
    assert json.loads(sent["customCallout"]["ice"]) == ROUTE, "escaped once"
    assert fake.heads[0]["content-type"] == "application/json"
    assert fake.heads[0]["authorization"].startswith("Basic " if basic else "application ")


def test_custom_callout_with_everything(fake: Fake) -> None:
    hook = "https://voice.example.org/hook"
    assert client(fake).custom_callout('{"action":{}}', "Åsa", ace=hook, pie=hook, max_duration=60) == "c0ffee01"
    assert json.loads(fake.requests[0][2])["customCallout"] == {
        "ice": '{"action":{}}',
        "custom": "Åsa",
        "ace": hook,
        "pie": hook,
        "maxDuration": 60,
    }


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"<html>", b'{"callId":""}', b'{"callId":7}'])
def test_a_call_without_id_may_have_been_placed(fake: Fake, body: bytes) -> None:
    fake.body = body
    with pytest.raises(Ambiguous):
        client(fake).custom_callout(ROUTE, "")


@pytest.mark.parametrize(
    ("call_id", "path"),
    [
        ("c0ffee01", "c0ffee01"),
        ("a4b7-05b4_257", "a4b7-05b4_257"),
        ("abc@192.0.2.1", "abc@192.0.2.1"),
        ("../../v1/x?y#z", "..%2F..%2Fv1%2Fx%3Fy%23z"),
        ("a b%c", "a%20b%25c"),
        ("å", "%C3%A5"),
    ],
)
def test_patch_call(fake: Fake, call_id: str, path: str) -> None:
    fake.status, fake.body = 204, b""
    svaml = b'{"action": {"name": "hangup"}}'
    client(fake).patch_call(call_id, svaml)
    assert fake.requests == [("PATCH", f"/calling/v1/calls/id/{path}", svaml)]


@pytest.mark.parametrize("call_id", ["", ".", ".."])
def test_a_call_must_have_an_id(fake: Fake, call_id: str) -> None:
    with pytest.raises(VoiceError):
        client(fake).patch_call(call_id, b"{}")
    assert fake.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "https://calling-euc1.api.sinch.com/calling/v1/calls/id/c1",
        "https://calling-euc1.api.sinch.com:443/other",
        "https://calling-euc1.api.sinch.com",
    ],
)
def test_a_call_lives_on_its_host(fake: Fake, url: str) -> None:
    assert VoiceClient(CREDENTIALS)._base(url) == "https://calling-euc1.api.sinch.com"
    client(fake).patch_call("c1", b"{}", url)
    assert len(fake.requests) == 1, "a host that was set wins"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://calling-euc1.api.sinch.com/x",
        "https://calling-euc1.api.sinch.com:8443/x",
        "https://api.sinch.com.evil.example/x",
        "https://evilapi.sinch.com/x",
        "https://evil.example/.api.sinch.com",
        "https://calling.api.sinch.com@evil.example/x",
        "https://evil.example#.api.sinch.com",
        "https://evil.example\\.api.sinch.com",
        "https://evil.example?.api.sinch.com",
        "https://\uff0eapi.sinch.com/x",
        "https://user@calling.api.sinch.com/x",
        "https://api.sinch.com/x",
        "https://calling.api.sinch.com\n.evil.example/x",
        " https://calling.api.sinch.com/x",
        "https://[::1]/x",
        "https://[::1/x",
        "https://calling.api.sinch.com:port/x",
        "//calling.api.sinch.com/x",
        "file:///calling.api.sinch.com",
    ],
)
def test_other_hosts_are_never_asked(url: str) -> None:
    assert VoiceClient(CREDENTIALS)._base(url) == "https://calling.api.sinch.com"


def test_the_environment_may_name_another_host(fake: Fake) -> None:
    assert VoiceClient.from_env(CREDENTIALS, {}).base_url == "https://calling.api.sinch.com"
    made = VoiceClient.from_env(CREDENTIALS, {"FLOWENGINE_VOICE_URL": f"{fake.url}/prefix/"})
    assert made.custom_callout(ROUTE) == "c0ffee01"
    assert fake.requests[0][1] == "/prefix/calling/v1/callouts"


@pytest.mark.parametrize("code", ERRORS)
@pytest.mark.parametrize("spelt", [int, str])
def test_error_codes_are_explained(fake: Fake, code: int, spelt: type) -> None:
    fake.status = code // 100
    fake.body = json.dumps({"errorCode": spelt(code), "message": f"no {CALLEE}"}).encode()
    with pytest.raises(VoiceError) as caught:
        client(fake).custom_callout(ROUTE, "canary")
    assert not isinstance(caught.value, Ambiguous)
    assert (caught.value.status, caught.value.code) == (code // 100, code)
    assert caught.value.sentence == str(caught.value) == f"Sinch refused with {code}: {ERRORS[code]}."


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (418, b"<html>", "Sinch refused with 418: it does not say why."),
        (404, b"", "Sinch refused with 404: there is no such call."),
        (400, b'{"errorCode":"x"}', "Sinch refused with 400: it does not say why."),
        (400, b'{"errorCode":40099}', "Sinch refused with 40099: it does not say why."),
        (302, b"", "Sinch refused with 302: it does not say why."),
    ],
)
def test_other_errors(fake: Fake, status: int, body: bytes, sentence: str) -> None:
    fake.status, fake.body = status, body
    with pytest.raises(VoiceError) as caught:
        client(fake).custom_callout(ROUTE)
    assert str(caught.value) == sentence
    assert len(fake.requests) == 1, "neither followed nor tried again"


@pytest.mark.parametrize("status", [502, 504])
def test_a_gateway_that_gave_up_is_ambiguous(fake: Fake, status: int) -> None:
    fake.status = status
    with pytest.raises(Ambiguous):
        client(fake).custom_callout(ROUTE)
    assert len(fake.requests) == 1


def test_the_wrong_secret(fake: Fake) -> None:
    wrong = VoiceClient(Credentials(((KEY, b"the old one"),)), fake.url)
    with pytest.raises(VoiceError, match="VOICE_APPLICATION_SECRET") as caught:
        wrong.custom_callout(ROUTE)
    assert caught.value.status == 401


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(connection.detach())


@pytest.mark.parametrize("before", [lambda _: time.sleep(1), reset])
def test_silence_after_sending_is_ambiguous(fake: Fake, before: Callable[[socket.socket], None]) -> None:
    fake.before = before
    with pytest.raises(Ambiguous) as caught:
        client(fake, timeout=0.2).custom_callout(ROUTE, "canary")
    assert (caught.value.status, caught.value.code) == (0, 0)
    assert len(fake.requests) == 1, "not tried again"


def test_nothing_was_sent_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}", "ftp://127.0.0.1", "nonsense", "http://[::"):
        with pytest.raises(VoiceError) as caught:
            VoiceClient(CREDENTIALS, url).custom_callout(ROUTE)
        assert not isinstance(caught.value, Ambiguous)


@pytest.mark.parametrize("basic", [False, True])
def test_no_error_log_or_repr_holds_a_secret_or_a_number(
    fake: Fake, basic: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = repr(client(fake, basic=basic)) + repr(CREDENTIALS)
    failures = [(500, lambda _: None), (504, lambda _: None), (200, reset), (200, lambda _: time.sleep(0.4))]
    for status, before in failures:
        fake.status, fake.before, fake.body = status, before, f'{{"message":"{CALLEE}"}}'.encode()
        api = client(fake, basic=basic, timeout=0.2)
        patched = json.dumps(ROUTE).encode()
        for act in (partial(api.custom_callout, ROUTE, "canary"), partial(api.patch_call, "canary", patched)):
            try:
                act()
            except VoiceError as error:
                told += "".join(traceback.format_exception(error)) + repr(error)
    token = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
    assert "Ambiguous" in told
    for hidden in (CALLEE, CALLEE[1:], SECRET, "my-key-secret", KEY, token):
        assert hidden not in told + caplog.text
    assert "canary" not in caplog.text


def test_proxies_of_the_environment_are_ignored(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert client(fake).custom_callout(ROUTE) == "c0ffee01"


def test_a_fork_connects_anew(fake: Fake) -> None:
    api = client(fake)
    api.custom_callout(ROUTE)
    ours = api._client()
    child = os.fork()
    if not child:
        os._exit(0 if api.custom_callout(ROUTE) == "c0ffee01" and api._client() is not ours else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert api._client() is ours
    assert api.custom_callout(ROUTE) == "c0ffee01"
    api.close()
    assert api.custom_callout(ROUTE) == "c0ffee01", "usable again after close"
