"""Text, numbers and files from people who mean harm: what they say is heard as text, and nothing else happens."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from play import VALID

from flowengine import prompts
from flowengine.build import build
from flowengine.callbacks import Callback, call_key
from flowengine.engine.library import open_library
from flowengine.expressions import BadExpression, EvaluationFailed, compile_guard, compile_text
from flowengine.fetch import Request, Response
from flowengine.problems import errors
from flowengine.service import Service
from flowengine.stores.memory import MemoryStore

ROOT = Path(__file__).parent.parent
ENTRY = "+12025550100"
SECRET = "canary-key:canary-secret:eu-north-1"
QUIET = settings(
    derandomize=True, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


class Calls:
    """A service over a memory store. ``word`` is what the server and the function say."""

    def __init__(self, folder: Path, *flows: str, functions: str = "", shared: str = "tone: beep.wav\n") -> None:
        for number, text in enumerate(flows):
            (folder / f"flow{number}.yaml").write_text(text, "utf-8")
        (folder / "flowengine.yaml").write_text(shared, "utf-8")
        if functions:
            (folder / "functions.py").write_text(functions, "utf-8")
        found = build([str(folder)])
        assert not errors(found.problems), [f"{each.mark} {each.message}" for each in errors(found.problems)]
        assert found.artefact is not None
        self.word: Any = "benign"
        self.asked: list[Request] = []
        self.now = 1795000000.0
        self.count = 0
        self.env = {"RECORDINGS": SECRET, "TOKEN": "canary-token"}
        self.library = open_library(found.artefact, found.revision, self.env, b"key")
        self.store = MemoryStore()
        self.service = Service(self.library, self.store, self._ask, self.env, self._call, clock=lambda: self.now)

    def _ask(self, request: Request, budget: float) -> Response:
        self.asked.append(request)
        return Response(200, {"word": self.word})

    def _call(self, name: str, arguments: Mapping[str, Any], timeout: float) -> Any:
        return self.library.functions[name](self.word)

    @property
    def key(self) -> str:
        return call_key(Callback(call_id=f"call-{self.count}"))

    def ice(self, **fields: Any) -> dict[str, Any]:
        self.count += 1
        return self.post("ice", **{"cli": "+12025550142", "to": {"type": "did", "endpoint": ENTRY}, **fields})

    def post(self, event: str, **fields: Any) -> dict[str, Any]:
        self.now += 1
        body = {"event": event, "callid": f"call-{self.count}", "timestamp": str(self.now), **fields}
        reply = self.service.callback(orjson.dumps(body))
        assert reply.status == 200
        return self.heard(reply.body)

    def heard(self, body: bytes) -> dict[str, Any]:
        if not body:
            return {}
        answer: dict[str, Any] = orjson.loads(body)
        assert VALID.is_valid(answer), body
        return answer

    def press(self, value: str) -> dict[str, Any]:
        return self.post("pie", menuResult={"menuId": "main", "type": "return", "value": value})

    def event(self, name: str, data: Any) -> dict[str, Any]:
        """An outside event, and the change of the call that came of it."""
        self.service.event(self.key, name, data)
        found = {}
        while taken := self.store.take(self.now, 1.0, 1):
            (leased,) = taken
            payload = orjson.loads(leased.payload)
            if leased.kind == "patch":
                found = self.heard(payload["svaml"].encode())
                assert self.service.patched(leased.session, payload["redo"], payload["at"])
            self.store.settle(leased)
        return found


# --- text in every place where text goes ---------------------------------------------------------------------

SINKS = """
flow: sinks
channel: voice
languages: [en-US]
triggers: [ { to: "+12025550100" } ]
may_dial:
  desk: { sip: desk@pbx.example.com }
recordings: { to: "s3://acme/{{ word }}.mp3", credentials: "{{ secret.RECORDINGS }}" }
variables:
  word: { type: text, default: none }
  note: { type: text, default: none }
  reply: { type: text, default: none }
  made: { type: text, default: none }
