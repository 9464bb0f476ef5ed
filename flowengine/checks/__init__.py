"""The rules, one to a file: the file's name is the rule's, its docstring the documentation and the test."""

from __future__ import annotations

from collections.abc import Iterable

from flowengine.checks.base import Rule, View, rules
from flowengine.graph import Book
from flowengine.mending import TELL_SLIPS, as_meant
from flowengine.problems import Problem, in_order


def check_flows(book: Book, only: Iterable[str] = (), functions: set[str] | None = None) -> list[Problem]:
    """Every problem that the rules find in the flows of a book; ``functions``: the names of ``functions.py``."""
    wanted = set(only)
    chosen = [rule for name, rule in rules().items() if not wanted or name in wanted]
    found: list[Problem] = []
    meant = as_meant(book)
    for name, flow in book.flows.items():
        written = View(flow, book, {"functions": functions})
        view = written if meant is book else View(meant.flows[name], meant, {"functions": functions})
        for rule in (each for each in chosen if flow.channel in each.channels):
            found.extend(rule.check(written if rule.name in TELL_SLIPS else view))
    return in_order(found)


__all__ = ["Rule", "View", "check_flows", "rules"]
