"""The sections at the top of a flow: variables, addresses, calendars, recordings, and what messages have."""

from __future__ import annotations

from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flowengine import units
from flowengine.document import Map, Node, Seq, Text
from flowengine.fields import (
    BOOL,
    NAME,
    TEXT,
    Constant,
    Custom,
    Duration,
    Field,
    Integer,
    ListOf,
    MapOf,
    Name,
    OneOf,
    Reader,
    Record,
    meant,
    unknown_key,
)
from flowengine.model import VARIABLE_TYPES, Address, Calendar, Hours, Quiet, Recordings, Session, Source, Variable
from flowengine.states.collect import PATTERN
from flowengine.triggers import CLOCK, ZONE

VARIABLE = Record(
    (
        Field("type", OneOf(VARIABLE_TYPES), "what it holds", True),
        Field("default", TEXT, "its value until it is set; without one it must be set before it is read"),
        Field("one_of", ListOf(Constant(), least=1), "the only values it may have"),
        Field("sensitive", BOOL, "never shown in a log, trace or error", default=False),
        Field("max_length", Integer(1, 100_000), "characters it may have at most"),
    ),
    "a variable",
)


def read_variables(node: Node, reader: Reader) -> dict[str, Variable] | None:
    if not isinstance(node, Map):
        reader.expected(node, "a mapping such as { tier: { type: text } }")
        return None
    read = MapOf(VARIABLE, "a variable").read(node, reader) or {}
    return {name: _variable(name, node, read.get(name) or {}, reader) for name in node.keys if NAME.fullmatch(name)}


def _variable(name: str, node: Map, config: dict[str, Any], reader: Reader) -> Variable:
    if not config.get("type"):  # told; the name is known all the same
        return Variable(name, "any", node.keys[name].mark, has_default=True)
    default: Source | None = config["default"]
    key = node.keys[name]
    value: Any = None
    if default is not None:
        value = _default(config["type"], default, node.entries[name], reader)
    one_of = config["one_of"] or ()
    if one_of and default is not None and default.text not in one_of:
        message = f'the default "{default.text}" is not one of {", ".join(one_of)}'
        reader.problem("shape", default.mark, message, "add it to one_of")
    return Variable(
        name,
        config["type"],
        key.mark,
        value,
        default is not None,
        one_of,
        config["sensitive"],
        config["max_length"],
    )


def _default(kind: str, source: Source, node: Node, reader: Reader) -> Any:
    from flowengine.values import BadValue, coerce

    if isinstance(node, Map) and source.dynamic:
        reader.problem("shape", source.mark, "a default cannot be a template", "write the value out")
        return None
    try:
        return coerce(kind, source.text)
    except BadValue as error:
        reader.problem("shape", source.mark, f"the default is not a {kind}: {error}", f"write a {kind}")
        return None


_KINDS: tuple[Literal["number", "sip", "user", "stream"], ...] = ("number", "sip", "user", "stream")
ADDRESS = Record(
    (
        Field("number", TEXT, "a phone number, E.164 with +"),
        Field("sip", TEXT, "a SIP address, user@host"),
        Field("user", TEXT, "an app user"),
        Field("stream", TEXT, "a wss:// address"),
        Field(
            "countries",
            ListOf(Constant("[A-Z]{2}", "a country such as US"), lone=True),
            "where the number may be",
        ),
        Field("matches", PATTERN, "what the address must look like (RE2, the whole of it)"),
        Field("per_hour", Integer(1, 100_000), "calls an hour to one address at most"),
    ),
    "an address",
)


def read_addresses(node: Node, reader: Reader) -> dict[str, Address] | None:
    if not isinstance(node, Map):
        reader.expected(node, 'a mapping such as { sales: { number: "+12025550111" } }')
        return None
    read = MapOf(ADDRESS, "a name").read(node, reader) or {}
    return {name: _address(name, node, read.get(name), reader) for name in node.keys if NAME.fullmatch(name)}