start: take
states:
  take:
    set: { word: "{{ call.custom }}", note: "{{ call.headers.note | default('none') }}" }
    next: ask_server
  ask_server:
    http:
      post: "https://crm.example.com/{{ word }}/x"
      headers: { X-Note: "{{ word }}" }
      query: { q: "{{ word }}" }
      json: { word: "{{ word }}", text: "a {{ note }} b" }
      timeout: 500ms
      save: { reply: "{{ response.word }}" }
    on: { ok: ask_function, error: ask_function }
  ask_function:
    function: { name: said, save: { made: "{{ result.word }}" } }
    on: { ok: main, error: main }
  main:
    do:
      - say: "Hello {{ word }} and {{ note }}, {{ reply }}, {{ made }}."
      - say: [ "One {{ word }}.", { pause: 1s }, { play: welcome.wav }, "Two {{ word }}." ]
      - say: { ssml: "<emphasis level=\\"{{ note }}\\">{{ word }}</emphasis> {{ reply }}" }
      - play: [ "https://cdn.example.com/{{ word }}/a.mp3", "a{{ word }}.wav" ]
      - cookie: { key: X-Word, value: "{{ word }}" }
      - send: { to: "{{ call.cli }}", text: "You said {{ word }}." }
      - record: start
    menu:
      prompt:
        - "Press {{ word }} {{ reply }}."
        - { ssml: "<s>{{ note }}</s>" }
        - { play: "https://cdn.example.com/{{ made }}" }
      repeat_prompt: "Again {{ made }}."
      choices: { room: 1, desk: 2, raw: 3, hold: 4 }
    on: { timeout: end, invalidinput: end }
  room:
    conference: { id: "room-{{ word }}", until: told }
    on:
      told:
        set: { word: "{{ event.word | default('none') }}" }
        say: [ "Told {{ word }}.", { play: welcome.wav } ]
        to: end
  desk: { connect: { to: desk, call_headers: { X-Word: "{{ word }}", X-Note: "{{ note }}" }, cli: "x{{ word }}" } }
  raw:
    svaml:
      instructions:
        - { name: playFiles, ids: [ "#tts[raw {{ word }}];welcome.wav" ], locale: en-US }
        - { name: say, text: "raw {{ note }}", locale: en-US }
      action:
        name: runMenu
        locale: en-US
        menus: [ { id: main, mainPrompt: "#tts[{{ word }} x];b.wav", options: [ { dtmf: "1", action: return(raw) } ] } ]
  hold: { wait: { for: 5s, play: [ "Hold {{ word }}.", { play: hold.wav } ] }, on: { elapsed: end } }
"""
FUNCTIONS = """
from flowengine.functions import function


@function
def said(word):
    return {"word": word}
