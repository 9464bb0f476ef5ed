"""Finding flows: the files a command is given, their ``flowengine.yaml``, and a flow by name or path."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowengine.document import Document, read_file
from flowengine.fields import PROMPT, WORDS, Constant, Field, ListOf, MapOf, Name, Reader, Record
from flowengine.loader import DEFAULTS, Loaded, load, sounds_of
from flowengine.model import Flow, Project
from flowengine.problems import Mark, Problem, did_you_mean
from flowengine.sections import CALENDARS, SOUNDS, VARIABLES

FILE = "flowengine.yaml"
SCENARIOS = (".test.yaml", ".test.yml")
"""How the names of files end that hold scenarios, and no flow."""

CONSENT = Record(
    (
        Field("farewell", WORDS, "sent once, to who wants no more messages"),
        Field("welcome", WORDS, "sent to who wants them again"),
        Field("help", WORDS, "the answer to HELP where no flow has one"),
    ),
    "consent",
)
PROJECT = Record(
    (
        Field("calendars", CALENDARS, "opening hours by name, for all flows"),
        Field("contact", VARIABLES, "fields of a contact, which outlive a call"),
        Field("sounds", SOUNDS, "uploaded files and URLs by name"),
        Field("tone", PROMPT, "the tone of every voicemail"),
        Field("constants", MapOf(Constant(), "a name"), "names every flow may read"),
        Field("defaults", DEFAULTS, "settings for every state of every voice flow"),
        Field(
            "env",
            ListOf(Constant("[A-Z][A-Z0-9_]*", "the name of an environment variable")),
            "what `env.` may read",
        ),
        Field("consent", CONSENT, "what is sent when somebody leaves, comes back, or asks for help"),
        Field("kill_switch", Name("a flow"), "a flow tried before every start"),
    ),
    "flowengine.yaml",
)


class UsageError(Exception):
    """A path or name that leads to no flow; the message is one clear sentence."""


@dataclass(slots=True)
class Source:
    """All that was found: the project, every file as loaded, and what is wrong with either."""

    project: Project
    loaded: list[Loaded] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    functions: str = ""

    @property
    def flows(self) -> dict[str, Flow]:
        return {each.flow.name: each.flow for each in reversed(self.loaded) if each.flow is not None}

    def documents(self) -> dict[str, Document]:
        return {each.document.file: each.document for each in self.loaded}

    def find(self, name: str) -> Flow:
        """A flow by its name or path. Raises :class:`UsageError`."""
        flows = self.flows
        if name in flows:
            return flows[name]
        for flow in flows.values():
            if Path(flow.file).resolve() == Path(name).resolve():
                return flow
        known = f"; the flows are {', '.join(sorted(flows))}" if flows else ""
        raise UsageError(f'there is no flow "{name}"{did_you_mean(name, flows) or known}')


def read_project(paths: Iterable[str]) -> Source:
    """Every flow under the paths (files or folders), with its project. Raises :class:`UsageError`."""
    given = [Path(path) for path in paths]
    files = [file for path in given for file in _files(path)]
    top = given[0] if given[0].is_dir() else given[0].parent
    config = _nearest(top.resolve())
    source = _configured(config, top)
    folder = Path(source.project.folder)
    for file in dict.fromkeys(files):
        source.loaded.append(_load(file, folder, source.project))
    _twice(source)
    source.functions = _functions(top.resolve(), folder.resolve())
    return source


def is_scenario_file(path: Path) -> bool:
    return path.name.endswith(SCENARIOS)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(each for suffix in ("*.yaml", "*.yml") for each in path.rglob(suffix))
        return [each for each in found if not is_scenario_file(each) and each.name != FILE]
    if is_scenario_file(path) and path.exists():
        raise UsageError(f"{path} holds scenarios, not a flow; play them with: flowengine test {path}")
    if path.exists():
        return [path]
    raise UsageError(f"{path} does not exist; name a flow file or a folder of flows")


def _nearest(folder: Path) -> Path | None:
    for each in (folder, *folder.parents):
        if (each / FILE).is_file():
            return each / FILE
    return None


def shown_path(path: Path) -> str:
    """The path as problems say it: from where one stands, where it lies below."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _configured(file: Path | None, top: Path) -> Source:
    if file is None:
        return Source(Project(folder=str(top.resolve())))
    shown = os.path.relpath(file)
    document = read_file(file, shown)
    project = Project(folder=str(file.parent), file=shown)
    if document.root is None:
        empty = [each for each in document.problems if each.rule != "empty-file"]
        return Source(project, problems=empty)
    reader = Reader(shown, sounds=sounds_of(document.root))
    config = PROJECT.read(document.root, reader) or {}
    return Source(_project(file, shown, config), problems=document.problems + reader.problems)


def _project(file: Path, shown: str, config: dict[str, Any]) -> Project:
    defaults = {key: value for key, value in (config.get("defaults") or {}).items() if value is not None}
    return Project(
        folder=str(file.parent),
        file=shown,
        calendars=config.get("calendars") or {},
        sounds=config.get("sounds") or {},
        tone=config.get("tone"),
        constants=config.get("constants") or {},
        defaults=defaults,
        contact=config.get("contact") or {},
        env=config.get("env") or (),
        kill_switch=config.get("kill_switch") or "",
        consent={name: words for name, words in (config.get("consent") or {}).items() if words},
    )


def _load(file: Path, folder: Path, project: Project) -> Loaded:
    shown = shown_path(file) if not file.is_symlink() else str(file)
    if not file.resolve().is_relative_to(folder.resolve()):
        document = Document(shown)
        message = f"the file lies outside the project folder {folder.name}/"
        document.problems.append(Problem("outside-project", Mark(shown), message, fix="copy it into the project"))
        return Loaded(document, problems=document.problems)
    return load(read_file(file, shown), project)


def _twice(source: Source) -> None:
    seen: dict[str, Flow] = {}
    for flow in [each.flow for each in source.loaded if each.flow]:
        first = seen.setdefault(flow.name, flow)
        if first is not flow:
            message = f'the flow "{flow.name}" is also in {first.file}:{first.mark.line}'
            source.problems.append(Problem("duplicate-flow", flow.mark, message, fix="rename one", flow=flow.name))


def _functions(top: Path, folder: Path) -> str:
    """The nearest ``functions.py`` at or above the flows, within the project folder."""
    for each in (top, *top.parents):
        if (each / "functions.py").is_file():
            return (each / "functions.py").read_text("utf-8")
        if each == folder:
            break
    return ""
