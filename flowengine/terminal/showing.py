"""What is observed, as the lines that a terminal shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from flowengine.engine.trail import Decided
from flowengine.fetch import Request
from flowengine.graph import Book
from flowengine.report import Paint, printable
from flowengine.scenarios.asked import masked
from flowengine.scenarios.because import shown
from flowengine.scenarios.telling import way
from flowengine.simulator import Phone, Seen
from flowengine.stage import Asked, Turned
from flowengine.svaml import chosen

_WORDS = {
    "hears": "hears",
    "reads": "reads",
    "connects": "connects",
    "rings": "rings",
    "joins": "joins",
    "parks": "is held",
    "records": "is recorded",
    "stops": "is no longer recorded",
    "tones": "tones",
    "requests": "http",
    "sends": "sends",
    "ends": "ends",
}
_WIDTH = 9
_LONGEST = 400


def seen_lines(
    seen: Seen, paint: Paint, hidden: Iterable[str] = (), choices: Mapping[str, str] | None = None
) -> Iterator[str]:
    """One observed thing: its word, what was said, and below it what can be pressed or tapped.

    ``choices`` are the names of what the keys of a menu choose, where they are known.
    """
    word = _WORDS[seen.kind]
    first, *rest = _said(seen, hidden) or [""]
    yield f"  {paint(word.ljust(_WIDTH - 1), 'cyan')} {first}".rstrip()
    for each in rest:
        yield f"  {'':<{_WIDTH}}{each}".rstrip()
    for each in _to_press(seen, paint, choices or {}) if seen.kind == "hears" else _to_tap(seen, paint):
        yield f"  {'':<{_WIDTH}}{each}"


def _said(seen: Seen, hidden: Iterable[str]) -> list[str]:
    if seen.kind in ("connects", "rings"):
        return [printable(f"to {seen.name} ({seen.text})" if seen.name and seen.name != seen.text else seen.text)]
    if seen.kind == "requests":
        asked = request_line(seen.more.request, hidden) if isinstance(seen.more, Asked) else seen.text
        return [printable(f"{asked} -> {_answered(seen.more)}" if isinstance(seen.more, Asked) else asked)]
    lines = [printable(each) for each in seen.text.splitlines()]
    if seen.kind == "sends" and seen.name:
        return [f"to +{seen.name.removeprefix('+')}", *lines]
    return lines


def _to_press(seen: Seen, paint: Paint, choices: Mapping[str, str]) -> Iterator[str]:
    """``1 sales   2 service``, or how many keys are collected."""
    entry: Mapping[str, Any] = seen.more if seen.asks and isinstance(seen.more, Mapping) else {}
    keys = {each["dtmf"]: chosen(each["action"])[1] for each in entry.get("options") or ()}
    if choices.keys() == keys.keys():
        keys = dict(choices)
    if keys:
        yield "   ".join(f"{paint(key, 'bold')} {printable(name)}" for key, name in keys.items())
    elif most := entry.get("maxDigits"):
        yield paint("one key" if most == 1 else f"up to {most} keys, # ends them", "dim")


def _to_tap(seen: Seen, paint: Paint) -> Iterator[str]:
    if seen.kind == "reads" and seen.choices:
        yield "   ".join(f"{paint(f'[{at}', 'bold')} {printable(each)}]" for at, each in enumerate(seen.choices, 1))


def request_line(request: Request, hidden: Iterable[str]) -> str:
    """``POST https://crm.example.com/callers {"pin": "****"}``."""
    wanted = [each for each in hidden if each]
    query = "&".join(f"{name}={value}" for name, value in masked(request.query, wanted))
    body = request.json if request.json is not None else dict(request.form or ())
    told = "" if body in (None, {}) else f" {as_json(masked(body, wanted))}"
    return f"{request.method.upper()} {request.url}{'?' if query else ''}{query}{told}"


def _answered(asked: Asked) -> str:
    response = asked.response
    if response.failure:
        return "never" if response.failure == "timeout" else response.failure
    data = "" if response.data in (None, "") else f" {as_json(response.data)}"
    return f"{response.status}{data}"[:_LONGEST]


def as_json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()


# --- where the flow went ---------------------------------------------------------------------------------


def turn_lines(turns: Sequence[Turned], paint: Paint, book: Book, verbose: bool) -> Iterator[str]:
    """``main -> ask_pin``; with ``verbose`` also what every guard came to.

    Turns that stay in one state, as those of a caller who hangs up in a menu, are told once.
    """
    before = ""
    for turn in turns:
        told = way(turn)
        if told and not (told == before and "->" not in told):
            yield paint(f"  {printable(told)}", "dim")
        before = told
        for each in turn.trail if verbose else ():
            if isinstance(each, Decided):
                yield paint(f"    {printable(_guard(each, book))}", "dim")


def _guard(step: Decided, book: Book) -> str:
    flow = book.flows.get(step.flow)
    values = "".join(f"; {name} is {value}" for name, value in shown(step, flow).items())
    where = f"{flow.file}:{step.line}" if flow is not None else step.flow
    return f"{where}: {step.source} is {'true' if step.true else 'false'}{values}"


def ringing_line(phone: Phone) -> str:
    """What may become of the one who is rung."""
    verdicts = "human, machine, not sure, " if phone.detects else ""
    return f"  it rings: answers, {verdicts}no answer, busy, unreachable, or hangup"
