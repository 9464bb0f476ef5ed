from __future__ import annotations

from collections.abc import Callable

Told = Callable[..., list[str]]
RULE = "stay-in-place"


def test_a_parked_call_cannot_stay_parked(told: Told) -> None:
    text = """\
        start: hold
        states:
          hold: { park: { max: 60s, until: more }, on: { elapsed: end, more: { say: One moment. } } }
        """
    assert told(RULE, text) == ['5: "more" has no target, but a parked call has to be answered']


def test_where_nobody_waits_a_handler_may_stay(told: Told) -> None:
    text = """\
        recordings: { to: "s3://acme/{{ call.id }}.mp3", credentials: "{{ secret.KEY }}" }
        may_dial: { sales: { number: "+12025550111" } }
        variables: { n: { type: text, default: x } }
        on: { recording_available: { set: { n: y } } }
        start: room
        states:
          room:
            do: [ record: start ]
            conference: { id: room, until: ready, dtmf: { mode: detect } }
            on: { ready: { say: The host is here. }, digits: { set: { n: z } }, disconnected: { set: { n: a } } }
        """
    assert told(RULE, text) == []


def test_a_late_verdict_may_but_the_answer_may_not(told: Told) -> None:
    text = """\
        variables: { n: { type: text, default: x } }
        may_dial: { sales: { number: "+12025550111" } }
        start: a
        states:
          a:
            connect: { to: sales, amd: async }
            on: { answered: { set: { n: y } }, beep: { set: { n: z } } }
        """
    assert told(RULE, text) == [
        '9: "answered" has no target, but the other side of a connect picking up has to be answered'
    ]


def test_every_branch_is_looked_at(told: Told) -> None:
    text = """\
        variables: { n: { type: text, default: x } }
        start: a
        states:
          a:
            menu: { prompt: Press 1., choices: { b: 1 } }
            on:
              b:
                - { when: n == "x", set: { n: y } }
                - { else: end }
        """
    assert told(RULE, text) == ['10: "b" has no target, but a menu has to be answered']


def test_a_target_that_could_not_be_read_was_told(told: Told) -> None:
    text = """\
        start: a
        states:
          a: { menu: { prompt: Press 1., choices: { b: 1 } }, on: { b: { to: 5x } } }
        """
    assert told(RULE, text, sound=False) == []
