"""Suppressions: written by another hand."""

from __future__ import annotations

from collections.abc import Mapping

from flowengine.document import Document
from flowengine.problems import Problem


def suppress(problems: list[Problem], documents: Mapping[str, Document]) -> list[Problem]:
    return problems
