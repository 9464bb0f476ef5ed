"""``flowengine trace``: a call or conversation told from the journal, as a person asks for it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from chatting import Chat
from serving import KEY, NOON, SECRET, Line
from test_heard import BOOK
from test_serve import serving

from flowengine.fetch import Response
from flowengine.recorded.newest import newest
from flowengine.recorded.reading import NotFound, find, history
from flowengine.recorded.telling import _CAME, Sources, came
from flowengine.stores import open_store
from flowengine.stores.base import JournalRow, Write

DESK = """
flow: desk
channel: voice
triggers: [ { to: "+12025550100" } ]
may_dial: { gold: { number: "+12025550111" } }
variables: { tier: { type: text, default: none }, pin: { type: digits, sensitive: true } }
on: { error: bye }
start: main
states:
  main:
    menu: { prompt: Press 1., choices: { ask: 1 } }
    on: { timeout: bye, invalidinput: bye }
  ask:
    collect: { prompt: Your code., digits: 4, into: pin }
    on: { digits: look_up, timeout: bye, invalidinput: bye }
  look_up:
    http:
      post: https://crm.example.com/x
      json: { pin: "{{ pin }}" }
      timeout: 500ms
      save: { tier: "{{ response.tier }}" }
    on: { ok: by_tier, error: bye }
  by_tier:
    route:
      - { when: tier == "gold", to: gold }
      - { else: tell }
  tell: { say: "You are {{ tier }}.", next: end }
  gold: { connect: { to: gold } }
  bye: { say: Goodbye., next: end }
"""


def called(folder: Path, tier: str = "Gold") -> Line:
    """A call of six turns in a file, and its flow on disk."""
    line = Line(folder, DESK, store=f"sqlite:///{folder}/x.db")
    line.reply = Response(200, {"tier": tier}, "")
    line.ice()
    line.now += 9
    line.pie("return", "ask")
    line.now += 4
    line.pie("sequence", "7391")
    line.dice()
    return line


def trace(folder: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: each for name, each in os.environ.items() if not name.startswith(("FLOWENGINE", "VOICE", "WEBHOOK"))}
    whole = {**clean, "FLOWENGINE_ENV": "development", "FLOWENGINE_STORE": f"sqlite:///{folder}/x.db", **env}
    command = [sys.executable, "-m", "flowengine", "trace", *words]
    return subprocess.run(command, cwd=folder, env=whole, capture_output=True, text=True, check=False)


# --- reading -----------------------------------------------------------------------------------------------------


def test_a_call_is_found_by_its_id_its_key_and_how_that_begins(tmp_path: Path) -> None:
    line = called(tmp_path)
    key = line.key()
    assert {find(line.store, name) for name in ("call-1", key, key[:6], key[:31])} == {key}
    line.store.commit(Write(f"{key[:8]}other", 0, b"x", NOON + 3600, NOON))
    assert find(line.store, key[:9]) == key
    with pytest.raises(NotFound, match="begins several keys"):
        find(line.store, key[:8])
    for name in ("call-2", key[:5], "", "%", "_" * 6):
        with pytest.raises(NotFound, match="knows no call"):
            find(line.store, name)
    line.store.close()


def test_a_call_is_found_under_the_key_that_signed_it(tmp_path: Path) -> None:
    line = Line(tmp_path, DESK)
    body = {"event": "ice", "callid": "c", "cli": "12025550150", "to": {"type": "did", "endpoint": "+12025550100"}}
    line.service.callback(orjson.dumps(body), "app-key")
    assert history(line.store, find(line.store, "c", "other-key", "app-key"))[0].event == "start"
    with pytest.raises(NotFound):
        find(line.store, "c", "other-key")


def test_history_is_what_the_journal_holds(tmp_path: Path) -> None:
    line = called(tmp_path)
    turns = history(line.store, line.key())
    assert [each.event for each in turns] == ["start", "ask", "digits", "disconnected"]
    asked = turns[2]
    assert (asked.n, asked.at, asked.flow, asked.source, asked.target) == (3, NOON + 13, "desk", "ask", "")
    assert asked.path == ("look_up", "by_tier", "tell") and asked.heard["value"] == "****"
    assert asked.because == ((25, 'tier == "gold"', False),)
    assert asked.changes == {"pin": "****", "tier": "Gold"}
    assert asked.recorded[0][0] == "http desk.look_up" and asked.recorded[0][1][:2] == [200, {"tier": "Gold"}]
    assert asked.answer is not None and asked.answer["action"]["name"] == "hangup" and not asked.incident
    line.store.close()


def test_rows_of_an_earlier_version_are_read_too(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/x.db")
    row = JournalRow(1, NOON, "desk", "start", "", "main", "abc", b'{"ms":1}')
    store.commit(Write("session-1", 0, b"x", 4e9, NOON, journal=row))
    store.close()
    assert "start: -> main" in trace(tmp_path, "session-1").stdout


def test_a_guard_is_found_in_the_file_that_has_it() -> None:
    files = {"a": ("a.yaml", ["x", "  when: tier == 1"]), "b": ("b.yaml", ["y", "- { when: >", "  size > 2 }"])}
    sources = Sources(files)
    assert sources.place(2, "tier == 1", "b", "a") == "a.yaml:2"
    assert sources.place(2, "size > 2", "a") == "b.yaml:2"
    assert sources.place(9, "tier == 1", "a") == "line 9" and Sources().place(3, "x") == "line 3"


def test_everything_that_can_come_has_words() -> None:
    written = (Path(__file__).parent.parent / "flowengine").rglob("*.py")
    events = {"ice", "ace", "pie", "dice", "notify", "message", "link"}
    text = "".join(each.read_text() for each in written if each.name in ("service.py", "chats.py", "heard.py"))
    events |= set(re.findall(r'\{"event": "(\w+)"', text))
    assert events == set(_CAME)
    assert came({}) == "" and came({"event": "not known"}) == ""


# --- telling -----------------------------------------------------------------------------------------------------

TOLD = """\
call of desk  Mon 24 Nov 2025, times in UTC  session {key}

  1 10:00:00  a call from {number}           start: -> main
    answer    a menu: 1 ask “Press 1.”
  2 10:00:09  chooses ask                     ask: main -> ask
    answer    a wait for up to 4 keys “Your code.”
  3 10:00:13  presses ****                    digits: ask -> look_up -> by_tier -> tell -> end
    because   flows/flow0.yaml:25: tier == "gold" is false
    http      desk.look_up: 200 {{"tier":"Gold"}} in 0.000 s
    set       pin = "****", tier = "Gold"
    answer    the caller hears “You are Gold.”, then the call ends
  4 10:00:13  the call ended: ANSWERED CALLERHANGUP 5 s  disconnected

