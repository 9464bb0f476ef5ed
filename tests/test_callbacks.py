from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowengine.callbacks import BadBody, Callback, call_key, dedupe_key, read

Body = dict[str, Any]
CALL = "7f1c0a52d0c94a7e9a3e51f6b2d8c901"
APPLICATION = "0d5e7b1a-3c44-4c0e-8f60-2b9f4a7712ee"
COMMON: Body = {
    "callid": CALL,
    "timestamp": "2025-02-03T09:15:27Z",
    "version": 1,
    "applicationKey": APPLICATION,
}
ICE: Body = {
    "event": "ice",
    **COMMON,
    "callResourceUrl": f"https://calling-euc1.api.sinch.com/calling/v1/calls/id/{CALL}",
    "custom": "",
    "userRate": {"currencyId": "EUR", "amount": 0.0112},
    "cli": "12025550101",
    "to": {"type": "did", "endpoint": "+12025550102"},
    "domain": "pstn",
    "originationType": "PSTN",
    "rdnis": "",
    "callHeaders": [],
}
PIE: Body = {
    "event": "pie",
    **COMMON,
    "menuResult": {"menuId": "main", "type": "return", "value": "billing", "inputMethod": "dtmf"},
}
DICE: Body = {
    "event": "dice",
    **COMMON,
    "custom": '{"ticket":4411}',
    "reason": "CALLERHANGUP",
    "result": "ANSWERED",
    "duration": 204,
    "debit": {"currencyId": "EUR", "amount": 0.0381},
    "from": "12025550101",
    "to": {"type": "number", "endpoint": "12025550103"},
}
NOTIFY: Body = {
    "event": "notify",
    "callid": CALL,
    "version": 1,
    "type": "recording_available",
    "destination": "s3://acme-calls/2025/02/7f1c0a52.mp3",
}


def took(body: Body, **changes: Any) -> Callback:
    return read(orjson.dumps(body | changes))


def test_ice() -> None:
    callback = took(ICE, user="anna", conferenceId="room-1", callHeaders=[{"key": "X-Shop", "value": "7"}])
    assert replace(callback, fields={}) == Callback(
        event="ice",
        call_id=CALL,
        timestamp="2025-02-03T09:15:27Z",
        application_key=APPLICATION,
        conference_id="room-1",
        url=ICE["callResourceUrl"],
        user="anna",
        cli="12025550101",
        cli_known=True,
        to_type="did",
        to_endpoint="+12025550102",
        domain="pstn",
        origination="pstn",
        headers=[("X-Shop", "7")],
    )
    assert callback.fields["userRate"] == {"currencyId": "EUR", "amount": 0.0112}


def test_ace() -> None:
    callback = took({"event": "ace", **COMMON, "amd": {"status": "human", "reason": "greeting", "duration": 2}})
    assert (callback.event, callback.amd_status, callback.amd_reason) == ("ace", "human", "greeting")
    assert took({"event": "ace", **COMMON}).amd_status == ""


def test_pie() -> None:
    callback = took(PIE)
    assert (callback.menu_id, callback.menu_type, callback.menu_value, callback.input_method) == (
        "main",
        "return",
        "billing",
        "dtmf",
    )


def test_dice() -> None:
    callback = took(DICE)
    assert (callback.reason, callback.result, callback.duration) == ("CALLERHANGUP", "ANSWERED", 204)
    assert (callback.cli, callback.to_type, callback.to_endpoint) == ("12025550101", "number", "12025550103")
    assert callback.custom == '{"ticket":4411}'


def test_notify() -> None:
    callback = took(NOTIFY)
    assert (callback.notify_type, callback.destination) == ("recording_available", NOTIFY["destination"])
    failed = took(NOTIFY, type="callingerror", errorCode=40001, errorMsg="bad", user="anna")
    assert (failed.error_code, failed.error_message, failed.user) == (40001, "bad", "anna")
    beep = took(NOTIFY, type="amd", amd={"status": "machine", "reason": "longgreeting", "duration": 4})
    assert (beep.amd_status, beep.amd_reason) == ("machine", "longgreeting")


def menu(**changes: Any) -> Body:
    return {"menuResult": PIE["menuResult"] | changes}


def without(body: Body, *names: str) -> Body:
    return {name: value for name, value in body.items() if name not in names}


