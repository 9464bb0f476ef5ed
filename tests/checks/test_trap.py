from __future__ import annotations

from collections.abc import Callable

Told = Callable[..., list[str]]


def test_the_hang_up_and_the_end_of_the_call_are_no_ways_out(told: Told) -> None:
    text = """\
        start: a
        on: { disconnected: gone, hangup: gone }
        states:
          a:
            menu: { prompt: Press 1., choices: { a: 1 } }
            on: { else: a }
          gone: { set: { call.language: en-US }, next: end }
        """
    assert told("trap", text) == ['6: from "a" no way leads to an end or to anybody: a > a']


def test_an_error_while_the_caller_is_asked_is_no_way_out(told: Told) -> None:
    text = """\
        start: a
        on: { error: sorry }
        states:
          a:
            menu: { prompt: Press 1., choices: { a: 1 } }
            on: { else: a }
          sorry: { say: Sorry., next: end }
        """
    assert len(told("trap", text)) == 1


def test_the_error_of_a_step_is_one(told: Told) -> None:
    text = """\
        start: poll
        states:
          poll:
            http: { get: "https://a.example.com/", timeout: 200ms }
            on: { ok: again, error: end }
          again: { wait: { for: 5s }, on: { elapsed: poll } }
        """
    assert told("trap", text) == []


def test_silence_that_ends_the_call_is_a_way_out(told: Told) -> None:
    text = """\
        start: a
        states:
          a: { menu: { prompt: Press 1., choices: { a: 1 } } }
        """
    assert told("trap", text) == []


def test_a_bound_is_a_way_out(told: Told) -> None:
    text = """\
        start: a
        states:
          a:
            visits: { max: 3, then: end }
            menu: { prompt: Press 1., choices: { a: 1 } }
            on: { else: a }
        """
    assert told("trap", text) == []


def test_back_leads_to_the_menus_before(told: Told) -> None:
    text = """\
        start: main
        states:
          main:
            menu: { prompt: Press 1 or 2., choices: { news: 1, bye: 2 } }
            on: { bye: end, else: main }
          news:
            menu: { prompt: "No news. Press 1 to hear it again, 2 to go back.", choices: { news: 1, back: 2 } }
            on: { else: news }
        """
    assert told("trap", text) == []


def test_only_the_last_knot_is_told_and_only_once(told: Told) -> None:
    text = """\
        start: greet
        states:
          greet: { say: Hello., next: a }
          a:
            menu: { prompt: Press 1., choices: { b: 1 } }
            on: { else: b }
          b:
            menu: { prompt: Press 1., choices: { a: 1 } }
            on: { else: a }
        """
    assert told("trap", text) == ['6: from "a" no way leads to an end or to anybody: a > b > a']


def test_a_side_run_that_stays_is_no_trap(told: Told) -> None:
    text = """\
        recordings: { to: "s3://acme/{{ call.id }}.mp3", credentials: "{{ secret.KEY }}" }
        may_dial: { sales: { number: "+12025550111" } }
        start: a
        states:
          a:
            do: [ record: start ]
            connect: { to: sales }
            on: { recording_available: file }
          file:
            http: { get: "https://a.example.com/", timeout: 200ms }
            on: { ok: { log: filed }, error: { log: lost } }
        """
    assert told("trap", text) == []


def test_a_subflow_that_can_hang_up_is_a_way_out(told: Told) -> None:
    ask = """\
        outcomes: [again]
        start: ask
        states:
          ask:
            menu: { prompt: Press 1., choices: { again: 1 } }
          again: { return: again }
        """
    play = """\
        start: a
        states:
          a: { subflow: { flow: ask }, on: { again: a, error: a } }
        """
    assert told("trap", play, ask=ask) == []
    quiet = ask.replace("again: 1 } }", "again: 1 } }\n            on: { else: again }")
    assert told("trap", play, ask=quiet) == ['5: from "a" no way leads to an end or to anybody: a > a']


def test_what_another_rule_tells_is_not_told_again(told: Told) -> None:
    text = """\
        start: a
        states:
          a: { menu: { prompt: Press 1., choices: { b: 1 } }, on: { b: nowhere, else: a } }
        """
    assert told("trap", text) == []