def _address(name: str, node: Map, config: dict[str, Any] | None, reader: Reader) -> Address:
    key, own = node.keys[name], node.entries[name]
    unknown = Address(name, "number", Source("", key.mark), key.mark)
    if config is None or not isinstance(own, Map):
        return unknown
    kinds = [kind for kind in _KINDS if config[kind] is not None]
    if len(kinds) != 1:
        if kinds or not {*own.entries, *meant(own, ADDRESS.named())} & {*_KINDS}:
            found = " and ".join(kinds) or "none"
            fix = 'write one, such as number: "+12025550111"'
            reader.problem("shape", key, f'"{name}" has {found} of number, sip, user and stream', fix)
        return unknown
    kind = kinds[0]
    source: Source = config[kind]
    _bounded(name, kind, source, config, reader)
    countries = config["countries"] or ()
    return Address(name, kind, source, key.mark, countries, config["matches"] or "", config["per_hour"])


def _bounded(name: str, kind: str, source: Source, config: dict[str, Any], reader: Reader) -> None:
    from flowengine.numbers import is_country

    if source.dynamic and not (config["countries"] or config["matches"]):
        bounds = "countries: [US]" if kind == "number" else "matches: '…'"
        message = f'"{name}" is a template without bounds: whatever it renders would be called'
        reader.problem("may-dial", source.mark, message, f"add {bounds}")
    if source.dynamic and source.text.count("{{") != 1 and kind == "number":
        reader.problem("may-dial", source.mark, f'"{name}" has more than one {{{{ }}}}', "render one whole number")
    for country in config["countries"] or ():
        if not is_country(country):
            reader.problem("shape", source.mark, f'"{name}" has the unknown country "{country}"', "write US, GB, SE …")
    if config["countries"] and kind != "number":
        reader.problem("shape", source.mark, "countries are for numbers", "use matches")
    if not source.dynamic:
        _constant_address(name, kind, source, reader)


def _constant_address(name: str, kind: str, source: Source, reader: Reader) -> None:
    from flowengine.numbers import e164, is_premium

    if kind != "number":
        return
    if e164(source.text) is None:
        fix = 'write it as E.164, such as "+12025550111"'
        reader.problem("may-dial", source.mark, f'"{source.text}" is not a phone number', fix)
    elif is_premium(source.text):
        reader.problem("may-dial", source.mark, f'"{name}" is a premium-rate number', "it cannot be called")


CALENDAR = Record(
    (
        Field("timezone", Constant(what="a time zone such as Europe/Stockholm"), "an IANA time zone", True),
        Field(
            "open",
            Custom(lambda node, reader: node, {"type": "object"}, "hours by day"),
            "hours by day",
            True,
        ),
        Field("holidays", Custom(lambda node, reader: node, {"type": "array"}, "a list of dates"), "closed days"),
    ),
    "a calendar",
)


def read_calendars(node: Node, reader: Reader) -> dict[str, Calendar] | None:
    if not isinstance(node, Map):
        reader.expected(node, "a mapping such as { office: { timezone: …, open: … } }")
        return None
    read = MapOf(CALENDAR, "a name").read(node, reader) or {}
    return {name: _calendar(name, node, config, reader) for name, config in read.items()}


def _calendar(name: str, node: Map, config: dict[str, Any], reader: Reader) -> Calendar:
    own = node.entries[name]
    assert isinstance(own, Map)
    zone = config["timezone"] or "UTC"
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f'there is no time zone "{zone}"'
        reader.problem("shape", own.entries.get("timezone", own), message, "use an IANA name such as Europe/Stockholm")
        zone = "UTC"
    week: dict[int, tuple[Hours, ...]] = {}
    written = own.entries.get("open")
    if isinstance(written, Map):
        _week(written, week, reader)
    return Calendar(name, zone, week, _holidays(config["holidays"], reader), node.keys[name].mark)


def _week(node: Map, week: dict[int, tuple[Hours, ...]], reader: Reader) -> None:
    for key, each in node.entries.items():
        try:
            days = units.parse_days(key)
        except ValueError as error:
            reader.problem("shape", node.keys[key], str(error))
            continue
        for day in days:
            week[day] = week.get(day, ()) + _hours(each, reader)


def _hours(node: Node, reader: Reader) -> tuple[Hours, ...]:
    found = []
    for each in node.items if isinstance(node, Seq) else [node]:
        if not isinstance(each, Text):
            reader.expected(each, "hours such as 09:00-17:00")
            continue
        for span in each.value.split(","):
            try:
                found.append(Hours(*units.parse_hours(span.strip())))
            except ValueError as error:
                reader.problem("shape", each, str(error))
    return tuple(found)


