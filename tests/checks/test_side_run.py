from __future__ import annotations

from collections.abc import Callable

Told = Callable[..., list[str]]
RULE = "side-run"

HEAD = 'recordings: { to: "s3://acme/{{ call.id }}.mp3", credentials: "{{ secret.KEY }}" }\n'


def test_a_wait_further_on_is_found(told: Told) -> None:
    text = f"""{HEAD}start: a
states:
  a:
    do: [ record: start ]
    next: bye
    on: {{ recording_available: file }}
  file: {{ http: {{ get: "https://a.example.com/", timeout: 200ms }}, on: {{ ok: end, error: later }} }}
  later: {{ wait: {{ for: 1m }}, on: {{ elapsed: file }} }}
  bye: {{ say: Goodbye., next: end }}
"""
    assert told(RULE, text) == [
        '9: "recording_available" leads to wait "later", but it runs beside the call and cannot wait: '
        "recording_available > file > later"
    ]


def test_keys_in_a_conference(told: Told) -> None:
    text = """\
        start: room
        states:
          room: { conference: { id: room, dtmf: { mode: detect } }, on: { digits: ask } }
          ask: { menu: { prompt: Press 1., choices: { bye: 1 } } }
          bye: { say: Goodbye., next: end }
        """
    assert told(RULE, text) == [
        '5: "digits" leads to menu "ask", but it runs beside the call and cannot wait: digits > ask'
    ]


def test_the_digits_of_collect_are_no_side_run(told: Told) -> None:
    text = """\
        start: a
        states:
          a: { collect: { prompt: Your code., digits: 4 }, on: { digits: b } }
          b: { menu: { prompt: Press 1., choices: { bye: 1 } } }
          bye: { say: Goodbye., next: end }
        """
    assert told(RULE, text) == []


def test_a_played_flow_that_waits(told: Told) -> None:
    later = "start: a\nstates: { a: { wait: { for: 1m }, on: { elapsed: end } } }\n"
    text = f"""{HEAD}on: {{ recording_available: play }}
start: a
states:
  a: {{ voicemail: {{ max: 60s }} }}
  play: {{ subflow: {{ flow: later }}, on: {{ done: end }} }}
"""
    assert told(RULE, text, later=later) == [
        '4: "recording_available" leads to subflow "play", but it runs beside the call and cannot wait: '
        "recording_available > play"
    ]
