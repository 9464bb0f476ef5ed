from __future__ import annotations

from collections.abc import Callable

Told = Callable[..., list[str]]
RULE = "nag-loop"

HOLD = """\
    start: hold
    states:
      hold:
        say: You are still in the queue.
        wait: { for: 30s, play: { play: music.wav }WAIT }
        on: { elapsed: holdON }
      agent: { say: Here we are., next: end }
    """


def test_a_caller_who_is_held_for_ever(told: Told) -> None:
    text = HOLD.replace("WAIT", "").replace("ON", "")
    assert told(RULE, text) == ["8: timers alone drive this loop, and nothing bounds it: hold > hold"]


def test_an_event_from_outside_or_a_key_may_end_the_wait(told: Told) -> None:
    until = HOLD.replace("WAIT", ", until: ready").replace("ON", ", ready: agent")
    key = HOLD.replace("WAIT", ", choices: { agent: 1 }").replace("ON", "")
    assert told(RULE, until) == []
    assert told(RULE, key) == []


def test_with_nobody_on_the_line_they_do_not(told: Told) -> None:
    text = """\
        triggers: [ { start: api } ]
        cli: "+12025550100"
        may_dial: { patient: { number: "+12025550111" } }
        start: ring
        states:
          ring: { dial: { to: patient }, on: { answered: tell, disconnected: later } }
          later: { wait: { for: 15m, until: stop }, on: { elapsed: ring, stop: end } }
          tell: { say: Your parcel is here., next: end }
        """
    assert told(RULE, text) == ["8: timers alone drive this loop, and nothing bounds it: ring > later > ring"]


def test_what_silence_alone_drives_is_told_by_another_rule(told: Told) -> None:
    text = """\
        start: a
        states:
          a: { menu: { prompt: Press 1., choices: { b: 1 } }, on: { timeout: a } }
          b: { say: Thank you., next: end }
        """
    assert told(RULE, text) == []


def test_silence_and_a_timer_together(told: Told) -> None:
    text = """\
        start: a
        states:
          a: { menu: { prompt: Press 1., choices: { c: 1 } }, on: { timeout: b } }
          b: { wait: { for: 5s }, on: { elapsed: a } }
          c: { say: Thank you., next: end }
        """
    assert told(RULE, text) == ["6: timers alone drive this loop, and nothing bounds it: b > a > b"]
