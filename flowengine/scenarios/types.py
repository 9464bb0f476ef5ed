"""The types of what scenarios say beside those of flows: expected words, keys, and data as JSON has it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flowengine.document import Map, Node, Seq, Text
from flowengine.fields import NAME, NAME_FIX, TEXTUAL, Field, ListOf, Reader, Record, Type
from flowengine.patterns import BadPattern, compile_pattern
from flowengine.problems import Mark, listed

LARGEST = 2**63 - 1
_JSON_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None}
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?P<fraction>\.[0-9]+)?(?P<exponent>[eE][-+]?[0-9]+)?")


@dataclass(frozen=True)
class Words(Type):
    """Text as it stands. ``expected``: it is looked for in what came, so it holds something; ``/…/`` is RE2.

    ``prose``: words, where a comment that cuts them off hurts.
    """

    expected: bool = False
    what: str = "text"
    prose: bool = True

    def read(self, node: Node, reader: Reader) -> str | None:
        if not isinstance(node, Text):
            listed = self.expected and isinstance(node, Seq)
            reader.expected(node, self.what, "write one step for each" if listed else "put the text in quotes")
            return None
        if node.empty:
            return None
        if node.cut and self.prose:
            message = "the text is cut off here: # after a blank begins a comment"
            reader.problem("comment-cut", node, message, "put the text in quotes")
        if self.expected and not node.value.strip():
            reader.problem(
                "shape", node, "found blanks alone, which fit everything", "write the words that are expected"
            )
            return None
        return node.value if not self.expected or _is_sound(node, reader) else None

    def schema(self) -> dict[str, Any]:
        return {"type": TEXTUAL, "pattern": r"\S"} if self.expected else {"type": TEXTUAL}

    def phrase(self) -> str:
        return self.what


def pattern_of(text: str) -> str | None:
    """The RE2 pattern in ``/…/``, or None where the text is meant as it stands."""
    return text[1:-1] if len(text) > 2 and text[0] == text[-1] == "/" else None


def _is_sound(node: Text, reader: Reader) -> bool:
    pattern = pattern_of(node.value)
    if pattern is None:
        return True
    try:
        compile_pattern(pattern)
    except BadPattern as error:
        reader.problem("pattern", node, f"between the slashes: {error.message}", "write it as RE2, or leave out the /")
        return False
    return True


class Url(Type):
    """The URL of a server; ``*`` in it stands for anything."""

    def read(self, node: Node, reader: Reader) -> str | None:
        if isinstance(node, Text) and re.fullmatch(_URL, node.value):
            return node.value
        reader.expected(node, self.phrase(), "begin with https://, or with * for any server")
        return None

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_URL}$"}

    def phrase(self) -> str:
        return "a URL such as https://crm.example.com/callers"


_URL = r"(https?://|\*)\S*"


@dataclass(frozen=True)
class Keys(Type):
    """Keys of a telephone, one after the other, ``most`` of them; ``digits``: neither * nor #."""

    most: int = 100
    digits: bool = False

    def read(self, node: Node, reader: Reader) -> str | None:
        if not isinstance(node, Text):
            reader.expected(node, self.phrase(), 'write them as text: "12#"')
            return None
        if not re.fullmatch(f"[{self._set()}]+", node.value):
            reader.expected(node, self.phrase())
            return None
        if len(node.value) > self.most:
            reader.problem("limit", node, f"found {len(node.value)} of them; expected {self.phrase()}")
            return None
        return node.value

    def _set(self) -> str:
        return "0-9" if self.digits else "0-9*#"

    def schema(self) -> dict[str, Any]:
        whole = {"type": "integer", "minimum": 0, "exclusiveMaximum": 10 ** min(self.most, 15)}
        return {"anyOf": [{"type": "string", "pattern": f"^[{self._set()}]{{1,{self.most}}}$"}, whole]}

    def phrase(self) -> str:
        if self.digits:
            return "one digit" if self.most == 1 else "digits"
        return "one of the keys 0-9, * and #" if self.most == 1 else "keys: 0-9, * and #"


class Several(ListOf):
    """A list whose schema says too how many entries it has at least."""

    def schema(self) -> dict[str, Any]:
        return {**super().schema(), "minItems": self.least}


_UNQUOTED_NUMBER = {"type": "integer", "minimum": 1_000_000}
"""What editors make of +12025550142 without quotes."""


@dataclass(frozen=True)
class Number(Type):
    """A telephone number in E.164; ``example`` is one that is shown."""

    example: str = "+12025550142"

    def read(self, node: Node, reader: Reader) -> str | None:
        if not isinstance(node, Text):
            reader.expected(node, self.phrase())
            return None
        if re.fullmatch(r"\+.*|[0-9 ()-]+", node.value):
            before = len(reader.problems)
            reader.number(node, node.value)
            return node.value if len(reader.problems) == before else None
        reader.expected(node, self.phrase())
        return None

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "string", "pattern": r"^\+[1-9][0-9]{6,14}$"}, _UNQUOTED_NUMBER]}

    def phrase(self) -> str:
        return f'a telephone number such as "{self.example}"'


