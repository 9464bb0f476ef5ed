"""Every rule that anything can tell is explained, and the explanations show what they say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowengine.build import build
from flowengine.problems import Problem
from flowengine.scenarios.reading import read_suite
from flowengine.shape_rules import SHAPE_RULES, explained

SOURCES = sorted((Path(__file__).parent.parent / "flowengine").rglob("*.py"))
EXAMPLES = [
    pytest.param(name, kind, flow, id=f"{name}-{kind}")
    for name, doc in SHAPE_RULES.items()
    for kind, flow in re.findall(r"```yaml (\w+)\n(.*?)```", doc, re.DOTALL)
]


def _told(tree: ast.AST) -> Iterator[ast.expr]:
    """The rule in ``Problem("rule", …)``, ``reader.problem("rule", …)`` and ``problem(view, "rule", …)``."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name == "Problem" or (name == "problem" and isinstance(node.func, ast.Attribute)):
            yield node.args[0]
        elif name == "problem" and len(node.args) > 1:
            yield node.args[1]


def _words(rule: ast.expr, tree: ast.Module) -> Iterator[str]:
    """The texts that a rule's expression may be: itself, both sides of a choice, or a constant of the module."""
    if isinstance(rule, ast.Constant) and isinstance(rule.value, str):
        yield rule.value
    elif isinstance(rule, ast.IfExp):
        yield from _words(rule.body, tree)
        yield from _words(rule.orelse, tree)
    elif isinstance(rule, ast.Name):
        for node in tree.body:
            if isinstance(node, ast.Assign) and any(getattr(each, "id", "") == rule.id for each in node.targets):
                yield from _words(node.value, tree)


def test_every_rule_that_a_source_file_tells_is_explained() -> None:
    known = explained()
    told = set()
    for file in SOURCES:
        tree = ast.parse(file.read_text("utf-8"))
        for rule in _told(tree):
            told |= {(word, file.name) for word in _words(rule, tree)}
    assert len(told) > 60
    assert sorted(each for each in told if each[0] not in known) == []


def test_every_explanation_belongs_to_something() -> None:
    text = "\n".join(file.read_text("utf-8") for file in SOURCES if file.name != "shape_rules.py")
    assert [name for name in SHAPE_RULES if f'"{name}"' not in text] == []


def test_every_explanation_has_a_summary_of_one_line() -> None:
    for name, each in explained().items():
        assert 15 < len(each.summary) < 200, (name, each.summary)
        assert "\n" not in each.summary


@pytest.mark.parametrize(("name", "kind", "flow"), EXAMPLES)
def test_the_examples_show_the_rule(name: str, kind: str, flow: str, tmp_path: Path) -> None:
    found = _found(flow, tmp_path)
    if kind == "wrong":
        assert name in {each.rule for each in found}
    else:
        assert [each for each in found if each.severity == "error" or each.rule == name] == []


def _found(text: str, folder: Path) -> list[Problem]:
    """What is wrong with a flow, or with a file of scenarios."""
    if text.startswith("scenarios:"):
        (folder / "flow.test.yaml").write_text(text, "utf-8")
        return read_suite(folder / "flow.test.yaml", "flow.test.yaml").problems
    (folder / "flow.yaml").write_text(text, "utf-8")
    return build([str(folder)], compiled=False).problems


def test_most_rules_have_examples() -> None:
    without = {name for name in SHAPE_RULES if "```" not in SHAPE_RULES[name]}
    assert without <= {
        "duplicate-flow", "empty-file", "encoding", "message-flow", "nesting", "not-yet", "outside-project",
        "too-large", "unknown-name", "unreadable",
    }  # fmt: skip
