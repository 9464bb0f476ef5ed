"""Flows of messages: what is read, refused, resolved, drawn and listed. `UPDATE_GOLDEN=1` writes the picture anew."""

from __future__ import annotations

import os
from pathlib import Path
from shutil import copy
from typing import Any

import pytest

from flowengine.build import Built, build
from flowengine.compiler import compile_flow
from flowengine.diagram import dot
from flowengine.diagram.scene import compose
from flowengine.document import read
from flowengine.graph import menus_before, outcomes, resolve
from flowengine.listing import as_text, listing
from flowengine.loader import load
from flowengine.model import Flow, Project
from flowengine.positions import analyse
from flowengine.report import Paint

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden"
HEAD = "flow: f\nchannel: message\nstart: a\n"


@pytest.fixture
def booking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Built:
    monkeypatch.chdir(tmp_path)
    for file in (*(ROOT / "tests/data/booking").iterdir(), ROOT / "flows/reminder.yaml"):
        copy(file, tmp_path)
    return build(["."])


def told(states: str, top: str = "") -> list[str]:
    """``rule: message`` of what is wrong with the shape of a flow; ``states`` is the inside of the state ``a``."""
    text = f"{HEAD}{top}\nstates:\n  a: {{ {states} }}\n"
    return [f"{each.rule}: {each.message}" for each in load(read(text.encode(), "f.yaml"), Project()).problems]


def loaded(text: str) -> Flow:
    found = load(read((HEAD + text).encode(), "f.yaml"), Project())
    assert found.problems == []
    assert found.flow is not None
    return found.flow


def asked(ask: str, top: str = "") -> dict[str, Any]:
    """The compiled ask of a state."""
    from flowengine.graph import Book

    flow = loaded(f"{top}\nstates:\n  a: {{ ask: {{ {ask} }}, on: {{ else: end }} }}\n")
    op: dict[str, Any] = compile_flow(flow, Book({"f": flow}))["states"]["a"]["op"]
    return op


# --- the booking ------------------------------------------------------------------------------------------


def test_nothing_is_wrong_with_the_booking(booking: Built) -> None:
    assert [f"{each.mark}: {each.message}" for each in booking.problems] == []
    assert booking.artefact is not None


def test_every_state_of_it_stands_in_the_one_position_of_messages(booking: Built) -> None:
    flow = booking.book.flows["booking"]
    (only,) = analyse(flow, booking.book).values()
    assert only.entry == "M"
    assert set(only.pairs) == {(name, "M") for name in flow.states}


def test_back_leads_from_a_flow_wide_choice_to_every_ask(booking: Built) -> None:
    flow = booking.book.flows["booking"]
    assert menus_before(flow, booking.book)["help"] == {"welcome", "seats", "pick", "remind"}


def test_flow_wide_choices_are_outcomes_of_every_ask_but_not_kept(booking: Built) -> None:
    flow = booking.book.flows["booking"]
    names = [each.name for each in outcomes(flow.states["seats"], flow, booking.book)]
    assert names == ["person", "help", "answer", "timeout", "invalidinput", "failed"]
    assert booking.artefact is not None
    choices = booking.artefact["flows"]["booking"]["states"]["seats"]["op"]["choices"]
    assert [(each["value"], each["wide"], each["shown"]) for each in choices] == [
        ("person", True, False),
        ("help", True, False),
    ]


def test_a_page_to_open_is_no_outcome(booking: Built) -> None:
    flow = booking.book.flows["booking"]
    assert "site" not in {each.name for each in outcomes(flow.states["welcome"], flow, booking.book)}


def test_what_starts_it_is_compiled(booking: Built) -> None:
    assert booking.artefact is not None
    image = booking.artefact["flows"]["booking"]
    assert [each[0] for each in image["triggers"]] == ["keywords", "date"]
    assert image["triggers"][1][2] == {
        "line": 7,
        "enter": "remind",
        "offset": -86400.0,
        "at": 600,
        "timezone": "contact",
    }
    assert (image["channels"], image["session"]) == (
        ["WHATSAPP", "SMS"],
        {"expires": 259200.0, "then": "forget", "own": True},
    )
    assert list(booking.artefact["contact"]) == ["booking"]


