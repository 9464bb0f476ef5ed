from __future__ import annotations

from collections.abc import Callable

Told = Callable[..., list[str]]


def test_a_state_that_leads_to_itself(told: Told) -> None:
    text = """\
        start: a
        states:
          a: { say: Hello., next: a }
        """
    assert told("wait-free-cycle", text) == ["5: these states run round without ever waiting: a > a"]


def test_an_error_handler_of_the_flow_that_fails_itself(told: Told) -> None:
    text = """\
        start: a
        on: { error: a }
        states:
          a: { http: { get: "https://a.example.com/", timeout: 200ms }, on: { ok: end } }
        """
    assert told("wait-free-cycle", text) == ["4: these states run round without ever waiting: a > a"]


def test_visits_bound_a_cycle(told: Told) -> None:
    text = """\
        start: a
        states:
          a: { visits: { max: 3, then: end }, say: Hello., next: b }
          b: { say: Hello again., next: a }
        """
    assert told("wait-free-cycle", text) == []


def test_visits_do_not_bound_a_cycle_through_their_then(told: Told) -> None:
    text = """\
        start: a
        states:
          a: { visits: { max: 3, then: b }, say: Hello., next: end }
          b: { say: Hello again., next: a }
        """
    assert told("wait-free-cycle", text) == ["5: these states run round without ever waiting: a > b > a"]


def test_a_destination_that_is_refused_does_not_wait(told: Told) -> None:
    text = """\
        may_dial: { sales: { number: "+12025550111" } }
        start: a
        states:
          a: { connect: { to: sales }, on: { error: a } }
        """
    assert told("wait-free-cycle", text) == ["6: these states run round without ever waiting: a > a"]


def test_a_menu_waits(told: Told) -> None:
    text = """\
        start: a
        states:
          a: { menu: { prompt: Press 1., choices: { a: 1 } }, on: { else: b } }
          b: { say: Again., next: a }
        """
    assert told("wait-free-cycle", text) == []


def test_a_subflow_counts_by_what_it_gives_back_without_waiting(told: Told) -> None:
    play = """\
        start: a
        states:
          a: { subflow: { flow: other }, on: { done: a, error: end } }
        """
    steps = """\
        start: b
        states:
          b: { say: Hello., next: end }
        """
    asks = """\
        start: b
        states:
          b: { menu: { prompt: Press 1., choices: { bye: 1 } } }
          bye: { say: Goodbye., next: end }
        """
    assert told("wait-free-cycle", play, other=steps) == ["5: these states run round without ever waiting: a > a"]
    assert told("wait-free-cycle", play, other=asks) == []


def test_flows_that_play_each_other_at_once_are_told(told: Told) -> None:
    one = "start: a\nstates: { a: { subflow: { flow: two }, on: { done: end, error: end } } }\n"
    two = "start: a\nstates: { a: { subflow: { flow: line }, on: { done: end, error: end } } }\n"
    found = told("wait-free-cycle", one, two=two)
    assert [each.partition(": ")[2] for each in found] == [
        "these flows play each other without ever waiting: line > two > line",
        "these flows play each other without ever waiting: two > line > two",
    ]
    pause = "start: b\nstates: { b: { wait: { for: 5s }, on: { elapsed: a } }, "
    waits = two.replace("start: a\nstates: { ", pause)
    assert told("wait-free-cycle", one, two=waits) == []


def test_a_long_cycle_is_told_shortened(told: Told) -> None:
    ring = "".join(f"  s{n}: {{ say: Here., next: s{(n + 1) % 40} }}\n" for n in range(40))
    assert told("wait-free-cycle", f"start: s0\nstates:\n{ring}") == [
        "5: these states run round without ever waiting: s0 > s1 > s2 > s3 > s4 > s5 > … > s0"
    ]