"""
TOKENS = (
    "x];#href[https://evil.example/a.wav];#tts[", "#tts[", "#ssml[<speak>", "#HREF [http://evil.example]", "]",
    "[", ";", "#",
    "{{ 7*7 }}", "{{7*7}}", "{% for a in b %}", "{# no #}", "{{ secret.RECORDINGS }}", "${7*7}", "}}", "{{", "<",
    ">", "&",
    "&amp;", "&#93;", "</speak>", "<break/>", "]]>", "'", '"', "\\", "/", "..", "%5D", "%00", "\0", "\n", "\r\n",
    "\t", "\x7f",
    "\x85", "\u2028", "\u202e", "\u2066", "\ufeff", "\ue000RECORDINGS\ue001", "\ue000", "\ufffe", "\uff3b",
    "\uff3d", "é", "漢",
    "👋🏽", "+1900", "a", "b c", "7", "https://", "wss://", "\u200b",
)  # fmt: skip
SURROGATES = ("\ud800", "\udfff", "\udc00\ud800")


def nasty(*more: str) -> st.SearchStrategy[str]:
    pieces = st.one_of(st.sampled_from((*TOKENS, *more)), st.text(max_size=3) if not more else st.nothing())
    return st.lists(pieces, min_size=1, max_size=12).map(lambda found: "".join(found)[:180])


def prompts_of(answer: Mapping[str, Any]) -> list[str]:
    """Every string of an answer that the platform reads as a list of prompts."""
    action = answer["action"]
    found = [each for one in answer.get("instructions", ()) for each in one.get("ids", ())]
    for menu in action.get("menus", ()):
        found += [menu[name] for name in ("mainPrompt", "repeatPrompt") if name in menu]
    return found + [action[name] for name in ("introPrompt", "holdPrompt") if name in action]


def shape(answer: Mapping[str, Any]) -> list[Any]:
    """The structure of an answer: names, keys, and the kinds of all its prompts in order."""
    kinds = [[kind for kind, _ in prompts.parse(each)] for each in prompts_of(answer)]
    parts = [*answer.get("instructions", ()), answer["action"]]
    menus = [sorted(menu) for menu in answer["action"].get("menus", ())]
    return [[(each["name"], sorted(each)) for each in parts], kinds, menus]


def fetched(answer: Mapping[str, Any]) -> list[str]:
    """What the platform would fetch, host by host and how deep."""
    urls = [body for each in prompts_of(answer) for kind, body in prompts.parse(each) if kind == "href"]
    return [f"{url.split('/')[2]} {url.count('/')}" for url in urls]


def said_to(calls: Calls, word: str, other: Any) -> list[dict[str, Any]]:
    """All answers of four calls in which ``word`` comes with the call, and ``other`` from everywhere else."""
    calls.word = other
    found = []
    for choice in ("room", "desk", "raw", "hold"):
        found.append(calls.ice(custom=word, callHeaders=[{"key": "note", "value": word}]))
        found.append(calls.press(choice))
        if choice == "room":
            found.append(calls.event("told", {"word": other}))
    return found


@pytest.fixture(scope="module")
def sinks(tmp_path_factory: pytest.TempPathFactory) -> Calls:
    return Calls(tmp_path_factory.mktemp("sinks"), SINKS, functions=FUNCTIONS)


def held_to_benign(calls: Calls, word: str, other: Any) -> None:
    calls.service.counters.clear()
    expected = said_to(calls, "benign", "benign")
    calls.asked.clear()
    answers = said_to(calls, word, other)
    assert calls.service.counters.get("failed_turn", 0) == 0
    for answer, benign in zip(answers, expected, strict=True):
        assert shape(answer) == shape(benign)
        assert fetched(answer) == fetched(benign)
    text = orjson.dumps(answers).decode()
    if "49" not in word and "49" not in str(other):
        assert "49" not in text
    assert text.count("canary") == text.count(SECRET) * SECRET.count("canary")
    for request in calls.asked:
        assert request.url.startswith("https://crm.example.com/")
        assert request.url.count("/") == 4
        assert not any(character in value for _, value in request.headers for character in "\r\n\0")


@settings(QUIET, max_examples=500)
@given(word=nasty(), other=nasty())
def test_what_a_caller_says_never_leaves_its_place(sinks: Calls, word: str, other: str) -> None:
    held_to_benign(sinks, word, other)


@settings(QUIET, max_examples=150)
@given(other=nasty(*SURROGATES))
def test_halves_of_characters_from_a_function_do_no_harm(sinks: Calls, other: str) -> None:
    """JSON cannot bring them, a function can: it has failed then."""
    asked = sinks.service.ask
    sinks.service.ask = lambda request, budget: Response(200, {"word": "benign"})
    try:
        sinks.service.counters.clear()
        sinks.word = other
        menu = sinks.ice(custom="benign", callHeaders=[{"key": "note", "value": "benign"}])
        assert menu["action"]["name"] == "runMenu"
        assert sinks.press("room")["action"]["name"] == "connectConf"
        assert not sinks.service.counters.get("failed_turn")
    finally:
        sinks.service.ask = asked


@pytest.mark.parametrize("times", [1, 7, 60])
@pytest.mark.parametrize("token", range(len(TOKENS)))
def test_every_sign_alone_and_many_times(sinks: Calls, token: int, times: int) -> None:
    """Longer than a prompt may be: there may be more prompts then, but none of another kind."""
    sinks.service.counters.clear()
    word = TOKENS[token] * times
    for answer in said_to(sinks, word, word):
        for each in prompts_of(answer):
            assert {kind for kind, _ in prompts.parse(each)} <= {"tts", "ssml", "href", "file"}
            assert "evil" not in " ".join(body for kind, body in prompts.parse(each) if kind == "href").split("/")[2:3]
    assert sinks.service.counters.get("failed_turn", 0) == 0


# --- numbers -------------------------------------------------------------------------------------------------

DIAL = """
flow: dial_out
channel: voice
triggers: [ { to: "+12025550100" } ]
may_dial:
  number: { number: "{{ word }}", countries: [US, SE] }
  mixed: { number: "+1{{ word }}", countries: [US] }
  desk: { sip: "{{ word }}@pbx.example.com", matches: '[a-z0-9]+@pbx\\.example\\.com' }
  person: { user: "{{ word }}", matches: "[a-z]{1,20}" }
  bot: { stream: "wss://bot.example.com/{{ word }}", matches: 'wss://bot\\.example\\.com/[a-z]*' }
variables: { word: { type: text, default: none }, which: { type: text, default: none } }
start: take
states:
  take:
    set: { word: "{{ call.custom }}", which: "{{ call.headers.which }}" }
    next: split
  split:
    route:
      - { when: which == "number", to: number }
      - { when: which == "mixed", to: mixed }
      - { when: which == "desk", to: desk }
      - { when: which == "person", to: person }
      - { else: bot }
  number: { connect: { to: number } }
  mixed: { connect: { to: mixed } }
  desk: { connect: { to: desk } }
  person: { connect: { to: person } }
  bot: { connect: { to: bot } }