class NumberOrWithheld(Number):
    """A telephone number, or that it is not shown."""

    def read(self, node: Node, reader: Reader) -> str | None:
        return "withheld" if isinstance(node, Text) and node.value == "withheld" else super().read(node, reader)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"enum": ["withheld"]}, super().schema()]}

    def phrase(self) -> str:
        return f"{super().phrase()}, or withheld"


class Degrees(Type):
    """A latitude or longitude."""

    def read(self, node: Node, reader: Reader) -> float | None:
        value = scalar(node, reader) if isinstance(node, Text) else None
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 180:
            return float(value)
        reader.expected(node, self.phrase())
        return None

    def schema(self) -> dict[str, Any]:
        return {"type": "number", "minimum": -180, "maximum": 180}

    def phrase(self) -> str:
        return "degrees, such as 59.33"


def scalar(node: Text, reader: Reader) -> Any:
    """A scalar as YAML's JSON schema types it: unquoted ``true``, ``null``, ``12`` and ``1.5``; the rest is text."""
    if not node.plain:
        return node.value
    if node.value in _JSON_WORDS:
        return _JSON_WORDS[node.value]
    number = _JSON_NUMBER.fullmatch(node.value)
    if number is None:
        return node.value
    if number["fraction"] or number["exponent"]:
        value = float(node.value)
        if value not in (float("inf"), float("-inf")):
            return value
    elif len(node.value) <= 20 and -LARGEST <= int(node.value) <= LARGEST:
        return int(node.value)
    reader.problem("limit", node, "the number is too large for 64 bits", "put it in quotes: as text")
    return None


def data(node: Node, reader: Reader) -> Any:
    """A node as JSON-like data."""
    if isinstance(node, Text):
        return scalar(node, reader)
    if isinstance(node, Seq):
        return [data(each, reader) for each in node.items]
    return {key: data(each, reader) for key, each in node.entries.items()}


@dataclass(frozen=True)
class Json(Type):
    """Data as JSON has it, the one place where scalars are typed. ``mapping``: only a mapping."""

    mapping: bool = False

    def read(self, node: Node, reader: Reader) -> Any:
        if self.mapping and not isinstance(node, Map):
            reader.expected(node, self.phrase())
            return None
        return data(node, reader)

    def schema(self) -> dict[str, Any]:
        return {"type": "object"} if self.mapping else {}

    def phrase(self) -> str:
        return "a mapping" if self.mapping else "data"


@dataclass(frozen=True)
class Values(Type):
    """Values by name that the flow declares and types: text as it stands, ``null`` for none, or lists and mappings."""

    what: str = "names"

    def read(self, node: Node, reader: Reader) -> dict[str, Any] | None:
        if not isinstance(node, Map):
            reader.expected(node, self.phrase())
            return None
        found = {}
        for name, each in node.entries.items():
            if not NAME.fullmatch(name):
                reader.problem("name", node.keys[name], f'found the key "{name}"; expected a name', NAME_FIX)
            elif isinstance(each, Text):
                if not each.empty:
                    found[name] = None if each.plain and each.value == "null" else each.value
            else:
                found[name] = data(each, reader)
        return found

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "propertyNames": {"pattern": f"^({NAME.pattern})$"}}

    def phrase(self) -> str:
        return f"a mapping from {self.what} to their values"


@dataclass(frozen=True)
class Given(Type):
    """A mapping of which ``read`` gives only what is written, ``least`` of it; a bare value stands for ``lone``."""

    record: Record
    lone: str = ""
    least: int = 1

    def read(self, node: Node, reader: Reader) -> dict[str, Any] | None:
        named = self.record.named()
        if self.lone and not isinstance(node, Map):
            if not isinstance(node, Text):
                reader.expected(node, self.phrase())
                return None
            value = named[self.lone].type.read(node, reader)
            return None if value is None else {self.lone: value}
        read = self.record.read(node, reader)
        if read is None or not isinstance(node, Map):
            return None
        if len(node.entries) < self.least:
            reader.problem("shape", node, f"found an empty mapping; expected {self.record.phrase()}")
            return None
        return {name: value for name, value in read.items() if value is not None}

    def schema(self) -> dict[str, Any]:
        shape = {**self.record.schema(), **({"minProperties": self.least} if self.least else {})}
        return {"anyOf": [self.record.named()[self.lone].type.schema(), shape]} if self.lone else shape

    def phrase(self) -> str:
        lone = f"{self.record.named()[self.lone].type.phrase()}, or " if self.lone else ""
        return f"{lone}{self.record.phrase()}"


def given(what: str, lone: str, *fields: Field, least: int = 1) -> Given:
    return Given(Record(fields, what), lone, least)


def either(node: Map, names: tuple[str, ...], reader: Reader, what: str) -> str:
    """The one of these keys that a mapping has; empty, and told, where it has none or several."""
    used = [name for name in names if name in node.entries]
    if len(used) == 1:
        return used[0]
    found = f"has {listed(used, 'and')}" if used else f"has none of {listed(list(names), 'and')}"
    where: Node | Mark = node.keys[used[1]] if used else node
    reader.problem("shape", where, f"{what} {found}", f"write one of {listed(list(names))}")
    return ""


TEXT = Words()
EXPECTED = Words(expected=True)
KEY = Keys(1)


def named(what: str) -> Words:
    """The name of something, which no comment can cut."""
    return Words(True, what, prose=False)
