"""Texts with ``{{ }}`` and bare conditions: one language, made ready once, evaluated against one scope.

A text (``Hello {{ name }}``) and a guard (``tier == "gold"``) are checked as soon as they are compiled; their
code is generated when they are first used, or by :meth:`Expression.ready`. Data is never read as an
expression: only what stood in the flow is. Nothing but mapping keys and list positions is ever reached, so
``response.items`` is the key ``items``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from jinja2 import Template, nodes
from jinja2.compiler import CodeGenerator
from jinja2.nativetypes import NativeCodeGenerator
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from flowengine import grammar, syntax
from flowengine.filters import FILTERS, LONGEST_TEXT, EvaluationFailed, Missing, Undefined, capped, printed, short
from flowengine.grammar import Comparison, Facts, Operand, Operation, Path, Reference
from flowengine.patterns import compile_pattern
from flowengine.syntax import BadExpression

__all__ = [
    "BadExpression",
    "Comparison",
    "EvaluationFailed",
    "Expression",
    "Guard",
    "Operand",
    "Operation",
    "Path",
    "Reference",
    "Text",
    "Undefined",
    "compile_guard",
    "compile_text",
]

_FAILURES = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)
_Values = Callable[["_Scope"], Iterator[Any]]


class _ValueGenerator(NativeCodeGenerator):
    """Yields values as they are, and computes nothing while it generates code."""

    def _output_child_to_const(self, node: nodes.Expr, frame: Any, finalize: CodeGenerator._FinalizeInfo) -> Any:
        if not isinstance(node, nodes.TemplateData):
            raise nodes.Impossible
        return node.data


class _Sandbox(ImmutableSandboxedEnvironment):
    code_generator_class = _ValueGenerator
    intercepted_binops = frozenset("+-*/")
    intercepted_unops = frozenset("-")

    def getattr(self, obj: Any, attribute: str) -> Any:
        return _item(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        return _item(obj, argument)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        return _calculate(operator, left, right)

    def call_unop(self, context: Context, operator: str, arg: Any) -> Any:
        return -_number(operator, arg)


def _item(obj: Any, key: str | int) -> Any:
    """What a mapping holds under a key or a list at a position, and nothing that Python knows of them."""
    if type(obj) is dict or isinstance(obj, Mapping):
        value = obj.get(key, missing)
        return Missing(name=str(key)) if value is missing else value
    if isinstance(obj, list | tuple) and isinstance(key, int) and key < len(obj):
        return obj[key]
    if isinstance(obj, Missing):
        return Missing(name=f"{obj.path}.{key}")
    return Missing(name=str(key))


def _number(operator: str, value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, Missing):
        raise Undefined(value.path)
    also = " or two texts" if operator == "+" else ""
    raise EvaluationFailed(f'"{operator}" needs numbers{also}')


def _calculate(operator: str, left: Any, right: Any) -> Any:
    if operator == "+" and isinstance(left, str) and isinstance(right, str):
        return short(left + right)
    one, two = capped(_number(operator, left)), capped(_number(operator, right))
    if operator == "/":
        return _divided(one, two)
    return capped(one + two if operator == "+" else one - two if operator == "-" else one * two)


def _divided(one: float, two: float) -> float:
    if two == 0:
        raise EvaluationFailed("a number is divided by zero")
    return capped(one / two)


def _defined(value: Any) -> bool:
    return not isinstance(value, Missing)


def _matching(value: Any, pattern: str) -> bool:
    return compile_pattern(pattern).matches(printed(value))


def _environment() -> _Sandbox:
    # Not optimized: Jinja would otherwise work out constant parts while it generates code, outside the caps.
    sandbox = _Sandbox(undefined=Missing, autoescape=False, optimized=False, keep_trailing_newline=True, cache_size=0)
    sandbox.globals.clear()
    sandbox.filters = dict(FILTERS)
    sandbox.tests = {"defined": _defined, "matching": _matching}
    return sandbox


_SANDBOX = _environment()


class _Scope:
    """As much of Jinja's context as the generated code uses; a whole one costs more than the rendering."""

    __slots__ = ("names",)

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names = names

    def resolve_or_missing(self, key: str) -> Any:
        return self.names.get(key, missing)


