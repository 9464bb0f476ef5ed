"""What a replay came to, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from flowengine.recorded.replaying import Difference, Replayed
from flowengine.recorded.telling import LONGEST, came, moment
from flowengine.report import Paint, counted, printable

_LABEL = 10
_SHOWN = 12


def lines(found: Replayed, paint: Paint) -> Iterator[str]:
    """One call or conversation that differs."""
    first = found.difference
    assert first is not None
    yield f"{paint(found.key[:_SHOWN], 'bold')}  {found.kind} of {found.flow}, {moment(found.at)} UTC"
    way = " -> ".join(each or "end" for each in first.path)
    source = f" at {first.source}" if first.source else ""
    yield f"  turn {first.n}  {_clean(came(first.heard or {}) or first.event)}  ({first.event}{source})"
    if way and first.what != "path":
        yield _row("path", way)
    yield _row(f"{first.what} then", first.then)
    yield _row(f"{first.what} now", first.now, paint, "bold")
    if first.because:
        yield _row("because", first.because)
    yield ""


def _row(label: str, text: str, paint: Paint | None = None, *style: str) -> str:
    shown = _clean(text)
    return f"    {label.ljust(_LABEL + 4)}{paint(shown, *style) if paint is not None else shown}"


def _clean(text: str) -> str:
    text = printable(text)
    return text if len(text) <= 2 * LONGEST else f"{text[: 2 * LONGEST]}…"


def sentence(found: Sequence[Replayed], seconds: float) -> str:
    """``497 calls the same, 3 differ; 2 skipped: … (1.2 s).``"""
    played = [each for each in found if not each.skipped]
    differ = sum(each.difference is not None for each in played)
    why = Counter(each.skipped for each in found if each.skipped)
    skipped = "".join(f"; {count} skipped: {reason}" for reason, count in sorted(why.items()))
    same = counted(len(played) - differ, noun(played))
    return f"{same} the same, {differ} {'differs' if differ == 1 else 'differ'}{skipped} ({seconds:.2f} s)."


def noun(found: Sequence[Replayed]) -> str:
    kinds = {each.kind for each in found}
    return kinds.pop() if len(kinds) == 1 else "session"


def as_data(found: Sequence[Replayed], seconds: float) -> dict[str, Any]:
    """All of it as JSON has it; those that are the same are only counted."""
    played = [each for each in found if not each.skipped]
    differ = [each for each in played if each.difference is not None]
    return {
        "same": len(played) - len(differ),
        "differ": [_record(each, each.difference) for each in differ],
        "skipped": dict(Counter(each.skipped for each in found if each.skipped)),
        "seconds": round(seconds, 3),
    }


def _record(each: Replayed, difference: Difference | None) -> dict[str, Any]:
    told = asdict(difference) if difference is not None else {}
    return {"session": each.key, "kind": each.kind, "flow": each.flow, "turns": each.turns, "first": told}
