from __future__ import annotations

import hashlib
import hmac
import json
import traceback
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowengine.sinch.credentials import Misconfigured
from flowengine.sinch.webhook_signing import (
    DAY,
    FUTURE,
    NO_TIME,
    NOT_OURS,
    OTHER_ALGORITHM,
    PAST,
    UNSIGNED,
    Verdict,
    Verifier,
    sign,
    signature,
    webhook_secrets,
    webhook_verifier,
)

Vector = dict[str, Any]
VECTORS: list[Vector] = json.loads((Path(__file__).parent / "data" / "webhook_vectors.json").read_text("utf-8"))
FIRST = VECTORS[0]
BODY = FIRST["body"].encode()
SECRET = FIRST["secret"].encode()
SENT = float(FIRST["timestamp"])
SIGNATURE = "x-sinch-webhook-signature"
NONCE, TIMESTAMP, ALGORITHM = f"{SIGNATURE}-nonce", f"{SIGNATURE}-timestamp", f"{SIGNATURE}-algorithm"
TOKEN = b"hook-token.142"


def headers(vector: Vector = FIRST) -> dict[str, str]:
    return {
        SIGNATURE: vector["signature"],
        NONCE: vector["nonce"],
        TIMESTAMP: vector["timestamp"],
        ALGORITHM: "HmacSHA256",
    }


def verifier(*secrets: bytes, now: float = SENT, window: float = DAY, tokens: tuple[bytes, ...] = ()) -> Verifier:
    return Verifier(secrets or (SECRET,), tokens, window, lambda: now)


def judged(body: bytes = BODY, check: Verifier | None = None, **others: Any) -> Verdict:
    """The first vector, with headers changed by their last word; None leaves one out."""
    given = {SIGNATURE if name == "signature" else f"{SIGNATURE}-{name}": text for name, text in others.items()}
    changed = {name: text for name, text in (headers() | given).items() if text is not None}
    return (check or verifier()).check(changed, body)


def stamped(timestamp: str, now: float = SENT, window: float = DAY) -> Verdict:
    """A genuine signature over any timestamp."""
    signed = signature(SECRET, BODY, "n1", timestamp)
    return judged(check=verifier(now=now, window=window), signature=signed, nonce="n1", timestamp=timestamp)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vectors(vector: Vector) -> None:
    body, secret = vector["body"].encode(), vector["secret"].encode()
    assert len(body) == vector["size"]
    assert signature(secret, body, vector["nonce"], vector["timestamp"]) == vector["signature"]
    check = verifier(secret, now=float(vector["timestamp"]))
    assert check.check(headers(vector), body) == Verdict(True, vector["nonce"])


def test_each_vector_is_of_its_own_body_only() -> None:
    for vector in VECTORS:
        check = verifier(vector["secret"].encode(), now=float(vector["timestamp"]))
        for other in VECTORS:
            assert check.check(headers(vector), other["body"].encode()).ok == (other["body"] == vector["body"])


# --- what is refused -------------------------------------------------------------------------------------


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_any_byte_of_the_body_changed(place: int, change: int) -> None:
    body = BODY[:place] + bytes([BODY[place] ^ change]) + BODY[place + 1 :]
    assert judged(body) == Verdict(False, reason=NOT_OURS)


@given(st.sampled_from(["signature", "nonce", "timestamp"]), st.data())
def test_any_character_of_a_header_changed(name: str, data: st.DataObject) -> None:
    text = headers()[SIGNATURE if name == "signature" else f"{SIGNATURE}-{name}"]
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(max_codepoint=255).filter(lambda each: each != text[place]))
    changed: dict[str, Any] = {name: text[:place] + other + text[place + 1 :]}
    assert not judged(**changed).ok


@given(st.integers(0, len(BODY)), st.binary(min_size=1, max_size=3))
def test_anything_put_in_or_taken_out(place: int, more: bytes) -> None:
    assert not judged(BODY[:place] + more + BODY[place:]).ok
    assert not judged(BODY[:place] + BODY[place + len(more) :]).ok or place == len(BODY)


@pytest.mark.parametrize("place", [place for place, byte in enumerate(BODY) if byte == ord(".")])
def test_a_body_cut_at_a_point_with_its_end_in_the_nonce(place: int) -> None:
    nonce = f"{BODY[place + 1 :].decode()}.{FIRST['nonce']}"
    assert signature(SECRET, BODY[:place], nonce, FIRST["timestamp"]) == FIRST["signature"]
    assert judged(BODY[:place], nonce=nonce) == Verdict(False, reason=NOT_OURS)


@pytest.mark.parametrize("name", ["signature", "nonce", "timestamp"])
@pytest.mark.parametrize("value", [None, "", "  ", [], (), 7, b"x"])
def test_a_header_missing(name: str, value: Any) -> None:
    assert judged(**{name: value}) == Verdict(False, reason=UNSIGNED)


