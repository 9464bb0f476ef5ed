"""The flows that are served, played as callers, callees and servers would."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest
from chatting import APP, ME, Chat, words
from play import CALLER, CLOSED, ROOT, Phone, explore, failing, nobody, ok, warnings

from flowengine.fetch import ALLOWED, Fetcher, Request, Response
from flowengine.sinch.fake import FakeSinch
from flowengine.starting import start_conversation
from flowengine.worker import Worker

HOLIDAY = "2026-12-24T10:00:00+00:00"
NEW_YEARS_EVE = "2026-12-31T{}:00:00+00:00"
Make = Callable[..., Phone]


@pytest.fixture(params=["memory", "sqlite"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/calls.db"


@pytest.fixture
def desk(store_url: str) -> Make:
    return partial(Phone, flow="front_desk", store_url=store_url)


@pytest.fixture
def reminder(store_url: str) -> Make:
    given = {"to": "+12025550142", "name": "Anna", "time": "nine o'clock"}
    return partial(Phone, flow="reminder", store_url=store_url, inputs=given)


@pytest.fixture
def conference(store_url: str) -> Make:
    return partial(Phone, flow="conference", store_url=store_url)


@pytest.fixture
def survey(store_url: str) -> Make:
    return partial(Phone, flow="survey", store_url=store_url)


GIVEN = {
    "reminder": {"to": "+12025550142", "name": "Anna", "time": "nine"},
    "appointment_call": {"to": "+12025550142", "name": "Anna", "when": "2026-11-26T09:30:00Z"},
}


def test_nothing_is_to_be_said_against_the_flows() -> None:
    assert warnings(("flows",)) == []


@pytest.mark.parametrize("flow", ["front_desk", "reminder", "conference", "survey", "appointment_call"])
@pytest.mark.parametrize("fuse", [True, False])
def test_everything_that_may_happen_is_answered(flow: str, fuse: bool) -> None:
    """Every answer is held against the schema while it is played."""
    given = GIVEN.get(flow, {})
    seen: set[str] = set()
    for server in (ok(tier="gold", room="blue", role="moderator"), ok(room="blue"), failing(404), nobody):
        for now in ("2026-11-20T10:00:00+00:00", CLOSED):
            make = partial(Phone, flow=flow, fuse=fuse, server=server, now=now, inputs=given)
            seen.update(name for each in explore(make, depth=6) for name in each.path)
    assert set(Phone(flow=flow).library.programs[flow].states) - seen == set()


# --- the front desk ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "place"),
    [
        ("2026-11-20T10:00:00+00:00", "main"),
        ("2026-11-20T07:59:59+00:00", "closed"),
        ("2026-11-20T08:00:00+00:00", "main"),
        ("2026-11-20T16:00:00+00:00", "closed"),
        ("2026-11-21T10:00:00+00:00", "main"),
        ("2026-11-22T10:00:00+00:00", "closed"),
        ("2026-07-17T07:00:00+00:00", "main"),
        (HOLIDAY, "closed"),
        (NEW_YEARS_EVE.format("09"), "main"),
        (NEW_YEARS_EVE.format("12"), "closed"),
    ],
)
def test_the_desk_keeps_its_hours_in_its_own_time_zone(desk: Make, now: str, place: str) -> None:
    phone = desk(now=now)
    phone.time -= 1
    phone.ice()
    assert phone.said.startswith("Thank you for calling Acme Corp.")
    assert phone.place == place


def test_sales_is_one_key_away(desk: Make) -> None:
    phone = desk()
    phone.play("ice", "press 1")
    assert phone.answer == {
        "action": {"name": "connectPstn", "number": "+12025550111", "locale": "en-US", "dialTimeout": 25}
    }
    assert phone.play("ace") == {"action": {"name": "continue"}}
    phone.dice()
    assert phone.ended
    assert phone.sent == []


def test_the_menu_is_heard_again_without_a_visit(desk: Make) -> None:
    phone = desk()
    first = phone.ice()
    again = phone.press("9")
    assert first and again
    assert again["action"] == first["action"]
    assert "instructions" not in again


@pytest.mark.parametrize("event", ["silence", "menu wrong"])
def test_who_chooses_nothing_is_taken_leave_of(desk: Make, event: str) -> None:
    phone = desk()
    phone.play("ice", event)
    assert (phone.said, phone.action) == ("Goodbye.", "hangup")


def test_a_known_caller_reaches_support_and_is_recorded(desk: Make) -> None:
    phone = desk(server=ok(tier="gold"))
    phone.play("ice", "press 2", "digits 0042")
    assert phone.asked[0].url == "https://crm.example.com/callers"
    assert phone.asked[0].json == {"caller": CALLER, "pin": "0042"}
    assert phone.action == "connectPstn"
    assert phone.said == "Connecting you to support. The call is recorded."
    recording = phone.answer["instructions"][1] if phone.answer else {}
    assert recording["options"] == {
        "destinationUrl": "s3://acme-calls/call-1.mp3",
        "credentials": "key:secret:eu-north-1",
        "notificationEvents": True,
        "transcriptionOptions": {"enabled": True, "locale": "en-US"},
    }


@pytest.mark.parametrize("server", [failing(500), failing(404), nobody, ok(tier=["a", "list"])])
def test_support_is_reached_though_the_server_cannot_tell(desk: Make, server: Any) -> None:
    phone = desk(server=server)
    phone.play("ice", "press 2", "digits 1234")
    assert phone.place == "support"


def test_what_the_server_leaves_out_is_as_before(desk: Make) -> None:
    phone = desk(server=ok())
    phone.play("ice", "press 2", "digits 1234")
    assert phone.session.vars["tier"] == "unknown"
    assert phone.place == "ask_pin"


def test_a_slow_server_takes_no_longer_than_the_step_allows(desk: Make) -> None:
    given: list[float] = []

    def slow(request: Request, budget: float) -> Response:
        given.append(budget)
        return Response(0, "", "timeout")

    phone = desk(fetch=slow)
    phone.play("ice", "press 2", "digits 1234")
    assert given == [0.8]
    assert phone.place == "support"


def test_a_short_code_is_asked_for_twice_more(desk: Make) -> None:
    phone = desk(server=ok(tier="gold"))
    phone.play("ice", "press 2")
    for _ in range(2):
        phone.digits("12")
        assert phone.action == "runMenu"
        assert phone.said.startswith("That code was too short.")
    phone.digits("12")
    assert (phone.action, phone.said) == ("hangup", "That code was too short. Goodbye.")


def test_the_retries_start_anew_once_the_state_was_left(desk: Make) -> None:
    phone = desk(server=ok(tier="unknown"))
    phone.play("ice", "press 2", "digits 12", "digits 12", "digits 1234")
    assert phone.place == "ask_pin"
    phone.play("digits 12", "digits 12")
    assert phone.action == "runMenu"
    phone.digits("12")
    assert phone.action == "hangup"


def test_the_fourth_visit_goes_to_support_and_retries_are_none(desk: Make) -> None:
    phone = desk(server=ok(tier="unknown"))
    phone.play("ice", "press 2", "digits 12", "digits 1111", "digits 12", "digits 2222")
    assert phone.place == "ask_pin"
    phone.digits("3333")
    assert phone.place == "support"
    assert len(phone.asked) == 3


def test_a_missed_call_is_answered_by_a_message(desk: Make) -> None:
    phone = desk()
    phone.play("ice", "press 2", "digits 1234")
    assert phone.no_answer() is None
    body = {"text": "Sorry we missed you. We will call back."}
    (sent,) = phone.sent
    assert (sent["identity"], sent["channels"], sent["content"]) == (CALLER.removeprefix("+"), ["SMS"], body)
    assert phone.ended


def test_an_answered_call_sends_nothing(desk: Make) -> None:
    phone = desk()
    phone.play("ice", "press 2", "digits 1234", "ace", "dice")
    assert phone.sent == []


def test_a_withheld_caller_is_sent_nothing(desk: Make) -> None:
    phone = desk(caller="private")
    phone.play("ice", "press 2", "digits 1234")
    phone.no_answer()
    assert phone.sent == []


def test_the_recording_is_filed_long_after_the_call(desk: Make) -> None:
    phone = desk(server=ok(tier="gold"))
    phone.play("ice", "press 2", "digits 1234", "ace", "dice")
    phone.pass_time(3600)
    phone.notify("recording_available", destination="s3://acme-calls/late.mp3")
    assert phone.asked[-1].url == "https://crm.example.com/messages"
    assert phone.asked[-1].json == {"file": "s3://acme-calls/late.mp3"}


@pytest.mark.parametrize("end", ["silence", "press 5", "dice"])
def test_a_message_left_at_night_is_filed_however_it_ended(desk: Make, end: str) -> None:
    phone = desk(now=CLOSED, server=ok())
    phone.ice()
    assert phone.said.endswith("press the hash key. beep.wav")
    phone.do(end)
    phone.dice()
    phone.notify("recording_available")
    assert phone.asked[-1].json == {"file": "s3://acme-calls/call-1.mp3"}


def test_a_digit_string_never_reaches_the_journal(desk: Make) -> None:
    phone = desk(server=ok(tier="gold"))
    phone.play("ice", "press 2", "digits 7391")
    told = orjson.dumps([body for _, _, body in phone.journal()]).decode()
    assert "7391" not in told
    assert CALLER not in told


class Crm(BaseHTTPRequestHandler):
    heard: list[Any] = []  # noqa: RUF012

    def do_POST(self) -> None:
        body = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.heard.append((self.path, body))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"tier": "gold"}')

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def crm() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Crm)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_a_real_server_is_asked_over_http(crm: int, tmp_path: Path) -> None:
    text = (ROOT / "flows" / "front_desk.yaml").read_text("utf-8")
    (tmp_path / "flowengine.yaml").write_text((ROOT / "flowengine.yaml").read_text("utf-8"), "utf-8")
    file = tmp_path / "front_desk.yaml"
    file.write_text(text.replace("https://crm.example.com", f"http://localhost:{crm}"), "utf-8")
    inside = Fetcher.from_env({ALLOWED: "127.0.0.0/8, ::1/128"})
    inside.warm_up()
    phone = Phone((str(file),), "front_desk", fetch=inside)
    phone.play("ice", "press 2", "digits 1234")
    assert Crm.heard[-1] == ("/callers", {"caller": CALLER, "pin": "1234"})
    assert phone.session.vars["tier"] == "gold"
    outside = Phone((str(file),), "front_desk", fetch=Fetcher())
    outside.play("ice", "press 2", "digits 1234")
    assert len(Crm.heard) == 1, "what lies inside is not asked unless it is allowed"
    assert outside.place == "support"


# --- the reminder --------------------------------------------------------------------------------------------


def test_the_reminder_rings_its_patient(reminder: Make) -> None:
    phone = reminder()
    assert phone.dial() == {
        "action": {
            "name": "connectPstn",
            "number": "+12025550142",
            "locale": "en-US",
            "dialTimeout": 30,
            "cli": "+12025550100",
            "amd": {"enabled": True, "async": False},
        }
    }
    assert phone.session.call["id"] == "out-1"


@pytest.mark.parametrize("verdict", ["human", "notsure"])
@pytest.mark.parametrize(
    ("step", "text"),
    [
        ("press 1", "Thank you. See you then."),
        ("press 2", "Your appointment is cancelled."),
        ("silence", "We will try again another day. Goodbye."),
        ("menu wrong", "We will try again another day. Goodbye."),
    ],
)
def test_a_person_is_asked(reminder: Make, verdict: str, step: str, text: str) -> None:
    phone = reminder()
    phone.play("dial", f"ace {verdict}")
    assert phone.said.startswith("Hello Anna. Your appointment is at nine o'clock.")
    phone.do(step)
    assert (phone.said, phone.action) == (text, "hangup")


def test_a_machine_is_told_after_its_greeting(reminder: Make) -> None:
    phone = reminder()
    answer = phone.play("dial", "ace machine")
    assert answer
    assert answer["instructions"][0]["ids"] == ['#ssml[<speak><break time="3000ms"/></speak>]']
    assert phone.said.endswith("Please call us if you cannot come.")
    assert phone.action == "hangup"


def test_who_hangs_up_on_the_detection_has_answered(reminder: Make) -> None:
    phone = reminder()
    assert phone.play("dial", "ace hangup") == {"action": {"name": "hangup"}}
    phone.dice()
    assert phone.ended
    assert phone.placed == 1


def test_who_does_not_answer_is_rung_three_times(reminder: Make) -> None:
    phone = reminder()
    phone.dial()
    key, seen = phone.key, []
    for placed in (1, 2, 3):
        assert phone.placed == placed
        seen.append(phone.session.call["id"])
        phone.no_answer()
        assert phone.place == "again_later"
        assert phone.due() == pytest.approx(900)
        phone.wake()
    assert seen == ["out-1", "out-2", "out-3"]
    assert phone.placed == 3
    assert phone.key == key
    assert phone.ended
    assert not phone.store.due(phone.time + 10**6, 1.0)


def test_the_second_call_knows_what_the_first_did_not(reminder: Make) -> None:
    phone = reminder()
    phone.dial()
    phone.no_answer()
    phone.wake()
    assert phone.session.call["answered"] is False
    assert phone.session.vars["name"] == "Anna"
    assert phone.session.visits == {"reminder": {"dial": 2}}
    phone.play("ace human", "press 1")
    assert phone.said == "Thank you. See you then."
    phone.dice()
    assert phone.ended


def test_a_late_dice_of_the_first_call_does_not_end_the_second(reminder: Make) -> None:
    phone = reminder()
    phone.dial()
    phone.no_answer()
    phone.wake()
    assert phone.call_id == "out-2"
    phone.call_id = "out-1"
    phone.dice()
    phone.call_id = "out-2"
    assert phone.place == "dial"
    phone.ace("human")
    assert phone.action == "runMenu"


def test_callbacks_that_overtake_the_reply_find_their_session(reminder: Make) -> None:
    phone = reminder()
    phone.work = lambda: None  # type: ignore[method-assign]
    phone.key, placed = phone.service.dial("reminder", phone.inputs)
    assert placed
    phone.call_id = "early"
    phone.ace("human")
    assert phone.action == "runMenu"
    assert phone.session.call["id"] == "early"


def test_a_number_abroad_is_not_rung(reminder: Make) -> None:
    phone = reminder(inputs={"to": "+4684650000", "name": "Anna", "time": "nine"})
    assert phone.dial() is None
    assert phone.ended


def test_nobody_is_rung_more_often_in_an_hour_than_allowed(reminder: Make) -> None:
    store = None
    for call in range(4):
        phone = reminder()
        if store is not None:
            phone.store = phone.service.store = store
        store = phone.store
        assert (phone.dial() is not None) == (call < 3)


# --- the conference line -------------------------------------------------------------------------------------


def test_a_participant_joins_the_room_of_the_code(conference: Make) -> None:
    phone = conference(server=ok(room="blue"))
    phone.play("ice", "digits 123456")
    assert phone.asked[0].json == {"code": "123456", "call": "call-1"}
    assert phone.asked[0].headers == (("Authorization", "Bearer t0ken"),)
    assert phone.answer
    assert phone.answer["action"] == {"name": "connectConf", "conferenceId": "acme-blue", "moh": "music1"}


def test_a_moderator_steers_the_room_and_stays_in_it(conference: Make) -> None:
    phone = conference(server=ok(room="blue", role="moderator"))
    phone.play("ice", "digits 123456")
    assert phone.answer
    keys = {"mode": "detect", "maxDigits": 1, "timeoutMills": 2000}
    assert phone.answer["action"]["conferenceDtmfOptions"] == keys
    phone.room_digits("1")
    assert phone.asked[-1].json == {"room": "blue", "key": "1"}
    phone.room_digits("9")
    assert phone.asked[-1].json == {"room": "blue", "key": "9"}
    assert phone.place == "moderator"


@pytest.mark.parametrize("role", ["participant", "moderator"])
def test_the_end_of_the_meeting_is_told_in_the_room(conference: Make, role: str) -> None:
    phone = conference(server=ok(room="blue", role=role))
    phone.play("ice", "digits 123456")
    phone.event("meeting_over")
    assert (phone.said, phone.action) == ("The moderator has ended the meeting. Goodbye.", "hangup")
    assert phone.ended


def test_three_wrong_codes_are_enough(conference: Make) -> None:
    phone = conference(server=failing(404))
    phone.ice()
    for _ in range(2):
        phone.digits("111111")
        assert phone.said.startswith("We do not know that code.")
        assert phone.place == "ask_code"
    phone.digits("111111")
    assert phone.action == "hangup"
    assert phone.said.startswith("We do not know that code. That was not a meeting code either.")


@pytest.mark.parametrize("server", [failing(500), nobody, ok(), ok(room="blue", role="burglar")])
def test_a_server_in_trouble_lets_nobody_in(conference: Make, server: Any) -> None:
    phone = conference(server=server)
    phone.play("ice", "digits 123456")
    assert (phone.said, phone.action) == ("Something went wrong. Please call again in a minute.", "hangup")


def test_without_its_secret_the_line_lets_nobody_in(conference: Make) -> None:
    phone = conference(server=ok(room="blue"))
    phone.service.env = {}
    phone.play("ice", "digits 123456")
    assert phone.asked == []
    assert (phone.said, phone.action) == ("Something went wrong. Please call again in a minute.", "hangup")


def test_a_code_of_the_wrong_length_is_no_try(conference: Make) -> None:
    phone = conference(server=ok(room="blue"))
    phone.play("ice", "digits 123", "digits 1234", "digits 123456")
    assert phone.action == "connectConf"
    assert phone.session.visits["conference"]["ask_code"] == 1


@pytest.mark.parametrize("now", [CLOSED, "2026-12-25T10:00:00+00:00"])
def test_the_line_is_closed_at_night_and_on_holidays(conference: Make, now: str) -> None:
    phone = conference(now=now)
    phone.ice()
    assert phone.action == "hangup"
    assert "from seven in the morning" in phone.said


# --- the survey ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "short", "language"), [("1", "en", "en-US"), ("2", "es", "es-ES")])
def test_the_survey_is_held_in_the_language_chosen(survey: Make, key: str, short: str, language: str) -> None:
    phone = survey()
    phone.ice()
    assert phone.said == "survey-language.wav"
    heard = []
    for step in (f"press {key}", "digits 4", "press 1", "press 2"):
        phone.do(step)
        heard.append(phone.said)
    names = [("welcome", "service"), ("recommend",), ("comment",), ("thanks",)]
    assert heard == [" ".join(f"survey-{name}-{short}.wav" for name in each) for each in names]
    assert phone.asked[0].json == {"call": "call-1", "language": language, "service": "4", "recommend": "yes"}
    phone.dice()
    assert len(phone.asked) == 1


@pytest.mark.parametrize("step", ["silence", "menu wrong"])
def test_who_chooses_no_language_hears_the_first(survey: Make, step: str) -> None:
    phone = survey()
    phone.play("ice", step)
    assert phone.said == "survey-welcome-en.wav survey-service-en.wav"


@pytest.mark.parametrize("digit", ["0", "6", "*"])
def test_only_one_to_five_counts(survey: Make, digit: str) -> None:
    phone = survey()
    phone.play("ice", "press 1", f"digits {digit}")
    assert phone.said.startswith("survey-one-to-five-en.wav survey-service-en.wav")
    phone.digits(digit)
    assert phone.said.endswith("survey-thanks-en.wav")
    kept = {"call": "call-1", "language": "en-US", "service": "none", "recommend": "none"}
    assert phone.asked[0].json == kept


@pytest.mark.parametrize("end", ["digits 5", "silence", "dice"])
def test_a_comment_is_kept_with_the_answers(survey: Make, end: str) -> None:
    phone = survey()
    phone.play("ice", "press 2", "digits 5", "press 2", "press 1")
    assert phone.said == "survey-speak-es.wav beep.wav"
    phone.play("press #" if end == "digits 5" else end, "dice", "notify recording_available")
    answers, comment = phone.asked
    assert answers.json == {"call": "call-1", "language": "es-ES", "service": "5", "recommend": "no"}
    assert comment.json == {"call": "call-1", "file": "s3://acme-calls/call-1.mp3"}


def test_who_hangs_up_half_way_has_still_answered(survey: Make) -> None:
    phone = survey()
    phone.play("ice", "press 1", "digits 2")
    phone.hang_up()
    assert [each.json for each in phone.asked] == [
        {"call": "call-1", "language": "en-US", "service": "2", "recommend": "none"}
    ]


# --- the booking conversation ---------------------------------------------------------------------------------

FLOWS = [path.read_text("utf-8") for path in sorted((ROOT / "flows").glob("*.yaml")) if ".test" not in path.name]
FREE = {"slots": [{"time": "2025-11-29T18:00:00Z"}, {"time": "2025-11-29T20:30:00Z"}]}
WELCOME = "Hi! What would you like to do? / 1. Book a table / 2. My bookings / Web site: https://example.com"


@pytest.fixture(params=["memory", "sqlite"])
def chat(request: pytest.FixtureRequest, tmp_path: Path) -> Chat:
    """Everything in flows/, where tables are free."""
    store = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/chats.db"
    found = Chat(tmp_path, *FLOWS, store=store)
    found.reply = Response(200, FREE)
    return found


def booked(chat: Chat) -> None:
    for text in ("book", "1", "4", "b"):
        chat.write(text)


def test_a_table_is_booked_in_four_messages(chat: Chat) -> None:
    assert chat.write("Book") == [WELCOME]
    assert chat.write("table") == ["For how many?"]
    assert chat.write("4") == ["When would you like to come? / a. 18:00 / b. 20:30"]
    assert dict(chat.asked[0].query) == {"seats": "4"}
    chat.write("20:30")
    assert "Booked for 4" in orjson.dumps(chat.sent[-1]).decode()
    assert chat.talk.ended


def test_the_booking_is_known_in_the_next_conversation(chat: Chat) -> None:
    booked(chat)
    chat.write("reserve")
    keep = chat.write("my bookings")
    assert keep == ["You have a table at 20:30. / 1. Keep it / 2. Cancel it"]
    assert chat.write("cancel it") == ["It is cancelled."]
    chat.write("book")
    assert chat.write("2") == ["You have no booking."]


@pytest.mark.parametrize("word", ["info", "HELP", "Help!"])
def test_help_comes_back_to_the_question(chat: Chat, word: str) -> None:
    chat.write("book")
    chat.write("1")
    assert chat.write(word) == ["Say AGENT for a person, STOP for no more messages.", "For how many?"]
    assert chat.talk.place == "seats"


def test_a_large_company_speaks_to_a_person(chat: Chat) -> None:
    chat.write("book")
    chat.write("1")
    assert chat.write("12") == ["One moment, a colleague takes over."]
    assert chat.asked[-1].url == "https://desk.example.com/chats"
    assert chat.write("Hello?") == []
    chat.service.event(chat.key, "returned")
    assert chat.answers() == ["Thank you!"]


def test_nobody_at_the_desk_is_said_after_an_hour(chat: Chat) -> None:
    chat.write("book")
    chat.write("agent")
    assert chat.wait(3600) == ["Nobody is free right now; we will write to you."]


def test_the_tables_cannot_be_read(chat: Chat) -> None:
    chat.reply = Response(500, "")
    chat.write("book")
    chat.write("1")
    assert chat.write("4") == ["One moment, a colleague takes over.", "Nobody is free right now; we will write to you."]


def test_who_says_nothing_is_reminded_and_taken_leave_of(chat: Chat) -> None:
    chat.write("book")
    assert chat.wait(2 * 3600) == ["Still there?"]
    assert chat.wait(21 * 3600) == ["Thank you!"]
    assert chat.talk.ended


def test_the_guest_is_spoken_to_in_their_language(chat: Chat) -> None:
    known = {"contact": {"id": "c", "language": "ES", "channel_identities": [{"channel": "SMS", "identity": ME}]}}
    chat.deliver(orjson.dumps({"app_id": APP, "contact_create_notification": known}))
    assert chat.write("book")[0].startswith("¡Hola! ¿Qué desea? / 1. Reservar")
    assert chat.write("book a table") == ["For how many?"]


# --- the reminder of an appointment -----------------------------------------------------------------------------

DAY = {"name": "Anna", "when": "2025-11-26T09:30:00Z"}


class Practice:
    """A patient with a telephone: the call is placed with the fake Sinch over HTTP, and its callbacks are played."""

    def __init__(self, folder: Path, sinch: FakeSinch) -> None:
        env = {**sinch.env(), "CONVERSATION_APP_ID": APP, "PRACTICE_TOKEN": "t0ken"}
        self.sinch = sinch
        self.chat = Chat(folder, *FLOWS, store=f"sqlite:///{folder}/chats.db", env=env)
        self.chat.worker = Worker.from_env(self.chat.service, env)
        self.chat.now += 6 * 3600  # eleven in New York

    def start(self) -> str:
        _, became = start_conversation(self.chat.service, "appointment", {"to": "+" + ME, "inputs": DAY})
        self.chat.answers()
        return became

    def call(self, event: str, **fields: Any) -> list[str]:
        """A callback of the call, and what is written because of it."""
        placed = self.sinch.callouts[-1]
        self.chat.send(event, placed.call_id, custom=placed.body["customCallout"]["custom"], **fields)
        return self.chat.answers()

    def hangs_up(self, result: str = "ANSWERED") -> list[str]:
        return self.call("dice", result=result, reason="CALLERHANGUP", duration=5)

    def picks_up(self, key: str) -> list[str]:
        self.call("ace", amd={"status": "human", "reason": "", "duration": 1})
        answer = {"menuId": "main", "type": "return", "value": key, "inputMethod": "dtmf"}
        return self.call("pie", menuResult=answer) + self.hangs_up()

    @property
    def told(self) -> list[tuple[str, str]]:
        """What the practice got to know."""
        bodies: list[Any] = [each.json for each in self.chat.asked]
        return [(each["answer"], each["wish"]) for each in bodies]


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[Practice]:
    with FakeSinch() as sinch:
        yield Practice(tmp_path, sinch)


def test_the_call_comes_first_and_nothing_is_written_meanwhile(practice: Practice) -> None:
    assert practice.start() == "start"
    assert [each.svaml["action"]["number"] for each in practice.sinch.callouts] == ["+" + ME]
    assert practice.chat.sent == []
    assert practice.chat.write("Who is this?") == ["We are just trying to ring you."]


@pytest.mark.parametrize(
    ("key", "told", "written"),
    [
        ("confirmed", "coming", "Thank you. See you on 26 November 2025 at 09:30."),
        ("cancelled", "cancelled", "Your appointment is cancelled. Write BOOK when you want another."),
    ],
)
def test_what_is_pressed_is_told_and_confirmed_in_writing(
    practice: Practice, key: str, told: str, written: str
) -> None:
    practice.start()
    assert practice.picks_up(key) == [written]
    assert practice.told == [(told, "")]
    assert practice.chat.talk.ended


QUESTION = (
    "Hello Anna, we could not reach you. You have an appointment on 26 November 2025 at 09:30. Are you coming?"
    " / 1. I am coming / 2. I cannot come / 3. Another time"
)


@pytest.mark.parametrize(
    ("text", "told", "written"),
    [
        ("Yes!", "coming", "Thank you. See you on 26 November 2025 at 09:30."),
        ("1", "coming", "Thank you. See you on 26 November 2025 at 09:30."),
        ("no", "cancelled", "Your appointment is cancelled. Write BOOK when you want another."),
        ("Cancel", "cancelled", "Your appointment is cancelled. Write BOOK when you want another."),
    ],
)
def test_nobody_answers_and_the_reply_to_the_text_is_understood(
    practice: Practice, text: str, told: str, written: str
) -> None:
    practice.start()
    assert practice.hangs_up("NOANSWER") == [QUESTION]
    assert practice.chat.write(text) == [written]
    assert practice.told == [(told, "")]


def test_another_time_is_asked_for(practice: Practice) -> None:
    practice.start()
    practice.hangs_up("BUSY")
    assert practice.chat.write("could we find another time please") == ["Which day and time would suit you?"]
    assert practice.chat.write("Friday, after five") == ["Thank you. We will write to you with a time."]
    assert practice.told == [("other", "Friday, after five")]


@pytest.mark.parametrize("amd", ["machine", "hangup"])
def test_a_machine_is_left_no_message_but_a_text(practice: Practice, amd: str) -> None:
    practice.start()
    texts = practice.call("ace", amd={"status": amd, "reason": "", "duration": 1})
    assert texts + practice.hangs_up() == [QUESTION]


def test_who_never_replies_is_reminded_once(practice: Practice) -> None:
    practice.start()
    practice.hangs_up("NOANSWER")
    assert practice.chat.wait(4 * 3600) == ["Please tell us whether you are coming on 26 November 2025."]
    assert practice.chat.wait(23 * 3600) == []
    assert practice.told == [("none", "")]
    assert practice.chat.talk.ended


def test_stop_means_no_calls_and_no_texts(practice: Practice) -> None:
    practice.chat.write("STOP")
    assert practice.start() == "opted_out"
    assert practice.sinch.callouts == []


def test_a_call_that_cannot_be_placed_becomes_a_text(practice: Practice) -> None:
    practice.chat.worker = Worker(practice.chat.service, None)
    practice.start()
    assert words_sent(practice.chat) == [QUESTION]


def words_sent(chat: Chat) -> list[str]:
    return [words(each["message"]) for each in chat.sent]


# --- nested menus --------------------------------------------------------------------------------------------

NESTED = """\
flow: nested
channel: voice
triggers: [ { to: "+12025550100" } ]
start: main
states:
  main:
    menu: { prompt: For more press 1., choices: { more: 1, news: 2 } }
    on: { timeout: goodbye, invalidinput: goodbye }
  more:
    menu:
      prompt: For codes press 1, to go back press 2, to hear this again press 3.
      choices: { code: 1, back: 2, repeat: 3 }
    on: { timeout: goodbye, invalidinput: goodbye }
  code:
    collect: { prompt: Your code?, digits: 2 }
    on: { digits: news, timeout: goodbye, invalidinput: goodbye }
  news: { say: There is no news., next: main }
  goodbye: { say: Goodbye., next: end }
