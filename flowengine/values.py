"""The types of variables: text from a caller, a server or a file → a value of the declared type."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import orjson

LONGEST = 20_000
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,10})?")


class BadValue(ValueError):
    """The value is not of the type; the message never holds the value."""


def coerce(kind: str, value: Any) -> Any:
    """``value`` as the type ``kind`` (one of ``VARIABLE_TYPES``). Raises :class:`BadValue`."""
    return _COERCE[kind](value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = value
    elif isinstance(value, int | float):
        text = f"{value:g}" if isinstance(value, float) else str(value)
    elif isinstance(value, date):
        text = value.isoformat()
    else:
        raise BadValue("expected text")
    if len(text) > LONGEST:
        raise BadValue(f"longer than {LONGEST} characters")
    return text


def _digits(value: Any) -> str:
    text = _text(value)
    if not re.fullmatch(r"[0-9*#]*", text, re.ASCII):
        raise BadValue("expected digits")
    return text


def _number(value: Any) -> int | float:
    if isinstance(value, bool):
        raise BadValue("expected a number")
    if isinstance(value, int | float):
        if value != value or abs(value) > 1e15:
            raise BadValue("the number is too large")
        return value
    text = _text(value).strip()
    if not _NUMBER.fullmatch(text):
        raise BadValue("expected a number")
    return float(text) if "." in text else int(text)


def _phone(value: Any) -> str:
    from flowengine.numbers import e164

    text = _text(value).strip()
    number = e164(text) if text else ""
    if number is None:
        raise BadValue("expected a phone number in E.164")
    return number


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise BadValue("expected true or false")


def _list(value: Any) -> list[Any]:
    if isinstance(value, str):
        value = _parsed(value)
    if not isinstance(value, list | tuple) or len(value) > 1000:
        raise BadValue("expected a list of at most 1,000 entries")
    return list(value)


def _record(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        value = _parsed(value)
    if not isinstance(value, dict) or len(value) > 1000:
        raise BadValue("expected a record of at most 1,000 keys")
    return value


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text[:LONGEST])
    except orjson.JSONDecodeError:
        raise BadValue("expected JSON") from None


def _time(value: Any) -> str:
    """Times are kept as ISO 8601 text in UTC, so that they compare as they stand."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e11:
        return datetime.fromtimestamp(value, UTC).isoformat()
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(_text(value).strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        raise BadValue("expected a time such as 2026-12-24T10:00:00Z") from None


_COERCE = {
    "text": _text,
    "digits": _digits,
    "number": _number,
    "phone": _phone,
    "boolean": _boolean,
    "list": _list,
    "time": _time,
    "record": _record,
}
