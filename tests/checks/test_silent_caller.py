from __future__ import annotations

from collections.abc import Callable

Told = Callable[..., list[str]]
RULE = "silent-caller"


def test_a_menu_that_asks_itself_again(told: Told) -> None:
    text = """\
        start: a
        states:
          a: { menu: { prompt: Press 1., choices: { b: 1 } }, on: { timeout: a } }
          b: { say: Thank you., next: end }
        """
    assert told(RULE, text) == ["5: a caller who does nothing goes round for ever by timeout: a > a"]


def test_a_retry_is_bounded_but_not_what_follows_it(told: Told) -> None:
    text = """\
        start: a
        states:
          a: { menu: { prompt: Press 1., choices: { b: 1 } }, on: { timeout: { retry: 2, then: GOAL } } }
          b: { say: Thank you., next: end }
        """
    assert told(RULE, text.replace("GOAL", "b")) == []
    assert len(told(RULE, text.replace("GOAL", "a"))) == 1


def test_visits_bound_it(told: Told) -> None:
    text = """\
        start: a
        states:
          a:
            visits: { max: 3, then: end }
            menu: { prompt: Press 1., choices: { b: 1 } }
            on: { else: a }
          b: { say: Thank you., next: end }
        """
    assert told(RULE, text) == []


def test_a_key_breaks_the_circle(told: Told) -> None:
    text = """\
        start: a
        states:
          a: { menu: { prompt: Press 1., choices: { b: 1 } }, on: { timeout: end } }
          b: { collect: { prompt: Your code., digits: 4 }, on: { digits: a, else: a } }
        """
    assert told(RULE, text) == []


def test_steps_between_belong_to_the_circle(told: Told) -> None:
    text = """\
        calendars: { office: { timezone: Europe/Stockholm, open: { mon-fri: 09:00-17:00 } } }
        start: a
        states:
          a: { menu: { prompt: Press 1., choices: { b: 1 } }, on: { timeout: b } }
          b: { hours: office, on: { open: a, closed: end } }
        """
    assert told(RULE, text) == ["6: a caller who does nothing goes round for ever by timeout: a > b > a"]


def test_back_leads_round_too(told: Told) -> None:
    text = """\
        start: a
        states:
          a: { menu: { prompt: Press 1., choices: { b: 1 } }, on: { timeout: b } }
          b: { menu: { prompt: Press 1., choices: { a: 1 } }, on: { timeout: back } }
        """
    assert told(RULE, text) == ["5: a caller who does nothing goes round for ever by timeout: a > b > a"]


def test_silence_climbs_out_of_a_subflow(told: Told) -> None:
    ask = """\
        start: ask
        states:
          ask: { menu: { prompt: Press 1., choices: { bye: 1 } } }
          bye: { say: Goodbye., next: end }
        """
    play = """\
        start: a
        states:
          a: { subflow: { flow: ask }, on: { timeout: GOAL, done: a, error: end } }
        """
    assert told(RULE, play.replace("GOAL", "end"), ask=ask) == []
    assert told(RULE, play.replace("GOAL", "a"), ask=ask) == [
        "5: a caller who does nothing goes round for ever by timeout: a > a"
    ]
