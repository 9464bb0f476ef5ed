"""Messages and webhooks from people who mean harm: what they say is sent as text, and nothing else happens."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from chatting import APP, ME, Chat
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from serving import KEY
from serving import SECRET as VOICE_SECRET
from test_hostile import QUIET, TOKENS, texts_of

from flowengine.conversation_wire import schema
from flowengine.delivery.base import Carrier
from flowengine.fetch import Request, Response
from flowengine.sinch.conversation import Permanent, Sent
from flowengine.sinch.fake.bodies import signed
from flowengine.stores.base import Leased
from flowengine.web import create_app

ROOT = Path(__file__).parent.parent
VALID = Draft202012Validator(schema("send"))
EXAMPLES = {path.stem: path.read_bytes() for path in sorted((ROOT / "examples/webhooks").glob("*.json"))}

# --- text in every place where text goes ---------------------------------------------------------------------

SINKS = """
flow: sinks
channel: message
channels: [WHATSAPP]
triggers: [ { any: true } ]
variables:
  word: { type: text, default: none }
  reply: { type: text, default: none }
  slots: { type: list, default: "[]" }
start: take
states:
  take:
    ask: { prompt: Say something., expect: [any], into: word }
    on: { answer: look, timeout: end }
  look:
    http:
      post: "https://crm.example.com/{{ word }}/x"
      headers: { X-Note: "{{ word }}" }
      query: { q: "{{ word }}" }
      json: { word: "{{ word }}", text: "a {{ message.text }} b" }
      timeout: 5s
      save: { reply: "{{ response.word }}", slots: "{{ response.slots }}" }
    on: { ok: show, error: show }
  show:
    do:
      - set: { contact.name: "{{ word }}" }
      - say: "Hello {{ word }}, {{ message.text }}, {{ reply }}, {{ contact.name }}."
      - send: { text: "You {{ word }}", choices: { first: "A {{ reply }}", second: Two } }
      - send:
          card:
            title: "T {{ word }}"
            description: "D {{ reply }}"
            media: "https://cdn.example.com/{{ word }}/a.jpg"
            choices: { page: { label: "P {{ word }}", url: "https://example.com/{{ word }}/b?c={{ reply }}" } }
      - send:
          list:
            title: "L {{ word }}"
            menu: "M {{ word }}"
            sections: [ { title: "S {{ word }}", items: [ { title: "I {{ word }}", value: one }, { title: J, value: two } ] } ]
      - send: { media: { url: "https://cdn.example.com/{{ reply }}.pdf", caption: "C {{ word }}", filename: "{{ word }}.pdf" } }
      - send: { location: { title: "W {{ word }}", label: "{{ reply }}", latitude: "59.3", longitude: "{{ word }}" } }
      - send: { contact: { name: "N {{ word }}", phone: "+12025550100", organization: "{{ reply }}" } }
      - send: { template: { name: t, language: en_US, header: "H {{ word }}", body: [ "B {{ word }}", "{{ reply }}" ], buttons: [ "x{{ word }}" ] } }
      - send: { text: E, explicit: { WHATSAPP: '{"type": "text", "text": {"body": "X {{ word }}"}}' } }
    next: pick
  pick:
    ask:
      prompt: "Which, {{ word }}?"
      choices: { each: slots, value: "{{ item.v }}", label: "O {{ item.l }}" }
      timeout: 1h
    on: { answer: over, empty: end, timeout: end, invalidinput: end, failed: end }
  over: { say: "It was {{ message.choice }}.", next: end }
"""  # noqa: E501
HOSTS = {"crm.example.com", "cdn.example.com", "example.com"}
BENIGN = "benign"


class Sinks:
    """The flow over a memory store; ``word`` is what the server says."""

    def __init__(self, folder: Path) -> None:
        self.chat = Chat(folder, SINKS, channel="WHATSAPP", env={"TOKEN": "canary-token"})
        self.chat.service.chats.ask = self._ask
        self.asked: list[Request] = []
        self.word = BENIGN

    def _ask(self, request: Request, budget: float) -> Response:
        self.asked.append(request)
        return Response(
            200, {"word": self.word, "slots": [{"v": f"s{self.word}", "l": "One"}, {"v": "two", "l": "Two"}]}
        )

    def play(self, said: str, word: str) -> list[dict[str, Any]]:
        """All that is sent in a conversation with one who says ``said``."""
        chat, self.word = self.chat, word
        chat.sent, self.asked = [], []
        chat.now += 10
        chat.write("hi")
        chat.write(said)
        chat.tap(f"two#{chat.talk.talk.tag}")  # type: ignore[union-attr]
        assert chat.service.counters.get("failed_turn", 0) == 0
        assert chat.talk.ended
        return chat.sent


def shape(value: Any) -> Any:
    """What a request is made of: keys, lengths of lists, and kinds of values."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    return [shape(each) for each in value] if isinstance(value, list) else type(value).__name__


