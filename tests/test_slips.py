"""One slip of the author is told as one problem, at its place, with the mend."""

from __future__ import annotations

from os import mkfifo
from pathlib import Path

import pytest

from flowengine.build import build
from flowengine.problems import Problem

BASE = """\
flow: base
channel: voice
about: A line.
languages: [en-US]
triggers:
  - to: "+12025550100"
cli: "+12025550100"
may_dial:
  desk: { number: "+12025550111" }
calendars:
  office:
    timezone: Europe/Stockholm
    open: { mon-fri: 09:00-17:00, sat: 10:00-14:00 }
    holidays: [2026-12-24, { date: 2026-12-31, open: 09:00-12:00 }]
recordings: { to: "s3://acme/{{ call.id }}.mp3", credentials: "{{ secret.RECORDINGS }}" }
variables:
  pin: { type: digits, sensitive: true }
  tier: { type: text, default: unknown }
on:
  error: sorry
start: greet
states:
  greet: { say: Welcome., next: opening }
  opening:
    hours: office
    on: { open: main, closed: box, holiday: box }
  main:
    menu:
      prompt: For sales press 1, for service press 2.
      choices: { sales: 1, service: 2 }
    on: { service: ask_pin, timeout: bye, invalidinput: bye }
  ask_pin:
    visits: { max: 3, then: bye }
    collect: { prompt: Your code., digits: 4, into: pin }
    on:
      digits: look_up
      invalidinput: { say: Too short., retry: 2, then: bye }
      timeout: bye
  look_up:
    http:
      post: https://crm.example.com/callers
      json: { pin: "{{ pin }}" }
      timeout: 800ms
      save: { tier: "{{ response.tier }}" }
    on:
      ok:
        - { when: tier == "gold", to: sales }
        - { else: bye }
      error: bye
  sales:
    connect: { to: desk, dial_timeout: 25s }
    on: { disconnected: end }
  box:
    say: Speak now.
    voicemail: { tone: { play: beep.wav }, max: 60s }
    on: { recorded: bye }
  bye: { say: Goodbye., next: end }
  sorry: { say: Sorry., next: end }
"""
MENU = "on: { service: ask_pin, timeout: bye, invalidinput: bye }"
BYE = "  bye: { say: Goodbye., next: end }"
LONG = "a" * 65
PROMPT = "prompt: For sales press 1, for service press 2."