def test_the_picture_is_as_before(booking: Built) -> None:
    drawn = dot(booking.book.flows["booking"], booking.book)
    golden = GOLDEN / "booking.dot"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(drawn, "utf-8")
    assert drawn == golden.read_text("utf-8")


def test_the_picture_shows_labels_and_keeps_flow_wide_choices_to_the_title(booking: Built) -> None:
    drawn = compose(booking.book.flows["booking"], booking.book)
    assert [each.label for each in drawn.cards["welcome"].cells] == [
        "Book a table", "My bookings", "Web site", "timeout", "invalidinput",
    ]  # fmt: skip
    assert "“agent” → person" in drawn.handlers
    assert drawn.cards["help"].entry == "any time"
    assert drawn.cards["remind"].entry == "begins by date"


def test_the_listing_names_what_carries_each_event(booking: Built) -> None:
    flow = booking.book.flows["booking"]
    found = listing(flow, booking.book)
    carried = {(each.place, each.event): each.callback for each in found.handlers}
    assert carried["pick[M]", "answer"] == "message"
    assert carried["pick[M]", "empty"] == "at once"
    assert carried["ring[M]", "done"] == "end of the call"
    assert carried["person[M]", "taken"] == "POST event"
    shown = as_text(found, Paint())
    assert "message: “book, table, reserve” -> welcome[M]" in shown
    assert "timer: contact.booking, -1 d, 10:00 -> remind[M]" in shown
    for outcome in ("timeout", "invalidinput", "failed"):
        assert ("welcome[M]", outcome) in carried


# --- the shape -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("states", "top", "message"),
    [
        ("say: Hello., next: end", 'cli: "+12025550100"', '"cli" belongs to calls'),
        ("say: Hello., next: end", "failure: { ace: hangup }", '"failure" belongs to calls'),
        ("say: Hello., next: end", "defaults: { barge: true }", '"barge" belongs to calls'),
        ("menu: { prompt: x, choices: { b: 1 } }, on: { else: end }", "", '"menu" belongs to calls'),
        ("wait: { for: 1h, play: music }, on: { elapsed: end }", "", '"play" belongs to calls'),
        ("do: [ { record: start } ], next: end", "", '"record" belongs to calls'),
        ("play: x.wav, next: end", "", '"play" belongs to calls'),
        ("say: Hello., next: continue", "", '"continue" belongs to calls'),
    ],
)
def test_what_belongs_to_calls_is_refused(states: str, top: str, message: str) -> None:
    assert f"wrong-channel: {message}" in told(states, top)


