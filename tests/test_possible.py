"""Outcomes that nobody can bring about are not counted; those that only look like it are."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowengine.graph import Book
from flowengine.project import read_project
from flowengine.scenarios.survey import survey

PART = """
flow: part
channel: message
SESSION
start: hi
states: { hi: { say: Hi., next: end } }
"""
HEAD = """
flow: line
channel: CHANNEL
triggers: [ TRIGGER ]
MORE
start: it
states:
  bye: { say: Goodbye., next: end }
"""
DIAL = 'may_dial: { sales: { number: "+12025550111"PER_HOUR } }'
INPUT = 'inputs: { to: { type: phone } }\nmay_dial: { sales: { number: "{{ to }}", countries: [US] } }'
CONNECT = "it: { connect: { to: sales }, on: { error: bye } }"
MENU = "it: { menu: { prompt: Press 1., choices: { bye: 1 } }, on: { timeout: bye, invalidinput: bye, HANGUP } }"
HTTP = """it:
    http: { post: https://a.example.com/, json: { a: JSON }, timeout: 1s, wait: false }
    on: { ok: bye, error: bye }"""
SUBFLOW = "it: { subflow: { flow: part }, on: { done: bye, expired: bye, error: bye } }"


def counted(folder: Path, state: str, more: str = "", channel: str = "voice", session: str = "") -> set[str]:
    """The outcomes of the state ``it`` that there are to try."""
    trigger = '{ to: "+12025550100" }' if channel == "voice" else "{ keywords: [hi] }"
    text = HEAD.replace("CHANNEL", channel).replace("TRIGGER", trigger).replace("MORE", more)
    (folder / "line.yaml").write_text(f"{text}  {state}\n")
    (folder / "part.yaml").write_text(PART.replace("SESSION", session))
    items = survey(Book(read_project([str(folder)]).flows), ["line"]).wanted["line"]
    return {each.event for each in items if each.what == "outcome" and each.state == "it"}


@pytest.mark.parametrize(
    ("dials", "possible"),
    [(DIAL.replace("PER_HOUR", ""), False), (DIAL.replace("PER_HOUR", ", per_hour: 3"), True), (INPUT, True)],
)
def test_only_a_number_that_may_be_refused_is(tmp_path: Path, dials: str, possible: bool) -> None:
    assert ("error" in counted(tmp_path, CONNECT, dials)) is possible


def test_a_hang_up_in_a_menu_is_told_once_where_it_leads_away(tmp_path: Path) -> None:
    only = counted(tmp_path, MENU.replace("HANGUP", "disconnected: bye"))
    both = counted(tmp_path, MENU.replace("HANGUP", "hangup: bye, disconnected: bye"))
    assert "disconnected" in only and "hangup" not in only
    assert "hangup" in both and "disconnected" not in both


@pytest.mark.parametrize(
    ("value", "possible"),
    [("'{{ call.id }}'", False), ("'{{ name }}'", False), ("'{{ secret.KEY }}'", True), ("'{{ event.file }}'", True)],
)
def test_a_request_that_is_not_waited_for_fails_where_something_is_missing(
    tmp_path: Path, value: str, possible: bool
) -> None:
    variables = "variables: { name: { type: text, default: Ann } }"
    found = counted(tmp_path, HTTP.replace("JSON", value), variables)
    assert ("error" in found) is possible and "ok" in found


def test_a_request_that_is_waited_for_may_always_fail(tmp_path: Path) -> None:
    assert "error" in counted(tmp_path, HTTP.replace("JSON", "1").replace(", wait: false", ""))


@pytest.mark.parametrize(("session", "possible"), [("", False), ("session: { expires: 2h }", True)])
def test_only_a_flow_with_a_session_of_its_own_expires(tmp_path: Path, session: str, possible: bool) -> None:
    found = counted(tmp_path, SUBFLOW, channel="message", session=session)
    assert ("expired" in found) is possible
    assert "done" in found and "error" not in found


def test_a_flow_played_with_inputs_may_not_begin(tmp_path: Path) -> None:
    assert "error" in counted(tmp_path, SUBFLOW.replace("part }", "part, with: { a: '1' } }"), channel="message")