"""
NUMBERS = st.lists(
    st.sampled_from(
        ["+", "1", "46", "900", "+1900", "+1976", "2025550143", "+12025550143", "+46701234567", "00", "011", "+870",
         "+44",
         "0", "9", "٣", "²", "１", ";ext=5", ";postd=1", "\n", "\r", "\0", " ", "-", "(", ")", "sip:", "tel:", "@",
         "x",
         "@pbx.example.com", "@evil.example", "?", "#", "*", ",", "w", "a", "%2B", "\u202e", "alice", "/", ".."]
    ),
    min_size=1, max_size=5,
).map("".join)  # fmt: skip
REACHED = {
    "connectPstn": re.compile(r"\+1[2-8][0-9]{9}|\+46[0-9]{6,11}", re.ASCII),
    "connectSip": re.compile(r"[a-z0-9]+@pbx\.example\.com", re.ASCII),
    "connectMxp": re.compile(r"[a-z]{1,20}", re.ASCII),
    "connectStream": re.compile(r"wss://bot\.example\.com/[a-z]*", re.ASCII),
}


@pytest.fixture(scope="module")
def dials(tmp_path_factory: pytest.TempPathFactory) -> Calls:
    return Calls(tmp_path_factory.mktemp("dials"), DIAL)


def reached(action: Mapping[str, Any]) -> str:
    return str(action.get("number") or action["destination"]["endpoint"])


@settings(QUIET, max_examples=3000)
@given(word=NUMBERS, which=st.sampled_from(["number", "number", "mixed", "desk", "person", "bot"]))
def test_nothing_outside_may_dial_is_dialled(dials: Calls, word: str, which: str) -> None:
    answer = dials.ice(custom=word, callHeaders=[{"key": "which", "value": which}])
    action = answer["action"]
    if action["name"] == "hangup":
        return
    address = reached(action)
    assert REACHED[action["name"]].fullmatch(address), address
    assert not re.match(r"\+1(900|976|...976)", address)


@pytest.mark.parametrize(
    ("which", "word", "address"),
    [
        ("number", "+12025550143", "+12025550143"),
        ("number", "+46701234567", "+46701234567"),
        ("number", "+19005550143", ""),
        ("number", "+442079460000", ""),
        ("number", "+12025550143;ext=9", ""),
        ("number", "0012025550143", ""),
        ("mixed", "2025550143", "+12025550143"),
        ("mixed", "9005550143", ""),
        ("desk", "alice", "alice@pbx.example.com"),
        ("desk", "alice@evil.example;x", ""),
        ("person", "ann", "ann"),
        ("person", "ann smith", ""),
    ],
)
def test_what_may_be_dialled_still_is(dials: Calls, which: str, word: str, address: str) -> None:
    action = dials.ice(custom=word, callHeaders=[{"key": "which", "value": which}])["action"]
    assert (reached(action) if action["name"] != "hangup" else "") == address
    assert dials.service.counters.get("failed_turn", 0) == 0


# --- what must not be seen -----------------------------------------------------------------------------------

PRIVATE = """
flow: private
channel: voice
triggers: [ { to: "+12025550100" } ]
may_dial: { sales: { number: "+12025550177" } }
recordings: { to: "s3://acme/{{ call.id }}.mp3", credentials: "{{ secret.RECORDINGS }}" }
variables:
  pin: { type: digits, sensitive: true }
  phrase: { type: text, sensitive: true, default: none }
  plain: { type: text, default: none }
start: ask
states:
  ask:
    do: [ { record: start } ]
    collect: { prompt: Your code., digits: 4..12, into: pin }
    on:
      digits:
        set: { phrase: "{{ call.custom }}", plain: "{{ call.cli }}" }
        log: "pin {{ pin }} of {{ call.cli }} is {{ phrase }} {{ call.custom }}"
        to: look_up
      timeout: end
      invalidinput: { say: "Not {{ menu.value }}.", retry: 1, then: end }
  look_up:
    http:
      post: https://crm.example.com/x
      headers: { Authorization: "Bearer {{ secret.TOKEN }}" }
      json: { pin: "{{ pin }}", number: "{{ call.cli }}", phrase: "{{ phrase }}" }
      timeout: 500ms
      save: { plain: "{{ response.word }}" }
    on: { ok: work, error: work }
  work:
    function: { name: said, save: { plain: "{{ result.word }}" } }
    on: { ok: tell, error: tell }
  tell:
    do:
      - say: "Your code is {{ pin | spell }}, {{ pin }}, {{ phrase }}, your number {{ call.cli }} or {{ plain }}."
      - cookie: { key: step, value: "{{ pin }}" }
      - send: { to: "{{ call.cli }}", text: "{{ pin }} {{ phrase }}" }
    menu: { prompt: "Press 1, {{ pin }}.", choices: { sales: 1, broken: 2 } }
    on: { timeout: end, invalidinput: end }
  broken: { say: "{{ event.nothing_of_that_name }} {{ pin }}", next: end }
  sales: { connect: { to: sales, cli: "{{ call.cli }}" } }
