"""Text → plain nodes that remember where they were written. No scalar is ever retyped.

The C parser's *events* are read with a stack of our own: composing with it recurses in C and a file of 50,000
opening brackets ends the process. Aliases, tags and merge keys are not part of the language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from flowengine.problems import Mark, Problem

MAX_DEPTH = 64
MAX_BYTES = 4 * 1024 * 1024
MAX_NODES = 500_000

_CUT_BY_COMMENT = re.compile(r"[ \t]+#")
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_BREAK = re.compile("[\n\x85\u2028\u2029]")
"""Where YAML begins a new line."""
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f]")


@dataclass(slots=True)
class Text:
    """A scalar, exactly as written. ``plain``: without quotes; ``cut``: a comment follows on its line.

    ``told``: what is wrong with it has been said.
    """

    value: str
    mark: Mark
    plain: bool = True
    cut: bool = False
    told: bool = False
    block: bool = False

    @property
    def empty(self) -> bool:
        return self.plain and not self.value


@dataclass(slots=True)
class Seq:
    mark: Mark
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Map:
    """``entries`` by key; ``keys`` holds where each key stands. ``flow``: written in ``{ }``."""

    mark: Mark
    flow: bool = False
    entries: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Text] = field(default_factory=dict)


Node = Text | Seq | Map


def plain(node: Node) -> Any:
    """The node as strings, lists and dicts."""
    if isinstance(node, Text):
        return node.value
    if isinstance(node, Seq):
        return [plain(each) for each in node.items]
    return {key: plain(each) for key, each in node.entries.items()}


def kind_of(node: Node) -> str:
    """What a person would call it."""
    if isinstance(node, Text):
        return f'"{short(node.value)}"' if not node.empty else "nothing"
    return "a list" if isinstance(node, Seq) else "a mapping"


def short(text: str, limit: int = 40) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


@dataclass(slots=True)
class Document:
    """One YAML file: its lines, its top node (None where nothing could be read) and what was wrong."""

    file: str
    lines: list[str] = field(default_factory=list)
    root: Map | None = None
    problems: list[Problem] = field(default_factory=list)


def read_file(path: Path, shown: str, max_bytes: int = MAX_BYTES, max_nodes: int = MAX_NODES) -> Document:
    """Read one file; whatever is wrong with it is a problem in the result, never an exception."""
    try:
        if path.exists() and not path.is_file() and not path.is_dir():  # a pipe would be waited for
            raise OSError(0, "it is not a regular file")
        with path.open("rb") as stream:
            data = stream.read(max_bytes + 1)
    except OSError as error:
        document = Document(shown)
        document.problems.append(Problem("unreadable", Mark(shown), f"cannot read the file: {error.strerror}"))
        return document
    return read(data, shown, max_bytes, max_nodes)


def read(data: bytes, file: str, max_bytes: int = MAX_BYTES, max_nodes: int = MAX_NODES) -> Document:
    """Bytes of a YAML file → :class:`Document`."""
    document = Document(file)
    text = _decode(data, document, max_bytes)
    if text is None:
        return document
    document.lines = _BREAK.split(text)
    try:
        _Builder(document, text, max_nodes).build()
    except _Stop as stop:
        document.problems.append(stop.problem)
        document.root = None
    except yaml.MarkedYAMLError as error:
        document.problems.append(_syntax(error, document))
        document.root = None
    except yaml.YAMLError as error:
        document.problems.append(Problem("yaml-syntax", Mark(file), f"this is not YAML: {short(str(error), 120)}"))
        document.root = None
    return document


class _Stop(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def _decode(data: bytes, document: Document, max_bytes: int) -> str | None:
    problem = _unreadable(data, document.file, max_bytes)
    if problem:
        document.problems.append(problem)
        return None
    return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")


def _unreadable(data: bytes, file: str, max_bytes: int) -> Problem | None:
    if len(data) > max_bytes:
        return Problem("too-large", Mark(file), f"the file is larger than {max_bytes} bytes", fix="split the flow")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Problem("encoding", Mark(file), "the file is UTF-16; expected UTF-8", fix="save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        mark = Mark(file, before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1)
        return Problem("encoding", mark, f"byte 0x{data[error.start]:02x} is not UTF-8", fix="save the file as UTF-8")
    bad = _NOT_TEXT.search(text) or _BIDI.search(text)
    if bad:
        line = text.count("\n", 0, bad.start()) + 1
        mark = Mark(file, line, bad.start() - (text.rfind("\n", 0, bad.start()) + 1) + 1)
        what = f"the invisible character U+{ord(bad.group()):04X} is not allowed in a flow"
        return Problem("encoding", mark, what, fix="delete it")
    return None


def _cut_in_braces(error: yaml.MarkedYAMLError, document: Document) -> Problem | None:
    """A comment inside ``{ }`` or ``[ ]`` that swallowed the rest of a line, the closing bracket with it."""
    begin, end = error.context_mark, error.problem_mark
    if begin is None or end is None or "expected ',' or" not in (error.problem or ""):
        return None
    for number, line in enumerate(document.lines[begin.line : end.line + 1], begin.line + 1):
        cut = re.search(r"\S[ \t]+(#.*[}\]])", line)
        if cut:
            mark = Mark(document.file, number, cut.start(1) + 1, len(cut[1]))
            message = "the text is cut off here: # after a blank begins a comment, and the closing bracket is in it"
            return Problem("comment-cut", mark, message, fix="put the text in quotes")
    return None


def _ended_quote(document: Document, where: Any) -> Mark | None:
    """The quoted text that ends right before a place where YAML stumbles."""
    last = None
    try:
        for token in yaml.scan("\n".join(document.lines), Loader=yaml.CSafeLoader):
            if where is None or token.start_mark.index >= where.index:
                break
            last = token
    except yaml.YAMLError:
        return None
    if not isinstance(last, yaml.ScalarToken) or last.style not in ("'", '"'):
        return None
    start = last.start_mark
    return Mark(document.file, start.line + 1, start.column + 1) if last.end_mark.line == where.line else None


def _syntax(error: yaml.MarkedYAMLError, document: Document) -> Problem:
    cut = _cut_in_braces(error, document)
    if cut is not None:
        return cut
    where = error.problem_mark or error.context_mark
    if where and where.line >= len(document.lines):  # what is missing behind the last line begins before it
        where = error.context_mark or where
    last = max(1, len(document.lines))
    mark = Mark(document.file, min(where.line + 1, last), where.column + 1) if where else Mark(document.file)
    said = error.problem or "this is not YAML"
    line = document.lines[mark.line - 1] if mark.line <= len(document.lines) else ""
    if "\t" in line[: mark.column]:
        said, fix = "a tab is used for indentation", "use spaces"
    else:
        mark, said, fix = _unclosed(error, document, mark) or (mark, *_reworded(said, line, mark.column))
    return Problem("yaml-syntax", mark, f"this is not YAML: {said}", fix=fix)


def _unclosed(error: yaml.MarkedYAMLError, document: Document, mark: Mark) -> tuple[Mark, str, str] | None:
    """A quote or bracket that ends too late, too early or never: where, what, and the mend."""
    begin, said = error.context_mark, error.problem or ""
    opened = Mark(document.file, begin.line + 1, begin.column + 1) if begin else mark
    quote = _ended_quote(document, error.problem_mark)
    if quote and quote.line < mark.line:
        return quote, f"the quote that begins here ends on line {mark.line}", "close it where the text ends"
    if quote:
        return mark, "the text goes on after its closing quote", "write a quote inside it twice, or use the other kind"
    if "end of stream" in said and "quoted" in (error.context or ""):
        return opened, "the quote that begins here is never closed", "close it where the text ends"
    line = document.lines[mark.line - 1] if mark.line <= len(document.lines) else ""
    if "expected ',' or" in said and opened.line < mark.line and re.match(r"[\s\w-]*:", line):
        return opened, "the bracket that begins here is not closed", "close it where the value ends"
    return None


_ONE_COLUMN = "begin all keys of one mapping in the same column"
_BRACKET = "close the bracket, and put text with brackets or a comma in quotes"
_ESCAPE = r"write \\ for a backslash, or use single quotes"


def _reworded(said: str, line: str, column: int) -> tuple[str, str]:
    """What the parser said in the words of a person, and the mend."""
    if re.search(r":\s*\*\s*([,}]|$)", line):
        return "a bare * begins a YAML alias", "quote it: '*'"
    if "mapping values are not allowed" in said:
        return 'the text has a ": " in it', "put the text in quotes, or write it as a block with |"
    if "expected ',' or" in said and line[column - 1 : column] == ":":
        return 'the text has a ": " in it', "put the text in quotes"
    if "could not find expected ':'" in said:
        return "a line stands here without a key", "write key: value, or indent the text deeper than its key"
    for words, fix in (("unknown escape", _ESCAPE), ("expected ',' or", _BRACKET), ("expected key", _ONE_COLUMN)):
        if words in said:
            return said, fix
    return said, "put the text in quotes" if re.search(r":\s*[@`%]", line) else ""


class _Builder:
    """Turns the parser's events into nodes with an explicit stack."""

    def __init__(self, document: Document, text: str, max_nodes: int) -> None:
        self.document = document
        self.text = text
        self.max_nodes = max_nodes
        self.nodes = 0
        self.stack: list[Seq | Map] = []
        self.pending: list[Text | None] = []
        self.tops: list[Node] = []
        self.documents = 0

    def build(self) -> None:
        for event in self._events():
            self._take(event)
        self._finish()

    def _events(self) -> Iterator[Any]:
        return iter(yaml.parse(self.text, Loader=yaml.CSafeLoader))

    def _finish(self) -> None:
        mark = Mark(self.document.file)
        if not self.tops or (isinstance(self.tops[0], Text) and self.tops[0].empty):
            raise _Stop(Problem("empty-file", mark, "the file is empty", fix='begin with "flow: name"'))
        top = self.tops[0]
        if not isinstance(top, Map):
            what = f"the file holds {kind_of(top)}; expected a mapping of keys such as flow, start and states"
            raise _Stop(Problem("shape", top.mark, what))
        self.document.root = top

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._open(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            node = self.stack.pop()
            self.pending.pop()
            self._place(node)
        elif isinstance(event, yaml.AliasEvent):
            raise _Stop(self._refuse(event, f"*{event.anchor}: aliases are not allowed", "write the value out"))
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise _Stop(self._refuse(event, "a second YAML document begins", "one flow per file"))

    def _refuse(self, event: Any, message: str, fix: str) -> Problem:
        return Problem("yaml-feature", self._mark(event), message, fix=fix)

    def _mark(self, event: Any) -> Mark:
        start, end = event.start_mark, event.end_mark
        length = end.column - start.column if end.line == start.line else 1
        return Mark(self.document.file, start.line + 1, start.column + 1, max(1, length))

    def _count(self, event: Any) -> None:
        self.nodes += 1
        if self.nodes > self.max_nodes:
            raise _Stop(Problem("too-large", self._mark(event), f"more than {self.max_nodes} values", fix="split it"))
        if event.tag is not None and not (isinstance(event, yaml.ScalarEvent) and event.tag == "!"):
            raise _Stop(self._refuse(event, f"the tag {event.tag} is not allowed", "write plain YAML"))
        if event.anchor is not None:
            raise _Stop(self._refuse(event, f"&{event.anchor}: anchors are not allowed", "delete it"))

    def _open(self, event: Any) -> None:
        self._count(event)
        if len(self.stack) >= MAX_DEPTH:
            raise _Stop(Problem("nesting", self._mark(event), f"nesting deeper than {MAX_DEPTH}", fix="flatten it"))
        if self.stack and isinstance(self.stack[-1], Map) and self.pending[-1] is None:
            what = "a list or mapping stands where a key should be"
            raise _Stop(self._refuse(event, what, "put the text in quotes: {{ … }} needs them at the start of a value"))
        mark = Mark(self.document.file, event.start_mark.line + 1, event.start_mark.column + 1)
        node = Map(mark, bool(event.flow_style)) if isinstance(event, yaml.MappingStartEvent) else Seq(mark)
        self.stack.append(node)
        self.pending.append(None)

    def _scalar(self, event: Any) -> None:
        self._count(event)
        plain_style = not event.style
        node = Text(event.value, self._mark(event), plain_style, block=event.style in ("|", ">"))
        if plain_style:
            node.cut = self._cut(event)
        self._place(node)

    def _cut(self, event: Any) -> bool:
        end = event.end_mark
        line = self.document.lines[end.line] if end.line < len(self.document.lines) else ""
        return bool(_CUT_BY_COMMENT.match(line, end.column))

    def _place(self, node: Node) -> None:
        if not self.stack:
            self.tops.append(node)
            return
        parent = self.stack[-1]
        if isinstance(parent, Seq):
            parent.items.append(node)
            if isinstance(node, Text) and node.empty:
                fix = "write a value, or delete it; empty text is ''"
                self.document.problems.append(
                    Problem("empty-value", node.mark, "an entry of the list is empty", fix=fix)
                )
            return
        key = self.pending[-1]
        if key is None:
            self.pending[-1] = self._key(parent, node)
        else:
            self.pending[-1] = None
            self._enter(parent, key, node)

    def _key(self, parent: Map, node: Node) -> Text:
        if not isinstance(node, Text):
            raise _Stop(Problem("yaml-feature", node.mark, f"{kind_of(node)} cannot be a key", fix="use a name"))
        if node.value == "<<" and node.plain:
            raise _Stop(Problem("yaml-feature", node.mark, "merge keys (<<) are not allowed", fix="write the keys out"))
        return node

    def _enter(self, parent: Map, key: Text, node: Node) -> None:
        first = parent.keys.get(key.value)
        if first is not None:
            message = f'the key "{short(key.value)}" stands here and on line {first.mark.line}'
            self.document.problems.append(
                Problem("duplicate-key", key.mark, message, fix="keep one; YAML would silently use the last")
            )
            return
        parent.keys[key.value] = key
        parent.entries[key.value] = node
        if isinstance(node, Text) and node.empty:
            self._nothing(parent, key, node)

    def _nothing(self, parent: Map, key: Text, node: Text) -> None:
        line = self.document.lines[key.mark.line - 1]
        rest = line[key.mark.column - 1 + len(key.value) :]
        if re.match(r"\s*:\s*#", rest):
            message, fix = f'"{short(key.value)}" has no value: # begins a comment', "quote it: '#'"
        elif parent.flow and not re.match(r"\s*:", rest):
            key.told = True
            if len(parent.entries) > 1:
                message = f'the comma before "{short(key.value)}" split the text'
                fix = "put the whole text in quotes"
            else:
                message = f'"{short(key.value)}" stands in {{ }} as a key, without a value'
                fix = "write key: value, or leave out the { }"
        else:
            message, fix = (
                f'"{short(key.value)}" has no value',
                "write one, or delete the key; empty text is ''",
            )
        self.document.problems.append(Problem("empty-value", key.mark, message, fix=fix))
