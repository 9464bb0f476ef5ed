"""
A call would go to an address that `may_dial` does not name. Nothing else is ever dialled, so the caller would hear
the apology.

```yaml wrong
flow: wrong
channel: voice
start: sales
may_dial: { sales: { number: "+12025550111" } }
states:
  sales: { connect: { to: sale } }
```
```yaml right
flow: right
channel: voice
start: sales
may_dial: { sales: { number: "+12025550111" } }
states:
  sales: { connect: { to: sales } }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.places import setting
from flowengine.model import Address, Source, State
from flowengine.numbers import may_be_called
from flowengine.patterns import BadPattern, compile_pattern
from flowengine.problems import Problem, did_you_mean
from flowengine.states.bridge import ACTION_OF, unknown_address

SEVERITY = "error"
CHANNELS = ("voice",)


def check(view: View) -> Iterator[Problem]:
    for state in view.flow.states.values():
        if state.kind in ("connect", "dial"):
            told = unknown_address(state, view.flow)
            if told:
                where = setting(view, state, "to", state.config["to"])
                fix = "" if "did you mean" in told else f"add {state.config['to']} to may_dial"
                yield problem(view, "may-dial", where, told, fix=fix, state=state.name)
        elif state.kind == "svaml":
            yield from _raw(view, state)


def _raw(view: View, state: State) -> Iterator[Problem]:
    action = state.config["action"]
    kind = {name: kind for kind, name in ACTION_OF.items()}.get(action["name"])
    source = action.get("number") if kind == "number" else (action.get("destination") or {}).get("endpoint")
    if kind is None or not isinstance(source, Source) or source.dynamic:
        return
    entries = [each for each in view.flow.may_dial.values() if each.kind == kind]
    if any(_allows(entry, source.text) for entry in entries):
        return
    known = [each.address.text for each in entries if not each.address.dynamic]
    message = f'may_dial has no {kind} "{source.text}"{did_you_mean(source.text, known)}'
    yield problem(view, "may-dial", source.mark, message, fix="add it to may_dial", state=state.name)


def _allows(entry: Address, address: str) -> bool:
    if not entry.address.dynamic:
        return entry.address.text == address
    if entry.matches and not _matches(entry.matches, address):
        return False
    if entry.kind != "number":
        return bool(entry.matches)
    return may_be_called(address, entry.countries)


def _matches(pattern: str, address: str) -> bool:
    try:
        return compile_pattern(pattern).matches(address)
    except BadPattern:
        return True
