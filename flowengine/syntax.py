"""Jinja's syntax in the words of the flow language: tokens and trees with offsets, or one refusal."""

from __future__ import annotations

import re
from ast import literal_eval
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.lexer import Token, TokenStream, get_lexer, operators
from jinja2.parser import Parser

from flowengine.filters import LARGEST_NUMBER

LONGEST_SOURCE = 10_000
DEEPEST = 20

_SPOT = re.compile(r"\w+|\}\}")
_ESCAPE = re.compile(r"\\([\\'\"nt])")
_ESCAPES = {"n": "\n", "t": "\t"}
_SKIPPED = ("whitespace",)
_REFUSED_TOKENS = {
    "**": '"**" is not part of the language',
    "//": '"//" is not part of the language; use "/" and the filter "int"',
    "%": '"%" is not part of the language',
    "~": '"~" is not part of the language; write the texts one after the other, or "+"',
    "{": "records cannot be written in an expression",
    ":": '":" is not part of the language',
    ";": '";" is not part of the language',
}
_HINTS = {
    "&": 'unexpected "&"; write "and"',
    "!": 'unexpected "!"; write "not", or "!="',
    "=": 'a single "=" compares nothing; write "=="',
}


class BadExpression(ValueError):
    """Not an expression of the language. ``offset`` and ``length`` are characters of the source."""

    def __init__(self, message: str, offset: int = 0, length: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.length = length


@dataclass(frozen=True, slots=True)
class Syntax:
    """A source that parsed: ``pieces`` are literal text and expressions, ``starts`` the offsets of the tokens.

    A node keeps the offset of a token of its own in ``lineno``.
    """

    source: str
    pieces: tuple[nodes.Expr, ...]
    starts: tuple[int, ...]


def parse_text(source: str, environment: Environment) -> Syntax:
    """A text with ``{{ }}``. Raises :class:`BadExpression`."""
    refuse_long(source)
    for mark, word in (("{%", "statements"), ("{#", "comments")):
        if mark in source:
            raise BadExpression(f'{word} ("{mark}") are not part of the language', source.find(mark), 2)
    tokens = _tokens(source, environment, None)
    _refuse_open(tokens)
    with _told_apart(source):
        body = _parser(tokens, environment).parse().body
    return _syntax(source, tokens, [piece for output in body for piece in output.iter_child_nodes()])


def parse_guard(source: str, environment: Environment) -> Syntax:
    """A bare condition, in one piece. Raises :class:`BadExpression`."""
    refuse_long(source)
    if source.lstrip().startswith("{{"):
        raise BadExpression('a condition is written bare, without "{{ }}"', source.find("{{"), 2)
    if not source.strip():
        raise BadExpression("the condition is empty")
    tokens = _tokens(source, environment, "variable")
    with _told_apart(source):
        parser = _parser(tokens, environment)
        expression = parser.parse_expression()
    if not parser.stream.eos:
        token = parser.stream.current
        message = _HINTS.get(token.value, f'unexpected "{token.value}" after the condition')
        raise BadExpression(message, token.lineno, len(str(token.value)))
    return _syntax(source, tokens, [expression])


def _syntax(source: str, tokens: list[Token], pieces: list[Any]) -> Syntax:
    return Syntax(source, tuple(pieces), tuple(token.lineno for token in tokens))


def refuse_long(source: str) -> None:
    if len(source) > LONGEST_SOURCE:
        raise BadExpression(f"longer than {LONGEST_SOURCE:,} characters", LONGEST_SOURCE)


def _refuse_open(tokens: list[Token]) -> None:
    braces = [token for token in tokens if token.type in ("variable_begin", "variable_end")]
    if braces and braces[-1].type == "variable_begin":
        raise BadExpression('there is no "}}" to end the expression', braces[-1].lineno, 2)


def _tokens(source: str, environment: Environment, state: str | None) -> list[Token]:
    """Jinja's tokens, with the offset in the source where Jinja keeps the line: its nodes have no column."""
    found: list[Token] = []
    offset = depth = 0
    try:
        for _, kind, text in get_lexer(environment).tokeniter(source, None, None, state):
            depth += (text in "([{") - (text in ")]}") if kind == "operator" else 0
            if depth > DEEPEST:
                raise BadExpression(f"nested deeper than {DEEPEST}", offset)
            if kind not in _SKIPPED:
                found.append(_token(kind, text, offset))
            offset += len(text)
    except TemplateSyntaxError as error:
        raise BadExpression(_lexer_message(error, source[offset : offset + 1]), offset) from None
    return found


def _token(kind: str, text: str, offset: int) -> Token:
    if kind == "operator":
        if text in _REFUSED_TOKENS:
            raise BadExpression(_REFUSED_TOKENS[text], offset, len(text))
        return Token(offset, operators[text], text)
    if (kind == "variable_begin" and text != "{{") or (kind == "variable_end" and text[0] != "}"):
        raise BadExpression('write a space between the braces and "-" or "+"', offset, 3)
    convert = _CONVERTED.get(kind)
    return Token(offset, kind, convert(text, offset) if convert else text)


def _string(text: str, _: int) -> str:
    """The text between quotes. Only quotes, ``\\n``, ``\\t`` and a doubled backslash are escapes: patterns
    keep their ``\\d`` and ``\\b``, which Python's rules would warn about or turn into a backspace.
    """
    return _ESCAPE.sub(lambda match: _ESCAPES.get(match[1], match[1]), text[1:-1])


def _number(text: str, offset: int) -> float:
    digits = text.replace("_", "")
    if len(digits) > 20 or abs(value := literal_eval(digits)) > LARGEST_NUMBER:
        raise BadExpression("the number is too large", offset, len(text))
    return float(value) if isinstance(value, float) else int(value)


_CONVERTED: dict[str, Callable[[str, int], Any]] = {"string": _string, "integer": _number, "float": _number}


def _lexer_message(error: TemplateSyntaxError, character: str) -> str:
    if character in ("'", '"'):
        return "a text in quotes is not closed"
    return _HINTS.get(character, f'unexpected "{character}"' if character else str(error.message))


def _parser(tokens: list[Token], environment: Environment) -> Parser:
    parser = Parser(environment, "")
    parser.stream = TokenStream(iter(tokens), None, None)
    return parser


@contextmanager
def _told_apart(source: str) -> Iterator[None]:
    """Jinja's syntax errors, told in the words of the flow language."""
    try:
        yield
    except TemplateSyntaxError as error:
        found = _SPOT.match(source, error.lineno)
        length = len(found[0]) if found else 1
        raise BadExpression(_syntax_message(str(error.message)), error.lineno, length) from None
    except RecursionError:
        raise BadExpression(f"nested deeper than {DEEPEST}") from None


def _syntax_message(told: str) -> str:
    if "got '='" in told or "'assign'" in told:
        return _HINTS["="]
    if told.startswith("Expected an expression"):
        return 'there is nothing between "{{" and "}}"'
    if "end of template" in told:
        return "the condition stops too early"
    return told.replace("'end of print statement'", '"}}"').replace("token ", "").replace("'", '"')
