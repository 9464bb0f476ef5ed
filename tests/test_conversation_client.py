"""Sending over the Conversation API: what is sent, and what every failure is taken for."""

from __future__ import annotations

import gzip
import json
import logging
import os
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from flowengine.sinch.conversation import (
    Ambiguous,
    ConversationClient,
    Limited,
    Permanent,
    SendError,
    Unsent,
    back_off,
    described,
    refusal,
    retry_after,
)
from flowengine.sinch.credentials import Misconfigured, ProjectKeys, missing_for_messages
from flowengine.sinch.fake import AcceptThenDrop, Answer, Drop, FakeSinch, Hang, Slow
from flowengine.sinch.oauth import Tokens
from flowengine.sinch.transport import Reply, is_base

CONTACT = "12025550142"
TO = {"identified_by": {"channel_identities": [{"channel": "SMS", "identity": CONTACT}]}}
BODY = {"recipient": TO, "message": {"text_message": {"text": "Which day, canary?"}}}
KEYS = ProjectKeys("0f1d2c3b", "01APP", "key-canary", "secret-canary", basic=True)


@pytest.fixture
def sinch() -> Iterator[FakeSinch]:
    with FakeSinch() as started:
        yield started


SHORT = 0.7
"""Seconds that a test waits for an answer that does not come: enough for the request to leave a busy machine."""


def limit(step: Any) -> float:
    return SHORT if isinstance(step, Hang | Slow) else 10.0


def client(sinch: FakeSinch, timeout: float = 5.0, **env: str) -> ConversationClient:
    keys = ProjectKeys.from_env(sinch.env() | env)
    assert keys is not None
    return ConversationClient(keys, sinch.url, sinch.url, timeout, Tokens())


def test_a_message(sinch: FakeSinch) -> None:
    sent = client(sinch).send({**BODY, "message_metadata": "row-1"})
    (record,) = sinch.sent
    assert sent.message_id == record.message_id
    assert sent.accepted_time.endswith("Z")
    assert record.body == {"app_id": sinch.account.app, **BODY, "message_metadata": "row-1"}
    assert (record.text, record.metadata, record.identity) == ("Which day, canary?", "row-1", CONTACT)
    assert sinch.problems == []


def test_an_event(sinch: FakeSinch) -> None:
    sent = client(sinch).send_event({"recipient": TO, "event": {"composing_event": {}}})
    assert [each.event_id for each in sinch.events] == [sent.message_id]
    assert sinch.sent == []


def test_one_token_for_many_sends(sinch: FakeSinch) -> None:
    api = client(sinch)
    threads = [threading.Thread(target=api.send, args=(BODY,)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sinch.sent) == 12
    assert sinch.token_requests == 1


def test_a_token_that_ended_is_renewed_once(sinch: FakeSinch) -> None:
    api = client(sinch)
    api.send(BODY)
    sinch.expire_tokens()
    api.send(BODY)
    api.send(BODY)
    assert len(sinch.sent) == 3
    assert sinch.token_requests == 2


def test_a_second_401_is_final(sinch: FakeSinch) -> None:
    sinch.script([Answer(401), Answer(401)])
    with pytest.raises(Permanent, match="PROJECT_ID_API_SECRET") as caught:
        client(sinch).send(BODY)
    assert caught.value.status == 401
    assert sinch.sent == []
    assert sinch.token_requests == 2


def test_basic_needs_no_token(sinch: FakeSinch) -> None:
    client(sinch, CONVERSATION_AUTH="basic").send(BODY)
    assert len(sinch.sent) == 1
    assert sinch.token_requests == 0


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (302, Permanent, "redirected"),
        (400, Permanent, "the request is not valid"),
        (402, Permanent, "credit"),
        (403, Permanent, "may not"),
        (404, Permanent, "CONVERSATION_REGION"),
        (409, Permanent, "does not say why"),
        (501, Permanent, "FLOWENGINE_CONVERSATION_URL"),
        (408, Ambiguous, "may have"),
        (429, Limited, "too many"),
        (500, Ambiguous, "may have"),
        (502, Ambiguous, "may have"),
        (503, Ambiguous, "may have"),
        (504, Ambiguous, "may have"),
    ],
)
def test_what_a_status_is_taken_for(sinch: FakeSinch, status: int, kind: type[SendError], says: str) -> None:
    sinch.script([Answer(status, retry_after=2)])
    with pytest.raises(SendError, match=says) as caught:
        client(sinch).send(BODY)
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert sinch.sent == [], "not tried again"
    if kind is Limited:
        assert caught.value.retry_after is not None
        assert 2.0 <= caught.value.retry_after <= 2.25