@pytest.mark.parametrize(
    ("states", "top", "message"),
    [
        ("say: Hello., next: end", "session: { expires: 3d }", '"session" belongs to message flows'),
        ("say: Hello., next: end", "triggers: [ { keywords: [x] } ]", '"keywords" belongs to message flows'),
        ("say: { SMS: Hello. }, next: end", "", '"SMS" belongs to message flows'),
        ("ask: { prompt: x, expect: any }, on: { else: end }", "", '"ask" belongs to message flows'),
        ("call: { flow: x }, on: { done: end }", "", '"call" belongs to message flows'),
        (
            "menu: { prompt: x, choices: { b: { label: B } } }, on: { else: end }",
            "",
            '"label" belongs to message flows',
        ),
    ],
)
def test_what_belongs_to_messages_is_refused_in_a_call(states: str, top: str, message: str) -> None:
    text = f"flow: f\nchannel: voice\nstart: a\n{top}\nstates:\n  a: {{ {states} }}\n"
    problems = load(read(text.encode(), "f.yaml"), Project()).problems
    assert f"wrong-channel: {message}" in [f"{each.rule}: {each.message}" for each in problems]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        ("choices: { b: B }", 'missing-key: ask has no "prompt"'),
        ("prompt: x", 'missing-key: the ask has neither "choices" nor "expect"'),
        ("prompt: x, choices: { b: { label: B, url: 'https://x.example' } }", "missing-key: the ask takes no answer"),
        ("prompt: x, choices: { b: { url: 'https://x.example' }, c: C }", 'missing-key: the choice "b" has no "label"'),
        ("prompt: x, choices: { b: { description: B }, c: C }", 'missing-key: nothing chooses "b"'),
        ("prompt: x, choices: { b: { label: B, url: 'http://x.example' }, c: C }", "shape: found"),
        ("prompt: x, choices: { b: Same, c: same }", 'duplicate-choice: "same" means both "b" and "c"'),
        ("prompt: x, choices: { timeout: T }", 'reserved-name: "timeout" is the name of an event'),
        ("prompt: x, expect: { number: 9..1 }", "limit: the range ends at 1, before it begins at 9"),
        ("prompt: x, expect: text", "shape: found"),
        ("prompt: x, expect: any, settle: 61s", "limit: found 61s"),
        ("prompt: x, expect: any, timeout: 31d", "limit: found 31d"),
        ("prompt: x, expect: any, timeout: 1h, remind: [ { after: 2h, say: y } ]", "limit: the reminder would come"),
        ("prompt: x, expect: any, template: { name: t }", 'missing-key: template has no "language"'),
        ("prompt: { play: x.wav }, expect: any", 'shape: found "play"; a message is text'),
        ("prompt: [ x ], expect: any", "shape: found a list; a message is text"),
        ("prompt: { SMS: x, en: y }, expect: any", 'unknown-key: the channels of a text have no key "en"'),
        ("prompt: { en: { es: y } }, expect: any", 'shape: "es" stands inside another of its sort'),
    ],
)
def test_slips_in_an_ask_are_told_in_a_sentence(ask: str, message: str) -> None:
    assert any(each.startswith(message) for each in told(f"ask: {{ {ask} }}, on: {{ else: end }}")), message


@pytest.mark.parametrize(
    ("send", "message"),
    [
        ("text: x, media: 'https://x.example/a.jpg'", "shape: the message has text and media; it takes one of them"),
        ("channel: SMS", "missing-key: the message says nothing"),
        ("card: { height: tall }", "missing-key: the card is empty"),
        ("card: { titel: x }", 'unknown-key: card has no key "titel"; did you mean "title"?'),
        ("location: { title: x, latitude: 91, longitude: 0 }", "shape: found"),
        ("carousel: { cards: [ { title: x } ], choices: { a: A, b: B, c: C, d: D } }", "limit: 4 choices"),
        ("media: 'https://x.example/a.jpg', choices: { a: A }", "shape: choices stand beside text"),
        ("explicit: { sms: '{}' }", 'name: found the key "sms"'),
    ],
)
def test_slips_in_a_send_are_told_in_a_sentence(send: str, message: str) -> None:
    assert any(each.startswith(message) for each in told(f"send: {{ {send} }}, next: end")), message


@pytest.mark.parametrize(
    ("trigger", "message"),
    [
        ("{ keywords: [a], link: b }", "shape: the trigger has keywords and link"),
        ("{ app: x }", "shape: the trigger has none of"),
        ("{ date: contact.x }", 'missing-key: the trigger has no "at"'),
        ("{ date: birthday, at: '10:00' }", "shape: found"),
        ("{ schedule: mon, at: '10:00' }", 'missing-key: the trigger has no "tag"'),
        ("{ keywords: [a], offset: -1d }", 'shape: "offset" means nothing to keywords'),
        ("{ keywords: [a], channel: sms }", "shape: found"),
        ("{ keywords: [a], to: '0123' }", "shape:"),
    ],
)
def test_slips_in_a_trigger_are_told_in_a_sentence(trigger: str, message: str) -> None:
    assert any(each.startswith(message) for each in told("say: x, next: end", f"triggers: [ {trigger} ]")), message


