"""What the documentation shows is true: generated parts are fresh, every flow in it passes, every command runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from flowengine import docs
from flowengine.build import build
from flowengine.checks import facts as known_facts
from flowengine.cli import main
from flowengine.document import Map, Text, read
from flowengine.fields import NAME
from flowengine.problems import Problem, errors
from flowengine.schema import EVENTS, kind_outcomes
from flowengine.states import KINDS

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks(kind: str, pages: list[Path]) -> list[tuple[str, str]]:
    found = []
    for page in pages:
        for number, match in enumerate(BLOCK.finditer(page.read_text("utf-8"))):
            if match[1] == kind:
                found.append((f"{page.name}-{number}", match[2]))
    return found


# rules.md shows wrong examples too, which the checks' own tests run; test_testing_page.py plays testing.md.
SHOWN = [page for page in PAGES if page.name not in ("rules.md", "testing.md")]
FLOWS = [each for each in blocks("yaml", SHOWN) if re.match(r"(#.*\n)?flow:", each[1])]
FRAGMENTS = [each for each in blocks("yaml", SHOWN) if each not in FLOWS]
COMMANDS = [
    line[2:] for _, block in blocks("console", SHOWN) for line in block.splitlines() if line.startswith("$ flowengine")
]


def problems(folder: Path, flow: str) -> list[Problem]:
    (folder / "flow.yaml").write_text(flow, "utf-8")
    return build([str(folder)], compiled=False).problems


@pytest.mark.parametrize("page", docs.pages(ROOT / "docs").items(), ids=lambda item: item[0].name)
def test_generated_parts_are_fresh(page: tuple[Path, str]) -> None:
    assert page[0].read_text("utf-8") == page[1], "run: python -m flowengine.docs"


def test_there_is_something_to_test() -> None:
    assert len(FLOWS) >= 10
    assert len(FRAGMENTS) > 20
    assert len(COMMANDS) >= 3


@pytest.mark.parametrize("flow", [text for _, text in FLOWS], ids=[name for name, _ in FLOWS])
def test_every_flow_passes(flow: str, tmp_path: Path) -> None:
    assert [f"{each.rule}: {each.message}" for each in problems(tmp_path, flow)] == []


# --- fragments are put into a flow that has what they name -----------------------------------------------

AROUND = """
flow: around
channel: voice
outcomes: [right]
cli: "+12025550100"
recordings: { to: "s3://acme-calls/{{ call.id }}.mp3", credentials: "{{ secret.RECORDINGS }}" }
calendars: { office: { timezone: UTC, open: { mon-fri: "09:00-17:00" }, holidays: [2026-12-24] } }
languages: [en-US, es-ES]
variables: { %s }
may_dial: { %s }
"""
AROUND_MESSAGES = """
flow: around
channel: message
outcomes: [right]
languages: [en, es]
variables: { slots: { type: list, default: "[]" }, %s }
"""
VARIABLES = ("tier", "pin", "account", "ticket", "name", "seats", "total", "arm", "text")
ADDRESSES = ("sales", "support", "patient")
CALLEES = {
    "ask_pin": "inputs: { length: { type: number } }\noutcomes: [right, wrong]",
    "check_pin": "inputs: { length: { type: number } }\noutcomes: [right, wrong]",
}
CALLEE = """
flow: {name}
channel: voice
{head}
start: leave
states:
  leave: {{ return: right }}
"""


REMINDER = """
flow: reminder
channel: voice
inputs: { to: { type: phone } }
cli: "+12025550100"
may_dial: { patient: { number: "{{ to }}", countries: [US], per_hour: 3 } }
start: ring
states:
  ring: { dial: { to: patient }, on: { answered: greet } }
  greet: { say: Hello., next: end }