NOTHINGS: list[Any] = [None, {}, []]
IDENTITIES = [
    "number",
    "Number",
    "username",
    "Username",
    "sip",
    "Sip",
    "SIP",
    "did",
    "Did",
    "conference",
    "email",
    "newer",
]
NOTICES = [
    "recording_finished",
    "recording_available",
    "transcription_available",
    "amd",
    "amd_beep",
    "callingerror",
    "New",
]
NO_CALL_ID: list[Any] = [None, "", 7, [], {}, "x" * 513, "x" * 10_000, "a\0b"]
NO_HEADERS: list[Any] = [None, [], {}, "", [None, 3, "x", {}]]
NO_DURATION: list[Any] = [True, "", "x", [], "9" * 300]
SPELLINGS: list[tuple[Body, str, object]] = [
    # the event and the call
    *[(ICE | {"event": word}, "event", "ice") for word in ("ice", "ICE", "Ice", "iCe")],
    *[(DICE | {"event": word}, "event", "dice") for word in ("dice", "DiCE", "DICE")],
    *[(PIE | {"event": word}, "event", "pie") for word in ("Pie", "PIE")],
    (without(ICE, "event") | {"Event": "ice"}, "event", "ice"),
    *[(without(ICE, "callid") | {name: "c1"}, "call_id", "c1") for name in ("callid", "callId", "CallID", "CALLID")],
    (ICE | {"callId": "c1"}, "call_id", CALL),
    (without(ICE, "callid") | {"CALLID": "c2", "callid": "c1"}, "call_id", "c1"),
    *[(ICE | {"callid": name}, "call_id", name) for name in ("a4b7-05b4_257", "abc@192.0.2.1", "a/b", "x" * 512)],
    *[(ICE | {"callid": bad}, "call_id", "") for bad in NO_CALL_ID],
    (without(ICE, "custom"), "custom", ""),
    (ICE | {"custom": {"ticket": 1}}, "custom", '{"ticket":1}'),
    (ICE | {"custom": 44}, "custom", "44"),
    *[
        (without(ICE, "applicationKey") | {name: "k"}, "application_key", "k")
        for name in ("applicationKey", "applicationkey", "ApplicationKey")
    ],
    (ICE | {"applicationKey": None}, "application_key", ""),
    *[(PIE | {name: "room"}, "conference_id", "room") for name in ("conferenceId", "conferenceid", "ConferenceId")],
    *[
        (body | {"callResourceUrl": "https://h/x"}, "url", "https://h/x")
        for body in (ICE, {"event": "ace", **COMMON}, PIE, DICE, NOTIFY)
    ],
    (without(ICE, "callResourceUrl") | {"callresourceurl": "https://h/x"}, "url", "https://h/x"),
    # identities
    *[(ICE | {"to": {"type": kind, "endpoint": "x"}}, "to_type", kind.lower()) for kind in IDENTITIES],
    (ICE | {"to": {"Type": "Number", "Endpoint": "x", "verified": None}}, "to_type", "number"),
    (ICE | {"to": {"Type": "Number", "Endpoint": "x"}}, "to_endpoint", "x"),
    (ICE | {"to": "12025550103"}, "to_endpoint", "12025550103"),
    *[(ICE | {"to": nothing}, "to_endpoint", "") for nothing in (None, {}, {"type": None, "endpoint": None})],
    *[(ICE | {"domain": word}, "domain", word.lower()) for word in ("pstn", "PSTN", "mxp", "MXP", "Sip", "conference")],
    *[
        (ICE | {"originationType": word}, "origination", word.lower())
        for word in ("pstn", "PSTN", "mxp", "MXP", "sip", "server")
    ],
    *[(ICE | {"rdnis": text}, "rdnis", text or "") for text in ("", None, "+12025550104")],
    # the caller
    *[
        (ICE | {"cli": cli}, "cli_known", True)
        for cli in (
            "12025550101",
            "+12025550101",
            "ACME",
            "Anna <+12025550101>",
            "Unknown <+12025550101>",
            "0042",
        )
    ],
    *[
        (ICE | {"cli": cli}, "cli_known", False)
        for cli in (
            None,
            "",
            " ",
            "private",
            "Private",
            "anonymous",
            "ANONYMOUS",
            "unavailable",
            "+anonymous",
        )
    ],
    (ICE | {"cli": "Anonymous <anonymous@192.0.2.1>"}, "cli_known", False),
    (ICE | {"cli": "anonymous@anonymous.invalid"}, "cli_known", False),
    (without(ICE, "cli"), "cli_known", False),
    (ICE | {"cli": "private"}, "cli", "private"),
    (DICE | {"from": "private"}, "cli_known", False),
    (DICE | {"from": {"type": "number", "endpoint": "12025550101"}}, "cli", "12025550101"),
    # headers
    *[
        (without(body, "callHeaders") | {name: [{"key": "X-A", "value": "1"}]}, "headers", [("X-A", "1")])
        for body in (ICE, DICE)
        for name in ("callHeaders", "callheaders", "CallHeaders")
    ],
    (ICE | {"callHeaders": [{"Key": "X-A", "Value": "1"}]}, "headers", [("X-A", "1")]),
    (
        ICE | {"callHeaders": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]},
        "headers",
        [("a", "1"), ("a", "2")],
    ),
    *[(ICE | {"callHeaders": nothing}, "headers", []) for nothing in NO_HEADERS],
    # menus
    *[(PIE | menu(type=word), "menu_type", word.lower()) for word in ("return", "Return", "SEQUENCE", "InvalidInput")],
    *[(PIE | menu(type=word), "menu_type", word) for word in ("timeout", "hangup", "error", "newer")],
    *[
        (PIE | menu(value=value), "menu_value", text)
        for value, text in (("0042", "0042"), (None, ""), ("", ""), (42, "42"))
    ],
    (PIE | {"menuResult": without(PIE["menuResult"], "value")}, "menu_value", ""),
    *[(PIE | menu(inputMethod=word), "input_method", word.lower()) for word in ("dtmf", "voice", "DTMF", "Voice")],
    (PIE | {"menuResult": without(PIE["menuResult"], "inputMethod")}, "input_method", ""),
    (PIE | {"menuResult": {"MenuId": "m", "Type": "Return", "Value": "x"}}, "menu_id", "m"),
    (PIE | {"menuResult": {"MenuId": "m", "Type": "Return", "Value": "x"}}, "menu_value", "x"),
    (without(PIE, "menuResult") | {"menuresult": PIE["menuResult"]}, "menu_value", "billing"),
    *[(PIE | {"menuResult": nothing}, "menu_type", "") for nothing in [*NOTHINGS, "x"]],
    # answering machines
    *[
        ({"event": "ace", **COMMON, "amd": {"status": word}}, "amd_status", word.lower())
        for word in ("human", "Machine", "notsure", "hangup", "inprogress", "InProgress", "newer")
    ],
    *[({"event": "ace", **COMMON, "amd": {"Status": "x", "Reason": "N/A"}}, "amd_reason", "n/a")],
    *[({"event": "ace", **COMMON, "amd": nothing}, "amd_status", "") for nothing in [*NOTHINGS, "human"]],
    # the end of a call
    *[(DICE | {"reason": word}, "reason", word.upper()) for word in ("callerhangup", "N/A", "Cancel", "NEWER")],
    *[(DICE | {"result": word}, "result", word.upper()) for word in ("answered", "N/A", "NoAnswer", "DENIED")],
    *[(DICE | {"duration": value}, "duration", whole) for value, whole in ((0, 0), ("12", 12), (3.0, 3), (None, None))],
    *[(DICE | {"duration": value}, "duration", None) for value in NO_DURATION],
    (without(DICE, "duration"), "duration", None),
    # notifications
    *[(NOTIFY | {"type": word}, "notify_type", word.lower()) for word in NOTICES],
    (NOTIFY | {"type": "transcription_complete"}, "notify_type", "transcription_available"),
    (NOTIFY | {"type": "Transcription_Complete"}, "notify_type", "transcription_available"),
    (NOTIFY | {"type": None}, "notify_type", ""),
    (NOTIFY | {"applicationKey": "k"}, "application_key", "k"),
    *[(NOTIFY | {"errorCode": value}, "error_code", 40001) for value in (40001, "40001")],
    (NOTIFY | {"errorcode": 50000, "errormsg": "m"}, "error_code", 50000),
    (NOTIFY | {"ErrorCode": 50000, "ErrorMsg": "m"}, "error_message", "m"),
    # events there are not
    (ICE | {"event": "Ring"}, "event", "Ring"),
    (ICE | {"event": 7}, "event", "7"),
    (ICE | {"event": None}, "event", ""),
    (ICE | {"event": {"type": "other"}}, "event", ""),
    (without(ICE, "event"), "event", ""),
]


