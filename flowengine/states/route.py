"""
```yaml
by_tier:
  route: [ { when: 'tier == "gold"', to: gold }, { else: support } ]
```
Takes the first branch whose condition is true. The last one is `{else: state}`.
"""

from __future__ import annotations

from typing import Any

from flowengine.fields import Custom, Field, Record
from flowengine.lowering import lower_branch
from flowengine.model import Branch, Flow, State
from flowengine.states.base import Kind, Outcome
from flowengine.states.branches import BRANCHES_SCHEMA, read_branches


class Route(Kind):
    name = "route"
    glyph = "◊"
    family = "decide"
    channels = ("voice", "message")
    fields = Record(
        (
            Field(
                "branches",
                Custom(read_branches, BRANCHES_SCHEMA, "a list of {when, to} ending in {else}"),
                "",
                True,
            ),
        ),
        "route",
        "branches",
    )

    def outcomes(self, state: State, flow: Flow) -> tuple[Outcome, ...]:
        return ()

    def targets(self, state: State) -> tuple[str, ...]:
        branches: tuple[Branch, ...] = state.config["branches"] or ()
        return tuple(branch.to for branch in branches)

    def lower(self, state: State, flow: Flow) -> dict[str, Any]:
        return {"branches": [lower_branch(branch) for branch in state.config["branches"]]}

    def summary(self, state: State, flow: Flow) -> str:
        branches: tuple[Branch, ...] = state.config["branches"] or ()
        return "\n".join(branch.when.text if branch.when else "else" for branch in branches)
