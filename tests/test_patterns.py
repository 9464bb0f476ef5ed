from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowengine.patterns import BadPattern, compile_pattern


@pytest.mark.parametrize(
    ("source", "text", "matches"),
    [
        (r"\d{4}", "0042", True),
        (r"\d{4}", "00421", False),
        (r"\d+", "42\n", False),
        (r"\d", "٣", False),
        ("a|ab", "ab", True),
        ("", "", True),
        ("é+", "éé", True),
        (".*", "a\ud800", False),
    ],
)
def test_the_whole_text_must_match(source: str, text: str, matches: bool) -> None:
    assert compile_pattern(source).matches(text) is matches


@pytest.mark.parametrize(
    ("source", "column", "word"),
    [
        ("ab(c", 3, "missing )"),
        ("ab)", 3, "unexpected )"),
        ("x[ab", 2, "missing ]"),
        ("ab(?=c)", 3, "(?="),
        ("é(?<!c)", 2, "(?<!"),
        ("ab**", 3, "**"),
        ("a{2000}", 2, "{2000}"),
        (r"ab\8", 3, "\\8"),
        (r"ab\C", 3, "\\C"),
        ("ab\\", 3, "trailing"),
        ("a\ud800", 2, "Unicode"),
        ("a" * 1_001, 1_001, "1,000"),
    ],
)
def test_a_bad_pattern_is_placed(source: str, column: int, word: str) -> None:
    with pytest.raises(BadPattern) as error:
        compile_pattern(source)
    assert (error.value.column, word in error.value.message) == (column, True), error.value.message


def test_a_bad_pattern_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadPattern):
        compile_pattern("(?=quiet)")
    assert capfd.readouterr() == ("", "")


def test_a_doubled_backslash_is_not_an_escape() -> None:
    assert compile_pattern(r"\\C").matches(r"\C")


def test_matching_takes_linear_time() -> None:
    start = time.thread_time()
    assert not compile_pattern("(a*)*b").matches("a" * 50_000)
    assert time.thread_time() - start < 1


@settings(max_examples=1_000, deadline=None)
@given(st.text(alphabet="ab\\()[]{}?*+|^$.-,:<=!P0189dCé\ud800", max_size=20), st.text(max_size=10))
def test_any_source_is_a_pattern_or_a_named_error(source: str, text: str) -> None:
    try:
        compile_pattern(source).matches(text)
    except BadPattern as error:
        assert error.message
        assert 1 <= error.column <= len(source) + 1
