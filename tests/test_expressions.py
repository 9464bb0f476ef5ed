from __future__ import annotations

import doctest
import gc
import json
import time
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowengine import filters
from flowengine.expressions import (
    BadExpression,
    Comparison,
    EvaluationFailed,
    Path,
    Undefined,
    compile_guard,
    compile_text,
)

SCOPE: Mapping[str, Any] = {
    "name": "Ann",
    "tier": "gold",
    "digits": "0042",
    "seats": 9,
    "price": 12.5,
    "nothing": None,
    "empty": "",
    "yes": True,
    "call": {"cli": "+12025550100", "answered": False, "headers": {"x-id": "7"}},
    "response": {"items": ["a", "b"], "keys": 3, "_id": "q"},
    "slots": [{"time": "2026-12-24T14:30:00+01:00"}, {"time": "2026-12-25T09:00:00+01:00"}],
    "now": datetime(2026, 12, 24, 14, 30, tzinfo=timezone(timedelta(hours=1))),
    "today": date(2026, 12, 24),
}


# --- what a text says ---


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("Press 1.", "Press 1."),
        ("Hello {{ name }}. Your code is {{ call.cli }}.", "Hello Ann. Your code is +12025550100."),
        ("{{ seats }} {{ price }} {{ 6 / 2 }} {{ 0.1 + 0.2 }}", "9 12.5 3 0.3"),
        ("{{ yes }}{{ call.answered }}{{ nothing }}.", "truefalse."),
        ("{{ now }} {{ today }}", "2026-12-24T14:30:00+01:00 2026-12-24"),
        ("{{ response.items }} {{ [1, 2.0, true] }}", "a, b 1, 2, true"),
        ("{{ response.items.1 }}{{ response['items'][0] }}{{ response['_id'] }}", "baq"),
        ("{{ call.headers['x-id'] }}", "7"),
        ("{{ 'a' + name + \"b\" }}{{ -seats }}{{ 3 - 1 * 2 }}", "aAnnb-91"),
        ("{{ 'many' if seats > 8 else 'few' }}", "many"),
        ("{{ slots | length }} {{ (slots | last).time | date }}", "2 25 December 2026"),
        ("{{ unknown | default('there') }}, {{ call.unknown.deeper | default(name) }}", "there, Ann"),
        ("{{ digits | spell }} {{ digits | int + 1 }}", "0 0 4 2 43"),
        ("{{ price | money }} {{ price | round }} {{ price | round(places=1) }}", "12.50 13 12.5"),
        ("a }} b\n", "a }} b\n"),
        ('{{ "}} {{" }}', "}} {{"),
    ],
)
def test_text(source: str, said: str) -> None:
    assert compile_text(source).render(SCOPE) == said


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ seats }}", 9),
        ("{{ response.items }}", ["a", "b"]),
        ("{{ nothing }}", None),
        ("{{ call }}", SCOPE["call"]),
        ("{{ digits }}", "0042"),
        ("{{ '+15551234567' }}", "+15551234567"),
        ("{{ 7 }}", 7),
        ("{{ seats > 8 }}", True),
        (" {{ seats }}", " 9"),
        ("{{ seats }}{{ seats }}", "99"),
        ("9", "9"),
    ],
)
def test_a_whole_expression_keeps_its_type(source: str, value: Any) -> None:
    found = compile_text(source).value(SCOPE)
    assert found == value
    assert type(found) is type(value)


def test_constant_and_whole() -> None:
    assert compile_text("Press 1.").constant == "Press 1."
    assert compile_text("").constant == ""
    assert compile_text("{{ name }}").constant is None
    assert compile_text("{{ name }}").whole
    assert not compile_text("{{ name }}.").whole
    assert not compile_text("Press 1.").whole


@pytest.mark.parametrize(
    ("source", "true"),
    [
        ('tier == "gold"', True),
        (r"tier == 'gold' and digits is matching('\\d+')", True),
        (r"digits is matching '\d{4}'", True),
        (r"digits is matching('\d')", False),
        ("seats > 8", True),
        ("1 < seats <= 9", True),
        ("tier in ['gold', 'silver']", True),
        ("tier not in ('gold', 'silver')", False),
        ("not call.answered", True),
        ("call.cli is defined", True),
        ("call.other is defined", False),
        ("call.other is not defined or call.other == 1", True),
        ("'a' in response.items", True),
        ("empty", False),
        ("nothing == none", True),
        ("response.keys == 3", True),
        ("now < '2026'", None),
    ],
)
def test_guard(source: str, true: bool | None) -> None:
    guard = compile_guard(source)
    if true is None:
        with pytest.raises(EvaluationFailed):
            guard.test(SCOPE)
    else:
        assert guard.test(SCOPE) is true


