"""A phone and a chat in the terminal, as a person or a pipe meets them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DESK = """
flow: desk
channel: voice
triggers: [ { to: "+12025550100" } ]
may_dial: { sales: { number: "+12025550111" } }
variables: { pin: { type: digits, sensitive: true }, tier: { type: text, default: none } }
start: main
states:
  main:
    menu: { prompt: "For sales press 1, for service press 2.", choices: { sales: 1, service: 2 } }
    on: { service: ask, else: bye }
  ask:
    collect: { prompt: Your code please., digits: 4, into: pin }
    on: { digits: look, else: bye }
  look:
    http: { post: https://crm.example.com/callers, json: { pin: "{{ pin }}" }, timeout: 800ms, save: { tier: "{{ response.tier }}" } }
    on:
      ok: [ { when: tier == "gold", to: sales }, { else: bye } ]
      error: bye
  sales: { connect: { to: sales, dial_timeout: 25s } }
  bye: { say: Goodbye., next: end }
"""
SHOP = """
flow: shop
channel: message
channels: [WHATSAPP]
triggers: [ { keywords: [shop] }, { start: api } ]
start: size
states:
  size:
    ask:
      prompt: Which size?
      choices: { small: { label: Small }, large: { label: Large } }
      timeout: 2h
    on: { small: bye, large: bye, timeout: late }
  bye: { say: "Thank you!", next: end }
  late: { say: "Too late.", next: end }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "desk.yaml").write_text(DESK)
    (tmp_path / "flows" / "shop.yaml").write_text(SHOP)
    return tmp_path


def run(
    folder: Path, *words: str, typed: str = "", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    known = {name: value for name, value in os.environ.items() if not name.startswith(("FLOWENGINE_", "FORCE_COLOR"))}
    command = [sys.executable, "-m", "flowengine", *words]
    return subprocess.run(
        command, input=typed, capture_output=True, text=True, cwd=folder, env={**known, **(env or {})}, timeout=60
    )


# --- a call ----------------------------------------------------------------------------------------------


def test_a_call_through_a_pipe(folder: Path) -> None:
    done = run(folder, "call", "desk", typed='2\n1234\n200 {"tier": "gold"}\nanswers\nhangup\n')
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout
        == """\
> caller dials
  hears    For sales press 1, for service press 2.
           1 sales   2 service
  main
> presses 2
  hears    Your code please.
           up to 4 keys, # ends them
> presses ****
  http     POST https://crm.example.com/callers {"pin":"****"}
  connects to sales (+12025550111)
  main -> ask -> look -> sales
  it rings: answers, no answer, busy, unreachable, or hangup
> callee answers
  sales
> hangs up
  ends     CALLERHANGUP
  sales
"""
    )
    assert done.stderr == "desk, Tue 24 Nov 2026 10:00 UTC. /help says what can be typed.\n"


def test_an_act_that_nobody_can_do_takes_no_time_and_the_last_callback_can_still_come_again(folder: Path) -> None:
    done = run(folder, "call", "desk", typed="answers\n/speaks 1\n/again\n1\n/save a\n")
    assert done.stdout.count("  cannot: ") == 2
    assert "  the same answer came, and nothing changed\n" in done.stdout
    assert '  saved as "a" in flows/desk.test.yaml; it passes\n' in done.stdout
