from __future__ import annotations

import base64
import hashlib
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowengine.sinch.signing import Verifier, authorization, decode_secret, signature

Vector = dict[str, str]
VECTORS: list[Vector] = json.loads((Path(__file__).parent / "data" / "vectors.json").read_text("utf-8"))
FIRST = VECTORS[0]


def headers(vector: Vector) -> dict[str, str]:
    return {
        "authorization": f"Application {vector['key']}:{vector['signature']}",
        "content-type": vector["content_type"],
        "x-timestamp": vector["timestamp"],
    }


def verifier(vector: Vector = FIRST) -> Verifier:
    return Verifier([(vector["key"], decode_secret(vector["secret"]))])


def accepted(change: Callable[[dict[str, str]], object] = lambda _: None, others: Vector | None = None) -> bool:
    """Whether the first vector passes after a change to its headers or to other parts."""
    vector = FIRST | (others or {})
    given = headers(FIRST)
    change(given)
    return verifier().accepts(vector["verb"], vector["path"], given, vector["body"].encode())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_published_vectors(vector: Vector) -> None:
    body = vector["body"].encode()
    digest = base64.b64encode(hashlib.md5(body).digest()).decode() if body else ""
    made = signature(
        decode_secret(vector["secret"]),
        vector["verb"],
        vector["path"],
        vector["content_type"],
        vector["timestamp"],
        body,
    )
    assert (digest, made) == (vector["content_md5"], vector["signature"])
    assert verifier(vector).accepts(vector["verb"], vector["path"], headers(vector), body)


@pytest.mark.parametrize("scheme", ["Application", "application", "APPLICATION"])
def test_scheme_in_any_case(scheme: str) -> None:
    assert accepted(lambda given: given.update(authorization=f"{scheme} {FIRST['key']}:{FIRST['signature']}"))


@pytest.mark.parametrize(
    "key",
    [
        FIRST["key"],
        FIRST["key"].lower(),
        FIRST["key"].replace("-", ""),
        FIRST["key"].lower().replace("-", ""),
    ],
)
def test_guid_keys_fold(key: str) -> None:
    assert accepted(lambda given: given.update(authorization=f"Application {key}:{FIRST['signature']}"))


def test_other_keys_compare_exactly() -> None:
    third = VECTORS[2]
    given = headers(third) | {"authorization": f"Application {third['key'].upper()}:{third['signature']}"}
    assert not verifier(third).accepts(third["verb"], third["path"], given, third["body"].encode())


@pytest.mark.parametrize(
    "others",
    [
        {"path": "/sinch/callback/ice"},
        {"path": "/sinch/callback/ace/"},
        {"path": ""},
        {"verb": "GET"},
        {"body": FIRST["body"].replace("ace", "ice")},
        {"body": ""},
        {"body": FIRST["body"] + "\n"},
    ],
)
def test_another_request_is_refused(others: dict[str, str]) -> None:
    assert accepted()
    assert not accepted(others=others)


KEY, SIGNED = FIRST["key"], FIRST["signature"]


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Application",
        "Application ",
        "Application :",
        f"Application {KEY}",
        f"Application {KEY}:",
        f"Application :{SIGNED}",
        f"authorization {KEY}:{SIGNED}",
        f"Applicatio {KEY}:{SIGNED}",
        f"Basic {KEY}:{SIGNED}",
        "Basic " + base64.b64encode(f"{KEY}:{FIRST['secret']}".encode()).decode(),
        f"Basic {KEY}:{FIRST['secret']}",
        f"{KEY}:{SIGNED}",
        f"Application  {KEY}:{SIGNED}",
        f" Application {KEY}:{SIGNED}",
        f"Application\t{KEY}:{SIGNED}",
        f"Application {KEY}: {SIGNED}",
        f"Application {KEY} :{SIGNED}",
        f"Application {KEY}:{SIGNED} ",
        f"Application {KEY}:{SIGNED}\n",
        f"Application {KEY}::{SIGNED}",
        f"Application {KEY}:{SIGNED}:",
        f"Application {KEY}:{SIGNED[:-1]}",
        f"Application {KEY}:{SIGNED}=",
        f"Application {KEY}:{SIGNED.lower()}",
        f"Application {KEY}:{SIGNED[:-1]}\u00e9",
        f"Application {KEY}:\u0661{SIGNED[1:]}",
        f"Application {KEY}:{SIGNED}\udc80",
        f"Application {KEY}:{SIGNED}\x00",
        f"Applicat\u0131on {KEY}:{SIGNED}",
        f"Application 00000000-6BBA-48AB-AF15-266871C28135:{SIGNED}",
        f"Application {{{KEY}}}:{SIGNED}",
    ],
)
def test_garbled_authorization_is_refused(authorization: str) -> None:
    assert not accepted(lambda given: given.update(authorization=authorization))


@pytest.mark.parametrize("name", ["authorization", "x-timestamp", "content-type"])
def test_missing_header_is_refused(name: str) -> None:
    assert not accepted(lambda given: given.pop(name))
    assert not accepted(lambda given: given.update({name: ""}))