def test_words_go_by_language_and_channel_either_way_round() -> None:
    one = loaded("states: { a: { say: { en: { SMS: s, else: e }, es: x }, next: end } }")
    other = loaded("states: { a: { say: { SMS: { en: s }, else: { en: e, es: x } }, next: end } }")
    for flow in (one, other):
        prompt = flow.states["a"].do[0].value
        words = {key: parts[0].source.text for key, parts in prompt.wording.items()}
        assert words == {"en@SMS": "s", "en": "e", "es": "x"}
        chosen = [prompt.in_language(*each)[0].source.text for each in (("en", "en", "SMS"), ("es", "en", "SMS"))]
        assert chosen == ["s", "x"]
        assert prompt.in_language("fr", "en", "SMS")[0].source.text == "s"
        assert prompt.in_language("fr", "en", "RCS")[0].source.text == "e"


def test_an_ask_is_lowered_whole() -> None:
    op = asked(
        "prompt: { en: Which?, SMS: y }".replace(", SMS: y", "") + ", into: v, timeout: 2h, settle: 5s, "
        "choices: { b: { label: B, words: { en: [bee], es: [be] }, has: [buzz], number: 2..3, key: 2 }, "
        "s: { label: Site, url: 'https://x.example/{{ v }}' }, h: { label: Here, share_location: true } }, "
        "expect: [ { number: 1..9 }, { matches: '[A-Z]+' }, date ], remind: [ { after: 1h, say: Hello? } ]",
        "variables: { v: { type: text, default: x } }",
    )
    assert op["choices"][0] == {
        "value": "b",
        "shown": True,
        "label": {"$p": {"": [["say", "B"]]}},
        "words": ["bee", "be"],
        "has": ["buzz"],
        "number": [2, 3],
        "key": "2",
    }
    assert op["choices"][1]["url"]["$u"] == "https://x.example/{{ v }}"
    assert op["choices"][2]["share_location"] is True
    assert op["expect"] == [
        {"kind": "number", "low": 1, "high": 9},
        {"kind": "matches", "pattern": "[A-Z]+"},
        {"kind": "date"},
    ]
    assert (op["timeout"], op["settle"], op["repeats"], op["late_tap"]) == (7200.0, 5.0, 2, "accept")
    assert op["remind"] == [{"after": 3600.0, "say": {"$p": {"": [["say", "Hello?"]]}}}]


def test_defaults_of_the_flow_are_those_of_its_asks() -> None:
    op = asked("prompt: x, expect: any, repeats: 0", "defaults: { timeout: 2h, repeats: 1, late_tap: ignore }")
    assert (op["timeout"], op["repeats"], op["late_tap"]) == (7200.0, 0, "ignore")


def test_a_choice_without_a_way_goes_to_answer_and_else_means_no_message() -> None:
    from flowengine.graph import Book

    flow = loaded(
        "states:\n"
        "  a: { ask: { prompt: x, choices: { b: B, c: C } }, on: { c: end, answer: d, else: end } }\n"
        "  d: { wait: { for: 1h }, on: { else: end } }\n"
    )
    book = Book({"f": flow})
    ways = {each.name: resolve(flow.states["a"], each, flow).via for each in outcomes(flow.states["a"], flow, book)}
    assert ways == {
        "b": "answer", "c": "on", "answer": "on", "timeout": "else", "invalidinput": "else", "failed": "default",
    }  # fmt: skip
    waits = {each.name: resolve(flow.states["d"], each, flow).via for each in outcomes(flow.states["d"], flow, book)}
    assert waits == {"elapsed": "else", "message": "default"}


# --- what rules say --------------------------------------------------------------------------------------


def problems(folder: Path, **flows: str) -> list[str]:
    (folder / "flowengine.yaml").write_text("contact: { mail: { type: text, default: none } }\n")
    for name, text in flows.items():
        (folder / f"{name}.yaml").write_text(f"flow: {name}\n{text}")
    return [f"{each.rule}: {each.message}" for each in build([str(folder)], compiled=False).problems]


SAY = "channel: message\nstart: a\nstates: { a: { say: x, next: end } }\n"