# what is written, what is written in its place, where the one problem stands, its rule, a part of what is said
SLIPS = {
    "key of the flow": ("channel: voice", "chanel: voice", "2:1", "unknown-key", 'did you mean "channel"'),
    "start": ("start: greet", "start: gret", "21:8", "missing-start", 'did you mean "greet"'),
    "target": ("next: opening", "next: openning", "23:33", "unknown-target", 'did you mean "opening"'),
    "target like another": (BYE, "  bye: { say: Bye., next: ending }", "57:27", "unknown-target", '"ending"'),
    "target like none": (BYE, "  bye: { say: Bye., next: xyz }", "57:27", "unknown-target", "add the state"),
    "event": ("digits: look_up", "digit: look_up", "36:7", "impossible-event", 'did you mean "digits"'),
    "event of hours": ("closed: box", "close: box", "26:23", "impossible-event", 'did you mean "closed"'),
    "next beside a kind": ("    on: { disconnected: end }", "    next: end", "52:11", "next-beside-kind", "else: end"),
    "state in words": (BYE, "  bye: Goodbye.", "57:8", "shape", "a mapping for the state bye"),
    "state without anything": (BYE, "  bye:", "57:3", "empty-value", "no value"),
    "comma": (BYE, "  bye: { say: Goodbye, friend, next: end }", "57:24", "empty-value", "split the text"),
    "on is a name": (MENU, "on: bye", "31:9", "shape", "from events to states"),
    "target in words": ("timeout: bye, inv", "timeout: Bye Now, inv", "31:38", "shape", "the name of a state"),
    "next in a handler": ("timeout: bye, inv", "timeout: { next: bye }, inv", "31:40", "unknown-key", "write to:"),
    "to beside retry": ("retry: 2, then: bye", "retry: 2, to: bye", "37:50", "shape", "use then:"),
    "nothing after else": (MENU, "on: { service: ask_pin, else: }", "31:29", "empty-value", "no value"),
    "else leads to a mapping": ("{ else: bye }", "{ else: { say: Hi., to: bye } }", "48:19", "shape", "instructions"),
    "else comes first": (
        "- { else: bye }", "- { else: bye }\n        - { when: tier == 'x', to: bye }", "48:11", "shape", "last branch",
    ),
    "no prompt": (PROMPT, "promt: For sales press 1, for service press 2.", "29:7", "unknown-key", '"prompt"'),
    "choices as a list": ("{ sales: 1, service: 2 }", "[ sales, service ]", "30:16", "shape", "found a list"),
    "type": ("type: digits,", "type: digit,", "17:16", "shape", 'did you mean "digits"'),
    "variable as a word": ("{ type: digits, sensitive: true }", "digits", "17:8", "shape", "expected a variable"),
    "address": ('{ number: "+12025550111" }', '{ numbr: "+12025550111" }', "9:11", "unknown-key", '"number"'),
    "country": ('"+12025550111" }', '"+12025550111", countries: [UK] }', "9:19", "shape", 'country "UK"'),
    "http without a method": ("post: https", "url: https", "41:7", "unknown-key", "post"),
    "upper case": ("post: https", "POST: https", "41:7", "unknown-key", 'did you mean "post"'),
    "unread http": ("timeout: 800ms", "timeout: 800", "43:16", "shape", "800"),
    "variable in a condition": ("when: tier ==", "when: teir ==", "47:19", "unknown-variable", '"tier"'),
    "day that does not exist": ("2026-12-24", "2026-02-30", "14:16", "shape", "of a day that exists"),
    "holiday without a day": ("{ date: 2026-12-31,", "{", "14:28", "missing-key", 'no "date"'),
    "called number": ('to: "+12025550100"', "to: 0046701234567", "6:9", "shape", "+46701234567"),
    "shown number": ('cli: "+12025550100"', "cli: 12025550100", "7:6", "shape", '"+12025550100"'),
    "quote in quotes": (PROMPT, "prompt: 'Press 1, it's 2.'", "29:28", "yaml-syntax", "after its closing quote"),
    "quote that ends late": (PROMPT, 'prompt: "Press 1.', "29:15", "yaml-syntax", "ends on line 42"),
    "quote that never ends": (BYE, "  bye:\n    say: 'Goodbye.\n    next: end", "58:10", "yaml-syntax", "never closed"),
    "bracket": ("service: 2 }", "service: 2", "30:16", "yaml-syntax", "bracket that begins here"),
    "colon in braces": (BYE, "  bye: { say: Note: bye., next: end }", "57:19", "yaml-syntax", "put the text in quotes"),
    "column": ("      timeout: bye", "     timeout: bye", "38:6", "yaml-syntax", "same column"),
    "foreign braces": (PROMPT, "prompt: 'For {tier} press 1, else 2.'", "29:20", "placeholder", "{{ tier }}"),
    "place of recordings": ("s3://acme/{{ call.id }}.mp3", "/tmp/a.mp3", "15:19", "recording-storage", "s3://bucket"),
    "long name": (BYE, f"{BYE}\n  {LONG}: {{ say: A, next: end }} # allow unreachable: x", "58:3", "name", "64"),
    "empty entry": ("languages: [en-US]", "languages:\n  - en-US\n  -", "6:4", "empty-value", "entry of the list"),
}  # fmt: skip


def told(tmp_path: Path, text: str) -> list[Problem]:
    file = tmp_path / "flow.yaml"
    file.write_text(text, "utf-8")
    return build([str(file)], compiled=False).problems


def test_the_flow_itself_is_clean(tmp_path: Path) -> None:
    assert told(tmp_path, BASE) == []


@pytest.mark.parametrize("name", SLIPS)
def test_one_slip_is_one_problem(name: str, tmp_path: Path) -> None:
    old, new, where, rule, said = SLIPS[name]
    assert old in BASE
    problems = told(tmp_path, BASE.replace(old, new, 1))
    found = [(f"{each.mark.line}:{each.mark.column}", each.rule) for each in problems]
    assert found == [(where, rule)], [each.message for each in problems]
    assert said in f"{problems[0].message} {problems[0].notes} {problems[0].fix}"


def test_else_may_do_something_first(tmp_path: Path) -> None:
    assert told(tmp_path, BASE.replace("{ else: bye }", "{ say: Hello., else: bye }")) == []


def test_a_misspelt_allowance_is_told(tmp_path: Path) -> None:
    spare = "  spare: { say: Hello., next: end }  # allow unreachble: comes back in spring\n"
    assert [each.rule for each in told(tmp_path, BASE + spare)] == ["unreachable", "allow-without-reason"]
    assert told(tmp_path, BASE + spare.replace("unreachble", "unreachable")) == []


def test_flows_that_play_each_other_at_once(tmp_path: Path) -> None:
    flow = "flow: {}\nchannel: voice\nstart: a\nstates:\n  a: {{ subflow: {{ flow: {} }}, on: {{ done: a }} }}\n"
    for name, other in (("ping", "pong"), ("pong", "ping")):
        (tmp_path / f"{name}.yaml").write_text(flow.format(name, other), "utf-8")
    problems = build([str(tmp_path)], compiled=False).problems
    assert [each.rule for each in problems] == ["wait-free-cycle", "wait-free-cycle"]
    assert "ping > pong > ping" in problems[0].message


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    mkfifo(tmp_path / "pipe.yaml")
    problems = build([str(tmp_path)], compiled=False).problems
    assert [each.rule for each in problems] == ["unreadable"]
