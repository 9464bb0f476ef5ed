"""What rules say of message flows that are written in a test."""

from __future__ import annotations

from textwrap import dedent

from flowengine.checks import check_flows
from flowengine.document import read
from flowengine.graph import Book
from flowengine.loader import load
from flowengine.model import Flow, Project
from flowengine.problems import Problem


def flow_of(name: str, text: str, project: Project) -> Flow:
    """``text`` without its first two lines; one that says ``channel: voice`` itself is a call."""
    text = dedent(text)
    channel = "" if text.startswith("channel:") else "channel: message\n"
    loaded = load(read(f"flow: {name}\n{channel}{text}".encode(), f"{name}.yaml"), project)
    assert loaded.problems == []
    assert loaded.flow is not None
    return loaded.flow


def found(text: str, *only: str, project: Project | None = None, **others: str) -> list[Problem]:
    """The problems of the flow ``line``, and of those that are given by name."""
    flows = {name: flow_of(name, each, project or Project()) for name, each in {"line": text, **others}.items()}
    return check_flows(Book(flows), only, set())


def told(rule: str, text: str, project: Project | None = None, **others: str) -> list[str]:
    """``line: message``; of another flow with its name before it."""
    return [
        f"{'' if each.flow == 'line' else each.flow + ':'}{each.mark.line}: {each.message}"
        for each in found(text, rule, project=project, **others)
    ]


def quiet(text: str, **others: str) -> list[str]:
    """Everything that any rule says."""
    return [f"{each.mark.line} {each.rule}: {each.message}" for each in found(text, project=None, **others)]
