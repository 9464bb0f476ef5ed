"""
The branch for an answering machine speaks at once. With `amd: sync` the verdict often comes while the machine's
greeting is still playing, so the beginning of the message is not recorded: pause 2 seconds or more first, or use
`amd: async` and wait for `beep`.

```yaml wrong
flow: wrong
channel: voice
triggers: [ { start: api } ]
start: ring
cli: "+12025550100"
may_dial: { office: { number: "+12025550111" } }
states:
  ring:
    dial: { to: office, amd: sync }
    on: { human: hello, machine: message, disconnected: end }
  hello: { say: This is a reminder., next: end }
  message: { say: Please call us back., next: end }
```
```yaml right
flow: right
channel: voice
triggers: [ { start: api } ]
start: ring
cli: "+12025550100"
may_dial: { office: { number: "+12025550111" } }
states:
  ring:
    dial: { to: office, amd: sync }
    on: { human: hello, machine: message, disconnected: end }
  hello: { say: This is a reminder., next: end }
  message: { say: [ { pause: 3s }, Please call us back. ], next: end }
```
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.runs import onward, successors_first
from flowengine.checks.texts import asked, heard
from flowengine.graph import Way
from flowengine.model import Part, Prompt
from flowengine.problems import Problem, Severity

SEVERITY: Severity = "warning"
CHANNELS = ("voice",)
ENOUGH = 2.0
SILENT = float("inf")
_BREAK = re.compile(r'\s*(?:<speak[^>]*>\s*)?<break\s+time\s*=\s*["\']([0-9.]+)(ms|s)["\']')
_Lead = tuple[float, bool]


def check(view: View) -> Iterator[Problem]:
    machines = [way for ways in view.all_ways.values() for way in ways if _is_machine(view, way)]
    if not machines:
        return
    leads = _leads(view)
    for way in machines:
        lead = _then(_lead(heard(way.branch.do)) if way.branch else (0.0, False), leads.get(way.target, (0.0, False)))
        if lead[1] and lead[0] < ENOUGH:
            after = f"after {lead[0]:g} s" if lead[0] else "at once"
            message = f"the branch for an answering machine speaks {after}, when its greeting may still play"
            fix = "begin with { pause: 3s }, or use amd: async and the event beep"
            yield problem(
                view, "amd-greeting", way.mark, message, severity=SEVERITY, fix=fix, state=way.source, outcome="machine"
            )


def _is_machine(view: View, way: Way) -> bool:
    state = view.flow.states[way.source]
    return way.event == "machine" and state.kind in ("connect", "dial") and state.config.get("amd") == "sync"


def _leads(view: View) -> dict[str, _Lead]:
    """For every state the silence before its run first speaks, and whether it speaks."""
    found: dict[str, _Lead] = {}
    ways = onward(view)
    for name in successors_first(view):
        own = _lead([*heard(view.flow.states[name].do), *asked(view, name)])
        onwards = [_along(way, own, found) for way in ways[name]]
        found[name] = min(onwards, key=_earliness) if onwards else own
    return found


def _along(way: Way, own: _Lead, found: dict[str, _Lead]) -> _Lead:
    said = _lead(heard(way.branch.do)) if way.branch else (0.0, False)
    rest = _then(said, found.get(way.target, (0.0, False)))
    return rest if way.via == "visits" else _then(own, rest)


def _earliness(lead: _Lead) -> float:
    return lead[0] if lead[1] else SILENT


def _then(first: _Lead, second: _Lead) -> _Lead:
    return first if first[1] else (first[0] + second[0], second[1])


def _lead(prompts: Iterable[Prompt]) -> _Lead:
    silence = 0.0
    for prompt in prompts:
        for part in next(iter(prompt.wording.values()), ()):
            if part.kind != "pause":
                return silence + _break(part), True
            silence += float(part.source.text)
    return silence, False


def _break(part: Part) -> float:
    """The silence with which markup begins."""
    found = _BREAK.match(part.source.text) if part.kind == "ssml" else None
    if found is None:
        return 0.0
    try:
        return float(found[1]) * (0.001 if found[2] == "ms" else 1.0)
    except ValueError:
        return 0.0