@pytest.mark.parametrize(("body", "name", "value"), SPELLINGS)
def test_every_spelling(body: Body, name: str, value: object) -> None:
    assert getattr(read(orjson.dumps(body)), name) == value
    assert getattr(read(json.dumps(body, indent=2).encode()), name) == value
    assert getattr(read(orjson.dumps(body | {"aNewField": {"deep": ["x"]}})), name) == value


STEP = {"step": "pin"}


@pytest.mark.parametrize(
    ("cookies", "merged"),
    [
        (None, {}),
        ([], {}),
        ({}, {}),
        ("step=pin", {}),
        ([{"key": "step", "value": "pin"}], STEP),
        ({"step": "pin"}, STEP),
        ([{"name": "step", "value": "pin"}], STEP),
        ([{"step": "pin"}], STEP),
        ([{"Key": "step", "Value": "pin"}], STEP),
        ([{"Name": "step", "VALUE": "pin"}], STEP),
        ([{"key": "step", "value": "old"}, {"step": "pin"}], STEP),
        (
            [{"key": "a", "value": 1}, {"key": "b", "value": True}, {"key": "c", "value": 1.5}],
            {"a": "1", "b": "true", "c": "1.5"},
        ),
        ([{"key": "a", "value": ""}, {"key": "b", "value": None}], {"a": "", "b": ""}),
        (
            [
                None,
                3,
                "x",
                [],
                {},
                {"key": 3, "value": "x"},
                {"key": "", "value": "x"},
                {"a": []},
                {"step": "pin"},
            ],
            STEP,
        ),
        ([{"key": "name", "value": "Anna"}], {"name": "Anna"}),
    ],
)
@pytest.mark.parametrize("body", [ICE, {"event": "ace", **COMMON}, PIE, DICE, NOTIFY])
def test_cookies(body: Body, cookies: Any, merged: dict[str, str]) -> None:
    assert took(body, cookies=cookies).cookies == merged
    assert took(body, Cookies=cookies).cookies == merged


