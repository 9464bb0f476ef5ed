"""What was observed and what is expected, each as one readable phrase."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowengine.filters import printed
from flowengine.scenarios.steps import Step
from flowengine.simulator import Seen

_PHRASES = {
    "connects": "connects to",
    "rings": "rings",
    "joins": "joins",
    "parks": "is held",
    "records": "is recorded",
    "stops": "is no longer recorded",
    "tones": "hears the tones",
    "requests": "http",
    "ends": "ends",
}


def of_seen(seen: Seen) -> str:
    """One observed thing."""
    if seen.kind in ("hears", "reads"):
        shown = f" [{'] ['.join(seen.choices)}]" if seen.kind == "reads" and seen.choices else ""
        return f"{seen.kind} {quoted(seen.text)}{shown}"
    if seen.kind == "sends":
        return (
            f"sends {quoted(seen.text)} to +{seen.name.removeprefix('+')}"
            if seen.name
            else f"sends {quoted(seen.text)}"
        )
    if seen.kind in ("connects", "rings"):
        return f"{_PHRASES[seen.kind]} {seen.name or seen.text}"
    return f"{_PHRASES[seen.kind]} {seen.text}".rstrip() if seen.kind != "ends" else "ends"


def of_step(step: Step) -> str:
    """One step, as one would say it."""
    value = step.value
    if value is None:
        return step.word
    if isinstance(value, Step):
        return f"{step.word} {of_step(value)}"
    if step.word == "time passes":
        return f"{step.word} {_length(value)}"
    if isinstance(value, Mapping):
        return f"{step.word} {_mapping(step.word, value)}"
    return f"{step.word} {quoted(value) if step.word == 'hears' else value}"


def _mapping(word: str, value: Mapping[str, Any]) -> str:
    if set(value) == {"text"}:
        return quoted(str(value["text"]))
    if word in ("event", "notify") and len(value) == 1:
        return str(next(iter(value.values())))
    if word == "caller dials" and set(value) == {"to"}:
        return str(value["to"])
    return ", ".join(f"{name} {_plain(each)}" for name, each in value.items())


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list | tuple):
        return " ".join(map(_plain, value))
    return str(value) if isinstance(value, Mapping) else printed(value)


def _length(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"


def quoted(text: str) -> str:
    """The text in quotes, on one line."""
    return f'"{" ".join(text.split())}"'