class Expression:
    """What texts and guards share.

    ``names`` are the references in the order of the source; ``comparisons`` the ones of a path with a
    constant; ``operations`` the arithmetic and orderings, whose operands a check can type with
    :meth:`Operand.possible`: ``* - /`` want numbers on both sides, ``+`` two numbers or two texts.
    """

    __slots__ = ("_pieces", "_values", "comparisons", "names", "operations", "source")

    def __init__(self, source: str, pieces: Sequence[nodes.Expr], facts: Facts) -> None:
        self.source = source
        self.names = tuple(facts.names)
        self.comparisons = tuple(facts.comparisons)
        self.operations = tuple(facts.operations)
        self._pieces = tuple(pieces)
        self._values: _Values | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.source!r})"

    def ready(self) -> None:
        """Generate the code now (well under a millisecond) rather than at first use."""
        self._code()

    def _code(self) -> _Values:
        pieces = self._pieces  # before the test: another thread may finish, and forget them, in between
        if self._values is None:
            tree = nodes.Template([nodes.Output(list(pieces), lineno=1)], lineno=1)
            tree.set_environment(_SANDBOX)
            code = _SANDBOX.compile(tree)
            values: Any = Template.from_code(_SANDBOX, code, {}).root_render_func
            self._values = values
            self._pieces = ()
        return self._values

    def _failure(self, error: Exception, scope: Mapping[str, Any]) -> EvaluationFailed:
        if isinstance(error, Undefined):
            return Undefined(self._missing_path(error.path, scope))
        if isinstance(error, EvaluationFailed):
            return error
        if isinstance(error, TypeError):
            return EvaluationFailed("two values of different kinds cannot be compared")
        return EvaluationFailed("a value is not of the kind that is needed here")

    def _missing_path(self, told: str, scope: Mapping[str, Any]) -> str:
        """The whole path that has no value: at run time only its last part is known."""
        for name in sorted(self.names, key=lambda each: each.guarded):
            if f".{name.dotted}".endswith(f".{told}") and not _reachable(scope, name.path):
                return name.dotted
        return told


def _reachable(scope: Any, path: Path) -> bool:
    for key in path:
        scope = _item(scope, int(key) if isinstance(scope, list | tuple) and key.isdecimal() else key)
    return not isinstance(scope, Missing)


class Text(Expression):
    """A text: ``constant`` if it holds no expression, ``whole`` if it is one expression and nothing else."""

    __slots__ = ("constant", "whole")

    def __init__(self, source: str, pieces: Sequence[nodes.Expr], facts: Facts) -> None:
        super().__init__(source, pieces, facts)
        self.constant = None if pieces else source
        self.whole = len(pieces) == 1 and not isinstance(pieces[0], nodes.TemplateData)

    def ready(self) -> None:
        if self.constant is None:
            self._code()

    def render(self, scope: Mapping[str, Any]) -> str:
        """The text with every expression printed, cut where nobody would hear or read the rest.

        Raises :class:`Undefined`, :class:`EvaluationFailed`.
        """
        if self.constant is not None:
            return self.constant
        values = self._values or self._code()
        try:
            text = "".join([value if type(value) is str else printed(value) for value in values(_Scope(scope))])
        except (EvaluationFailed, *_FAILURES) as error:
            raise self._failure(error, scope) from None
        return text[:LONGEST_TEXT]

    def value(self, scope: Mapping[str, Any]) -> Any:
        """The typed value of a whole expression, else the rendered text. Raises as :meth:`render`."""
        if not self.whole:
            return self.render(scope)
        values = self._values or self._code()
        try:
            value = next(values(_Scope(scope)))
        except (EvaluationFailed, *_FAILURES) as error:
            raise self._failure(error, scope) from None
        if isinstance(value, Missing):
            raise self._failure(Undefined(value.path), scope)
        return value


class Guard(Expression):
    """A condition."""

    __slots__ = ()

    def test(self, scope: Mapping[str, Any]) -> bool:
        """Whether the condition is true. Raises :class:`Undefined`, :class:`EvaluationFailed`."""
        values = self._values or self._code()
        try:
            return bool(next(values(_Scope(scope))))
        except (EvaluationFailed, *_FAILURES) as error:
            raise self._failure(error, scope) from None


def compile_text(source: str) -> Text:
    """A text, checked: ``Hello {{ name }}``. Raises :class:`BadExpression`."""
    if "{{" not in source and "{%" not in source and "{#" not in source:
        syntax.refuse_long(source)
        return Text(source, (), Facts())
    parsed = syntax.parse_text(source, _SANDBOX)
    return Text(source, parsed.pieces, grammar.read(parsed))


def compile_guard(source: str) -> Guard:
    """A bare condition, checked: ``tier == "gold"``. Raises :class:`BadExpression`."""
    parsed = syntax.parse_guard(source, _SANDBOX)
    return Guard(source, parsed.pieces, grammar.read(parsed))