def test_nothing_at_all() -> None:
    assert verifier().check({}, b"") == Verdict(False, reason=UNSIGNED)


def test_other_secrets_and_other_forms_of_the_same() -> None:
    for secret in (b"foo_secret123", b"FOO_SECRET1234", b64encode(SECRET), b" " + SECRET):
        assert judged(check=verifier(secret)).reason == NOT_OURS
    digest = hmac.new(SECRET, BODY + f".{FIRST['nonce']}.{FIRST['timestamp']}".encode(), hashlib.sha256)
    assert judged(signature=digest.hexdigest()).reason == NOT_OURS
    assert judged(signature=FIRST["signature"].rstrip("=")).reason == NOT_OURS
    assert judged(signature="sha256=" + FIRST["signature"]).reason == NOT_OURS


TEXTS = st.text() | st.text(st.characters(codec=None), max_size=5) | st.sampled_from(["", "x" * 100_000, "\ud800", "é"])


@given(
    st.dictionaries(
        st.sampled_from([SIGNATURE, NONCE, TIMESTAMP, ALGORITHM, NONCE.upper(), "authorization", "Authorization"]),
        TEXTS | st.lists(TEXTS, max_size=2) | st.none() | st.binary(),
    ),
    st.binary(max_size=20),
)
@example({SIGNATURE: "x", NONCE: "\ud800", TIMESTAMP: "9" * 5000}, b"")
@example({"authorization": "Bearer \ud800é"}, b"")
def test_no_header_raises(given: dict[str, Any], body: bytes) -> None:
    assert not verifier(tokens=(TOKEN,)).check(given, body).ok


def test_names_of_headers_that_are_no_texts() -> None:
    assert verifier().check({7: "x", None: "y"}, BODY).reason == UNSIGNED  # type: ignore[dict-item]


# --- what is tolerated -----------------------------------------------------------------------------------


def test_names_in_any_case_and_blanks_outside() -> None:
    given = {name.title(): f" \t{text} " for name, text in headers().items()}
    assert verifier().check(given, BODY) == Verdict(True, FIRST["nonce"])


def test_of_a_list_the_first_counts() -> None:
    assert judged(signature=[FIRST["signature"], "x"], nonce=(FIRST["nonce"],)).ok
    assert not judged(signature=["x", FIRST["signature"]]).ok


def test_a_nonce_is_given_as_it_was_signed() -> None:
    nonce = "caf\u00e9"
    signed = signature(SECRET, BODY, nonce, FIRST["timestamp"])
    assert judged(signature=signed, nonce=f" {nonce} ") == Verdict(True, nonce)


@pytest.mark.parametrize("algorithm", [None, "", "HmacSHA256", "hmacsha256", "HMAC-SHA256", "Hmac-SHA-256"])
def test_algorithms(algorithm: str | None) -> None:
    assert judged(algorithm=algorithm).ok


@pytest.mark.parametrize("algorithm", ["HmacSHA1", "none", "HmacSHA512", "Hmac SHA256", "é"])
def test_other_algorithms(algorithm: str) -> None:
    assert judged(algorithm=algorithm) == Verdict(False, reason=OTHER_ALGORITHM)


def test_several_secrets_are_active_at_once() -> None:
    assert judged(check=verifier(b"new", SECRET)).ok
    assert judged(check=verifier(SECRET, b"new")).ok
    assert not judged(check=verifier(b"new", b"newer")).ok


# --- time ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "window", "reason"),
    [
        (0, DAY, ""),
        (DAY, DAY, ""),
        (DAY + 1, DAY, PAST),
        (61, 60, PAST),
        (60, 60, ""),
        (10 * 365 * DAY, 0, ""),
        (-300, DAY, ""),
        (-301, DAY, FUTURE),
        (-301, 0, FUTURE),
    ],
)
def test_the_window(age: float, window: float, reason: str) -> None:
    for timestamp in (FIRST["timestamp"], FIRST["timestamp"] + "000"):
        verdict = stamped(timestamp, SENT + age, window)
        assert (verdict.ok, verdict.reason) == (not reason, reason)


@pytest.mark.parametrize("timestamp", ["soon", "1634579353.5", "-1634579353", "+1634579353", "٣", "1e9", "9" * 5000])
@pytest.mark.parametrize("window", [0, DAY])
def test_a_genuine_signature_over_what_is_no_time(timestamp: str, window: float) -> None:
    assert stamped(timestamp, window=window) == Verdict(False, reason=NO_TIME)


def test_the_signature_is_judged_before_the_time() -> None:
    assert judged(timestamp="soon").reason == NOT_OURS
    assert judged(check=verifier(b"other", now=SENT + 2 * DAY)).reason == NOT_OURS
    assert judged(check=verifier(now=SENT + 2 * DAY)).reason == PAST


