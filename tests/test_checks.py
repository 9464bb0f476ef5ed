"""Every rule of ``flowengine/checks`` against the examples of its own docstring."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import dedent

import pytest

from flowengine.checks import check_flows, rules
from flowengine.checks.base import Rule
from flowengine.checks.unknown_function import names
from flowengine.graph import Book
from flowengine.problems import Problem, errors
from flowengine.project import FILE, Source, read_project

RULES = rules()
NAMES = sorted(RULES)
FENCE = re.compile(
    r"^```(?P<language>yaml|python) (?P<sort>wrong|right)(?: (?P<name>\w+))?\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
FLOWS = Path(__file__).parents[1] / "flows"


def examples(rule: Rule, sort: str) -> Iterator[tuple[str, str]]:
    """``(path, text)`` of every file of the rule's wrong or right example."""
    for fence in FENCE.finditer(rule.doc):
        if fence["sort"] == sort:
            yield _path(fence["language"], fence["name"] or "example"), fence["text"]


def _path(language: str, name: str) -> str:
    if name == "project":
        return FILE
    return f"flows/{name}.{'py' if language == 'python' else 'yaml'}"


def load(folder: Path, files: Iterator[tuple[str, str]]) -> Source:
    """A project of these files. ``flowengine.yaml`` is always written, so that none further up counts."""
    (folder / "flows").mkdir()
    (folder / FILE).write_text("")
    for path, text in files:
        (folder / path).write_text(text)
    return read_project(["flows"])


def told(source: Source, only: Sequence[str] = ()) -> list[Problem]:
    return check_flows(Book(source.flows), only, names(source.functions))


def loading(source: Source) -> list[Problem]:
    return [*source.problems, *(problem for each in source.loaded for problem in each.problems)]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_the_docstring_says_what_and_why_and_shows_both(name: str) -> None:
    rule = RULES[name]
    prose = rule.doc.split("```", 1)[0].strip()
    assert 30 <= len(prose) <= 600
    assert prose.endswith(".")
    assert rule.severity in ("error", "warning")
    for sort in ("wrong", "right"):
        assert "flows/example.yaml" in dict(examples(rule, sort))


@pytest.mark.parametrize("name", NAMES)
def test_the_wrong_example_is_told_at_its_place(name: str, tmp_path: Path) -> None:
    files = dict(examples(RULES[name], "wrong"))
    source = load(tmp_path, iter(files.items()))
    assert errors(loading(source)) == []
    found = told(source, [name])
    assert found, "the wrong example passes"
    assert {problem.rule for problem in found} == {name}
    assert RULES[name].severity in {problem.severity for problem in found}
    for problem in found:
        lines = files[problem.mark.file].splitlines()
        assert 1 <= problem.mark.line <= len(lines)
        assert 1 <= problem.mark.column <= len(lines[problem.mark.line - 1])
        assert problem.flow in source.flows


@pytest.mark.parametrize("name", NAMES)
def test_the_message_is_one_sentence_in_the_tone_of_the_house(name: str, tmp_path: Path) -> None:
    source = load(tmp_path, examples(RULES[name], "wrong"))
    for problem in told(source, [name]):
        assert "\n" not in "".join((problem.message, problem.fix, *problem.notes))
        assert not problem.message.endswith(".")
        assert not problem.message[:1].isupper() or problem.message.split()[0].isupper()


@pytest.mark.parametrize("name", NAMES)
def test_the_right_example_passes_every_rule(name: str, tmp_path: Path) -> None:
    source = load(tmp_path, examples(RULES[name], "right"))
    assert loading(source) == []
    found = told(source)
    assert errors(found) == []
    assert [problem for problem in found if problem.rule == name] == []


@pytest.mark.parametrize("flow", ["front_desk", "reminder"])
def test_flows_that_people_run_are_clean(flow: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text((FLOWS.parent / FILE).read_text())
    (tmp_path / "flow.yaml").write_text((FLOWS / f"{flow}.yaml").read_text())
    source = read_project(["flow.yaml"])
    assert loading(source) == []
    assert told(source) == []


@pytest.mark.parametrize("name", NAMES)
def test_no_rule_raises_on_a_flow_with_a_line_missing(name: str, tmp_path: Path) -> None:
    """Whatever the loader lets through, the rules take: here a flow in the middle of being written."""
    files = dict(examples(RULES[name], "wrong"))
    source = load(tmp_path, iter(files.items()))
    text = files["flows/example.yaml"].splitlines(keepends=True)
    loaded = 0
    for number in range(len(text)):
        (tmp_path / "flows/example.yaml").write_text("".join(text[:number] + text[number + 1 :]))
        source = read_project(["flows"])
        loaded += bool(source.flows)
        told(source)
    assert loaded


def test_a_flow_without_states_worth_the_name_is_taken(tmp_path: Path) -> None:
    text = """\
        flow: odd
        channel: voice
        start: nowhere
        on: { error: lost, nonsense: [ { when: "(", to: lost } ] }
        states:
          empty: {}
          odd: { menu: 3, on: { else: lost } }
          lost: { subflow: odd, on: { done: back } }
          route: { route: [ { when: "x ==", set: { y: "{{ ( }}" } }, { else: continue } ] }
          rest: { connect: { to: nobody }, next: continue, visits: { max: 1, then: rest } }
        """
    source = load(tmp_path, iter([("flows/odd.yaml", dedent(text))]))
    assert "odd" in source.flows
    assert errors(told(source))