def _holidays(node: Node | None, reader: Reader) -> dict[str, tuple[Hours, ...]]:
    if node is None:
        return {}
    if not isinstance(node, Seq):
        reader.expected(node, "a list of dates such as [2026-12-24]")
        return {}
    return dict(found for found in (_holiday(each, reader) for each in node.items) if found)


def _holiday(node: Node, reader: Reader) -> tuple[str, tuple[Hours, ...]] | None:
    day: Node | None = node
    hours: tuple[Hours, ...] = ()
    if isinstance(node, Map):
        for key in node.entries:
            if key not in ("date", "open"):
                unknown_key(reader, node.keys[key], ("date", "open"), "a holiday")
        day = node.entries.get("date")
        hours = _hours(node.entries["open"], reader) if "open" in node.entries else ()
        if day is None:
            if "date" not in meant(node, ("date", "open")):
                reader.problem("missing-key", node, 'a holiday has no "date"', "add date: 2026-12-24")
            return None
    if isinstance(day, Text) and _is_day(day.value):
        return day.value, hours
    reader.expected(day or node, "a date such as 2026-12-24", "write year-month-day, of a day that exists")
    return None


def _is_day(text: str) -> bool:
    try:
        units.parse_date(text)
    except ValueError:
        return False
    return True


RECORDINGS = Record(
    (
        Field("to", TEXT, "`s3://bucket/folder/file` or `azure://account/container/file`", True),
        Field("credentials", TEXT, "one whole `{{ secret.NAME }}`", True),
        Field("format", Constant("[a-z0-9]+", "a format such as mp3"), "the file format", shown="mp3"),
        Field("notify", BOOL, "whether recording events come", default=True),
    ),
    "recordings",
)


def read_recordings(node: Node, reader: Reader) -> Recordings | None:
    config = RECORDINGS.read(node, reader)
    if config is None or config["to"] is None or config["credentials"] is None:
        return None
    return Recordings(config["to"], config["credentials"], config["format"] or "", config["notify"])


SESSION = Record(
    (
        Field("expires", Duration(60, 30 * 86_400), "silence that ends the conversation", default=86_400.0),
        Field("then", OneOf(("forget", "resume")), "what the next message finds", default="forget"),
    ),
    "session",
)
QUIET = Record(
    (
        Field("from", CLOCK, "when it begins", True),
        Field("to", CLOCK, "when it ends", True),
        Field("timezone", ZONE, "whose clock", default="contact"),
    ),
    "quiet",
)


def read_session(node: Node, reader: Reader) -> Session | None:
    config = SESSION.read(node, reader)
    written = isinstance(node, Map) and "expires" in node.entries
    return Session(config["expires"], config["then"], written) if config else None


def read_quiet(node: Node, reader: Reader) -> Quiet | None:
    config = QUIET.read(node, reader)
    if not config or config["from"] is None or config["to"] is None:
        return None
    if config["from"] == config["to"]:
        reader.problem("shape", node, "quiet ends when it begins", "name two different times")
        return None
    return Quiet(config["from"], config["to"], config["timezone"])


def _map_schema(of: Record) -> dict[str, Any]:
    return {
        "type": "object",
        "propertyNames": {"pattern": "^[a-z][a-z0-9_]*$"},
        "additionalProperties": of.schema(),
    }


_CALENDAR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "additionalProperties": False,
        "required": ["timezone", "open"],
        "properties": {
            "timezone": {"type": "string"},
            "open": {"type": "object", "additionalProperties": {"type": ["string", "array"]}},
            "holidays": {"type": "array", "items": {"type": ["string", "object"]}},
        },
    },
}

VARIABLES = Custom(read_variables, _map_schema(VARIABLE), "variables by name")
ADDRESSES = Custom(read_addresses, _map_schema(ADDRESS), "addresses by name")
CALENDARS = Custom(read_calendars, _CALENDAR_SCHEMA, "calendars by name")
RECORDING = Custom(read_recordings, RECORDINGS.schema(), "where recordings go")
LIFETIME = Custom(read_session, SESSION.schema(), "how long a conversation lasts")
SILENCE = Custom(read_quiet, QUIET.schema(), "hours in which nothing is sent unasked")
SOUNDS = MapOf(Constant(what="an uploaded file or an https URL"), "a name")
OUTCOMES = ListOf(Name("an outcome"), lone=True)
