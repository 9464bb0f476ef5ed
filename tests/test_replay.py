"""Recorded calls and conversations played again: the same with the same flows, and told where a flow has changed."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import generate
import generate_chats
import orjson
import pytest
from recording import Recorder
from serving import NOON, Line

from flowengine.build import build
from flowengine.callbacks import Callback, call_key
from flowengine.fetch import Response
from flowengine.recorded.comparing import meets
from flowengine.recorded.reading import Recorded, history
from flowengine.recorded.replaying import NO_BEGINNING, NOT_HEARD, Replayed, Replayer
from flowengine.settings import journal_key
from flowengine.stores.base import JournalRow, Write

FLOWS = str(Path(__file__).parent.parent / "flows")
DOWN, LATE = Response(503, None, ""), Response(0, None, "timeout")
SLOTS = [{"time": "2025-11-28T19:00:00Z"}, {"time": "2025-11-28T21:00:00Z"}]
ANSWERS: dict[str, list[Any]] = {
    "crm.example.com": [{"tier": "gold", "phone": "+14158675309", "n": 14158675309}, {"tier": "unknown"}, {}, DOWN],
    "tables.example.com": [{"slots": SLOTS}, {"slots": []}, DOWN, LATE],
    "example.com": [{}, DOWN],
}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def replayed(recorder: Recorder, replayer: Replayer | None = None) -> list[Replayed]:
    replayer = replayer or Replayer(recorder.built, recorder.env, journal_key({}))
    store = recorder.store
    return [replayer.replay(key, turns) for key in store.keys("", 10_000) if (turns := history(store, key))]


def one_session(recorder: Recorder) -> None:
    """Somebody calls, writes, is rung or written to."""
    chance = recorder.random
    recorder.now += chance.choice([10, 3600, 40_000])
    recorder.refusing = chance.choice([0, 0, 0.2])
    match chance.randrange(8):
        case 0 | 1 | 2:
            recorder.call("+12025550100")
        case 3:
            recorder.call(chance.choice(["+12025550101", "+12025550102"]))
        case 4:
            inputs = {"to": recorder.number(), "name": "Ann", "time": "10:00"}
            recorder.start("reminder", {"inputs": inputs})
        case 5:
            number = recorder.number()
            recorder.know(number, name="Ann", fields={"booking": "2025-11-29T19:00:00+00:00"}, tags={"vip": True})
            recorder.start("appointment", {"to": number, "inputs": {"name": "Ann", "when": "2025-12-01T10:00:00Z"}})
        case _:
            first = chance.choice(["book", "table", "hello", "STOP"])
            recorder.converse(first, chance.choice(["SMS", "WHATSAPP"]), chance.randrange(3, 15))


@pytest.mark.parametrize("seed", [1, 2])
def test_unchanged_flows_come_out_as_recorded(seed: int, tmp_path: Path) -> None:
    """Random calls and conversations of every flow in flows/, with numbers and secret digits, on disk."""
    recorder = Recorder([FLOWS], f"sqlite:///{tmp_path}/x.db", Random(seed), ANSWERS)
    for _ in range(380):
        one_session(recorder)
    found = replayed(recorder)
    assert len(found) >= 250 and {each.flow for each in found} >= set(recorder.built.book.flows) - {"my_bookings"}
    assert [each for each in found if each.difference is not None or each.skipped] == []
    rows = "".join(row.body.decode() for each in found for row in recorder.store.journal(each.key))
    assert "****" in rows and "~" in rows and not re.search("(415|312|212)867[0-9]{4}", rows)


@pytest.mark.parametrize("channel", ["calls", "chats"])
def test_random_flows_come_out_as_recorded(channel: str, tmp_path: Path) -> None:
    """Flows with guards on what is hidden, sensitive questions, events, functions, chance and hourly limits."""
    made, played = generate if channel == "calls" else generate_chats, Counter[str]()
    for seed in range(16):
        folder = tmp_path / str(seed)
        recorder = generated(made.generate(Random(seed)), folder, seed)
        if recorder is None:
            continue
        for _ in range(6):
            any_session(recorder, channel)
        for each in replayed(recorder):
            assert each.difference is None, f"seed {seed}: {each}"
            played[each.kind] += 1
        recorder.store.close()
    assert played["call" if channel == "calls" else "conversation"] > 40


def generated(project: generate.Generated, folder: Path, seed: int) -> Recorder | None:
    (folder / "flows").mkdir(parents=True)
    for name, text in project.files.items():
        (folder / name if name == "flowengine.yaml" else folder / "flows" / name).write_text(text)
    built = build([str(folder / "flows")])
    if built.artefact is None:
        return None
    reply = {"tier": "gold", "total": 3, "word": "gold", "phone": "+14158675309", "items": [{"id": "a"}]}
    answers = {"example.com": [reply, {}, [1, 2], DOWN, LATE]}
    recorder = Recorder([str(folder / "flows")], f"sqlite:///{folder}/x.db", Random(seed), answers)
    states = [state for flow in built.book.flows.values() for state in flow.states.values()]
    recorder.events += [event for state in states for event in ((state.config or {}).get("until") or ())]
    recorder.refusing = 0.1
    return recorder


def any_session(recorder: Recorder, channel: str) -> None:
    chance, library = recorder.random, recorder.library
    recorder.now += chance.choice([10, 3600])
    flow = next((each for each in library.programs.values() if each.outbound), None)
    if channel == "calls" and (library.numbers or flow is None):
        recorder.call("+" + chance.choice([*library.numbers, "12025550100"]))
    elif channel == "calls" and flow is not None:
        inputs = {name: recorder.number() for name, each in flow.image["inputs"].items() if each["type"] == "phone"}
        more = {name: "Ann" for name, each in flow.image["inputs"].items() if each["type"] == "text"}
        recorder.start(flow.name, {"inputs": inputs | more})
    else:
        words = [
            word
            for program in library.programs.values()
            for kind, _, more in program.image["triggers"]
            if kind == "keywords"
            for word in more["words"]
        ]
        recorder.converse(chance.choice([*words, "hello"]), chance.choice(["SMS", "WHATSAPP"]), chance.randrange(3, 12))


# --- flows that have changed -------------------------------------------------------------------------------------

SHOP = """
flow: shop
channel: voice
triggers: [ { to: "+12025550100" } ]
may_dial: { sales: { number: "+12025550111" }, support: { number: "+12025550122" } }
variables: { pin: { type: digits, sensitive: true }, tier: { type: text, default: none } }
on: { error: bye, timeout: bye, invalidinput: bye }
start: main
states:
  main:
    menu: { prompt: For sales press 1., choices: { sales: 1, code: 2 } }
  code:
    collect: { prompt: Your code., digits: 4, into: pin }
    on:
      digits:
        - { when: pin is matching("73.*"), to: look_up }
        - { else: bye }
  look_up:
    http:
      post: https://crm.example.com/x
      json: { pin: "{{ pin }}" }
      timeout: 500ms
      save: { tier: "{{ response.tier }}" }
    on: { ok: by_tier, error: bye }
  by_tier:
    route:
      - { when: tier == "gold", to: support }
      - { else: tell }
  tell: { say: "You are {{ tier }}, calling from {{ call.cli }}.", next: bye }
  sales: { connect: { to: sales } }
  support: { connect: { to: support } }
  bye: { say: Goodbye., next: end }
