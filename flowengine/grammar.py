"""What an expression may say: Jinja's syntax, read against an allow-list, and the facts the checks need.

Jinja parses; its tree is then walked once. Whatever is not on the list is a :class:`BadExpression`, so that
no call, loop, attribute of a Python object or growing operation ever reaches the code generator.
"""

from __future__ import annotations

import inspect
import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NoReturn

from jinja2 import nodes

from flowengine.filters import FILTERS, GIVES
from flowengine.patterns import BadPattern, compile_pattern
from flowengine.problems import did_you_mean, listed
from flowengine.syntax import DEEPEST, Syntax
from flowengine.syntax import BadExpression as BadExpression

Path = tuple[str, ...]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_RESERVED_NAMES = ("self", "super", "loop", "caller", "varargs", "kwargs")
_COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">=", "in": "in"}
_COMPARISONS["notin"] = "not in"
_FLIPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that is read: ``path`` is ``("call", "cli")`` for ``call.cli``.

    ``guarded`` is true where a missing value does no harm: directly under ``| default(…)`` or ``is defined``,
    or behind an ``x is defined and`` (or ``if x is defined``) for the same path.
    """

    path: Path
    offset: int
    length: int
    guarded: bool

    @property
    def root(self) -> str:
        return self.path[0]

    @property
    def dotted(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A path against a constant, path first: ``3 < seats`` is ``seats > 3``.

    ``op`` is ``== != < <= > >= in``, ``not in`` (``constant`` is a list) or ``matching`` (an RE2 pattern).
    """

    path: Path
    op: str
    constant: Any
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Operand:
    """What one side of an operation can be: the declared types of ``paths`` and the known ``types``.

    Known types are ``number text boolean none list any``.
    """

    paths: frozenset[Path] = frozenset()
    types: frozenset[str] = frozenset()

    def __or__(self, other: Operand) -> Operand:
        return Operand(self.paths | other.paths, self.types | other.types)

    def possible(self, declared: Callable[[Path], str]) -> frozenset[str]:
        """Every type this side may have, ``declared`` giving that of a path."""
        return self.types | {declared(path) for path in self.paths}


@dataclass(frozen=True, slots=True)
class Operation:
    """``+ - * /`` or an ordering (``< <= > >=``) and its sides; a leading ``-`` has one."""

    op: str
    operands: tuple[Operand, ...]
    offset: int
    length: int


