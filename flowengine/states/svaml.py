"""
```yaml
hold:
  svaml:
    instructions: [ { name: answer } ]
    action: { name: park, holdPrompt: "#tts[{{ text }}]", maxDuration: 60 }
  on: { disconnected: end }
```
The platform's own words, for what the kinds do not say. The names and every field are checked as everywhere;
`{{ }}` may stand in texts, never in a name. Its outcomes are those of the action: the values of `return(x)`, then
as for `menu`, `collect`, `connect` or `conference`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flowengine.answers import Refused
from flowengine.callbacks import Callback
from flowengine.document import Map, Node, Seq, Text, kind_of
from flowengine.fields import Boolean, Custom, Field, Integer, Reader, Record, source, unknown_key
from flowengine.lowering import lower_source
from flowengine.model import Flow, Source, State
from flowengine.problems import did_you_mean, listed
from flowengine.states.base import (
    DISCONNECTED,
    HANGUP,
    INPUT_ERROR,
    INVALID,
    STALE,
    TIMEOUT,
    Heard,
    Kind,
    Outcome,
    Where,
)
from flowengine.states.bridge import hear_bridge
from flowengine.states.menu import PIE_EVENTS
from flowengine.svaml import ACTIONS, INSTRUCTIONS, ActionSpec, FieldSpec, InstructionSpec, Position
from flowengine.walk import within

RETURN = re.compile(r"return\((.*)\)")
_WIDE = 10**9


def _read_named(known: Mapping[str, ActionSpec] | Mapping[str, InstructionSpec], what: str) -> Any:
    def read(node: Node, reader: Reader) -> dict[str, Any] | None:
        if not isinstance(node, Map) or not isinstance(node.entries.get("name"), Text):
            reader.expected(node, f"{what} with a name, such as {{ name: {next(iter(known))} }}")
            return None
        name = node.entries["name"]
        assert isinstance(name, Text)
        if "{{" in name.value:
            message = f"the name of {what} cannot be a template"
            reader.problem("templated-action", name, message, "write one svaml state per name and route between them")
            return None
        if name.value not in known:
            hint = did_you_mean(name.value, known)
            message = f'there is no {what.split()[-1]} "{name.value}"{hint}'
            reader.problem("unknown-action", name, message, "" if hint else f"expected {listed(list(known))}")
            return None
        fields = known[name.value].fields
        return {"name": name.value, **_read_fields(fields, node, reader, name.value, skip="name")}

    return read


def _read_fields(specs: tuple[FieldSpec, ...], node: Map, reader: Reader, what: str, skip: str = "") -> dict[str, Any]:
    by_name = {spec.name: spec for spec in specs}
    found = {}
    for key, each in node.entries.items():
        if key == skip:
            continue
        if key not in by_name:
            unknown_key(reader, node.keys[key], by_name, what)
            continue
        value = _read_field(by_name[key], each, reader)
        if value is not None:
            found[key] = value
    for spec in specs:
        if spec.required and spec.name not in node.entries:
            reader.problem("missing-key", node, f'{what} has no "{spec.name}"', f"add {spec.name}")
    return found


def _read_field(spec: FieldSpec, node: Node, reader: Reader) -> Any:
    if spec.type in ("text", "prompts"):
        return _read_text(spec, node, reader)
    if spec.type == "boolean":
        return Boolean().read(node, reader)
    if spec.type == "integer":
        low = 0 if spec.minimum is None else spec.minimum
        return Integer(low, _WIDE if spec.maximum is None else spec.maximum).read(node, reader)
    if spec.type == "object":
        if not isinstance(node, Map):
            reader.expected(node, f"a mapping for {spec.name}")
            return None
        return _read_fields(spec.fields, node, reader, spec.name)
    return _read_list(spec, node, reader)


def _read_text(spec: FieldSpec, node: Node, reader: Reader) -> Source | None:
    if not isinstance(node, Text):
        reader.expected(node, f"text for {spec.name}")
        return None
    text = source(node)
    if text.dynamic:
        return text
    words = [str(word) for word in spec.one_of]
    if words and node.value not in words:
        message = f"found {kind_of(node)}; expected {listed(words)}"
        reader.problem("shape", node, message + did_you_mean(node.value, words))
    elif spec.pattern and not re.search(spec.pattern, node.value):
        reader.problem("shape", node, f"{kind_of(node)} is not a {spec.name}", spec.doc)
    elif spec.maximum and len(node.value) > spec.maximum:
        reader.problem(
            "limit",
            node,
            f"{len(node.value)} characters; {spec.name} has at most {spec.maximum}",
            "shorten it",
        )
    return text


def _read_list(spec: FieldSpec, node: Node, reader: Reader) -> Any:
    if not isinstance(node, Seq):
        reader.expected(node, f"a list for {spec.name}")
        return None
    if spec.item is not None:
        return tuple(_read_field(spec.item, each, reader) for each in node.items)
    found = []
    for each in node.items:
        if isinstance(each, Map):
            found.append(_read_fields(spec.fields, each, reader, spec.name))
        else:
            reader.expected(each, f"a mapping in {spec.name}")
    return tuple(found)


def _read_instructions(node: Node, reader: Reader) -> tuple[Any, ...] | None:
    if not isinstance(node, Seq):
        reader.expected(node, "a list of instructions")
        return None
    read = _read_named(INSTRUCTIONS, "an instruction")
    return tuple(each for each in (read(item, reader) for item in node.items) if each is not None)


_OPEN = {"type": "object", "required": ["name"]}


class Svaml(Kind):
    name = "svaml"
    glyph = "►"
    family = "talk"
    waits = True
    fields = Record(
        (
            Field(
                "instructions",
                Custom(_read_instructions, {"type": "array", "items": _OPEN}, "instructions"),
                "in order",
            ),
            Field(
                "action",
                Custom(_read_named(ACTIONS, "an action"), _OPEN, "an action"),
                "the one action, by its name",
                True,
            ),
        ),
        "svaml",
    )

    def check(self, config: Mapping[str, Any], node: Map, reader: Reader) -> None:
        action = config["action"]
        menus = {_plain(menu.get("id")) for menu in action.get("menus", ())} if action else set()
        if action and action["name"] == "runMenu" and "main" not in menus:
            reader.problem("shape", node.entries["action"], 'no menu has the id "main"', "name the first menu main")

    def outcomes(self, state: State, flow: Flow) -> tuple[Outcome, ...]:
        action = state.config["action"]
        if not _dynamic(state.config):
            return self._heard(action)
        return _failing(self._heard(action))

    def _heard(self, action: Mapping[str, Any]) -> tuple[Outcome, ...]:
        name = action["name"]
        if name == "runMenu":
            return _menu_outcomes(action)
        if name in ("hangup", "continue"):
            return ()
        if name == "connectConf":
            detect = _plain(action.get("conferenceDtmfOptions", {}).get("mode")) == "detect"
            digits = (Outcome("digits", ("nobody",), "ignore", "late", side=True),) if detect else ()
            return (*digits, DISCONNECTED)
        if name in ("park", "connectMxp", "connectStream") or action.get("suppressCallbacks"):
            return (DISCONNECTED,)
        return _bridge_outcomes(action)

    def actions(self, state: State, flow: Flow, position: Position) -> tuple[str, ...]:
        return (state.config["action"]["name"],)

    def lower(self, state: State, flow: Flow) -> dict[str, Any]:
        config = state.config
        action = config["action"]
        returns = {}
        if action["name"] == "runMenu":
            returns = {each.name: "" for each in _menu_outcomes(action) if each.choice}
        amd = action.get("amd", {})
        verdicts = {"amd": "async" if amd.get("async") else "sync"} if amd.get("enabled") else {}
        return {
            "instructions": [_lower(each, INSTRUCTIONS[each["name"]].fields) for each in config["instructions"] or ()],
            "action": _lower(action, ACTIONS[action["name"]].fields),
            "name": action["name"],
            "choices": returns,
            **verdicts,
        }

    def run(self, op: Any, call: Any) -> str | None:
        before = len(call.pieces)
        try:
            action = call.filled(op["action"])
            for instruction in op["instructions"]:
                if instruction["name"] != "answer" or call.position == "I":
                    call.add(call.filled(instruction))
            if not call.may_dial(action):
                raise Refused("destination", op["name"])
        except Refused as error:
            del call.pieces[before:]
            call.note("refused", str(error))
            return "error"
        if any(each["name"] == "startRecording" for each in op["instructions"]):
            call.arm("recording")
        if "amd" in op:
            call.arm("amd")
        place = call.place_call if call.position == "O" else call.place
        place(action)
        return None

    def hear(self, op: Any, call: Any, callback: Callback) -> Heard:
        if callback.event != "pie":
            return hear_bridge(op, call, callback)
        if op["name"] == "connectConf":
            return Heard("digits", callback.menu_value) if callback.menu_type == "sequence" else STALE
        if callback.menu_type == "return":
            return Heard(callback.menu_value if callback.menu_value in op["choices"] else "invalidinput")
        if callback.menu_type == "sequence":
            return Heard("digits", callback.menu_value)
        return Heard(PIE_EVENTS.get(callback.menu_type, "error"))

    def summary(self, state: State, flow: Flow) -> str:
        return str(state.config["action"]["name"])


def _dynamic(config: Mapping[str, Any]) -> bool:
    return any(source.dynamic for source in within([config["action"], config["instructions"] or ()]))


def _failing(outcomes: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
    """With ``error`` where the state stood: a text that was filled in may not be what the platform takes."""
    where: tuple[Where, ...] = ("same",)
    if INPUT_ERROR in outcomes:
        where = ("input", "same")
    kept = tuple(each for each in outcomes if each is not INPUT_ERROR)
    return (*kept, Outcome("error", where, INPUT_ERROR.default, INPUT_ERROR.style))


def _menu_outcomes(action: Mapping[str, Any]) -> tuple[Outcome, ...]:
    found: dict[str, Outcome] = {}
    digits = False
    for menu in action.get("menus", ()):
        digits = digits or "maxDigits" in menu
        for option in menu.get("options", ()):
            match = RETURN.fullmatch(_plain(option.get("action")))
            if match:
                label = _plain(option.get("dtmf"))
                found[match[1]] = Outcome(match[1], ("input",), choice=True, label=label)
    collected = (Outcome("digits", ("input",)),) if digits else ()
    return (*found.values(), *collected, TIMEOUT, INVALID, INPUT_ERROR, HANGUP, DISCONNECTED)


def _bridge_outcomes(action: Mapping[str, Any]) -> tuple[Outcome, ...]:
    amd = action.get("amd", {})
    if not amd.get("enabled"):
        return (Outcome("answered", ("answered",), "continue"), DISCONNECTED)
    verdicts = tuple(
        Outcome(name, ("answered", "live") if amd.get("async") else ("answered",), "continue")
        for name in ("human", "machine", "notsure")
    )
    extra = (Outcome("answered", ("answered",), "continue"), Outcome("beep", ("live",), "ignore", "late"))
    return (*(extra if amd.get("async") else ()), *verdicts, HANGUP, DISCONNECTED)


def _plain(value: Any) -> str:
    return value.text if isinstance(value, Source) else ""


def _lower(value: Any, specs: tuple[FieldSpec, ...]) -> Any:
    by_name = {spec.name: spec for spec in specs}
    return {key: _lower_field(each, by_name[key]) if key in by_name else each for key, each in value.items()}


def _lower_field(value: Any, spec: FieldSpec) -> Any:
    if isinstance(value, Source):
        if value.dynamic and (spec.type == "prompts" or spec.name == "text"):
            return {"$q": value.text, "at": str(value.mark)}
        return lower_source(value)
    if isinstance(value, dict):
        return _lower(value, spec.fields)
    if isinstance(value, tuple):
        return [_lower_field(each, spec.item) if spec.item else _lower(each, spec.fields) for each in value]
    return value
