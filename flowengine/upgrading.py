"""What would become of those who stand in flows that are about to be replaced, if they did not keep their own.

They do keep them: a session runs on the flows it began with until it ends. What is told here matters to who wants to
give that up (another store, an emptied one), and to who wonders how long old flows will be played.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flowengine.build import BadArtefact, read_artefact
from flowengine.engine.session import Session
from flowengine.problems import listed
from flowengine.standing import Place, standing
from flowengine.stores.base import Store

Flows = Mapping[str, Mapping[str, Any]]
"""The images of flows by name."""


@dataclass(frozen=True, slots=True)
class Affected:
    """So many ``sessions`` stand at a place that the new flows lack or change; ``changes`` are sentences."""

    place: Place
    changes: tuple[str, ...]
    sessions: int


@dataclass(slots=True)
class Upgrade:
    """The live sessions of one revision. ``oldest`` is when the first began (Unix seconds, UTC).

    ``kept``: its flows are in the store; where they are not, its sessions go on with those that are served.
    """

    revision: str
    live: int = 0
    oldest: float = 0.0
    kept: bool = True
    affected: list[Affected] = field(default_factory=list)

    @property
    def touched(self) -> int:
        return sum(each.sessions for each in self.affected)


def upgrades(store: Store, new: Flows, revision: str) -> list[Upgrade]:
    """Of every revision but the new one that live sessions run on, the longest served first."""
    known = sorted(store.revisions(), key=lambda each: each.kept)
    found = (_upgrade(store, each.hash, new) for each in known if each.live and each.hash != revision)
    return [each for each in found if each.live]


def _upgrade(store: Store, revision: str, new: Flows) -> Upgrade:
    old = _kept(store, revision)
    told = Upgrade(revision, kept=old is not None)
    groups: dict[tuple[Place, tuple[str, ...]], int] = {}
    for session in standing(store, revision):
        told.live += 1
        told.oldest = min(told.oldest or session.started, session.started)
        for place, changes in _changes(session, old or {}, new):
            groups[place, changes] = groups.get((place, changes), 0) + 1
    told.affected = [Affected(*key, count) for key, count in sorted(groups.items())]
    return told


def _kept(store: Store, revision: str) -> Flows | None:
    data = store.artefact(revision)
    try:
        artefact, _ = read_artefact(data or b"")
    except BadArtefact:
        return None
    flows: Flows = artefact["flows"]
    return flows


def _changes(session: Session, old: Flows, new: Flows) -> Iterator[tuple[Place, tuple[str, ...]]]:
    """Where the session stands, if anything is other there; told once, by the innermost flow it concerns."""
    stands = [(session.flow, session.place, session.vars)]
    stands += [(each["flow"], each["state"], each["vars"]) for each in reversed(session.frames)]
    for flow, state, variables in stands:
        if changes := tuple(differences(old.get(flow), new.get(flow), state, variables)):
            yield Place(flow, state), changes
            return


def differences(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, state: str, variables: Mapping[str, Any]
) -> Iterator[str]:
    """What is other for who stands in ``state`` of a flow with these variables; ``old`` is None where nobody knows."""
    if new is None:
        yield "the flow is gone"
        return
    if old is not None and old["channel"] != new["channel"]:
        yield f"the flow was made of {_made_of(old)} and is made of {_made_of(new)}"
        return
    if state and state not in new["states"]:
        yield "the state is gone"
    elif state and old is not None and state in old["states"]:
        yield from _of_state(old["states"][state], new["states"][state])
    yield from _of_variables(old, new, variables)


def _made_of(flow: Mapping[str, Any]) -> str:
    return "messages" if flow["channel"] == "message" else "calls"


def _of_state(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    was, now = old.get("kind", ""), new.get("kind", "")
    if was != now:
        yield f"the state was {_a(was)} and is {_a(now)}"
        return
    before, after = _choices(old), _choices(new)
    if gone := [each for each in before if each not in after]:
        yield f"{_named('choice', gone)} {'is' if len(gone) == 1 else 'are'} gone"
    for name in before:
        if name in after and before[name] != after[name]:
            yield f'the choice "{name}" was key {before[name]} and is key {after[name]}'


def _choices(state: Mapping[str, Any]) -> dict[str, str]:
    """What can be answered, each with its key on a phone; in a chat there is none."""
    found = state.get("op", {}).get("choices") or {}
    if isinstance(found, Mapping):
        return {str(name): str(key) for name, key in found.items()}
    return {str(each["value"]): "" for each in found if isinstance(each, Mapping) and "value" in each}


def _of_variables(old: Mapping[str, Any] | None, new: Mapping[str, Any], variables: Mapping[str, Any]) -> Iterator[str]:
    declared = {**new["inputs"], **new["variables"]}
    if gone := sorted(name for name in variables if name not in declared):
        yield f"{_named('variable', gone)}, which {'has' if len(gone) == 1 else 'have'} a value, is no longer declared"
    before = {**old["inputs"], **old["variables"]} if old is not None else {}
    for name in sorted(variables):
        if name in before and name in declared and before[name]["type"] != declared[name]["type"]:
            yield f'the variable "{name}" was {before[name]["type"]} and is {declared[name]["type"]}'


def _a(kind: str) -> str:
    if not kind:
        return "one without a kind"
    return f"{'an' if kind[0] in 'aeio' else 'a'} {kind}"


def _named(noun: str, names: list[str]) -> str:
    shown = listed([f'"{each}"' for each in names], "and")
    return f"the {noun}{'' if len(names) == 1 else 's'} {shown}"
