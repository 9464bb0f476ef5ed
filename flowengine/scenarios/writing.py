"""Scenarios → YAML that people like to read, and that reads as the same scenario again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any

from flowengine import units
from flowengine.document import Map
from flowengine.problems import errors
from flowengine.project import UsageError, shown_path
from flowengine.scenarios.model import NOW, WORDS, Answer, Scenario, Server, Step, Suite
from flowengine.scenarios.moments import written
from flowengine.scenarios.reading import read_suite, suite_from_text
from flowengine.scenarios.types import Given, Values
from flowengine.scenarios.yaml_text import Raw, below, entry, quoted, scalar

SCHEMA = "../schema/test.schema.json"
_UNITS = (("d", 86400.0), ("h", 3600.0), ("m", 60.0), ("s", 1.0), ("ms", 0.001))
_AS_WRITTEN = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?|true|false")
_OF_FLOW_FILE = re.compile(r"^# yaml-language-server: \$schema=(\S*?)flow\.schema\.json\s*$", re.MULTILINE)


# --- steps -----------------------------------------------------------------------------------------------


def step_text(step: Step, indent: int = 0, commented: bool = False) -> str:
    """The step with its dash: one line, or several where its value does not fit on one; no line end behind it.

    ``commented``: a comment will follow, behind which a text must have ended in quotes.
    """
    pad = " " * indent
    if step.value is None:
        return f"{pad}- {step.word}"
    value = _value(step)
    if commented and isinstance(value, str) and not isinstance(value, Raw) and "\n" not in value:
        value = Raw(quoted(value))
    return "\n".join(entry(f"{pad}- {step.word}:", value, indent + 4))


def _value(step: Step) -> Any:
    """The value as it is written: the lone field of a mapping alone, a request under its method."""
    value, kind = step.value, WORDS[step.word].type
    if isinstance(value, Step):
        return Raw(value.word) if value.value is None else {value.word: _value(value)}
    if step.word in ("presses", "speaks"):
        return Raw(value) if re.fullmatch("[0-9]", value) else value
    if step.word == "time passes":
        return Raw(duration(value))
    if step.word == "requests":
        return _request(value)
    if step.word == "notify" and list(value) == ["type"]:
        return value["type"]
    if isinstance(kind, Given) and kind.lone and list(value) == [kind.lone]:
        return value[kind.lone]
    return _values(value) if isinstance(kind, Values) else value


def _request(value: Mapping[str, Any]) -> Any:
    if list(value) == ["url"]:
        return value["url"]
    more = {"json": value["json"]} if "json" in value else {}
    return {value.get("method", "url").lower(): value["url"], **more}


def _values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values that the flow types: numbers among them need no quotes."""
    plain = {name: each for name, each in values.items() if isinstance(each, str) and _AS_WRITTEN.fullmatch(each)}
    return {**values, **{name: Raw(each) for name, each in plain.items()}}


def duration(seconds: float) -> str:
    """Seconds as scenarios write them, in the largest unit that divides them; what no text means is rounded up."""
    whole = [f"{seconds / size:.0f}{name}" for name, size in _UNITS if seconds >= size]
    parts = [f"{seconds / size:.3f}".rstrip("0").rstrip(".") + name for name, size in reversed(_UNITS)]
    exact = next((text for text in (*whole, "0s", *parts) if _means(text, seconds)), "")
    return exact or next(text for text in _above(seconds) if _reads(text) is not None)


def _above(seconds: float) -> Iterator[str]:
    yield from (f"{ceil(seconds / size)}{name}" for name, size in reversed(_UNITS))


def _means(text: str, seconds: float) -> bool:
    return _reads(text) == seconds


def _reads(text: str) -> float | None:
    try:
        return units.seconds(text)
    except ValueError:
        return None


# --- scenarios -------------------------------------------------------------------------------------------


def scenario_text(
    scenario: Scenario, indent: int = 2, now: float = NOW, shared: Sequence[Server] = (), deeper: int = 2
) -> str:
    """The scenario under its name, set in so far; no line end behind it.

    ``now`` and ``shared`` are what its file says for all its scenarios. ``deeper`` is how much further the keys stand.
    """
    at = indent + deeper
    lines = [f"{' ' * indent}{scalar(scenario.name)}:"]
    lines += below(_settings(scenario, now, shared), at)
    lines.append(f"{' ' * at}steps:")
    return "\n".join([*lines, *(step_text(step, at + 2) for step in scenario.steps)])


def _settings(scenario: Scenario, now: float, shared: Sequence[Server]) -> dict[str, Any]:
    own = scenario.servers
    if shared and own[-len(shared) :] == tuple(shared):
        own = own[: -len(shared)]
    stubs = {
        name: {"fails": True} if each.fails else {"answers": each.result} for name, each in scenario.functions.items()
    }
    found: dict[str, Any] = {
        "about": scenario.about,
        "now": Raw(written(scenario.now)) if scenario.now != now else "",
        "servers": [_server(each) for each in own],
        "functions": stubs,
        "random": scenario.random,
        "contact": _values(scenario.contact),
        "env": scenario.env,
    }
    return {name: each for name, each in found.items() if each}


