"""What each kind answers, to the byte, and what happens where a flow leaves an outcome to its default."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from play import CLOSED, Answer, Phone, built, explore, failing, ok

from flowengine.states import KINDS

GOLDEN = Path(__file__).parent / "golden" / "kinds"
UPDATE = os.environ.get("UPDATE_GOLDENS") == "1"
PATHS = ("examples",)


def broken(name: str, arguments: Any, timeout: float) -> Any:
    raise ArithmeticError(name)


WORLDS: dict[str, dict[str, dict[str, Any]]] = {
    "dial": {"": {"inputs": {"to": "+12025550191"}}},
    "hours": {"open": {}, "closed": {"now": CLOSED}, "holiday": {"now": "2026-12-24T10:00:00+00:00"}},
    "http": {"ok": {"server": ok(name="Ann")}, "error": {"server": failing()}},
    "function": {"ok": {}, "error": {"call": broken}},
    "route": {"known": {}, "withheld": {"caller": None}},
    "random": {"low": {"draw": 0.0}, "high": {"draw": 0.99}},
}
BY_SUBFLOW = {"return": "subflow"}
"""A flow that returns is only played by another."""


def flow_of(kind: str) -> str:
    file = f"examples/kinds/{BY_SUBFLOW.get(kind, kind)}.yaml"
    found: str = next(name for name, image in built(PATHS)[0]["flows"].items() if image["file"].endswith(file))
    return found


def played(kind: str) -> dict[str, Answer | None]:
    """Every answer of a kind's example by the steps that lead to it."""
    found: dict[str, Answer | None] = {}
    for world, settings in WORLDS.get(kind, {"": {}}).items():
        for each in explore(partial(Phone, PATHS, flow_of(kind), **settings), depth=3):
            found[", ".join(filter(None, (world, *each.steps)))] = each.answer
    return found


SPOKEN = [name for name, kind in KINDS.items() if "voice" in kind.channels]


@pytest.mark.parametrize("kind", SPOKEN)
def test_every_answer_of_a_kind_is_the_golden_one(kind: str) -> None:
    file = GOLDEN / f"{kind}.json"
    found = played(kind)
    if UPDATE:
        file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    golden = json.loads(file.read_text("utf-8"))
    assert list(golden) == list(found)
    for steps, answer in golden.items():
        assert orjson.dumps(found[steps]).decode() == orjson.dumps(answer).decode(), steps


def test_every_golden_belongs_to_a_kind() -> None:
    assert {each.stem for each in GOLDEN.glob("*.json")} == set(SPOKEN)


# --- defaults ------------------------------------------------------------------------------------------------

TOP = """\
flow: line
channel: voice
languages: [{language}]
triggers: [ {trigger} ]
may_dial: {{ ann: {{ number: "+12025550190" }} }}
recordings: {{ to: "s3://acme-calls/x.mp3", credentials: "{{{{ secret.RECORDINGS }}}}" }}
cli: "+12025550100"
start: it
states:
  it: {{ {state} }}
"""

MENU = "menu: { prompt: To end press 1., choices: { stop: 1 } }, on: { stop: end }"
COLLECT = "collect: { prompt: Your code?, digits: 4 }, on: { digits: end }"
VOICEMAIL = "voicemail: { tone: { play: beep.wav } }"
CONNECT = "connect: { to: ann }"
SYNC = "connect: { to: ann, amd: sync }"
ASYNC = "connect: { to: ann, amd: async }"
ROOM = "conference: { id: team, dtmf: { mode: detect } }"
PARK = "park: { max: 60s }, on: { elapsed: end }"
DIAL = "dial: { to: ann, amd: sync }, on: { human: end, machine: end }"

GOODBYE = "We did not get an answer. Goodbye."
APOLOGY = "Something went wrong. Please call again later."


@pytest.fixture
def line(tmp_path: Path) -> Any:
    def make(state: str, language: str = "en-US", trigger: str = 'to: "+12025550100"', **settings: Any) -> Phone:
        file = tmp_path / f"{len(list(tmp_path.iterdir()))}.yaml"
        file.write_text(TOP.format(state=state, language=language, trigger=f"{{ {trigger} }}"), "utf-8")
        return Phone((str(file),), "line", **settings)

    return make


def says(text: str, language: str = "en-US") -> Answer:
    return {"instructions": [{"name": "say", "text": text, "locale": language}], "action": {"name": "hangup"}}


