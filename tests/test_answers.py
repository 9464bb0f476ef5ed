"""Nothing but legal answers leaves, whatever goes in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from flowengine import prompts
from flowengine.answers import Act, Mould, Piece, Refused, act, constant, constant_act, hole, piece, seal
from flowengine.svaml import ACTIONS, INSTRUCTIONS, PERMISSION, POSITIONS, Position, schema

VALID = Draft202012Validator(schema())
ALLOWED = "+12025550111"
ATTACK = "x];#href[https://evil.example/a.wav];#tts["
SAY = {"name": "say", "text": "Hello.", "locale": "en-US"}


def anyone(kind: str, address: str) -> bool:
    return True


def only_sales(kind: str, address: str) -> bool:
    return (kind, address) == ("number", ALLOWED)


def sent(body: bytes) -> dict[str, Any]:
    """What left, held against the schema."""
    answer: dict[str, Any] = orjson.loads(body)
    VALID.validate(answer)
    return answer


def answer(
    instructions: Sequence[dict[str, Any]],
    action: dict[str, Any],
    position: Position = "I",
    pick_up: bool = True,
) -> dict[str, Any]:
    return sent(seal([piece(each) for each in instructions], act(action), position, anyone, pick_up))


def reason(make: Any, value: Any) -> str:
    with pytest.raises(Refused) as refused:
        make(value)
    return refused.value.reason


def menu(prompt: str = "#tts[Press 1.]", **fields: Any) -> dict[str, Any]:
    first = {"id": "main", "mainPrompt": prompt, "options": [{"dtmf": "1", "action": "return(a)"}], **fields}
    return {"name": "runMenu", "mainMenu": "main", "locale": "en-US", "menus": [first]}


RECORDING = {
    "destinationUrl": "s3://bucket/a.mp3",
    "credentials": "\ue000RECORDINGS\ue001",
    "format": "mp3",
    "notificationEvents": True,
    "transcriptionOptions": {"enabled": True, "locale": "en-US"},
}
HEADERS = [{"key": "X-Ticket", "value": "4411"}]
EVERY_ACTION: dict[str, dict[str, Any]] = {
    "hangup": {"name": "hangup"},
    "continue": {"name": "continue"},
    "connectPstn": {
        "name": "connectPstn", "number": ALLOWED, "locale": "en-US", "maxDuration": 60, "dialTimeout": 25,
        "cli": "+12025550100", "suppressCallbacks": False, "dtmf": "1w2#", "indications": "us",
        "amd": {"enabled": True, "async": False},
    },
    "connectSip": {
        "name": "connectSip", "destination": {"type": "Sip", "endpoint": "desk@pbx.example.com:5060"},
        "maxDuration": 60, "cli": "anna", "suppressCallbacks": True, "transport": "TLS", "moh": "ring",
        "callHeaders": HEADERS,
    },
    "connectMxp": {
        "name": "connectMxp", "destination": {"type": "username", "endpoint": "anna"}, "callHeaders": HEADERS,
        "record": True, "recordingOptions": RECORDING,
    },
    "connectStream": {
        "name": "connectStream", "destination": {"type": "Websocket", "endpoint": "wss://x.example:444/a?b=c"},
        "streamingOptions": {"version": 1, "sampleRate": 16000}, "maxDuration": 60, "callHeaders": HEADERS,
    },
    "connectConf": {
        "name": "connectConf", "conferenceId": "room", "moh": "music2",
        "conferenceDtmfOptions": {"mode": "detect", "maxDigits": 4, "timeoutMills": 3000},
    },
    "runMenu": {
        "name": "runMenu", "barge": True, "locale": "en-US", "mainMenu": "main", "enableVoice": True,
        "menus": [
            {
                "id": "main", "mainPrompt": "#tts[Hi];a.wav", "repeatPrompt": "#tts[Again]", "repeats": 2,
                "timeoutMills": 5000, "maxTimeoutMills": 20000,
                "options": [{"dtmf": "1", "action": "return(a)"}, {"dtmf": "2", "action": "menu(code)"}],
            },
            {"id": "code", "maxDigits": 6},
        ],
    },
    "park": {
        "name": "park", "locale": "en-US", "introPrompt": "#tts[Hold]", "maxDuration": 600,
        "holdPrompt": "#href[https://x.example/a.wav]",
    },
}  # fmt: skip
EVERY_INSTRUCTION: dict[str, dict[str, Any]] = {
    "playFiles": {"name": "playFiles", "ids": ["#tts[Hi];a.wav", prompts.silence(1)], "locale": "en-US"},
    "say": SAY,
    "sendDtmf": {"name": "sendDtmf", "value": "12w#"},
    "setCookie": {"name": "setCookie", "key": "step", "value": "påse"},
    "answer": {"name": "answer"},
    "startRecording": {"name": "startRecording", "options": RECORDING},
    "stopRecording": {"name": "stopRecording"},
}


def test_the_samples_are_whole() -> None:
    assert set(EVERY_ACTION) == set(ACTIONS)
    assert set(EVERY_INSTRUCTION) == set(INSTRUCTIONS)


@pytest.mark.parametrize("name", EVERY_ACTION)
def test_every_action_leaves_as_it_came(name: str) -> None:
    position: Position = "B" if name == "continue" else "I"
    assert answer([], EVERY_ACTION[name], position, pick_up=False) == {"action": EVERY_ACTION[name]}


@pytest.mark.parametrize("name", EVERY_INSTRUCTION)
def test_every_instruction_leaves_as_it_came(name: str) -> None:
    one = EVERY_INSTRUCTION[name]
    expected = {"instructions": [one], "action": {"name": "hangup"}}
    assert answer([one], {"name": "hangup"}, pick_up=False) == expected


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("name", PERMISSION)
def test_the_position_decides(name: str, position: Position) -> None:
    allowed = PERMISSION[name][position] != "-"
    last = next((each for each in ("hangup", "connectPstn") if PERMISSION[each][position] != "-"), "hangup")
    pieces = [piece(EVERY_INSTRUCTION[name])] if name in INSTRUCTIONS else []
    action = act(EVERY_ACTION[name if name in ACTIONS else last])
    if allowed:
        sent(seal(pieces, action, position, anyone))
    else:
        with pytest.raises(Refused) as refused:
            seal(pieces, action, position, anyone)
        assert refused.value.reason == "position"


def names(answer: dict[str, Any]) -> list[str]:
    return [each["name"] for each in answer.get("instructions", [])]


COOKIE = EVERY_INSTRUCTION["setCookie"]
HANGUP = {"name": "hangup"}


@pytest.mark.parametrize(
    ("instructions", "action", "position", "expected"),
    [
        ([SAY], HANGUP, "I", ["answer", "say"]),
        ([COOKIE, SAY, SAY], HANGUP, "I", ["setCookie", "answer", "say", "say"]),
        ([COOKIE], HANGUP, "I", ["setCookie"]),
        ([], menu(), "I", ["answer"]),
        ([COOKIE], menu(), "I", ["setCookie", "answer"]),
        ([SAY], menu(), "I", ["answer", "say"]),
        ([{"name": "answer"}, SAY], menu(), "I", ["answer", "say"]),
        ([], {"name": "park", "holdPrompt": "a.wav"}, "I", ["answer"]),
        ([], {"name": "park"}, "I", []),
        ([], EVERY_ACTION["connectConf"], "I", []),
        ([], EVERY_ACTION["connectPstn"], "I", []),
        ([SAY], menu(), "Pi", ["say"]),
        ([SAY], HANGUP, "A", ["say"]),
    ],
)
def test_picking_up(
    instructions: list[dict[str, Any]], action: dict[str, Any], position: Position, expected: list[str]
) -> None:
    assert names(answer(instructions, action, position)) == expected


def test_not_picking_up() -> None:
    assert names(answer([SAY], menu(), "I", pick_up=False)) == ["say"]


def test_counts() -> None:
    assert piece(SAY)[1:] == ("say", True, 6, 1, 0, False)
    assert piece(EVERY_INSTRUCTION["playFiles"])[1:] == ("playFiles", True, 2, 3, 0, True)
    assert piece(COOKIE)[1:] == ("setCookie", False, 0, 0, 9, True)
    assert act(EVERY_ACTION["runMenu"])[1:] == ("runMenu", 3, 7, (), True, True)
    assert act(EVERY_ACTION["connectSip"]).numbers == (("sip", "desk@pbx.example.com:5060"),)
    assert act(EVERY_ACTION["connectMxp"]).numbers == (("user", "anna"),)
    assert act(EVERY_ACTION["connectStream"]).numbers == (("stream", "wss://x.example:444/a?b=c"),)


def test_digits_tell_of_numbers() -> None:
    told = {"name": "say", "text": "Call 12025550111."}
    assert piece(told).digits
    assert constant(told).digits
    assert not constant(SAY).digits
    assert not constant_act(menu()).digits


def test_a_mould_is_the_action_with_its_prompts() -> None:
    def with_prompts(one: str, two: str) -> dict[str, Any]:
        action = menu()
        action["menus"][0].update(mainPrompt=one, repeatPrompt=two)
        return action

    mould = Mould(with_prompts(hole(0), hole(1)))
    for one, two in (("#tts[Hello Anna]", "#tts[Again]"), ("#tts[a];b.wav", "#href[https://x.example/y.wav]")):
        filled, whole = mould.fill([one, two]), act(with_prompts(one, two))
        assert orjson.loads(filled.body) == orjson.loads(whole.body)
        assert filled[1:-1] == whole[1:-1]
    assert mould.fill(["#tts[Call 12025550111]", "#tts[a]"]).digits
    for bad in ("#tts[a];#tts[b", "#tts[]]", "", "#tts[" + "a" * 601 + "]", "#tts[a\x00]", "#href[ftp://x]"):
        with pytest.raises(Refused):
            mould.fill([bad, "#tts[a]"])


@pytest.mark.parametrize(
    ("instruction", "word"),
    [
        ({}, "name"),
        ([], "name"),
        (None, "name"),
        ({"name": []}, "name"),
        ({"name": "Say", "text": "a"}, "name"),
        ({"name": "hangup"}, "name"),
        ({"name": "say"}, "missing"),
        ({"name": "say", "text": ""}, "limit"),
        ({"name": "say", "text": "x" * 601}, "limit"),
        ({"name": "say", "text": 7}, "type"),
        ({"name": "say", "text": None}, "type"),
        ({"name": "say", "text": "a", "voice": "b"}, "field"),
        ({"name": "say", "text": "a", 1: "b"}, "field"),
        ({"name": "say", "text": "a\x00"}, "form"),
        ({"name": "say", "text": "a\ud800"}, "form"),
        ({"name": "say", "text": "\ue000TOKEN\ue001"}, "form"),
        ({"name": "say", "text": ATTACK}, "prompt"),
        ({"name": "say", "text": "a", "locale": "en-US\n"}, "form"),
        ({"name": "playFiles", "ids": []}, "limit"),
        ({"name": "playFiles", "ids": ["a"] * 65}, "limit"),
        ({"name": "playFiles", "ids": "a.wav"}, "type"),
        ({"name": "playFiles", "ids": [1]}, "type"),
        ({"name": "playFiles", "ids": ["#tts[a]"]}, "missing"),
        ({"name": "playFiles", "ids": ["#tts[a"], "locale": "en-US"}, "prompt"),
        ({"name": "playFiles", "ids": ["#href[ftp://x.example/a]"]}, "prompt"),
        ({"name": "playFiles", "ids": ["https://x.example/a.wav"]}, "prompt"),
        ({"name": "playFiles", "ids": [f"#tts[{'x' * 601}]"], "locale": "en-US"}, "limit"),
        ({"name": "playFiles", "ids": ["#tts[\ue000A\ue001]"], "locale": "en-US"}, "form"),
        ({"name": "sendDtmf", "value": "1*"}, "form"),
        ({"name": "sendDtmf", "value": "\u0661"}, "form"),
        ({"name": "setCookie", "key": "k" * 51, "value": ""}, "limit"),
        ({"name": "setCookie", "key": "X-A", "value": "a\r\nX-B: c"}, "form"),
        ({"name": "setCookie", "key": "a", "value": "\ue000TOKEN\ue001"}, "form"),
        ({"name": "startRecording", "options": {"transcriptionOptions": {"enabled": True}}}, "missing"),
        ({"name": "startRecording", "options": {"destinationUrl": "https://x.example/a"}}, "form"),
        ({"name": "startRecording", "options": {"notificationEvents": 1}}, "type"),
    ],
)
def test_pieces_refused(instruction: Any, word: str) -> None:
    assert reason(piece, instruction) == word


def options(*entries: tuple[Any, str]) -> dict[str, Any]:
    return menu(options=[{"dtmf": key, "action": does} for key, does in entries])


def stream(endpoint: str) -> dict[str, Any]:
    return {"name": "connectStream", "destination": {"type": "Websocket", "endpoint": endpoint}}


@pytest.mark.parametrize(
    ("action", "word"),
    [
        ({"name": "say", "text": "a"}, "name"),
        ({"name": "connectPstn"}, "missing"),
        ({"name": "connectPstn", "number": ALLOWED, "maxDuration": 14401}, "limit"),
        ({"name": "connectPstn", "number": ALLOWED, "maxDuration": True}, "type"),
        ({"name": "connectPstn", "number": ALLOWED, "indications": "xx"}, "form"),
        ({"name": "connectPstn", "number": ALLOWED, "destination": {}}, "field"),
        ({"name": "connectPstn", "number": ALLOWED, "amd": {"async": True}}, "missing"),
        ({"name": "connectMxp"}, "missing"),
        ({"name": "connectMxp", "destination": {"type": "number", "endpoint": "+19005550100"}}, "form"),
        (stream("ws://x.example"), "form"),
        (stream("wss://a@x.example"), "form"),
        (stream("wss://x.example/a b"), "form"),
        ({**stream("wss://x.example"), "streamingOptions": {"version": True}}, "form"),
        ({"name": "park", "maxDuration": 601}, "limit"),
        ({"name": "park", "introPrompt": "#tts[a];"}, "prompt"),
        ({"name": "connectConf", "conferenceId": ""}, "limit"),
        ({"name": "runMenu", "menus": []}, "limit"),
        ({"name": "runMenu", "menus": [{"id": "first"}]}, "menu"),
        ({"name": "runMenu", "menus": [{"id": "main"}, {"id": "a"}, {"id": "a"}]}, "menu"),
        ({"name": "runMenu", "menus": [{"id": "main", "maxTimeoutMills": 9000}]}, "menu"),
        ({"name": "runMenu", "enableVoice": True, "menus": [{"id": "main"}]}, "missing"),
        (options(("1", "return(a)"), ("1", "return(b)")), "menu"),
        (options(("1", "menu(other)")), "menu"),
        (options(("1", "return(a)b)")), "form"),
        (options(("1", "menu")), "form"),
        (options((1, "return(a)")), "form"),
        (options(("12", "return(a)")), "form"),
        (menu(f"#tts[{ATTACK}]", options=[]), "limit"),
        (menu("#tts[a]]"), "prompt"),
        (menu("#tts[a];#TTS[b]"), "prompt"),
    ],
)
def test_actions_refused(action: dict[str, Any], word: str) -> None:
    assert reason(act, action) == word


@pytest.mark.parametrize(
    "number",
    [
        "",
        "+",
        "12025550111",
        "0012025550111",
        "+0012025550111",
        "+12025550111\n",
        "+12025550111;ext=5",
        "+12025550111 ",
        "+1202555011١",
        "＋12025550111",
        "tel:+12025550111",
        "private",
        "+12345",
        "+1111111111111111",
    ],
)
def test_numbers_are_e164_or_refused(number: str) -> None:
    assert reason(act, {"name": "connectPstn", "number": number}) in ("form", "limit")


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "pbx.example.com",
        "a@",
        "@b",
        "sip:a@pbx.example.com",
        "a@b;transport=tcp",
        "a@b?x=y",
        "a b@c",
        "a@b\n",
        "a@b@c",
        "a@b:999999",
        "a@b/c",
        "١@b",
        "a@б",
    ],
)
def test_sip_endpoints_are_plain_or_refused(endpoint: str) -> None:
    action = {"name": "connectSip", "destination": {"type": "Sip", "endpoint": endpoint}}
    assert reason(act, action) in ("form", "limit")


def test_headers_are_counted_in_bytes() -> None:
    def to_user(value: str) -> dict[str, Any]:
        headers = [{"key": "k", "value": value}]
        return {**EVERY_ACTION["connectMxp"], "callHeaders": headers}

    act(to_user("x" * 1023))
    assert reason(act, to_user("å" * 512)) == "headers"
    assert reason(act, to_user("a\r\nX-Other: b")) == "form"


def test_totals() -> None:
    files = piece({"name": "playFiles", "ids": ["a.wav"] * 63})
    seal([files], act(menu()), "Pi", anyone)
    for pieces in ([files, piece(SAY)], [files, files]):
        with pytest.raises(Refused, match="64 prompts"):
            seal(pieces, act(menu()), "Pi", anyone)
    cookie = piece({"name": "setCookie", "key": "k", "value": "å" * 511})
    seal([cookie], act(HANGUP), "Pi", anyone)
    with pytest.raises(Refused, match="1024 bytes"):
        seal([cookie, piece({"name": "setCookie", "key": "a", "value": "b"})], act(HANGUP), "Pi", anyone)


def test_the_gate_has_the_last_word() -> None:
    action = act(EVERY_ACTION["connectPstn"])
    assert sent(seal([], action, "I", only_sales))["action"]["number"] == ALLOWED
    for name in ("connectSip", "connectMxp", "connectStream"):
        with pytest.raises(Refused) as refused:
            seal([], act(EVERY_ACTION[name]), "I", only_sales)
        assert refused.value.reason == "destination"


def test_a_refusal_does_not_repeat_the_caller() -> None:
    with pytest.raises(Refused) as refused:
        act({"name": "connectPstn", "number": "+1900secret"})
    assert "secret" not in str(refused.value)


NASTY = st.text(
    alphabet=st.one_of(
        st.sampled_from("[];#{}<>&%\"'()\\/ \n\x00\x1b\u202e\u2066\ue000\ue001\ud800\udfff"), st.characters()
    ),
    max_size=40,
)
HOSTILE = st.lists(
    st.one_of(NASTY, st.sampled_from([ATTACK, "#tts[", "];", "{{7*7}}", '"}],"action":{"name":"park"}', "]]>"])),
    min_size=1,
    max_size=4,
).map("".join)


PROMPTS = ("ids", "mainPrompt", "repeatPrompt")


def shape(value: Any, key: str = "") -> Any:
    """The structure of an answer: prompts by their kinds, other texts just as texts."""
    if isinstance(value, dict):
        return {name: shape(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [shape(each, key) for each in value]
    if key in PROMPTS:
        return [kind for kind, _ in prompts.parse(value)]
    return type(value)


def rendered(text: str) -> dict[str, Any]:
    """An answer that puts ``text`` into every place where a caller's words may stand."""
    spoken = prompts.joined([prompts.tts(text), "a.wav", prompts.ssml(f"<p>{prompts.escape_xml(text)}</p>")])
    instructions: list[dict[str, Any]] = [
        {"name": "say", "text": "Hello " + prompts.plain(text), "locale": "en-US"},
        {"name": "playFiles", "ids": [spoken], "locale": "en-US"},
        {"name": "setCookie", "key": "name", "value": prompts.clean(text)},
    ]
    return answer(instructions, menu(spoken, repeatPrompt=spoken), "I")


