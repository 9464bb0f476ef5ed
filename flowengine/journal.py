"""The journal: one row per turn, already redacted, from which a call can be told and played again."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Any

import orjson

from flowengine.engine.library import Library
from flowengine.engine.outcome import Outcome
from flowengine.engine.session import Session
from flowengine.engine.world import World
from flowengine.redact import redact, redact_bytes
from flowengine.stores.base import JournalRow


def journal_row(
    library: Library,
    session: Session,
    event: str,
    source: str,
    outcome: Outcome | None,
    body: bytes,
    now: float,
    began: float,
    world: World,
    incident: str = "",
    hidden: Sequence[str] = (),
) -> JournalRow:
    """The row of a turn that ``began`` then on the monotonic clock; ``hidden``: what a broken one must not show."""
    told: dict[str, Any] = {"ms": round((monotonic() - began) * 1000, 3)}
    sensitive = hidden
    digest = library.digest
    if outcome is not None:
        sensitive = outcome.sensitive
        told["path"] = outcome.path
        if outcome.because:
            told["because"] = outcome.because
        if outcome.changes:
            told["changes"] = _changes(library, session, outcome)
        if outcome.effects:
            told["effects"] = [each.kind for each in outcome.effects]
        if outcome.notes:
            told["notes"] = redact(outcome.notes, sensitive, digest)
    if world.recorded:
        told["recorded"] = redact(world.recorded, sensitive, digest)
    if incident:
        told["incident"] = incident
    if body:
        plain = outcome is not None and not outcome.digits and not sensitive
        told["answer"] = orjson.Fragment(body if plain else redact_bytes(body, sensitive, digest))
    return JournalRow(session.n, now, session.flow, event, source, session.place, library.revision, orjson.dumps(told))


def _changes(library: Library, session: Session, outcome: Outcome) -> Any:
    program = library.programs.get(session.flow)
    hidden = program.sensitive if program is not None else frozenset()
    shown = {name: "****" if name in hidden else value for name, value in outcome.changes.items()}
    return redact(shown, outcome.sensitive, library.digest)
