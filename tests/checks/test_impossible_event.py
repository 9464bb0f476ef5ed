from __future__ import annotations

from collections.abc import Callable

import pytest

from flowengine.problems import Problem

Told = Callable[..., list[str]]
RULE = "impossible-event"


def test_a_misspelt_event_is_told_with_the_right_one(told: Told) -> None:
    text = """\
        start: a
        states:
          a: { menu: { prompt: Press 1., choices: { b: 1 } }, on: { timout: b } }
          b: { say: Thank you., next: end }
        """
    assert told(RULE, text) == ['5: menu "a" never raises "timout"; did you mean "timeout"?']


@pytest.mark.parametrize("event", ["chosen", "b", "timeout", "invalidinput", "error", "hangup", "disconnected", "else"])
def test_the_events_of_a_menu_can_come(told: Told, event: str) -> None:
    text = f"""\
        start: a
        states:
          a: {{ menu: {{ prompt: Press 1 or 2., choices: {{ b: 1, c: 2 }} }}, on: {{ {event}: b }} }}
          b: {{ say: Thank you., next: end }}
        """
    assert told(RULE, text) == []


def test_an_else_that_catches_nothing_is_a_warning(problems: Callable[..., list[Problem]]) -> None:
    text = """\
        start: a
        states:
          a: { menu: { prompt: Press 1., choices: { b: 1 } }, on: { timeout: b, invalidinput: b, else: b } }
          b: { connect: { to: sales }, on: { disconnected: end, error: end, answered: continue } }
        may_dial: { sales: { number: "+12025550111" } }
        """
    (found,) = problems(RULE, text)
    assert (found.severity, found.mark.line, found.outcome) == ("warning", 5, "else")


def test_a_recording_is_told_to_the_state_that_began_it_and_to_the_flow(told: Told) -> None:
    text = """\
        recordings: { to: "s3://acme/{{ call.id }}.mp3", credentials: "{{ secret.KEY }}" }
        may_dial: { sales: { number: "+12025550111" } }
        on: { recording_available: file, transcription_available: file }
        start: a
        states:
          a: { do: [ record: start ], next: b, on: { recording_available: file } }
          b: { connect: { to: sales }, on: { recording_available: file } }
          file: { set: { call.language: en-US }, next: end }
        """
    assert told(RULE, text) == [
        '5: no state of this flow raises "transcription_available"; did you mean "recording_available"?',
        '9: connect "b" never raises "recording_available"',
    ]


def test_a_call_that_ended_and_a_turn_that_broke_are_told_to_every_flow(told: Told) -> None:
    text = """\
        on: { disconnected: a, error: a }
        start: a
        states:
          a: { set: { call.language: en-US }, next: end }
        """
    assert told(RULE, text) == []


def test_what_a_subflow_leaves_open_climbs(told: Told) -> None:
    ask = """\
        start: ask
        states:
          ask: { menu: { prompt: Press 1., choices: { bye: 1 } }, on: { timeout: bye } }
          bye: { say: Goodbye., next: end }
        """
    text = """\
        start: a
        on: { hangup: end }
        states:
          a: { subflow: { flow: ask }, on: { done: end, invalidinput: end, timeout: end } }
        """
    assert told(RULE, text, ask=ask) == ['6: subflow "a" never raises "timeout"']


def test_of_a_state_that_could_not_be_read_nothing_is_said(told: Told) -> None:
    text = """\
        start: a
        on: { nonsense: b }
        states:
          a: { menu: { prompt: Press 1. }, on: { x: b, else: b } }
          b: { subflow: { flow: missing }, on: { y: end } }
        """
    assert told(RULE, text, sound=False) == []