@settings(max_examples=1500, deadline=None)
@given(HOSTILE)
@example(ATTACK)
def test_no_words_change_the_structure(text: str) -> None:
    assert shape(rendered(text)) == shape(rendered("Anna"))


@settings(max_examples=1000, deadline=None)
@given(HOSTILE)
def test_words_that_nobody_cleaned_are_refused_or_sound_prompts(text: str) -> None:
    try:
        left = answer([], menu(f"#tts[{text}]"), "Pi")
    except Refused:
        return
    assert [set(left), *shape(left["action"]["menus"][0])] == [{"action"}, "id", "mainPrompt", "options"]


DIGITS = "0123456789"
NUMBERS = st.one_of(
    st.text(alphabet=DIGITS + "+ -();,\n\r\t\x00*#w\u0661\u0662\u00b2\uff11\uff0bext=tel:sip@.", max_size=24),
    st.sampled_from(["+19005550100", "+19765550100", "0012025550111", ALLOWED, "private", ""]),
    st.tuples(
        st.sampled_from(["", "00", "+", "tel:", "sip:", " ", "\n"]),
        st.just(ALLOWED),
        st.sampled_from(["", "\n", " ", ";ext=5", ",+19005550100", "@example.com", "\u0661", "0", "w1"]),
    ).map("".join),
    st.text(max_size=20),
)