HANGUP: Answer = {"action": {"name": "hangup"}}
CONTINUE: Answer = {"action": {"name": "continue"}}


@pytest.mark.parametrize("state", [MENU, COLLECT])
@pytest.mark.parametrize(
    ("event", "text"), [("silence", GOODBYE), ("menu wrong", GOODBYE), ("menu error", APOLOGY), ("menu odd", APOLOGY)]
)
def test_who_says_nothing_or_the_wrong_thing_is_taken_leave_of(line: Any, state: str, event: str, text: str) -> None:
    phone = line(state)
    assert phone.play("ice", event) == says(text)
    assert phone.ended


@pytest.mark.parametrize("state", [MENU, COLLECT, VOICEMAIL])
def test_the_apology_is_in_the_language_of_the_flow(line: Any, state: str) -> None:
    answer = line(state, "es-ES").play("ice", "menu error")
    assert answer == says("Algo ha fallado. Vuelva a llamar más tarde.", "es-ES")


@pytest.mark.parametrize("state", [MENU, COLLECT, VOICEMAIL])
def test_a_hang_up_in_a_menu_moves_nothing(line: Any, state: str) -> None:
    phone = line(state)
    assert phone.play("ice", "menu hangup") == HANGUP
    assert phone.place == "it"
    assert phone.do("dice") is None
    assert phone.ended


@pytest.mark.parametrize("event", ["silence", "digits 1", "menu wrong"])
def test_a_message_is_thanked_for_after_the_recording_stops(line: Any, event: str) -> None:
    answer = line(VOICEMAIL).play("ice", event)
    assert answer == {
        "instructions": [{"name": "stopRecording"}, {"name": "say", "text": "Thank you. Goodbye.", "locale": "en-US"}],
        "action": {"name": "hangup"},
    }


@pytest.mark.parametrize("event", ["recording_finished", "recording_available"])
def test_late_events_of_a_recording_are_ignored(line: Any, event: str) -> None:
    phone = line(VOICEMAIL)
    assert phone.play("ice", f"notify {event}") is None
    assert phone.place == "it"
    assert phone.play("dice", f"notify {event}") is None


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (CONNECT, "ace"),
        (CONNECT, "ace inprogress"),
        (SYNC, "ace human"),
        (SYNC, "ace machine"),
        (SYNC, "ace notsure"),
        (SYNC, "ace"),
        (SYNC, "ace beyond"),
        (ASYNC, "ace"),
        (ASYNC, "ace inprogress"),
        (ASYNC, "ace human"),
        (ASYNC, "ace machine"),
    ],
)
def test_a_callee_who_picks_up_is_joined(line: Any, state: str, event: str) -> None:
    phone = line(state)
    assert phone.play("ice", event) == CONTINUE
    assert phone.session.call["answered"] is True
    assert phone.place == "it"


def test_a_callee_who_hangs_up_on_the_detection_moves_nothing(line: Any) -> None:
    phone = line(SYNC)
    assert phone.play("ice", "ace hangup") == HANGUP
    assert phone.place == "it"


@pytest.mark.parametrize("event", ["amd human", "amd machine", "amd notsure", "amd hangup", "amd_beep"])
def test_late_verdicts_are_ignored(line: Any, event: str) -> None:
    phone = line(ASYNC)
    assert phone.play("ice", "ace inprogress", f"notify {event}") is None
    assert phone.place == "it"
    assert len(phone.answers) == 2


def test_digits_in_a_room_are_ignored(line: Any) -> None:
    phone = line(ROOM)
    assert phone.play("ice", "room 1") is None
    assert phone.place == "it"


@pytest.mark.parametrize("state", [MENU, COLLECT, VOICEMAIL, CONNECT, ROOM, PARK])
def test_a_call_that_is_over_has_ended(line: Any, state: str) -> None:
    phone = line(state)
    assert phone.play("ice", "dice") is None
    assert phone.ended
    assert phone.place == ""


def test_notsure_is_as_human_where_only_that_is_handled(line: Any) -> None:
    phone = line(DIAL, trigger="start: api")
    phone.dial()
    assert phone.ace("notsure") == HANGUP
    assert phone.journal()[-1][0] == "notsure"


def test_a_refused_call_ends_the_session_without_a_word(line: Any) -> None:
    phone = line(DIAL, trigger="start: api", refuse=True)
    assert phone.dial() is None
    assert phone.ended
    assert phone.journal()[-1][:2] == ("error", "it")