"""


@pytest.mark.parametrize(
    "steps",
    [
        ("press 1", "press 2", "press 2", "silence"),
        ("press 1", "press 3", "press 2", "press 1", "silence"),
        ("press 1", "press 1", "digits 12", "press 1", "press 1", "silence"),
        ("press 1", "press 3", "press 1", "digits 1"),
        ("press 2", "press 1", "menu wrong"),
        ("press 1", "menu hangup"),
    ],
)
def test_fused_and_unfused_menus_play_the_same(tmp_path: Path, steps: tuple[str, ...]) -> None:
    file = tmp_path / "nested.yaml"
    file.write_text(NESTED, "utf-8")
    menus = [len(_menus(Phone((str(file),), "nested", fuse=fuse))) for fuse in (True, False)]
    assert menus == [3, 1]
    heard = [_heard(Phone((str(file),), "nested", fuse=fuse), steps) for fuse in (True, False)]
    assert heard[0] == heard[1]


def _menus(phone: Phone) -> list[Any]:
    answer = phone.ice()
    assert answer
    found: list[Any] = answer["action"]["menus"]
    return found


def _heard(phone: Phone, steps: tuple[str, ...]) -> list[Any]:
    """The prompt that plays after each step, and what else was said on the way."""
    found: list[Any] = []
    phone.ice()
    for step in ("", *steps):
        if step:
            phone.do(step)
        said = [each["text"] for each in (phone.answer or {}).get("instructions", ()) if each["name"] == "say"]
        found.append(phone.entry()["mainPrompt"] if phone.action == "runMenu" else (phone.action, said))
    return found


# --- changes of a live call ----------------------------------------------------------------------------------

HELD = """\
flow: held
channel: voice
triggers: [ { to: "+12025550100" } ]
may_dial: { ann: { number: "+12025550190" } }
variables: { agent: { type: text, default: nobody } }
start: hold
states:
  hold:
    park: { max: 60s, until: ready }
    on: { ready: find, elapsed: goodbye }
  find:
    http: { get: https://crm.example.com/agent, timeout: 800ms, save: { agent: "{{ response.agent }}" } }
    on: { ok: join, error: goodbye }
  join:
    do: [ { say: "{{ agent }} takes your call." }, { send: { to: "{{ call.cli }}", text: Here we are. } } ]
    connect: { to: ann }
  goodbye: { say: Goodbye., next: end }
"""


@pytest.fixture
def held(tmp_path: Path, store_url: str) -> Make:
    file = tmp_path / "held.yaml"
    file.write_text(HELD, "utf-8")
    return partial(Phone, (str(file),), "held", store_url=store_url)


def test_what_takes_a_caller_out_of_the_park_happens_once(held: Make) -> None:
    names = iter(["Ann", "Bob"])
    phone = held(server=lambda request: Response(200, {"agent": next(names)}))
    phone.ice()
    phone.event("ready")
    assert phone.said == "Ann takes your call."
    assert phone.session.vars["agent"] == "Ann"
    assert len(phone.asked) == len(phone.sent) == 1
    assert phone.place == "join"
    assert phone.play("ace") == {"action": {"name": "continue"}}


def test_a_caller_who_cannot_be_taken_out_of_the_park_is_where_he_was(held: Make) -> None:
    phone = held(server=ok(agent="Ann"), refuse=True)
    phone.ice()
    assert phone.event("ready") is None
    assert phone.sent == []
    assert phone.session.vars == {}
    assert phone.journal()[-1][:2] == ("error", "hold")


def test_a_caller_who_hangs_up_first_is_not_changed(held: Make) -> None:
    phone = held(server=ok(agent="Ann"))
    phone.ice()
    phone.work = lambda: None  # type: ignore[method-assign]
    phone.event("ready")
    assert '"event":"ready"' in phone.session.pending
    phone.dice()
    del phone.work
    phone.work()
    assert phone.sent == []
    assert phone.ended


# --- a flow that plays another -------------------------------------------------------------------------------

OUTER = """\
flow: outer
channel: voice
triggers: [ { to: "+12025550100" } ]
on: { error: sorry }
start: check
states:
  check:
    subflow: { flow: inner }
    on: { agreed: yes_state, done: no_state, timeout: again, invalidinput: again, error: sorry }
  again:
    visits: { max: 1, then: no_state }
    say: Once more.
    next: check
  yes_state: { say: "Yes.", next: end }
  no_state: { say: "No.", next: end }
  sorry: { say: Sorry., next: end }
"""
INNER = """\
flow: inner
channel: voice
outcomes: [agreed]
recordings: { to: "s3://acme-calls/x.mp3", credentials: "{{ secret.RECORDINGS }}" }
variables: { word: { type: text, default: none } }
start: ask
states:
  ask:
    do: [ { set: { word: kept } }, { record: start } ]
    menu: { prompt: "For yes press 1, for no press 2, for a server press 3.", choices: { agree: 1, stop: 2, serve: 3 } }
    on: { stop: end, recording_available: file }
  agree: { return: agreed }
  serve:
    http: { get: https://crm.example.com/x, timeout: 100ms }
    on: { ok: agree, error: { retry: 2, then: broken } }
  broken: { say: Three times in vain., next: end }
  file: { do: [ { log: "{{ word }}: {{ event.destination }}" } ], next: end }
"""


@pytest.fixture
def outer(tmp_path: Path, store_url: str) -> Make:
    """What ``file`` reaches is a side run: that its end is none of the inner flow the checks know."""
    for name, text in (("outer", OUTER), ("inner", INNER)):
        (tmp_path / f"{name}.yaml").write_text(text, "utf-8")
    return partial(Phone, (str(tmp_path),), "outer", store_url=store_url, server=failing())


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (("press 1",), "Yes."),
        (("press 2",), "No."),
        (("press 3",), "Three times in vain. No."),
        (("menu error",), "Sorry."),
        (("silence", "press 1"), "Yes."),
        (("silence", "menu wrong"), "No."),
        (("notify recording_available", "press 1"), "Yes."),
    ],
)
def test_an_inner_flow_comes_back_with_its_outcome(outer: Make, steps: tuple[str, ...], said: str) -> None:
    phone = outer()
    phone.play("ice", *steps)
    assert (phone.said, phone.action) == (said, "hangup")
    assert phone.session.frames == []
    assert len(phone.asked) == (3 if "press 3" in steps else 0)


def test_a_late_event_finds_the_flow_that_armed_it(outer: Make) -> None:
    phone = outer()
    phone.play("ice", "press 1", "dice", "notify recording_available")
    event, source, body = phone.journal()[-1]
    assert (event, source, body["notes"]) == (
        "recording_available", "ask", [["log", "kept: s3://acme-calls/call-1.mp3"]]
    )  # fmt: skip
