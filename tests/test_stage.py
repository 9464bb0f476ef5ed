"""The stage: flows, a store, the worker's carriers, one telephone and one chat, and a clock moved by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flowengine.scenarios.company import companies
from flowengine.scenarios.running import Played, run

Play = Callable[[str], Played]

DENTIST = """
flow: dentist
channel: message
channels: [WHATSAPP]
languages: [en, es]
triggers: [ { start: api }, { date: contact.visit, offset: -1d, at: "10:00", enter: remind } ]
inputs: { name: { type: text, default: there } }
contact: { visit: { type: time } }
start: ring
states:
  ring: { call: { flow: calling, with: { to: "{{ contact.number }}" } }, on: { done: end, error: end } }
  remind:
    ask:
      prompt: { en: "Tomorrow at {{ contact.visit | time }}?", es: "¿Mañana a las {{ contact.visit | time }}?" }
      template: { name: visit, language: { en: en_US, es: es_MX }, body: ["{{ contact.visit | time }}"] }
      choices: { coming: { label: "Yes" }, pity: { label: "No" } }
    on: { timeout: end, invalidinput: end, failed: end }
  coming: { say: See you., next: end }
  pity: { say: What a pity., next: end }
"""
CALLING = """
flow: calling
channel: voice
inputs: { to: { type: phone } }
cli: "+12025550100"
may_dial: { patient: { number: "{{ to }}", countries: [US] } }
start: ring
states:
  ring: { dial: { to: patient }, on: { answered: hello, disconnected: end } }
  hello: { say: Hello., next: ask }
  ask: { menu: { prompt: Press 1., choices: { hello: 1 } }, on: { timeout: end, invalidinput: end } }
"""
PART = """
flow: part
channel: message
start: hi
states: { hi: { say: Hi from the part., next: end } }
"""


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Plays one scenario: the first line names the flow, the lines before ``steps:`` are the scenario's."""

    def one(text: str) -> Played:
        flow, _, rest = text.strip().partition("\n")
        for name, source in (("dentist", DENTIST), ("calling", CALLING), ("part", PART)):
            (tmp_path / f"{name}.yaml").write_text(source)
        lines = "\n".join(f"    {line}" for line in rest.splitlines())
        path = tmp_path / f"{flow}.test.yaml"
        path.write_text(f"flow: {flow}\nscenarios:\n  it:\n{lines}\n")
        (company,) = companies([str(path)])
        assert not company.problems, company.problems
        (scenario,) = company.scenarios()
        assert company.theatre is not None
        return run(company.theatre, scenario, company.built.book)

    return one


def passes(played: Played) -> bool:
    assert played.failure is None, f"expected {played.failure.expected} but {played.failure.but}"
    return True


def test_a_date_known_of_the_contact_before_begins_the_flow_and_its_template_is_read_and_tapped(play: Play) -> None:
    assert passes(
        play("""dentist
contact: { language: es, visit: "2026-11-26T09:30:00Z" }
steps:
  - time passes: 23h
  - nothing
  - time passes: 1h
  - asks: { text: "[visit es_MX] 09:30", choices: [coming, pity] }
  - taps: pity
  - reads: What a pity.
""")
    )


def test_a_date_that_is_over_begins_nothing(play: Play) -> None:
    assert passes(
        play("""dentist
contact: { visit: "2026-11-20T09:30:00Z" }
steps:
  - time passes: 7d
  - nothing
""")
    )


def test_within_the_window_the_words_of_the_flow_are_read(play: Play) -> None:
    assert passes(
        play("""dentist
contact: { visit: "2026-11-25T19:00:00Z" }
now: 2026-11-24 09:00 UTC
steps:
  - writes: hello
  - nothing
  - time passes: 1h
  - asks: { text: "Tomorrow at 19:00?", choices: ["Yes", "No"] }
""")
    )


def test_who_a_call_of_another_flow_rings_has_the_name_that_flow_gives(play: Play) -> None:
    assert passes(
        play("""dentist
steps:
  - flow starts
  - rings: patient
  - callee: answers
  - hears: Hello.
""")
    )


def test_a_flow_that_only_others_play_can_be_started_by_itself(play: Play) -> None:
    assert passes(play("part\nsteps: [flow starts, reads: Hi from the part., ends]\n"))


def test_not_asks_means_a_question(play: Play) -> None:
    start = 'calling\nsteps:\n  - flow starts: { to: "+12025550142" }\n  - not: asks\n'
    assert passes(play(f"{start}  - callee: no answer\n  - not: asks\n"))
    failure = play(f"{start}  - callee: answers\n  - hears: Hello.\n  - not: asks\n").failure
    assert failure is not None and failure.but == 'hears "Press 1."'


def test_what_goes_round_without_time_passing_is_trouble_and_no_hang(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "DENTIST", DENTIST.replace("done: end,", "done: ring, message: end,"))
    failure = play('dentist\ncontact: { number: "+46701234567" }\nsteps: [flow starts]\n').failure
    assert failure is not None
    assert failure.but == "1000 things happened and no time passed: ring goes round in circles"
