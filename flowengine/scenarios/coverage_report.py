"""How coverage is told: a line for each flow, what was never tried at its place, and a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import floor
from typing import Any

from flowengine.report import counted, printable
from flowengine.scenarios.coverage import Coverage, Item, What

COLUMNS: dict[str, What] = {
    "states": "state",
    "outcomes": "outcome",
    "choices": "choice",
    "transitions": "transition",
}


def lines(coverage: Coverage) -> list[str]:
    """As text: what was tried of each flow, and then what was not."""
    return [*_table(coverage), *_missing(coverage)]


def sentence(coverage: Coverage, wanted: float | None = None) -> str:
    """``Outcomes covered: 93.9 %, 31 of 33 (wanted 95 %).`` The percentages are rounded down."""
    tested, all_of_them = coverage.share("outcome")
    known = f"Outcomes covered: {_number(coverage.percent())} %, {tested} of {all_of_them}"
    return known + ("." if wanted is None else f" (wanted {_number(wanted)} %).")


def enough(coverage: Coverage, wanted: float) -> bool:
    """Whether the outcomes reach a percentage."""
    return coverage.percent() >= wanted


def as_data(coverage: Coverage, wanted: float | None = None) -> dict[str, Any]:
    """The same facts as JSON data; ``missing`` holds every item that was never tried."""
    whole: dict[str, Any] = {
        "flows": [{"flow": name, **_shares(coverage, name)} for name in coverage.wanted],
        "missing": [_record(each) for each in coverage.missing()],
        **_shares(coverage, None),
    }
    return whole if wanted is None else {**whole, "wanted": wanted, "enough": enough(coverage, wanted)}


def _shares(coverage: Coverage, flow: str | None) -> dict[str, Any]:
    shares = {column: coverage.share(what, flow) for column, what in COLUMNS.items()}
    known: dict[str, Any] = {name: {"tested": tested, "all": most} for name, (tested, most) in shares.items()}
    return {**known, "percent": _floored(coverage.percent(flow))}


def _record(item: Item) -> dict[str, Any]:
    mark = item.mark
    return {
        "what": item.what,
        "flow": item.flow,
        "state": item.state,
        "event": item.event,
        "target": item.target,
        "file": mark.file,
        "line": mark.line,
        "column": mark.column,
        "text": item.text,
    }


def _table(coverage: Coverage) -> Iterator[str]:
    rows = [
        [name, *(f"{column} {_share(coverage, what, name)}" for column, what in COLUMNS.items())]
        for name in coverage.wanted
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _share(coverage: Coverage, what: What, flow: str) -> str:
    tested, all_of_them = coverage.share(what, flow)
    return f"{tested}/{all_of_them}"


def _missing(coverage: Coverage) -> Iterator[str]:
    """A state that was never entered in one line; elsewhere each way that was not taken."""
    missing = coverage.missing()
    unseen = {(each.flow, each.state) for each in missing if each.what == "state"}
    lost = Counter((each.flow, each.state) for each in missing if each.what in ("outcome", "choice"))
    for each in missing:
        place = each.flow, each.state
        if each.what == "state":
            more = f", nor any of its {counted(lost[place], 'outcome')}" if lost[place] > 1 else ""
            yield _line(each, f"{each.text}: never entered{more}")
        elif each.what == "transition" and place not in unseen:
            yield _line(each, each.text)


def _line(item: Item, words: str) -> str:
    return printable(f"{item.mark}  {words}")


def _floored(percent: float) -> float:
    """One digit after the point, and never more than it is: 100 means all."""
    return floor(percent * 10) / 10


def _number(percent: float) -> str:
    return f"{_floored(percent):g}"


__all__: Sequence[str] = ("as_data", "enough", "lines", "sentence")
