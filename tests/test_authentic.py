"""Who may change anything: altered requests, replays, and keys that rotate, some thousands of each."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from flask.testing import FlaskClient
from serving import KEY, SECRET, Line
from test_service import MENU

from flowengine.sinch.signing import authorization, decode_secret
from flowengine.web import create_app

SECOND = "c2Vjb25kIHNlY3JldA=="
KIND = "application/json; charset=utf-8"


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    found = Line(tmp_path, MENU, store=f"sqlite:///{tmp_path}/x.db")
    yield found
    found.store.close()


def client(line: Line, secrets: str = SECRET) -> FlaskClient:
    env = {"VOICE_APPLICATION_KEY": KEY, "VOICE_APPLICATION_SECRET": secrets, "WEBHOOK_PROTECTION": "always"}
    return create_app(env, line.service).test_client()


def signed(body: bytes, secret: str = SECRET, path: str = "/voice") -> dict[str, str]:
    headers = authorization(KEY, decode_secret(secret), "POST", path, body, KIND)
    return {**headers, "Content-Type": KIND}


def ice(call: str) -> bytes:
    to = {"type": "did", "endpoint": "+12025550100"}
    return orjson.dumps({"event": "ice", "callid": call, "version": 1, "timestamp": "2025-01-01T00:00:00Z", "to": to})


def pie(call: str) -> bytes:
    result = {"menuId": "main", "type": "return", "value": "pin"}
    body = {"event": "pie", "callid": call, "version": 1, "timestamp": "2025-01-01T00:00:05Z", "menuResult": result}
    return orjson.dumps(body)


def test_altered_requests_change_nothing(line: Line) -> None:
    """3,000 requests with one byte of the body, the path, the key, the signature or the time changed."""
    chance = random.Random(15)
    asked, body = client(line), ice("altered")
    good = signed(body)
    statuses = set()
    for _ in range(3000):
        part = chance.choice(("body", "path", "Authorization", "x-timestamp", "Content-Type"))
        headers, sent, path = dict(good), body, "/voice"
        if part == "body":
            sent = _flipped(body, chance)
        elif part == "path":
            path = chance.choice(("/voicE", "/x/voice", "/ice", "/voice/voice", "//voice"))
        else:
            name = next(each for each in good if each.lower() == part.lower())
            headers[name] = _changed(good[name], chance, 12 if name.lower() == "authorization" else 0)
        statuses.add(asked.post(path, data=sent, headers=headers).status_code)
    assert statuses <= {401, 404, 308}
    assert 401 in statuses
    assert line.store.load(line.key("altered")).session is None
    assert line.store.dead_letters() == 0


def _flipped(body: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(body))
    return body[:at] + bytes([body[at] ^ (1 << chance.randrange(8))]) + body[at + 1 :]


def _changed(text: str, chance: random.Random, start: int) -> str:
    """One character changed to another that means something else (base64's last ones may not)."""
    at = chance.randrange(start, max(start + 1, len(text) - 3))
    other = chance.choice([each for each in "ABCabc123" if each.lower() != text[at].lower()])
    return text[:at] + other + text[at + 1 :]


@pytest.mark.parametrize("later", [1, 360, 2 * 86400])
def test_replays_are_harmless(line: Line, later: int) -> None:
    """1,000 authentic captures, sent again after a second, six minutes and two days."""
    asked = client(line)
    captured = [(body, signed(body)) for n in range(500) for body in (ice(f"replay-{n}"), pie(f"replay-{n}"))]
    first = [asked.post("/voice", data=body, headers=headers).data for body, headers in captured]
    line.now += later
    line.store.sweep(line.now)
    again = [asked.post("/voice", data=body, headers=headers).data for body, headers in captured]
    assert again == first
    assert len(line.store.journal(line.key("replay-0"))) <= 2
    assert line.asked == []


def test_keys_rotate_without_a_refusal(line: Line) -> None:
    """3,000 requests while the secret goes from the old one to both, and to the new one."""
    rounds = [(SECRET, [SECRET]), (f"{SECOND},{SECRET}", [SECRET, SECOND]), (SECOND, [SECOND])]
    for number, (active, used) in enumerate(rounds):
        asked = client(line, active)
        for n in range(1000):
            body = ice(f"rotate-{number}-{n}")
            assert asked.post("/voice", data=body, headers=signed(body, used[n % len(used)])).status_code == 200
    assert client(line, SECOND).post("/voice", data=b"{}", headers=signed(b"{}", SECRET)).status_code == 401
