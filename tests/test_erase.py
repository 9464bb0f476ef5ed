"""Erasing a person leaves nothing of them, on disk too, and everything of the others; what ends goes by itself."""

from __future__ import annotations

import gc
import json
import logging
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
from chatting import APP, Chat
from recording import Recorder
from redis_servers import serving
from serving import Line, said

from flowengine.engine.person import contact_record
from flowengine.erasing import erase, look
from flowengine.recorded.contact import Contact, NoContact, contact, sessions
from flowengine.redact import keyed_hash
from flowengine.settings import journal_key
from flowengine.stores import Store, base, open_store
from flowengine.stores.base import KEPT, Effect, Record, Write
from flowengine.stores.scrub import drop_letters, leftovers, scrub
from flowengine.turns import CALL_LIFE, ENDED_LIFE

FLOWS = str(Path(__file__).parent.parent / "flows")
SHE, HE = "+12025550187", "+12025550143"
DAY = 86_400.0
MANY = 90
WORDS = ["book", "table", "hello", "STOP"]


class Place:
    """A store of one kind, and every byte that it keeps anywhere."""

    def __init__(self, kind: str, url: str, folder: Path) -> None:
        self.kind, self.url, self.folder = kind, url, folder

    def bytes(self, store: Store) -> bytes:
        if self.kind == "memory":
            return pickle.dumps({name: value for name, value in vars(store).items() if name != "_lock"})
        files = [each.read_bytes() for each in sorted(self.folder.rglob("*")) if each.is_file()]
        assert files
        return b"\n".join(files)

    def hits(self, store: Store, *texts: str) -> dict[str, int]:
        whole = self.bytes(store)
        return {text: whole.count(text.encode()) for text in texts if text.encode() in whole}


