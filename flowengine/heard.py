"""What a turn heard, as its journal row keeps it: enough to play the turn again, and nothing private.

Numbers become hashes. What a person gave is ``****`` in whole where it answers a question for a sensitive variable, is
kept in one by this turn, or came to nothing, for then it may be an answer that came late.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from flowengine.callbacks import Callback
from flowengine.engine.library import Library
from flowengine.linking import Node, Program
from flowengine.redact import may_hold_number, redact, redact_typed
from flowengine.webhooks import Inbound, Link

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowengine.turns import Result

HIDDEN = "****"
UNUSED = frozenset(
    {"stale", "late", "ignored", "alert", "opted_out", "unclaimed", "resumed", "invalidinput", "repeated"}
)
"""Events of turns that had no use for what came."""
MOST = 1024
"""Characters of a text that are kept."""
MOST_HEADERS = 50
LEAST = 7
"""Digits of the shortest number whose hash is that of its digits alone, however it is written."""
NUMBERS = frozenset({"cli", "to"})
GIVEN = frozenset({"data", "result"})
"""What other programs and other flows give."""

Digest = Callable[[str], str]


class Heard(NamedTuple):
    """What came, and the state of ``flow`` that it came to; both are empty where nothing was going on.

    ``what`` is a callback, a message or opened link of a contact, or, of what is neither, a mapping as the row keeps
    it but for what is private in it, with its ``event``.
    """

    what: Callback | Inbound | Link | Mapping[str, Any]
    flow: str = ""
    place: str = ""


def as_told(library: Library, heard: Heard, result: Result, sensitive: Sequence[str]) -> Mapping[str, Any]:
    """What the row says. ``result`` is what it came to; ``sensitive`` are values that nothing kept may show."""
    what = heard.what
    private = library.hides and _private(library, heard, result)
    tell = _TELL.get(what.__class__)
    if tell is None:
        return _other(library, heard, private, sensitive)
    told: dict[str, Any] = tell(what, private or (library.hides and what.__class__ is Callback and what.event == "ice"))
    try:
        plain = not sensitive and "cli" not in told and not may_hold_number("\n".join(told.values()))
    except TypeError:  # not of texts alone
        plain = False
    return told if plain else {name: _shown(name, each, sensitive, library.digest) for name, each in told.items()}


def _shown(name: str, value: Any, sensitive: Sequence[str], digest: Digest) -> Any:
    if name in NUMBERS:
        digits = "".join(each for each in value if each.isdigit())
        return value and f"~{digest(digits if len(digits) >= LEAST else value)}"
    if isinstance(value, str):
        return redact_typed(value, sensitive, digest)
    if isinstance(value, Mapping):
        return redact({redact_typed(key, sensitive, digest): each for key, each in value.items()}, sensitive, digest)
    return redact(value, sensitive, digest)


# --- what came ---------------------------------------------------------------------------------------------------


def _callback(callback: Callback, private: bool) -> dict[str, Any]:
    return _CALLBACKS[callback.event](callback, private)


def _pie(callback: Callback, private: bool) -> dict[str, Any]:
    value = callback.menu_value
    told = {
        "event": "pie",
        "menuId": callback.menu_id,
        "type": callback.menu_type,
        "value": HIDDEN if private and value else value,
        "inputMethod": callback.input_method,
    }
    if callback.conference_id:
        told["conferenceId"] = callback.conference_id
    return told


def _ice(callback: Callback, private: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "event": "ice",
        "cli": callback.cli if callback.cli_known else "",
        "to": callback.to_endpoint,
    }
    if callback.domain:
        told["domain"] = callback.domain
    if callback.custom:
        told["custom"] = HIDDEN if private else callback.custom[:MOST]
    if callback.headers:
        told["headers"] = HIDDEN if private else dict(callback.headers[:MOST_HEADERS])
    return told


def _amd(callback: Callback) -> dict[str, Any]:
    found = callback.amd_status
    return {"amd": {"status": found, "reason": callback.amd_reason}} if found else {}


def _ace(callback: Callback, private: bool) -> dict[str, Any]:
    return {"event": "ace", **_amd(callback)}


def _dice(callback: Callback, private: bool) -> dict[str, Any]:
    told = {"event": "dice", "result": callback.result, "reason": callback.reason}
    return {**told, "duration": callback.duration or 0}


def _notify(callback: Callback, private: bool) -> dict[str, Any]:
    told = {"event": "notify", "type": callback.notify_type, **_amd(callback)}
    if callback.destination:
        told["destination"] = callback.destination[:MOST]
    if callback.error_code is not None:
        told["errorCode"] = callback.error_code
    if callback.error_message:
        told["errorMsg"] = HIDDEN if private else callback.error_message[:MOST]
    return told


def _message(inbound: Inbound, private: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"event": "message", "kind": inbound.kind, "channel": inbound.channel}
    if inbound.text:
        told["text"] = HIDDEN if private else inbound.text[:MOST]
    if inbound.postback:  # what its button stands for, and behind it which question it was a button of
        told["choice"] = HIDDEN if private else _chosen(inbound.postback)[:MOST]
    if inbound.media:
        told["media"] = HIDDEN if private else inbound.media[0].url[:MOST]
    if inbound.location is not None:
        told["location"] = HIDDEN if private else asdict(inbound.location)
    return told


def _chosen(postback: str) -> str:
    return postback.rpartition("#")[0] if "#" in postback else postback


def _link(link: Link, private: bool) -> dict[str, Any]:
    payload = link.ref or link.payload
    return {"event": "link", "channel": link.channel, "payload": HIDDEN if private else payload[:MOST]}


def _other(library: Library, heard: Heard, private: bool, sensitive: Sequence[str]) -> Mapping[str, Any]:
    what = heard.what
    assert isinstance(what, Mapping)
    told = {name: HIDDEN if private and name in GIVEN and each else each for name, each in what.items()}
    if told.get("inputs"):
        program = library.programs.get(told.get("flow", ""))
        hidden = program.sensitive if program is not None else frozenset()
        told["inputs"] = {name: HIDDEN if name in hidden else each for name, each in what["inputs"].items()}
    shown: dict[str, Any] = redact(told, sensitive, library.digest)
    return shown


_CALLBACKS: dict[str, Callable[[Callback, bool], dict[str, Any]]] = {
    "ice": _ice,
    "ace": _ace,
    "pie": _pie,
    "dice": _dice,
    "notify": _notify,
}
_TELL: dict[type, Callable[[Any, bool], dict[str, Any]]] = {Callback: _callback, Inbound: _message, Link: _link}


# --- what is private ---------------------------------------------------------------------------------------------


def _private(library: Library, heard: Heard, result: Result) -> bool:
    outcome = result.outcome
    if outcome is None or result.incident or result.event in UNUSED:
        return True
    if outcome.changes and any(
        name in each.sensitive for each in library.programs.values() for name in outcome.changes
    ):
        return True
    program = library.programs.get(heard.flow)
    if program is None:
        return False
    node = program.states.get(heard.place)
    # Where a flow is over that asks for such values, an answer to it may still come.
    return bool(program.sensitive) if node is None else _asks_for_sensitive(program, node, heard.what)


def _asks_for_sensitive(program: Program, node: Node, what: Any) -> bool:
    """Whether an answer here may be for a sensitive variable; menus that are played together answer here too."""
    states = (node.op.get("fused") or {}).get("states", {})
    if what.__class__ is Callback and what.menu_type == "return" and what.menu_id in states:
        return program.states[states[what.menu_id]].op.get("into") in program.sensitive
    return any(
        each.op.get("into") in program.sensitive for each in (node, *map(program.states.__getitem__, states.values()))
    )
