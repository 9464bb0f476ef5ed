"""The journal: one row per turn, already redacted, from which a call can be told and played again."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

import orjson

from flowengine.engine.library import Library
from flowengine.engine.outcome import Effect, Outcome
from flowengine.heard import as_told
from flowengine.redact import redact, redact_bytes, redact_typed
from flowengine.stores.base import JournalRow

if TYPE_CHECKING:
    from flowengine.turns import Attempt, Result


def journal_row(library: Library, attempt: Attempt[Any], result: Result) -> JournalRow:
    """The row of a turn that has just been run."""
    session, outcome, recorded = attempt.session, result.outcome, attempt.world.recorded
    told: dict[str, Any] = {"ms": round((monotonic() - attempt.began) * 1000, 3)}
    digest = library.digest
    sensitive = _sensitive(library, session, result) if library.hides else ()
    if session.frames:
        told["root"] = session.frames[0]["flow"]
    if attempt.heard is not None:
        told["heard"] = as_told(library, attempt.heard, result, sensitive)
    if outcome is not None:
        _tell(library, outcome, sensitive, told)
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


def _sensitive(library: Library, session: Any, result: Result) -> Sequence[str]:
    """What was sensitive before the turn and what has become so: a flow that begins forgets what another one knew."""
    now = library.hidden(session) if result.outcome is None else result.outcome.sensitive
    return list(dict.fromkeys([*result.hidden, *now]))


def _tell(library: Library, outcome: Outcome, sensitive: Sequence[str], told: dict[str, Any]) -> None:
    """What the turn went through and what follows from it."""
    told["path"] = outcome.path
    if outcome.because:
        told["because"] = outcome.because
    if outcome.changes:
        told["changes"] = _changes(library, outcome, sensitive)
    if outcome.effects:
        told["effects"] = [each.kind for each in outcome.effects]
        if said := _said(outcome.effects):
            told["said"] = [redact_typed(each, sensitive, library.digest) for each in said]
    if outcome.notes:
        told["notes"] = redact(outcome.notes, sensitive, library.digest)


def _said(effects: Sequence[Effect]) -> list[str]:
    """The words of the messages that are to be sent; of one without words, what it is instead."""
    contents = [each.payload["content"] for each in effects if each.kind == "send"]
    return [str(each.get("text") or f"({next(iter(each), '')})") for each in contents]


def _changes(library: Library, outcome: Outcome, sensitive: Sequence[str]) -> Any:
    # A subflow that has ended, or begun, may have had the variable.
    hidden = {name for each in library.programs.values() for name in each.sensitive} if library.hides else ()
    shown = {name: "****" if name in hidden else value for name, value in outcome.changes.items()}
    return redact(shown, sensitive, library.digest)
