"""What ``flowengine compile`` shows is what the flow does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowengine.build import build
from flowengine.engine.wording import PHRASES
from flowengine.graph import outcomes
from flowengine.listing import Handler, Listing, as_json, as_text, listing
from flowengine.positions import analyse
from flowengine.report import Paint

ROOT = Path(__file__).parent.parent
LINE = """
flow: line
channel: voice
triggers: [ { to: "+12025550100" } ]
languages: [es-US]
recordings: { to: "s3://acme/{{ call.id }}.mp3", credentials: "{{ secret.RECORDINGS }}" }
variables: { tier: { type: text, default: basic } }
may_dial: { sales: { number: "+12025550111" } }
start: greet
states:
  greet: { say: Hello., next: main }
  main:
    visits: { max: 3, then: bye }
    menu: { prompt: Press 1., choices: { sales: 1, more: 2, box: 3, repeat: 9 }, timeout: 4s }
    on:
      invalidinput: { say: Try again., retry: 2, then: bye }
      more: look_up
  look_up:
    http: { get: https://crm.example.com/a, timeout: 500ms, save: { tier: "{{ response.tier }}" } }
    on:
      ok: [ { when: tier == "gold", set: { tier: none }, to: sales }, { else: bye } ]
      error: bye
  sales:
    connect: { to: sales }
    on: { disconnected: { log: over } }
  box:
    voicemail: { tone: { play: beep.wav } }
    on: { recording_available: { log: "{{ event.destination }}" } }
  bye: { say: Goodbye., next: end }
"""


@pytest.fixture
def listed(tmp_path: Path) -> Listing:
    (tmp_path / "line.yaml").write_text(LINE)
    built = build([str(tmp_path)], compiled=False)
    assert [each for each in built.problems if each.severity == "error"] == []
    return listing(built.book.flows["line"], built.book)


def handler(listed: Listing, place: str, event: str) -> Handler:
    return next(each for each in listed.handlers if (each.place, each.event) == (place, event))


def test_the_start_names_the_callback_and_what_is_dialled(listed: Listing) -> None:
    assert [(each.callback, each.trigger, each.run) for each in listed.entries] == [
        ("ICE", "a call to +12025550100", "greet[I]")
    ]


def test_each_block_is_listed_once(listed: Listing) -> None:
    ids = [block.id for block in listed.blocks]
    assert len(ids) == len(set(ids))
    known = {"greet[I]", "main[I]", "main[Pi]", "look_up[Pi]", "sales[Pi]", "box[Pi]", "bye[I]", "bye[Pi]"}
    assert known == set(ids), "a retry gives the menu again, in the position of its answer"


def test_every_lead_goes_to_a_block_or_an_end(listed: Listing) -> None:
    ids = {block.id for block in listed.blocks}
    leads = [lead for block in listed.blocks for lead in block.leads]
    leads += [lead for each in listed.handlers for lead in each.leads]
    assert {lead.to for lead in leads} <= ids | {"end", "again", ""}


def test_a_handler_that_was_written(listed: Listing) -> None:
    found = handler(listed, "main[I]", "more")
    assert (found.callback, found.via) == ("PIE", "on")
    assert [(lead.to, lead.default) for lead in found.leads] == [("look_up[Pi]", False)]


def test_a_choice_that_is_a_state(listed: Listing) -> None:
    found = handler(listed, "main[I]", "sales")
    assert found.via == "name"
    assert found.leads[0].to == "sales[Pi]"


def test_a_default_is_marked_and_speaks_the_flows_language(listed: Listing) -> None:
    (lead,) = handler(listed, "main[I]", "timeout").leads
    assert lead.default
    assert lead.answer == f"say “{PHRASES['es']['goodbye']}”; hangup"


def test_a_retry_says_how_often_and_then_where(listed: Listing) -> None:
    again, then = handler(listed, "main[I]", "invalidinput").leads
    assert (again.when, again.do, again.answer) == ("up to 2 times", ("say “Try again.”",), "main again")
    assert (then.when, then.to) == ("then", "bye[Pi]")


def test_a_straight_run_is_told_to_its_end(listed: Listing) -> None:
    greet = next(block for block in listed.blocks if block.id == "greet[I]")
    assert greet.leads[0].to == "main[I]"
    then = handler(listed, "main[I]", "invalidinput").leads[1]
    assert (then.path, then.answer) == (("bye",), "say “Goodbye.”; hangup")


def test_a_question_in_mid_answer_shows_its_alternatives(listed: Listing) -> None:
    block = next(block for block in listed.blocks if block.id == "look_up[Pi]")
    assert [(lead.event, lead.when, lead.do, lead.to) for lead in block.leads] == [
        ("ok", 'if tier == "gold"', ("set tier = none",), "sales[Pi]"),
        ("ok", "else", (), "bye[Pi]"),
        ("error", "", (), "bye[Pi]"),
    ]


def test_the_bound_on_visits_is_a_way_out(listed: Listing) -> None:
    main = next(block for block in listed.blocks if block.id == "main[I]")
    assert (main.leads[0].when, main.leads[0].to) == ("visited more than 3 times", "bye[I]")


def test_settings_are_filled_in_and_defaults_marked(listed: Listing) -> None:
    main = next(block for block in listed.blocks if block.id == "main[I]")
    assert {each.name: (each.value, each.default) for each in main.settings} == {
        "repeats": ("2", True),
        "timeout": ("4 s", False),
        "barge": ("true", True),
        "speech": ("false", True),
    }


def test_a_voicemail_shows_what_it_does_around_the_message(listed: Listing) -> None:
    box = next(block for block in listed.blocks if block.id == "box[Pi]")
    assert box.action == "tone ♪ beep.wav; startRecording; silent runMenu"
    assert handler(listed, "box[Pi]", "recorded").first == "stopRecording"
    late = handler(listed, "box[Pi]", "recording_available")
    assert (late.callback, late.leads[0].do, late.leads[0].answer) == (
        "notify",
        ("log {{ event.destination }}",),
        "stays",
    )


def test_the_text_marks_defaults_and_shows_every_block_and_handler(listed: Listing) -> None:
    shown = as_text(listed, Paint())
    for block in listed.blocks:
        assert f"\n{block.id}  line {block.line}\n" in shown
    for each in listed.handlers:
        assert f"\n  {each.event} {each.callback}" in shown
    assert "timeout 4 s, barge true (default)" in shown
    assert "hangup (default)" in shown


def test_the_json_holds_the_same(listed: Listing) -> None:
    whole = json.loads(as_json(listed))
    assert len(whole["handlers"]) == len(listed.handlers)
    assert whole["blocks"][0]["id"] == "greet[I]"
    assert whole["entries"][0]["run"] == "greet[I]"


@pytest.mark.parametrize("folder", ["flows", "examples/kinds"])
def test_every_waiting_block_of_every_flow_has_a_handler_for_each_of_its_events(folder: str) -> None:
    built = build([str(ROOT / folder)], compiled=False)
    for flow in built.book.flows.values():
        found = listing(flow, built.book)
        pairs = {pair for each in analyse(flow, built.book).values() for pair in each.pairs}
        assert {(block.state, block.position) for block in found.blocks} == pairs
        handled = {(each.place, each.event) for each in found.handlers}
        for block in found.blocks:
            state = flow.states[block.state]
            if block.waits and block.position not in ("N", "O"):
                own = {each.name for each in outcomes(state, flow, built.book) if each.name != "chosen"}
                stepped = {lead.event for lead in block.leads}
                assert own - stepped == {event for place, event in handled if place == block.id} - stepped
        assert as_text(found, Paint()).count("\n") > len(found.blocks)
