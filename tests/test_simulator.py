"""The one interpreter of answers: prompts, nested menus, repeats, time-outs, ringing, parks and rooms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pytest

from flowengine.simulator import CannotAct, Chat, Phone, Seen, masked, spoken

HANGUP = {"action": {"name": "hangup"}}


def menu(**entry: Any) -> dict[str, Any]:
    return {"id": "main", "mainPrompt": "#tts[Press.]", "repeats": 2, "timeoutMills": 5000, **entry}


def run_menu(*menus: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"action": {"name": "runMenu", "mainMenu": "main", "menus": list(menus), **more}}


OPTIONS = [{"dtmf": "1", "action": "return(sales)"}, {"dtmf": "2", "action": "return(service)"}]


class Platform:
    """A call whose callbacks get these answers in turn, then nothing."""

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
    def results(self) -> list[tuple[str, str]]:
        pies = [each["menuResult"] for each in self.posted if each["event"] == "pie"]
        return [(each["type"], each.get("value", "")) for each in pies]

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
    assert call.posted[-1]["menuResult"]["menuId"] == "more" and call.results == [("return", "sales")]


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
    assert call.posted[-1]["menuResult"]["inputMethod"] == "voice"
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


def test_nobody_listens_for_keys_while_it_rings() -> None:
    call = Platform(ringing()).begin()
    with pytest.raises(CannotAct, match=r"it rings at \+12…11"):
        call.phone.press("1")


@pytest.mark.parametrize(
    ("prompts", "words"),
    [
        ("#tts[Hello there.]", "Hello there."),
        ("#tts[One.];#tts[Two.]", "One. Two."),
        ('#ssml[<speak>Wait<break time="2s"/> here</speak>]', "Wait here"),
        ('#ssml[<speak><break time="2s"/></speak>]', ""),
        ("#href[https://example.com/a.wav]", "https://example.com/a.wav"),
        ("welcome.wav", "welcome.wav"),
        ("", ""),
    ],
)
def test_what_is_heard_of_a_prompt(prompts: str, words: str) -> None:
    assert spoken(prompts) == words


def test_numbers_are_shown_by_their_ends() -> None:
    assert masked("+12025550142") == "+12…42" and masked("ann") == "ann"


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
