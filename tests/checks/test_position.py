from __future__ import annotations

from collections.abc import Callable

import pytest

from flowengine.problems import Problem

Told = Callable[..., list[str]]

HEAD = """\
triggers: [ { start: api } ]
cli: "+12025550100"
may_dial: { patient: { number: "+12025550111" }, app: { user: anna } }
start: ring
states:
  ring: { dial: { to: patient }, on: { answered: a, disconnected: gone } }
  gone: { send: { to: "+12025550111", text: We could not reach you. }, next: end }
"""


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("connect: { to: patient }", "connect cannot answer somebody we rang who picks up: ring[O] > a[A]"),
        (
            "connect: { to: app }",
            "connect to an app user cannot answer somebody we rang who picks up: ring[O] > a[A]",
        ),
        (
            "dial: { to: patient }, on: { answered: end }",
            "dial cannot answer somebody we rang who picks up: ring[O] > a[A]",
        ),
        (
            "park: { max: 60s }, on: { elapsed: end }",
            "park cannot answer somebody we rang who picks up: ring[O] > a[A]",
        ),
        ("do: [ dtmf: 12 ], next: end", "dtmf cannot answer somebody we rang who picks up: ring[O] > a[A]"),
    ],
)
def test_where_the_call_was_placed_by_us(told: Told, state: str, message: str) -> None:
    assert told("position", f"{HEAD}  a: {{ {state} }}\n") == [f"10: {message}"]


@pytest.mark.parametrize(
    "state",
    [
        "say: Hello., next: end",
        "menu: { prompt: Press 1., choices: { gone: 1 } }, on: { gone: end }",
        'conference: { id: "room" }',
        "wait: { for: 5s }, on: { elapsed: end }",
    ],
)
def test_what_may_stand_there(told: Told, state: str) -> None:
    assert told("position", f"{HEAD}  a: {{ {state} }}\n") == []


def test_a_handler_stands_where_its_event_lands(told: Told) -> None:
    text = """\
        may_dial: { sales: { number: "+12025550111" } }
        start: a
        states:
          a:
            connect: { to: sales }
            on:
              answered: { do: [ dtmf: "1" ], to: continue }
              disconnected: [ { when: call.answered, do: [ record: stop ], to: end }, { else: end } ]
              error: { do: [ dtmf: "2" ], to: end }
        """
    assert told("position", text) == [
        "9: dtmf cannot answer the other side of a connect picking up: a[I] > answered[B]",
        "10: record cannot answer a call that is over, or a notice nobody hears: a[I] > disconnected[N]",
    ]


def test_continue_only_where_a_call_can_go_on(told: Told) -> None:
    text = """\
        start: a
        states:
          a: { say: Hello., next: continue }
        """
    assert told("position", text) == ["5: continue cannot answer an incoming call that begins: a[I]"]


def test_one_problem_for_one_place_with_the_other_positions_noted(
    problems: Callable[..., list[Problem]],
) -> None:
    text = """\
        may_dial: { sales: { number: "+12025550111" } }
        start: a
        states:
          a: { connect: { to: sales }, on: { answered: b, disconnected: b } }
          b: { conference: { id: room }, visits: { max: 1, then: c } }
          c: { park: { max: 60s }, on: { elapsed: end } }
        """
    found = problems("position", text)
    assert [each.mark.line for each in found] == [7, 8]
    assert found[0].notes == ("there is no answer to put it into: it would not happen",)
    assert any(note.startswith("the same where it answers") for note in found[1].notes)


def test_the_handler_of_the_flow_for_errors_also_answers_broken_turns(told: Told) -> None:
    text = """\
        on: { error: { do: [ dtmf: "1" ], to: end } }
        triggers: [ { start: api } ]
        cli: "+12025550100"
        may_dial: { patient: { number: "+12025550111" } }
        start: ring
        states:
          ring: { dial: { to: patient }, on: { answered: end, disconnected: end, error: end } }
        """
    assert told("position", text) == [
        "3: dtmf cannot answer somebody we rang who picks up: a turn that breaks leads here too"
    ]


def test_raw_instructions_and_actions_are_held_to_the_same_table(told: Told) -> None:
    text = f"""{HEAD}  a:
    svaml:
      instructions: [ {{ name: sendDtmf, value: "1" }} ]
      action: {{ name: park }}
"""
    assert told("position", text) == [
        "11: park cannot answer somebody we rang who picks up: ring[O] > a[A]",
        "11: sendDtmf cannot answer somebody we rang who picks up: ring[O] > a[A]",
    ]


def test_a_subflow_is_judged_where_it_is_played(told: Told) -> None:
    hold = "start: hold\nstates: { hold: { park: { max: 60s }, on: { elapsed: end } } }\n"
    text = """\
        start: a
        states:
          a: { menu: { prompt: Press 1., choices: { b: 1 } } }
          b: { subflow: { flow: hold }, on: { done: end } }
        """
    assert told("position", text, hold=hold) == ["hold:4: park cannot answer a menu: hold[Pi]"]
    early = "start: b\nstates: { b: { subflow: { flow: hold }, on: { done: end } } }\n"
    assert told("position", early, hold=hold) == []


def test_a_long_way_is_told_by_its_end(told: Told) -> None:
    steps = "".join(f"  s{n}: {{ say: Hello., next: s{n + 1} }}\n" for n in range(30))
    text = f"start: s0\nstates:\n{steps}  s30: {{ say: Hello., next: continue }}\n"
    assert told("position", text) == [
        "35: continue cannot answer an incoming call that begins: … > s27[I] > s28[I] > s29[I] > s30[I]"
    ]