def _server(server: Server) -> dict[str, Any]:
    head = {server.method.lower(): server.url}
    if len(server.answers) == 1:
        return {**head, **_answer(server.answers[0])}
    return {**head, "in turn": [_answer(each) or {"status": 200} for each in server.answers]}


def _answer(answer: Answer) -> dict[str, Any]:
    if answer.failure:
        return {"never": True}
    status = {"status": answer.status} if answer.status != 200 else {}
    return {**status, **({"answers": answer.data} if answer.data is not None else {})}


def suite_text(flow: str, scenarios: Iterable[Scenario], schema: str = "") -> str:
    """A whole file; ``schema`` is the path of the editor's schema as seen from it, empty where there is none."""
    first = f"# yaml-language-server: $schema={schema}\n" if schema else ""
    head = f"{first}flow: {flow}\n\nscenarios:\n"
    return head + "\n\n".join(scenario_text(each) for each in scenarios) + "\n"


# --- into a file -----------------------------------------------------------------------------------------


def insert_scenario(path: Path, scenario: Scenario) -> None:
    """Append the scenario to a file, which else stays as it is; a file that is not there is made. Raises UsageError."""
    if not path.exists():
        _write(path, suite_text(scenario.flow, [scenario], _schema_beside(path)))
        return
    suite = read_suite(path, shown_path(path))
    _write(path, appended(_read(path), suite, scenario))


def appended(text: str, suite: Suite, scenario: Scenario) -> str:
    """The text of a file with one scenario more. Raises UsageError where the file cannot take it."""
    broken = errors(suite.problems)
    if broken:
        raise UsageError(f"{broken[0].mark}: {broken[0].message}; put that right first, nothing was added")
    root = suite.document.root
    node = root.entries.get("scenarios") if root else None
    if not isinstance(node, Map) or node.flow or not isinstance(root, Map) or root.flow:
        raise UsageError(f"{suite.file} has its scenarios in {{ }}; write each on lines of its own, nothing was added")
    if scenario.name in node.entries:
        line = node.keys[scenario.name].mark.line
        raise UsageError(f'{suite.file}:{line} has a scenario "{scenario.name}" already; give the new one another name')
    if scenario.flow != suite.flow:
        raise UsageError(f"{suite.file} plays the flow {suite.flow}, not {scenario.flow}; nothing was added")
    indent = node.mark.column - 1
    added = scenario_text(scenario, indent, suite.now, suite.servers)
    result = _with_lines(text, _last_line(root, suite), added)
    if not _holds(result, suite, scenario):
        raise UsageError(f"{suite.file} does not read as before with the scenario at its end; nothing was added")
    return result


def _last_line(root: Map, suite: Suite) -> int:
    """The last line of the scenarios: blank lines and comments in the first column behind it belong to nobody."""
    start = root.keys["scenarios"].mark.line
    lines = suite.document.lines
    after = [key.mark.line - 1 for key in root.keys.values() if key.mark.line > start]
    last = min([*after, len(lines)])
    while last > start and (not lines[last - 1].strip() or lines[last - 1].startswith("#")):
        last -= 1
    return last


def _with_lines(text: str, last: int, added: str) -> str:
    """The text with a blank line and the added lines behind its line ``last``, with line ends as it has them."""
    parts = re.split("(\r\n|[\r\n\x85\u2028\u2029])", text)
    ends = "\r\n" if "\r\n" in text else "\n"
    before, after = "".join(parts[: 2 * last - 1]), "".join(parts[2 * last - 1 :])
    block = ends + ends + added.replace("\n", ends)
    return before + block + (after or ends)


def _holds(text: str, suite: Suite, scenario: Scenario) -> bool:
    found = suite_from_text(text, suite.file)
    wanted = [*suite.scenarios, scenario]
    return not errors(found.problems) and len(found.scenarios) == len(wanted) and all(
        one.name == other.name and same_steps(one.steps, other.steps)
        for one, other in zip(found.scenarios, wanted, strict=True)
    )  # fmt: skip


def same_steps(some: Sequence[Step], others: Sequence[Step]) -> bool:
    return len(some) == len(others) and all(one.same(other) for one, other in zip(some, others, strict=True))


def _schema_beside(path: Path) -> str:
    """Where the schema lies as the flow beside says it, else in the usual place; empty where it does not."""
    flow = path.with_name(path.name.removesuffix(".test.yaml").removesuffix(".test.yml") + ".yaml")
    found = _OF_FLOW_FILE.search(flow.read_text("utf-8", errors="replace")) if flow.is_file() else None
    schema = f"{found[1]}test.schema.json" if found else SCHEMA
    return schema if "://" in schema or (path.parent / schema).is_file() else ""


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from None


def _write(path: Path, text: str) -> None:
    try:
        path.write_bytes(text.encode("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
