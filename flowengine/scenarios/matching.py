"""Whether what was observed is what a scenario expects: by meaning, and in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import orjson

from flowengine.filters import printed
from flowengine.numbers import e164
from flowengine.patterns import compile_pattern
from flowengine.scenarios.asked import asked, hidden_in
from flowengine.scenarios.phrases import of_seen, quoted
from flowengine.scenarios.steps import Step
from flowengine.simulator import Seen
from flowengine.stage import Stage
from flowengine.values import BadValue, coerce


class Match(NamedTuple):
    """``at`` is the place behind what fitted; ``but`` says what came instead where nothing did.

    ``early``: it came, but before what stands above it.
    """

    fits: bool
    at: int
    but: str = ""
    early: bool = False


def match(step: Step, stage: Stage, at: int) -> Match:
    """Whether an observation was made; ``at`` is how many of the act's observed things are used up."""
    if step.word in _NOW:
        but = _NOW[step.word](stage, step.value)
        return Match(not but, at, but)
    if step.word == "not":
        return _not(step.value, stage, at)
    if step.word == "nothing":
        return Match(not stage.seen, at, _came(stage.seen))
    return _in_order(step, stage, at)


def _in_order(step: Step, stage: Stage, at: int) -> Match:
    kinds, seen = KINDS[step.word], stage.seen
    for place in range(at, len(seen)):
        if fits(step, seen[place]):
            return Match(True, place + 1)
    if step.word == "hears" and (end := _across(step.value, seen, at)):
        return Match(True, end)
    before = next((each for each in seen[:at] if fits(step, each)), None)
    if before is not None:
        return Match(False, at, f"{of_seen(before)} came before what stands above it here", True)
    return Match(False, at, _instead(step, kinds, seen[at:], stage))


def _across(text: str, seen: Sequence[Seen], at: int) -> int:
    """Where words end that were said in several pieces, one right after the other; 0 where they were not."""
    said = ""
    for place in range(at, len(seen)):
        if seen[place].kind == "hears":
            said = f"{said} {seen[place].text}"
            if contains(text, said):
                return place + 1
    return 0


def _instead(step: Step, kinds: Sequence[str], seen: Sequence[Seen], stage: Stage) -> str:
    """What came in place of what was expected: the nearest of its sort, else all that came."""
    alike = nearest(step, [each for each in reversed(seen) if each.kind in kinds])
    if alike is None:
        return _came(seen)
    if step.word == "requests":
        return asked(alike, hidden_in(stage))
    return _nearly(step, alike) if step.word in ("asks", "reads") else of_seen(alike)


def fits(step: Step, seen: Seen) -> bool:
    """Whether this one thing is what the step expects."""
    return step.word in KINDS and seen.kind in KINDS[step.word] and _FITS[step.word](step.value, seen)


def nearest(step: Step, alike: Sequence[Seen]) -> Seen | None:
    """That which shares most words with what was expected; the first of several."""
    value = step.value.get("text", step.value.get("url", "")) if isinstance(step.value, Mapping) else step.value
    words = set(folded(str(value)).split())
    return max(alike, key=lambda each: len(words & set(folded(each.text).split())), default=None)


def _nearly(step: Step, seen: Seen) -> str:
    """A message or question; what else it lacks is said where its words would do."""
    if not contains(step.value.get("text", ""), seen.text):
        return of_seen(seen)
    if not seen.choices and ("choices" in step.value or "keys" in step.value):
        return f"{of_seen(seen)}, with nothing to {'tap' if seen.kind == 'reads' else 'press'}"
    return of_seen(seen) if seen.asks else f"{of_seen(seen)}, and waits for no answer"


def _came(seen: Sequence[Seen]) -> str:
    told = [each for each in seen if each.kind != "requests"] or seen
    return ", ".join(map(of_seen, told)) or "nothing more came"


def _not(unwanted: Step, stage: Stage, at: int) -> Match:
    if unwanted.word in _NOW:
        fits = not _NOW[unwanted.word](stage, unwanted.value)
        return Match(not fits, at, "it does")
    for each in stage.seen:
        if each.kind in KINDS[unwanted.word] and _unwanted(unwanted, each):
            return Match(False, at, of_seen(each))
    return Match(True, at)


def _unwanted(step: Step, seen: Seen) -> bool:
    if step.value is None:  # anything of its sort
        return seen.asks or step.word != "asks"
    return _FITS[step.word](step.value, seen)


# --- texts ------------------------------------------------------------------------------------------------


def contains(expected: str, came: str) -> bool:
    """Whether the words are in what came, white space and case aside; between slashes they are an RE2 pattern."""
    if len(expected) > 2 and expected[0] == expected[-1] == "/":
        return bool(compile_pattern(f"(?s).*(?:{expected[1:-1]}).*").matches(came))
    return folded(expected) in folded(came)


def folded(text: str) -> str:
    return " ".join(text.split()).casefold()


# --- each word --------------------------------------------------------------------------------------------


def _heard(value: str, seen: Seen) -> bool:
    return contains(value, seen.text)