def test_a_park_that_cannot_be_changed_ends_without_a_word(line: Any) -> None:
    phone = line(PARK, refuse=True)
    phone.ice()
    assert phone.wake() is None
    assert phone.journal()[-1][:2] == ("error", "it")
    assert phone.ended


def test_settings_have_the_defaults_that_are_documented(line: Any) -> None:
    answer = line(MENU).ice()
    assert answer["action"]["barge"] is True
    menu = answer["action"]["menus"][0]
    assert (menu["repeats"], menu["timeoutMills"], menu["repeatPrompt"]) == (2, 5000, menu["mainPrompt"])
    menu = line(VOICEMAIL).ice()["action"]["menus"][0]
    assert (menu["repeats"] + 1) * menu["timeoutMills"] == 120_000
    assert line("park: {}, on: { elapsed: end }").ice()["action"]["maxDuration"] == 600


def test_the_answer_is_picked_up_before_its_first_sound(line: Any) -> None:
    for state, picked in ((MENU, True), (VOICEMAIL, True), (CONNECT, False), (ROOM, False), (PARK, False)):
        instructions = [each["name"] for each in line(state).ice().get("instructions", ())]
        assert ("answer" in instructions) is picked, state


POLLED = (
    "do: [ { say: Wait. } ], wait: { for: 25s, until: ready, choices: { stop: 1 } }, "
    "on: { elapsed: end, stop: end, ready: end }"
)


def test_a_wait_on_the_line_is_polled_and_hears_what_came_meanwhile(line: Any) -> None:
    phone = line(POLLED)
    phone.ice()
    assert phone.entry()["timeoutMills"] == 10_000
    phone.pass_time(10)
    assert phone.silence()["action"]["name"] == "runMenu"
    assert phone.event("ready") is None
    assert phone.place == "it"
    assert phone.silence() == HANGUP
    assert phone.journal()[-1][:2] == ("ready", "it")


def test_the_last_poll_of_a_wait_is_as_short_as_what_is_left(line: Any) -> None:
    phone = line(POLLED)
    phone.ice()
    phone.pass_time(20)
    phone.silence()
    assert phone.entry()["timeoutMills"] == 4_000
    phone.pass_time(4)
    assert phone.silence() == HANGUP
    assert phone.journal()[-1][:2] == ("elapsed", "it")


def test_a_long_wait_without_keys_is_parked_anew(line: Any) -> None:
    phone = line("do: [ { say: Wait. } ], wait: { for: 1000s }, on: { elapsed: end }")
    phone.ice()
    assert (phone.action, phone.due()) == ("park", 590)
    phone.wake()
    assert phone.action == "park"
    assert phone.due() == pytest.approx(410, abs=2)
    phone.wake()
    assert phone.action == "hangup"


@pytest.mark.parametrize("menu", ["beyond", "main-2"])
def test_a_result_of_another_menu_asks_the_current_one_again(line: Any, menu: str) -> None:
    phone = line(MENU)
    first = phone.ice()
    again = phone.pie("return", "stop", menu)
    assert again["action"] == first["action"]
    assert phone.place == "it"


def test_digits_are_not_taken_by_a_menu_nor_choices_by_a_collect(line: Any) -> None:
    for state, kind, value in ((MENU, "sequence", "1234"), (COLLECT, "return", "stop")):
        phone = line(state)
        first = phone.ice()
        assert phone.pie(kind, value)["action"] == first["action"]
        assert phone.place == "it"


@pytest.mark.parametrize("value", ["٣٤٥٦", "12²4", "12 4", "12345", "", "12;4"])
def test_only_digits_as_they_stand_on_keys_count(line: Any, value: str) -> None:
    phone = line(COLLECT)
    phone.ice()
    assert phone.pie("sequence", value) == says(GOODBYE)
    assert phone.journal()[-1][0] == "invalidinput"


def test_a_choice_that_was_not_offered_is_invalid(line: Any) -> None:
    phone = line(MENU)
    phone.ice()
    assert phone.pie("return", "beyond") == says(GOODBYE)


def test_whatever_comes_after_the_end_hears_the_end(line: Any) -> None:
    phone = line(MENU)
    phone.play("ice", "silence")
    assert phone.pie("return", "stop") == HANGUP
    assert phone.ace() == HANGUP
    phone.dice()
    assert phone.dice() is None
