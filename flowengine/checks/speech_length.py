"""
More speech than one answer may hold: 600 characters in one prompt of a menu, 1,000 in all, 64 prompts. The platform
refuses the answer or cuts it off, and nobody listens that long anyway.

```yaml wrong
flow: wrong
channel: voice
start: terms
states:
  terms:
    do:
      - say: >-
          These are our terms of service. We keep the number that you call from for thirty days, and the keys that you
          press for one day. We do not record this call unless you leave a message. A message is kept until one of us
          has heard it, and for seven days after that. You may ask at any time for what we hold, by writing to us or
          by calling this line.
      - say: >-
          Our prices are those of the day on which you order. They hold for fourteen days, include all taxes, and do
          not include delivery, which depends on where you live and how much you buy. Orders above two hundred are
          delivered free of charge. You may send back within thirty days whatever you have not used, and you get your
          money back on the way on which you paid it, within five working days of the day on which the parcel reaches
          us.
      - say: >-
          Complaints are answered within two working days. If we cannot agree, you may turn to the board of consumers,
          whose decisions we follow. The law of the country in which you live applies to all of this. If you do not
          agree, please hang up now; if you stay on the line, we take it that you have heard and understood it all.
    next: end
```
```yaml right
flow: right
channel: voice
start: terms
states:
  terms: { say: Our terms of service are on our web site. Goodbye., next: end }
```
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import ceil

from flowengine.checks.base import View, problem
from flowengine.checks.runs import beginnings, longest, onward
from flowengine.checks.texts import asked, constant_length, heard, texts, wordings
from flowengine.graph import Way
from flowengine.model import Instruction, Part, Prompt, State
from flowengine.problems import Mark, Problem, Severity
from flowengine.svaml import MAX_PROMPTS, MAX_SPEECH

SEVERITY: Severity = "warning"
CHANNELS = ("voice",)
MAX_TOTAL = 1000
Count = Callable[[View, Part], int]
_NOTE = "what variables hold comes on top of that"


def check(view: View) -> Iterator[Problem]:
    yield from _menus(view)
    for limit, unit, measure, severity in _MEASURES:
        yield from _runs(view, _Measure(view, measure), limit, unit, severity)


def _menus(view: View) -> Iterator[Problem]:
    for written, _ in texts(view):
        if written.role == "prompt" and written.when == "kind":
            length = constant_length(view, written.source)
            if length > MAX_SPEECH:
                message = f"this prompt has {length:,} characters; one may have {MAX_SPEECH}"
                where = Mark(written.source.mark.file, written.source.mark.line, written.source.mark.column)
                fix = "shorten it, or say the first part in the state before"
                yield problem(view, "speech-length", where, message, fix=fix, state=written.state)


def _characters(view: View, part: Part) -> int:
    return constant_length(view, part.source) if part.kind == "say" else 0


def _prompts(view: View, part: Part) -> int:
    return max(1, ceil(constant_length(view, part.source) / MAX_SPEECH)) if part.kind == "say" else 1


_MEASURES: tuple[tuple[int, str, Count, Severity], ...] = (
    (MAX_TOTAL, "characters of speech", _characters, "warning"),
    (MAX_PROMPTS, "prompts", _prompts, "error"),
)


class _Measure:
    """How much of one kind is heard in a state and along a way."""

    def __init__(self, view: View, measure: Count) -> None:
        self.view, self.measure = view, measure

    def own(self, state: State) -> float:
        return self.of(state.do) + self._longest(asked(self.view, state.name))

    def along(self, way: Way) -> float:
        return self.of(way.branch.do) if way.branch else 0

    def of(self, do: Iterable[Instruction]) -> float:
        return self._longest(list(heard(do)))

    def _longest(self, prompts: list[Prompt]) -> float:
        if not prompts:
            return 0
        every = wordings(prompts, self.view.flow)
        return float(max(sum(self.measure(self.view, part) for part in parts) for parts in every))


def _runs(view: View, measure: _Measure, limit: int, unit: str, severity: Severity) -> Iterator[Problem]:
    found = longest(view, measure.own, measure.along)
    ways = onward(view)
    for name, total in found.total.items():
        rest = [found.total.get(way.target, 0) for way in ways[name]]
        if total > limit >= max(rest, default=0):
            yield _problem(view, view.flow.states[name].mark, total, unit, limit, found.path(name), severity)
    for way in beginnings(view):
        total = measure.along(way) + found.total[way.target]
        if total > limit >= found.total[way.target]:
            yield _problem(view, way.mark, total, unit, limit, [way.source, *found.path(way.target)], severity)


def _problem(
    view: View, mark: Mark, total: float, unit: str, limit: int, path: list[str], severity: Severity
) -> Problem:
    run = f" on the run {' > '.join(path)}" if len(path) > 1 else ""
    message = f"one answer may hold {total:,.0f} {unit}{run}; at most {limit:,} are safe"
    if severity == "error":
        message = f"one answer may hold {total:,.0f} {unit}{run}; the platform takes {limit:,}"
    notes = [_NOTE] if limit == MAX_TOTAL else []
    fix = "shorten it, or ask for a key in between"
    return problem(view, "speech-length", mark, message, severity=severity, notes=notes, fix=fix, state=path[0])