def test_the_field_that_is_wrong_is_named(sinch: FakeSinch) -> None:
    with pytest.raises(Permanent, match=r"INVALID_ARGUMENT: the request is not valid at ttl\.") as caught:
        client(sinch).send({**BODY, "ttl": 5})
    assert caught.value.code == "INVALID_ARGUMENT"
    assert [problem.sentence for problem in sinch.problems] == ["ttl is not of the type string"]


def test_credit_has_a_status_of_its_own(sinch: FakeSinch) -> None:
    sinch.script([Answer(403, code="BILLING_CREDIT_LIMIT_BREACHED")])
    with pytest.raises(Permanent, match="credit"):
        client(sinch).send(BODY)


VIOLATION = {"field_violations": [{"field": "message.choice_message.choices[3].text_message", "description": "x"}]}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": {"code": 400, "status": "INVALID_ARGUMENT", "details": [VIOLATION]}}, VIOLATION),
        ({"code": 400, "message": "m", "status": "INVALID_REQUEST", "details": []}, "INVALID_REQUEST"),
        ({"error": {"status": "unauthorized", "details": [{"@type": "t", "value": "v"}]}}, "UNAUTHORIZED"),
        ({"error": {"status": "NOT_FOUND", "details": [{"fieldViolations": [{"field": "app_id"}]}]}}, "app_id"),
        ({"error": {"status": "NOT_FOUND", "details": [{"field": "+12025550142"}]}}, "NOT_FOUND"),
        ({"error": {"status": "+12025550142"}}, ""),
        ({"type": "about:blank", "title": "t", "status": 400, "detail": "+12025550142"}, ""),
        ({"error": "text"}, ""),
        ({"error": None, "details": {"field": "a"}}, ""),
        ([1], ""),
        ("+12025550142", ""),
    ],
)
def test_error_bodies(body: Any, expected: Any) -> None:
    told = " ".join(described(json.dumps(body).encode()))
    assert (VIOLATION["field_violations"][0]["field"] if expected is VIOLATION else expected) in told
    assert "2025550142" not in told
    assert "2025550142" not in refusal(Reply(400, {}, json.dumps(body).encode()), 0.0).sentence


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"\xff", b"[" * 5000])
def test_error_bodies_that_are_no_json(body: bytes) -> None:
    assert described(body) == ("", "")


@pytest.mark.parametrize("shape", ["wrapped", "flat", "problem", "text"])
def test_every_shape_over_http(sinch: FakeSinch, shape: Any) -> None:
    sinch.script([Answer(400, shape=shape)])
    with pytest.raises(Permanent) as caught:
        client(sinch).send(BODY)
    assert caught.value.code == ("INVALID_ARGUMENT" if shape in ("wrapped", "flat") else "")


NOW = 1_772_442_900.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        (" 7 ", 7.0),
        ("Mon, 02 Mar 2026 09:15:30 GMT", 30.0),
        ("Mon, 02 Mar 2026 09:15:30 -0000", 30.0),
        ("Mon, 02 Mar 2026 09:00:00 GMT", 0.0),
        ("999999999", 86400.0),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("٣", None),
        ("1" * 500, None),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    assert retry_after(text, NOW, lambda: 0.0) == seconds
    if seconds is not None:
        assert retry_after(text, NOW, lambda: 1.0) == seconds + 0.25


def test_backing_off() -> None:
    assert [back_off(n, chance=lambda: 1.0) for n in (1, 2, 3, 9, 10, 10_000)] == [2, 4, 8, 512, 600, 600]
    assert [back_off(n, limited=True, chance=lambda: 1.0) for n in (1, 2, 3, 5)] == [4, 16, 64, 600]
    assert back_off(3, chance=lambda: 0.0) == 0.0
    assert back_off(0, chance=lambda: 1.0) == 2.0
    assert len({back_off(5) for _ in range(20)}) > 1


@pytest.mark.parametrize("step", [Drop(), Hang(), AcceptThenDrop(), Hang(accepted=True), Slow(5.0)], ids=str)
def test_what_nobody_can_know(sinch: FakeSinch, step: Any) -> None:
    sinch.script([step])
    with pytest.raises(Ambiguous) as caught:
        client(sinch, timeout=limit(step)).send(BODY)
    assert caught.value.status == 0
    assert len(sinch.sent) == (1 if step in (AcceptThenDrop(), Hang(accepted=True)) else 0)


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_nothing_left_where_nobody_listens(sinch: FakeSinch) -> None:
    keys = replace(KEYS, basic=False)
    with pytest.raises(Unsent):
        ConversationClient(KEYS, closed_port()).send(BODY)
    with pytest.raises(Unsent, match="token endpoint"):
        ConversationClient(keys, sinch.url, closed_port()).send(BODY)