"""


def recorded(folder: Path, tier: str = "silver") -> Line:
    """Two calls on disk: one with a code, one to sales."""
    line = Line(folder, SHOP, store=f"sqlite:///{folder}/x.db")
    line.library.key = journal_key({})
    line.reply = Response(200, {"tier": tier}, "")
    line.ice(call="canary-call-1")
    line.now += 4
    line.pie("return", "code", call="canary-call-1")
    line.now += 4
    line.pie("sequence", "7391", call="canary-call-1")
    line.dice(call="canary-call-1")
    line.ice(call="call-2", cli="12128675309")
    line.now += 4
    line.pie("return", "sales", call="call-2")
    return line


def replay(folder: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flowengine", "replay", "--store", f"sqlite:///{folder}/x.db", *words]
    given = {**os.environ, "NO_COLOR": "1", **env}
    return subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, check=False)


def changed(folder: Path, *changes: tuple[str, str]) -> None:
    flow = folder / "flows" / "flow0.yaml"
    text = flow.read_text("utf-8")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    flow.write_text(text, "utf-8")


def test_calls_that_come_out_the_same(tmp_path: Path) -> None:
    recorded(tmp_path)
    done = replay(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("2 calls the same, 0 differ (") and done.stderr == ""


def test_the_condition_on_a_code_goes_as_it_went(tmp_path: Path) -> None:
    """The code is nowhere: a made-up one would not be the right one."""
    line = recorded(tmp_path)
    assert "7391" not in "".join(row.body.decode() for row in line.store.journal(line.key("canary-call-1")))
    (first, *_) = replays(line, tmp_path)
    assert first.difference is None


def replays(line: Line, folder: Path) -> list[Replayed]:
    replayer = Replayer(build([str(folder / "flows")]), {}, line.library.key)
    return [
        replayer.replay(line.key(call), history(line.store, line.key(call))) for call in ("canary-call-1", "call-2")
    ]


def test_a_choice_that_leads_elsewhere(tmp_path: Path) -> None:
    recorded(tmp_path)
    changed(tmp_path, ("choices: { sales: 1, code: 2 } }", "choices: { sales: 1, code: 2 } }\n    on: { sales: bye }"))
    done = replay(tmp_path)
    assert done.returncode == 1
    key = call_key(Callback(call_id="call-2"))
    assert done.stdout.splitlines()[:-1] == [
        f"{key[:12]}  call of shop, Mon 24 Nov 2025 10:00:08 UTC",
        "  turn 2  chooses sales  (sales at main)",
        "    path then     sales",
        "    path now      bye -> end",
        "    because       flows/flow0.yaml:12: sales (key 1) of main leads to bye",
        "",
    ]
    assert done.stdout.splitlines()[-1].startswith("1 call the same, 1 differs (")
    assert done.stderr == f"The whole of one: flowengine trace {key[:12]}\n"


def test_a_prompt_that_changed(tmp_path: Path) -> None:
    recorded(tmp_path)
    changed(tmp_path, ("You are {{ tier }}, calling", "Your tier is {{ tier }}, calling"))
    done = replay(tmp_path)
    assert "    answer then   the caller hears “You are silver, calling from ~" in done.stdout
    assert "    answer now    the caller hears “Your tier is silver, calling from ~" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("1 call the same, 1 differs (")


def test_a_condition_that_changed_is_the_reason(tmp_path: Path) -> None:
    recorded(tmp_path)
    changed(tmp_path, ('tier == "gold"', 'tier != "gold"'))
    done = replay(tmp_path, "canary-call-1")
    assert "path then     look_up -> by_tier -> tell -> bye -> end" in done.stdout
    assert "path now      look_up -> by_tier -> support" in done.stdout
    assert 'because       flows/flow0.yaml:27: tier != "gold" is true; tier is "silver"' in done.stdout
    assert "7391" not in done.stdout and "canary" not in done.stdout


def test_what_only_an_answer_holds_is_told_by_its_place(tmp_path: Path) -> None:
    recorded(tmp_path)
    changed(tmp_path, ("{ connect: { to: sales } }", "{ connect: { to: sales, dial_timeout: 40s } }"))
    done = replay(tmp_path)
    assert "answer then   action.dialTimeout null" in done.stdout
    assert "answer now    action.dialTimeout 40" in done.stdout


def test_a_state_that_is_gone_and_a_flow_that_is(tmp_path: Path) -> None:
    recorded(tmp_path)
    changed(
        tmp_path,
        ("  sales: { connect: { to: sales } }\n", ""),
        ("choices: { sales: 1, code: 2 } }", "choices: { sales: 1, code: 2 } }\n    on: { sales: support }"),
        ('{ sales: { number: "+12025550111" }, ', "{ "),
    )
    assert "path then     sales" in replay(tmp_path).stdout
    (tmp_path / "flows" / "flow0.yaml").write_text(SHOP.replace("flow: shop", "flow: store").replace("0100", "0109"))
    done = replay(tmp_path)
    assert done.stdout.count("flow now      no number leads to shop") == 2 and done.returncode == 1


def test_an_http_step_that_is_new_asks_nobody(tmp_path: Path) -> None:
    recorded(tmp_path)
    changed(
        tmp_path,
        ("choices: { sales: 1, code: 2 } }", "choices: { sales: 1, code: 2 } }\n    on: { sales: ask }"),
        (
            "  by_tier:\n",
            "  ask: { http: { get: https://crm.example.com/new, timeout: 500ms }, on: { ok: sales, error: bye } }\n"
            "  by_tier:\n",
        ),
    )
    done = replay(tmp_path)
    assert "because       it now asks GET https://crm.example.com/new, which was not asked then" in done.stdout


# --- which ones --------------------------------------------------------------------------------------------------


def test_which_are_played(tmp_path: Path) -> None:
    recorded(tmp_path)
    assert replay(tmp_path, "call-2").stdout.startswith("1 call the same, 0 differ (")
    assert replay(tmp_path, "call-2", "canary-call-1").stdout.startswith("2 calls the same")
    assert replay(tmp_path, "--limit", "1").stdout.startswith("1 call the same, 0 differ (")
    assert replay(tmp_path, "--flow", "shop").stdout.startswith("2 calls the same")
    for words in (["--flow", "shops"], ["--since", "1h"]):  # they were recorded in 2025
        done = replay(tmp_path, *words)
        assert done.returncode == 1 and done.stderr == "flowengine: there is nothing recorded to play\n", done
    assert replay(tmp_path, "--since", "9000d").stdout.startswith("2 calls the same")


def test_other_flows(tmp_path: Path) -> None:
    recorded(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    (other / "shop.yaml").write_text(SHOP.replace("Goodbye.", "Bye."))
    assert replay(tmp_path).returncode == 0
    assert "hears “You are silver, calling" in replay(tmp_path, "--flows", "other").stdout


def test_as_json(tmp_path: Path) -> None:
    recorded(tmp_path)
    changed(tmp_path, ('tier == "gold"', 'tier != "gold"'))
    done = replay(tmp_path, "--format", "json")
    told = json.loads(done.stdout)
    assert done.returncode == 1 and told["same"] == 1 and told["skipped"] == {}
    (differs,) = told["differ"]
    assert differs["kind"] == "call" and differs["flow"] == "shop" and differs["turns"] == 4
    first = differs["first"]
    assert (first["n"], first["event"], first["source"], first["what"]) == (3, "digits", "code", "path")
    assert first["heard"]["value"] == "****" and first["because"].startswith("flows/flow0.yaml:27: ")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nobody"], "flowengine: the store knows no call"),
        (["--flows", "nowhere"], "flowengine: "),
        (["--since", "soon"], "flowengine: --since: "),
        (["--store", "memory:"], "flowengine: the memory store lives inside the process"),
        (["--store", "sqlite:///none.db"], "flowengine: there is no store at"),
    ],
)
def test_what_cannot_be_played_is_a_sentence(words: list[str], sentence: str, tmp_path: Path) -> None:
    recorded(tmp_path)
    done = replay(tmp_path, *words)
    assert done.returncode in (1, 2) and done.stdout == ""
    assert done.stderr.strip().splitlines()[-1].startswith(sentence), done.stderr
    assert "Traceback" not in done.stderr


def test_flows_with_errors_are_not_played(tmp_path: Path) -> None:
    recorded(tmp_path)
    changed(tmp_path, ("start: main", "start: mian"))
    done = replay(tmp_path)
    assert done.returncode == 1 and "have errors; flowengine validate tells them" in done.stderr


# --- what cannot be known ----------------------------------------------------------------------------------------


def test_what_lost_its_beginning_is_skipped_and_counted(tmp_path: Path) -> None:
    line = recorded(tmp_path)
    body = orjson.dumps({"heard": {"event": "dice", "result": "x", "reason": "y", "duration": 0}})
    row = JournalRow(7, NOON, "shop", "disconnected", "main", "", "r", body)
    line.store.commit(Write("0" * 32, 0, b"[]", NOON + 9e8, NOON, journal=row))
    old = JournalRow(1, NOON, "shop", "start", "", "main", "r", b"{}")
    line.store.commit(Write("1" * 32, 0, b"[]", NOON + 9e8, NOON, journal=old))
    done = replay(tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith(f"2 calls the same, 0 differ; 1 skipped: {NOT_HEARD}; 1 skipped: {NO_BEGINNING} (")


def test_a_call_that_is_not_over_is_played_as_far_as_it_got(tmp_path: Path) -> None:
    line = recorded(tmp_path)
    assert line.session(line.key("call-2")).place == "sales"
    assert replays(line, tmp_path)[1].turns == 2 and replays(line, tmp_path)[1].difference is None


def test_a_turn_that_broke_and_breaks_no_more_differs(tmp_path: Path) -> None:
    line = recorded(tmp_path)
    turns = history(line.store, line.key("call-2"))
    broke = Recorded(**{name: getattr(turns[1], name) for name in turns[1].__slots__} | {"incident": "ab12cd34"})
    replayer = Replayer(line_built(tmp_path), {}, line.library.key)
    found = replayer.replay("x", [turns[0], broke]).difference
    assert found is not None and (found.what, found.then) == ("turn", "the turn broke")


def line_built(folder: Path) -> Any:
    return build([str(folder / "flows")])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Your code is ****.", "Your code is 4821.", True),
        ("Your code is 17.", "Your code is ****.", True),
        ("open ****-19", "open 17-19", True),
        ("****", "", True),
        ("a ****", "b 1", False),
        ("x **** z", "x y", False),
        ("**** and b", "a and ****", True),
        ("**** b", "a ****c", False),
        ("s3://calls/****call1.mp3", "s3://calls/abc-1.mp3", True),
        ("same", "same", True),
        ("same", "other", False),
    ],
)
def test_what_is_hidden_stands_for_anything(one: str, other: str, same: bool) -> None:
    assert meets(one, other) is same and meets(other, one) is same
