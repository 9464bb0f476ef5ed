"""``on`` values: a state, ``{to, set, say, …}``, or a list of ``{when, …}`` that ends in ``{else: …}``."""

from __future__ import annotations

from typing import Any

from flowengine.document import Map, Node, Seq, Text
from flowengine.fields import GUARD, NAME, TEXTUAL, Integer, Reader, unknown_key
from flowengine.instructions import INSTRUCTIONS
from flowengine.model import UNREADABLE, Branch, Handler, Instruction, Source

TARGET_SCHEMA = {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"}


def read_target(node: Node, reader: Reader) -> str:
    """A target; :data:`UNREADABLE` where something else stands."""
    if isinstance(node, Text) and node.value == "continue" and reader.channel == "message":
        reader.wrong_channel(node, "continue", ("voice",), "name a state, or end")
        return UNREADABLE
    if isinstance(node, Text) and NAME.fullmatch(node.value):
        return node.value
    fix = "put instructions beside the name, as in { say: …, to: state }" if isinstance(node, Map) else ""
    reader.expected(node, "the name of a state, end, continue or back", fix)
    return UNREADABLE


def read_do(node: Map, reader: Reader) -> tuple[Instruction, ...]:
    """The shorthand instructions of a mapping, ``set`` and ``clear`` first, then its ``do``."""
    names = [key for key in node.entries if key in INSTRUCTIONS]
    names.sort(key=lambda name: name not in ("set", "clear"))
    found = [read_instruction(node.keys[name], node.entries[name], reader) for name in names]
    if "do" in node.entries:
        found.extend(read_list(node.entries["do"], reader))
    return tuple(each for each in found if each is not None)


def read_list(node: Node, reader: Reader) -> list[Instruction | None]:
    if not isinstance(node, Seq):
        reader.expected(node, "a list of instructions such as - say: Hello.")
        return []
    return [_one(each, reader) for each in node.items]


def _one(node: Node, reader: Reader) -> Instruction | None:
    if not isinstance(node, Map) or len(node.entries) != 1:
        reader.expected(node, "one instruction such as say: Hello.", "begin each with its own dash")
        return None
    name, value = next(iter(node.entries.items()))
    if name not in INSTRUCTIONS:
        unknown_key(reader, node.keys[name], INSTRUCTIONS, "do")
        return None
    return read_instruction(node.keys[name], value, reader)


def read_instruction(key: Text, node: Node, reader: Reader) -> Instruction | None:
    instruct = INSTRUCTIONS[key.value]
    if reader.channel not in instruct.channels:
        reader.wrong_channel(key, key.value, instruct.channels, instruct.nearest)
        return None
    value = instruct.read(node, reader)
    return None if value is None else Instruction(key.value, value, node.mark)


def read_handler(event: str, key: Text, node: Node, reader: Reader) -> Handler | None:
    if isinstance(node, Seq):
        branches = read_branches(node, reader)
        return Handler(event, key.mark, branches) if branches else None
    if isinstance(node, Map):
        return _read_record(event, key, node, reader)
    return Handler(event, key.mark, (Branch(read_target(node, reader), node.mark),))


def _read_record(event: str, key: Text, node: Map, reader: Reader) -> Handler | None:
    strange = _known(node, reader, ("to", "retry", "then"), f"on.{event}")
    retry = Integer(1, 10).read(node.entries["retry"], reader) if "retry" in node.entries else 0
    goal = "then" if "retry" in node.entries else "to"
    other = "to" if goal == "then" else "then"
    if other in node.entries:
        beside = "beside retry" if goal == "then" else "without retry"
        reader.problem("shape", node.keys[other], f'"{other}" cannot stand {beside}', f"use {goal}:")
    elif goal == "then" and "then" not in node.entries:
        fix = "add then: and the state that follows the last try"
        reader.problem("missing-key", node, 'the retry has no "then"', fix)
    strange += [other] if other in node.entries else []
    to = read_target(node.entries[goal], reader) if goal in node.entries else UNREADABLE if strange else ""
    mark = node.entries[goal].mark if goal in node.entries else key.mark
    return Handler(event, key.mark, (Branch(to, mark, None, read_do(node, reader)),), retry or 0)


def _known(node: Map, reader: Reader, keys: tuple[str, ...], what: str) -> list[str]:
    """The keys that do not belong here."""
    known = (*keys, *INSTRUCTIONS, "do")
    strange = [key for key in node.entries if key not in known]
    for key in strange:
        if key in ("next", "goto", "state", "target"):
            reader.problem("unknown-key", node.keys[key], f'{what} has no key "{key}"', f"write {keys[0]}: state")
        else:
            unknown_key(reader, node.keys[key], known, what)
    return strange


def read_branches(node: Node, reader: Reader) -> tuple[Branch, ...] | None:
    """A list of branches; the last is ``{else: …}``."""
    if not isinstance(node, Seq) or not node.items:
        reader.expected(node, "a list such as [{ when: 'n > 3', to: many }, { else: few }]")
        return None
    branches = [_branch(each, reader, last=each is node.items[-1]) for each in node.items]
    if not any(isinstance(each, Map) and "else" in each.entries for each in node.items):
        reader.problem("no-else", node.items[-1], "the last branch has no else", "end the list with { else: state }")
    return tuple(branch for branch in branches if branch is not None)


def _branch(node: Node, reader: Reader, last: bool) -> Branch | None:
    if not isinstance(node, Map):
        reader.expected(node, "a branch such as { when: 'n > 3', to: many }")
        return None
    strange = _known(node, reader, ("to", "when", "else"), "a branch")
    is_else = "else" in node.entries
    if is_else and (not last or "when" in node.entries or "to" in node.entries):
        fix = "write { else: state } last; say, set and others may stand beside it"
        reader.problem("shape", node, "else names the state of the last branch, without when or to", fix)
    if not is_else and not strange and "when" not in node.entries:
        reader.problem("missing-key", node, 'the branch has no "when"', "add a condition, or write else")
    return _build(node, reader, "else" if is_else else "to", UNREADABLE if strange else "")


def _build(node: Map, reader: Reader, goal: str, without: str) -> Branch:
    when: Source | None = None
    if "when" in node.entries and goal == "to":
        when = GUARD.read(node.entries["when"], reader)
    to = read_target(node.entries[goal], reader) if goal in node.entries else without
    mark = node.entries[goal].mark if goal in node.entries else node.mark
    return Branch(to, mark, when, read_do(node, reader))


def _instructions_schema() -> dict[str, Any]:
    return {name: {"$ref": f"#/$defs/instruction_{name}"} for name in INSTRUCTIONS}


def _record_schema(*keys: str) -> dict[str, Any]:
    goals: dict[str, Any] = {
        "to": TARGET_SCHEMA,
        "then": TARGET_SCHEMA,
        "else": TARGET_SCHEMA,
        "when": {"type": TEXTUAL},
        "retry": {"type": "integer", "minimum": 1, "maximum": 10},
    }
    properties = {key: goals[key] for key in keys} | _instructions_schema() | {"do": {"$ref": "#/$defs/do"}}
    return {"type": "object", "properties": properties, "additionalProperties": False}


BRANCHES_SCHEMA: dict[str, Any] = {
    "type": "array",
    "items": _record_schema("when", "to", "else"),
    "minItems": 1,
}
HANDLER_SCHEMA: dict[str, Any] = {"anyOf": [TARGET_SCHEMA, _record_schema("to", "retry", "then"), BRANCHES_SCHEMA]}