def addresses(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [each for key, each in value.items() if key in ("url", "fallback_url")]
        return own + [each for inner in value.values() for each in addresses(inner)]
    return [each for inner in value for each in addresses(inner)] if isinstance(value, list) else []


def postbacks(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["postback_data"]] if "postback_data" in value else []
        return own + [each for inner in value.values() for each in postbacks(inner)]
    return [each for inner in value for each in postbacks(inner)] if isinstance(value, list) else []


@pytest.fixture(scope="module")
def sinks(tmp_path_factory: pytest.TempPathFactory) -> Sinks:
    return Sinks(tmp_path_factory.mktemp("sinks"))


MORE = (
    '","type":"evil', '"}', "}]", "#1.2", "two#", "#", "list_", "1.", "\n2. Two", "button[0]url[1]text",
    "@evil.example",
    "//evil.example/", "https://evil.example", "javascript:alert(1)", "?x=", "#frag", "\\u0022", "1e400", "nan", "\\",
)  # fmt: skip
NASTY = st.lists(st.sampled_from((*TOKENS, *MORE)) | st.text(max_size=3), min_size=1, max_size=6).map(
    lambda found: "a" + "".join(found)[:12]
)


def _native(bodies: list[dict[str, Any]]) -> list[Any]:
    """What a channel reads as JSON of its own."""
    found = [body["message"].get("explicit_channel_message", {}) for body in bodies]
    return [orjson.loads(text) for each in found for text in each.values()]


@settings(QUIET, max_examples=40)
@given(word=NASTY, other=NASTY)
def test_what_a_contact_says_never_leaves_its_place(sinks: Sinks, word: str, other: str) -> None:
    expected = sinks.play(BENIGN, BENIGN)
    paths = [request.url.count("/") for request in sinks.asked]
    sent = sinks.play(word.encode("utf-8", "replace").decode(), other.encode("utf-8", "replace").decode())
    assert [shape(body["message"]) for body in sent] == [shape(body["message"]) for body in expected]
    assert shape(_native(sent)) == shape(_native(expected))
    for body, benign in zip(sent, expected, strict=True):
        assert not list(VALID.iter_errors(body))
        assert {key: body[key] for key in body if key not in ("message", "message_metadata")} == {
            key: benign[key] for key in benign if key not in ("message", "message_metadata")
        }
        for url, other_url in zip(addresses(body), addresses(benign), strict=True):
            parts = urlsplit(url)
            assert (parts.scheme, parts.hostname in HOSTS, parts.port) == ("https", True, None), url
            assert url.count("/") == other_url.count("/") and not parts.fragment, url
    tags = {each.rpartition("#")[2] for body in sent for each in postbacks(body) if "#" in each}
    assert len(tags) <= 2, tags
    for request in sinks.asked:
        assert urlsplit(request.url).hostname == "crm.example.com"
        assert [request.url.count("/")] == paths
        assert not any(character in value for _, value in request.headers for character in "\r\n\0")
    text = orjson.dumps([body["message"] for body in sent]).decode()
    for tag in tags:
        text = text.replace(tag, "")
    if "49" not in word + other:
        assert "49" not in text
    assert "canary" not in text


@settings(QUIET, max_examples=30)
@given(said=st.text(max_size=40) | NASTY, old=st.booleans())
def test_a_button_that_nobody_made_chooses_nothing_else(sinks: Sinks, said: str, old: bool) -> None:
    """A postback is a value that was offered, or it is nothing; its tag cannot be borrowed by a value."""
    chat = sinks.chat
    sinks.word = BENIGN
    chat.now += 10
    chat.write("hi")
    chat.write("x")
    talk = chat.talk.talk
    assert talk is not None and chat.talk.place == "pick"
    given_text = said.encode("utf-8", "replace").decode()
    chat.tap(f"{given_text}#{'00000000.1' if old else talk.tag}")
    offered = {"sbenign", "two"}
    if given_text not in offered and given_text.rpartition("#")[0] not in offered:
        assert chat.talk.place == "pick" or chat.talk.ended
    chat.write("STOP")
    chat.write("START")
    assert chat.service.counters.get("failed_turn", 0) == 0


# --- what is written down ------------------------------------------------------------------------------------

PIN, PHRASE = "918273645", "canary phrase of mine"
PRIVATE = """
flow: private
channel: message
triggers: [ { any: true } ]
contact: { code: { type: text, default: none } }
variables:
  pin: { type: digits, sensitive: true, default: "0" }
  phrase: { type: text, sensitive: true, default: none }
start: ask
states:
  ask:
    ask: { prompt: Your code., expect: { matches: "[0-9]+" }, into: pin, repeats: 0 }
    on: { answer: phrase, invalidinput: end, timeout: end, failed: end }
  phrase:
    ask: { prompt: "Your phrase, {{ pin }}.", expect: any, into: phrase, settle: 5s }
    on: { answer: look, timeout: end, failed: end }
  look:
    do: [ { log: "pin {{ pin }} of {{ contact.number }} is {{ phrase }}" } ]
    http:
      post: "https://crm.example.com/x"
      headers: { Authorization: "Bearer {{ secret.TOKEN }}" }
      json: { pin: "{{ pin }}", number: "{{ contact.number }}", phrase: "{{ phrase }}" }
      timeout: 5s
    on: { ok: tell, error: tell }
  tell:
    do:
      - say: "Your code is {{ pin }}, {{ phrase }}, your number {{ contact.number }}."
      - send: { card: { title: "{{ phrase }}", description: "{{ pin }}" } }
    handover: { post: https://desk.example.com/x, json: { pin: "{{ pin }}" }, timeout: 1h }
    on: { returned: broken, error: broken, timeout: end, message: broken }
  broken: { say: "{{ event.nothing_of_that_name }} {{ pin }}", next: end }
"""


def _later(chat: Chat) -> Carrier:
    def carry(leased: Leased, payload: Mapping[str, Any]) -> None:
        chat.store.retry(leased, chat.now + 60)

    return carry


class Refusing:
    """A Conversation API that refuses everything."""

    def send(self, body: Mapping[str, Any]) -> Sent:
        raise Permanent(400, "the request is not valid", "INVALID_ARGUMENT")


@pytest.mark.parametrize("way", ["works", "server raises", "sends refused", "sends refused later"])
@pytest.mark.parametrize("channel", ["SMS", "MESSENGER"])
def test_nothing_private_is_written_down(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, way: str, channel: str
) -> None:
    caplog.set_level(logging.DEBUG)
    identity = ME if channel == "SMS" else "psid-canary-ann"
    chat = Chat(tmp_path, PRIVATE, channel=channel, identity=identity, env={"TOKEN": "canary-token"})

    def ask(request: Request, budget: float) -> Response:
        if way == "server raises":
            raise RuntimeError(f"canary {PIN} {ME} {PHRASE}")
        return Response(500, {"error": f"no {PIN} {ME}"}, "")

    chat.service.chats.ask = ask
    if "refused" in way:
        chat.worker.sender = Refusing()
        chat.worker.__post_init__()
        sending = chat.worker.carriers["send"]
        if "later" in way:
            chat.worker.carriers["send"] = _later(chat)
        chat.answers = lambda: [chat.worker.step() and "" for _ in range(3)]  # type: ignore[method-assign,misc]
    chat.write("hello")
    chat.write(PIN)
    chat.write(PHRASE)
    chat.wait(10)
    chat.write(f"more of {PIN} {PHRASE}")
    for body in (f'{{"text":"{ME}","pin":"{PIN}"', f'["{PIN}"]', f'{{"message":{{"id":"{PIN}"}}}}'):
        assert chat.service.chats.webhook(body.encode()) == 200
    if "later" in way:
        chat.write("begin anew")
        chat.worker.carriers["send"] = sending
        for _ in range(20):
            chat.now += 60
            chat.worker.step()
        assert chat.store.dead_letters() >= 3
    rows = chat.store.journal(chat.key)
    assert len(rows) > 3
    journal = " ".join(text for row in rows for text in texts_of([row.event, row.source, orjson.loads(row.body)]))
    letters = "".join(f"{each.kind} {each.reason} {each.payload.decode()}" for each in chat.store.letters(1000))
    seen = caplog.text + journal + letters + repr(chat.service.counters)
    for canary in (PIN, PHRASE, ME, identity, "canary-token"):
        assert canary not in seen, f"{canary} in …{seen[max(0, seen.find(canary) - 200) : seen.find(canary) + 60]}"


# --- webhooks ------------------------------------------------------------------------------------------------

SECRET = "a-webhook-secret"
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**18, "", "x", "x" * 5000, [], [[]], {}, {"a": {}}, [None], [1, "a", {}],
    "😀",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "MESSENGER", "+", "{{ 7*7 }}",
)  # fmt: skip


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    chat = Chat(tmp_path_factory.mktemp("served"), SINKS, channel="WHATSAPP")
    voice = {"VOICE_APPLICATION_KEY": KEY, "VOICE_APPLICATION_SECRET": VOICE_SECRET, "WEBHOOK_PROTECTION": "always"}
    env = {"CONVERSATION_APP_ID": APP, "CONVERSATION_WEBHOOK_SECRET": SECRET, **voice}
    chat.service.chats.ask = lambda request, budget: Response(200, {}, "")
    chat.store.shared = True  # no thread that drains it
    served = create_app(env, chat.service)
    return served.test_client()


