from __future__ import annotations

from collections.abc import Callable

import pytest

Told = Callable[..., list[str]]
RULE = "no-way-on"


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("collect: { prompt: Your code., digits: 4 }", "digits"),
        ("park: { max: 60s }", "elapsed"),
        ("park: { max: 60s, until: ready }\n    on: { elapsed: end }", "ready"),
        ("wait: { for: 5s }", "elapsed"),
        ("random: { one: 1 }", "one"),
        ('http: { get: "https://a.example.com/", timeout: 1s }\n    on: { error: end }', "ok"),
        ("function: { name: price }\n    on: { error: end }", "ok"),
        ("hours: office\n    on: { open: end }", "closed"),
    ],
)
def test_every_outcome_without_a_default(told: Told, state: str, outcome: str) -> None:
    calendar = "calendars: { office: { timezone: Europe/Stockholm, open: { mon: 09:00-17:00 } } }\n"
    found = told(RULE, f"{calendar}start: a\nstates:\n  a:\n    {state}\n")
    kind = state.split(":", 1)[0]
    line = 8 if "\n    on" in state else 7
    assert found == [f'{line}: {kind} "a" can end in {outcome}, but nothing says where that goes']


def test_a_state_that_just_stops(told: Told) -> None:
    text = """\
        start: a
        states:
          a: { say: Goodbye. }
        """
    assert told(RULE, text) == ['5: the state "a" has neither a kind nor next, so the flow stops here']


def test_an_unknown_word_may_be_meant_as_the_kind(told: Told) -> None:
    text = """\
        start: a
        states:
          a: { mneu: { prompt: Press 1., choices: { a: 1 } } }
          b: { menu: { prompt: Press 1. } }
        """
    assert told(RULE, text, sound=False) == []


def test_a_branch_of_a_route_leads_somewhere(told: Told) -> None:
    text = """\
        variables: { n: { type: text, default: x } }
        start: a
        states:
          a:
            route:
              - { when: n == "x", set: { n: y } }
              - { else: end }
        """
    assert told(RULE, text) == ['8: this branch of the route "a" leads nowhere']


CALLEE = """\
    outcomes: [right, wrong]
    start: ask
    states:
      ask:
        collect: { prompt: Your code., digits: 4 }
        on: { digits: right, else: right }
      right: { return: right }
    """


def test_of_a_subflow_only_what_can_come(told: Told) -> None:
    text = """\
        start: a
        states:
          a: { subflow: { flow: ask } }
        """
    assert told(RULE, text, ask=CALLEE) == ['5: subflow "a" can end in right, but nothing says where that goes']
    ends = CALLEE.replace("else: right", "else: end")
    assert told(RULE, text, ask=ends)[0] == '5: subflow "a" can end in done, but nothing says where that goes'


def test_what_every_player_takes_may_stay_open(told: Told) -> None:
    coin = """\
        outcomes: [tails]
        start: toss
        states:
          toss: { random: { heads: 1, tails: 1 } }
          tails: { return: tails }
        """
    text = """\
        start: a
        states:
          a: { subflow: { flow: coin }, on: { tails: end, EVENT: end } }
        """
    assert told(RULE, text.replace("EVENT", "heads"), coin=coin) == []
    assert told(RULE, text.replace("EVENT", "error"), coin=coin) == [
        'coin:6: random "toss" can end in heads, but nothing says where that goes'
    ]
