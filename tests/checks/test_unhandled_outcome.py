from __future__ import annotations

from collections.abc import Callable

import pytest

from flowengine.problems import Problem

Told = Callable[..., list[str]]
RULE = "unhandled-outcome"


def test_the_mark_is_the_word_on(problems: Callable[..., list[Problem]]) -> None:
    text = """\
        start: main
        states:
          main:
            menu: { prompt: "Press 1, then go on.", choices: { one: 1 } }
            # where it goes
            on:   # here

              # the only choice
              one: goodbye
              invalidinput: goodbye
          goodbye: { say: Goodbye., next: end }
        """
    (found,) = problems(RULE, text)
    assert str(found.mark) == "flows/line.yaml:8:5"
    assert found.mark.length == 3
    assert found.message == 'menu "main" can end in timeout, but nothing says where that goes'
    assert found.notes == (
        'without it a caller who presses nothing hears "We did not get an answer. Goodbye." and the call ends',
    )
    assert found.fix == 'add "timeout: goodbye"'


@pytest.mark.parametrize(
    "handlers", ["", "on: { else: b }", "on: { disconnected: end }", "on: { timeout: b, invalidinput: b }"]
)
def test_what_is_left_as_a_whole_or_handled_is_silent(told: Told, handlers: str) -> None:
    text = f"""\
        start: a
        states:
          a:
            menu: {{ prompt: Press 1., choices: {{ b: 1 }} }}
            {handlers}
          b: {{ say: Goodbye., next: end }}
        """
    assert told(RULE, text) == []


def test_the_handlers_of_the_flow_count(told: Told) -> None:
    text = """\
        on: { timeout: b, invalidinput: b }
        start: a
        states:
          a: { menu: { prompt: Press 1., choices: { c: 1 } }, on: { c: b } }
          b: { say: Goodbye., next: end }
        """
    assert told(RULE, text) == []


def test_a_step_that_fails(problems: Callable[..., list[Problem]]) -> None:
    text = """\
        start: a
        states:
          a: { http: { get: "https://a.example.com/", timeout: 200ms }, on: { ok: end } }
        """
    (found,) = problems(RULE, text)
    assert found.message == 'http "a" can end in error, but nothing says where that goes'
    assert found.notes == ("without it the caller hears an apology and the call ends when this step fails",)


def test_after_the_call_only_the_journal_tells(problems: Callable[..., list[Problem]]) -> None:
    text = """\
        may_dial: { sales: { number: "+12025550111" } }
        start: a
        states:
          a: { connect: { to: sales }, on: { disconnected: b } }
          b: { http: { get: "https://a.example.com/", timeout: 200ms }, on: { ok: end } }
        """
    (found,) = problems(RULE, text)
    assert found.notes == ("without it the run ends there, and only the journal tells",)
