"""Image → program: every template, guard, pattern and constant answer made ready before the first call."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from flowengine import prompts
from flowengine.answers import Piece, Speech, constant, piece
from flowengine.expressions import Guard, Text, compile_guard, compile_text
from flowengine.filters import short
from flowengine.instructions import INSTRUCTIONS, Instruct
from flowengine.patterns import compile_pattern
from flowengine.prompts import ordinary
from flowengine.states import KINDS, Kind
from flowengine.svaml import MAX_SPEECH

Scope = Mapping[str, Any]
_LONGEST_ENTITY = 6
_TAG = re.compile(r"<[^>]*>")
SECRET_OPEN, SECRET_CLOSE = "\ue000", "\ue001"


@dataclass(frozen=True, slots=True)
class Raw:
    """A value that is put in as it stands."""

    text: Text


@dataclass(slots=True)
class Segments:
    """Author text with values that may not leave it: each value goes through ``escape`` before it is put in."""

    pieces: tuple[str | Text | Raw, ...]
    escape: Callable[[str], str]

    def render(self, scope: Scope) -> str:
        return "".join(each if isinstance(each, str) else self._piece(each, scope) for each in self.pieces)

    def _piece(self, item: Text | Raw, scope: Scope) -> str:
        return item.text.render(scope) if isinstance(item, Raw) else self.escape(item.render(scope))

    def within(self, scope: Scope, most: int) -> str:
        """As :meth:`render`, with what is put in cut so that it has at most ``most`` characters in all."""
        values = sum(not isinstance(each, str) for each in self.pieces)
        room = most // max(1, values)
        return "".join(
            each if isinstance(each, str) else _fitting(each, self._piece(each, scope), self.escape, scope, room)
            for each in self.pieces
        )

    value = render


def _fitting(item: Text | Raw, whole: str, escape: Callable[[str], str], scope: Scope, room: int) -> str:
    if len(whole) <= room:
        return whole
    text = (item.text if isinstance(item, Raw) else item).render(scope)[:room]
    while text and len(escape(text)) > room:
        text = text[: len(text) - max(1, (len(escape(text)) - room) // _LONGEST_ENTITY)]
    return escape(text)


@dataclass(slots=True)
class Words:
    """Ordinary words around variables, put together without the template where the values are ordinary, too."""

    text: Text
    shape: str
    names: tuple[str, ...]

    def render(self, scope: Scope) -> str:
        return self.text.render(scope)

    def plain(self, scope: Scope) -> str:
        """As it may be spoken: what :func:`prompts.plain` makes of the rendered text."""
        values = []
        for name in self.names:
            value = scope.get(name)
            if type(value) is not str or ordinary(value) is None:
                return prompts.plain(self.text.render(scope))
            values.append(value)
        return short(self.shape % tuple(values))


_VARIABLE = re.compile(r"\{\{ *([a-z][a-z0-9_]*) *\}\}")


def _words(text: Text) -> Text | Words:
    first, *rest = _VARIABLE.split(text.source)
    shape = first + "".join("%s" + each for each in rest[1::2])
    if rest and ordinary(shape.replace("%s", "x")) is not None:
        return Words(text, shape, tuple(rest[::2]))
    return text


@dataclass(slots=True)
class Map:
    """A mapping with values to fill in."""

    entries: dict[str, Any]

    def value(self, scope: Scope) -> dict[str, Any]:
        return {key: fill(each, scope) for key, each in self.entries.items()}

    def items(self) -> Any:
        return self.entries.items()

    def get(self, key: str, default: Any = None) -> Any:
        return self.entries.get(key, default)


@dataclass(slots=True)
class Row:
    """A list with values to fill in."""

    entries: list[Any]

    def value(self, scope: Scope) -> list[Any]:
        return [fill(each, scope) for each in self.entries]


def fill(item: Any, scope: Scope) -> Any:
    """A linked value with the scope put in."""
    if isinstance(item, Text | Segments | Map | Row):
        return item.value(scope)
    return item


@dataclass(slots=True)
class Spoken:
    """A prompt by language. What is constant was rendered once: ``strings`` and ``pieces`` hold it.

    ``lone`` are by language the prompts that are nothing but one text of ordinary words around variables.
    """

    wording: dict[str, list[tuple[str, Any]]]
    default: str
    strings: dict[str, str] = field(default_factory=dict)
    pieces: dict[str, tuple[Piece, ...]] = field(default_factory=dict)
    speech: dict[str, Speech] = field(default_factory=dict)
    lone: dict[str, tuple[Words, Speech]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, parts in self.wording.items():
            if all(isinstance(value, str) for _, value in parts):
                self.strings[key] = _prompt_string(parts, {})
                if key:
                    self.pieces[key] = tuple(map(constant, _instructions(parts, {}, key)))

    def key(self, language: str) -> str:
        if language in self.wording:
            return language
        if "" in self.wording:
            return ""
        return self.default if self.default in self.wording else next(iter(self.wording))

    def ready(self, languages: Iterable[str]) -> None:
        """Find out once what is ``lone`` in these languages."""
        for language in languages:
            key = self.key(language)
            parts = self.wording[key]
            if len(parts) == 1 and type(parts[0][1]) is Words:
                self.lone[language] = (parts[0][1], Speech(key or language))

    def string(self, language: str, scope: Scope) -> str:
        """As a prompt string (``#tts[…];file.wav``)."""
        lone = self.lone.get(language)
        if lone is not None:
            words = lone[0].plain(scope)
            if 0 < len(words) <= MAX_SPEECH:
                return f"#tts[{words}]"
        key = self.key(language)
        ready = self.strings.get(key)
        if ready is not None:
            return ready
        parts = self.wording[key]
        if len(parts) == 1:
            return _one(*parts[0], scope)
        return _prompt_string(parts, scope)

    def instructions(self, language: str, scope: Scope) -> tuple[Piece, ...]:
        """As ``say`` and ``playFiles`` instructions."""
        lone = self.lone.get(language)
        if lone is not None:
            words = lone[0].plain(scope)
            if 0 < len(words) <= MAX_SPEECH:
                return (lone[1].fill(words),)
        key = self.key(language)
        ready = self.pieces.get(key or language)
        if ready is None and key not in self.strings:
            parts = self.wording[key]
            if len(parts) == 1 and parts[0][0] == "say":
                return self._say(parts[0][1], key or language, scope)
        if ready is None:
            same = key in self.strings and len(self.pieces) < 100
            made = constant if same else piece
            ready = tuple(map(made, _instructions(self.wording[key], scope, key or language)))
            if same:
                self.pieces[key or language] = ready
        return ready

    def _say(self, text: Any, locale: str, scope: Scope) -> tuple[Piece, ...]:
        speech = self.speech.get(locale)
        if speech is None:
            speech = self.speech[locale] = Speech(locale)
        words = _plain(text, scope)
        if len(words) <= MAX_SPEECH:
            return (speech.fill(words),) if words else ()
        return tuple(speech.fill(each) for each in prompts.split(words))

    def files(self, scope: Scope, language: str) -> dict[str, Any]:
        """As one ``playFiles`` with every entry."""
        ids = [_one(kind, value, scope) for kind, value in self.wording[self.key(language)]]
        return {"name": "playFiles", "ids": [each for each in ids if each], "locale": language}


@dataclass(slots=True)
class Wording:
    """What a message says, by language and channel (``en``, ``@SMS``, ``en@SMS``; ``""`` serves all)."""

    texts: dict[str, Any]
    default: str

    def words(self, language: str, channel: str, scope: Scope) -> str:
        """In the first of these languages that has words, those for the channel first."""
        text = self.texts[self._key(language, channel)]
        return text if type(text) is str else str(text.render(scope))

    def every(self, scope: Scope) -> list[str]:
        """In every language and for every channel."""
        return [text if type(text) is str else str(text.render(scope)) for text in self.texts.values()]

    def _key(self, language: str, channel: str) -> str:
        for tongue in (language, "", self.default):
            for key in (f"{tongue}@{channel}", tongue):
                if key in self.texts:
                    return key
        return next(iter(self.texts))


def _one(kind: str, value: Any, scope: Scope) -> str:
    if kind == "pause":
        return prompts.silence(float(value))
    if kind == "say":
        text = _plain(value, scope)
        if len(text) <= MAX_SPEECH:
            return f"#tts[{text}]" if text else ""
        return prompts.joined(f"#tts[{each}]" for each in prompts.split(text))
    text = value if isinstance(value, str) else value.render(scope)
    if kind == "ssml":
        return prompts.ssml(text) if isinstance(value, str) else _marked_up(value, text, scope)
    return _played(text, isinstance(value, str))


def _plain(value: Any, scope: Scope) -> str:
    if type(value) is Words:
        return value.plain(scope)
    return prompts.plain(value if isinstance(value, str) else value.render(scope))


def _marked_up(value: Any, text: str, scope: Scope) -> str:
    """SSML whose values are cut where it would be longer than a prompt may be."""
    over = len(_TAG.sub("", prompts.ssml(text))) - MAX_SPEECH
    if over > 0 and isinstance(value, Segments):
        own = sum(len(each) for each in value.pieces if isinstance(each, str))
        text = value.within(scope, max(0, MAX_SPEECH - own))
    return prompts.ssml(text)


def _played(text: str, constant: bool) -> str:
    """A sound; one whose name came from a value is left out where there can be none of that name."""
    try:
        return prompts.href(text) if "://" in text else prompts.file(text)
    except ValueError:
        if constant:
            raise
        return ""


def _prompt_string(parts: list[tuple[str, Any]], scope: Scope) -> str:
    return prompts.joined(filter(None, (_one(kind, value, scope) for kind, value in parts)))


def _instructions(parts: list[tuple[str, Any]], scope: Scope, locale: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for kind, value in parts:
        if kind == "say":
            text = _plain(value, scope)
            texts = prompts.split(text) if len(text) > MAX_SPEECH else [text] if text else []
            found += [{"name": "say", "text": each, "locale": locale} for each in texts]
            continue
        entry = _one(kind, value, scope)
        if not entry:
            continue
        if found and found[-1]["name"] == "playFiles":
            found[-1]["ids"].append(entry)
        else:
            found.append({"name": "playFiles", "ids": [entry], "locale": locale})
    return found


@dataclass(slots=True)
class Branch:
    to: str
    line: int
    when: Guard | None = None
    do: tuple[tuple[Instruct, Any], ...] = ()
    source: str = ""


@dataclass(slots=True)
class Handler:
    event: str
    branches: tuple[Branch, ...]
    retry: int = 0


@dataclass(slots=True)
class Reaction:
    """What an event of a state does: a handler, a state of its name, or a default."""

    via: str
    handler: Handler | None = None
    to: str = ""
    default: str = ""
    side: bool = False
    outside: bool = False


@dataclass(slots=True)
class Node:
    """A state, ready to run."""

    name: str
    line: int
    kind: Kind | None
    op: dict[str, Any]
    do: tuple[tuple[Instruct, Any], ...]
    next: Branch | None
    visits: int
    then: str
    counted: bool
    on: dict[str, Handler]
    events: dict[str, Reaction]
    branches: tuple[Branch, ...] = ()
    waits_as: str = ""


@dataclass(slots=True)
class Address:
    kind: str
    address: Any
    countries: tuple[str, ...] = ()
    matches: Any = None
    per_hour: int = 0


@dataclass(slots=True)
class Program:
    """A flow, ready to run."""

    name: str
    file: str
    channel: str
    image: Mapping[str, Any]
    languages: tuple[str, ...]
    start: str
    answer: bool
    outbound: bool
    on: dict[str, Handler]
    states: dict[str, Node]
    may_dial: dict[str, Address]
    variables: dict[str, dict[str, Any]]
    inputs: frozenset[str]
    defaults: dict[str, Any]
    sensitive: frozenset[str]
    constants: frozenset[tuple[str, str]]
    recordings: dict[str, Any] | None
    failure_ace: str | None
    reads: frozenset[str]
    asks: bool


class Linker:
    """Links one flow. ``environment`` holds what ``env.`` may read; it is read at link time."""

    def __init__(self, image: Mapping[str, Any]) -> None:
        self.image = image
        self.default = image["languages"][0]
        self.roots: set[str] = set()

    def program(self) -> Program:
        image = self.image
        names = {**image["inputs"], **image["variables"]}
        addresses = {name: self._address(each) for name, each in image["may_dial"].items()}
        on = {event: self._handler(event, each) for event, each in image["on"].items()}
        states = {name: self._state(name, each, on) for name, each in image["states"].items()}
        recordings = self.value(image["recordings"]) if "recordings" in image else None
        return Program(
            name=image["name"],
            file=image["file"],
            channel=image["channel"],
            image=image,
            languages=tuple(image["languages"]),
            start=image["start"],
            answer=image["answer"],
            outbound=image["outbound"],
            on=on,
            states=states,
            may_dial=addresses,
            variables=names,
            inputs=frozenset(image["inputs"]),
            defaults={name: each.get("default") for name, each in names.items() if each.get("has_default")},
            sensitive=frozenset(name for name, each in names.items() if each.get("sensitive")),
            constants=frozenset((each.kind, each.address) for each in addresses.values() if type(each.address) is str),
            recordings=recordings,
            failure_ace=image["failure_ace"],
            reads=frozenset(self.roots),
            asks=any(each.get("kind") == "http" for each in image["states"].values()),
        )

    def _address(self, image: Mapping[str, Any]) -> Address:
        matches = compile_pattern(image["matches"]) if "matches" in image else None
        countries = tuple(image.get("countries", ()))
        return Address(image["kind"], self.value(image["address"]), countries, matches, image.get("per_hour", 0))

    def value(self, item: Any) -> Any:
        """Any JSON of an image, linked."""
        if isinstance(item, Mapping):
            return self._mapping(item)
        if isinstance(item, list):
            linked = [self.value(each) for each in item]
            dynamic = any(isinstance(each, Text | Segments | Map | Row) for each in linked)
            return Row(linked) if dynamic else linked
        return item

    def _mapping(self, item: Mapping[str, Any]) -> Any:
        if "$t" in item:
            return self._text(item["$t"])
        if "$g" in item:
            return self._guard(item["$g"])
        if "$p" in item:
            return self._prompt(item["$p"])
        if "$q" in item:
            return self._segments(item["$q"], prompts.plain)
        if "$u" in item:
            return self._segments(item["$u"], lambda text: quote(text, safe=""), raw=("env", "secret"))
        if "$map" in item:
            return Map({key: self.value(each) for key, each in item["$map"].items()})
        return {key: self.value(each) for key, each in item.items()}

    def _text(self, source: str) -> Text:
        text = compile_text(source)
        text.ready()
        self.roots.update(name.root for name in text.names)
        return text

    def _guard(self, source: str) -> Guard:
        guard = compile_guard(source)
        guard.ready()
        self.roots.update(name.root for name in guard.names)
        return guard

    def _prompt(self, wording: Mapping[str, Any]) -> Spoken | Wording:
        if self.image.get("channel") == "message":
            texts = {key: self._said(parts) for key, parts in wording.items()}
            return Wording(texts, self.default)
        escapes = {"ssml": prompts.escape_xml, "play": lambda text: quote(text, safe="")}
        linked = {}
        for language, parts in wording.items():
            linked[language] = [
                (kind, value if isinstance(value, str) else self._part(kind, value["$t"], escapes.get(kind)))
                for kind, value in parts
            ]
        spoken = Spoken(linked, self.default)
        spoken.ready(self.image["languages"])
        return spoken

    def _said(self, parts: list[list[Any]]) -> Any:
        value = parts[0][1]
        return value if isinstance(value, str) else self._text(value["$t"])

    def _part(self, kind: str, source: str, escape: Callable[[str], str] | None) -> Text | Words | Segments:
        if escape is not None:
            return self._segments(source, escape)
        return _words(self._text(source)) if kind == "say" else self._text(source)

    def _segments(self, source: str, escape: Callable[[str], str], raw: tuple[str, ...] = ()) -> Segments:
        """``raw``: roots whose values are the operator's own and may hold more than one segment."""
        pieces: list[str | Text | Raw] = []
        for part in re.split(r"(\{\{.*?\}\})", source, flags=re.DOTALL):
            if part.startswith("{{"):
                text = self._text(part)
                own = bool(raw) and all(name.root in raw for name in text.names)
                pieces.append(Raw(text) if own else text)
            elif part:
                pieces.append(part)
        return Segments(tuple(pieces), escape)

    def _do(self, do: list[Any]) -> tuple[tuple[Instruct, Any], ...]:
        return tuple((INSTRUCTIONS[name], self._instruction(name, value)) for name, value in do)

    def _instruction(self, name: str, value: Any) -> Any:
        if name == "set":
            return [(target, self.value(each)) for target, each in value]
        return self.value(value)

    def _branch(self, image: Mapping[str, Any]) -> Branch:
        when = self.value(image["when"]) if "when" in image else None
        source = image["when"]["$g"] if "when" in image else ""
        return Branch(image["to"], image["line"], when, self._do(image.get("do", [])), source)

    def _handler(self, event: str, image: Mapping[str, Any]) -> Handler:
        return Handler(event, tuple(map(self._branch, image["branches"])), image.get("retry", 0))

    def _state(self, name: str, image: Mapping[str, Any], flow_on: Mapping[str, Handler]) -> Node:
        kind = KINDS[image["kind"]] if "kind" in image else None
        on = {event: self._handler(event, each) for event, each in image["on"].items()}
        visits = image.get("visits", {})
        op = self._op(image.get("op", {}))
        return Node(
            name=name,
            line=image["line"],
            kind=kind,
            op=op,
            do=self._do(image.get("do", [])),
            next=self._branch(image["next"]) if "next" in image else None,
            visits=visits.get("max", 0),
            then=visits.get("then", ""),
            counted=bool(image.get("counted")),
            on=on,
            events={event: _reaction(each, on, flow_on) for event, each in image["events"].items()},
            branches=tuple(map(self._branch, image["op"]["branches"])) if image.get("kind") == "route" else (),
            waits_as=image.get("kind", ""),
        )

    def _op(self, image: Mapping[str, Any]) -> dict[str, Any]:
        op = {key: self.value(each) for key, each in image.items() if key not in ("branches", "save", "fused")}
        if "save" in image:
            op["save"] = [(name, self.value(each)) for name, each in image["save"]]
        if "fused" in image:
            fused = image["fused"]
            ops = {name: {key: self.value(each) for key, each in own.items()} for name, own in fused["ops"].items()}
            op["fused"] = {**fused, "ops": ops, "states": {each: name for name, each in fused["menus"].items()}}
        if "prompt" in image:
            op["ready"] = {}
        return op


def _reaction(image: Mapping[str, Any], on: Mapping[str, Handler], flow_on: Mapping[str, Handler]) -> Reaction:
    handler = None
    if "on" in image:
        handler = (flow_on if image["via"] == "flow" else on)[image["on"]]
    return Reaction(
        image["via"],
        handler,
        image.get("to", ""),
        image.get("default", ""),
        image.get("side", False),
        image.get("outside", False),
    )


def words_of(image: Mapping[str, Any]) -> dict[str, Wording]:
    """What a project says in its conversations, whatever the flow."""
    return {name: Linker({"channel": "message", "languages": [""]}).value(words) for name, words in image.items()}


def link(image: Mapping[str, Any]) -> Program:
    """One flow's image, ready to run."""
    return Linker(image).program()
