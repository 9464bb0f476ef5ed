"""
A state can end in an outcome that leads nowhere: there is no handler, no state of its name, no `else` and no
default. Whoever comes that way hears an apology and is cut off.

```yaml wrong
flow: wrong
channel: voice
start: main
states:
  main:
    menu: { prompt: "For sales press 1, for support press 2.", choices: { sales: 1, support: 2 } }
  sales: { say: Nobody is in today., next: end }
```
```yaml right
flow: right
channel: voice
start: main
states:
  main:
    menu: { prompt: "For sales press 1, for support press 2.", choices: { sales: 1, support: 2 } }
  sales: { say: Nobody is in today., next: end }
  support: { say: Please look at our web site., next: end }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from flowengine.checks.base import View, problem
from flowengine.checks.lookup import apology, on_mark, positions, taken_by_players, title
from flowengine.document import Map, read
from flowengine.graph import unhandled
from flowengine.instructions import INSTRUCTIONS
from flowengine.loader import STATE_KEYS
from flowengine.model import VERDICTS, State
from flowengine.positions import analysis
from flowengine.problems import Mark, Problem
from flowengine.states import Outcome

SEVERITY = "error"


def check(view: View) -> Iterator[Problem]:
    for state in view.flow.states.values():
        if not state.kind:
            yield from _no_kind(view, state)
            continue
        yield from _routes(view, state)
        for outcome in unhandled(state, view.flow, view.book):
            if not _told_elsewhere(state, outcome) and _can_come(view, state, outcome):
                yield _problem(view, state, outcome)


def _told_elsewhere(state: State, outcome: Outcome) -> bool:
    return state.kind == "dial" and outcome.name in (*VERDICTS, "answered")


def _can_come(view: View, state: State, outcome: Outcome) -> bool:
    if taken_by_players(view, outcome.name):
        return False
    callee = view.book.flows.get(state.config["flow"]) if state.kind == "subflow" else None
    stands = positions(view).get(state.name)
    if callee is None or not stands:
        return True
    summaries = [analysis(callee, position, view.book) for position in stands]
    done = outcome.name == "done" and any(each.ends for each in summaries)
    return done or any(each.returns.get(outcome.name) for each in summaries)


def _problem(view: View, state: State, outcome: Outcome) -> Problem:
    name = outcome.name
    also = f'add a state "{name}", or ' if outcome.choice else ""
    return problem(
        view,
        "no-way-on",
        _mark(view, state, outcome),
        f"{title(state)} can end in {name}, but nothing says where that goes",
        notes=[_heard(view, outcome)],
        fix=f'{also}add "{name}: …" to its on',
        state=state.name,
        outcome=name,
    )


def _heard(view: View, outcome: Outcome) -> str:
    if view.flow.channel == "message":
        return f"{f'whoever chooses {outcome.label}' if outcome.label else 'the contact'} would get an apology"
    who = f"a caller who presses {outcome.label}" if outcome.label else "a caller who comes this way"
    return f"{who} would hear an apology and be cut off"


def _mark(view: View, state: State, outcome: Outcome) -> Mark:
    if state.kind in ("menu", "wait", "ask"):
        for choice in state.config["choices"] or ():
            if choice.value == outcome.name:
                mark: Mark = choice.mark
                return mark
    return on_mark(view, state)


def _routes(view: View, state: State) -> Iterator[Problem]:
    if state.kind == "route":
        for branch in state.config["branches"] or ():
            if not branch.to:
                message = f'this branch of the route "{state.name}" leads nowhere'
                yield problem(view, "no-way-on", branch.mark, message, fix='add "to: …"', state=state.name)


def _no_kind(view: View, state: State) -> Iterator[Problem]:
    if state.next or state.kind_mark != state.mark or not _plain(view, state):
        return
    message = f'the state "{state.name}" has neither a kind nor next, so the flow stops here'
    notes = [apology(view)]
    fix = 'add "next: end", or the state that follows'
    yield problem(view, "no-way-on", state.mark, message, notes=notes, fix=fix, state=state.name)


def _plain(view: View, state: State) -> bool:
    """Whether all that stands in the state is known: an unknown word may be meant as its kind or next."""
    if "nodes" not in view.cache:
        root = read("\n".join(view.flow.lines).encode(), view.flow.file).root
        view.cache["nodes"] = root.entries.get("states") if root else None
    states = view.cache["nodes"]
    node = states.entries.get(state.name) if isinstance(states, Map) else None
    known = {*INSTRUCTIONS, *STATE_KEYS} - {"next"}
    return not isinstance(node, Map) or known.issuperset(node.entries)
