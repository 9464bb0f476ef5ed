from __future__ import annotations

import traceback

import pytest

from flowengine.sinch.credentials import (
    HOSTS,
    Credentials,
    Misconfigured,
    must_check,
    protection,
    protection_note,
    verifier,
)
from flowengine.sinch.signing import Verifier, authorization

KEY, SECRET = "0d5e7b1a-3c44-4c0e-8f60-2b9f4a7712ee", "bXkta2V5LXNlY3JldA=="
BOTH = {"VOICE_APPLICATION_KEY": KEY, "VOICE_APPLICATION_SECRET": SECRET}


def read(**changes: str) -> Credentials:
    credentials = Credentials.from_env(BOTH | changes)
    assert credentials is not None
    return credentials


def signed(check: Verifier, key: str, secret: bytes) -> bool:
    sent = {name.lower(): text for name, text in authorization(key, secret, "POST", "/voice", b"{}").items()}
    return check.accepts("POST", "/voice", sent, b"{}")


def test_one_pair() -> None:
    credentials = read()
    assert credentials.keys == ((KEY, b"my-key-secret"),)
    assert credentials.password == SECRET
    assert (credentials.region, credentials.host) == ("global", "https://calling.api.sinch.com")


def test_nothing_set_is_no_credentials() -> None:
    assert Credentials.from_env({}) is None
    assert Credentials.from_env({"VOICE_APPLICATION_KEY": " ", "VOICE_APPLICATION_SECRET": ","}) is None


def test_the_first_signs_and_all_verify() -> None:
    credentials = read(VOICE_APPLICATION_SECRET=f"bmV3IG9uZQ, {SECRET}")
    assert credentials.keys == ((KEY, b"new one"), (KEY, b"my-key-secret"))
    assert credentials.password == "bmV3IG9uZQ"
    assert all(signed(credentials.verifier, *pair) for pair in credentials.keys)


def test_several_keys_with_a_secret_each() -> None:
    credentials = read(VOICE_APPLICATION_KEY=f"{KEY},other", VOICE_APPLICATION_SECRET=f"{SECRET},b3RoZXI=")
    assert credentials.keys == ((KEY, b"my-key-secret"), ("other", b"other"))
    assert not signed(credentials.verifier, "other", b"my-key-secret")


@pytest.mark.parametrize("region", HOSTS)
def test_regions(region: str) -> None:
    host = read(SINCH_VOICE_REGION=region.upper()).host
    assert host == (
        "https://calling.api.sinch.com" if region == "global" else f"https://calling-{region}.api.sinch.com"
    )


@pytest.mark.parametrize(
    ("changes", "names", "advice"),
    [
        ({"VOICE_APPLICATION_SECRET": ""}, "VOICE_APPLICATION_SECRET", "set it"),
        ({"VOICE_APPLICATION_KEY": ""}, "VOICE_APPLICATION_KEY", "set it"),
        ({"VOICE_APPLICATION_SECRET": "canary*value"}, "VOICE_APPLICATION_SECRET", "character 7 is '*'"),
        ({"VOICE_APPLICATION_SECRET": "canarya=="}, "VOICE_APPLICATION_SECRET", "copy it again"),
        ({"VOICE_APPLICATION_SECRET": f"{SECRET},canary*"}, "Value 2 of VOICE_APPLICATION_SECRET", "'*'"),
        ({"VOICE_APPLICATION_KEY": "canary,b,c"}, "VOICE_APPLICATION_KEY", "give each key its secret"),
        ({"VOICE_APPLICATION_KEY": "canary:b"}, "VOICE_APPLICATION_KEY", "copy it again"),
        ({"VOICE_APPLICATION_KEY": "canary b"}, "VOICE_APPLICATION_KEY", "copy it again"),
        ({"VOICE_APPLICATION_KEY": "canary\u00e9"}, "VOICE_APPLICATION_KEY", "copy it again"),
        ({"SINCH_VOICE_REGION": "eu"}, "SINCH_VOICE_REGION", "euc1"),
    ],
)
def test_what_cannot_work_is_told_without_its_value(changes: dict[str, str], names: str, advice: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        Credentials.from_env(BOTH | changes)
    told = "".join(traceback.format_exception(caught.value))
    assert names in str(caught.value)
    assert advice in str(caught.value)
    assert "canary" not in told
    assert SECRET not in told


@pytest.mark.parametrize(
    ("env", "mode", "checks"),
    [
        ({}, "deploy", True),
        ({"FLOWENGINE_ENV": "production"}, "deploy", True),
        ({"FLOWENGINE_ENV": "development"}, "deploy", False),
        ({"WEBHOOK_PROTECTION": "never"}, "never", False),
        ({"WEBHOOK_PROTECTION": " Always "}, "always", True),
        ({"WEBHOOK_PROTECTION": "always", "FLOWENGINE_ENV": "development"}, "always", True),
        ({"PROTECT_VOICE_CALLBACKS": "never"}, "never", False),
        ({"WEBHOOK_PROTECTION": "", "PROTECT_VOICE_CALLBACKS": "always"}, "always", True),
        ({"WEBHOOK_PROTECTION": "always", "PROTECT_VOICE_CALLBACKS": "never"}, "always", True),
        ({"WEBHOOK_PROTECTION": "off"}, "deploy", True),
        ({"WEBHOOK_PROTECTION": "off", "PROTECT_VOICE_CALLBACKS": "never"}, "deploy", True),
    ],
)
def test_protection(env: dict[str, str], mode: str, checks: bool) -> None:
    assert protection(env) == mode
    assert must_check(env) is checks
    assert bool(protection_note(env)) is (env.get("WEBHOOK_PROTECTION") == "off")


def test_an_unknown_mode_is_noted_by_its_variable() -> None:
    assert protection_note({"PROTECT_VOICE_CALLBACKS": "sometimes"}).startswith(
        "PROTECT_VOICE_CALLBACKS is none of never"
    )


def test_a_checking_mode_needs_a_secret() -> None:
    with pytest.raises(Misconfigured, match=r"VOICE_APPLICATION_KEY and VOICE_APPLICATION_SECRET are not set"):
        verifier({})
    with pytest.raises(Misconfigured, match="VOICE_APPLICATION_SECRET"):
        verifier({"VOICE_APPLICATION_KEY": KEY, "WEBHOOK_PROTECTION": "always"})
    way = "set FLOWENGINE_ENV=development, as tools/start does"
    with pytest.raises(Misconfigured, match=way):
        verifier({})
    with pytest.raises(Misconfigured) as strict:
        verifier({"WEBHOOK_PROTECTION": "always"})
    assert way not in str(strict.value)
    assert verifier({"WEBHOOK_PROTECTION": "never"}) is None
    assert verifier({"FLOWENGINE_ENV": "development"}) is None
    check = verifier(BOTH)
    assert check is not None
    assert signed(check, KEY, b"my-key-secret")


def test_repr_hides_everything() -> None:
    shown = f"{read()!r} {read()} {[read()]}"
    assert "region='global'" in shown
    assert not any(part in shown for part in (KEY, SECRET, "my-key"))
