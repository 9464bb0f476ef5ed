"""The journal: one row per turn, already redacted, from which a call can be told and played again."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

import orjson

from flowengine.engine.library import Library
from flowengine.engine.outcome import Outcome
from flowengine.redact import redact, redact_bytes
from flowengine.stores.base import JournalRow

if TYPE_CHECKING:
    from flowengine.turns import Attempt, Result


def journal_row(library: Library, attempt: Attempt[Any], result: Result) -> JournalRow:
    """The row of a turn that has just been run."""
    session, outcome, recorded = attempt.session, result.outcome, attempt.world.recorded
    told: dict[str, Any] = {"ms": round((monotonic() - attempt.began) * 1000, 3)}
    sensitive = result.hidden
    digest = library.digest
    if outcome is not None:
        sensitive = outcome.sensitive
        told["path"] = outcome.path
        if outcome.because:
            told["because"] = outcome.because
        if outcome.changes:
            told["changes"] = _changes(library, session.flow, outcome)
        if outcome.effects:
            told["effects"] = [each.kind for each in outcome.effects]
        if outcome.notes:
            told["notes"] = redact(outcome.notes, sensitive, digest)
    if recorded:
        told["recorded"] = redact(recorded, sensitive, digest)
    if result.incident:
        told["incident"] = result.incident
    if result.shown:
        plain = outcome is not None and not outcome.digits and not sensitive
        told["answer"] = orjson.Fragment(result.shown if plain else redact_bytes(result.shown, sensitive, digest))
    return JournalRow(
        session.n, attempt.now, session.flow, result.event, result.source, session.place, library.revision,
        orjson.dumps(told),
    )  # fmt: skip


def _changes(library: Library, flow: str, outcome: Outcome) -> Any:
    program = library.programs.get(flow)
    hidden = program.sensitive if program is not None else frozenset()
    shown = {name: "****" if name in hidden else value for name, value in outcome.changes.items()}
    return redact(shown, outcome.sensitive, library.digest)