@pytest.mark.parametrize(
    ("step", "kind"),
    [(Answer(429, retry_after=3), Limited), (Answer(401), Permanent), (Answer(503), Unsent), (Hang(), Unsent)],
    ids=str,
)
def test_without_a_token_nothing_was_sent(sinch: FakeSinch, step: Any, kind: type[SendError]) -> None:
    sinch.script([step], at="token")
    with pytest.raises(kind, match="token") as caught:
        client(sinch, timeout=limit(step)).send(BODY)
    assert not isinstance(caught.value, Ambiguous)
    assert sinch.sent == []


# --- servers that behave badly -----------------------------------------------------------------------------


def read_request(connection: socket.socket) -> bytes:
    """A whole request: head and body come in one piece or in several."""
    found = b""
    while b"\r\n\r\n" not in found or len(found.partition(b"\r\n\r\n")[2]) < length(found):
        part = connection.recv(65536)
        if not part:
            raise OSError
        found += part
    return found


def length(request: bytes) -> int:
    return int(request.lower().partition(b"content-length:")[2].split()[0])


@contextmanager
def server(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """Reads each request and then lets ``talk`` have the connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def one(connection: socket.socket) -> None:
        with connection:
            try:
                read_request(connection)
                talk(connection)
            except OSError:
                pass

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def saying(*parts: bytes, pause: float = 0.0, forever: bool = False) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        while forever:
            connection.sendall(parts[-1])
            time.sleep(pause)

    return talk


def answer(body: bytes, head: str = "HTTP/1.1 200 OK") -> bytes:
    return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


PACKED = gzip.compress(b'{"message_id":"m"}' + b" " * 10_000_000)
GOOD = b'{"message_id":"m"}'


@pytest.mark.parametrize(
    "talk",
    [
        saying(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n", pause=0.05, forever=True),
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", b" ", pause=0.05, forever=True),
        saying(b"HTTP/1.1 100 Continue\r\n\r\n", pause=0.05, forever=True),
    ],
    ids="heads body continue".split(),
)
def test_an_answer_that_drips_ends_with_the_deadline(talk: Callable[[socket.socket], None]) -> None:
    with server(talk) as url, pytest.raises(Ambiguous):
        ConversationClient(KEYS, url, timeout=SHORT).send(BODY)


@pytest.mark.parametrize(
    "talk",
    [
        saying(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 65536, forever=True),
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"),
        saying(b"nonsense\r\n\r\n"),
        saying(answer(PACKED, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip")),
        saying(answer(b"")),
        saying(answer(b"[]")),
        saying(answer(b'{"message_id":""}')),
        saying(answer(b'{"message_id":7}')),
        saying(),
    ],
    ids="endless short nonsense packed empty list noid number closed".split(),
)
def test_an_answer_that_cannot_be_used_is_ambiguous(talk: Callable[[socket.socket], None]) -> None:
    with server(talk) as url, pytest.raises(Ambiguous):
        ConversationClient(KEYS, url).send(BODY)


def test_a_redirect_is_not_followed() -> None:
    asked: list[bytes] = []

    def elsewhere(connection: socket.socket) -> None:
        asked.append(b"elsewhere")
        connection.sendall(answer(GOOD))

    with server(elsewhere) as other:
        moved = answer(b"", f"HTTP/1.1 307 Moved\r\nLocation: {other}/x\r\nSet-Cookie: a=b")
        with server(saying(moved)) as url, pytest.raises(Permanent, match="redirected"):
            ConversationClient(KEYS, url).send(BODY)
    assert asked == []


def test_no_cookie_is_sent_back() -> None:
    seen: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        connection.sendall(answer(GOOD, "HTTP/1.1 200 OK\r\nSet-Cookie: a=b"))
        seen.append(read_request(connection))
        connection.sendall(answer(GOOD))

    with server(talk) as url:
        api = ConversationClient(KEYS, url)
        assert api.send(BODY).accepted_time == ""
        api.send(BODY)
    assert seen[0].startswith(b"POST /v1/projects/0f1d2c3b/messages:send HTTP/1.1"), "over the same connection"
    assert b"cookie" not in seen[0].lower()


def test_what_is_no_json_is_not_sent(sinch: FakeSinch) -> None:
    with pytest.raises(Permanent, match="nothing was sent"):
        client(sinch).send({**BODY, "message_metadata": "\ud800"})
    assert not sinch.sent
    assert not sinch.problems


def test_proxies_of_the_environment_are_ignored(sinch: FakeSinch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    client(sinch).send(BODY)
    assert len(sinch.sent) == 1


def test_a_fork_connects_anew(sinch: FakeSinch) -> None:
    api = client(sinch)
    api.send(BODY)
    child = os.fork()
    if not child:
        try:
            api.send(BODY)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    api.send(BODY)
    api.close()
    api.send(BODY)
    assert len(sinch.sent) == 4
    assert sinch.token_requests == 1


def test_no_error_log_or_repr_holds_a_secret_a_number_or_a_text(
    sinch: FakeSinch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = ""
    for basic in ("basic", "oauth"):
        api = client(sinch, timeout=SHORT, CONVERSATION_AUTH=basic)
        told += repr(api) + repr(api._keys) + repr(api._tokens)
        sinch.script([Answer(400), Answer(401), Answer(401), Answer(429), Answer(503), Drop(), Hang()])
        for _ in range(7):
            try:
                api.send(BODY)
            except SendError as error:
                told += "".join(traceback.format_exception(error)) + repr(error)
    assert "Ambiguous" in told
    account = sinch.account
    for hidden in (account.key_id, account.key_secret, "fake-token-", CONTACT, "canary"):
        assert hidden not in told + caplog.text


# --- the environment ---------------------------------------------------------------------------------------

ENV = {
    "PROJECT_ID": "0f1d2c3b-4a59",
    "PROJECT_ID_API_KEY": "key",
    "PROJECT_ID_API_SECRET": "canary-secret",
    "CONVERSATION_APP_ID": "01APP",
}


@pytest.mark.parametrize(
    ("changes", "base"),
    [
        ({}, "https://us.conversation.api.sinch.com"),
        ({"CONVERSATION_REGION": " EU "}, "https://eu.conversation.api.sinch.com"),
        ({"CONVERSATION_REGION": "br"}, "https://br.conversation.api.sinch.com"),
        ({"FLOWENGINE_CONVERSATION_URL": "http://127.0.0.1:8089/"}, "http://127.0.0.1:8089"),
    ],
)
def test_from_the_environment(changes: dict[str, str], base: str) -> None:
    api = ConversationClient.from_env(ENV | changes)
    assert api is not None
    assert (api.base_url, api.app) == (base, "01APP")
    assert api._token_url == "https://auth.sinch.com/oauth2/token"


def test_another_token_endpoint() -> None:
    api = ConversationClient.from_env(ENV | {"FLOWENGINE_AUTH_URL": "http://127.0.0.1:8089"})
    assert api is not None
    assert api._token_url == "http://127.0.0.1:8089/oauth2/token"


def test_without_an_app_there_are_no_messages() -> None:
    assert ConversationClient.from_env({}) is None
    assert ConversationClient.from_env({"PROJECT_ID": "somebody's own"}) is None
    assert missing_for_messages(ENV) == ""
    assert missing_for_messages({"PROJECT_ID": "p", "CONVERSATION_APP_ID": "a"}).startswith(
        "Messages cannot be sent: PROJECT_ID_API_KEY and PROJECT_ID_API_SECRET are not set"
    )


@pytest.mark.parametrize(
    ("changes", "names", "advice"),
    [
        ({"PROJECT_ID": ""}, "PROJECT_ID is not set", "dashboard"),
        ({"PROJECT_ID_API_SECRET": " "}, "PROJECT_ID_API_SECRET is not set", "dashboard"),
        ({"PROJECT_ID": "canary/../x"}, "PROJECT_ID is not an id", "dashboard"),
        ({"CONVERSATION_APP_ID": "canary app"}, "CONVERSATION_APP_ID", "copy it again"),
        ({"PROJECT_ID_API_KEY": "canary:key"}, "PROJECT_ID_API_KEY", "colon"),
        ({"PROJECT_ID_API_SECRET": "canary\nsecret"}, "PROJECT_ID_API_SECRET", "copy it again"),
        ({"CONVERSATION_REGION": "canary"}, "CONVERSATION_REGION", "us, eu or br"),
        ({"CONVERSATION_AUTH": "canary"}, "CONVERSATION_AUTH", "basic"),
        ({"FLOWENGINE_CONVERSATION_URL": "canary"}, "FLOWENGINE_CONVERSATION_URL", "not an address"),
        ({"FLOWENGINE_AUTH_URL": "http://user:canary@host"}, "FLOWENGINE_AUTH_URL", "not an address"),
    ],
)
def test_what_cannot_work_is_told_without_its_value(changes: dict[str, str], names: str, advice: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        ConversationClient.from_env(ENV | changes)
    told = "".join(traceback.format_exception(caught.value))
    assert names in str(caught.value)
    assert advice in str(caught.value)
    assert "canary" not in told


@pytest.mark.parametrize(
    "url", ["", "ftp://a", "http://", "http://[::", "http://a:99999", "http://a b", "http://a?b", "http://ä", "//a"]
)
def test_what_is_no_base(url: str) -> None:
    assert not is_base(url)
