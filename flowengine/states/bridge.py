"""What ``connect`` and ``dial`` share: the destination, its settings, and the answers they may hear."""

from __future__ import annotations

from typing import Any

from flowengine.callbacks import Callback
from flowengine.document import Node
from flowengine.fields import (
    BOOL,
    LANGUAGE,
    TEXT,
    Constant,
    Duration,
    Field,
    Integer,
    MapOf,
    Name,
    OneOf,
    Reader,
    Record,
    Template,
)
from flowengine.lowering import lower_fields
from flowengine.model import Address, Flow, Source, State
from flowengine.problems import did_you_mean
from flowengine.states.base import DISCONNECTED, HANGUP, STALE, Heard, Kind, Outcome, Where
from flowengine.svaml import MAX_HEADER_BYTES
from flowengine.units import spoken

ACTION_OF = {"number": "connectPstn", "sip": "connectSip", "user": "connectMxp", "stream": "connectStream"}
COUNTRIES = (
    "at au bg br be ch cl cn cz de dk ee es fi fr gr hu il in it lt jp mx my nl no nz ph pl pt ru se sg th uk us "
    "tw ve za"
).split()
MUSIC = ("ring", "music1", "music2", "music3")
HEADERS = MapOf(TEXT, "a header name", r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
TONES = Constant(r"[0-9#w]+", "tones: 0-9, # and w for half a second's pause")


class Cli(Template):
    """The number that is shown: a constant that looks like one must be one."""

    def read(self, node: Node, reader: Reader) -> Source | None:
        found = super().read(node, reader)
        if found is not None and not found.dynamic:
            reader.number(node, found.text)
        return found


CLI = Cli()

STREAMING = Record(
    (
        Field("version", Integer(1, 9), "the protocol version"),
        Field("sample_rate", Integer(8000, 44100), "samples a second"),
    ),
    "streaming",
)

FIELDS = (
    Field("to", Name("a name in may_dial"), "a name in `may_dial`", True),
    Field("dial_timeout", Duration(1, 600), "how long it rings"),
    Field("max_duration", Duration(1, 14400), "how long the call may last, at most 4 h"),
    Field(
        "cli",
        CLI,
        "the number shown to the one who is called; `private` hides it",
        shown="the flow's, or the caller's",
    ),
    Field("amd", OneOf(("sync", "async")), "answering-machine detection: before the answer, or while talking"),
    Field("call_headers", HEADERS, "headers for SIP, app and stream destinations"),
    Field("transport", OneOf(("UDP", "TCP", "TLS")), "for SIP", shown="UDP"),
    Field("indications", OneOf(tuple(COUNTRIES)), "the country of the ringing tone", shown="us"),
    Field("suppress_callbacks", BOOL, "no ACE and no DICE for this call", default=False),
    Field("dtmf", TONES, "tones sent after the answer"),
    Field(
        "locale",
        Constant(LANGUAGE.pattern, "a language such as en-US"),
        "for prompts of the action",
        shown="the call's",
    ),
    Field("moh", OneOf(MUSIC), "what is heard while on hold, for SIP"),
    Field("streaming", STREAMING, "for stream destinations"),
)


class Bridge(Kind):
    """What ``connect`` and ``dial`` are alike in."""

    glyph = "►"
    family = "talk"
    waits = True

    def lower(self, state: State, flow: Flow) -> dict[str, Any]:
        return lower_bridge(state, flow)

    def hear(self, op: Any, call: Any, callback: Callback) -> Heard:
        return hear_bridge(op, call, callback)

    def summary(self, state: State, flow: Flow) -> str:
        waiting = state.config["dial_timeout"]
        return f"dial {state.config['to']}" + (f", {spoken(waiting)}" if waiting else "")


def address(state: State, flow: Flow) -> Address | None:
    return flow.may_dial.get(state.config["to"] or "")


def action_of(state: State, flow: Flow) -> str:
    found = address(state, flow)
    return ACTION_OF[found.kind] if found else "connectPstn"


def silent(state: State, flow: Flow) -> bool:
    """Whether the platform tells nothing when the callee picks up."""
    return bool(state.config["suppress_callbacks"]) or action_of(state, flow) in (
        "connectMxp",
        "connectStream",
    )


def bridge_outcomes(state: State, flow: Flow, default: str) -> tuple[Outcome, ...]:
    """The outcomes, with ``default`` for those that ``dial`` leaves to its author."""
    dialling = not default
    where: tuple[Where, ...] = ("same", "nobody") if dialling else ("same",)
    refused = Outcome("error", where, "end" if dialling else "apology", "failure")
    if silent(state, flow):
        return (refused,) if state.config["suppress_callbacks"] else (DISCONNECTED, refused)
    amd = state.config["amd"]
    if amd is None:
        return (Outcome("answered", ("answered",), default), DISCONNECTED, refused)
    if amd == "sync":
        verdicts = tuple(
            Outcome(name, ("answered",), "human" if name == "notsure" else default)
            for name in ("human", "machine", "notsure")
        )
        return (*verdicts, HANGUP, DISCONNECTED, refused)
    late = tuple(
        Outcome(name, ("answered", "live"), "human" if name == "notsure" else default, "late")
        for name in ("human", "machine", "notsure")
    )
    beep = Outcome("beep", ("live",), "ignore", "late")
    return (Outcome("answered", ("answered",), default), *late, beep, HANGUP, DISCONNECTED, refused)


def lower_bridge(state: State, flow: Flow) -> dict[str, Any]:
    config = state.config
    names = ("to", "dial_timeout", "max_duration", "amd", "call_headers", "transport", "indications", "dtmf")
    lowered = lower_fields(config, *names, "suppress_callbacks", "locale", "moh", "streaming")
    cli = config["cli"] or flow.cli
    if cli is not None:
        lowered.update(lower_fields({"cli": cli}, "cli"))
    return lowered


def connect_action(op: Any, call: Any, kind: str, to: str) -> dict[str, Any]:
    """The SVAML action that reaches an address of this kind."""
    build = {"number": _pstn, "sip": _sip, "user": _mxp, "stream": _stream}[kind]
    return build(op, call, to)


def _limits(op: Any, call: Any, action: dict[str, Any], *names: str) -> dict[str, Any]:
    if "max_duration" in op:
        action["maxDuration"] = int(op["max_duration"])
    if "cli" in names and call.text(op.get("cli", "")):
        action["cli"] = call.caller_id(op["cli"])
    if "suppressCallbacks" in names and op.get("suppress_callbacks"):
        action["suppressCallbacks"] = True
    if "callHeaders" in names and op.get("call_headers"):
        action["callHeaders"] = _headers(op, call)
    return action


def _headers(op: Any, call: Any) -> list[dict[str, str]]:
    """The headers, each as long as there is room for it."""
    found, room = [], MAX_HEADER_BYTES
    for key, value in op["call_headers"].items():
        room -= len(key)
        fitting = call.line(value).encode("utf-8", "ignore")[: max(room, 0)].decode("utf-8", "ignore")
        room -= len(fitting.encode())
        if room >= 0:
            found.append({"key": key, "value": fitting})
    return found


def _pstn(op: Any, call: Any, to: str) -> dict[str, Any]:
    action: dict[str, Any] = {
        "name": "connectPstn",
        "number": to,
        "locale": op.get("locale") or call.language,
    }
    if "dial_timeout" in op:
        action["dialTimeout"] = int(op["dial_timeout"])
    _limits(op, call, action, "cli", "suppressCallbacks")
    for name in ("dtmf", "indications"):
        if name in op:
            action[name] = op[name]
    if "amd" in op:
        action["amd"] = {"enabled": True, "async": op["amd"] == "async"}
    return action


def _sip(op: Any, call: Any, to: str) -> dict[str, Any]:
    action: dict[str, Any] = {"name": "connectSip", "destination": {"type": "Sip", "endpoint": to}}
    _limits(op, call, action, "cli", "suppressCallbacks", "callHeaders")
    for name in ("transport", "moh"):
        if name in op:
            action[name] = op[name]
    return action


def _mxp(op: Any, call: Any, to: str) -> dict[str, Any]:
    action: dict[str, Any] = {"name": "connectMxp", "destination": {"type": "username", "endpoint": to}}
    if op.get("call_headers"):
        action["callHeaders"] = _headers(op, call)
    return action


def _stream(op: Any, call: Any, to: str) -> dict[str, Any]:
    action: dict[str, Any] = {"name": "connectStream", "destination": {"type": "Websocket", "endpoint": to}}
    if "streaming" in op:
        known = {"version": "version", "sample_rate": "sampleRate"}
        options = {known[key]: value for key, value in op["streaming"].items() if value is not None}
        action["streamingOptions"] = options
    return _limits(op, call, action, "callHeaders")


def hear_bridge(op: Any, call: Any, callback: Callback) -> Heard:
    """ACE (and late AMD notes) at a connect or dial."""
    if callback.event == "notify":
        return _hear_note(callback)
    if callback.event != "ace":
        return STALE
    status = callback.amd_status
    if op.get("amd") is None:
        return Heard("answered")
    if status in ("human", "machine", "notsure", "hangup"):
        return Heard(status)
    if op["amd"] == "sync":
        return Heard("notsure")
    return Heard("answered" if status in ("", "inprogress") else "notsure")


def _hear_note(callback: Callback) -> Heard:
    if callback.notify_type == "amd_beep":
        return Heard("beep")
    status = callback.amd_status
    return Heard(status if status in ("human", "machine", "notsure", "hangup") else "notsure")


def unknown_address(state: State, flow: Flow) -> str:
    """A sentence where ``to`` names nothing in ``may_dial``, else nothing."""
    name = state.config["to"] or ""
    if not name or name in flow.may_dial:
        return ""
    return f'may_dial has no "{name}"{did_you_mean(name, flow.may_dial)}'