@dataclass(slots=True)
class Facts:
    """What was read in one expression or text, in the order of the source."""

    names: list[Reference] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the tree: how deep, and which paths are known to have a value (or may do without one)."""

    depth: int = 0
    known: frozenset[Path] = frozenset()
    optional: bool = False

    def inside(self, known: frozenset[Path] = frozenset(), optional: bool = False) -> _Place:
        return _Place(self.depth + 1, self.known | known, optional)


def read(syntax: Syntax) -> Facts:
    """The facts of a source that says nothing outside the allow-list. Raises :class:`BadExpression`."""
    reader = _Reader(syntax)
    for piece in syntax.pieces:
        reader.read(piece, _Place())
    reader.facts.names.sort(key=lambda name: name.offset)
    return reader.facts


class _Reader:
    """One walk over the tree: refuses what is not allowed, gathers the facts, tells the type of each part."""

    def __init__(self, syntax: Syntax) -> None:
        self.source = syntax.source
        self.starts = syntax.starts
        self.facts = Facts()

    def read(self, node: nodes.Node, place: _Place) -> Operand:
        if place.depth > DEEPEST:
            self.refuse(node, f"nested or chained deeper than {DEEPEST}; use brackets less, or a list with in")
        reader = _READERS.get(type(node))
        if reader is None:
            self.refuse(node, _REFUSED_NODES.get(type(node), "this is not part of the language"))
        return reader(self, node, place)

    def refuse(self, node: nodes.Node, message: str) -> NoReturn:
        start = self.start(node)
        raise BadExpression(message, start, max(self.end(node) - start, 1))

    def start(self, node: nodes.Node) -> int:
        """Where a node begins; Jinja places a field at its dot and a call at its bracket."""
        while isinstance(node, nodes.Getattr | nodes.Getitem | nodes.Call):
            node = node.node
        if isinstance(node, nodes.Tuple) and node.items:
            return self.start(node.items[0])
        return node.lineno

    def end(self, node: nodes.Node) -> int:
        """Where the last token of a node ends, for names, fields, constants and lists of constants."""
        index = self.last_token(node)
        stop = self.starts[index + 1] if index + 1 < len(self.starts) else len(self.source)
        return len(self.source[:stop].rstrip())

    def last_token(self, node: nodes.Node) -> int:
        if isinstance(node, nodes.List | nodes.Tuple) and node.items:
            return self.closed(self.last_token(node.items[-1]))
        if isinstance(node, nodes.Neg):
            return self.last_token(node.node)
        if isinstance(node, nodes.Getitem):
            return self.closed(self.last_token(node.arg))
        return bisect_right(self.starts, node.lineno) - 1 + isinstance(node, nodes.Getattr)

    def closed(self, index: int) -> int:
        """The bracket that closes right after a token, or else the token."""
        following = self.starts[index + 1] if index + 1 < len(self.starts) else len(self.source)
        return index + (self.source[following : following + 1] in (")", "]"))

    # --- names and constants ---

    def name(self, node: nodes.Name | nodes.Getattr | nodes.Getitem, place: _Place) -> Operand:
        path = self.path(node)
        if path is None:
            return self.field_of(node, place)
        start = self.start(node)
        guarded = place.optional or path in place.known
        self.facts.names.append(Reference(path, start, self.end(node) - start, guarded))
        return Operand(paths=frozenset([path]))

    def field_of(self, node: nodes.Name | nodes.Getattr | nodes.Getitem, place: _Place) -> Operand:
        """A field of what a filter or an ``if`` gave."""
        inner = node if isinstance(node, nodes.Name) else node.node
        if not isinstance(inner, nodes.Filter | nodes.CondExpr | nodes.Getattr | nodes.Getitem):
            self.refuse(node, "only names have fields")
        self.read(inner, place.inside(optional=place.optional))
        return Operand(types=frozenset(["any"]))

    def path(self, node: nodes.Node) -> Path | None:
        """The dotted path of a name and its fields, or None below anything but a name."""
        keys: list[str] = []
        while isinstance(node, nodes.Getattr | nodes.Getitem):
            if len(keys) == DEEPEST:
                self.refuse(node, f"nested deeper than {DEEPEST}")
            keys.append(self.key(node))
            node = node.node
        if not isinstance(node, nodes.Name):
            return None
        self.check_name(node, node.name)
        return (node.name, *reversed(keys))

    def key(self, node: nodes.Getattr | nodes.Getitem) -> str:
        if isinstance(node, nodes.Getattr):
            self.check_name(node, node.attr)
            return node.attr
        if not isinstance(node.arg, nodes.Const) or type(node.arg.value) not in (str, int):
            self.refuse(node, "what stands in [ ] after a name is a constant text or whole number")
        if str(node.arg.value).startswith("__"):
            self.refuse(node, f'"{node.arg.value}" cannot be read')
        return str(node.arg.value)

    def check_name(self, node: nodes.Node, name: str) -> None:
        if name.startswith("_"):
            self.refuse(node, f'"{name}" cannot be read: a name begins with a letter')
        if not _NAME.fullmatch(name):
            self.refuse(node, f'"{name}" is not a name: letters a to z, digits and _ after a letter')
        if isinstance(node, nodes.Name) and name in _RESERVED_NAMES:
            self.refuse(node, f'"{name}" is a reserved name')

    def constant(self, node: nodes.Const, place: _Place) -> Operand:
        return Operand(types=frozenset([_TYPE_NAMES[type(node.value)]]))

    def text(self, node: nodes.TemplateData, place: _Place) -> Operand:
        return Operand(types=frozenset(["text"]))

    def items(self, node: nodes.List | nodes.Tuple, place: _Place) -> Operand:
        if _value(node) is _NO_VALUE:
            self.refuse(node, "a list in an expression holds constants only")
        return Operand(types=frozenset(["list"]))

    # --- operators ---

    def comparison(self, node: nodes.Compare, place: _Place) -> Operand:
        sides = [node.expr, *(operand.expr for operand in node.ops)]
        read = [self.read(side, place.inside()) for side in sides]
        for index, operand in enumerate(node.ops):
            op = _COMPARISONS[operand.op]
            self.note_comparison(sides[index], op, sides[index + 1])
            if op in ("<", "<=", ">", ">="):
                self.note_operation(op, tuple(read[index : index + 2]), sides[index], sides[index + 1])
        return Operand(types=frozenset(["boolean"]))

    def note_comparison(self, left: nodes.Expr, op: str, right: nodes.Expr) -> None:
        start = self.start(left)
        length = max(self.end(right) - start, 1)
        path, value = self.path(left), _value(right)
        if path is None and op in _FLIPPED:
            path, op, value = self.path(right), _FLIPPED[op], _value(left)
        if path is not None and value is not _NO_VALUE:
            self.facts.comparisons.append(Comparison(path, op, value, start, length))

    def note_operation(self, op: str, sides: tuple[Operand, ...], left: nodes.Expr, right: nodes.Expr) -> None:
        start = self.start(left)
        length = max(self.end(right) - start, 1)
        if not _possible(op, sides):
            raise BadExpression(f'"{op}" cannot work on {_known(sides)}', start, length)
        self.facts.operations.append(Operation(op, sides, start, length))

    def arithmetic(self, node: nodes.BinExpr, place: _Place) -> Operand:
        sides = (self.read(node.left, place.inside()), self.read(node.right, place.inside()))
        self.note_operation(node.operator, sides, node.left, node.right)
        return sides[0] | sides[1] if node.operator == "+" else Operand(types=frozenset(["number"]))

    def negative(self, node: nodes.Neg, place: _Place) -> Operand:
        self.note_operation("-", (self.read(node.node, place.inside()),), node, node.node)
        return Operand(types=frozenset(["number"]))

    def conjunction(self, node: nodes.And, place: _Place) -> Operand:
        left = self.read(node.left, place.inside())
        return left | self.read(node.right, place.inside(self.defined(node.left)))

    def alternative(self, node: nodes.Or, place: _Place) -> Operand:
        return self.read(node.left, place.inside()) | self.read(node.right, place.inside())

    def negation(self, node: nodes.Not, place: _Place) -> Operand:
        self.read(node.node, place.inside())
        return Operand(types=frozenset(["boolean"]))

    def choice(self, node: nodes.CondExpr, place: _Place) -> Operand:
        if node.expr2 is None:
            self.refuse(node, 'an "if" in an expression needs its "else"')
        self.read(node.test, place.inside())
        known = self.defined(node.test)
        return self.read(node.expr1, place.inside(known)) | self.read(node.expr2, place.inside())

    def defined(self, node: nodes.Node) -> frozenset[Path]:
        """The paths that have a value wherever this condition is true."""
        if isinstance(node, nodes.And):
            return self.defined(node.left) | self.defined(node.right)
        path = self.path(node.node) if isinstance(node, nodes.Test) and node.name == "defined" else None
        return frozenset() if path is None else frozenset([path])

    # --- filters and tests ---

    def filter(self, node: nodes.Filter, place: _Place) -> Operand:
        assert node.node is not None
        if node.name not in FILTERS:
            self.refuse(node, f'there is no filter "{node.name}"{did_you_mean(node.name, FILTERS)}')
        self.check_arguments(node)
        value = self.read(node.node, place.inside(optional=node.name == "default"))
        given = [self.read(each, place.inside()) for each in (*node.args, *(pair.value for pair in node.kwargs))]
        if node.name == "default":
            return value | (given[0] if given else Operand(types=frozenset(["text"])))
        return Operand(types=frozenset([GIVES[node.name]]))

    def check_arguments(self, node: nodes.Filter) -> None:
        if node.dyn_args or node.dyn_kwargs:
            self.refuse(node, '"*" does not belong before what a filter is given')
        try:
            named = {str(pair.key): pair.value for pair in node.kwargs}
            _signature(node.name).bind(None, *node.args, **named)
        except TypeError as error:
            self.refuse(node, f'the filter "{node.name}": {error}')

    def test(self, node: nodes.Test, place: _Place) -> Operand:
        if node.name == "matching":
            self.matching(node)
        elif node.name != "defined":
            known = f'"{node.name}"{did_you_mean(node.name, ("matching", "defined"))}'
            self.refuse(node, f'after "is" stands "matching" or "defined", not {known}')
        elif node.args or node.kwargs or node.dyn_args or node.dyn_kwargs or self.path(node.node) is None:
            self.refuse(node, '"is defined" stands alone, after a name')
        self.read(node.node, place.inside(optional=node.name == "defined"))
        return Operand(types=frozenset(["boolean"]))

    def matching(self, node: nodes.Test) -> None:
        pattern = node.args[0] if len(node.args) == 1 else None
        if not isinstance(pattern, nodes.Const) or not isinstance(pattern.value, str) or node.kwargs:
            self.refuse(node, '"is matching" needs one constant pattern in quotes')
        if node.dyn_args or node.dyn_kwargs:
            self.refuse(node, '"is matching" needs one constant pattern in quotes')
        try:
            compile_pattern(pattern.value)
        except BadPattern as error:
            start = pattern.lineno
            raise BadExpression(f"not an RE2 pattern: {error.message}", start + error.column, 1) from None
        path, start = self.path(node.node), self.start(node.node)
        if path is not None:
            length = self.end(pattern) - start
            self.facts.comparisons.append(Comparison(path, "matching", pattern.value, start, length))


_NO_VALUE = object()
_TYPE_NAMES = {str: "text", int: "number", float: "number", bool: "boolean", type(None): "none"}


def _value(node: nodes.Node) -> Any:
    """The value of a constant, of minus a number, or of a list of these; else ``_NO_VALUE``."""
    if isinstance(node, nodes.Const):
        return node.value
    if isinstance(node, nodes.Neg) and isinstance(node.node, nodes.Const):
        return -node.node.value if type(node.node.value) in (int, float) else _NO_VALUE
    if isinstance(node, nodes.List | nodes.Tuple):
        values = [_NO_VALUE if isinstance(item, nodes.List | nodes.Tuple) else _value(item) for item in node.items]
        return _NO_VALUE if _NO_VALUE in values else values
    return _NO_VALUE


def _possible(op: str, sides: tuple[Operand, ...]) -> bool:
    """Whether the sides, as far as their types are known, can be of the kinds that an operation takes."""
    fits = {"number", "text"} if op in ("+", "<", "<=", ">", ">=") else {"number"}
    known = [side.types for side in sides if not side.paths and "any" not in side.types]
    return not known or bool(fits.intersection(*known))


def _known(sides: tuple[Operand, ...]) -> str:
    return listed([" or ".join(sorted(side.types)) for side in sides if side.types], "and")


@cache
def _signature(name: str) -> inspect.Signature:
    return inspect.signature(FILTERS[name])


_READERS: dict[type[nodes.Node], Callable[[_Reader, Any, _Place], Operand]] = {
    nodes.TemplateData: _Reader.text,
    nodes.Const: _Reader.constant,
    nodes.List: _Reader.items,
    nodes.Tuple: _Reader.items,
    nodes.Name: _Reader.name,
    nodes.Getattr: _Reader.name,
    nodes.Getitem: _Reader.name,
    nodes.Compare: _Reader.comparison,
    nodes.Add: _Reader.arithmetic,
    nodes.Sub: _Reader.arithmetic,
    nodes.Mul: _Reader.arithmetic,
    nodes.Div: _Reader.arithmetic,
    nodes.Neg: _Reader.negative,
    nodes.And: _Reader.conjunction,
    nodes.Or: _Reader.alternative,
    nodes.Not: _Reader.negation,
    nodes.CondExpr: _Reader.choice,
    nodes.Filter: _Reader.filter,
    nodes.Test: _Reader.test,
}
_REFUSED_NODES: dict[type[nodes.Node], str] = {
    nodes.Call: "calls are not part of the language",
    nodes.Slice: "slices are not part of the language",
    nodes.Pos: 'a "+" before a number means nothing; leave it out',
}
