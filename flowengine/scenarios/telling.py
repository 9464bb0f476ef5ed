"""A scenario that failed, told as the conversation it was: what happened, what was expected, what came, and because."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import orjson

from flowengine.graph import Book
from flowengine.problems import Mark
from flowengine.report import Paint, printable
from flowengine.scenarios import phrases
from flowengine.scenarios.asked import asked as with_body
from flowengine.scenarios.phrases import of_seen, of_step
from flowengine.scenarios.running import Act, Failure, Played
from flowengine.scenarios.steps import Step
from flowengine.simulator import Seen
from flowengine.stage import Turned

COLUMN = 40
WIDE = 58


def conversation(played: Played, book: Book, paint: Paint) -> str:
    """The failing conversation with where it failed."""
    scenario, failure = played.scenario, played.failure
    name = printable(f"{scenario.flow}: {scenario.name}").ljust(WIDE)
    head = f"{paint('FAIL', 'bold', 'red')} {paint(name, 'bold')}  {_place(scenario.mark, paint)}"
    lines = [head, "", *transcript(played, book, paint)]
    if failure is not None:
        lines += _failure(failure, paint)
    return "\n".join(lines)


def transcript(played: Played, book: Book, paint: Paint) -> list[str]:
    """The conversation alone."""
    return [line for number, act in enumerate(played.acts, 1) for line in _act(number, act, played, book, paint)]


def _act(number: int, act: Act, played: Played, book: Book, paint: Paint) -> Iterator[str]:
    said = printable(f"{number:>3} {_said(act, book)}")
    yield _beside(said, paint(_aside(number, act, played, book), "dim"))
    bodies = played.failure is not None and _is_of_body(played.failure.step) and act is played.acts[-1]
    for seen in act.seen:
        yield from _seen(seen, paint, played.hidden if bodies else None)


def _is_of_body(step: Step | None) -> bool:
    return step is not None and step.word == "requests" and "json" in step.value


def _aside(number: int, act: Act, played: Played, book: Book) -> str:
    """When the play begins, then which states each act went through."""
    if number == 1:
        return moment(act.at, book, played.scenario.flow)
    ways = [_way(turn, played.scenario.flow) for turn in act.turns]
    return "  ".join(dict.fromkeys(filter(None, ways)))


def _way(turn: Turned, flow: str) -> str:
    """A way in a flow that was begun by another one says in which."""
    went = way(turn)
    return f"{turn.flow}: {went}" if went and turn.flow != flow else went


def way(turn: Turned) -> str:
    """``main -> ask_pin``: where a turn began and all that it went through."""
    states = [turn.source] if turn.source and turn.source not in turn.path[:1] else []
    return " -> ".join([*states, *turn.path])


def moment(at: float, book: Book, flow: str) -> str:
    """``Tue 24 Nov 2026 10:00 Europe/Stockholm``: in the time zone that the flow names, else UTC."""
    return phrases.moment(at, book.flows[flow])


def _said(act: Act, book: Book) -> str:
    step = act.step
    if step.word == "presses" and _is_sensitive(act, book):
        return of_step(Step(step.word, "*" * len(step.value)))
    return of_step(step)


def _is_sensitive(act: Act, book: Book) -> bool:
    """Whether what was entered here must not be shown."""
    for flow in book.flows.values():
        state = flow.states.get(act.place)
        into = (state.config or {}).get("into") if state is not None else None
        if into in flow.names() and flow.names()[into].sensitive:
            return True
    return False


def _seen(seen: Seen, paint: Paint, hidden: Collection[str] | None) -> Iterator[str]:
    """``hidden``: bodies of requests are shown without these texts; None: they are not shown."""
    if seen.kind == "requests":
        method, _, url = (seen.text if hidden is None else with_body(seen, hidden)).partition(" ")
        asked = f"    {'http':<9}{method} {url.partition('://')[2] or url}"
        yield _beside(printable(asked), paint(f"stub: {_answered(seen)}", "dim"), 45)
        return
    phrase = printable(of_seen(seen))
    kind, _, rest = phrase.partition(" ")
    yield f"    {kind:<8} {rest}" if seen.kind in ("hears", "reads", "sends") else f"    {phrase}"


def _answered(seen: Seen) -> str:
    response = seen.more.response
    if response.failure:
        return "never" if response.failure == "timeout" else response.failure
    data = "" if response.data in (None, "") else f" {orjson.dumps(response.data, default=str).decode()}"
    return printable(f"{response.status}{data}"[:200])


def _failure(failure: Failure, paint: Paint) -> Iterator[str]:
    acts = failure.step is not None and failure.step.acts
    word, then = ("stopped at", "because") if acts else ("expected", "but")
    left = printable(f"{word} {failure.expected}").ljust(COLUMN - 4)
    yield f"  > {paint(word, 'red')}{left.removeprefix(word)}  {_place(failure.mark, paint)}"
    yield f"    {then:<9}{printable(failure.but)}"
    if failure.because:
        yield f"    because  {printable(failure.because)}"


def _place(mark: Mark, paint: Paint) -> str:
    return paint(f"{mark.file}:{mark.line}", "yellow")


def _beside(left: str, right: str, column: int = COLUMN) -> str:
    return f"{left:<{column}}  {right}".rstrip() if right else left
