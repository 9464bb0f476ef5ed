"""What Sinch Voice posts, decoded: one :class:`Callback` for the five events, however they are spelt."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import orjson

EVENTS = frozenset({"ice", "ace", "pie", "dice", "notify"})
MAX_CALL_ID = 512
WITHHELD = frozenset({"", "private", "anonymous", "unavailable", "unknown", "restricted", "withheld"})

Fields = dict[str, Any]
Get = Callable[..., Any]

_COMMON = {
    "event",
    "callid",
    "timestamp",
    "version",
    "custom",
    "applicationKey",
    "conferenceId",
    "callResourceUrl",
}
_OLDER = {"user", "cookies", "reference", "delayed"}
_CALL = {"cli", "from", "to", "domain", "originationType", "rdnis", "callHeaders", "amd", "menuResult"}
_END = {"reason", "result", "duration", "debit", "userRate"}
_NOTICE = {"type", "destination", "errorCode", "errorMsg"}
_INNER = {"menuId", "value", "inputMethod", "addToContext", "status", "endpoint", "key", "name"}
_KNOWN = _COMMON | _OLDER | _CALL | _END | _NOTICE | _INNER
_SPELLINGS = {name.lower(): name for name in _KNOWN}
_NOTIFY_TYPES = {"transcription_complete": "transcription_available"}
_TYPE_NAMES = ("type", "eventType", "event_type")
VOICE_V2 = "This is a Sinch Voice v2 callback; flows are served over Voice v1, whose key is VOICE_APPLICATION_KEY."


class BadBody(Exception):
    """The body is no callback; ``reason`` is a sentence without anything out of the body."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True, repr=False)
class Callback:
    """One callback. Texts are ``""`` where the body has none; enumerations are folded to one case.

    ``event`` is lower case if it is one of the five, else as sent. ``call_id`` is ``""`` if there is none
    that can be used. ``cli`` is the caller as sent (``from`` in a DICE): a number with or without ``+``, a
    name or ``private``; ``cli_known`` is false where it is withheld or missing. ``menu_value`` keeps leading
    zeros. ``duration`` counts seconds. ``fields`` is the body as it came. The repr shows none of it.
    """

    event: str = ""
    call_id: str = ""
    timestamp: str = ""
    custom: str = ""
    application_key: str = ""
    conference_id: str = ""
    url: str = ""
    user: str = ""
    cookies: dict[str, str] = field(default_factory=dict)
    fields: Fields = field(default_factory=dict)
    cli: str = ""
    cli_known: bool = False
    to_type: str = ""
    to_endpoint: str = ""
    domain: str = ""
    origination: str = ""
    rdnis: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    menu_id: str = ""
    menu_type: str = ""
    menu_value: str = ""
    input_method: str = ""
    amd_status: str = ""
    amd_reason: str = ""
    result: str = ""
    reason: str = ""
    duration: int | None = None
    notify_type: str = ""
    destination: str = ""
    error_code: int | None = None
    error_message: str = ""

    def __repr__(self) -> str:
        return f"Callback(event={self.event if self.event in EVENTS else '?'!r})"


def read(body: bytes) -> Callback:
    """The callback in a request body of UTF-8 JSON, or :class:`BadBody`."""
    raw = json_object(body)
    fields = raw if _KNOWN.issuperset(raw) else _respelled(raw)
    get = fields.get
    event = get("event")
    if event.__class__ is not str or event not in _READERS:
        event = _event(event, fields)
    timestamp, custom, application, conference, url, user = _texts(
        get("timestamp", ""),
        get("custom", ""),
        get("applicationKey", ""),
        get("conferenceId", ""),
        get("callResourceUrl", ""),
        get("user", ""),
    )
    callback = Callback(event, _call_id(get("callid")), timestamp, custom, application, conference, url, user, {}, raw)
    if cookies := get("cookies"):
        callback.cookies.update(_pairs(cookies))
    if event in _READERS:
        _READERS[event](callback, get)
    return callback


