"""The types of a flow's fields: each reads a node, shows its JSON Schema and says itself in one phrase.

Reader, editor schema and reference tables come from the same declaration, so they cannot disagree. A type
that cannot use a node tells the :class:`Reader` and returns ``None``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flowengine import units
from flowengine.document import Map, Node, Seq, Text, kind_of
from flowengine.model import CHANNELS, Channel, Part, PartKind, Prompt, Source
from flowengine.problems import Mark, Problem, closest, did_you_mean, listed

NAME = re.compile(r"[a-z][a-z0-9_]*")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]+)*(/[a-z]+)?")
TEXTUAL = ["string", "number", "boolean"]


@dataclass
class Reader:
    """Collects what is wrong while a flow is read."""

    file: str
    problems: list[Problem] = field(default_factory=list)
    sounds: Mapping[str, str] = field(default_factory=dict)
    channel: Channel = "voice"

    def problem(self, rule: str, where: Node | Mark, message: str, fix: str = "", **more: Any) -> None:
        mark = where if isinstance(where, Mark) else where.mark
        self.problems.append(Problem(rule, mark, message, fix=fix, **more))

    def wrong_channel(self, key: Text, what: str, channels: Iterable[str], nearest: str = "") -> None:
        """Something of calls stands in a message flow, or the other way round."""
        if key.told:
            return
        key.told = True
        belongs = "calls" if "voice" in channels else "message flows"
        self.problem("wrong-channel", key, f'"{what}" belongs to {belongs}', nearest or "take it out")

    def expected(self, node: Node, what: str, fix: str = "") -> None:
        if not (isinstance(node, Text) and node.empty):  # that nothing stands there is told already
            self.problem("shape", node, f"found {kind_of(node)}; expected {what}", fix)

    def number(self, node: Node, text: str) -> None:
        """A text that looks like a phone number must be one, in E.164."""
        from flowengine.numbers import e164

        if not re.fullmatch(r"\+.*|[0-9 ()-]+", text) or e164(text):
            return
        guess = "+" + re.sub("[^0-9]", "", text).removeprefix("00")
        fix = f'write it as E.164: "{guess if e164(guess) else "+12025550100"}"'
        what = "is not a phone number" if text.startswith("+") else "does not begin with + and the country"
        self.problem("shape", node, f'"{text}" {what}', fix)


class Type:
    """The base of all types."""

    def read(self, node: Node, reader: Reader) -> Any:
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        raise NotImplementedError

    def phrase(self) -> str:
        raise NotImplementedError


def source(node: Text) -> Source:
    return Source(node.value, node.mark, node.block)


@dataclass(frozen=True)
class Template(Type):
    """Text that may hold ``{{ }}``. ``prose``: words to be heard or read, where a cut-off comment hurts."""

    prose: bool = False

    def read(self, node: Node, reader: Reader) -> Source | None:
        if not isinstance(node, Text):
            reader.expected(node, "text", "put the text in quotes" if "{{" in kind_of(node) else "")
            return None
        if self.prose and node.cut:
            message = "the text is cut off here: # after a blank begins a comment"
            reader.problem("comment-cut", node, message, "put the text in quotes", severity="error")
        return source(node)

    def schema(self) -> dict[str, Any]:
        return {"type": TEXTUAL}

    def phrase(self) -> str:
        return "text"


@dataclass(frozen=True)
class Constant(Type):
    """Text without ``{{ }}``."""

    pattern: str = ""
    what: str = "text"
    max_length: int = 0

    def read(self, node: Node, reader: Reader) -> str | None:
        if not isinstance(node, Text):
            reader.expected(node, self.what)
            return None
        if "{{" in node.value:
            reader.problem("shape", node, f"{{{{ }}}} cannot stand here; expected {self.what}", "write it out")
            return None
        if self.pattern and not re.fullmatch(self.pattern, node.value):
            reader.expected(node, self.what)
            return None
        if self.max_length and len(node.value) > self.max_length:
            reader.problem("limit", node, f"{len(node.value)} characters; at most {self.max_length}", "shorten it")
            return None
        return node.value

    def schema(self) -> dict[str, Any]:
        return {"type": TEXTUAL, **({"pattern": f"^({self.pattern})$"} if self.pattern else {})}

    def phrase(self) -> str:
        return self.what


def Name(what: str = "a name") -> Constant:
    return Constant(NAME.pattern, f"{what} (a-z, 0-9 and _, beginning with a letter)", 64)


@dataclass(frozen=True)
class Boolean(Type):
    def read(self, node: Node, reader: Reader) -> bool | None:
        if isinstance(node, Text) and node.value in ("true", "false"):
            return node.value == "true"
        reader.expected(node, "true or false")
        return None

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def phrase(self) -> str:
        return "true or false"


@dataclass(frozen=True)
class Integer(Type):
    low: int = 0
    high: int = 10**9

    def read(self, node: Node, reader: Reader) -> int | None:
        if isinstance(node, Text) and re.fullmatch(r"-?[0-9]{1,12}", node.value):
            value = int(node.value)
            if self.low <= value <= self.high:
                return value
            reader.problem("limit", node, f"found {value}; expected {self.phrase()}")
            return None
        reader.expected(node, self.phrase())
        return None

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}

    def phrase(self) -> str:
        return f"a whole number from {self.low} to {self.high}"


@dataclass(frozen=True)
class Duration(Type):
    """A length of time with its unit, read as seconds."""

    low: float = 0
    high: float = 366 * 86400

    def read(self, node: Node, reader: Reader) -> float | None:
        if not isinstance(node, Text):
            reader.expected(node, self.phrase())
            return None
        try:
            value = units.seconds(node.value)
        except ValueError as error:
            reader.problem("shape", node, str(error))
            return None
        if not self.low <= value <= self.high:
            reader.problem("limit", node, f"found {node.value}; expected {self.phrase()}")
            return None
        return value

    def schema(self) -> dict[str, Any]:
        return {
            "type": "string",
            "pattern": r"^[0-9]+(\.[0-9]+)?(ms|s|m|h|d)$",
            "patternErrorMessage": "a duration with its unit, such as 5s, 800ms, 2m or 24h",
            "examples": ["5s", "800ms", "2m"],
        }

    def phrase(self) -> str:
        return f"a duration from {units.spoken(self.low)} to {units.spoken(self.high)}, such as 5s or 800ms"


@dataclass(frozen=True)
class OneOf(Type):
    values: tuple[str, ...]

    def read(self, node: Node, reader: Reader) -> str | None:
        if isinstance(node, Text) and node.value in self.values:
            return node.value
        hint = did_you_mean(node.value, self.values) if isinstance(node, Text) else ""
        reader.expected(node, f"{self.phrase()}{hint}")
        return None

    def schema(self) -> dict[str, Any]:
        return {"enum": [_typed(value) for value in self.values]}

    def phrase(self) -> str:
        return listed(list(self.values))


def _typed(value: str) -> Any:
    return {"true": True, "false": False}.get(value, value)


@dataclass(frozen=True)
class ListOf(Type):
    """A list; a single value may stand for a list of one where ``lone``."""

    of: Type
    lone: bool = False
    least: int = 0
    most: int = 10_000

    def read(self, node: Node, reader: Reader) -> tuple[Any, ...] | None:
        if not isinstance(node, Seq):
            if not self.lone:
                reader.expected(node, self.phrase())
                return None
            value = self.of.read(node, reader)
            return None if value is None else (value,)
        if not self.least <= len(node.items) <= self.most:
            bound = f"at least {self.least}" if len(node.items) < self.least else f"at most {self.most}"
            reader.problem("limit", node, f"found {len(node.items)} entries; expected {bound}")
        read = [self.of.read(each, reader) for each in node.items]
        return tuple(each for each in read if each is not None)

    def schema(self) -> dict[str, Any]:
        listing = {"type": "array", "items": self.of.schema()}
        return {"anyOf": [listing, self.of.schema()]} if self.lone else listing

    def phrase(self) -> str:
        return f"a list of {self.of.phrase()}"


@dataclass(frozen=True)
class MapOf(Type):
    """A mapping from names of any number to one type; ``read`` gives ``{name: value}``."""

    of: Type
    what: str = "a name"
    pattern: str = NAME.pattern

    def read(self, node: Node, reader: Reader) -> dict[str, Any] | None:
        if not isinstance(node, Map):
            reader.expected(node, self.phrase())
            return None
        found = {}
        for key, each in node.entries.items():
            if not re.fullmatch(self.pattern, key):
                reader.problem("name", node.keys[key], f'found the key "{key}"; expected {self.what}', NAME_FIX)
                continue
            value = self.of.read(each, reader)
            if value is not None:
                found[key] = value
        return found

    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "propertyNames": {"pattern": f"^({self.pattern})$"},
            "additionalProperties": self.of.schema(),
        }

    def phrase(self) -> str:
        return f"a mapping from {self.what} to {self.of.phrase()}"


NAME_FIX = "names are a-z, 0-9 and _, beginning with a letter"


@dataclass(frozen=True)
class Any_(Type):
    """JSON-like data; every text in it may hold ``{{ }}``. Read as Source, tuple and dict."""

    def read(self, node: Node, reader: Reader) -> Any:
        if isinstance(node, Text):
            return source(node)
        if isinstance(node, Seq):
            return tuple(self.read(each, reader) for each in node.items)
        return {key: self.read(each, reader) for key, each in node.entries.items()}

    def schema(self) -> dict[str, Any]:
        return {}

    def phrase(self) -> str:
        return "data"


@dataclass(frozen=True)
class Field:
    """One key of a mapping: its type, whether it must stand, what it means and what holds without it."""

    name: str
    type: Type
    doc: str
    required: bool = False
    default: Any = None
    shown: str = ""
    channels: tuple[str, ...] = ()
    """Which sort of flow it belongs to; empty: to both."""

    def serves(self, channel: str) -> bool:
        return not self.channels or channel in self.channels

    def schema(self) -> dict[str, Any]:
        return {**self.type.schema(), "markdownDescription": self.doc}

    def default_text(self) -> str:
        if self.shown or self.default is None:
            return self.shown
        if isinstance(self.default, bool):
            return str(self.default).lower()
        if isinstance(self.type, Duration):
            return units.spoken(self.default)
        return str(self.default)


@dataclass(frozen=True)
class Record(Type):
    """A mapping with known keys; ``read`` gives ``{key: value}`` with defaults filled in.

    ``lone`` names the field that a bare value (not a mapping) stands for, as in ``hours: office``.
    """

    fields: tuple[Field, ...]
    what: str = "a mapping"
    lone: str = ""

    def named(self) -> dict[str, Field]:
        return {each.name: each for each in self.fields}

    def read(self, node: Node, reader: Reader) -> dict[str, Any] | None:
        if not isinstance(node, Map):
            return self._read_lone(node, reader)
        known = self.named()
        found = {each.name: each.default for each in self.fields}
        for key, each in node.entries.items():
            if key not in known:
                own = [name for name, field in known.items() if field.serves(reader.channel)]
                unknown_key(reader, node.keys[key], own, self.what)
                continue
            if not known[key].serves(reader.channel):
                reader.wrong_channel(node.keys[key], key, known[key].channels)
                continue
            value = known[key].type.read(each, reader)
            if value is not None:
                found[key] = value
        self._missing(node, reader)
        return found

    def _read_lone(self, node: Node, reader: Reader) -> dict[str, Any] | None:
        if not self.lone:
            reader.expected(node, f"{self.what} with {listed([each.name for each in self.fields][:6], 'and')}")
            return None
        value = self.named()[self.lone].type.read(node, reader)
        return None if value is None else {**{each.name: each.default for each in self.fields}, self.lone: value}

    def _missing(self, node: Map, reader: Reader) -> None:
        there = {*node.entries, *meant(node, self.named())}
        for each in self.fields:
            if each.required and each.name not in there and each.serves(reader.channel):
                message = f'{self.what} has no "{each.name}"'
                reader.problem("missing-key", node, message, f"add {each.name}: {each.type.phrase()}")

    def schema(self) -> dict[str, Any]:
        shape: dict[str, Any] = {
            "type": "object",
            "properties": {each.name: each.schema() for each in self.fields},
            "additionalProperties": False,
        }
        required = [each.name for each in self.fields if each.required and not each.channels]
        if required:
            shape["required"] = required
        return {"anyOf": [self.named()[self.lone].type.schema(), shape]} if self.lone else shape

    def phrase(self) -> str:
        return f"{self.what} with {listed([each.name for each in self.fields], 'and')}"


def meant(node: Map, known: Iterable[str]) -> set[str]:
    """The known keys that the unknown ones of a mapping are most like: misspelt, they are not missing too."""
    names = list(known)
    return {closest(key, names) for key in node.entries if key not in names}


def unknown_key(reader: Reader, key: Text, known: Iterable[str], what: str) -> None:
    if key.told:
        return
    names = list(known)
    hint = did_you_mean(key.value, names)
    fix = "" if hint else f"expected {listed(names)}"
    reader.problem("unknown-key", key, f'{what} has no key "{key.value}"{hint}', fix)


@dataclass(frozen=True)
class Custom(Type):
    """A type of its own shape: ``reader`` is a function, ``shape`` its JSON Schema."""

    reader: Callable[[Node, Reader], Any]
    shape: Mapping[str, Any]
    what: str

    def read(self, node: Node, reader: Reader) -> Any:
        return self.reader(node, reader)

    def schema(self) -> dict[str, Any]:
        return dict(self.shape)

    def phrase(self) -> str:
        return self.what


@dataclass(frozen=True)
class Guard(Type):
    """A bare expression that is true or false."""

    def read(self, node: Node, reader: Reader) -> Source | None:
        if not isinstance(node, Text) or node.empty:
            reader.expected(node, 'a condition such as tier == "gold"', "put it in quotes")
            return None
        if node.cut:
            reader.problem("comment-cut", node, "the condition is cut off here: # begins a comment", "quote it")
        return replace(source(node), guard=True)

    def schema(self) -> dict[str, Any]:
        return {"type": TEXTUAL}

    def phrase(self) -> str:
        return "a condition"


# --- prompts ---------------------------------------------------------------------------------------------

_PART_KEYS: dict[str, PartKind] = {"say": "say", "play": "play", "ssml": "ssml", "pause": "pause"}


@dataclass(frozen=True)
class PromptType(Type):
    """What is heard: text, ``{play}``, ``{ssml}``, ``{pause}``, a list of these, or a map by language.

    In a message what is read: text, by language or by channel, or one inside the other.
    """

    channel: str = ""

    def read(self, node: Node, reader: Reader) -> Prompt | None:
        if (self.channel or reader.channel) == "message":
            wording = _message(node, reader, "")
            return Prompt(wording, node.mark) if wording else None
        if isinstance(node, Map) and node.entries and not set(node.entries) & set(_PART_KEYS):
            return self._by_language(node, reader)
        parts = _parts(node, reader)
        return Prompt({"": parts}, node.mark) if parts else None

    def _by_language(self, node: Map, reader: Reader) -> Prompt | None:
        wording = {}
        for key, each in node.entries.items():
            if key in CHANNELS:
                reader.wrong_channel(node.keys[key], key, ("message",), "what is heard goes by language alone")
                continue
            if not LANGUAGE.fullmatch(key):
                what = "expected play, ssml or pause, or a language such as en-US"
                reader.problem("unknown-key", node.keys[key], f'a prompt has no key "{key}"', what)
                continue
            wording[key] = _parts(each, reader)
        return Prompt(wording, node.mark) if wording else None

    def schema(self) -> dict[str, Any]:
        return {"$ref": f"#/$defs/{'words' if self.channel == 'message' else 'prompt'}"}

    def phrase(self) -> str:
        return "text" if self.channel == "message" else "a prompt"


OTHERS = "else"
"""The key of a map by channel that serves the channels it does not name."""


def _message(node: Node, reader: Reader, prefix: str) -> dict[str, tuple[Part, ...]]:
    """``{key: text}`` of a message, by ``language@CHANNEL``; ``prefix`` is what the maps around it chose."""
    if isinstance(node, Text):
        text = Template(prose=True).read(node, reader)
        return {prefix: (Part("say", text),)} if text is not None else {}
    if not isinstance(node, Map) or set(node.entries) & set(_PART_KEYS):
        found = "a list" if not isinstance(node, Map) else listed([f'"{key}"' for key in node.entries], "and")
        reader.problem("shape", node, f"found {found}; a message is text", "sounds belong to calls; send has media")
        return {}
    return _by_key(node, reader, prefix)


def _by_key(node: Map, reader: Reader, prefix: str) -> dict[str, tuple[Part, ...]]:
    by_channel = any(key in CHANNELS or key == OTHERS for key in node.entries)
    wording: dict[str, tuple[Part, ...]] = {}
    for key, each in node.entries.items():
        own = key in CHANNELS or key == OTHERS if by_channel else bool(LANGUAGE.fullmatch(key))
        twice = "@" in prefix if by_channel else bool(prefix.partition("@")[0])
        if twice or not own:
            _no_such_wording(node.keys[key], reader, by_channel, twice)
            continue
        language, _, channel = prefix.partition("@")
        if by_channel:
            channel = "" if key == OTHERS else key
        else:
            language = key
        wording.update(_message(each, reader, f"{language}@{channel}" if channel else language))
    return wording


def _no_such_wording(key: Text, reader: Reader, by_channel: bool, twice: bool) -> None:
    if twice:
        reader.problem("shape", key, f'"{key.value}" stands inside another of its sort', "keep one of the two maps")
        return
    what = "the channels of a text" if by_channel else "the languages of a text"
    fix = "expected languages such as en-US, or channels such as SMS and else"
    reader.problem("unknown-key", key, f'{what} have no key "{key.value}"{did_you_mean(key.value, CHANNELS)}', fix)


def _parts(node: Node, reader: Reader) -> tuple[Part, ...]:
    if isinstance(node, Seq):
        return tuple(part for each in node.items for part in _parts(each, reader))
    if isinstance(node, Text):
        text = Template(prose=True).read(node, reader)
        return (Part("say", text),) if text is not None else ()
    return _marked_part(node, reader)


def _marked_part(node: Map, reader: Reader) -> tuple[Part, ...]:
    if len(node.entries) != 1 or next(iter(node.entries)) not in _PART_KEYS:
        keys = listed([f'"{key}"' for key in node.entries], "and") or "nothing"
        reader.problem("shape", node, f"a piece of a prompt has {keys}; expected one of play, ssml or pause")
        return ()
    key, value = next(iter(node.entries.items()))
    if not isinstance(value, Text):
        reader.expected(value, "text")
        return ()
    if key == "pause":
        length = Duration(0.1, 10).read(value, reader)
        return () if length is None else (Part("pause", Source(str(length), value.mark)),)
    text = source(value)
    if key == "play" and text.text in reader.sounds:
        text = replace(text, text=reader.sounds[text.text])
    return (Part(_PART_KEYS[key], text),)


@dataclass(frozen=True)
class Worded(Type):
    """Words to be read: a text in a call, in a message flow by language and channel too."""

    def read(self, node: Node, reader: Reader) -> Source | Prompt | None:
        return WORDS.read(node, reader) if reader.channel == "message" else PROSE.read(node, reader)

    def schema(self) -> dict[str, Any]:
        return WORDS.schema()

    def phrase(self) -> str:
        return "text"


PROMPT_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"$ref": "#/$defs/wording"},
        {
            "type": "object",
            "propertyNames": {"pattern": f"^({LANGUAGE.pattern})$"},
            "additionalProperties": {"$ref": "#/$defs/wording"},
            "minProperties": 1,
        },
        {"$ref": "#/$defs/words"},
    ]
}

_BY_LANGUAGE = {"propertyNames": {"pattern": f"^({LANGUAGE.pattern})$"}}
_BY_CHANNEL = {"propertyNames": {"enum": [*CHANNELS, OTHERS]}}


def _words_by(keys: Mapping[str, Any], *inner: Mapping[str, Any]) -> dict[str, Any]:
    values = {"anyOf": [{"type": TEXTUAL}, *inner]} if inner else {"type": TEXTUAL}
    return {"type": "object", "minProperties": 1, **keys, "additionalProperties": values}


WORDS_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": TEXTUAL},
        _words_by(_BY_LANGUAGE, _words_by(_BY_CHANNEL)),
        _words_by(_BY_CHANNEL, _words_by(_BY_LANGUAGE)),
    ]
}

_PIECE = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
    "properties": {
        "say": {"type": TEXTUAL},
        "play": {"type": "string", "markdownDescription": "a file, an https URL or a name of `sounds`"},
        "ssml": {"type": "string", "markdownDescription": "SSML markup"},
        "pause": Duration(0.1, 10).schema(),
    },
}

WORDING_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": TEXTUAL},
        _PIECE,
        {"type": "array", "items": {"anyOf": [{"type": TEXTUAL}, _PIECE]}},
    ]
}

TEXT = Template()
PROSE = Template(prose=True)
PROMPT = PromptType()
WORDS = PromptType("message")
DATA = Any_()
LINE = Worded()
BOOL = Boolean()
GUARD = Guard()