def test_ready_changes_nothing_but_the_moment_of_the_work() -> None:
    late, early = compile_text("{{ name | upper }}"), compile_text("{{ name | upper }}")
    early.ready()
    early.ready()
    assert early.render(SCOPE) == late.render(SCOPE) == "ANN"
    compile_text("Press 1.").ready()


def test_a_text_may_be_rendered_often_and_for_different_callers() -> None:
    text = compile_text("{{ name | default('there') }}")
    assert [text.render(scope) for scope in ({"name": "Ann"}, {}, {"name": "Bo"})] == ["Ann", "there", "Bo"]


# --- what is refused ---


@pytest.mark.parametrize(
    ("source", "spot", "word"),
    [
        ("{{ 10**10000000 }}", "**", "**"),
        ("{{ 'a'*99999999 }}", "'a'*99999999", "text"),
        ("{{ name + 1 + 'a' * 2 }}", "'a' * 2", "text"),
        ("{{ 1 + 'a' }}", "1 + 'a'", "text"),
        ("{{ ''.__class__ }}", "''.__class__", "__class__"),
        ("{{ name['__class__'] }}", "name['__class__']", "__class__"),
        ("{{ name._secret }}", "name._secret", "_secret"),
        ("{{ range(9) }}", "range(", "calls"),
        ("{{ call.cli.upper() }}", "call.cli.upper(", "calls"),
        ("{{ name | attr('a') }}", "attr", "attr"),
        ("{{ name | lwer }}", "lwer", 'did you mean "lower"?'),
        ("{{ name | lower(3) }}", "lower", "lower"),
        ("{{ name | round(digits=3) }}", "round", "digits"),
        ("{{ name | join(*name) }}", "join", "*"),
        ("{% if x %}", "{%", "statements"),
        ("Press {# this #}", "{#", "comments"),
        ("{{ name[1:2] }}", ":", ":"),
        ("{{ name[digits] }}", "name[digits]", "constant"),
        ("{{ name[-1] }}", "name[-1]", "constant"),
        ("{{ 7 // 2 }}", "//", "int"),
        ("{{ 7 % 2 }}", "%", "%"),
        ("{{ name ~ 1 }}", "~", "~"),
        ("{{ {'a': 1} }}", "{", "records"),
        ("{{ [name] }}", "[name]", "constants"),
        ("{{ name, tier }}", "name, tier", "constants"),
        ("{{ +seats }}", "+", "+"),
        ("{{ name if yes }}", "name", "else"),
        ("{{ name is odd }}", "is", "odd"),
        ("{{ name is matching(tier) }}", "is", "constant pattern"),
        ("{{ name is matching('a(?=b)') }}", "(", "RE2"),
        ("{{ 'x' is defined }}", "is", "after a name"),
        ("{{ self }}", "self", "reserved"),
        ("{{ náme }}", "náme", "not a name"),
        ("{{- name }}", "{{-", "space"),
        ("{{ name -}}", "-}}", "space"),
        ("Hello {{ name", "{{", "}}"),
        ("{{ }}", "}}", "nothing"),
        ("{{ name tier }}", "tier", "tier"),
        ("{{ name = 3 }}", "=", "=="),
        ("{{ name && tier }}", "&", "and"),
        ("{{ 'open }}", "'", "closed"),
        ("{{ 99999999999999999999999 }}", "99999999999999999999999", "large"),
        ("{{ 1e400 }}", "1e400", "large"),
    ],
)
def test_refused(source: str, spot: str, word: str) -> None:
    with pytest.raises(BadExpression) as error:
        compile_text(source)
    found = source[error.value.offset : error.value.offset + error.value.length]
    assert (found, word in error.value.message) == (spot, True), error.value.message


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("", "empty"),
        ("{{ tier }}", "bare"),
        ('tier = "gold"', "=="),
        ("tier ==", "too early"),
        ("(tier", "too early"),
        ("tier)", ")"),
        ("tier name", "name"),
        ("tier }}", "}}"),
        ("!tier", "not"),
        ("true > 1", "boolean"),
    ],
)
def test_refused_guards(source: str, word: str) -> None:
    with pytest.raises(BadExpression) as error:
        compile_guard(source)
    assert word in error.value.message


