from __future__ import annotations

from collections.abc import Callable

Told = Callable[..., list[str]]

MENU = """\
    variables: { n: { type: text, default: x } }
    start: a
    states:
      a: { menu: { prompt: Press 1., choices: { sales: 1 } }, on: { sales: GOAL } }
      sales: { say: Hello., next: end }
      other: { say: Hello., next: end }
    """


def test_a_branch_to_the_state_of_the_name_is_enough(told: Told) -> None:
    both = '[ { when: n == "x", to: other }, { else: sales } ]'
    assert told("choice-shadow", MENU.replace("GOAL", both)) == []
    assert told("choice-shadow", MENU.replace("GOAL", "{ set: { n: y }, to: sales }")) == []


def test_a_state_named_like_an_event_is_no_choice(told: Told) -> None:
    text = """\
        start: a
        states:
          a: { menu: { prompt: Press 1., choices: { b: 1 } }, on: { timeout: b } }
          b: { say: Hello., next: end }
          timeout: { say: Hello., next: end }
        """
    assert told("choice-shadow", text) == []
