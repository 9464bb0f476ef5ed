"""The one interpreter of answers: prompts, nested menus, repeats, time-outs, ringing, parks and rooms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pytest

from flowengine.simulator import CannotAct, Chat, Phone, Seen, masked, newest
from flowengine.svaml import ACTIONS, INSTRUCTIONS

HANGUP = {"action": {"name": "hangup"}}


def menu(**entry: Any) -> dict[str, Any]:
    return {"id": "main", "mainPrompt": "#tts[Press.]", "repeats": 2, "timeoutMills": 5000, **entry}


def run_menu(*menus: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"action": {"name": "runMenu", "mainMenu": "main", "menus": list(menus), **more}}


OPTIONS = [{"dtmf": "1", "action": "return(sales)"}, {"dtmf": "2", "action": "return(service)"}]


class Platform:
    """A call whose callbacks get these answers in turn, then silence, which the platform takes for a failure."""

    def __init__(self, *answers: Mapping[str, Any], outbound: bool = False) -> None:
        self.answers = list(answers)
        self.now = 1000.0
        self.posted: list[dict[str, Any]] = []
        self.seen: list[Seen] = []
        self.phone = Phone(self.post, lambda: self.now, self.seen.append, "c1", outbound=outbound)

    def post(self, body: bytes) -> bytes:
        self.posted.append(orjson.loads(body))
        if self.posted[-1]["event"] in ("dice", "notify") or not self.answers:
            return b""
        return orjson.dumps(self.answers.pop(0))

    def begin(self) -> Platform:
        self.phone.dial("+12025550100", "+12025550142")
        return self

    @property
    def heard(self) -> list[str]:
        return [each.text for each in self.seen if each.kind == "hears"]

    @property
    def pies(self) -> list[dict[str, Any]]:
        return [each["menuResult"] for each in self.posted if each["event"] == "pie"]

    @property
    def results(self) -> list[tuple[str, str]]:
        return [(each["type"], each.get("value", "")) for each in self.pies]

    def wait(self) -> None:
        assert self.phone.due is not None
        self.now = self.phone.due
        self.phone.expire()


def test_a_key_of_the_menu_is_its_value() -> None:
    call = Platform(run_menu(menu(options=OPTIONS)), HANGUP).begin()
    call.phone.press("2")
    assert call.results == [("return", "service")]
    assert call.posted[1]["menuResult"] == {
        "menuId": "main", "type": "return", "value": "service", "inputMethod": "dtmf",
    }  # fmt: skip
    assert call.phone.stands == "over"
    assert call.posted[-1]["event"] == "dice" and call.posted[-1]["reason"] == "MANAGERHANGUP"


def test_a_wrong_key_is_told_only_when_every_repeat_is_spent() -> None:
    call = Platform(run_menu(menu(options=OPTIONS, repeatPrompt="#tts[Again.]"))).begin()
    call.phone.press("7")
    call.phone.press("8")
    assert call.heard == ["Press.", "Again.", "Again."] and call.results == []
    call.phone.press("9")
    assert call.results == [("invalidinput", "")]


def test_silence_is_told_only_when_every_repeat_is_spent() -> None:
    call = Platform(run_menu(menu(options=OPTIONS, repeats=1, timeoutMills=3000))).begin()
    call.wait()
    assert call.heard == ["Press.", "Press."] and call.results == []
    call.wait()
    assert call.results == [("timeout", "")] and call.now == 1006.0


def test_no_repeats_means_one_try() -> None:
    call = Platform(run_menu(menu(options=OPTIONS, repeats=0))).begin()
    call.wait()
    assert call.results == [("timeout", "")]


def test_a_jump_to_another_menu_posts_nothing_and_is_named_by_its_result() -> None:
    options = [{"dtmf": "1", "action": "menu(more)"}]
    call = Platform(run_menu(menu(options=options), menu(id="more", mainPrompt="#tts[More.]", options=OPTIONS))).begin()
    call.phone.press("11")
    assert call.heard == ["Press.", "More."]
    assert call.pies[-1]["menuId"] == "more" and call.results == [("return", "sales")]


def test_tries_begin_anew_in_the_next_menu() -> None:
    options = [{"dtmf": "1", "action": "menu(more)"}]
    menus = menu(options=options, repeats=1), menu(id="more", options=OPTIONS, repeats=1)
    call = Platform(run_menu(*menus)).begin()
    call.phone.press("9")
    call.phone.press("1")
    call.wait()
    assert call.results == []
    call.wait()
    assert call.results == [("timeout", "")]


@pytest.mark.parametrize(
    ("keys", "told"),
    [("1234", "1234"), ("12#", "12"), ("12", "12"), ("123456", "1234"), ("0012", "0012"), ("*1", "*1")],
)
def test_digits_end_at_their_number_at_the_hash_key_or_by_silence(keys: str, told: str) -> None:
    call = Platform(run_menu(menu(maxDigits=4)), run_menu(menu(maxDigits=4))).begin()
    call.phone.press(keys[:4])
    assert call.results == [("sequence", told)]


def test_keys_typed_ahead_go_to_the_next_menu() -> None:
    call = Platform(run_menu(menu(options=OPTIONS)), run_menu(menu(maxDigits=4)), HANGUP).begin()
    call.phone.press("21234")
    assert call.results == [("return", "service"), ("sequence", "1234")]


def test_the_hash_key_alone_ends_the_digits_before_there_are_any() -> None:
    call = Platform(run_menu(menu(maxDigits=4))).begin()
    call.phone.press("#")
    assert call.results == [("sequence", "")]


def test_speech_needs_a_menu_that_understands_it() -> None:
    call = Platform(run_menu(menu(options=OPTIONS), enableVoice=True), run_menu(menu(options=OPTIONS))).begin()
    call.phone.speak("1")
    assert call.pies[-1]["inputMethod"] == "voice"
    with pytest.raises(CannotAct, match="nobody listens for speech"):
        call.phone.speak("1")


def test_a_hang_up_in_a_menu_is_told_twice_and_its_answer_is_heard_by_nobody() -> None:
    call = Platform(
        run_menu(menu(options=OPTIONS)), {"instructions": [{"name": "say", "text": "Bye."}], **HANGUP}
    ).begin()
    call.phone.hang_up()
    assert [each["event"] for each in call.posted] == ["ice", "pie", "dice"]
    assert call.posted[-1]["reason"] == "CALLERHANGUP" and "Bye." not in call.heard
    with pytest.raises(CannotAct, match="the call is over"):
        call.phone.hang_up()


RING = {"action": {"name": "connectPstn", "number": "+12025550111", "dialTimeout": 20}}


def ringing(**amd: bool) -> dict[str, Any]:
    return {"action": {**RING["action"], **({"amd": {"enabled": True, **amd}} if amd else {})}}


@pytest.mark.parametrize(
    ("amd", "what", "statuses", "notices"),
    [
        ({}, "answers", [None], []),
        ({"async": False}, "answers", ["human"], []),
        ({"async": False}, "machine", ["machine"], []),
        ({"async": False}, "not sure", ["notsure"], []),
        ({"async": True}, "answers", ["inprogress"], []),
        ({"async": True}, "machine", ["inprogress"], ["machine"]),
    ],
)
def test_who_answers_is_told_as_the_detection_tells_it(
    amd: dict[str, bool], what: str, statuses: Sequence[str | None], notices: Sequence[str]
) -> None:
    call = Platform(ringing(**amd), {"action": {"name": "continue"}}).begin()
    call.phone.callee(what)
    aces = [each for each in call.posted if each["event"] == "ace"]
    assert [each.get("amd", {}).get("status") for each in aces] == statuses
    assert [each["amd"]["status"] for each in call.posted if each["event"] == "notify"] == notices
    assert call.phone.stands == "talking"
    call.now += 30
    call.phone.callee("hangs up")
    assert (call.posted[-1]["reason"], call.posted[-1]["duration"]) == ("CALLEEHANGUP", 30)


@pytest.mark.parametrize(
    ("what", "reason", "result"),
    [("no answer", "TIMEOUT", "NOANSWER"), ("busy", "CANCEL", "BUSY"), ("unreachable", "CONGESTION", "FAILED")],
)
def test_a_callee_who_is_not_reached_ends_the_call(what: str, reason: str, result: str) -> None:
    call = Platform(ringing()).begin()
    call.phone.callee(what)
    told = call.posted[-1]
    assert (told["event"], told["reason"], told["result"], told["duration"]) == ("dice", reason, result, 0)


def test_the_ringing_ends_by_itself() -> None:
    call = Platform(ringing()).begin()
    call.wait()
    assert call.now == 1020.0 and call.posted[-1]["result"] == "NOANSWER"


@pytest.mark.parametrize("what", ["machine", "beep", "hangs up"])
def test_what_nobody_could_tell_cannot_happen(what: str) -> None:
    call = Platform(ringing()).begin()
    with pytest.raises(CannotAct):
        call.phone.callee(what)


def test_no_ace_tells_of_an_app_user_or_a_stream() -> None:
    action = {"name": "connectMxp", "destination": {"type": "username", "endpoint": "ann"}}
    call = Platform({"action": action}).begin()
    call.phone.callee("answers")
    assert [each["event"] for each in call.posted] == ["ice"] and call.phone.stands == "talking"


def test_a_park_plays_and_ends_by_itself() -> None:
    action = {"name": "park", "introPrompt": "#tts[Hold.]", "holdPrompt": "music.wav", "maxDuration": 60}
    call = Platform({"action": action}).begin()
    assert call.heard == ["Hold.", "music.wav"] and call.seen[-1].kind == "parks"
    call.wait()
    assert call.now == 1060.0 and call.phone.stands == "over"


def test_keys_in_a_room_that_detects_them() -> None:
    options = {"mode": "detect", "maxDigits": 2, "timeoutMills": 3000}
    call = Platform({"action": {"name": "connectConf", "conferenceId": "r", "conferenceDtmfOptions": options}}).begin()
    call.phone.press("123")
    assert [each["menuResult"]["value"] for each in call.posted[1:]] == ["12", "3"]
    assert call.posted[1]["conferenceId"] == "r" and call.phone.stands == "room"


def test_keys_in_a_room_that_ignores_them() -> None:
    call = Platform({"action": {"name": "connectConf", "conferenceId": "r"}}).begin()
    with pytest.raises(CannotAct, match="no mode detect"):
        call.phone.press("1")


def test_of_two_calls_the_newest_that_is_not_over_is_at_hand() -> None:
    placed, came = Platform(ringing()).begin().phone, Platform(HANGUP).begin().phone
    assert newest({}) is None
    assert newest({"a": placed, "b": came}) is placed
    placed.hang_up()
    assert newest({"a": placed, "b": came}) is came


def test_nobody_listens_for_keys_while_it_rings() -> None:
    call = Platform(ringing()).begin()
    with pytest.raises(CannotAct, match=r"it rings at \+12…11"):
        call.phone.press("1")


def test_numbers_are_shown_by_their_ends() -> None:
    assert masked("+12025550142") == "+12…42" and masked("ann") == "ann"


# --- what the platform does with every field -------------------------------------------------------------


def bridge(name: str = "connectPstn", **more: Any) -> dict[str, Any]:
    kinds = {"connectSip": "Sip", "connectMxp": "username", "connectStream": "Websocket"}
    if name == "connectPstn":
        return {"action": {"name": name, "number": "+12025550111", **more}}
    return {"action": {"name": name, "destination": {"type": kinds[name], "endpoint": "ann"}, **more}}


CONTINUE = {"action": {"name": "continue"}}
EVERY = [bridge(name) for name in ("connectPstn", "connectSip", "connectMxp", "connectStream")]
EVERY += [CONTINUE, HANGUP, run_menu({"id": "main"}), {"action": {"name": "park"}}]
EVERY += [{"action": {"name": "connectConf", "conferenceId": "r"}}]


def test_every_action_is_played() -> None:
    assert {each["action"]["name"] for each in EVERY} == set(ACTIONS)
    stands = [Platform(each).begin().phone.stands for each in EVERY]
    assert stands == ["ringing"] * 4 + ["idle", "over", "menu", "parked", "room"]


def test_every_instruction_is_noticed_as_a_person_notices_it() -> None:
    instructions: list[dict[str, Any]] = [
        {"name": "answer"},
        {"name": "say", "text": "Hello."},
        {"name": "playFiles", "ids": ["#tts[One.];#href[https://x.example/a.wav]", "b.wav"]},
        {"name": "setCookie", "key": "k", "value": "v"},
        {"name": "sendDtmf", "value": "1w2#"},
        {"name": "startRecording", "options": {}},
        {"name": "stopRecording"},
    ]
    assert {each["name"] for each in instructions} == set(INSTRUCTIONS)
    call = Platform({"instructions": instructions, **HANGUP}).begin()
    assert [(each.kind, each.text) for each in call.seen] == [
        ("hears", "Hello."),
        ("hears", "One. https://x.example/a.wav"),
        ("hears", "b.wav"),
        ("tones", "1w2#"),
        ("records", ""),
        ("stops", ""),
        ("ends", "MANAGERHANGUP"),
    ]


@pytest.mark.parametrize("instructions", [[], [{"name": "say", "text": "We are closed."}]])
def test_a_call_that_nobody_picked_up_was_not_answered(instructions: list[dict[str, Any]]) -> None:
    call = Platform({"instructions": instructions, **HANGUP}).begin()
    assert (call.posted[-1]["result"], call.posted[-1]["duration"]) == ("N/A", 0)


def test_a_call_counts_from_when_it_was_picked_up() -> None:
    call = Platform({"instructions": [{"name": "answer"}], **bridge(dialTimeout=20)}, CONTINUE).begin()
    call.now += 10
    call.phone.callee("answers")
    call.now += 30
    call.phone.hang_up()
    assert (call.posted[-1]["duration"], call.posted[-1]["to"]["endpoint"]) == (40, "+12025550111")


def test_no_two_callbacks_of_a_call_tell_the_same_second() -> None:
    menus = [run_menu(menu(maxDigits=2)), run_menu(menu(maxDigits=2)), HANGUP]
    call = Platform(*menus).begin()
    call.phone.press("1212")
    assert call.results == [("sequence", "12")] * 2
    assert len({each["timestamp"] for each in call.posted}) == len(call.posted)


def test_a_notification_bears_no_time() -> None:
    call = Platform(run_menu(menu(options=OPTIONS))).begin()
    call.phone.notify("recording_finished", {})
    assert "timestamp" not in call.posted[-1]


@pytest.mark.parametrize("answers", [(), (run_menu(menu(options=OPTIONS)),)])
def test_a_call_whose_callback_fails_is_over(answers: Sequence[Mapping[str, Any]]) -> None:
    call = Platform(*answers).begin()
    if answers:
        call.phone.press("1")
    assert call.phone.stands == "over" and call.posted[-1]["reason"] == "CALLBACKERROR"


def test_an_ace_without_an_answer_connects() -> None:
    call = Platform(ringing()).begin()
    call.phone.callee("answers")
    assert call.phone.stands == "talking"


# --- menus: fields ----------------------------------------------------------------------------------------


def test_what_is_typed_ahead_is_lost_where_no_key_interrupts_the_prompt() -> None:
    call = Platform(run_menu(menu(options=OPTIONS)), run_menu(menu(maxDigits=4), barge=False), HANGUP).begin()
    with pytest.raises(CannotAct, match="barge: false"):
        call.phone.press("21234")
    assert call.results == [("return", "service")] and call.phone.pressed == 1
    call.phone.press("1234")
    assert call.results[1:] == [("sequence", "1234")]


def test_keys_reach_a_silent_menu_that_takes_none_while_it_speaks() -> None:
    silent = run_menu({"id": "main", "maxDigits": 2}, barge=False)
    call = Platform(run_menu(menu(options=OPTIONS)), silent, HANGUP).begin()
    call.phone.press("212")
    assert call.results == [("return", "service"), ("sequence", "12")]


def test_a_menu_without_keys_collects_one() -> None:
    call = Platform(run_menu(menu()), HANGUP).begin()
    assert call.phone.takes_digits == 1
    call.phone.press("7")
    assert call.results == [("sequence", "7")]


def test_a_key_that_chooses_does_so_among_digits_too() -> None:
    options = [{"dtmf": "*", "action": "return(cancel)"}]
    call = Platform(run_menu(menu(maxDigits=4, options=options)), HANGUP).begin()
    call.phone.press("12*")
    assert call.results == [("return", "cancel")]


def test_spoken_digits_are_complete_after_a_silence_that_begins_anew_with_each() -> None:
    call = Platform(run_menu(menu(maxDigits=4), enableVoice=True), HANGUP).begin()
    call.now += 3
    call.phone.speak("1")
    assert call.results == [] and call.phone.due == call.now + 5
    call.phone.speak("2")
    call.wait()
    assert call.pies == [{"menuId": "main", "type": "sequence", "value": "12", "inputMethod": "voice"}]


def test_speech_has_a_limit_for_all_of_it() -> None:
    call = Platform(run_menu(menu(maxDigits=4, maxTimeoutMills=6000), enableVoice=True), HANGUP).begin()
    call.now += 4
    call.phone.speak("1")
    call.wait()
    assert call.results == [("sequence", "1")] and call.now == 1006.0


# --- bridges: fields --------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [bridge(maxDuration=60), bridge("connectStream", maxDuration=60)])
def test_a_connection_ends_by_itself(answer: dict[str, Any]) -> None:
    call = Platform(answer, CONTINUE).begin()
    call.phone.callee("answers")
    call.wait()
    told = call.posted[-1]
    assert (call.now, told["reason"], told["result"], told["duration"]) == (1060.0, "TIMEOUT", "ANSWERED", 60)


def test_a_menu_does_not_outlive_the_connection_it_plays_in() -> None:
    call = Platform(bridge(maxDuration=8), run_menu(menu(options=OPTIONS)), outbound=True)
    call.phone.play(orjson.dumps(call.answers.pop(0)))
    call.phone.callee("answers")
    call.wait()
    call.wait()
    assert call.now == 1008.0 and call.posted[-1]["reason"] == "TIMEOUT" and call.results == []


def test_tones_follow_the_answer() -> None:
    call = Platform(bridge(dtmf="ww12#"), CONTINUE).begin()
    assert [each.kind for each in call.seen] == ["connects"]
    call.phone.callee("answers")
    assert (call.seen[-1].kind, call.seen[-1].text) == ("tones", "ww12#")


@pytest.mark.parametrize("name", ["connectPstn", "connectSip"])
def test_a_call_that_suppresses_its_callbacks_ends_without_a_word(name: str) -> None:
    call = Platform(bridge(name, suppressCallbacks=True)).begin()
    call.phone.callee("answers")
    call.phone.hang_up()
    assert [each["event"] for each in call.posted] == ["ice"] and call.seen[-1].kind == "ends"


def test_an_app_user_who_does_not_answer_is_busy() -> None:
    call = Platform(bridge("connectMxp")).begin()
    call.phone.callee("no answer")
    assert (call.posted[-1]["reason"], call.posted[-1]["result"]) == ("N/A", "BUSY")


def test_who_was_called_and_answered_is_the_one_who_is_connected_on() -> None:
    call = Platform(bridge(), run_menu(menu(options=OPTIONS)), bridge(), CONTINUE, outbound=True)
    call.phone.play(orjson.dumps(call.answers.pop(0)))
    call.phone.callee("answers")
    call.phone.press("1")
    assert [each.kind for each in call.seen] == ["rings", "hears", "connects"]
    call.phone.callee("no answer")
    assert call.posted[-1]["result"] == "NOANSWER"


def test_who_is_rung_and_hangs_up_declines_the_call() -> None:
    call = Platform(outbound=True)
    call.phone.play(orjson.dumps(bridge()))
    call.phone.hang_up()
    assert (call.posted[-1]["reason"], call.posted[-1]["result"]) == ("CANCEL", "BUSY")


def test_a_callee_who_hangs_up_in_a_menu_is_told_twice() -> None:
    call = Platform(bridge(), run_menu(menu(options=OPTIONS)), HANGUP).begin()
    call.phone.callee("answers")
    call.phone.callee("hangs up")
    assert [each["event"] for each in call.posted] == ["ice", "ace", "pie", "dice"] and call.results == [("hangup", "")]


def test_a_machine_that_is_detected_before_the_answer_and_hung_up_on_is_told_no_later() -> None:
    call = Platform(ringing(**{"async": True}), HANGUP).begin()
    call.phone.callee("machine")
    assert [each["event"] for each in call.posted] == ["ice", "ace", "dice"]


# --- changes of the live call -----------------------------------------------------------------------------

WORDS = {"instructions": [{"name": "say", "text": "One minute left."}], **CONTINUE}


def changed(call: Platform) -> Platform:
    call.phone.play(orjson.dumps(WORDS))
    assert call.heard[-1] == "One minute left."
    return call


def test_words_into_a_connection_do_not_lengthen_it() -> None:
    call = Platform(bridge(maxDuration=60), CONTINUE).begin()
    call.phone.callee("answers")
    changed(call).wait()
    assert call.now == 1060.0


def test_words_while_it_rings_let_it_ring() -> None:
    call = changed(Platform(ringing()).begin())
    assert call.phone.stands == "ringing" and call.phone.situation.startswith("it rings at")
    call.wait()
    assert call.now == 1020.0


def test_keys_in_a_room_are_heard_after_words_into_it_too() -> None:
    options = {"mode": "detect", "maxDigits": 4}
    room = {"name": "connectConf", "conferenceId": "r", "conferenceDtmfOptions": options}
    call = changed(Platform({"action": room}).begin())
    call.phone.press("12#3")
    assert call.results == [("sequence", "12"), ("sequence", "3")] and call.phone.stands == "room"


def test_a_parked_call_that_goes_on_is_parked_no_more() -> None:
    call = changed(Platform({"action": {"name": "park", "maxDuration": 60}}).begin())
    assert (call.phone.stands, call.phone.due) == ("idle", None)
    with pytest.raises(CannotAct, match="nothing plays"):
        call.phone.press("1")


def test_a_parked_call_becomes_a_menu() -> None:
    call = Platform({"action": {"name": "park", "maxDuration": 60}}, HANGUP).begin()
    call.phone.play(orjson.dumps(run_menu(menu(options=OPTIONS))))
    assert call.phone.due == call.now + 5
    call.phone.press("1")
    assert call.results == [("return", "sales")]


# --- chats ---------------------------------------------------------------------------------------------------

APP, ME = "01HX2APP0000000000000000A1", "12025550150"


class Contact:
    def __init__(self) -> None:
        self.webhooks: list[dict[str, Any]] = []
        self.seen: list[Seen] = []
        self.chat = Chat(
            lambda body: self.webhooks.append(orjson.loads(body)), lambda: 1000.0, self.seen.append, APP, "WHATSAPP", ME
        )

    def gets(self, message: Mapping[str, Any], to: str = ME, question: bool = False) -> None:
        identities = [{"channel": "WHATSAPP", "identity": to}]
        body = {"app_id": APP, "recipient": {"identified_by": {"channel_identities": identities}}, "message": message}
        self.chat.receive({**body, "message_metadata": "row"}, question)


BUTTONS = {
    "choice_message": {
        "text_message": {"text": "Coming?"},
        "choices": [
            {"text_message": {"text": "Yes, I am"}, "postback_data": "coming#a.1"},
            {"text_message": {"text": "No"}, "postback_data": "cancel#a.1"},
        ],
    }
}


@pytest.mark.parametrize("what", ["Yes, I am", "yes,  i AM", "coming"])
def test_a_button_is_tapped_by_its_label_or_value(what: str) -> None:
    contact = Contact()
    contact.gets(BUTTONS)
    assert contact.seen == [Seen("reads", "Coming?", True, ("Yes, I am", "No"), contact.seen[0].more)]
    contact.chat.tap(what)
    tapped = contact.webhooks[-1]["message"]["contact_message"]["choice_response_message"]
    assert tapped["postback_data"] == "coming#a.1"


def test_an_old_button_can_still_be_tapped_and_the_newest_of_a_name_is() -> None:
    contact = Contact()
    contact.gets(BUTTONS)
    contact.gets({"text_message": {"text": "Still there?"}})
    contact.chat.tap("No")
    assert (
        contact.webhooks[-1]["message"]["contact_message"]["choice_response_message"]["postback_data"] == "cancel#a.1"
    )


def test_what_nobody_showed_cannot_be_tapped() -> None:
    contact = Contact()
    with pytest.raises(CannotAct, match="shows no buttons"):
        contact.chat.tap("Yes")
    contact.gets(BUTTONS)
    with pytest.raises(CannotAct, match="the last message shows Yes, I am, No"):
        contact.chat.tap("Perhaps")


def test_a_message_to_somebody_else_is_not_read_here() -> None:
    contact = Contact()
    contact.gets({"text_message": {"text": "Hello"}}, to="12025550151")
    assert [each.kind for each in contact.seen] == ["sends"] and contact.seen[0].name == "12025550151"


def test_a_receipt_is_of_the_last_message() -> None:
    contact = Contact()
    with pytest.raises(CannotAct, match="nothing has been sent"):
        contact.chat.receipt("FAILED")
    contact.gets({"text_message": {"text": "Hello"}})
    contact.chat.receipt("FAILED")
    told = contact.webhooks[-1]["message_delivery_report"]
    assert (told["status"], told["metadata"]) == ("FAILED", "row")


OPENING: dict[str, Any] = {
    "choice_message": {
        "text_message": {"text": "Have a look."},
        "choices": [
            {"url_message": {"title": "Menu", "url": "https://example.com/m"}, "postback_data": "page#a.1"},
            {"share_location_message": {"title": "Near me", "fallback_url": "u"}, "postback_data": "near#a.1"},
        ],
    }
}


def test_only_some_channels_tell_that_a_link_was_tapped() -> None:
    contact = Contact()
    contact.gets(OPENING)
    with pytest.raises(CannotAct, match="only opens something: WHATSAPP does not tell"):
        contact.chat.tap("Menu")
    contact.chat.channel = "RCS"
    contact.chat.tap("Menu")
    assert len(contact.webhooks) == 1


def test_a_button_that_asks_for_a_place_is_answered_by_one() -> None:
    contact = Contact()
    contact.gets(OPENING)
    with pytest.raises(CannotAct, match="sharing a location answers it"):
        contact.chat.tap("near")


def test_a_message_whose_buttons_only_open_asks_nothing() -> None:
    contact = Contact()
    contact.gets({"card_message": {"title": "T", "choices": OPENING["choice_message"]["choices"][:1]}})
    assert contact.seen[0].asks is False and contact.seen[0].choices == ("Menu",)


def test_a_tap_brings_back_what_its_message_was_sent_with() -> None:
    contact = Contact()
    contact.gets(BUTTONS)
    contact.chat.tap("No")
    assert contact.webhooks[-1]["message"]["metadata"] == "row"
