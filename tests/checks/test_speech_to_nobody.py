from __future__ import annotations

from collections.abc import Callable

Told = Callable[..., list[str]]
RULE = "speech-to-nobody"


def test_before_a_call_is_placed(told: Told) -> None:
    text = """\
        triggers: [ { start: api } ]
        cli: "+12025550100"
        may_dial: { patient: { number: "+12025550111" } }
        start: greet
        states:
          greet: { say: Hello., next: ring }
          ring: { dial: { to: patient }, on: { answered: end, disconnected: end } }
        """
    assert told(RULE, text) == ["8: nobody hears this say: greet[O]"]


def test_in_handlers_and_raw_answers(told: Told) -> None:
    text = """\
        may_dial: { sales: { number: "+12025550111" } }
        start: a
        states:
          a: { connect: { to: sales }, on: { disconnected: { play: bye.wav, to: b } } }
          b: { svaml: { instructions: [ { name: say, text: Goodbye. } ], action: { name: hangup } } }
        """
    assert told(RULE, text) == [
        "6: nobody hears this play: a[I] > disconnected[N]",
        "7: nobody hears this say: a[I] > b[N]",
    ]


def test_a_recording_that_is_told_to_the_flow(told: Told) -> None:
    text = """\
        recordings: { to: "s3://acme/{{ call.id }}.mp3", credentials: "{{ secret.KEY }}" }
        on: { recording_available: thanks }
        start: a
        states:
          a: { say: Leave a message., voicemail: { max: 60s }, on: { recorded: thanks } }
          thanks: { say: Thank you., next: end }
        """
    assert told(RULE, text) == ["8: nobody hears this say: a[I] > thanks[N]"]


def test_one_sentence_is_told_once(told: Told) -> None:
    text = """\
        may_dial: { sales: { number: "+12025550111" } }
        on: { disconnected: { say: Goodbye., to: end } }
        start: a
        states:
          a: { menu: { prompt: Press 1., choices: { b: 1 } } }
          b: { connect: { to: sales } }
        """
    assert told(RULE, text) == ["4: nobody hears this say: a[I] > disconnected[N]"]


def test_a_call_that_the_flow_itself_ended(told: Told) -> None:
    text = """\
        on: { disconnected: { say: Goodbye., to: end } }
        start: a
        states:
          a: { say: Hello., next: end }
        """
    assert told(RULE, text) == ["3: nobody hears this say: a call that the flow ended leads here too"]