"""
PIN, NUMBER, PHRASE = "73915", "+12025550187", 'canary "phrase" \\ é'
FAILING = """
from flowengine.functions import function


@function
def said(word):
    raise RuntimeError("canary-error 73915 +12025550187 canary-token")
"""


def seen_in(calls: Calls, log: str) -> str:
    rows = [row for session in list(calls.store._journals) for row in calls.store.journal(session)]
    journal = "".join(f"{row.event} {row.source} {row.target} {row.flow} {row.body.decode()}" for row in rows)
    letters = "".join(
        f"{kind} {reason} {payload.decode()}" for _, kind, _, reason, payload, _ in calls.store.letters(1000)
    )
    assert len(rows) > 3
    texts = " ".join(text for row in rows for text in texts_of(orjson.loads(row.body)))
    return log + journal + letters + texts + repr(calls.service.counters)


def texts_of(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for each in pair for text in texts_of(each)]
    if isinstance(value, list):
        return [text for each in value for text in texts_of(each)]
    return [str(value)]


PASSED_ON = """
flow: private
channel: voice
triggers: [ { to: "+12025550100" } ]
variables: { pin: { type: digits, sensitive: true }, seen: { type: text, default: none } }
start: ask
states:
  ask:
    collect: { prompt: Your code., digits: 4..12, into: pin }
    on: { digits: check, timeout: end, invalidinput: end }
  check:
    subflow: { flow: part, with: { code: "{{ pin }}" }, save: { seen: "{{ result.code }}" } }
    on: { right: forget, done: end }
  forget: { do: [ { say: "It was {{ pin }}, {{ seen }}." }, { clear: pin } ], next: bye }
  bye: { menu: { prompt: Press 1., choices: { leave: 1 } }, on: { timeout: end, invalidinput: end } }
  leave: { next: end }
"""
PART = """
flow: part
channel: voice
inputs: { code: { type: text } }
outcomes: [right]
start: tell
states:
  tell: { menu: { prompt: "You typed {{ code }}.", choices: { right: 1 } }, on: { timeout: end, invalidinput: end } }
  right: { return: { outcome: right, with: { code: "{{ code }}" } } }
