"""What stands in the outbox is sent: over HTTP to a fake Sinch, over both stores, with a clock that the test moves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator
from serving import Line
from test_web import free_port

from flowengine.banner import missing
from flowengine.build import build, read_artefact, write_artefact
from flowengine.chats import Address
from flowengine.delivery.message import LONGEST, PATIENCE, Messages, Pace
from flowengine.engine.person import talk_record
from flowengine.messages.channels import CHANNELS
from flowengine.sinch.conversation import AUTH_URL, BASE_URL, ConversationClient
from flowengine.sinch.fake import Accept, AcceptThenDrop, Account, Answer, Drop, FakeSinch, Hang, Record, Slow, bodies
from flowengine.stores.base import Effect, Write
from flowengine.web import create_app
from flowengine.webhooks import talk_key
from flowengine.worker import Worker

ROOT = Path(__file__).parent.parent
APP = Account().app
ANNA, BO = "12025550150", "12025550151"
RECEIPT = 60.0

SHIRTS = """
flow: shirts
channel: message
triggers: [ { any: true }, { start: api } ]
start: size
states:
  size:
    say: Welcome.
    ask: { prompt: Which size?, choices: { small: Small, large: Large }, timeout: 20h }
    on: { failed: lost, timeout: end, invalidinput: end }
  small: { say: Small it is., next: end }
  large: { say: Large it is., next: end }
  lost: { wait: { for: 9h }, on: { elapsed: end } }
