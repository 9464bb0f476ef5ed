"""What was observed and what is expected, each as one readable phrase."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from flowengine.filters import printed
from flowengine.model import Flow
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
        return f"{step.word} {_MAPPINGS.get(step.word, _mapping)(value)}"
    return f"{step.word} {_expected(value) if step.word == 'hears' else value}"


def _expected(text: str) -> str:
    """Words in quotes, a pattern as it is."""
    return text if len(text) > 2 and text[0] == text[-1] == "/" else quoted(text)


def _mapping(value: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_plain(each)}" for name, each in value.items())


def _dialled(value: Mapping[str, Any]) -> str:
    """``+12025550100, from withheld``: numbers as they are."""
    rest = {name: each for name, each in value.items() if name not in ("to", "from")}
    calls = f"from {value['from']}" if "from" in value else ""
    return ", ".join(filter(None, (value.get("to", ""), calls, _mapping(rest))))


def _named(value: Mapping[str, Any]) -> str:
    """A name, and behind it what it brings."""
    name = "type" if "type" in value else "name"
    rest = {key: each for key, each in value.items() if key != name}
    return ", ".join(filter(None, (str(value[name]), _mapping(rest))))


def _message(value: Mapping[str, Any]) -> str:
    """``"See you." [Yes] [No] to +12025550142 by SMS``."""
    words = [_expected(str(value["text"]))] if "text" in value else []
    words += [f"[{each}]" for each in (*value.get("choices", ()), *value.get("keys", ()))]
    told = {"to": "to", "from": "from", "channel": "by"}
    return " ".join((*words, *(f"{told[name]} {value[name]}" for name in told if name in value)))


def _request(value: Mapping[str, Any]) -> str:
    """``POST https://crm.example.com/callers {"tier":"gold"}``."""
    body = orjson.dumps(value["json"], default=str).decode() if "json" in value else ""
    return " ".join(filter(None, (value.get("method", ""), value.get("url", ""), body)))


_MAPPINGS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "caller dials": _dialled,
    "event": _named,
    "notify": _named,
    "writes": _message,
    "reads": _message,
    "asks": _message,
    "sends": _message,
    "requests": _request,
}


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return quoted(value)
    if value is None or isinstance(value, Mapping | list | tuple):
        return orjson.dumps(value, default=str).decode()
    return printed(value)


def _length(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s" if seconds < 120 else _in_parts(seconds)


def _in_parts(seconds: float) -> str:
    """``17h 59m 1s``."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "m"), (rest, "s"))
    return " ".join(f"{each:g}{unit}" for each, unit in parts if each)


def moment(at: float, flow: Flow) -> str:
    """``Tue 24 Nov 2026 10:00 Europe/Stockholm``: in the time zone of the flow."""
    zone = zone_of(flow)
    local = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.day} {local:%b %Y %H:%M} {zone}"


def zone_of(flow: Flow) -> str:
    """The time zone of the flow's calendars or quiet hours, else UTC."""
    calendars = [*flow.calendars.values(), *flow.project.calendars.values()]
    if calendars:
        return calendars[0].timezone
    return flow.quiet.timezone if flow.quiet is not None and flow.quiet.timezone != "contact" else "UTC"


def quoted(text: str) -> str:
    """The text in quotes, on one line."""
    return f'"{" ".join(text.split())}"'