"""


def test_what_is_sensitive_stays_so_in_a_flow_that_is_played(tmp_path: Path) -> None:
    calls = Calls(tmp_path, PASSED_ON, PART)
    calls.ice()
    assert (
        PIN in orjson.dumps(calls.post("pie", menuResult={"menuId": "main", "type": "sequence", "value": PIN})).decode()
    )
    assert PIN in orjson.dumps(calls.press("right")).decode()
    calls.press("leave")
    assert PIN not in seen_in(calls, "")


@pytest.mark.parametrize(
    "way", ["works", "server fails", "server raises", "function raises", "turn breaks", "odd bodies"]
)
def test_nothing_private_is_written_down(tmp_path: Path, caplog: pytest.LogCaptureFixture, way: str) -> None:
    caplog.set_level(logging.DEBUG)
    calls = Calls(tmp_path, PRIVATE, functions=FAILING if way == "function raises" else FUNCTIONS)
    calls.word = f"seen {NUMBER} {PIN}"

    def ask(request: Request, budget: float) -> Response:
        if way == "server raises":
            raise RuntimeError(f"canary {PIN} {NUMBER} {SECRET}")
        return (
            Response(500, {"error": f"no {PIN} {NUMBER}"}, "") if way == "server fails" else calls._ask(request, budget)
        )

    calls.service.ask = ask
    calls.ice(cli=NUMBER, custom=PHRASE, callHeaders=[{"key": "x", "value": PIN}])
    calls.post("pie", menuResult={"menuId": "main", "type": "sequence", "value": PIN})
    calls.press("broken" if way == "turn breaks" else "sales")
    calls.post("ace")
    calls.post("notify", type="callingerror", errorMsg=f"{NUMBER} {PIN}", errorCode=40001)
    calls.post("dice", **{"from": NUMBER, "reason": "CALLERHANGUP", "result": "ANSWERED", "duration": 3})
    if way == "odd bodies":
        for body in (f'{{"cli":"{NUMBER}","pin":"{PIN}"', f'["{PIN}"]', f'{{"event":"{PIN}","callid":"{NUMBER}"}}'):
            assert calls.service.callback(body.encode()).status == 200
        calls.ice(cli=NUMBER, to={"type": "did", "endpoint": NUMBER})
        calls.ice(cli=NUMBER)
        calls.post("pie", menuResult={"menuId": "main", "type": "sequence", "value": PIN[:2]})
    seen = seen_in(calls, caplog.text)
    spelled = (" ".join(PIN), ", ".join(PIN))
    for canary in (PIN, *spelled, PHRASE, NUMBER, NUMBER[1:], SECRET, "canary-secret", "canary-token", "canary-error"):
        assert canary not in seen, f"{canary} in …{seen[max(0, seen.find(canary) - 200) : seen.find(canary) + 60]}"


# --- flow files ----------------------------------------------------------------------------------------------

FLOW = """
flow: line
channel: voice
may_dial: {{ sales: {{ number: {number} }} }}
variables: {{ pin: {{ type: digits, default: {pin} }}, tier: {{ type: text, default: {tier} }} }}
start: main
states:
  main:
    menu: {{ prompt: {prompt}, choices: {{ sales: {key}, bye: 2 }} }}
    on: {{ timeout: bye, invalidinput: bye }}
  sales: {{ connect: {{ to: sales }} }}
  bye: {{ say: "{{{{ tier }}}} {{{{ pin }}}}", next: end }}
{more}
"""
PIECES = {"number": '"+12025550111"', "pin": '"0155"', "tier": "gold", "prompt": "Press 1.", "key": "1", "more": ""}


def told(folder: Path, text: str | bytes, name: str = "line.yaml") -> list[tuple[str, str]]:
    """``(rule, everything said about it)`` of a file."""
    data = text if isinstance(text, bytes) else text.encode()
    (folder / name).write_bytes(data)
    found = build([str(folder / name)], compiled=False)
    for each in found.problems:
        assert each.mark.line >= 1 and each.mark.column >= 1
    return [(each.rule, f"{each.message} | {each.fix} | {' '.join(each.notes)}") for each in found.problems]


def flow(**pieces: str) -> str:
    return FLOW.format(**{**PIECES, **pieces})


def states(text: str) -> str:
    return flow(more=text)


@pytest.mark.parametrize("number", ["+12025550111", "'+12025550111'"])
@pytest.mark.parametrize("pin", ["0155", "00", "08"])
@pytest.mark.parametrize(
    "tier", ["no", "on", "off", "9:30", "1_000", ".inf", "~", "2026-12-24", "0x1F", "null", "1e3", "0o17"]
)
def test_no_scalar_is_ever_retyped(tmp_path: Path, number: str, pin: str, tier: str) -> None:
    (tmp_path / "line.yaml").write_text(flow(number=number, pin=pin, tier=tier))
    found = build([str(tmp_path / "line.yaml")])
    assert not errors(found.problems)
    read = found.book.flows["line"]
    assert read.may_dial["sales"].address.text == "+12025550111"
    assert read.variables["pin"].default == pin
    assert read.variables["tier"].default == tier


DEEP = "[" * 50_000
BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"
FILES: dict[str, tuple[str | bytes, str, str]] = {
    "number without plus": (flow(number="0046701234567"), "may-dial", "not a phone number"),
    "duplicate key": (states("  bye: { say: Again., next: end }"), "duplicate-key", "line 12"),
    "keys 1 and '1'": (states("  x: { random: { 1: 1, '1': 2 } }"), "duplicate-key", "stands here and on line"),
    "alias bomb": (BOMB + flow(), "yaml-feature", "anchors are not allowed"),
    "self-alias": ("a: &a [*a]\n", "yaml-feature", "not allowed"),
    "alias": (states("  x: { say: *y, next: end }"), "yaml-feature", "aliases are not allowed"),
    "merge key": (states("  x: { <<: { say: Hi. }, next: end }"), "yaml-feature", "merge keys"),
    "custom tag": (flow(prompt="!mine Hi"), "yaml-feature", "tag"),
    "python tag": (flow(prompt="!!python/object/apply:os.system [ls]"), "yaml-feature", "tag"),
    "nesting": (f"flow: {DEEP}\n", "nesting", "nesting deeper than 64"),
    "too large": ("# " + "x" * (4 * 1024 * 1024) + "\n" + flow(), "too-large", "larger than"),
    "too many nodes": ("x: [" + "a," * 500_001 + "]\n", "too-large", "more than 500000"),
    "bad UTF-8": (b"flow: line\nchannel: \xff\n", "encoding", "0xff is not UTF-8"),
    "NUL": (flow(tier='"a\0b"'), "encoding", "U+0000"),
    "UTF-16": (flow().encode("utf-16"), "encoding", "UTF-16"),
    "tab": ("flow: line\nstates:\n\tmain: {}\n", "yaml-syntax", "tab"),
    "two documents": (flow() + "---\nflow: b\n", "yaml-feature", "second YAML document"),
    "empty": ("", "empty-file", "empty"),
    "only a comment": ("# nothing\n", "empty-file", "empty"),
    "top-level list": ("- a\n- b\n", "shape", "a list; expected a mapping"),
    "key: #": (
        states("  x:\n    menu:\n      prompt: Hi.\n      choices:\n        bye: # the hash key"),
        "empty-value", "quote it: '#'",
    ),
    "key: *": (flow(key="*"), "yaml-syntax", "quote it: '*'"),
    "unknown key": (states("  x: { says: Hi., next: end }"), "unknown-key", 'did you mean "say"'),
    "unknown top key": ("trigers: []\n" + flow(), "unknown-key", 'did you mean "triggers"'),
    "unknown kind": (states("  x: { colect: { digits: 4 } }"), "unknown-key", 'did you mean "collect"'),
    "missing target": (states("  x: { say: Hi., next: byee }"), "unknown-target", 'did you mean "bye"'),
    "no start": (flow().replace("start: main\n", ""), "missing-key", "start"),
    "start of no state": (flow().replace("start: main", "start: mian"), "missing-start", "main"),
    "unreachable": (states("  x: { say: Hi., next: end }"), "unreachable", "x"),
    "trap": (
        flow().replace("bye: {", "bye: { next: trap, about: '").replace(", next: end }", "' }")
        + "  trap: { menu: { prompt: Press 1., choices: { trap: 1 } }, on: { timeout: trap, invalidinput: trap } }\n",
        "trap", "trap",
    ),
    "wait-free cycle": (states("  a: { say: Hi., next: b }\n  b: { say: Ho., next: a }"), "wait-free-cycle", "a"),
    "no way on": (states("  x: { hours: office }"), "no-way-on", "open"),
    "Jinja syntax": (flow(prompt='"{{ tier | }}"'), "expression", ""),
    "unknown variable": (flow(prompt='"{{ teir }}"'), "unknown-variable", 'did you mean "tier"'),
    "call": (flow(prompt='"{{ range(9) }}"'), "expression", "calls are not part"),
    "loop": (flow(prompt='"{% for a in b %}{% endfor %}"'), "expression", ""),
    "macro": (flow(prompt='"{% macro a() %}{% endmacro %}"'), "expression", ""),
    "include": (flow(prompt='"{% include \'/etc/passwd\' %}"'), "expression", ""),
    "power": (flow(prompt='"{{ 10**10000000 }}"'), "expression", ""),
    "text times number": (flow(prompt="\"{{ 'a' * 1000000 }}\""), "expression", ""),
    "private attribute": (flow(prompt='"{{ tier._x }}"'), "expression", ""),
    "dunder": (flow(prompt='"{{ tier.__class__ }}"'), "expression", ""),
    "unlisted filter": (flow(prompt='"{{ tier | map }}"'), "expression", "filter"),
    "not RE2": (states("  x: { collect: { prompt: Hi., digits: 4, matches: '(?=a)' } }"), "pattern", "RE2"),
    "long prompt": (flow(prompt='"' + "word " * 150 + '"'), "speech-length", "600"),
    "opens a prompt": (flow(prompt='"Hi #href[https://evil.example/a.wav]"'), "prompt-escape", "#href["),
    "closes its prompt": (flow(prompt='"Hi ] there"'), "prompt-escape", "]"),
    "premium number": (flow(number='"+19005550111"'), "may-dial", "premium"),
    "outside may_dial": (states("  x: { connect: { to: sale } }"), "may-dial", 'did you mean "sales"'),
    "host from a variable": (
        states('  x: { http: { get: "https://{{ tier }}/a", timeout: 1s }, on: { ok: bye, error: bye } }'),
        "http-host", "host",
    ),
    "IP literal": (
        states('  x: { http: { get: "http://127.0.0.1/a", timeout: 1s }, on: { ok: bye, error: bye } }'),
        "http-host", "",
    ),
    "no timeout": (
        states('  x: { http: { get: "https://a.example.com" }, on: { ok: bye, error: bye } }'),
        "missing-key", "timeout",
    ),
    "homoglyph": (states("  sаles: { say: Hi., next: end }"), "name", "names are a-z"),
    "bidi": (flow(tier='"a\u202eb"'), "encoding", "U+202E"),
    "upper-case name": (states("  Bye: { say: Hi., next: end }"), "name", "names are a-z"),
    "ACE-only action in ICE": (
        states("  x: { say: Hi., next: continue }").replace("start: main", "start: x"), "position", "continue",
    ),
    "comment in a prompt": (
        states("  x: { next: end }\n  y:\n    say: Press # to finish\n    next: end"), "comment-cut", "#",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_bad_flow_files_get_what_they_should(tmp_path: Path, name: str) -> None:
    text, rule, fragment = FILES[name]
    found = told(tmp_path, text)
    assert any(each == rule and fragment in said for each, said in found), found


@pytest.mark.parametrize("data", [b"\xef\xbb\xbf" + flow().encode(), flow().replace("\n", "\r\n").encode()])
def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path, data: bytes) -> None:
    assert [rule for rule, _ in told(tmp_path, data)] == []


def test_a_flow_outside_the_project_is_refused(tmp_path: Path) -> None:
    project, other = tmp_path / "project", tmp_path / "other"
    project.mkdir()
    other.mkdir()
    (project / "flowengine.yaml").write_text("tone: beep.wav\n")
    (other / "line.yaml").write_text(flow())
    (project / "line.yaml").symlink_to(other / "line.yaml")
    assert [each.rule for each in build([str(project)], compiled=False).problems] == ["outside-project"]


BOUND = 5.0
"""Seconds for one small file: generous, as it is measured on a busy machine."""

SAMPLES = [path.read_bytes() for path in sorted((ROOT / "flows").rglob("*.yaml"))]
SIGNS = b"{}[]:,&*#?|-<>!%@`'\"\\\n\t \x00\xff\xc3\xe2\x80{{}}0~="


def mutated(chance: Random) -> bytes:
    data = bytearray(chance.choice(SAMPLES))
    for _ in range(chance.randint(1, 6)):
        spot = chance.randrange(max(1, len(data)))
        match chance.randrange(6):
            case 0:
                data[spot : spot + 1] = bytes([chance.randrange(256)])
            case 1:
                data[spot:spot] = bytes(chance.choice(SIGNS) for _ in range(chance.randint(1, 4)))
            case 2:
                del data[spot : spot + chance.randint(1, 80)]
            case 3:
                data = data[:spot]
            case 4:
                other = chance.choice(SAMPLES)
                begin = chance.randrange(len(other))
                data[spot:spot] = other[begin : begin + chance.randint(1, 200)]
            case _:
                data[spot:spot] = chr(chance.choice((0xE9, 0x202E, 0x1F44B, 0xFFFE, 0x85, 0x2028, 0x430))).encode()
    return bytes(data)


@settings(QUIET, max_examples=1000)
@given(seed=st.integers(0, 2**64 - 1))
def test_a_broken_flow_file_is_told_and_never_raised(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    folder = tmp_path_factory.getbasetemp() / "mutated"
    folder.mkdir(exist_ok=True)
    file = folder / "flow.yaml"
    file.write_bytes(mutated(Random(seed)))
    began = time.thread_time()
    found = build([str(file)])
    assert time.thread_time() - began < BOUND
    if found.artefact is not None:
        open_library(orjson.loads(orjson.dumps(found.artefact)), found.revision, {})


@settings(QUIET, max_examples=1000)
@given(data=st.one_of(st.binary(max_size=200), st.text(max_size=120).map(lambda text: text.encode("utf-8", "replace"))))
def test_any_bytes_are_a_told_file(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "bytes"
    folder.mkdir(exist_ok=True)
    (folder / "flow.yaml").write_bytes(data)
    found = build([str(folder / "flow.yaml")])
    assert found.artefact is None or not found.book.flows or errors(found.problems) == []


TEMPLATE = st.lists(
    st.sampled_from(
        ["{{", "}}", "{%", "%}", "{#", "#}", " ", "a", "call", ".", "cli", "|", "default", "('x')", "(", ")", "[", "]",
         "'",
         '"', "1", "1e308", "9" * 400, "+", "-", "*", "**", "/", "//", "~", "==", "<", "and", "or", "not", "in",
         "is", "defined",
         "matching", "if", "else", "for", "_", "__class__", ",", ":", "\\", "\n", "é", "\ud800", "\0", "True",
         "none", "self"]
    ),
    max_size=14,
).map("".join)  # fmt: skip


@settings(QUIET, max_examples=2500)
@given(source=TEMPLATE, guard=st.booleans())
def test_any_template_is_compiled_or_refused(source: str, guard: bool) -> None:
    scope = {"a": 1, "call": {"cli": "+12025550142"}}
    try:
        if guard:
            compile_guard(source).test(scope)
        else:
            compile_text(source).render(scope)
    except (BadExpression, EvaluationFailed):
        pass