@settings(max_examples=2500, deadline=None)
@given(NUMBERS, st.sampled_from(["connectPstn", "connectSip", "connectMxp", "connectStream"]))
def test_no_address_but_the_allowed_one_leaves(address: str, name: str) -> None:
    action: dict[str, Any] = {"name": name, "number": address}
    if name != "connectPstn":
        kind = {"connectSip": "Sip", "connectMxp": "username", "connectStream": "Websocket"}[name]
        action = {"name": name, "destination": {"type": kind, "endpoint": address}}
    try:
        body = seal([], act(action), "I", only_sales)
    except Refused:
        assert (name, address) != ("connectPstn", ALLOWED)
        return
    assert sent(body) == {"action": {"name": "connectPstn", "number": ALLOWED}}


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 20000), st.floats(), st.text(max_size=8), NUMBERS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, each in entries for place in places(each, (*path, key)))]


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[path[0]] = put(value[path[0]], path[1:], new)
    return changed


@settings(max_examples=2500, deadline=None)
@given(st.data())
def test_whatever_is_accepted_is_valid(data: st.DataObject) -> None:
    """Any value at any place of a good answer: it is refused, or what leaves passes the schema."""
    whole = data.draw(st.sampled_from([*EVERY_ACTION.values(), *EVERY_INSTRUCTION.values()]))
    changed = put(whole, data.draw(st.sampled_from(places(whole))), data.draw(JSON))
    make = act if whole["name"] in ACTIONS else piece
    try:
        made: Piece | Act = make(changed)
    except Refused:
        return
    pieces, action = ([], made) if isinstance(made, Act) else ([made], act(HANGUP))
    position: Position = "Pi" if made.name == "continue" else "I"
    sent(seal(pieces, action, position, anyone))
