from __future__ import annotations

from collections.abc import Callable

Told = Callable[..., list[str]]
RULE = "unreachable"


def test_a_state_that_only_an_unreachable_one_leads_to(told: Told) -> None:
    text = """\
        start: a
        states:
          a: { say: Hello., next: end }
          b: { say: Hello., next: c }
          c: { say: Hello., next: b }
        """
    assert told(RULE, text) == ['6: nothing leads to "b"', '7: nothing leads to "c"']


def test_errors_bounds_and_late_events_lead_there(told: Told) -> None:
    text = """\
        recordings: { to: "s3://acme/{{ call.id }}.mp3", credentials: "{{ secret.KEY }}" }
        on: { error: sorry, recording_available: file }
        start: a
        states:
          a: { visits: { max: 2, then: many }, say: Leave a message., voicemail: { max: 60s }, on: { recorded: end } }
          many: { say: Goodbye., next: end }
          file: { set: { call.language: en-US }, next: end }
          sorry: { say: Sorry., next: end }
        """
    assert told(RULE, text) == []


def test_where_a_state_could_not_be_read_nothing_is_said(told: Told) -> None:
    text = """\
        start: a
        states:
          a: { menu: { prompt: Press 1., choises: { b: 1 } } }
          b: { say: Hello., next: end }
        """
    assert told(RULE, text, sound=False) == []


def test_without_a_start_there_is_one_problem_not_many(told: Told) -> None:
    text = """\
        start: begin
        states:
          a: { say: Hello., next: end }
        """
    assert told(RULE, text) == []
    assert told("missing-start", text) == ['3: the flow starts at "begin", but there is no such state']