def post(client: FlaskClient, body: bytes, secret: str = SECRET) -> int:
    import time

    post.count += 1  # type: ignore[attr-defined]
    headers = signed(body, secret, f"nonce-{post.count}", time.time())  # type: ignore[attr-defined]
    return client.post("/conversation", data=body, headers=headers).status_code


post.count = 0  # type: ignore[attr-defined]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container of a body with every key in it."""
    if isinstance(value, dict):
        return [(value, key) for key in value] + [each for inner in value.values() for each in places(inner)]
    if isinstance(value, list):
        return [(value, key) for key in range(len(value))] + [each for inner in value for each in places(inner)]
    return []


def mutated(chance: Random) -> bytes:
    """An example with up to four things in it changed, taken out, renamed, doubled or moved; or broken bytes."""
    body = orjson.loads(EXAMPLES[chance.choice(sorted(EXAMPLES))])
    for _ in range(chance.randint(1, 4)):
        known = places(body)
        if not known:
            break
        holder, key = chance.choice(known)
        match chance.randrange(6):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[f"{key}_"] = holder.pop(key)
            case 2:
                holder[key] = [holder[key]]
            case 3:
                other, name = chance.choice(known)
                holder[key] = orjson.loads(orjson.dumps(other[name])) if name in other or isinstance(other, list) else 1
            case _:
                holder[key] = chance.choice(ODD)
    data = orjson.dumps(body)
    spot = chance.randrange(len(data) + 1)
    match chance.randrange(12):
        case 0:
            return data[:spot]
        case 1:
            return data[:spot] + bytes([chance.randrange(256)]) + data[spot:]
        case 2:
            return data.replace(b":", b":" + b"[" * 2000, 1)
        case 3:
            return b'{"app_id":1,' + data[1:]
    return data