# --- bearer tokens ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["Bearer hook-token.142", "bearer hook-token.142", " BEARER  hook-token.142 "])
def test_a_token_vouches(header: str) -> None:
    for check in (verifier(tokens=(TOKEN,)), verifier(tokens=(b"new", TOKEN)), Verifier((), (TOKEN,))):
        assert check.check({"Authorization": header}, b"anything") == Verdict(True)


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "hook-token.142", "Basic hook-token.142", "Bearer hook-token.14", "Bearer é"]
)
def test_another_token_does_not(header: str) -> None:
    assert verifier(tokens=(TOKEN,)).check({"authorization": header}, BODY) == Verdict(False, reason=UNSIGNED)


def test_a_token_where_none_is_set() -> None:
    assert not verifier().check({"authorization": "Bearer hook-token.142"}, BODY).ok


def test_a_signature_tells_its_nonce_though_a_token_vouches_too() -> None:
    check = verifier(tokens=(TOKEN,))
    both = headers() | {"authorization": "Bearer hook-token.142"}
    assert check.check(both, BODY) == Verdict(True, FIRST["nonce"])
    assert check.check(both, BODY + b" ") == Verdict(True)


# --- signing, nonces, the environment --------------------------------------------------------------------


def test_what_we_sign_passes() -> None:
    one, two = sign(SECRET, b"{}"), sign(SECRET, b"{}")
    check = Verifier([SECRET])
    assert check.check(one, b"{}") == Verdict(True, one[NONCE])
    assert one[NONCE] != two[NONCE]
    assert sign(SECRET, BODY, FIRST["nonce"], SENT) == {"Content-Type": "application/json", **headers()}


ENV = {"CONVERSATION_WEBHOOK_SECRET": FIRST["secret"]}


def configured(**env: str) -> Verifier:
    check = webhook_verifier(ENV | env, lambda: SENT)
    assert check is not None
    return check


def test_the_environment() -> None:
    assert judged(check=configured()).ok
    assert configured().window == DAY
    assert configured(CONVERSATION_WEBHOOK_WINDOW="2h").window == 7200
    assert configured(CONVERSATION_WEBHOOK_WINDOW="0").window == 0
    assert webhook_verifier({"FLOWENGINE_ENV": "development"}) is None
    assert webhook_verifier(ENV | {"WEBHOOK_PROTECTION": "never"}) is None


def test_secrets_rotate() -> None:
    rotating = f"new one, {FIRST['secret']}"
    assert judged(check=configured(CONVERSATION_WEBHOOK_SECRET=rotating)).ok
    assert webhook_secrets({"CONVERSATION_WEBHOOK_SECRET": rotating})[0] == b"new one"
    assert judged(check=configured(CONVERSATION_WEBHOOK_SECRET="new one")).reason == NOT_OURS


def test_a_secret_is_taken_as_typed() -> None:
    for secret in ("a,b", " a ", "clé-ß", "=="):
        check = configured(CONVERSATION_WEBHOOK_SECRET=secret)
        assert check.check(sign(secret.encode(), BODY, moment=SENT), BODY).ok
    assert webhook_secrets({}) == webhook_secrets({"CONVERSATION_WEBHOOK_SECRET": " , "}) == ()


def test_a_token_in_the_environment() -> None:
    check = webhook_verifier({"CONVERSATION_WEBHOOK_TOKEN": "new, hook-token.142"})
    assert check is not None
    assert check.check({"authorization": "Bearer hook-token.142"}, b"").ok
    assert check.check({"authorization": "Bearer new"}, b"").ok
    assert not check.check({"authorization": "Bearer new, hook-token.142"}, b"").ok


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({}, "CONVERSATION_WEBHOOK_SECRET"),
        ({"CONVERSATION_WEBHOOK_SECRET": " , "}, "CONVERSATION_WEBHOOK_SECRET"),
        (ENV | {"CONVERSATION_WEBHOOK_WINDOW": "a day"}, "CONVERSATION_WEBHOOK_WINDOW"),
        (ENV | {"CONVERSATION_WEBHOOK_TOKEN": "Bearer hook-token.142"}, "CONVERSATION_WEBHOOK_TOKEN"),
    ],
)
def test_an_environment_that_cannot_work(env: dict[str, str], named: str) -> None:
    with pytest.raises(Misconfigured, match=named) as caught:
        webhook_verifier(env)
    told = "".join(traceback.format_exception(caught.value))
    assert FIRST["secret"] not in told and "hook-token.142" not in str(caught.value)


def test_a_verifier_of_nothing() -> None:
    for secrets, tokens in (((), ()), ((b"",), ()), ((SECRET,), (b"",))):
        with pytest.raises(ValueError, match="secret or a token"):
            Verifier(secrets, tokens)


def test_it_shows_no_secret() -> None:
    assert repr(verifier(tokens=(TOKEN,))) == "Verifier(1 secrets, 1 tokens)"
