"""Paths → everything a command needs: the flows, what is wrong with them, and the artefact.

``python -m flowengine.build PATH…`` writes the artefact to standard output: that is how a serving process gets its
flows without ever loading what only checking needs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from flowengine.compiler import FORMAT, compile_book, revision
from flowengine.graph import Book
from flowengine.problems import Problem, errors, in_order
from flowengine.project import Source, UsageError, read_project


class BadArtefact(Exception):
    """A file that is no artefact of this version; the message is one clear sentence."""


@dataclass(slots=True)
class Built:
    """``artefact`` is None where there are errors, and then nothing may be served."""

    source: Source
    book: Book
    problems: list[Problem] = field(default_factory=list)
    artefact: dict[str, Any] | None = None
    revision: str = ""

    @property
    def states(self) -> int:
        return sum(len(flow.states) for flow in self.book.flows.values())


def build(paths: Sequence[str], compiled: bool = True) -> Built:
    """Read, check and (without errors) compile. Raises :class:`~flowengine.project.UsageError`."""
    from flowengine.checks import check_flows, rules
    from flowengine.checks.unknown_function import names
    from flowengine.suppress import suppress

    source = read_project(paths)
    book = Book(source.flows)
    shape = source.problems + [problem for each in source.loaded for problem in each.problems]
    found = shape + check_flows(book, functions=names(source.functions))
    built = Built(source, book, suppress(in_order(found), source.documents(), rules()))
    if compiled and not errors(built.problems):
        built.artefact = compile_book(book, source.project, source.functions)
        built.revision = revision(built.artefact)
    return built


def write_artefact(built: Built) -> bytes:
    """The artefact as a file holds it: its revision, then what the revision is the hash of."""
    return orjson.dumps({"revision": built.revision, "artefact": built.artefact})


def read_artefact(data: bytes) -> tuple[dict[str, Any], str]:
    """An artefact and its revision. Raises :class:`BadArtefact` unless the content has the hash it claims."""
    try:
        whole = orjson.loads(data)
        artefact, claimed = whole["artefact"], whole["revision"]
        readable = artefact["format"] == FORMAT
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise BadArtefact("this is not a compiled artefact; make one with flowengine compile -o FILE") from None
    if not readable:
        raise BadArtefact(f"the artefact has format {artefact['format']}, expected {FORMAT}; compile it again")
    if revision(artefact) != claimed:
        raise BadArtefact("the artefact was changed after it was compiled; compile it again")
    return artefact, claimed


def no_flows(paths: Sequence[str]) -> str:
    """The sentence where there is nothing to serve."""
    return f"there are no flows (*.yaml) in {', '.join(paths)}"


def main(paths: Sequence[str]) -> int:
    try:
        built = build(paths)
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    if not built.source.loaded:
        print(no_flows(paths), file=sys.stderr)
        return 2
    if built.artefact is None:
        wrong = errors(built.problems)
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        print(f"{wrong[0].mark}: {wrong[0].message}{more}", file=sys.stderr)
        return 1
    sys.stdout.buffer.write(write_artefact(built))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