"""
BOTH = SHIRTS.replace("triggers:", "channels: [WHATSAPP, SMS]\ntriggers:").replace("    say: Welcome.\n", "")
COMING = BOTH.replace(
    "timeout: 20h }", "timeout: 20h, template: { name: sizes, language: en_US, body: [Anna], buttons: [small] } }"
)


class Post(Line):
    """Contacts, a fake Sinch, and a worker that is told when to work."""

    def __init__(self, folder: Path, sinch: FakeSinch, *flows: str, store: str = "memory:", **env: str) -> None:
        super().__init__(folder, *flows or (SHIRTS,), store=store, env={"CONVERSATION_APP_ID": APP, **env})
        self.sinch = sinch
        self.works = self.worker()

    def worker(self, env: dict[str, str] | None = None, timeout: float = 5.0, pace: float = 2000.0) -> Worker:
        client = ConversationClient.from_env(self.sinch.env() if env is None else env, timeout)
        found = Worker(self.service, None, sender=client)
        found.carriers["send"] = Messages(found.desk, client, RECEIPT, Pace(pace))
        return found

    def write(self, text: str, who: str = ANNA, channel: str = "SMS") -> None:
        self.webhook(self.sinch.bodies.inbound(bodies.text(text), channel, who, "", accepted=self.now))

    def webhook(self, body: dict[str, Any]) -> None:
        assert self.service.chats.webhook(orjson.dumps(body)) == 200

    def receipt(self, record: Record, status: str = "DELIVERED", reason: str = "") -> None:
        self.webhook(self.sinch.bodies.receipt(record, status, reason))

    def begin(self, flow: str = "shirts", channel: str = "SMS", who: str = ANNA, **inputs: Any) -> str:
        return self.service.chats.begin(flow, Address(APP, channel, who), inputs)

    def work(self, seconds: float = 0.0) -> list[str]:
        """What was sent since, after so many seconds."""
        self.now += seconds
        before = len(self.sinch.sent)
        while self.works.step():
            pass
        return [each.text for each in self.sinch.sent[before:]]

    def place(self, who: str = ANNA, channel: str = "SMS") -> str:
        return str(self.session(talk_key(APP, channel, who)).place)

    def counted(self, name: str) -> int:
        return self.service.counters.get(name, 0)

    @property
    def letters(self) -> int:
        return self.store.dead_letters()


@pytest.fixture
def sinch() -> Iterator[FakeSinch]:
    with FakeSinch() as found:
        yield found
        assert found.problems == []


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path, sinch: FakeSinch) -> Callable[..., Post]:
    store = f"sqlite:///{tmp_path}/x.db" if request.param == "sqlite" else "memory:"
    return partial(Post, tmp_path, sinch, store=store)


@pytest.fixture
def post(make: Callable[..., Post]) -> Post:
    return make()


ASKED = ["Welcome.", "Which size?\n\n1. Small\n2. Large"]


def test_messages_are_sent_in_the_order_they_were_said(post: Post) -> None:
    post.write("hello")
    assert post.work() == ASKED
    post.write("large")
    assert post.work() == ["Large it is."]
    assert [each.metadata.split(".")[0] for each in post.sinch.sent] == [talk_key(APP, "SMS", ANNA)] * 3


# --- failures that pass ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", [Answer(503), Answer(429), Answer(429, retry_after=5), Drop(), Answer(500)])
def test_a_message_that_must_wait_holds_up_its_contact_and_no_other(post: Post, failure: Any) -> None:
    post.sinch.script([failure])
    post.write("hello")
    post.works.step()
    post.now += 5.5  # what was told to all of us is over
    post.write("hello", BO)
    assert post.work()[:2] in (ASKED, [ASKED[0], *ASKED])
    sent = post.work(61)
    assert [each.text for each in post.sinch.sent if each.identity == ANNA] == ASKED, sent
    assert [each.text for each in post.sinch.sent if each.identity == BO] == ASKED


def test_many_failures_in_a_row_change_no_order(post: Post) -> None:
    post.sinch.script([Answer(503), Accept(), Drop(), Answer(429), Answer(503), Accept()])
    post.write("hello")
    post.work()
    post.write("small")
    for _ in range(20):
        post.work(61)
    assert [each.text for each in post.sinch.sent] == [*ASKED, "Small it is."]
    assert post.letters == 0


def test_too_many_requests_hold_up_everybody_for_as_long_as_is_told(post: Post) -> None:
    post.sinch.script([Answer(429, retry_after=30)])
    post.write("hello")
    post.write("hello", BO)
    assert post.work() == []
    assert post.work(29) == []
    post.work(3)
    assert sorted(each.text for each in post.sinch.sent) == sorted([*ASKED, *ASKED])


def test_a_token_that_is_refused_is_asked_for_anew_once(post: Post) -> None:
    post.write("hello")
    post.work()
    post.sinch.expire_tokens()
    post.write("small")
    assert post.work() == ["Small it is."]
    assert post.sinch.token_requests == 2


def test_a_server_that_cannot_be_reached_is_tried_for_a_day_and_no_longer(post: Post) -> None:
    nowhere = {**post.sinch.env(), BASE_URL: f"http://127.0.0.1:{free_port()}", AUTH_URL: "http://127.0.0.1:9"}
    post.works = post.worker(nowhere)
    post.write("hello")
    for _ in range(3):
        post.work(PATIENCE / 4)
        assert (post.letters, post.place()) == (0, "size")
    post.work(PATIENCE / 4 + 1)
    assert post.letters == 2
    assert post.sinch.sent == []


def test_without_credentials_messages_wait_for_them(post: Post) -> None:
    post.works = Worker(post.service, None)
    post.write("hello")
    assert post.work() == []
    assert post.work(3600) == []
    post.works = post.worker()
    assert post.work(61) == ASKED
    assert post.letters == 0


def test_what_is_missing_for_messages_is_said_before_anything_is_served(tmp_path: Path) -> None:
    (tmp_path / "shirts.yaml").write_text(SHIRTS)
    built = build([str(tmp_path)])
    artefact, _ = read_artefact(write_artefact(built))
    told = missing(artefact, {"CONVERSATION_APP_ID": APP})
    assert any("PROJECT_ID_API_KEY" in line and "not set" in line for line in told), told
    assert not any("PROJECT_ID" in line for line in missing(artefact, FakeSinch().env()))


def test_a_store_in_memory_is_drained_where_it_is_served(tmp_path: Path, sinch: FakeSinch) -> None:
    (tmp_path / "shirts.yaml").write_text(SHIRTS)
    env = {**sinch.env(), "FLOWENGINE_STORE": "memory:", "FLOWENGINE_FLOWS": str(tmp_path)}
    sinch.webhook(create_app(env))
    assert sinch.inbound("hello").status_code == 200
    assert [each.text for each in sinch.wait(2)] == ASKED
    assert sinch.inbound("small").status_code == 200
    assert sinch.wait(3)[2].text == "Small it is."


# --- failures that stay ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 402, 403, 404])
def test_a_refused_question_is_a_dead_letter_and_its_flow_goes_on(post: Post, status: int) -> None:
    post.sinch.script([Accept(), Answer(status)])
    post.write("hello")
    assert post.work() == ["Welcome."]
    assert post.letters == 1
    assert post.place() == "lost"
    assert post.counted("not_sent") == 1


def test_a_refused_message_that_is_no_question_leaves_the_question_standing(post: Post) -> None:
    post.sinch.script([Answer(400)])
    post.write("hello")
    assert post.work() == ASKED[1:]
    assert (post.letters, post.place()) == (1, "size")


def test_a_token_refused_twice_is_final(post: Post) -> None:
    post.sinch.script([Accept(), Answer(401), Answer(401)])
    post.write("hello")
    post.work()
    assert (post.letters, post.place()) == (1, "lost")


def test_a_dead_letter_holds_no_number(post: Post, tmp_path: Path) -> None:
    post.sinch.script([Answer(400), Answer(400)])
    letters: list[bytes] = []
    bury = post.store.bury

    def kept(leased: Any, reason: str, now: float) -> bool:
        letters.append(leased.payload)
        return bury(leased, reason, now)

    post.store.bury = kept  # type: ignore[method-assign]
    post.write("hello")
    post.work()
    assert len(letters) == 2
    assert all(b"2025550150" not in each for each in letters)


# --- sends whose outcome is unknown ------------------------------------------------------------------------------

UNKNOWN = [AcceptThenDrop(), Answer(503, accepted=True), Hang(accepted=True), Slow(1.5)]


@pytest.mark.parametrize("step", UNKNOWN, ids=lambda each: type(each).__name__)
def test_an_uncertain_send_is_settled_by_its_receipt(post: Post, step: Any) -> None:
    post.works = post.worker(timeout=0.6)
    post.sinch.script([step])
    post.write("hello")
    post.works.step()
    (welcome,) = post.sinch.wait(1)
    assert post.work(RECEIPT - 1) == []
    post.receipt(welcome, "QUEUED_ON_CHANNEL")
    assert post.work() == ASKED[1:]
    assert post.counted("settled_by_receipt") == 1
    assert post.work(86_400) == []


@pytest.mark.parametrize("accepted", [True, False])
def test_an_uncertain_send_without_a_receipt_is_sent_once_more(post: Post, accepted: bool) -> None:
    post.sinch.script([AcceptThenDrop() if accepted else Drop()])
    post.write("hello")
    post.work()
    assert post.work(RECEIPT - 1) == []
    assert post.work(2) == ASKED
    assert [each.text for each in post.sinch.sent].count("Welcome.") == 1 + accepted


def test_a_message_whose_receipts_never_come_is_sent_ever_less_often(post: Post) -> None:
    post.sinch.flaky(1.0, Answer(503, accepted=True))
    post.write("hello")
    for _ in range(int(PATIENCE / 600)):
        post.work(600)
    welcomes = [each for each in post.sinch.sent if each.text == "Welcome."]
    assert 6 <= len(welcomes) <= 12 + PATIENCE / LONGEST
    assert len({each.metadata for each in welcomes}) == 1


def test_the_receipt_that_a_question_failed_is_told_to_its_flow(post: Post) -> None:
    post.sinch.script([Accept(), AcceptThenDrop()])
    post.write("hello")
    post.work()
    question = post.sinch.sent[1]
    post.receipt(question, "FAILED", "RECIPIENT_NOT_REACHABLE")
    assert post.place() == "lost"
    assert post.work(RECEIPT + 1) == []
    post.receipt(question, "FAILED", "RECIPIENT_NOT_REACHABLE")
    assert post.place() == "lost"


def test_a_late_receipt_of_an_answered_question_changes_nothing(post: Post) -> None:
    post.write("hello")
    post.work()
    question = post.sinch.sent[1]
    post.write("small")
    post.receipt(question, "FAILED", "RECIPIENT_NOT_REACHABLE")
    assert post.work() == ["Small it is."]


# --- several workers, and workers that die -----------------------------------------------------------------------


def test_several_workers_send_each_message_once(tmp_path: Path, sinch: FakeSinch) -> None:
    post = Post(tmp_path, sinch, store=f"sqlite:///{tmp_path}/x.db")
    people = [f"120255501{number:02}" for number in range(12)]
    for who in people:
        post.write("hello", who)
    workers = [post.worker() for _ in range(3)]
    threads = [threading.Thread(target=each.loop) for each in workers]
    for thread in threads:
        thread.start()
    sinch.wait(24)
    for each in workers:
        each.stopped.set()
    for thread in threads:
        thread.join()
    assert len({each.metadata for each in sinch.sent}) == len(sinch.sent) == 24
    for who in people:
        assert [each.text for each in sinch.sent if each.identity == who] == ASKED


def test_a_worker_that_fell_asleep_over_a_row_does_not_send_it_after_another(post: Post) -> None:
    post.write("hello")
    (asleep,) = post.store.take(post.now, 30, 1)
    assert post.work(31) == ASKED
    post.works.carriers["send"](asleep, orjson.loads(asleep.payload))
    assert len(post.sinch.sent) == 2


@pytest.mark.parametrize("heard", [True, False])
def test_a_send_in_which_the_worker_died_waits_for_its_receipt(
    post: Post, monkeypatch: pytest.MonkeyPatch, heard: bool
) -> None:
    post.write("hello")

    def die(body: Any) -> None:
        send(body)
        raise SystemExit

    client = post.works.sender
    assert client is not None
    send = client.send
    monkeypatch.setattr(client, "send", die)
    with pytest.raises(SystemExit):
        post.works.step()
    post.works = post.worker()
    assert post.work(RECEIPT - 1) == []
    if heard:
        post.receipt(post.sinch.sent[0])
    assert post.work(2) == (ASKED[1:] if heard else ASKED)


# --- consent -----------------------------------------------------------------------------------------------------

FAREWELL = "consent: { farewell: You get no more messages., welcome: Welcome back. }\n"


@pytest.fixture
def polite(make: Callable[..., Post], tmp_path: Path) -> Post:
    (tmp_path / "flowengine.yaml").write_text(FAREWELL)
    (tmp_path / "flows").mkdir()
    return make()


def test_stop_drops_what_waits_and_is_answered_once(polite: Post) -> None:
    polite.sinch.script([Answer(429)])
    polite.write("hello")
    assert polite.work() == []
    polite.write("STOP")
    assert polite.work(700) == ["You get no more messages."]
    polite.write("hello")
    polite.write("stop")
    assert polite.begin() == "opted_out"
    assert polite.work(700) in ([], ["You get no more messages."])
    polite.write("START")
    assert polite.work() == ["Welcome back."]
    polite.write("hello")
    assert polite.work() == ASKED


def test_what_was_taken_before_stop_is_not_sent_after_it(polite: Post) -> None:
    polite.write("hello")
    (taken,) = polite.store.take(polite.now, 30, 1)
    polite.write("STOP")
    polite.works.carriers["send"](taken, orjson.loads(taken.payload))
    assert polite.work() == ["You get no more messages."]
    assert polite.counted("not_sent_opted_out") == 1


def test_the_opt_out_that_the_platform_took_is_obeyed_without_a_word(polite: Post) -> None:
    polite.write("hello")
    polite.webhook(polite.sinch.bodies.consent(True, "SMS", ANNA))
    assert polite.work() == []
    assert polite.begin() == "opted_out"
    polite.webhook(polite.sinch.bodies.consent(False, "SMS", ANNA))
    polite.write("hello")
    assert polite.work() == ASKED


def test_a_call_sends_nothing_to_one_who_opted_out(make: Callable[..., Post]) -> None:
    post = make(SHIRTS, (ROOT / "examples/instructions/send.yaml").read_text())
    post.ice(to="+12025550132", cli=ANNA)
    assert post.work() == ["You find us at 12 Main Street."]
    post.write("STOP")
    post.work()
    post.ice(to="+12025550132", cli=ANNA, call="call-2")
    assert post.work() == []
    assert post.letters == 0


# --- the window --------------------------------------------------------------------------------------------------


def test_outside_the_window_the_template_stands_in(make: Callable[..., Post]) -> None:
    post = make(COMING.replace("[WHATSAPP, SMS]", "[WHATSAPP]"))
    assert post.begin(channel="WHATSAPP") == "start"
    assert post.work() == ["[sizes en_US] Anna"]
    template = post.sinch.sent[0].message["template_message"]["channel_template"]["WHATSAPP"]
    assert template["parameters"]["body[1]text"] == "Anna"
    tapped = template["parameters"]["button[0]quick_reply[1]payload"]
    post.webhook(post.sinch.bodies.inbound(bodies.tap(post.sinch.sent[0].message_id, tapped), "WHATSAPP", ANNA, ""))
    assert post.work() == ["Small it is."]
    post.write("hello again", channel="WHATSAPP")
    assert post.work() == ["Which size?"]


def test_outside_the_window_a_question_without_a_template_fails(make: Callable[..., Post]) -> None:
    post = make(BOTH.replace("[WHATSAPP, SMS]", "[WHATSAPP]"))
    post.begin(channel="WHATSAPP")
    assert post.work() == []
    assert (post.letters, post.place(channel="WHATSAPP")) == (1, "lost")


def test_outside_the_window_the_other_channel_is_left(make: Callable[..., Post]) -> None:
    post = make(BOTH)
    post.begin(channel="WHATSAPP")
    assert post.work() == ASKED[1:]
    assert [(each.channel, each.identity) for each in post.sinch.sent] == [("SMS", ANNA)]
    assert post.letters == 0


def test_the_other_channel_gets_the_question_in_words(make: Callable[..., Post]) -> None:
    post = make(COMING)
    post.begin(channel="WHATSAPP")
    post.work()
    message = post.sinch.sent[0].message
    assert "template_message" in message
    assert message["explicit_channel_omni_message"]["SMS"]["text_message"]["text"] == ASKED[1]


def test_a_template_of_its_own_needs_no_window(make: Callable[..., Post]) -> None:
    hi = "  hi: { send: { template: { name: hello, language: en_US } }, next: end }\n"
    post = make(BOTH.replace("[WHATSAPP, SMS]", "[WHATSAPP]").replace("start: size", "start: hi") + hi)
    post.begin(channel="WHATSAPP")
    assert post.work() == ["[hello en_US]"]


def test_who_is_out_on_one_channel_is_written_to_on_the_other(make: Callable[..., Post]) -> None:
    post = make(BOTH)
    post.write("STOP", channel="SMS")
    post.work()
    post.write("hello", channel="WHATSAPP")
    post.work()
    post.write("small", channel="WHATSAPP")
    post.work()
    before = len(post.sinch.sent)
    post.begin(channel="WHATSAPP")
    post.work()
    (again,) = post.sinch.sent[before:]
    named = [each["channel"] for each in again.body["recipient"]["identified_by"]["channel_identities"]]
    assert named == ["WHATSAPP"]


# --- pace, and what cannot be composed ---------------------------------------------------------------------------


def test_one_after_the_other_at_the_pace_of_the_queue() -> None:
    pace, began = Pace(20.0), time.monotonic()
    waits = [pace.wait() for _ in range(10)]
    assert waits == sorted(waits)
    assert waits[-1] <= 0.45
    assert waits[-1] + (time.monotonic() - began) >= 0.45


def test_no_worker_is_faster_than_its_pace(post: Post) -> None:
    post.works = post.worker(pace=20.0)
    for who in (ANNA, BO):
        post.write("hello", who)
    began = time.monotonic()
    post.work()
    assert len(post.sinch.sent) == 4
    assert time.monotonic() - began >= 0.15


def test_what_cannot_be_composed_is_a_dead_letter_at_once(post: Post) -> None:
    payload = {"app": APP, "channels": ["SMS"], "identity": ANNA, "talk": talk_record("x"), "at": post.now}
    broken = Effect("nobody.1", "send", orjson.dumps({**payload, "sender": "", "content": {"options": 7}}), post.now)
    post.store.commit(Write("x", 0, b"[]", post.now + 9, post.now, effects=[broken]))
    assert post.work() == []
    assert post.letters == 1


# --- all kinds ---------------------------------------------------------------------------------------------------

EXAMPLES = [*(ROOT / "examples/messages").glob("*.yaml"), ROOT / "examples/kinds/ask.yaml"]
SCHEMA = Draft202012Validator(orjson.loads((ROOT / "schema/conversation.schema.json").read_bytes()))
ANSWERS = ["red", "4", "AB-1234", "tomorrow", "anna@example.com", "what?", "why?", "10:00"]
PICTURE = """
flow: picture
channel: message
triggers: [ { keywords: [picture] } ]
start: show
states: { show: { send: { media: "https://cdn.example.com/shirt.jpg" }, next: end } }
"""
KINDS = {
    "text_message", "media_message", "choice_message", "card_message", "carousel_message", "list_message",
    "location_message", "contact_info_message", "template_message", "explicit_channel_message",
}  # fmt: skip


def test_whatever_flows_send_is_as_the_platform_wants_it(tmp_path: Path, sinch: FakeSinch) -> None:
    post = Post(tmp_path, sinch, PICTURE, *(each.read_text() for each in EXAMPLES))
    names = [name for name, each in post.library.programs.items() if each.channel == "message"]
    for number, channel in enumerate(CHANNELS):
        for name in names:
            _held(post, name, channel, f"120255501{number:02}")
    assert len(sinch.sent) > 2 * len(names) * len(CHANNELS)
    assert {kind for each in sinch.sent for kind in each.message} >= KINDS
    for record in sinch.sent[:: len(CHANNELS)]:  # the fake has checked all of them by the same rules
        SCHEMA.validate(record.body)


def _held(post: Post, flow: str, channel: str, who: str) -> None:
    post.write("hello there", who, channel)
    post.begin(flow, channel, who)
    for said in ANSWERS:
        post.work(61)
        if post.session(talk_key(APP, channel, who)).ended:
            break
        post.write(said, who, channel)


def test_a_send_that_hangs_holds_up_nobody_else(tmp_path: Path) -> None:
    """The loop of a worker, with threads: Bo is written to while the server says nothing to Anna's message."""
    with FakeSinch() as sinch:
        post = Post(tmp_path, sinch, store=f"sqlite:///{tmp_path}/s.db")
        sinch.script([Hang()])
        post.write("hello", ANNA)
        works = post.worker(timeout=20.0)
        thread = threading.Thread(target=works.loop, daemon=True)
        thread.start()
        until = time.monotonic() + 10
        while not sinch.token_requests and time.monotonic() < until:
            time.sleep(0.02)  # Anna's message is not on its way yet
        post.write("hello", BO)
        assert [each.identity for each in sinch.wait(2)] == [BO, BO]
        works.stopped.set()
