"""What a process says while it runs: one line for each incident, refusal, start and stop, with nothing private in it.

A line of JSON has a time, a level, an ``event``, the sentence, and of further fields only those in :data:`FIELDS`,
and only where they look like names: neither a mistake here nor a library can put a caller's number into one.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from time import monotonic
from typing import Any, TextIO

import orjson

from flowengine.problems import did_you_mean

SETTING = "FLOWENGINE_LOG"
FORMS = ("text", "json")
FIELDS = ("flow", "state", "incident", "error", "on", "kind", "revision")
"""Beside ``event``, what a line may say: names of flows, states, exceptions and callbacks, ids of incidents, hashes."""
OURS = "flowengine"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_ID = re.compile(r"[0-9a-f]{8,64}")
_DIGITS = re.compile(r"(?<![0-9A-Za-z])\+?\d(?:[ ().-]?\d){6,}(?![0-9A-Za-z])")
_DAY = re.compile(r"(?:19|20)\d\d-[01]\d-[0-3]\d(?: [0-2]\d)?")
_HIDDEN = "****"


class BadSetting(ValueError):
    """``FLOWENGINE_LOG`` names no form: one sentence."""


def told(event: str, **fields: str) -> dict[str, Any]:
    """The ``extra`` of a log call: what happened, in one word, and where."""
    return {"told": {"event": event, **fields}}


def said(event: str, sentence: str) -> None:
    """A line of what a process begins or ends."""
    logging.getLogger(OURS).info(sentence, extra=told(event))


class _Lines(logging.Formatter):
    def sentence(self, record: logging.LogRecord) -> str:
        """What is said, without what could be a number; of libraries only their own words, not what they put in."""
        ours = record.name.partition(".")[0] == OURS
        incident = getattr(record, "told", {}).get("incident")
        text = record.getMessage() if ours or not record.args else str(record.msg)

        def shown(found: re.Match[str]) -> str:
            return found[0] if found[0] == incident or _DAY.fullmatch(found[0]) else _HIDDEN

        return _DIGITS.sub(shown, text)

    def time(self, record: logging.LogRecord) -> str:
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class TextLines(_Lines):
    """For people."""

    def format(self, record: logging.LogRecord) -> str:
        error = f" ({record.exc_info[0].__name__})" if record.exc_info and record.exc_info[0] else ""
        return f"{self.time(record)} {record.levelname} {self.sentence(record)}{error}"


class JsonLines(_Lines):
    """For programs."""

    def format(self, record: logging.LogRecord) -> str:
        given = getattr(record, "told", {})
        line = {"time": self.time(record), "level": record.levelname.lower()}
        line["event"] = given.get("event") or ("said" if record.name.startswith(OURS) else "library")
        line |= {name: given[name] for name in FIELDS if _is_plain(name, given.get(name))}
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
        if not record.name.startswith(OURS):
            line["from"] = record.name
        return orjson.dumps({**line, "sentence": self.sentence(record)}).decode()


def _is_plain(name: str, value: Any) -> bool:
    shape = _ID if name in ("incident", "revision") else _NAME
    return isinstance(value, str) and shape.fullmatch(value) is not None


def form(env: Mapping[str, str], stream: TextIO) -> str:
    """``text`` or ``json``: as set, else text on a terminal. Raises :class:`BadSetting`."""
    wanted = env.get(SETTING, "").strip().lower()
    if wanted and wanted not in FORMS:
        raise BadSetting(f"{SETTING} is {wanted!r}; write text or json{did_you_mean(wanted, FORMS)}")
    return wanted or ("text" if stream.isatty() else "json")


def log_to(env: Mapping[str, str], stream: TextIO | None = None) -> None:
    """Everything that is said in this process goes to ``stream`` (standard error), as ``env`` wants it."""
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines() if form(env, stream) == "json" else TextLines())
    root = logging.getLogger()
    for each in root.handlers[:]:
        if isinstance(each.formatter, _Lines):
            root.removeHandler(each)
    root.addHandler(handler)
    logging.getLogger(OURS).setLevel(logging.INFO)
    for each in logging.getLogger("gunicorn.error").handlers:  # gunicorn has one of its own
        each.setFormatter(handler.formatter)


class Seldom:
    """Says a thing once a second at most: what strangers can make happen must not fill a disk."""

    def __init__(self, pause: float = 1.0) -> None:
        self._pause, self._last = pause, -pause

    def warning(self, sentence: str, **extra: Any) -> None:
        now = monotonic()
        if now - self._last >= self._pause:
            self._last = now
            logging.getLogger(OURS).warning(sentence, **extra)
