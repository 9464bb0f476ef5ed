"""What an SMS costs, and the characters that make it dearer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from chats import flow_of, told
from click.testing import CliRunner

from flowengine.cli import main
from flowengine.graph import Book
from flowengine.model import Project
from flowengine.report import Sms, sms_lines, sms_of

FLOW = """\
    channels: [CHANNELS]
    triggers: [ { keywords: [book] } ]
    session: { expires: 1d }
    languages: [en, es]
    start: a
    states:
      a: { STATE }
      b: { say: Bye., next: end }
    """


def flow(state: str, channels: str = "SMS") -> str:
    return FLOW.replace("STATE", state).replace("CHANNELS", channels)


def sms(state: str, channels: str = "SMS") -> list[Sms]:
    """What is counted beside the text of the state b."""
    found = sms_of(Book({"line": flow_of("line", flow(state, channels), Project())}))
    return [each for each in found if each.mark.line != 10]


@pytest.mark.parametrize(
    ("state", "costs"),
    [
        (f"say: {'a' * 160}, next: b", [("GSM-7", 160, 1)]),
        (f"say: {'a' * 161}, next: b", [("GSM-7", 161, 2)]),
        (f"say: {'я' * 71}, next: b", [("UCS-2", 71, 2)]),
        ("say: { en: Hello., es: ¡Hola! }, next: b", [("GSM-7", 6, 1), ("GSM-7", 6, 1)]),
        ("say: { SMS: Hi., else: Hello there. }, next: b", [("GSM-7", 3, 1)]),
        ("say: 'Hello {{ contact.name }}.', next: b", []),
        ("ask: { prompt: Red or blue?, choices: { b: Red, c: Blue } }, on: { else: b }", [("GSM-7", 28, 1)]),
        ("ask: { prompt: Red or blue?, choices: { b: '{{ contact.name }}' } }, on: { else: b }", []),
        ("send: { channel: WHATSAPP, text: Hello. }, next: b", []),
        ("send: { text: Hello., explicit: { SMS: '{}' } }, next: b", []),
        ("send: { location: { title: Acme, latitude: 59.3, longitude: 18.1 } }, next: b", None),
    ],
)
def test_what_each_text_costs(state: str, costs: list[tuple[str, int, int]] | None) -> None:
    found = [(each.encoding, each.units, each.parts) for each in sms(state)]
    if costs is None:
        assert len(found) == 1
    else:
        assert found == costs


def test_a_flow_that_sends_no_sms_costs_nothing() -> None:
    assert sms("say: Hello., next: b", "WHATSAPP") == []


def test_what_a_call_sends_is_counted() -> None:
    call = "channel: voice\nstart: a\nstates:\n  a: { send: { to: '+12025550100', text: Bye. }, next: end }\n"
    (only,) = sms_of(Book({"line": flow_of("line", call, Project())}))
    assert (only.mark.line, only.units, only.parts) == (5, 4, 1)


def test_the_line_names_what_is_more_than_one_part() -> None:
    text = flow(f"say: {'a' * 161}, next: c").rstrip() + f"\n      c: {{ say: {'b' * 400}, next: b }}\n"
    found = sms_of(Book({"line": flow_of("line", text, Project())}))
    assert sms_lines(found) == ["SMS: 1 text of 1 part, 1 of 2 parts (line.yaml:9), 1 of 3 parts (line.yaml:11)"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{'a' * 100}–b", "9: this SMS has 2 parts because of –; it could have 1"),
        (f"“{'a' * 100}”", "9: this SMS has 2 parts because of “ and ”; it could have 1"),
        (f"{'a' * 50}–b", ""),
        (f"Señor Müller, à bientôt {'a' * 100}", ""),
        (f"{'я' * 70}–", ""),
    ],
    ids=["dash", "quotes", "short", "accents", "another script"],
)
def test_characters_that_cost(text: str, message: str) -> None:
    assert told("sms-price", flow(f"say: '{text}', next: b")) == ([message] if message else [])


def test_validate_says_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "line.yaml").write_text(f"flow: line\nchannel: message\n{FLOW}".replace("\n    ", "\n"))
    text = (tmp_path / "line.yaml").read_text()
    (tmp_path / "line.yaml").write_text(text.replace("STATE", "say: Hello., next: b").replace("CHANNELS", "SMS"))
    shown = CliRunner().invoke(main, ["validate", "line.yaml"])
    assert shown.exit_code == 0, shown.output
    assert "SMS: 2 texts of 1 part (line.yaml)\n" in shown.output
    data = json.loads(CliRunner().invoke(main, ["validate", "--format", "json", "line.yaml"]).output)
    assert data["sms"][0] == {
        "flow": "line", "file": "line.yaml", "line": 9, "column": 13, "language": "en",
        "encoding": "GSM-7", "units": 6, "parts": 1,
    }  # fmt: skip
    github = CliRunner().invoke(main, ["validate", "--format", "github", "line.yaml"])
    assert "SMS" not in github.output