@pytest.fixture(params=["memory", "sqlite", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    folder = tmp_path / "kept"
    folder.mkdir()
    if request.param == "redis":
        with serving(folder, "--appendonly", "yes", "--save", "3600 1") as server:
            yield Place("redis", server.url, folder)
        return
    url = "memory:" if request.param == "memory" else f"sqlite:///{folder}/x.db"
    yield Place(request.param, url, folder)
    gc.collect()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


class Town(Recorder):
    """People at random, of whom one is ``her`` whenever it is ``her_turn``."""

    her_turn = False

    def number(self) -> str:
        if self.her_turn:
            return SHE
        return f"+120255501{self.random.randrange(10, 80):02}"

    def anything(self) -> None:
        self.now += self.random.choice([10, 600])
        match self.random.randrange(5):
            case 0 | 1:
                self.call("+12025550100")
            case 2:
                self.start("reminder", {"inputs": {"to": self.number(), "name": "Ann", "time": "10:00"}})
            case 3:
                number = self.number()
                self.know(number, name="Ann", fields={"booking": "2025-11-29T19:00:00Z"})
                self.start("appointment", {"to": number, "inputs": {"name": "Ann", "when": "2025-12-01T10:00:00Z"}})
            case _:
                self.converse(self.random.choice(WORDS), self.random.choice(["SMS", "WHATSAPP"]), 6)


def who_is(store: Store, number: str, key: bytes | None = None) -> Contact:
    known = journal_key({}) if key is None else key
    return contact(store, number, "", "", [APP, ""], lambda text: keyed_hash(text, known))


def traces_of(number: str) -> list[str]:
    """Everything by which somebody could still be found: written ways, hashes, keys."""
    digits = number[1:]
    hashes = [keyed_hash(each, journal_key({})) for each in (digits, digits[1:])]
    return [digits[1:], "555-0187", *hashes, contact_record(number)]


# --- everything of one, nothing of others ----------------------------------------------------------------------------


def test_nothing_is_left_of_a_person_and_everything_of_the_others(place: Place) -> None:
    town = Town(
        [FLOWS], place.url, Random(7), {"crm.example.com": [{"tier": "gold", "phone": HE}], "example.com": [{}]}
    )
    for number in range(MANY):
        town.her_turn = number % 3 == 0
        town.anything()
    store = town.store
    her_sessions = set(sessions(store, who_is(store, SHE)))
    others = {key: store.load(key) for key in store.keys("", 10_000) if key not in her_sessions}
    journals = {key: store.journal(key) for key in others}
    assert len(her_sessions) > 15 and len(others) > 30
    assert len(place.hits(store, *traces_of(SHE))) >= 3

    def rest(who: Contact) -> set[str]:
        return leftovers(place.url, who.wanted, who.in_text)

    assert erase(store, who_is(store, SHE), rest)
    assert scrub(place.url) == ""
    assert place.hits(store, *traces_of(SHE)) == {}
    assert set(store.keys("", 10_000)) == set(others)
    assert {key: store.load(key) for key in others} == others
    assert {key: store.journal(key) for key in others} == journals
    assert not look(store, who_is(store, SHE), rest)
    store.close()


def test_what_an_ended_session_left_is_found_without_it(place: Place) -> None:
    """Answers live longer than their session, and rows of the outbox may; so do dead letters."""
    if place.kind == "memory":
        pytest.skip("what is in one process goes with it, and is not looked into from outside")
    store, now = open_store(place.url), 1_795_000_000.0
    for key, number in (("hers", SHE), ("his", HE)):
        says = f'{{"cli":"{number}"}}'.encode()
        row = Effect(f"row-{key}", "send", says, now + 40 * DAY)
        letter = Effect(f"letter-{key}", "send", says, now)
        store.commit(Write(key, 0, b"[]", now + 60, now, f"callback-{key}", says, effects=[row, letter], over=True))
        (taken,) = store.take(now + 1, 30)
        store.bury(taken, "refused", now + 2)
    store.sweep(now + 120)
    assert store.keys("", 10) == [] and store.load("", "callback-hers").answer
    who = who_is(store, SHE)
    assert leftovers(place.url, who.wanted, who.in_text) == {"hers"}
    assert erase(store, who, lambda who: leftovers(place.url, who.wanted, who.in_text)) and scrub(place.url) == ""
    assert place.hits(store, *traces_of(SHE)) == {} and place.hits(store, HE)
    assert store.load("", "callback-hers").answer is None and store.load("", "callback-his").answer
    assert [each.session for each in store.letters(9)] == ["his"]
    assert [each.session for each in store.take(now + 41 * DAY, 30)] == ["his"]
    store.close()


def test_numbers_within_numbers_are_other_people(place: Place) -> None:
    store, now = open_store(place.url), 1_795_000_000.0
    texts = {
        "longer": f'["{SHE}4"]',
        "inside": f'["9{SHE[1:]}"]',
        "fraction": f"[0.{SHE[1:]}]",
        "hers": f'["call {SHE}, please"]',
        "typed": '["(202) 555-0187"]',
        "short": '["2025550187"]',
        "abroad": '["00 12025550187"]',
    }
    for key, text in texts.items():
        store.commit(Write(key, 0, text.encode(), now + 60, now))
    assert set(sessions(store, who_is(store, SHE))) == {"hers", "typed", "short", "abroad"}
    assert erase(store, who_is(store, SHE))
    assert store.keys("", 10) == ["fraction", "inside", "longer"]
    store.close()


def test_what_is_known_of_others_loses_only_her(place: Place) -> None:
    store = open_store(place.url)
    told = {"name": "Bob", "number": HE, "fields": {"spouse": SHE, "size": 4}, "tags": {"vip": True}}
    store.merge(Record(contact_record(HE), orjson.dumps(told)))
    assert erase(store, who_is(store, SHE))
    assert orjson.loads(store.record(contact_record(HE)) or b"") == {**told, "fields": {"size": 4}}
    store.close()


def test_a_call_that_goes_on_is_forgotten_and_asked_to_call_again(place: Place, tmp_path: Path) -> None:
    line = Line(tmp_path, DESK, store=place.url)
    line.ice(cli=SHE[1:])
    who = who_is(line.store, SHE, b"key")
    assert look(line.store, who).live == 1 and erase(line.store, who)
    answer = line.pie("return", "one")
    assert answer["action"]["name"] == "hangup" and "call" in said(answer)[0].lower()
    line.dice()
    assert line.store.keys("", 9) == [] and scrub(place.url) == ""
    assert place.hits(line.store, SHE[1:], keyed_hash(SHE[1:], b"key")) == {}
    line.store.close()


# --- conversations ----------------------------------------------------------------------------------------------------

SHOP = """
flow: shop
channel: message
triggers: [ { keywords: [shop] } ]
start: ask
states:
  ask:
    ask: { prompt: What?, choices: { tea: { label: Tea } } }
    on: { timeout: end, invalidinput: end, failed: end }
  tea: { say: Tea., next: end }
"""


@pytest.mark.parametrize("channel", ["SMS", "MESSENGER"])
def test_consent_goes_unless_it_is_to_be_kept(channel: str, tmp_path: Path) -> None:
    identity = SHE[1:] if channel == "SMS" else "psid-7391-canary"
    chat = Chat(tmp_path, SHOP, store=f"sqlite:///{tmp_path}/x.db", channel=channel, identity=identity)
    chat.write("shop")
    chat.write("STOP")
    store = chat.store

    def who() -> Contact:
        return contact(store, "", channel, identity, [APP], lambda text: keyed_hash(text, b"key"))

    found = look(store, who())
    assert len(found.talks) == 1 and len(found.opted_out) == 1 and found.turns >= 2
    assert erase(store, who(), keep_opt_out=True)
    assert [orjson.loads(each.patch)["out"] for each in look(store, who()).opted_out] == [True]
    assert chat.write("shop") == []
    assert erase(store, who()) and not look(store, who())
    scrub(f"sqlite:///{tmp_path}/x.db")
    assert identity.encode() not in (tmp_path / "x.db").read_bytes() + (tmp_path / "x.db-wal").read_bytes()
    assert chat.write("shop")
    store.close()


def test_a_contact_is_a_number_or_an_identity_of_a_channel(tmp_path: Path) -> None:
    store = open_store("memory:")
    for number, channel, identity in (("0701234567", "", ""), ("+1", "", ""), ("", "", "x"), ("", "SMS", "")):
        with pytest.raises(NoContact):
            contact(store, number, channel, identity, [APP], str)
    assert contact(store, "", "WHATSAPP", SHE[1:], [APP], str).number == SHE
    assert who_is(store, SHE).shown == "+…187"


# --- time -------------------------------------------------------------------------------------------------------------

DESK = """
flow: desk
channel: voice
triggers: [ { to: "+12025550100" } ]
start: main
states:
  main:
    menu: { prompt: Press 1., choices: { one: 1 } }
    on: { timeout: bye, invalidinput: bye }
  one: { say: One., next: main }
  bye: { say: Goodbye., next: end }
"""
PEOPLE = 10_000


def rows(folder: Path) -> dict[str, int]:
    import sqlite3

    with sqlite3.connect(folder / "x.db") as file:
        tables = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: file.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}


def test_data_dies_on_time(tmp_path: Path) -> None:
    """Of ten thousand calls, most of them ended and some never told to be, nothing is left when its time is over."""
    line = Line(tmp_path, DESK, store=f"sqlite:///{tmp_path}/x.db")
    for number in range(PEOPLE):
        call = f"call-{number}"
        line.ice(call=call, cli=f"1202555{number:04}")
        if number % 50:
            line.dice(call=call)
    line.post("ice", "", cli="12025550150")
    line.service.callback(b"no callback")
    began = line.now
    kept = rows(tmp_path)
    assert kept["sessions"] == PEOPLE and kept["journal"] > PEOPLE and kept["dead_letters"] == 1
    line.now = began + ENDED_LIFE - 60
    look_after(line)
    assert rows(tmp_path)["sessions"] == PEOPLE
    line.now = began + ENDED_LIFE + 60
    look_after(line)
    assert rows(tmp_path)["sessions"] == PEOPLE // 50  # they were given up after five hours, and kept for a day then
    line.now = began + 2 * DAY
    look_after(line)
    left = rows(tmp_path)
    assert left["sessions"] == left["journal"] == left["aliases"] == left["timers"] == left["outbox"] == 0
    assert left["dedupe"] > 0
    line.now = began + KEPT + DAY
    look_after(line)
    assert rows(tmp_path)["dedupe"] == rows(tmp_path)["counters"] == 0
    line.now = began + 8 * DAY
    look_after(line)
    assert {name for name, many in rows(tmp_path).items() if many} <= {"pulse", "artefacts"}
    scrub(f"sqlite:///{tmp_path}/x.db")
    assert b"1202555" not in (tmp_path / "x.db").read_bytes()
    line.store.close()


def look_after(line: Line) -> None:
    for _ in range(PEOPLE // 1000):
        line.service.look_after(1000)


# --- the commands -----------------------------------------------------------------------------------------------------


def run(folder: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: each for name, each in os.environ.items() if not name.startswith(("FLOWENGINE", "VOICE", "WEBHOOK"))}
    whole = {**clean, "FLOWENGINE_ENV": "development", "CONVERSATION_APP_ID": APP}
    whole |= {"FLOWENGINE_STORE": f"sqlite:///{folder}/x.db", **env}
    command = [sys.executable, "-m", "flowengine", *words]
    done = subprocess.run(command, cwd=folder, env=whole, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """She has called, been rung and written; he has called."""
    town = Town([FLOWS], f"sqlite:///{tmp_path}/x.db", Random(3), {"example.com": [{}]})
    town.call("+12025550100")
    town.her_turn = True
    town.call("+12025550100")
    town.converse("book", "SMS", 2)
    return town


def test_erase_asks_tells_and_leaves_nothing(town: Town, tmp_path: Path) -> None:
    asked = run(tmp_path, "erase", SHE)
    assert asked.returncode == 2 and "--yes" in asked.stderr and SHE not in asked.stderr
    assert "1 call, 1 conversation," in asked.stderr
    done = run(tmp_path, "erase", "+1 (202) 555-0187", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"Erased 1 call, 1 conversation, \d+ turns and \d records? of what is known.*\n", done.stdout)
    assert all(SHE[1:].encode() not in each.read_bytes() for each in tmp_path.glob("x.db*"))
    again = run(tmp_path, "erase", SHE, "--yes")
    assert (again.returncode, again.stdout) == (0, "There is nothing about +…187.\n")
    assert len(town.store.keys("", 9)) == 1


def test_one_call_is_erased_alone(town: Town, tmp_path: Path) -> None:
    his = next(each for each in town.phones)
    done = run(tmp_path, "erase", his, "--yes")
    assert done.returncode == 0 and "what is known of the person stays" in done.stdout
    assert len(town.store.keys("", 9)) == 2
    missing = run(tmp_path, "erase", his, "--yes")
    assert missing.returncode == 1 and "knows no call" in missing.stderr


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ([], 2, "name one: a number, a call, or --channel with --identity"),
        (["+12025550187", "--identity", "7"], 2, "name one"),
        (["--identity", "7"], 2, "channel and identity together"),
        (["--channel", "MESENGER", "--identity", "7"], 2, "did you mean"),
        (["+120255501"], 2, "no phone number in E.164"),
        (["12025550187"], 1, "for the number write +12025550187"),
        (["+12025550187", "--store", "memory:"], 2, "memory store lives inside"),
        (["+12025550187", "--store", "sqlite:///none.db"], 1, "there is no store"),
    ],
)
def test_mistakes_get_a_sentence(words: list[str], code: int, sentence: str, town: Town, tmp_path: Path) -> None:
    done = run(tmp_path, "erase", *words, "--yes")
    assert done.returncode == code and sentence in done.stderr, done.stderr
    assert len(town.store.keys("", 9)) == 3


def test_a_number_that_flows_answer_is_not_erased(town: Town, tmp_path: Path) -> None:
    from flowengine.build import write_artefact

    town.store.keep(town.built.revision, write_artefact(town.built), town.now)
    done = run(tmp_path, "erase", "+12025550100", "--yes")
    assert done.returncode == 2 and "is the number of the flow front_desk" in done.stderr
    assert len(town.store.keys("", 9)) == 3


def test_letters_are_told_and_thrown_away(place: Place, tmp_path: Path) -> None:
    if place.kind == "memory":
        pytest.skip("another process cannot look into this one")
    store = open_store(place.url)
    store.dead_letter("webhook", "the body is no JSON", b'{"bytes": 12}', 1_795_000_000.0)
    store.commit(Write("a" * 32, 0, b"[]", 2e9, 1.0, effects=[Effect("r", "send", b'{"to": "~ab"}', 1.0)]))
    (row,) = store.take(5.0, 30)
    store.bury(row, "Sinch refused with 400", 1_795_000_060.0)
    told = run(tmp_path, "letters", FLOWENGINE_STORE=place.url)
    assert told.returncode == 0 and told.stdout.splitlines()[-1] == "2 dead letters."
    assert "send: Sinch refused with 400" in told.stdout and "session aaaaaaaaaaaa…" in told.stdout
    assert told.stdout.index("Sinch refused") < told.stdout.index("no JSON")
    data: Any = json.loads(run(tmp_path, "letters", "--format", "json", "--store", place.url).stdout)
    assert data["kept"] == 2 and [each["kind"] for each in data["letters"]] == ["send", "webhook"]
    dropped = run(tmp_path, "letters", "--drop", "--store", place.url)
    assert dropped.stdout == "2 dead letters thrown away.\n" and store.dead_letters() == 0
    assert drop_letters(place.url) == 0
    store.close()


# --- trace of a contact -----------------------------------------------------------------------------------------------


def test_a_contact_is_traced_over_calls_and_conversations(town: Town, tmp_path: Path) -> None:
    told = run(tmp_path, "trace", SHE)
    assert told.returncode == 0 and SHE[1:] not in told.stdout and "0187" not in told.stdout
    heads = [line for line in told.stdout.splitlines() if " of " in line and "times in UTC" in line]
    assert [line.split("  ")[0] for line in heads] == ["call of front_desk", "conversation of booking"]
    data: Any = json.loads(run(tmp_path, "trace", "+1 202-555-0187", "--format", "json").stdout)
    at = [each["turns"][-1]["at"] for each in data["sessions"]]
    assert len(at) == 2 and at == sorted(at)
    written = run(tmp_path, "trace", f"{APP}/SMS/{SHE[1:]}", "--format", "json")
    assert json.loads(written.stdout) == data
    several = run(tmp_path, "trace", SHE, "--as-scenario")
    assert several.returncode == 2 and "of one call or conversation; name one of" in several.stderr
    nobody = run(tmp_path, "trace", "+12025550171")
    assert nobody.returncode == 1 and "no call or conversation of +…171" in nobody.stderr


def test_the_page_says_how_long_things_are_kept() -> None:
    page = (Path(FLOWS).parent / "docs" / "running.md").read_text("utf-8")
    table = page.partition("## What is kept")[2].partition("\n\nA worker")[0]
    units = {"hours": 3600.0, "days": DAY}
    found = [float(number) * units[unit] for number, unit in re.findall(r"`(\d+) (hours|days)`", table)]
    assert found == [CALL_LIFE, ENDED_LIFE, KEPT, base.DAY, base.BURIED, base.DROPPED]
