from __future__ import annotations

import pytest

from flowengine.document import Document
from flowengine.problems import Mark, Problem, Severity
from flowengine.suppress import comments, suppress

FILE = "flows/line.yaml"


def told(line: int, rule: str = "unreachable", severity: Severity = "warning") -> Problem:
    return Problem(rule, Mark(FILE, line, 3), "nothing leads here", severity)


def document(*lines: str) -> dict[str, Document]:
    return {FILE: Document(FILE, list(lines))}


def test_a_reason_silences_the_rule_on_its_line() -> None:
    lines = document("  offers:  # allow unreachable: comes back in May", "  news:")
    assert suppress([told(1), told(2)], lines) == [told(2)]


def test_only_that_rule_is_silenced() -> None:
    lines = document("  offers:  # allow unreachable: comes back in May")
    assert suppress([told(1, "trap")], lines) == [told(1, "trap")]


def test_an_error_is_never_silenced() -> None:
    lines = document("  offers:  # allow unreachable: comes back in May")
    assert suppress([told(1, severity="error")], lines) == [told(1, severity="error")]


def test_another_file_is_another_place() -> None:
    lines = {"flows/other.yaml": Document("flows/other.yaml", ["offers:  # allow unreachable: in May"])}
    assert suppress([told(1)], lines) == [told(1)]


@pytest.mark.parametrize("comment", ["# allow unreachable", "# allow unreachable:", "# allow unreachable:  "])
def test_without_a_reason_nothing_is_silenced_and_the_comment_is_a_warning(comment: str) -> None:
    found = suppress([told(1)], document(f"  offers:  {comment}"))
    assert [each.rule for each in found] == ["unreachable", "allow-without-reason"]
    assert (found[1].mark.line, found[1].mark.column, found[1].severity) == (1, 12, "warning")
    assert found[1].mark.length == len(comment.rstrip())
    assert found[1].fix == 'write "# allow unreachable: why it may stay"'


def test_a_comment_that_names_no_rule_is_a_warning() -> None:
    assert [each.rule for each in suppress([], document("a: b # allow: we know"))] == ["allow-without-reason"]


def test_a_rule_without_a_problem_is_no_trouble() -> None:
    assert suppress([], document("a: b # allow trap: it is meant so")) == []


@pytest.mark.parametrize(
    "line",
    [
        'say: "press # allow trap"',
        "say: 'it''s # allow trap'",
        "say: press#allow trap",
        "# allowed are digits only",
        "x: y # we allow trap",
        'say: ["a # allow trap", b]',
    ],
)
def test_what_only_looks_like_it(line: str) -> None:
    assert list(comments(FILE, [line])) == []


@pytest.mark.parametrize(
    "line",
    [
        "# allow trap: why",
        "say: it's late # allow trap: why",
        'say: "a # b" # allow trap: why',
        'say: "a \\" # b" #allow trap : why  ',
        "{ say: 'x', next: end }   #   allow   trap:   why",
    ],
)
def test_where_a_comment_may_stand(line: str) -> None:
    assert [(each.rule, each.reason) for each in comments(FILE, [line])] == [("trap", "why")]