@pytest.mark.parametrize(
    "source",
    [
        "(" * 4_000,
        "not " * 2_400 + "name",
        "-" * 9_000 + "seats",
        "+".join(["seats"] * 1_600),
        "name" + ".x" * 4_000,
        "name" + "|lower" * 1_600,
        "name" + " if seats else name" * 500,
        "seats" + " < seats" * 1_200 + " ** 2",
        "9" * 9_000,
        "1_" * 4_900 + "1",
        "'" * 9_001,
        "'a' " * 2_000 + ".x",
        "[" * 21 + "]" * 21,
        "x" * 10_001,
    ],
)
def test_large_inputs_are_refused_at_once(source: str) -> None:
    for compiled, text in ((compile_guard, source), (compile_text, f"{{{{ {source} }}}}")):
        start = time.thread_time()
        with pytest.raises(BadExpression):
            compiled(text)
        assert time.thread_time() - start < 0.25


def test_what_is_as_deep_as_allowed_can_be_evaluated() -> None:
    assert compile_text("{{ " + " + ".join(["seats"] * 20) + " }}").render(SCOPE) == "180"
    assert compile_text("{{ " + "(" * 20 + "seats" + ")" * 20 + " }}").render(SCOPE) == "9"
    assert compile_text("{{ " * 1 + "-" * 19 + "seats }}").render(SCOPE) == "-9"


def test_a_bad_pattern_is_placed_inside_its_text() -> None:
    with pytest.raises(BadExpression) as error:
        compile_guard("digits is matching('ab(?=c)')")
    assert "digits is matching('ab(?=c)')"[error.value.offset] == "("
    assert error.value.offset == 22


# --- what fails at run time ---


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("{{ unknown }}", "unknown"),
        ("{{ call.unknown }}", "call.unknown"),
        ("{{ unknown.deeper }}", "unknown.deeper"),
        ("{{ response.items.7 }}", "response.items.7"),
        ("{{ call.unknown | upper }}", "call.unknown"),
        ("{{ 1 + call.unknown }}", "call.unknown"),
        ("{{ -unknown }}", "unknown"),
        ("{{ name.upper }}", "name.upper"),
        ("{{ response.values }}", "response.values"),
        ("{{ unknown > 1 }}", "unknown"),
        ("{{ unknown == 1 }}", "unknown"),
        ("{{ unknown | default(call.unknown) }}", "call.unknown"),
        ("Hello {{ call.unknown }}", "call.unknown"),
    ],
)
def test_undefined_names_its_path(source: str, path: str) -> None:
    text = compile_text(source)
    for evaluate in (text.render, text.value):
        with pytest.raises(Undefined) as error:
            evaluate(SCOPE)
        assert error.value.path == path
    if text.whole:
        with pytest.raises(Undefined):
            compile_guard(source[3:-3]).test(SCOPE)


@pytest.mark.parametrize(
    "source",
    [
        "{{ name * 2 }}",
        "{{ name + 1 }}",
        "{{ yes + 1 }}",
        "{{ 1 / (seats - 9) }}",
        "{{ seats > name }}",
        "{{ name in seats }}",
        "{{ large * large }}",
        "{{ large + 1 }}",
        "{{ huge / 3 }}",
        "{{ huge }}",
        "{{ call }}.",
        "{{ name | int }}",
        "{{ '1e9' | int }}",
        "{{ name | money }}",
        "{{ call | upper }}",
        "{{ name | time }}",
        "{{ name | date }}",
        "{{ seats | join }}",
        "{{ nested | join }}",
        "{{ name | round(name) }}",
        "{{ price | round(seats * 10) }}",
        "{{ name | replace('', 'x') }}",
        "{{ long + long }}",
        "{{ long | spell }}",
        "{{ long | replace('x', 'yy') }}",
        "{{ many | join(long) }}",
        "{{ infinite }}.",
        "{{ odd }}.",
    ],
)
def test_evaluation_fails_without_telling_the_values(source: str) -> None:
    values = {
        "large": 10**15,
        "huge": 10**5000,
        "long": "x" * 15_000,
        "many": ["x"] * 10_000,
        "nested": [["a"]],
        "infinite": float("inf"),
        "odd": object(),
    }
    with pytest.raises(EvaluationFailed) as error:
        compile_text(source).render({**SCOPE, **values})
    sentence = str(error.value)
    assert not any(secret in sentence for secret in ("Ann", "gold", "0042", "+1202", "xx", "object at"))


