"""Pictures as text: DOT against golden files, and what a scene promises. `UPDATE_GOLDEN=1` writes the files anew."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from flowengine.diagram import dot, mermaid, picture
from flowengine.diagram.scene import Scene, compose
from flowengine.graph import Book
from flowengine.model import Flow
from flowengine.problems import Mark, Problem
from flowengine.project import read_project

GOLDEN = Path(__file__).parent / "golden"

MENU = """\
  s{0}: {{ menu: {{ prompt: Press 1 or 2., choices: {{ a: 1, b: 2 }} }}, on: {{ a: s{1}, b: s{2}, else: bye }} }}
"""
HEAD = """\
flow: {name}
channel: voice
languages: [en-US]
triggers: [{{ to: "+12025550100" }}]
may_dial: {{ desk: {{ number: "+12025550111" }} }}
calendars: {{ office: {{ timezone: Europe/Stockholm, open: {{ mon-fri: 09:00-17:00 }} }} }}
recordings: {{ to: "s3://calls/x.mp3", credentials: "{{{{ secret.R }}}}" }}
variables: {{ tier: {{ type: text, default: none }} }}
"""
FLOWS = {
    "desk": """
on: { error: sorry }
start: greet
states:
  greet: { say: Thank you for calling Acme Corp., next: opening }
  opening: { hours: office, on: { open: main, closed: leave } }
  main:
    menu:
      prompt: "For sales press 1, for <service> & more press 2, to hear it again 9."
      choices: { desk: 1, service: 2, repeat: 9 }
    on: { service: look_up, else: goodbye }
  look_up: { http: { get: https://crm.example.com/callers, timeout: 800ms }, on: { ok: main, error: goodbye } }
  desk: { group: people, connect: { to: desk, dial_timeout: 25s } }
  leave: { say: Leave a message., voicemail: { max: 60s }, on: { recorded: goodbye } }
  goodbye: { say: Goodbye., next: end }
  sorry: { say: Something went wrong., next: end }
""",
    "decide": """
start: pick
states:
  pick:
    visits: { max: 3, then: end }
    route:
      - { when: tier is matching('a\\\\d+\\\\N'), to: split }
      - { when: tier == "again", to: pick }
      - { else: pin }
  split: { random: { pin: 1, price: 3 } }
  price:
    function: { name: price, save: { tier: "{{ result }}" } }
    on: { ok: other, error: { set: { tier: none }, to: pin } }
  pin:
    collect: { prompt: { play: ask.wav }, digits: 4, into: tier }
    on:
      digits: [{ when: tier == "0000", to: pin }, { else: other }]
      timeout: end
      invalidinput: { say: That was too short., retry: 2, then: end }
  other: { subflow: { flow: desk }, on: { done: end, error: end } }
""",
    "room": """
on: { disconnected: { send: { to: "{{ call.cli }}", text: Bye } } }
start: hold
states:
  hold: { park: { hold: { play: music.wav }, max: 60s, until: agent_ready }, on: { agent_ready: meet, elapsed: pause } }
  pause: { wait: { for: 30s, choices: { meet: 1 } }, on: { elapsed: hold } }
  meet: { conference: { id: room, until: shut }, on: { shut: over } }
  over: { svaml: { action: { name: continue } } }
""",
    "wrong": """
start: main
states:
  main:
    menu: { prompt: Press 1., choices: { one: 1, in: 2 } }
    on: { one: ons, in: loop }
  loop: { set: { tier: gold }, next: loop_too }
  loop_too: { set: { tier: iron }, next: loop }
  half: { connect: { to: desk, dial_timeout: soon }, on: { disconnected: { to: end }, human: end } }
  old_promo: { say: Ask about our spring offer., next: end }
""",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    flows = tmp_path / "flows"
    flows.mkdir()
    for name, states in FLOWS.items():
        (flows / f"{name}.yaml").write_text(HEAD.format(name=name) + states)
    return flows


def book() -> Book:
    return Book(read_project(["flows"]).flows)


def written(states: str, name: str = "own") -> tuple[Flow, Book]:
    Path("flows", f"{name}.yaml").write_text(HEAD.format(name=name) + states)
    flows = book()
    return flows.flows[name], flows


def scene(name: str, problems: tuple[Problem, ...] = ()) -> Scene:
    flows = book()
    return compose(flows.flows[name], flows, problems)


def found(flow: Flow) -> tuple[Problem, ...]:
    """Problems as the rules tell them: of a state, of an outcome, and of a place in the file."""
    main, loop = flow.states["main"], flow.states["loop"]
    assert loop.next is not None
    return (
        Problem("unhandled-outcome", main.mark, "menu main can end in timeout", state="main", outcome="timeout"),
        Problem("unknown-target", main.on["one"].branches[0].mark, 'there is no state "ons"', state="main"),
        Problem("wait-free-cycle", loop.next.mark, "they run round: loop > loop_too > loop", state="loop"),
        Problem("unreachable", flow.states["old_promo"].mark, "nothing leads here", state="old_promo"),
        Problem("unused-variable", Mark(flow.file, 8, 15), "tier is never read"),
    )


@pytest.mark.parametrize("name", FLOWS)
def test_dot_is_as_before(name: str) -> None:
    flows = book()
    flow = flows.flows[name]
    drawn = dot(flow, flows, found(flow) if name == "wrong" else ())
    golden = GOLDEN / f"{name}.dot"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(drawn, "utf-8")
    assert drawn == golden.read_text("utf-8")


def test_every_way_is_a_port_and_no_edge_has_a_label() -> None:
    for name in FLOWS:
        flows = book()
        lines = dot(flows.flows[name], flows).splitlines()
        drawn = compose(flows.flows[name], flows)
        for edge in drawn.edges:
            (line,) = [line for line in lines if f'id="{edge.id}"' in line]
            assert "label=" not in line
            cells = drawn.cards[edge.source].cells
            assert edge.exit in cells if cells else edge.exit.event == "next"


def test_ends_are_drawn_once_for_each_way() -> None:
    drawn = scene("desk")
    heads = [edge.head for edge in drawn.edges if edge.exit.target == "goodbye"]
    assert len(heads) == 4 == len(set(heads))
    assert [drawn.pills[head].number for head in heads if head in drawn.pills] == [2, 3, 4]
    assert heads.count("goodbye") == 1
    ends = [edge.head for edge in drawn.edges if edge.exit.target == "end"]
    assert len(ends) == len(set(ends)) == 2


def test_defaults_are_grey_and_have_no_edge() -> None:
    cells = {each.event: each for each in scene("desk").cards["desk"].cells}
    assert {"answered", "disconnected"} <= set(cells)
    assert all(cells[event].look == "quiet" and not cells[event].target for event in ("answered", "disconnected"))


def test_the_flows_own_handlers_stand_in_the_title_and_are_no_edges() -> None:
    drawn = scene("desk")
    assert drawn.handlers == "on error → sorry"
    assert drawn.cards["sorry"].entry == "on error"
    assert not drawn.cards["sorry"].unreachable
    assert all(edge.head != "sorry" for edge in drawn.edges)
    assert scene("room").handlers == "on disconnected → send"


def test_a_choice_shows_its_key_and_tells_its_value() -> None:
    cells = scene("desk").cards["main"].cells
    assert [(each.label, each.look) for each in cells[:3]] == [("1", "key"), ("2", "key"), ("9", "key")]
    assert cells[0].hint == "1: desk: desk"
    assert (cells[2].note, cells[2].again) == ("again", True)


def test_self_loops_are_words() -> None:
    drawn = scene("decide")
    again = {(card.name, each.name) for card in drawn.cards.values() for each in card.exits if "again" in each.note}
    assert again == {("pick", "route--2"), ("pin", "digits")}
    assert all(edge.source != edge.head for edge in drawn.edges)


def test_visits_and_retries_are_small_text() -> None:
    drawn = scene("decide")
    assert "≤ 3 visits" in dot(book().flows["decide"], book())
    assert {each.event: each.label for each in drawn.cards["pick"].cells}["visits"] == "visit 4"
    assert {each.event: each.note for each in drawn.cards["pin"].cells}["invalidinput"] == "≤ 2 retries"


def test_edges_back_into_a_circle_are_told_apart() -> None:
    assert {(edge.source, edge.head) for edge in scene("desk").edges if edge.back} == {("look_up", "main")}


def test_problems_are_words_where_they_are() -> None:
    flows = book()
    drawn = scene("wrong", found(flows.flows["wrong"]))
    cells = {each.event: each for each in drawn.cards["main"].cells}
    assert cells["timeout"].alarm == "goes nowhere"
    assert cells["one"].alarm == "no state ons"
    assert not cells["one"].target
    assert not drawn.cards["main"].alarms
    assert drawn.cards["loop"].cells[0].alarm == "wait free cycle"
    assert drawn.cards["old_promo"].alarms == ("unreachable",)
    assert "unreadable" in drawn.cards["half"].alarms
    assert drawn.facts.endswith("5 problems")


def test_unreachable_needs_no_rule_to_be_seen() -> None:
    assert {name for name, card in scene("wrong").cards.items() if card.unreachable} == {"half", "old_promo"}


def test_a_problem_of_another_flow_is_not_shown() -> None:
    problem = Problem("trap", Mark("flows/desk.yaml", 3), "no way out", flow="desk", state="main")
    assert not scene("wrong", (problem,)).cards["main"].alarms


def test_around_keeps_neighbours_and_names_the_rest() -> None:
    flows = book()
    near = compose(flows.flows["desk"], flows, around="look_up")
    assert set(near.cards) == {"main", "look_up", "goodbye"}
    notes = {each.event: each.note for each in near.cards["main"].cells}
    assert notes["desk"] == "→ desk"
    with pytest.raises(LookupError, match='there is no state "lookup" in desk; did you mean "look_up"'):
        dot(flows.flows["desk"], flows, around="lookup")


def test_names_alone_have_no_cells_and_no_words() -> None:
    flows = book()
    text = dot(flows.flows["desk"], flows, detail="names")
    assert "Thank you" not in text
    assert "invalidinput" not in text.replace('tooltip="main, invalidinput', "")
    assert "start -> " not in text
    assert 'id="state-goodbye--2"' in text


def test_dark_uses_only_dark_colours() -> None:
    flows = book()
    light, dark = (dot(flows.flows["desk"], flows, theme=theme) for theme in ("light", "dark"))
    assert "#E6F1FA" in light
    assert "#E6F1FA" not in dark
    assert "#0B2A40" in dark


def test_what_an_author_writes_cannot_leave_its_place() -> None:
    evil = r"<b>&amp; \\N \\G \"x\" ]; evil [label=<<i>y</i>>] \a"
    flow, flows = written(f'start: a\nstates:\n  a: {{ group: "<b>\\\\N", say: "{evil}", next: end }}\n')
    assert flow.states["a"].do[0].value.parts()[0].source.text.endswith("\a")
    text = dot(flow, flows)
    assert "<i>" not in text
    assert "\a" not in text
    assert "&lt;b&gt;&amp;amp; \\\\N \\\\G" in text


def test_long_prompts_are_cut_after_two_lines() -> None:
    flow, flows = written(f"start: a\nstates:\n  a: {{ say: '{'many words ' * 30}', next: end }}\n")
    lines = compose(flow, flows).cards["a"].body
    assert len(lines) == 2
    assert lines[-1].endswith("…")
    assert all(len(line) <= 34 for line in lines)


def test_mermaid_names_every_state_and_every_way() -> None:
    flows = book()
    text = mermaid(flows.flows["desk"], flows)
    assert text == picture(flows.flows["desk"], flows, (), "mmd").decode()
    assert 's_main -->|"2"| s_look_up' in text
    assert 's_look_up -.->|"error"| e' in text
    assert "#lt;service#gt;" in text
    for name in flows.flows["desk"].states:
        assert f"s_{name}[" in text


def test_ten_thousand_states_become_text_soon() -> None:
    states = "".join(MENU.format(n, min(2 * n + 1, 9998), min(2 * n + 2, 9998)) for n in range(9999))
    flow, flows = written(f"start: s0\nstates:\n{states}  bye: {{ say: Bye., next: end }}\n")
    began = time.perf_counter()
    text = dot(flow, flows)
    assert time.perf_counter() - began < 30
    assert text.count('class="state ') == 10_000
