"""What commands share: finding a flow by name or path, telling problems, completing words."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowengine.cli import Sentence
from flowengine.problems import Problem, did_you_mean
from flowengine.report import Paint, lines_of, paint_for, text

if TYPE_CHECKING:
    from flowengine.build import Built
    from flowengine.model import Flow


def paths_or_default(paths: Sequence[str]) -> list[str]:
    """The given paths, else ``FLOWENGINE_FLOWS``, else ``flows``."""
    return list(paths) or [os.environ.get("FLOWENGINE_FLOWS") or "flows"]


def find(name: str, compiled: bool = False) -> tuple[Built, Flow]:
    """The flow of that name or path, with all flows it may play. Raises UsageError."""
    from flowengine.build import build
    from flowengine.project import UsageError

    built = build(_paths_for(name), compiled)
    if not built.book.flows and not built.problems:
        raise UsageError(f"there are no flows in {', '.join(_paths_for(name))}")
    try:
        flow = built.source.find(name)
    except UsageError:
        if not _unreadable(name, built):
            raise
        raise _Unreadable(built, name) from None
    if _is_file(name) and _plays_others(flow, built):
        built = build([str(Path(name).parent)], compiled)
        flow = built.source.find(name)
    return built, flow


class _Unreadable(click.exceptions.Exit):
    """The file was found, but its flow could not be understood: its problems are told, exit 1."""

    def __init__(self, built: Built, name: str) -> None:
        super().__init__(1)
        tell(problems_of(built, [name]), built)


def _unreadable(name: str, built: Built) -> bool:
    return _is_file(name) and bool(problems_of(built, [name]))


def problems_of(built: Built, files: Iterable[str]) -> list[Problem]:
    wanted = {Path(file).resolve() for file in files}
    return [problem for problem in built.problems if Path(problem.mark.file).resolve() in wanted]


def _is_file(name: str) -> bool:
    return Path(name).is_file()


def _paths_for(name: str) -> list[str]:
    """A file outside the usual folder is read alone."""
    usual = paths_or_default(())
    if _is_file(name) and not any(Path(name).resolve().is_relative_to(Path(path).resolve()) for path in usual):
        return [name]
    return usual


def _plays_others(flow: Flow, built: Built) -> bool:
    played = (state.config.get("flow") for state in flow.states.values() if state.kind in ("subflow", "call"))
    return any(name and name not in built.book.flows for name in played)


def tell(problems: Iterable[Problem], built: Built) -> None:
    """Problems as text on standard output."""
    paint = paint_for(sys.stdout, os.environ)
    lines = lines_of(built.source.documents())
    for problem in problems:
        say(text(problem, lines, paint), paint)


def say(line: str, paint: Paint) -> None:
    """One result on standard output."""
    click.echo(line, color=paint.on)


def note(line: str) -> None:
    """Progress and remarks, on standard error."""
    click.echo(line, err=True)


def write(path: str, data: bytes) -> None:
    """A file that the user named; one sentence where it cannot be written."""
    try:
        Path(path).write_bytes(data)
    except OSError as error:
        raise Sentence(f"cannot write {path}: {error.strerror}") from None


def wanted_state(flow: Flow, name: str) -> str:
    from flowengine.project import UsageError

    if name not in flow.states:
        raise UsageError(f'the flow "{flow.name}" has no state "{name}"{did_you_mean(name, flow.states)}')
    return name


# --- completion in a shell -------------------------------------------------------------------------------

_FLOW = re.compile(r"^flow:\s*([a-z][a-z0-9_]*)", re.MULTILINE)
_STATE = re.compile(r"^  ([a-z][a-z0-9_]*):", re.MULTILINE)


def _texts() -> dict[str, str]:
    found = {}
    for path in paths_or_default(()):
        for file in sorted(Path(path).rglob("*.y*ml")) if Path(path).is_dir() else []:
            if ".test." in file.name:  # scenarios
                continue
            content = file.read_text("utf-8", errors="replace")
            if match := _FLOW.search(content):
                found[match[1]] = content
    return found


def complete_flow(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in _texts() if name.startswith(incomplete)]


def complete_state(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    content = _texts().get(ctx.params.get("flow") or "", "")
    states = content.partition("\nstates:")[2]
    return [name for name in _STATE.findall(states) if name.startswith(incomplete)]