def test_cookies_of_the_chosen_option_come_last() -> None:
    added = menu(addToContext=[{"key": "step", "value": "new"}, {"key": "tries", "value": "1"}])
    callback = took(PIE, cookies=[{"key": "step", "value": "old"}, {"key": "kept", "value": "x"}], **added)
    assert callback.cookies == {"step": "new", "kept": "x", "tries": "1"}
    assert took(PIE, **menu(addToContext=[])).cookies == {}
    assert took(PIE, **menu(addtocontext={"a": "b"})).cookies == {"a": "b"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b'"ice"',
        b"7",
        b"{",
        b"event=ice",
        b"<ice/>",
        b'{"event":"ice"} {}',
        b"{'event':'ice'}",
        b'{"event":"ice",}',
        b'{"event":"ice","x":NaN}',
        b'{"event":"ice","x":Infinity}',
        b'{"event":"ice","x":1e999}',
        b'{"event":"ice","x":' + b"9" * 5000 + b"}",
        b'{"event":"ice","custom":"\\ud800"}',
        b'{"event":"ice","callid":"\\udc00x"}',
        b'{"event":"ice","custom":"\xed\xa0\x80"}',
        b'{"event":"ice","custom":"\xff"}',
        b'{"event":"ice","custom":"a\nb"}',
        b'{"event":"ice","x":' + b"[" * 300 + b"]" * 300 + b"}",
        b'{"event":"ice","x":' + b"[" * 50_000,
        b'{"event":"ice","x":' + b'{"a":' * 2000 + b"1" + b"}" * 2001,
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_no_callback(body: bytes) -> None:
    with pytest.raises(BadBody) as caught:
        read(body)
    assert re.fullmatch(r"The body is [a-zA-Z ]+\.", caught.value.reason)


@pytest.mark.parametrize(
    "body",
    [
        b'{"event":"ice","event":"pie"}',
        b'{"event":"ice","event":"ice"}',
        b'{"event" : "ice" , "event" : "pie"}',
        b'{"event":"ice","x":1,"x":{"a":"b","c":[]}}',
        b'{"event":"ice","x":[{"k":1,"k":2}]}',
        b'{"event":"ice","to":{"type":"did","type":"did"}}',
        b'{"event":"ice","\\u0078":1,"x":2}',
        b'{"event":"ice","custom":"{\\"a\\":1}","x":1,"x":2}',
        b'{"event":"ice","custom":"\\\\","x":1,"x":2}',
        b'{"event":"ice","x\\\\":1,"x\\\\":2}',
        b'{"event":"ice","x":"\\u0022\\u0022","x":""}',
        b'{"event":"ice","x":"\\"\\"","x":1}',
        b'{"event":"ice","":1,"":2}',
    ],
)
def test_repeated_keys(body: bytes) -> None:
    with pytest.raises(BadBody, match="same key twice"):
        read(body)


KEYS = st.text(st.sampled_from('a"\\:{ é\n'), max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-1e9, 1e9) | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(KEYS, inner), max_size=4).map(tuple),
    max_leaves=12,
)