def test_python_attributes_are_never_reached() -> None:
    for value in ("text", 7, 1.5, True, None, [1], {"a": 1}, datetime(2026, 12, 24)):
        for attribute in dir(value):
            if not attribute.startswith("_"):
                with pytest.raises(Undefined):
                    compile_text(f"{{{{ x.{attribute} }}}}").render({"x": value})


# --- facts for the checks ---


def test_names_are_placed_and_told_apart() -> None:
    source = "Hello {{ name }}: {{ call.headers['x-id'] | default(tier) }} {{ slots[0].time }}"
    text = compile_text(source)
    places = [source[name.offset : name.offset + name.length] for name in text.names]
    assert places == ["name", "call.headers['x-id']", "tier", "slots[0].time"]
    assert [name.path for name in text.names] == [
        ("name",),
        ("call", "headers", "x-id"),
        ("tier",),
        ("slots", "0", "time"),
    ]
    assert [name.guarded for name in text.names] == [False, True, False, False]
    assert text.names[1].root == "call"


@pytest.mark.parametrize(
    ("source", "guarded"),
    [
        ("a is defined", [True]),
        ("a is defined and a > 2", [True, True]),
        ("b and a is defined and a > 2 and b", [False, True, True, False]),
        ("a is not defined or a > 2", [True, False]),
        ("a is defined or a > 2", [True, False]),
        ("(a if a is defined else a) == 1", [True, True, False]),
        ("(a | default(1) | int) > a", [True, False]),
        ("a | upper | default('x') == a", [False, False]),
    ],
)
def test_guarded_names(source: str, guarded: list[bool]) -> None:
    assert [name.guarded for name in compile_guard(source).names] == guarded


def test_comparisons_with_constants() -> None:
    source = "seats >= 2 and 3 < seats and tier in ['a', -1] and 'x' == call.cli and a == b and a | int > 1"
    found = compile_guard(source).comparisons
    assert [(each.path, each.op, each.constant) for each in found] == [
        (("seats",), ">=", 2),
        (("seats",), ">", 3),
        (("tier",), "in", ["a", -1]),
        (("call", "cli"), "==", "x"),
    ]
    places = [source[each.offset : each.offset + each.length] for each in found]
    assert places == ["seats >= 2", "3 < seats", "tier in ['a', -1]", "'x' == call.cli"]
    assert compile_guard("digits is matching '\\d'").comparisons == (Comparison(("digits",), "matching", "\\d", 0, 23),)


def test_operations_can_be_typed() -> None:
    declared: dict[Path, str] = {("seats",): "number", ("tier",): "text"}
    guard = compile_guard("seats * (seats if tier else 2) > tier | length")
    times, greater = guard.operations
    assert (times.op, greater.op) == ("*", ">")
    assert [side.possible(declared.__getitem__) for side in times.operands] == [{"number"}, {"number"}]
    assert [side.possible(declared.__getitem__) for side in greater.operands] == [{"number"}, {"number"}]
    plus = compile_text("{{ tier + seats }}").operations[0]
    assert [side.possible(declared.__getitem__) for side in plus.operands] == [{"text"}, {"number"}]
    assert compile_text("{{ tier | default(1) * 2 }}").operations[0].operands[0].possible(declared.__getitem__) == {
        "text",
        "number",
    }


# --- filters ---


def test_filter_examples() -> None:
    result = doctest.testmod(filters)
    assert result.failed == 0
    assert result.attempted >= len(filters.FILTERS)


def test_every_filter_is_documented_and_says_what_it_gives() -> None:
    listed = "default lower upper title trim length join first last round int time date spell digits money replace"
    assert set(filters.FILTERS) == set(listed.split())
    assert set(filters.GIVES) == set(filters.FILTERS) - {"default"}
    assert all(">>>" in (each.__doc__ or "") for each in filters.FILTERS.values())


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ '2.345' | money }}", "2.35"),
        ("{{ -2.5 | round }}", "-3"),
        ("{{ ' 12.9 ' | int }}", "12"),
        ("{{ 'x' | int(0) }}{{ unknown | int(5) }}", "05"),
        ("{{ '09:30' | time }} {{ '2026-12-24T10:00Z' | time }} {{ now | time }}", "09:30 10:00 14:30"),
        ("{{ today | date }} {{ now | date }}", "24 December 2026 24 December 2026"),
        ("{{ '٣1²' | digits }}", "1"),
        ("{{ response.items | join(' or ') }}", "a or b"),
        ("{{ [] | first | default('none') }}{{ '' | last | default('none') }}", "nonenone"),
        ("{{ call | length }}{{ digits | length }}", "34"),
        ("{{ nothing | default('-') }}{{ empty | default('-') }}{{ 0 | default('-') }}", "--0"),
    ],
)
def test_filters(source: str, said: str) -> None:
    assert compile_text(source).render(SCOPE) == said


