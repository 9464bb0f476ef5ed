"""
An answer holds something that the callback it answers does not take: the platform refuses the whole answer,
and the call ends or goes on without it. Which callback that is depends on the way the call came.

```yaml wrong
flow: wrong
channel: voice
start: main
states:
  main:
    menu: { prompt: To hold press 1., choices: { hold: 1 } }
  hold:
    park: { hold: { play: music.wav }, max: 300s }
    on: { elapsed: sorry }
  sorry: { say: Nobody is free., next: end }
```
```yaml right
flow: right
channel: voice
start: main
states:
  main:
    menu: { prompt: To hold press 1., choices: { hold: 1 } }
  hold:
    wait: { for: 300s, play: { play: music.wav } }
    on: { elapsed: sorry }
  sorry: { say: Nobody is free., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.lookup import path
from flowengine.checks.uses import SOUNDS, Use, uses
from flowengine.problems import Mark, Problem
from flowengine.svaml import Permit, Position, permission

SEVERITY = "error"
CHANNELS = ("voice",)

PLACES: dict[Position, str] = {
    "I": "an incoming call that begins",
    "O": "a call that is still to be placed",
    "A": "somebody we rang who picks up",
    "B": "the other side of a connect picking up",
    "Pi": "a menu",
    "Pa": "a menu in a call we placed",
    "Pb": "a menu given to the other side of a connect",
    "K": "a parked call",
    "L": "a call in progress",
    "C": "a call in a conference",
    "N": "a call that is over, or a notice nobody hears",
    "M": "a message",
}
_REFUSED = "the platform would refuse the whole answer, and the call would end"
_HEARD: dict[Position, str] = {
    "O": "the call would not be placed",
    "A": "the platform would refuse the whole answer, and the one we rang would hear nothing",
    "B": "the platform would refuse the whole answer and connect the two without it",
    "K": "the platform would refuse the change, and the caller would stay on hold",
    "L": "the platform would refuse the change, and the call would go on without it",
    "C": "the platform would refuse the change, and the caller would stay in the conference",
    "N": "there is no answer to put it into: it would not happen",
}


def check(view: View) -> Iterator[Problem]:
    for use, also in refused(view, "-"):
        yield problem(
            view,
            "position",
            use.mark,
            f"{use.word} cannot answer {PLACES[use.position]}{where(view, use)}",
            notes=[_HEARD.get(use.position, _REFUSED), *also],
            fix=_fix(use),
            state=use.state,
            outcome=use.event,
        )


def refused(view: View, permit: Permit) -> Iterator[tuple[Use, list[str]]]:
    """Uses with that permission, once for each place in the file; and a note of other positions."""
    found: dict[tuple[Mark, str], list[Use]] = {}
    for use in uses(view):
        if _permit(use) == permit:
            found.setdefault((use.mark, use.word), []).append(use)
    for group in found.values():
        yield group[0], _also(group)


def _permit(use: Use) -> Permit:
    # The end of a call is always fine: where there is none to end, nothing is sent. Speech to nobody is a
    # rule of its own.
    if use.name == "hangup" or (use.name in SOUNDS and use.position in ("N", "O")):
        return "Y"
    return "-" if use.name == "dial" else permission(use.name, use.position)


def _also(group: Iterable[Use]) -> list[str]:
    others = list(dict.fromkeys(use.position for use in group))[1:]
    return [f"the same where it answers {' or '.join(PLACES[each] for each in others)}"] if others else []


def where(view: View, use: Use) -> str:
    """``: main[I] > hold[Pi]``, and in a handler the event."""
    if use.pair is None:
        broke = use.event == "error"
        return f": a {'turn that breaks' if broke else 'call that the flow ended'} leads here too"
    event = f" > {use.event}[{use.position}]" if use.event else ""
    return f": {path(view, use.pair)}{event}"


def _fix(use: Use) -> str:
    if use.position == "N":
        return "send a message instead, or do it before the call ends"
    if use.word == "dial":
        return "connect the caller instead; dial begins a call, or follows a wait when nobody is on the line"
    if use.position == "O":
        return "ring somebody with dial first; this belongs after answered, human or machine"
    if use.name == "park":
        return "use wait, which holds a caller in any call, or park before the first menu"
    if use.name == "continue":
        return "only a bridge or a call that is going on can continue: name a state, or end"
    if use.position in ("A", "B") and use.name.startswith("connect"):
        return "let a menu or a conference come first, or connect when the call comes in"
    return _fix_elsewhere(use)


def _fix_elsewhere(use: Use) -> str:
    if use.name in ("connectMxp", "connectStream"):
        return "connect to a number here, or connect before the first menu"
    if use.name == "runMenu":
        return "ask while the call is still to be set up; a call in progress takes no menu"
    return "do it in a state that comes before or after this one"