def written(value: Any, blank: str, dumps: Callable[[str], str]) -> str:
    """JSON in which a tuple of pairs is an object, repeated keys and all."""
    if isinstance(value, tuple):
        pairs = (f"{dumps(key)}{blank}:{blank}{written(inner, blank, dumps)}" for key, inner in value)
        return "{" + f"{blank},".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + f",{blank}".join(written(inner, blank, dumps) for inner in value) + "]"
    return dumps(value) if isinstance(value, str) else json.dumps(value)


def repeats(value: Any) -> bool:
    if isinstance(value, tuple):
        return len({key for key, _ in value}) != len(value) or any(repeats(inner) for _, inner in value)
    return isinstance(value, list) and any(map(repeats, value))


@given(VALUES, st.sampled_from(["", " ", "\t\n"]), st.booleans())
@example((("a\\", 1), ("a\\", "b")), "", True)
def test_repeated_keys_are_always_and_only_then_refused(value: Any, blank: str, ascii_only: bool) -> None:
    body = written((("event", "ice"), ("x", value)), blank, lambda text: json.dumps(text, ensure_ascii=ascii_only))
    if repeats(value):
        with pytest.raises(BadBody, match="same key twice"):
            read(body.encode())
    else:
        assert read(body.encode()).event == "ice"


@pytest.mark.parametrize(
    "body",
    [
        {"event": "call.incoming", "callid": CALL},
        {"type": "call.incoming", "data": {}},
        {"eventType": "Call.Answered"},
        {"event_type": "call.answered"},
        {"event": {"type": "call.incoming", "callId": CALL}},
    ],
)
def test_voice_v2_is_refused_by_name(body: Body) -> None:
    with pytest.raises(BadBody, match="Voice v2"):
        read(orjson.dumps(body))


@given(
    st.dictionaries(
        st.sampled_from([*ICE, *PIE, *DICE, *NOTIFY, "amd", "cookies", "CALLID", "other"]),
        st.recursive(
            st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["key", "value", "Name", "type", "endpoint", "status", "menuId", "x"]),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=8,
        ),
    ),
    st.sampled_from(["ice", "ACE", "pie", "DiCE", "notify", "else"]),
)
def test_any_object_is_decoded_to_the_declared_types(body: Body, event: str) -> None:
    callback = read(orjson.dumps(body | {"event": event}))
    known = asdict(callback)
    others = {"cookies", "headers", "fields", "cli_known", "duration", "error_code"}
    assert all(type(value) is str for name, value in known.items() if name not in others)
    assert all(type(text) is str for pair in [*callback.cookies.items(), *callback.headers] for text in pair)
    assert type(callback.cli_known) is bool
    assert {type(callback.duration), type(callback.error_code)} <= {int, type(None)}


def key_of(body: Body, application: str = "app", **changes: Any) -> str:
    sent = orjson.dumps(body | changes)
    return dedupe_key(read(sent), sent, application)


LATER = {"timestamp": "2025-02-03T10:00:00Z"}


def test_dedupe_keys() -> None:
    ace = {"event": "ace", **COMMON}
    assert key_of(ICE) == key_of(ICE, **LATER) == key_of(ICE, event="ICE", newField=1)
    assert key_of(DICE) == key_of(DICE, **LATER, duration=1)
    assert key_of(ace) == key_of(ace, amd={"status": "human"}) != key_of(ace, **LATER)
    assert key_of(PIE) != key_of(PIE, **LATER) and key_of(PIE) != key_of(PIE, **menu(value="sales"))
    assert key_of(NOTIFY) != key_of(NOTIFY, type="recording_finished")
    different = [ICE, DICE, ace, PIE, NOTIFY, ICE | {"event": "else"}, ICE | {"callid": "c1"}]
    keys = {key_of(body, application) for body in different for application in ("", "app", "other")}
    assert len(keys) == 3 * len(different)


def test_call_keys() -> None:
    keys = {call_key(took(body), "app") for body in (ICE, PIE, DICE, NOTIFY)}
    assert len(keys) == 1, "one call, whether or not its event names the application"
    callback = took(ICE)
    assert len({call_key(callback), call_key(callback, "app"), call_key(took(ICE, callid="c1"), "app")}) == 3
    assert call_key(Callback(call_id="b"), "a") != call_key(Callback(call_id=""), "ab")


def test_keys_hold_nothing_of_the_caller() -> None:
    for key in (key_of(ICE), key_of(PIE), call_key(took(ICE), "app"), call_key(Callback(call_id="\ud800"))):
        assert re.fullmatch("[0-9a-f]{32}", key)


def test_repr_shows_nothing_of_the_caller() -> None:
    assert repr(took(PIE, cookies={"pin": "canary"}, **menu(value="canary"))) == "Callback(event='pie')"
    assert repr(took(ICE, event="canary")) == "Callback(event='?')"