# --- whatever stands there ---

_NAMES = "name tier digits seats price nothing call.cli call.headers['x-id'] response.items slots unknown"
_SYNTAX = "== != < <= > >= in is defined matching and or not if else ( ) [ ] , . | + - * / ** // % ~ = :"
_ODDITIES = "{{ }} {% %} {# #} { } 'a' \"\\\\d+\" ' \\ 7 0.5 1e9 _ true none self range __class__ attr é ² ٣"
WORDS = [*" ".join((_NAMES, _SYNTAX, _ODDITIES, *filters.FILTERS)).split(), "\n", "\x00", "\ud800", "\u202e"]
PIECES = st.one_of(st.sampled_from(WORDS), st.text(max_size=5))
SOURCES = st.lists(PIECES, max_size=25).map(" ".join) | st.text(max_size=60)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
LEAVES = st.sampled_from(
    ["name", "seats", "x", "x.a", "x[0]", "y", "7", "0.5", "'a'", "''", "true", "none", "[1, 'a']", "unknown"]
)


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    binary = st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "and", "or", "+", "-", "*", "/"])
    two = st.builds("({} {} {})".format, inner, binary, inner)
    filtered = st.builds("{} | {}".format, inner, st.sampled_from(sorted(filters.FILTERS)))
    given_ = st.builds("({} | {}({}))".format, inner, st.sampled_from(["default", "join", "int", "round"]), inner)
    choice = st.builds("({} if {} else {})".format, inner, inner, inner)
    matched = st.builds("({} is matching '[a-z]+')".format, inner)
    return two | filtered.map("({})".format) | given_ | choice | matched | inner.map("(not {})".format)


EXPRESSIONS = st.recursive(LEAVES, _grown, max_leaves=8)


@pytest.fixture(autouse=True, scope="module")
def without_collections() -> Iterator[None]:
    """What other tests have left lying about is not this module's time."""
    gc.disable()
    yield
    gc.enable()


def _within(seconds: float, source: str, scope: Mapping[str, Any], guard: bool) -> None:
    start = time.thread_time()
    try:
        if guard:
            compile_guard(source).test(scope)
        else:
            text = compile_text(source)
            assert len(text.render(scope)) <= filters.LONGEST_TEXT
            text.value(scope)
    except BadExpression as error:
        assert 0 <= error.offset <= len(source)
        assert error.message
    except EvaluationFailed as error:
        assert str(error)
    assert time.thread_time() - start < seconds


@settings(max_examples=2_000, deadline=None)
@given(SOURCES, st.booleans())
def test_any_source_is_refused_or_evaluated(source: str, guard: bool) -> None:
    _within(0.25, source, SCOPE, guard)
    if not guard:
        _within(0.25, f"{{{{ {source} }}}}", SCOPE, guard)


@settings(max_examples=2_000, deadline=None)
@given(EXPRESSIONS, VALUES, VALUES, st.booleans())
def test_any_values_give_a_value_or_a_named_failure(source: str, one: Any, two: Any, guard: bool) -> None:
    wrapped = source if guard else f"{{{{ {source} }}}}"
    _within(0.25, wrapped, {**SCOPE, "x": one, "y": two}, guard)


@settings(max_examples=1_000, deadline=None)
@given(st.text(max_size=40) | st.sampled_from(["{{7*7}}", "{{ tier }}", "{% x %}", "x];#href[https://x/a.wav];#tts["]))
def test_data_is_never_evaluated(data: str) -> None:
    assert compile_text("<{{ name }}>").render({"name": data, "tier": "no"}) == f"<{data}>"
    assert compile_text("{{ name }}").value({"name": data}) == data
    assert compile_text("{{ " + json.dumps("{{7*7}}") + " }}").render({}) == "{{7*7}}"