@settings(QUIET, max_examples=400)
@given(seed=st.integers(0, 2**64 - 1))
def test_no_webhook_is_answered_with_an_error(client: FlaskClient, seed: int) -> None:
    chance = Random(seed)
    assert post(client, mutated(chance)) == 200


KINDS: tuple[Any, ...] = (None, 7, "x", [], {})


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_field_may_be_of_any_kind(client: FlaskClient, name: str) -> None:
    count = len(places(orjson.loads(EXAMPLES[name])))
    for place in range(count):
        for odd in KINDS:
            body = orjson.loads(EXAMPLES[name])
            holder, key = places(body)[place]
            holder[key] = odd
            assert post(client, orjson.dumps(body)) == 200, (key, odd)


TEXT = EXAMPLES["text"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"x" * (2 * 1024 * 1024), 200),
        (b"x" * (2 * 1024 * 1024 + 1), 413),
        (b"[" * 500_000, 200),
        (b'{"a":' * 100_000, 200),
        (TEXT[:-2] + b',"app_id":"a","app_id":"b"}', 200),
        (b"\xff\xfe", 200),
        (b"", 200),
        (b'{"message":NaN}', 200),
        (b'{"n":' + b"9" * 5000 + b"}", 200),
        (TEXT.replace(b'"id"', b'"id":"' + b"i" * 1_000_000 + b'","other"', 1), 200),
    ],
)
def test_large_deep_and_broken_webhooks(client: FlaskClient, body: bytes, status: int) -> None:
    assert post(client, body) == status


def test_an_unsigned_webhook_is_refused(client: FlaskClient) -> None:
    assert post(client, TEXT, "another-secret") == 401
    assert client.post("/conversation", data=TEXT).status_code == 401