def _read(value: Mapping[str, Any], seen: Seen) -> bool:
    wanted = value.get("choices", value.get("keys"))
    if wanted is not None and [folded(each) for each in wanted] != [folded(each) for each in seen.choices]:
        return False
    return contains(value.get("text", ""), seen.text)


def _asked(value: Mapping[str, Any], seen: Seen) -> bool:
    return seen.asks and _read(value, seen)


def _reached(value: str, seen: Seen) -> bool:
    return value in (seen.name, seen.text) or (e164(value) or value) == seen.text


def _joined(value: str, seen: Seen) -> bool:
    return value == seen.text


def _sent(value: Mapping[str, Any], seen: Seen) -> bool:
    if "to" in value and value["to"].removeprefix("+") != seen.name.removeprefix("+"):
        return False
    channel = value.get("channel")
    given = seen.more["recipient"]["identified_by"]["channel_identities"]
    if channel and channel not in {each["channel"] for each in given}:
        return False
    return contains(value.get("text", ""), seen.text)


def _requested(value: Mapping[str, Any], seen: Seen) -> bool:
    method, _, url = seen.text.partition(" ")
    if value.get("method", method) != method:
        return False
    if "url" in value and not fnmatchcase(url, value["url"]) and not fnmatchcase(url.partition("?")[0], value["url"]):
        return False
    return "json" not in value or _within(value["json"], seen.more.request.json)


def _within(expected: Any, came: Any) -> bool:
    """Whether all that is expected is there; mappings may hold more."""
    if isinstance(expected, Mapping):
        return isinstance(came, Mapping) and all(_within(each, came.get(key)) for key, each in expected.items())
    if isinstance(expected, list | tuple):
        alike = isinstance(came, list | tuple) and len(came) == len(expected)
        return alike and all(map(_within, expected, came))
    return bool(same(expected, came))


def same(expected: Any, came: Any) -> bool:
    """Whether two values mean the same, as numbers, truth or text."""
    if expected == came and isinstance(expected, bool) == isinstance(came, bool):
        return True
    if expected is None or came is None or isinstance(came, Mapping | list | tuple):
        return False
    return printed(expected) == printed(came)


def _anything(value: Any, seen: Seen) -> bool:
    return True


KINDS: Mapping[str, tuple[str, ...]] = {
    "hears": ("hears",),
    "reads": ("reads",),
    "asks": ("hears", "reads"),
    "connects to": ("connects",),
    "rings": ("rings",),
    "joins": ("joins",),
    "parks": ("parks",),
    "records": ("records",),
    "sends": ("sends",),
    "requests": ("requests",),
    "ends": ("ends",),
}
_FITS: Mapping[str, Callable[[Any, Seen], bool]] = {
    "hears": _heard,
    "reads": _read,
    "asks": _asked,
    "connects to": _reached,
    "rings": _reached,
    "joins": _joined,
    "parks": _anything,
    "records": _anything,
    "sends": _sent,
    "requests": _requested,
    "ends": _anything,
}


# --- how things stand now ---------------------------------------------------------------------------------


def _state(stage: Stage, value: str) -> str:
    places = [each.place or "no state: it is over" for each in stage.sessions()]
    if value in places:
        return ""
    return f"it stands at {places[0]}" if places else "nothing has begun"


def _variables(stage: Stage, value: Mapping[str, Any]) -> str:
    known, session = stage.variables(), stage.session
    flows = [session.flow, *(each["flow"] for each in session.frames)] if session is not None else []
    declared = {name: each for flow in flows for name, each in stage.library.program(flow).variables.items()}
    sensitive = {name for flow in flows for name in stage.library.program(flow).sensitive}
    for name, expected in value.items():
        if not _holds(expected, known.get(name), declared.get(name, {}).get("type", "text")):
            came = known.get(name)
            shown = "****" if name in sensitive and came else _shown(came)
            return f"{name} is {shown}"
    return ""


def _contact(stage: Stage, value: Mapping[str, Any]) -> str:
    known = stage.contact()
    for name, expected in value.items():
        kind = stage.library.contact.get(name, {}).get("type", "text")
        if not _holds(expected, known.get(name), kind):
            return f"{name} is {_shown(known.get(name))}"
    return ""


def _holds(expected: Any, came: Any, kind: str) -> bool:
    if expected is None or came is None:
        return expected in (None, "") and came in (None, "")
    try:
        return bool(coerce(kind, expected) == coerce(kind, came))
    except (BadValue, KeyError):
        return same(expected, came) or expected == came


def _shown(value: Any) -> str:
    if value is None or value == "":
        return "empty"
    return quoted(value) if isinstance(value, str) else orjson.dumps(value).decode()


def _svaml(stage: Stage, value: Any) -> str:
    answer = stage.phone.answer if stage.phones else None
    if answer == value:
        return ""
    return f"the answer is {orjson.dumps(answer).decode()}" if answer is not None else "there was no answer"


_NOW: Mapping[str, Callable[[Stage, Any], str]] = {
    "state": _state,
    "variables": _variables,
    "contact": _contact,
    "svaml": _svaml,
}