def test_a_subflow_is_of_the_same_channel_and_a_call_a_voice_flow(tmp_path: Path) -> None:
    voice = "channel: voice\nstart: a\nstates: { a: { say: x, next: end } }\n"
    plays = "channel: message\nstart: a\nstates: { a: { KIND: { flow: GOAL }, on: { done: end, error: end } } }\n"
    sub = plays.replace("KIND", "subflow").replace("GOAL", "spoken")
    ring = plays.replace("KIND", "call").replace("GOAL", "sub")
    found = problems(tmp_path, spoken=voice, sub=sub, ring=ring)
    assert [each for each in found if each.startswith("subflow-unknown")] == [
        "subflow-unknown: sub is a message flow; a call plays a voice flow",
        "subflow-unknown: spoken is a voice flow; messages cannot play it",
    ]


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        ("{ keywords: [Book] }", "{ keywords: [' book'] }", True),
        ("{ keywords: [book] }", "{ keywords: [table] }", False),
        ("{ keywords: [book], channel: SMS }", "{ keywords: [book], channel: RCS }", False),
        ("{ keywords: [book], channel: SMS }", "{ keywords: [book] }", True),
        ("{ any: true }", "{ any: true }", True),
        ("{ any: true, app: a }", "{ any: true, app: b }", False),
        ("{ link: x }", "{ link: x }", True),
        ("{ link: x }", "{ keywords: [x] }", False),
    ],
)
def test_two_flows_that_claim_the_same_message_clash(tmp_path: Path, one: str, other: str, clash: bool) -> None:
    found = problems(tmp_path, b=f"triggers: [ {one} ]\n{SAY}", c=f"triggers: [ {other} ]\n{SAY}")
    named = [each for each in found if each.startswith("trigger-clash") and '"c" takes' in each and '"b" takes' in each]
    assert bool(named) is clash


def test_a_contact_field_is_declared_once(tmp_path: Path) -> None:
    found = problems(tmp_path, b=f"contact: {{ mail: {{ type: list }}, x: {{ type: text }} }}\n{SAY}")
    assert [each.partition(":")[0] for each in found] == ["contact-clash"]
    found = problems(
        tmp_path, b=f"contact: {{ x: {{ type: text }} }}\n{SAY}", c=f"contact: {{ x: {{ type: list }} }}\n{SAY}"
    )
    assert [each.partition(":")[0] for each in found] == ["contact-clash"]


def test_a_state_to_begin_at_must_be_there(tmp_path: Path) -> None:
    found = problems(tmp_path, b=f"triggers: [ {{ keywords: [x], enter: c }} ]\n{SAY}")
    assert found == ['unknown-target: there is no state "c"']


def test_staying_is_for_what_comes_meanwhile(tmp_path: Path) -> None:
    waits = (
        "channel: message\nstart: a\nstates: { a: { wait: { for: 1h }, on: { elapsed: end, message: { say: y } } } }\n"
    )
    assert problems(tmp_path, b=waits) == []
    asks = (
        "channel: message\nstart: a\nstates: { a: { ask: { prompt: x, expect: any }, on: { answer: { say: y } } } }\n"
    )
    assert "stay-in-place" in problems(tmp_path, b=asks)[-1]


def test_a_misspelt_state_to_begin_at_is_told_once(tmp_path: Path) -> None:
    states = "channel: message\nstart: a\nstates: { a: { say: x, next: end }, greeting: { say: y, next: end } }\n"
    found = problems(tmp_path, b=f"triggers: [ {{ keywords: [x], enter: greting }} ]\n{states}")
    assert found == ['unknown-target: there is no state "greting"; did you mean "greeting"?']


def test_the_language_of_messages_is_the_contacts(tmp_path: Path) -> None:
    sets = "channel: message\nstart: a\nstates: { a: { set: { GOAL: es }, next: end } }\n"
    assert problems(tmp_path, b=sets.replace("GOAL", "contact.language")) == []
    assert problems(tmp_path, b=sets.replace("GOAL", "call.language")) == [
        "unknown-variable: call.language belongs to calls"
    ]
