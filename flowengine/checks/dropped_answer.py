"""
A caller keys in digits, somebody answers or chooses, and nothing keeps, reads or follows it: the question is asked in
vain.

```yaml wrong
flow: wrong
channel: voice
start: ask
states:
  ask:
    collect: { prompt: Please enter your account number., digits: 6 }
    on: { digits: thanks, timeout: thanks, invalidinput: thanks }
  thanks: { say: Thank you., next: end }
```
```yaml right
flow: right
channel: voice
start: ask
variables: { account: { type: digits } }
states:
  ask:
    collect: { prompt: Please enter your account number., digits: 6, into: account }
    on: { digits: thanks, timeout: bye, invalidinput: bye }
  thanks: { say: "Thank you. I heard {{ account | spell }}.", next: end }
  bye: { say: Goodbye., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.texts import texts
from flowengine.grammar import Reference
from flowengine.graph import Way
from flowengine.model import State
from flowengine.problems import Problem, Severity

SEVERITY: Severity = "warning"
_SAID = tuple((name,) for name in ("text", "choice", "media", "location", "kind"))


def check(view: View) -> Iterator[Problem]:
    if any(_reads_answer(name) for _, each in texts(view) for name in each.names):
        return
    for state in view.flow.states.values():
        message = _forgotten(view, state)
        if message:
            fix = "add into: and the name of a variable"
            yield problem(
                view, "dropped-answer", state.kind_mark, message, severity=SEVERITY, fix=fix, state=state.name
            )


def _reads_answer(name: Reference) -> bool:
    return name.path in (("menu", "value"), ("menu", "input")) or (name.root == "message" and name.path[1:] in _SAID)


def _forgotten(view: View, state: State) -> str:
    config = state.config
    if not config or config.get("into") or state.kind not in ("collect", "menu", "ask"):
        return ""
    if state.kind == "collect":
        return "the digits are collected and then forgotten"
    ways = [way for way in view.all_ways[state.name] if way.outcome is not None]
    if state.kind == "ask" and (config["expect"] or config.get("each")):
        passed_on = _passed_on(view, [way for way in ways if way.event == "answer"])
        return "" if passed_on else "the answer is taken and then forgotten"
    if state.kind == "menu" and config["template"] == "language":
        return ""
    choices = [way for way in ways if way.outcome and way.outcome.choice and not way.outcome.wide]
    return _alike(choices) if choices and not _passed_on(view, choices) else ""


def _alike(choices: list[Way]) -> str:
    goals = {(way.target, way.via, bool(way.branch and way.branch.do)) for way in choices}
    together = len(goals) == 1 and choices[0].via in ("else", "chosen", "answer")
    if together and len({way.event for way in choices}) > 1:
        return "whatever is chosen leads to the same place, and the choice is forgotten"
    return ""


def _passed_on(view: View, ways: list[Way]) -> bool:
    """Whether a person takes over next, who reads what was written."""
    targets = [view.flow.states.get(way.target) for way in ways]
    return bool(targets) and all(each is not None and each.kind == "handover" for each in targets)