def call_key(callback: Callback, application: str = "") -> str:
    """A key for the call that holds neither its id nor a number: 32 hexadecimal digits.

    ``application`` is the key that signed the request, ``""`` where signatures are not checked. The body's
    ``applicationKey`` does not count: notifications and older events of the same call lack it.
    """
    return _digest(_parts(application, callback.call_id))


def dedupe_key(callback: Callback, body: bytes, application: str = "") -> str:
    """The same for every delivery of one callback: 32 hexadecimal digits.

    One ICE and one DICE act per call, an ACE per timestamp (a call may be bridged twice), any other per body.
    """
    event = callback.event
    if event in ("ice", "dice"):
        return _digest(f"{_parts(application, callback.call_id)}{event}")
    if event == "ace":
        return _digest(f"{_parts(application, callback.call_id)}{event} {callback.timestamp}")
    return _digest(f"{_parts(application, callback.call_id)}{event}", body)


def _parts(application: str, call_id: str) -> str:
    return f"{len(application)}:{application}{len(call_id)}:{call_id}"


def _digest(text: str, body: bytes = b"") -> str:
    return blake2b(text.encode("utf-8", "surrogatepass") + body, digest_size=16).hexdigest()


def json_object(body: bytes) -> Fields:
    """The JSON object in a request body, without repeated keys, or :class:`BadBody`."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadBody("The body is not JSON that can be used.") from None
    if value.__class__ is not dict:
        raise BadBody("The body is not a JSON object.")
    _refuse_repeated_keys(body, value)
    return value


def _refuse_repeated_keys(body: bytes, value: Fields) -> None:
    """orjson keeps the last of equal keys: written out again, the object lacks the quotes of the others.

    So equal numbers of quotes mean that no key was lost, which costs less than parsing with a hook. An
    escaped quote delimits nothing; an escaped backslash may stand before one that does, so a body with one
    is parsed again.
    """
    try:
        again = orjson.dumps(value)
    except TypeError:
        raise BadBody("The body is nested too deeply.") from None
    if again == body:
        return
    if b"\\" not in body:
        same = body.count(b'"') == again.count(b'"')
    else:
        same = b"\\\\" not in body and _delimiters(body) == _delimiters(again)
    if not same:
        _parse_strictly(body)


def _delimiters(text: bytes) -> int:
    return text.count(b'"') - text.count(b'\\"')


def _parse_strictly(body: bytes) -> None:
    try:
        json.loads(body, object_pairs_hook=_unique)
    except (RecursionError, ValueError):
        raise BadBody("The body is not JSON that can be used.") from None


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise BadBody("The body has the same key twice.")


def _respelled(fields: Fields) -> Fields:
    """The fields under their usual names; a field spelt as usual wins over one that is not."""
    usual: Fields = {}
    for name, value in fields.items():
        known = _SPELLINGS.get(name.lower(), name)
        if known == name or known not in fields:
            usual.setdefault(known, value)
    return usual


def _sub(value: Any) -> Fields:
    """The object in a field, or an empty one."""
    if value.__class__ is not dict:
        return {}
    return value if _KNOWN.issuperset(value) else _respelled(value)


def _event(event: Any, fields: Fields) -> str:
    """One of the five, folded, or what was sent. A Voice v2 envelope names its event ``call.…``."""
    if event.__class__ is str and event.lower() in EVENTS:
        return event.lower()
    envelopes = (fields, event if event.__class__ is dict else {})
    names = [event, *(envelope.get(name) for envelope in envelopes for name in _TYPE_NAMES)]
    if any(name.__class__ is str and name.lower().startswith("call.") for name in names):
        raise BadBody(VOICE_V2)
    return _text(event) if event.__class__ is not dict else ""


def _text(value: Any) -> str:
    if value.__class__ is str:
        return value
    return "" if value is None else orjson.dumps(value).decode()


def _texts(*values: Any) -> tuple[str, ...]:
    """Texts out of fields; joining finds out in one go whether all of them are texts already."""
    try:
        "".join(values)
    except TypeError:
        return tuple(map(_text, values))
    return values


def _folded(value: Any) -> str:
    return value.lower() if value.__class__ is str else ""


def _whole(value: Any) -> int | None:
    """A count out of a number or its text."""
    if value.__class__ is str and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    if value.__class__ is float and abs(value) < 1e9:
        return int(value)
    return value if value.__class__ is int else None


def _call_id(value: Any) -> str:
    if value.__class__ is not str or len(value) > MAX_CALL_ID or "\0" in value:
        return ""
    return value


def _pairs(value: Any) -> Iterator[tuple[str, str]]:
    """Out of a map, or a list with entries ``{key, value}``, ``{name, value}`` or ``{<key>: <value>}``."""
    for entry in value if value.__class__ is list else (value,):
        if entry.__class__ is dict:
            yield from _entry(entry)


def _entry(entry: Fields) -> Iterator[tuple[str, str]]:
    known = _sub(entry)
    key = known.get("key", known.get("name"))
    named: Iterable[tuple[Any, Any]] = entry.items()
    if "value" in known and key is not None:
        named = ((key, known["value"]),)
    for name, value in named:
        if name.__class__ is str and name and value.__class__ not in (dict, list):
            yield name, _text(value)


def _take_cli(callback: Callback, value: Any) -> None:
    callback.cli = cli = _text(_sub(value).get("endpoint")) if value.__class__ is dict else _text(value)
    callback.cli_known = cli.isdigit() or _is_known(cli)


def _is_known(cli: str) -> bool:
    """``Anonymous <anonymous@host>`` is nobody, ``Unknown <+12025550100>`` is a number."""
    user = cli.partition("@")[0]
    name = user.partition("<")[0].strip(' +"').lower()
    return name not in WITHHELD or any(map(str.isdigit, user))


def _take_to(callback: Callback, value: Any) -> None:
    if value.__class__ is dict:
        get = _sub(value).get
        kind, callback.to_endpoint = _texts(get("type", ""), get("endpoint", ""))
        callback.to_type = kind.lower()
    else:
        callback.to_endpoint = _text(value)


def _take_amd(callback: Callback, value: Any) -> None:
    amd = _sub(value)
    callback.amd_status = _folded(amd.get("status"))
    callback.amd_reason = _folded(amd.get("reason"))


def _ice(callback: Callback, get: Get) -> None:
    _take_cli(callback, get("cli"))
    _take_to(callback, get("to"))
    domain, origination, callback.rdnis = _texts(get("domain", ""), get("originationType", ""), get("rdnis", ""))
    callback.domain, callback.origination = domain.lower(), origination.lower()
    if headers := get("callHeaders"):
        callback.headers.extend(_pairs(headers))


def _ace(callback: Callback, get: Get) -> None:
    _take_amd(callback, get("amd"))


def _pie(callback: Callback, get: Get) -> None:
    menu = _sub(get("menuResult")).get
    callback.menu_id, kind, callback.menu_value, method = _texts(
        menu("menuId", ""), menu("type", ""), menu("value", ""), menu("inputMethod", "")
    )
    callback.menu_type, callback.input_method = kind.lower(), method.lower()
    if added := menu("addToContext"):
        callback.cookies.update(_pairs(added))


def _dice(callback: Callback, get: Get) -> None:
    _take_cli(callback, get("from"))
    _take_to(callback, get("to"))
    result, reason = _texts(get("result", ""), get("reason", ""))
    callback.result, callback.reason = result.upper(), reason.upper()
    callback.duration = _whole(get("duration"))
    if headers := get("callHeaders"):
        callback.headers.extend(_pairs(headers))


def _notify(callback: Callback, get: Get) -> None:
    kind = _folded(get("type"))
    callback.notify_type = _NOTIFY_TYPES.get(kind, kind)
    callback.destination, callback.error_message = _texts(get("destination", ""), get("errorMsg", ""))
    callback.error_code = _whole(get("errorCode"))
    _take_amd(callback, get("amd"))


_READERS: dict[str, Callable[[Callback, Get], None]] = {
    "ice": _ice,
    "ace": _ace,
    "pie": _pie,
    "dice": _dice,
    "notify": _notify,
}