4 turns in 13 s; it is over (revision {revision}).
"""


def test_a_call_is_told(tmp_path: Path) -> None:
    line = called(tmp_path)
    number = f"~{line.library.digest('12025550150')}"[:9]
    told = trace(tmp_path, "call-1")
    expected = TOLD.format(key=line.key(), number=number, revision=line.library.revision[:12])
    assert told.stdout == expected and told.stderr == "" and told.returncode == 0
    assert trace(tmp_path, line.key()[:7]).stdout == expected
    given = trace(tmp_path, "call-1", "--store", f"sqlite:///{tmp_path}/x.db", FLOWENGINE_STORE="sqlite:///other.db")
    assert given.stdout == expected and not (tmp_path / "other.db").exists()
    line.store.close()


def test_the_same_facts_as_json(tmp_path: Path) -> None:
    line = called(tmp_path)
    whole = json.loads(trace(tmp_path, "call-1", "--format", "json").stdout)
    assert whole["session"] == line.key() and len(whole["turns"]) == 4
    assert whole["turns"][2]["because"] == [[25, 'tier == "gold"', False]]
    line.store.close()


def test_colour_is_never_alone(tmp_path: Path) -> None:
    called(tmp_path).store.close()
    plain, painted = (trace(tmp_path, "call-1", **{name: "1"}).stdout for name in ("NO_COLOR", "FORCE_COLOR"))
    assert "\x1b[" not in plain and "\x1b[1m" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain


def test_guards_of_flows_that_changed_or_are_gone_keep_their_line(tmp_path: Path) -> None:
    called(tmp_path).store.close()
    flow = tmp_path / "flows" / "flow0.yaml"
    flow.write_text(flow.read_text().replace('tier == "gold"', 'tier == "silver"'))
    (tmp_path / "flows" / "flow0.test.yaml").write_text("flow: desk\n" + "\n" * 23 + 'tier == "gold"\n')
    assert 'because   line 25: tier == "gold" is false' in trace(tmp_path, "call-1").stdout
    assert "line 25:" in trace(tmp_path, "call-1", FLOWENGINE_FLOWS="nowhere").stdout


def test_a_broken_turn_is_told_with_its_incident(tmp_path: Path) -> None:
    broken = DESK.replace('say: "You are {{ tier }}."', 'say: "You are {{ response.not_there }}."')
    line = Line(tmp_path, broken, store=f"sqlite:///{tmp_path}/x.db")
    line.reply = Response(200, {"tier": "none"}, "")
    line.ice()
    line.pie("return", "ask")
    line.pie("sequence", "7391")
    incident = history(line.store, line.key())[-1].incident
    told = trace(tmp_path, "call-1").stdout
    line.store.close()
    assert incident and f"incident  {incident}: the turn broke" in told and ", 1 incident;" in told
    assert "7391" not in told


def test_a_conversation_is_told_with_what_was_sent(tmp_path: Path) -> None:
    file = tmp_path / "chat.db"
    chat = Chat(tmp_path, BOOK, store=f"sqlite:///{file}")
    chat.write("book")
    chat.write("tomorrow\x1b[31m or +12025550150")
    chat.now += 3 * 86_400
    chat.wait(1)
    told = trace(tmp_path, chat.key[:8], "--store", f"sqlite:///{file}").stdout
    chat.store.close()
    lines = told.splitlines()
    assert lines[0].startswith("conversation of book  Mon 24 Nov 2025")
    assert "    sends     “When, you?”" in lines and "Thu 27 Nov 2025" in lines
    assert any("writes “tomorrow\ufffd[31m or ~" in each for each in lines) and "\x1b" not in told
    assert "2025550150" not in told and lines[-1].startswith("3 turns in 3 d; it is over")


def test_without_a_name_the_newest_are_listed(tmp_path: Path) -> None:
    line = called(tmp_path)
    line.now += 60
    line.ice(call="call-2")
    keys = [find(line.store, name) for name in ("call-2", "call-1")]
    told = trace(tmp_path)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.splitlines() == [
        f"{keys[0][:12]}  Mon 24 Nov 2025 10:01:13  desk  start",
        f"{keys[1][:12]}  Mon 24 Nov 2025 10:00:13  desk  start, ask, digits, disconnected",
    ]
    listed = json.loads(trace(tmp_path, "--format", "json").stdout)["sessions"]
    assert [each["session"] for each in listed] == keys
    assert trace(tmp_path, told.stdout[:12]).stdout.startswith("call of desk")
    assert newest(line.store, shown=1)[0][0].session == keys[0]
    assert not newest(line.store, most=1)[1]
    line.store.close()


def test_an_empty_store_lists_nothing(tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path}/x.db").close()
    told = trace(tmp_path)
    assert (told.returncode, told.stdout) == (0, "") and "knows no call or conversation" in told.stderr
    assert "name it" in trace(tmp_path, "--as-scenario").stderr


# --- what cannot be told -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("nobody",), 1, 'the store knows no call or conversation "nobody"'),
        (("abc",), 1, "at least 6 characters"),
        (("call-1", "--store", "sqlite:///not/there.db"), 1, "there is no store at not/there.db"),
        (("call-1", "--store", "memory://"), 2, "inside the process"),
        (("call-1", "--store", "mysql://x"), 2, 'there is no store "mysql"'),
        (("call-1", "--store", "sqlite:///flows/flow0.yaml"), 2, "flow0.yaml"),
    ],
)
def test_what_is_not_known_is_one_sentence(tmp_path: Path, words: tuple[str, ...], code: int, sentence: str) -> None:
    called(tmp_path).store.close()
    told = trace(tmp_path, *words)
    assert (told.returncode, told.stdout) == (code, "") and sentence in told.stderr
    assert told.stderr.startswith("flowengine: ") and told.stderr.count("\n") == 1
    assert not (tmp_path / "not").exists()


def test_a_call_that_was_served_and_signed_is_traced_beside_the_server(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "desk.yaml").write_text(DESK)
    env = {"VOICE_APPLICATION_KEY": KEY, "VOICE_APPLICATION_SECRET": SECRET, "WEBHOOK_PROTECTION": "always"}
    body = {"event": "ice", "callid": "c-1", "cli": "12025550150", "to": {"type": "did", "endpoint": "+12025550100"}}
    data = orjson.dumps(body)
    with serving(tmp_path, **env) as (served, _):
        status, answer = served.signed(data)
        assert status == 200 and b"Press 1" in answer
        told = trace(tmp_path, "c-1", **env)
        other = trace(tmp_path, "c-1")
    assert told.returncode == 0 and "start: -> main" in told.stdout and "waits at main of desk" in told.stdout
    assert other.returncode == 1
