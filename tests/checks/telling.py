"""What one rule says of a flow that is written in a test."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

from flowengine.checks import check_flows
from flowengine.document import read
from flowengine.graph import Book
from flowengine.loader import load
from flowengine.model import Flow, Project
from flowengine.problems import Problem

HEAD = "flow: line\nchannel: voice\n"
PROJECT = Project(env=("CRM_HOST",), constants={"brand": "Acme", "crm": "crm.example.com"})


def flow_of(text: str, project: Project = PROJECT, name: str = "line") -> Flow:
    text = HEAD.replace("line", name) + dedent(text)
    loaded = load(read(text.encode(), f"{name}.yaml"), project)
    assert loaded.problems == []
    assert loaded.flow is not None
    return loaded.flow


def told(rule: str, text: str, project: Project = PROJECT, others: Mapping[str, str] | None = None) -> list[Problem]:
    flows = {"line": flow_of(text, project)}
    flows |= {name: flow_of(other, project, name) for name, other in (others or {}).items()}
    return [each for each in check_flows(Book(flows), [rule]) if each.flow == "line"]


def messages(rule: str, text: str, project: Project = PROJECT) -> list[str]:
    return [each.message for each in told(rule, text, project)]


def underlined(rule: str, text: str) -> list[str]:
    """The stretches of the file that the problems are about."""
    lines = (HEAD + dedent(text)).split("\n")
    marks = [each.mark for each in told(rule, text)]
    return [lines[mark.line - 1][mark.column - 1 : mark.column - 1 + mark.length] for mark in marks]
