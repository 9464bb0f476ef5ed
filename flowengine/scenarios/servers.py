"""What stands in for the world in a scenario: servers, functions, and what is known of the contact."""

from __future__ import annotations

from typing import Any

from flowengine.document import Map, Node
from flowengine.fields import BOOL, Field, Integer, ListOf, MapOf, OneOf, Reader, Record, Type
from flowengine.scenarios.model import Answer, Server, Stub
from flowengine.scenarios.types import Json, Several, Url, either
from flowengine.states.http import METHODS

_NEVER = OneOf(("true",))
_ANSWER_FIELDS = (
    Field("status", Integer(100, 599), "the status of the answer", shown="200"),
    Field("answers", Json(), "the body of the answer, as JSON"),
    Field("never", _NEVER, "no answer comes in time"),
)
_ANSWER = Record(_ANSWER_FIELDS, "an answer")


class _Answer(Type):
    def read(self, node: Node, reader: Reader) -> Answer | None:
        read = _ANSWER.read(node, reader)
        if read is None or not isinstance(node, Map):
            return None
        if not node.entries:
            reader.expected(node, "an answer such as { answers: { tier: gold } }, { status: 503 } or { never: true }")
            return None
        return answer_of(read, node, reader)

    def schema(self) -> dict[str, Any]:
        return {**_ANSWER.schema(), "minProperties": 1, **_ALONE}

    def phrase(self) -> str:
        return "an answer"


_ALONE: dict[str, Any] = {
    "if": {"required": ["never"]},
    "then": {"properties": {"status": False, "answers": False, "in turn": False}},
}


def answer_of(read: dict[str, Any], node: Map, reader: Reader) -> Answer | None:
    """One answer from the fields of a mapping."""
    if read["never"] and (beside := [key for key in ("status", "answers") if key in node.entries]):
        message = f'"{beside[0]}" stands beside never, which says that no answer comes'
        reader.problem("shape", node.keys[beside[0]], message, "keep one of them")
        return None
    if read["never"]:
        return Answer(failure="timeout")
    return Answer(200 if read["status"] is None else read["status"], read["answers"])


_SERVER = Record(
    (
        *(Field(method, Url(), f"the URL, asked with {method.upper()}; `*` stands for anything") for method in METHODS),
        *_ANSWER_FIELDS,
        Field("in turn", Several(_Answer(), least=1), "its answers one after the other; the last one stays"),
    ),
    "a server",
)


class ServerType(Type):
    """A method with its URL, and what is answered."""

    def read(self, node: Node, reader: Reader) -> Server | None:
        before = len(reader.problems)
        read = _SERVER.read(node, reader)
        if read is None or not isinstance(node, Map):
            return None
        method = either(node, METHODS, reader, "the server") if _names_method(node, read) else ""
        answers = self._answers(read, node, reader)
        if not method or not answers or len(reader.problems) > before:
            return None
        return Server(method.upper(), read[method], answers, node.keys[method].mark)

    def _answers(self, read: dict[str, Any], node: Map, reader: Reader) -> tuple[Answer, ...]:
        if "in turn" not in node.entries:
            one = answer_of(read, node, reader)
            return (one,) if one else ()
        for key in ("status", "answers", "never"):
            if key in node.entries:
                message = f'"{key}" stands beside "in turn", which has all answers'
                reader.problem("shape", node.keys[key], message, "move it into the list")
        return read["in turn"] or ()

    def schema(self) -> dict[str, Any]:
        several = {"if": {"required": ["in turn"]}, "then": {"properties": {"status": False, "answers": False}}}
        ways = [{"required": [method]} for method in METHODS]
        return {**_SERVER.schema(), "oneOf": ways, "allOf": [_ALONE, several]}

    def phrase(self) -> str:
        return "a server such as { post: https://crm.example.com/callers, answers: { tier: gold } }"


def _names_method(node: Map, read: dict[str, Any]) -> bool:
    """Whether it is worth telling of a missing method: not where its key was misspelt, which is told."""
    return bool(set(node.entries) & set(METHODS)) or not set(node.entries) - set(read)


_STUB = Record(
    (
        Field("answers", Json(), "what the function returns"),
        Field("fails", BOOL, "whether it raises"),
    ),
    "a function",
)


class StubType(Type):
    """What becomes of a function that does not run; ``read`` gives a Stub without its name."""

    def read(self, node: Node, reader: Reader) -> Stub | None:
        read = _STUB.read(node, reader)
        if read is None or not isinstance(node, Map):
            return None
        if set(node.entries) - set(read) or not either(node, ("answers", "fails"), reader, "the function"):
            return None
        return Stub("", read["answers"], bool(read["fails"]), node.mark)

    def schema(self) -> dict[str, Any]:
        return {**_STUB.schema(), "oneOf": [{"required": ["answers"]}, {"required": ["fails"]}]}

    def phrase(self) -> str:
        return "a function such as { answers: 12 } or { fails: true }"


SERVERS = ListOf(ServerType())
FUNCTIONS = MapOf(StubType(), "the name of a function")
