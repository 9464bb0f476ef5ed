"""Imports point one way, and what serves calls loads nothing that only checking and drawing need."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "flowengine"

# From the ground up. A module belongs to the longest name here that is its own or a folder above it; it may import
# its own layer and every layer before it.
LAYERS: tuple[tuple[str, ...], ...] = (
    (
        "problems",
        "functions",
        "units",
        "loop_thread",
        "slots",
        "logs",
        "patterns",
        "numbers",
        "callbacks",
        "webhooks",
        "sinch",
        "stores",
        "breaker",
        "redact",
        "engine.calendar",
        "messages",
    ),
    ("svaml", "filters", "values", "fetch", "sinch.voice", "sinch.transport", "sinch.oauth", "sinch.conversation"),
    ("conversation_wire", "sinch.fake", "posting"),
    ("prompts", "syntax"),
    ("answers", "grammar", "simulator", "inshort"),
    ("expressions",),
    ("model", "document", "suppress"),
    ("fields", "walk"),
    ("lowering",),
    ("choosing", "content", "triggers", "phrases"),
    ("properties",),
    ("instructions", "states"),
    ("sections",),
    ("loader",),
    ("project",),
    ("graph",),
    ("scenarios",),
    ("positions", "fusing", "mending"),
    ("checks",),
    ("compiler", "linking"),
    ("engine",),
    ("build", "shelf", "scenarios.coverage", "scenarios.possible"),
    ("scenarios.survey",),
    ("scenarios.checking",),
    ("heard",),
    ("journal",),
    ("turns",),
    ("chats",),
    (
        "settings",
        "service",
        "metrics",
        "spans",
        "diagram",
        "listing",
        "schema",
        "report",
        "shape_rules",
        "scenarios.schema",
        "scenarios.coverage_report",
        "scenarios.overlay",
    ),
    ("delivery", "starting", "recorded", "erasing", "standing", "upgrading"),
    ("web", "worker", "banner"),
    ("stage", "serving", "doctor"),
    ("scenarios.asked",),
    ("scenarios.acting", "scenarios.because", "scenarios.matching", "scenarios.observed"),
    ("scenarios.running", "scenarios.company"),
    ("scenarios.telling", "scenarios.refreshing"),
    ("scenarios.results",),
    ("scenarios.many",),
    ("pytest_plugin",),
    ("terminal", "remote"),
    ("exploring",),
    ("recorded.made_up", "recorded.comparing", "recorded.judging", "recorded.acts"),
    ("recorded.replaying", "recorded.as_scenario"),
    ("recorded.results",),
    ("wsgi", "cli", "docs", "__main__", ""),
)
LATER: dict[tuple[str, str], str] = {
    ("lowering", "instructions"): "a branch lowers what it does, and every instruction is lowered by the same words",
}
"""Imports inside functions that point upward, and why."""

RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name below it."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def rank(module: str) -> int:
    name = module
    while name not in RANK and "." in name:
        name = name.rpartition(".")[0]
    assert name in RANK, f"{module} belongs to no layer: add it to LAYERS"
    return RANK[name]


def imports(module: str, everywhere: bool) -> Iterator[tuple[str, int]]:
    """The modules of this package that a module imports, and on which line; ``everywhere``: in functions too."""
    tree = ast.parse(MODULES[module].read_text("utf-8"))
    nodes: list[ast.AST] = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not everywhere:
            continue
        nodes.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "flowengine":
            yield from ((name, node.lineno) for name in _named(node))
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("flowengine."):
                    yield alias.name.removeprefix("flowengine."), node.lineno


def _named(node: ast.ImportFrom) -> Iterator[str]:
    above = (node.module or "").removeprefix("flowengine").lstrip(".")
    for alias in node.names:
        inner = f"{above}.{alias.name}".lstrip(".")
        yield inner if inner in MODULES else above


@pytest.mark.parametrize("module", [name for name in MODULES if name])
def test_nothing_imports_upward(module: str) -> None:
    for other, line in imports(module, everywhere=True):
        if other and (module, other) not in LATER:
            assert rank(other) <= rank(module), f"{module}:{line} imports {other}, which stands above it"


def test_modules_do_not_import_each_other_in_circles() -> None:
    edges = {name: {other for other, _ in imports(name, everywhere=False) if other != name} for name in MODULES}
    done: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " > ".join([*path[path.index(name) :], name])
        if name not in done:
            for other in sorted(edges[name]):
                # A package's own __init__ is loaded before its modules, and may import them.
                if other and not name.startswith(f"{other}."):
                    walk(other, (*path, name))
            done.add(name)

    for name in sorted(edges):
        walk(name, ())


def test_every_exception_is_still_needed() -> None:
    for module, other in LATER:
        assert other in {name for name, _ in imports(module, everywhere=True)}, (module, other)


SERVE = """
import sys
from flowengine.build import read_artefact
from flowengine.engine.library import open_library
from flowengine.service import Service
from flowengine.stores import open_store
import flowengine.web

artefact, revision = read_artefact(open(sys.argv[1], "rb").read())
library = open_library(artefact, revision, {})
service = Service(library, open_store("memory://"), None, {}, None)
ice = b'{"event":"ice","callid":"1","cli":"+12025550142","to":{"type":"did","endpoint":"+12025550100"}}'
assert b"Thank you for calling" in service.callback(ice).body
print(" ".join(sorted({name.split(".")[0] for name in sys.modules} & {"networkx", "jsonschema", "yaml", "graphviz"})))
"""


def test_a_serving_worker_loads_neither_checker_nor_pictures(tmp_path: Path) -> None:
    artefact = tmp_path / "flows.artefact"
    flows = PACKAGE.parent / "flows"
    with artefact.open("wb") as stream:
        subprocess.run([sys.executable, "-m", "flowengine.build", str(flows)], stdout=stream, check=True)
    told = subprocess.run([sys.executable, "-c", SERVE, str(artefact)], capture_output=True, text=True, check=True)
    assert not {"networkx", "jsonschema", "graphviz"} & set(told.stdout.split())


def test_the_version_needs_no_library() -> None:
    code = (
        "import sys; from flowengine.cli import main; main(['--version'], standalone_mode=False); print(*sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"networkx", "jsonschema", "flask", "jinja2", "yaml", "httpx"} & set(told.stdout.split())