"""


def _is_message(root: Map) -> bool:
    """Whether a fragment has a kind or a send that only message flows have."""
    own = {name for name, kind in KINDS.items() if kind.channels == ("message",)}
    states = [each for each in root.entries.values() if isinstance(each, Map)]
    return any(own & set(each.entries) for each in states)


def _around(message: bool = False) -> str:
    variables = ", ".join(
        f'{name}: {{ type: {"digits" if name == "pin" else "text"}, default: "1" }}' for name in VARIABLES
    )
    if message:
        return AROUND_MESSAGES.strip("\n") % variables
    return AROUND.strip("\n") % (variables, ", ".join(f'{name}: {{ number: "+12025550111" }}' for name in ADDRESSES))


def _with_surroundings(fragment: str) -> str:
    root = read(fragment.encode(), "fragment").root
    assert root is not None
    if set(root.entries) == {"do"}:
        fragment = "one:\n" + "".join(f"  {line}\n" for line in fragment.splitlines()) + "  next: end\n"
        root = read(fragment.encode(), "fragment").root
        assert root is not None
    missing = sorted(_targets(root) - set(root.entries) - {"end", "continue", "back"})
    states = [f"  {line}" for line in fragment.splitlines()]
    states += [f"  {name}: {{ say: Yes., next: end }}" for name in missing]
    return "\n".join([_around(_is_message(root)), f"start: {next(iter(root.entries))}", "states:", *states]) + "\n"


def _targets(state: Map) -> set[str]:
    """Every text that stands where a target may."""
    found: set[str] = set()
    for key, value in state.entries.items():
        if isinstance(value, Text) and key in ("next", "to", "then", "else") and NAME.fullmatch(value.value):
            found.add(value.value)
        elif isinstance(value, Map):
            if key == "on":
                found |= {each.value for each in value.entries.values() if isinstance(each, Text)}
            if key in ("choices", "random"):
                found |= set(value.entries) - {"into", "repeat", "back", "key"}
            found |= _targets(value)
        elif hasattr(value, "items"):
            for each in value.items:
                found |= _targets(each) if isinstance(each, Map) else set()
    return found


@pytest.mark.parametrize("fragment", [text for _, text in FRAGMENTS], ids=[name for name, _ in FRAGMENTS])
def test_every_fragment_has_no_error(fragment: str, tmp_path: Path) -> None:
    (tmp_path / "functions.py").write_text(
        "from flowengine import function\n\n\n@function\ndef price(seats):\n    return {'total': 1}\n"
    )
    for name, head in CALLEES.items():
        (tmp_path / f"{name}.yaml").write_text(CALLEE.format(name=name, head=head))
    (tmp_path / "reminder.yaml").write_text(REMINDER)
    found = errors(problems(tmp_path, _with_surroundings(fragment)))
    assert [f"{each.mark}: {each.rule}: {each.message}" for each in found if each.mark.file.endswith("flow.yaml")] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_runs(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(main, command.split()[1:])
    assert result.exit_code == 0, result.output


# --- nothing is left without words -----------------------------------------------------------------------


def test_every_fact_is_explained() -> None:
    types = {
        "call": known_facts.CALL,
        "menu": known_facts.MENU,
        "amd": known_facts.AMD,
        "message": known_facts.MESSAGE,
        "contact": known_facts.CONTACT,
    }
    assert {space: set(words) for space, words in docs.FACTS.items()} == {
        name: set(each) for name, each in types.items()
    }


def test_every_event_and_default_is_explained() -> None:
    for kind in KINDS.values():
        for outcome in kind_outcomes(kind):
            assert outcome.name in EVENTS
            assert outcome.default in docs.DEFAULTS


def test_every_link_inside_the_docs_leads_somewhere() -> None:
    for page in PAGES:
        text = page.read_text("utf-8")
        for target in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", text)):
            name, _, anchor = target.partition("#")
            where = page.parent / name if name else page
            assert where.exists(), f"{page.name}: {target}"
            if anchor:
                assert anchor in _anchors(where.read_text("utf-8")), f"{page.name}: {target}"


def _anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