@pytest.mark.parametrize(
    "change",
    [
        {"x-timestamp": "2014-09-24T10:59:42Z"},
        {"x-timestamp": "2014-09-24T10:59:41"},
        {"content-type": "application/json; charset=utf-8"},
        {"content-type": "Application/json"},
    ],
)
def test_changed_header_is_refused(change: dict[str, str]) -> None:
    assert not accepted(lambda given: given.update(change))


def test_another_secret_is_refused() -> None:
    other = Verifier([(FIRST["key"], b"another secret")])
    assert not other.accepts(FIRST["verb"], FIRST["path"], headers(FIRST), FIRST["body"].encode())
    assert not Verifier([]).accepts(FIRST["verb"], FIRST["path"], headers(FIRST), FIRST["body"].encode())


def same_but_for_case(old: str, new: str) -> bool:
    """The scheme and a GUID key fold case by design: such a change is no attack."""
    cut = old.index(":")
    return new[:cut].lower() == old[:cut].lower() and new[cut:] == old[cut:]


def test_single_byte_mutations_are_refused() -> None:
    """All places of body, path and headers, random bytes, 6,000 in all."""
    chance, check = random.Random(20140924), verifier()
    parts = {"path": FIRST["path"], "body": FIRST["body"], **headers(FIRST)}
    tried = 0
    while tried < 6000:
        name = chance.choice(list(parts))
        old = parts[name]
        at, byte = chance.randrange(len(old)), chr(chance.randrange(256))
        new = old[:at] + byte + old[at + 1 :]
        if new == old or (name == "authorization" and same_but_for_case(old, new)):
            continue
        changed = parts | {name: new}
        body = changed["body"].encode("latin-1")
        assert not check.accepts("POST", changed["path"], changed, body), (name, at, byte)
        tried += 1


@given(st.text(), st.text(), st.dictionaries(st.sampled_from(list(headers(FIRST))), st.text()), st.binary())
def test_never_raises(verb: str, path: str, given: dict[str, str], body: bytes) -> None:
    assert not verifier().accepts(verb, path, given, body)
    given["authorization"] = f"Application {FIRST['key']}:" + given.get("authorization", "")
    assert not verifier().accepts(verb, path, given, body)


def test_keys_rotate() -> None:
    old, new = b"the old secret", b"the new secret"
    both = Verifier([("app", old), ("app", new), ("other", b"of another application")])
    for key, secret in [("app", old), ("app", new), ("other", b"of another application")]:
        sent = {name.lower(): text for name, text in authorization(key, secret, "POST", "/ice", b"{}").items()}
        assert both.signer("POST", "/ice", sent, b"{}") == key
    crossed = {name.lower(): text for name, text in authorization("other", old, "POST", "/", b"{}").items()}
    assert not both.accepts("POST", "/", crossed, b"{}")


def test_percent_decoded_path_passes() -> None:
    for signed in ("/flows/caf%C3%A9%20one", "/flows/caf\u00e9 one"):
        sent = {name.lower(): text for name, text in authorization("app", b"s", "POST", signed, b"{}").items()}
        check = Verifier([("app", b"s")])
        assert check.accepts("POST", "/flows/caf%C3%A9%20one", sent, b"{}")
        assert not check.accepts("POST", "/flows/caf%C3%A9%20two", sent, b"{}")


def test_headers_of_our_own_requests() -> None:
    moment = datetime(2025, 3, 4, 5, 6, 7, 123456, tzinfo=UTC)
    made = authorization("app", b"s", "post", "/calling/v1/callouts", b"{}", now=moment)
    assert made["x-timestamp"] == "2025-03-04T05:06:07.123Z"
    assert made["Authorization"].startswith("application app:")
    sent = {name.lower(): text for name, text in made.items()}
    assert Verifier([("app", b"s")]).accepts("POST", "/calling/v1/callouts", sent, b"{}")


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("BeIukql3pTKJ8RGL5zo0DA==", base64.b64decode("BeIukql3pTKJ8RGL5zo0DA==")),
        ("BeIukql3pTKJ8RGL5zo0DA", base64.b64decode("BeIukql3pTKJ8RGL5zo0DA==")),
        ("  bXkta2V5\n", b"my-key"),
        ("-_-_", base64.b64decode("+/+/")),
        ("app-secret", base64.b64decode("app+secret==")),
    ],
)
def test_secrets_decode(text: str, secret: bytes) -> None:
    assert decode_secret(text) == secret


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("====", "empty"),
        ("bXkta2V5LXNl*3JldA==", "character 13 is '*'"),
        ("bXkta2V5\u00e9AAA", "character 9 is"),
        ("bXkt a2V5", "character 5 is ' '"),
        ("bX=kta2V5", "character 3 is '='"),
        ("bXkta", "missing"),
        ("bXkta2V5=", "too many"),
        ("bXkta2V5L===", "missing"),
        ("bXkta2V5LA===", "too many"),
    ],
)
def test_secrets_that_are_not_base64(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"^(it is|character|[0-9]+ characters)") as caught:
        decode_secret(text)
    assert reason in str(caught.value)
    assert len(text) < 4 or text not in str(caught.value)


def test_a_verifier_needs_and_hides_its_secrets() -> None:
    with pytest.raises(ValueError, match="empty"):
        Verifier([("app", b"")])
    with pytest.raises(ValueError, match="empty"):
        Verifier([("", b"s")])
    assert repr(verifier()) == "Verifier(1 keys)"
