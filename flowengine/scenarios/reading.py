"""``NAME.test.yaml`` → :class:`~flowengine.scenarios.model.Suite`. Everything wrong is told at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from flowengine.document import Document, Map, Node, Seq, Text, read_file
from flowengine.document import read as read_document
from flowengine.fields import NAME, Custom, Field, MapOf, Name, Reader, Record
from flowengine.problems import Mark, Problem, in_order
from flowengine.project import SCENARIOS, UsageError, is_scenario_file, shown_path
from flowengine.scenarios.lines import ends_of
from flowengine.scenarios.model import NOW, Scenario, Step, Suite
from flowengine.scenarios.moments import Moment
from flowengine.scenarios.servers import FUNCTIONS, SERVERS
from flowengine.scenarios.steps import read_step
from flowengine.scenarios.types import TEXT, Number, Values

LONGEST_NAME = 200


def _keep(node: Node, reader: Reader) -> Node:
    return node


SCENARIO = Record(
    (
        Field("about", TEXT, "what it is for"),
        Field("now", Moment(), "when it happens", shown="2026-11-24 10:00, a Tuesday, UTC"),
        Field("servers", SERVERS, "servers and what they answer; they stand before the file's"),
        Field("functions", FUNCTIONS, "functions that do not run, and what becomes of them"),
        Field("random", MapOf(Name("an outcome"), "a state"), "what the `random` state of that name draws"),
        Field(
            "contact",
            Custom(lambda node, reader: _read_contact(node, reader), Values().schema(), "what is known of the contact"),
            "what is known of the contact before: name, language, timezone, number, tags and its fields",
        ),
        Field(
            "env", MapOf(TEXT, "the name of an environment variable", "[A-Z][A-Z0-9_]*"), "`env.` and `secret.` names"
        ),
        Field("steps", Custom(_keep, {"$ref": "#/$defs/steps"}, "a list of steps"), "acts and observations", True),
    ),
    "a scenario",
)
SUITE = Record(
    (
        Field("flow", Name("a flow"), "the flow that is played", shown="the file's name"),
        Field("now", Moment(), "when the scenarios happen", shown="2026-11-24 10:00, a Tuesday, UTC"),
        Field("servers", SERVERS, "servers and what they answer, in every scenario"),
        Field("scenarios", Custom(_keep, {"$ref": "#/$defs/scenarios"}, "scenarios by name"), "the scenarios", True),
    ),
    "a file of scenarios",
)


def read_suites(paths: Sequence[str]) -> list[Suite]:
    """The scenarios in folders, in the files named, and beside the flow files named. Raises UsageError."""
    files = [file for path in paths for file in _files(Path(path))]
    return [read_suite(file, shown_path(file)) for file in dict.fromkeys(files)]


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(each for suffix in SCENARIOS for each in path.rglob(f"*{suffix}"))
    if not path.exists():
        raise UsageError(f"{path} does not exist; name a file of scenarios, a flow file or a folder")
    return [path] if is_scenario_file(path) else beside(path)


def beside(flow: Path) -> list[Path]:
    """The file of scenarios that belongs to a flow file, or nothing."""
    return [each for suffix in SCENARIOS if (each := flow.with_name(flow.stem + suffix)).is_file()]


def read_suite(path: Path, shown: str) -> Suite:
    """One file; ``shown`` is how its problems call it."""
    return suite_of(read_file(path, shown), _flow_name(path))


def suite_from_text(text: str, shown: str) -> Suite:
    """The text of a file, read as :func:`read_suite` reads the file of that name."""
    return suite_of(read_document(text.encode("utf-8", "replace"), shown), _flow_name(Path(shown)))


def _flow_name(path: Path) -> str:
    name = path.name
    for suffix in SCENARIOS:
        name = name.removesuffix(suffix)
    return name


def suite_of(document: Document, name: str) -> Suite:
    """One document; ``name`` is its flow where it names none."""
    suite = Suite(document.file, name, (), document, list(map(_reworded, document.problems)))
    if document.root is None:
        return suite
    reader = Reader(document.file)
    _Reading(suite, document.root, reader).read()
    told = {problem.mark for problem in reader.problems}
    own = [each for each in suite.problems if each.rule != "empty-value" or each.mark not in told]
    suite.problems = in_order(own + reader.problems)
    return suite


def _reworded(problem: Problem) -> Problem:
    """What is said of any YAML file in the words of this one."""
    if problem.rule == "empty-file":
        return replace(problem, fix='begin with "scenarios:" and a name for the first one')
    return replace(problem, message=problem.message.replace("such as flow, start and states", "such as scenarios"))


class _Reading:
    def __init__(self, suite: Suite, root: Map, reader: Reader) -> None:
        self.suite = suite
        self.root = root
        self.reader = reader

    def read(self) -> None:
        suite, reader = self.suite, self.reader
        top = SUITE.read(self.root, reader) or {}
        named = self.root.entries.get("flow")
        suite.flow = top.get("flow") or suite.flow
        suite.flow_mark = named.mark if named else Mark(suite.file)
        if named is None and not NAME.fullmatch(suite.flow):
            message = f"the file's name says that it plays the flow \"{suite.flow}\", which cannot be one's name"
            reader.problem("missing-key", self.root, message, "add flow: and the name of the flow")
        suite.now = NOW if top.get("now") is None else top["now"]
        suite.servers = top.get("servers") or ()
        suite.scenarios = tuple(self._scenarios(top.get("scenarios")))

    def _scenarios(self, node: Node | None) -> Iterator[Scenario]:
        if node is None:
            return
        if not isinstance(node, Map) or not node.entries:
            self.reader.expected(node, "scenarios by name, each with steps")
            return
        for name, each in node.entries.items():
            scenario = self._scenario(node.keys[name], each)
            if scenario is not None:
                yield scenario

    def _scenario(self, key: Text, node: Node) -> Scenario | None:
        reader, before = self.reader, len(self.reader.problems)
        if not key.value.strip() or len(key.value) > LONGEST_NAME or "\n" in key.value:
            message = f"a scenario's name is one line of 1 to {LONGEST_NAME} characters"
            reader.problem("name", key, message, "say in a few words what happens")
        if isinstance(node, Seq):
            reader.problem("shape", node, "found a list; expected a scenario", "write steps: and the list below it")
            return None
        read = SCENARIO.read(node, reader)
        if read is None:
            return None
        steps = self._steps(read["steps"]) if read["steps"] is not None else ()
        if len(reader.problems) > before:
            return None
        return Scenario(
            name=key.value,
            mark=key.mark,
            file=self.suite.file,
            flow=self.suite.flow,
            now=self.suite.now if read["now"] is None else read["now"],
            steps=steps,
            servers=(read["servers"] or ()) + self.suite.servers,
            functions={name: replace(each, name=name) for name, each in (read["functions"] or {}).items()},
            random=read["random"] or {},
            contact=read["contact"] or {},
            env=read["env"] or {},
            about=read["about"] or "",
        )

    def _steps(self, node: Node) -> tuple[Step, ...]:
        reader = self.reader
        if not isinstance(node, Seq):
            reader.expected(node, "a list of steps, such as - caller dials", "begin every step with a dash")
            return ()
        if not node.items:
            reader.problem("limit", node, "there are no steps", "begin with an act, such as - caller dials")
        ends = ends_of(node, self.suite.document)
        found = []
        for each, end in zip(node.items, ends, strict=True):
            step = read_step(each, reader)
            found.append(replace(step, end=end) if step else None)
        first = found[0] if found else None
        if first is not None and not first.acts:
            message = f'"{first.word}" is expected before anything was done'
            fix = "begin with an act, such as - caller dials, - flow starts or - writes: Hello"
            reader.problem("no-act", first.mark, message, fix)
        return tuple(step for step in found if step)


def _read_contact(node: Node, reader: Reader) -> dict[str, Any] | None:
    found = Values("fields of the contact").read(node, reader)
    if found is None or not isinstance(node, Map):
        return None
    if "number" in node.entries:
        Number().read(node.entries["number"], reader)
    tags = found.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(each, str) for each in tags):
        reader.expected(node.entries["tags"], "a list of tags, such as [vip]")
    return found
