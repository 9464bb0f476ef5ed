"""What a scenario that failed says came instead, and because: only what explains it, and nothing private."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flowengine.report import Paint
from flowengine.scenarios.company import companies
from flowengine.scenarios.running import Played, run
from flowengine.scenarios.telling import conversation

DESK = """\
flow: desk
channel: voice
triggers: [ { to: "+12025550100" } ]
calendars: { office: { timezone: America/New_York, open: { mon-fri: 09:00-17:00 } } }
variables:
  patient: { type: text, default: "" }
  pin: { type: digits, sensitive: true }
  tier: { type: text, default: unknown }
start: opening
states:
  opening: { hours: office, on: { open: ask, closed: night } }
  ask:
    collect: { prompt: Your code., digits: 4, into: pin }
    on: { digits: keep, timeout: end, invalidinput: end }
  keep: { do: [ { set: { tier: gold } } ], next: tell }
  tell:
    http:
      post: https://crm.example.com/a
      timeout: 1s
      json: { patient: "{{ patient }}", pin: "{{ pin }}", tier: "{{ tier }}" }
    on: { ok: bye, error: bye }
  bye: { say: Goodbye., next: end }
  night: { say: We are closed., next: end }
"""
CHAT = """\
flow: chat
channel: message
channels: [SMS]
triggers: [ { keywords: [visit] } ]
start: ask
states:
  ask:
    ask: { prompt: Coming?, choices: { good: { label: Good } }, timeout: 30s }
    on: { timeout: end, invalidinput: end, failed: end }
  good: { say: See you., next: end }
"""
NOON = "2026-11-24 12:00 America/New_York"
Told = Callable[..., tuple[Played, str]]


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """Plays one scenario of a flow and tells how it went."""

    def one(flow: str, *steps: str, now: str = NOON, server: str = "post") -> tuple[Played, str]:
        (tmp_path / "desk.yaml").write_text(DESK)
        (tmp_path / "chat.yaml").write_text(CHAT)
        lines = "".join(f"      - {each}\n" for each in steps)
        servers = f"servers: [{{ {server}: https://crm.example.com/a, answers: {{}} }}]\n"
        text = f"flow: {flow}\nnow: {now}\n{servers}scenarios:\n  it:\n    steps:\n{lines}"
        (tmp_path / "it.test.yaml").write_text(text)
        (company,) = companies([str(tmp_path)])
        assert not company.problems, company.problems
        (scenario,) = company.scenarios()
        assert company.theatre is not None
        played = run(company.theatre, scenario, company.built.book)
        return played, conversation(played, company.built.book, Paint())

    return one


SENT = '{"patient":"","pin":"****","tier":"gold"}'


def test_the_body_that_was_sent_is_shown_without_what_is_sensitive(told: Told) -> None:
    wanted = "requests: { post: https://crm.example.com/a, json: { patient: Ann } }"
    played, text = told("desk", "caller dials", 'presses: "4711"', wanted)
    assert played.failure is not None
    assert played.failure.but == f"POST https://crm.example.com/a {SENT}"
    assert played.failure.because == ""
    assert f"http     POST crm.example.com/a {SENT}" in text
    assert "4711" not in text


def test_what_is_forgotten_at_once_is_not_shown_either(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    clearing = DESK.replace("bye: { say: Goodbye., next: end }", "bye: { do: [ { clear: pin } ], next: over }")
    monkeypatch.setitem(globals(), "DESK", clearing + "  over: { say: Goodbye., next: end }\n")
    wanted = "requests: { post: https://crm.example.com/a, json: { patient: Ann } }"
    played, text = told("desk", "caller dials", 'presses: "4711"', wanted)
    assert played.failure is not None and played.failure.but == f"POST https://crm.example.com/a {SENT}"
    assert "4711" not in text


def test_the_body_is_not_shown_where_nothing_was_said_of_it(told: Told) -> None:
    _, text = told("desk", "caller dials", 'presses: "4711"', "hears: Hello")
    assert "http     POST crm.example.com/a  " in text and "patient" not in text


def test_of_a_variable_the_state_that_set_it_is_named(told: Told) -> None:
    played, _ = told("desk", "caller dials", 'presses: "4711"', "variables: { tier: silver }")
    assert played.failure is not None and played.failure.but == 'tier is "gold"'
    assert played.failure.because.endswith("desk.yaml:15: tier was last set by keep")
    played, _ = told("desk", "caller dials", "variables: { tier: silver }")
    assert played.failure is not None and played.failure.but == 'tier is "unknown"'
    assert played.failure.because == ""
    played, text = told("desk", "caller dials", 'presses: "4711"', 'variables: { pin: "1234" }')
    assert played.failure is not None and played.failure.because.endswith("desk.yaml:12: pin was last set by ask")
    assert "4711" not in text


def test_of_the_contact_no_way_through_the_flow_is_told(told: Told) -> None:
    played, _ = told("chat", "writes: visit", "writes: Good", "contact: { name: Ann }")
    assert played.failure is not None and played.failure.because == ""


def test_opening_hours_show_the_time_of_their_own_zone(told: Told) -> None:
    played, _ = told("desk", "caller dials", "hears: Your code", now="2026-11-24 10:00")
    assert played.failure is not None
    hours = "closed of opening leads to night; it is Tue 24 Nov 2026 05:00 in America/New_York"
    assert played.failure.because.endswith(hours)


def test_what_no_keyword_takes_is_told_with_the_keywords(told: Told) -> None:
    played, _ = told("chat", "writes: wrong", "asks: Coming?")
    assert played.failure is not None
    assert played.failure.because == 'no flow is begun by "wrong": the keyword is visit'


def test_what_waits_less_than_a_minute_says_how_many_seconds(told: Told) -> None:
    played, _ = told("chat", "writes: visit", "asks: Coming?", "time passes: 10s", "reads: See you")
    assert played.failure is not None
    assert "ask waits 19 s more, until Tue 24 Nov 2026" in played.failure.because


def test_a_server_that_is_declared_for_another_method_is_named(told: Told) -> None:
    _, text = told("desk", "caller dials", 'presses: "4711"', server="get")
    assert "no server is declared for POST https://crm.example.com/a (a GET is declared for it, no POST)" in text
