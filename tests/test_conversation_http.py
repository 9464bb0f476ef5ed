"""Conversations over real HTTP: gunicorn with two processes, workers that are killed, SQLite, and a fake Sinch."""

from __future__ import annotations

import http.client
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from test_web import Served, free_port

from flowengine.settings import Refusal, Settings, lease
from flowengine.sinch.fake import Account, Answer, FakeSinch, Hang, Record, bodies
from flowengine.sinch.fake.bodies import Json, signed
from flowengine.sinch.fake.script import Step

ROOT = Path(__file__).parent.parent
ACCOUNT = Account()
ANNA = "12025550150"

CLAIM = """
flow: claim
channel: message
channels: [SMS, WHATSAPP]
triggers: [ { keywords: [claim] } ]
defaults: { timeout: 23h, repeats: 1 }
variables: { words: { type: text }, pieces: { type: number }, picture: { type: text }, number: { type: text } }
on: { timeout: end, invalidinput: end, failed: end }
start: kind
states:
  kind:
    ask: { prompt: What happened?, choices: { broken: It broke, missing: { label: It is lost, words: [gone] } } }
  missing: { say: We look for it., next: end }
  broken:
    ask: { prompt: "Tell us more, please.", expect: any, into: words }
    on: { answer: pieces }
  pieces:
    ask: { prompt: How many pieces?, expect: { number: 1..20 }, into: pieces, repeat_prompt: "A number, please." }
    on: { answer: picture }
  picture:
    ask: { prompt: Please send a picture., expect: media, into: picture }
    on: { answer: look }
  look:
    function: { name: look, with: { words: "{{ words }}" }, save: { number: "{{ result.number }}" } }
    on: { ok: what, error: end }
  what:
    say: "Claim {{ number }}: {{ pieces }} pieces, {{ words }}."
    ask:
      prompt: What shall we do?
      choices: { mend: Mend it, replace: Replace it }
      remind: [ { after: 1s, say: We wait for you. } ]
  mend: { say: We mend it., next: end }
  replace:
    ask: { prompt: Which colour?, choices: { red: Red, blue: Blue } }
  red: { say: A red one., next: end }
  blue: { say: A blue one., next: end }
"""

LOOP = """
flow: loop
channel: message
triggers: [ { any: true } ]
variables: { words: { type: text, default: "" }, turns: { type: number, default: 0 }, looked: { type: text } }
on: { timeout: end, invalidinput: end, failed: end }
start: hello
states:
  hello: { ask: { prompt: "0", expect: any, into: words, timeout: 20h }, on: { answer: count } }
  count: { set: { turns: "{{ turns + 1 }}" }, next: which }
  which: { route: [ { when: "'slow' in words", to: look }, { else: more } ] }
  look:
    function: { name: look, with: { words: "{{ words }}" }, save: { looked: "{{ result.number }}" } }
    on: { ok: said, error: said }
  said: { say: "looked for {{ words }}", next: more }
  more: { ask: { prompt: "{{ turns }} {{ words }}", expect: any, into: words, timeout: 20h }, on: { answer: count } }
"""

FUNCTIONS = """
import os
import time

from flowengine.functions import function


@function
def look(words: str) -> dict[str, str]:
    with open(os.environ["LOOKED"], "a") as file:
        file.write(words + "\\n")
    time.sleep(float(os.environ["LOOKS"]))
    return {"number": "AB-7"}
"""


class Site:
    """Two processes that serve, and workers that can be killed, over one SQLite file."""

    def __init__(self, folder: Path, sinch: FakeSinch, *flows: str, lease: str = "1s", looks: float = 0.5) -> None:
        self.folder, self.sinch = folder, sinch
        (folder / "flows").mkdir()
        (folder / "flowengine.yaml").write_text("consent: { farewell: Goodbye., welcome: Welcome back. }\n")
        (folder / "flows/functions.py").write_text(FUNCTIONS)
        for number, text in enumerate(flows):
            (folder / f"flows/flow{number}.yaml").write_text(text)
        names = ("FLOWENGINE", "VOICE", "WEBHOOK", "CONVERSATION", "PROJECT")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(names)}
        self.database = folder / "x.db"
        self.looked = folder / "looked.txt"
        self.env = {
            **clean,
            **sinch.env(),
            "FLOWENGINE_STORE": f"sqlite:///{self.database}",
            "FLOWENGINE_ARTEFACT": str(folder / "flows.artefact"),
            "FLOWENGINE_LEASE": lease,
            "LOOKED": str(self.looked),
            "LOOKS": str(looks),
        }
        command = [sys.executable, "-m", "flowengine", "compile", "-o", "flows.artefact"]
        subprocess.run(command, cwd=folder, env=self.env, check=True, capture_output=True)
        self.workers: list[subprocess.Popen[bytes]] = []
        port = free_port()
        arguments = ["serve", "--port", str(port), "flows.artefact"]
        self.served = Served(port, self._run(arguments, "serve.txt"))
        self.url = f"http://127.0.0.1:{port}/conversation"

    def _run(self, arguments: list[str], log: str) -> subprocess.Popen[bytes]:
        with (self.folder / log).open("ab") as out:
            command = [sys.executable, "-m", "flowengine", *arguments]
            return subprocess.Popen(command, cwd=self.folder, env=self.env, stdout=out, stderr=out)

    def ready(self) -> None:
        for _ in range(300):
            try:
                if self.served.ask("GET", "/health")[0] == 200:
                    return
            except OSError:
                time.sleep(0.05)
            assert self.served.process.poll() is None, (self.folder / "serve.txt").read_text()
        raise AssertionError("the server did not start")

    def work(self) -> None:
        self.workers.append(self._run(["worker"], "worker.txt"))

    def kill(self, which: int = 0) -> None:
        """Without a word to the worker, and another one begins."""
        process = self.workers.pop(which)
        process.kill()
        process.wait()
        self.work()

    def told(self) -> str:
        """How the workers are, and what waits: for who wonders why nothing comes."""
        said = (self.folder / "worker.txt").read_text()[-2000:]
        waits = self.rows("SELECT kind, attempts, due, leased_until FROM outbox")
        return f"workers ended: {[each.poll() for each in self.workers]}; waiting: {waits}; workers said: {said}"

    def stop(self) -> None:
        for process in [*self.workers, self.served.process]:
            process.send_signal(signal.SIGTERM)
        for process in [*self.workers, self.served.process]:
            process.wait(30)

    def post(self, body: Json | bytes, **changed: str) -> int:
        """A webhook as the platform posts it: its status."""
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        return self.deliver(raw, {**self.signed(raw), **changed})[0]

    def signed(self, raw: bytes) -> dict[str, str]:
        return signed(raw, ACCOUNT.webhook_secret, f"n{random.getrandbits(64)}", time.time())

    def deliver(self, raw: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        return self.served.ask("POST", "/conversation", raw, {"Content-Type": "application/json", **headers})

    def rows(self, sql: str) -> list[Any]:
        with closing(sqlite3.connect(self.database)) as file:
            return file.execute(sql).fetchall()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with FakeSinch() as sinch:
        found = Site(tmp_path_factory.mktemp("site"), sinch, CLAIM)
        try:
            found.work()
            found.ready()
            yield found
        finally:
            found.stop()


# --- one long chat -----------------------------------------------------------------------------------------------


@dataclass
class Writer:
    """A contact whose every webhook comes twice, and old ones again at any time."""

    site: Site
    identity: str
    dice: random.Random
    past: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)
    read: int = 0

    @property
    def messages(self) -> list[Record]:
        return [each for each in self.site.sinch.sent if each.identity == self.identity]

    def write(self, content: Json) -> None:
        raw = orjson.dumps(self.site.sinch.bodies.inbound(content, "SMS", self.identity, "12025550100"))
        self.past.append((raw, self.site.signed(raw)))
        again = self.dice.choices(self.past, k=2)
        for each in (self.past[-1], *again, self.past[-1]):
            assert self.site.deliver(*each)[0] == 200
        old = self.messages[: self.read]
        for record in self.dice.sample(old, min(2, len(old))):
            for status in self.dice.sample(["QUEUED_ON_CHANNEL", "DELIVERED", "READ"], 2):
                assert self.site.post(self.site.sinch.bodies.receipt(record, status)) == 200

    def hear(self, count: int, seconds: float = 20.0) -> list[str]:
        """The next messages, so many of them."""
        until = time.monotonic() + seconds
        while len(self.messages) < self.read + count:
            assert time.monotonic() < until, f"{len(self.messages) - self.read} came; {self.site.told()}"
            time.sleep(0.02)
        found = [each.text for each in self.messages[self.read :]]
        self.read += len(found)
        return found


def test_a_long_chat_survives_the_death_of_its_workers(site: Site) -> None:
    sinch, anna = site.sinch, Writer(site, ANNA, random.Random(7))
    sinch.receipts(site.url, read=True)
    anna.write(bodies.text("Claim"))
    assert anna.hear(1) == ["What happened?\n\n1. It broke\n2. It is lost"]

    sinch.script([Hang(accepted=True)])  # taken, its receipt comes, and the worker dies over it
    anna.write(bodies.text("it broke"))
    assert anna.hear(1) == ["Tell us more, please."]
    sinch.settle()
    site.kill()
    anna.write(bodies.text("It fell 🥣"))
    assert anna.hear(1) == ["How many pieces?"]

    sinch.receipts(submit=False, deliver=False)
    sinch.script([Hang(accepted=True)])  # taken, the worker dies over it, and no receipt comes
    anna.write(bodies.text("lots"))
    assert anna.hear(1) == ["A number, please."]
    site.kill()
    assert anna.hear(1) == ["A number, please."]
    sinch.receipts(read=True)

    sinch.script([Hang()])  # not even taken
    anna.write(bodies.text("4, I think"))
    time.sleep(0.5)
    site.kill()
    assert anna.hear(1) == ["Please send a picture."]

    anna.write(bodies.media("https://cdn.example.com/bowl.jpg"))
    until = time.monotonic() + 10
    while not site.looked.exists():  # a worker makes the turn, and dies in the middle of it
        assert time.monotonic() < until
        time.sleep(0.01)
    site.kill()
    found = anna.hear(2)
    assert found == ["Claim AB-7: 4 pieces, It fell 🥣.", "What shall we do?\n\n1. Mend it\n2. Replace it"]
    assert anna.hear(1) == ["We wait for you."]

    question = anna.messages[-2]
    shown = {"message_id": question.message_id, "postback": "replace"}
    anna.write(bodies.tap(shown["message_id"], shown["postback"]))
    assert anna.hear(1) == ["Which colour?\n\n1. Red\n2. Blue"]
    anna.write(bodies.text("STOP"))
    assert anna.hear(1) == ["Goodbye."]
    anna.write(bodies.text("red"))
    anna.write(bodies.text("START"))
    assert anna.hear(1) == ["Welcome back."]
    anna.write(bodies.text("claim"))
    assert anna.hear(1)[0].startswith("What happened?")
    anna.write(bodies.text("gone"))
    assert anna.hear(1) == ["We look for it."]

    sinch.settle()
    rows = Counter(each.metadata for each in anna.messages)
    assert sorted(rows.values()) == [1] * (len(rows) - 1) + [2]
    assert sinch.problems == []
    _drained(site)
    assert site.rows("SELECT count(*) FROM dead_letters") == [(0,)]


# --- what the route answers --------------------------------------------------------------------------------------

EXAMPLES = sorted((ROOT / "examples/webhooks").glob("*.json"))


def test_every_webhook_there_is_is_accepted(site: Site) -> None:
    before = len(site.sinch.sent)
    for path in EXAMPLES * 2:
        assert site.post(path.read_bytes()) == 200, path.name
    assert len(EXAMPLES) > 30
    assert len(site.sinch.sent) == before


def _text(site: Site, words: str = "claim", who: str = "12025550160", **more: Any) -> bytes:
    return orjson.dumps(site.sinch.bodies.inbound(bodies.text(words), "SMS", who, "", **more))


def test_what_is_not_authentic_changes_nothing(site: Site) -> None:
    before = site.rows("SELECT count(*) FROM sessions")
    raw = _text(site)
    good = site.signed(raw)
    name = "x-sinch-webhook-signature"
    assert site.deliver(raw, {})[0] == 401
    for header in (name, f"{name}-nonce", f"{name}-timestamp"):
        assert site.deliver(raw, {key: value for key, value in good.items() if key != header})[0] == 401
        assert site.deliver(raw, {**good, header: good[header] + "1"})[0] == 401
        assert site.deliver(raw, {**good, header: ""})[0] == 401
    wrong = signed(raw, "another secret", "n", time.time())
    assert site.deliver(raw, wrong)[0] == 401
    for place in range(0, len(raw), 37):
        altered = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        assert site.deliver(altered, good) == (401, b"")
    assert site.deliver(raw + b" ", good)[0] == 401
    assert site.rows("SELECT count(*) FROM sessions") == before
    assert site.served.ask("GET", "/conversation")[0] == 405
    assert site.served.ask("POST", "/webhook/conversation", raw, good)[0] == 200


GARBLED = [b"", b"{", b"[]", b"null", b'{"a":NaN}', b'{"a":1,"a":2}', b"[" * 5000, b"\xff\xfe"]


@pytest.mark.parametrize("raw", GARBLED, ids=range(len(GARBLED)))
def test_what_is_authentic_but_garbled_is_a_dead_letter(site: Site, raw: bytes) -> None:
    (before,) = site.rows("SELECT count(*) FROM dead_letters")[0]
    assert site.post(raw) == 200
    assert site.rows("SELECT count(*) FROM dead_letters") == [(before + 1,)]
    kept = site.rows("SELECT kind, payload FROM dead_letters ORDER BY id DESC LIMIT 1")[0]
    assert (kept[0], orjson.loads(kept[1])) == ("webhook", {"bytes": len(raw)})


def test_what_is_too_large_is_not_read(site: Site) -> None:
    assert site.post(b" " * (2 * 1024 * 1024 + 1)) == 413


def test_nothing_is_acknowledged_while_the_store_is_down(site: Site) -> None:
    who = "12025550161"
    raw = _text(site, who=who)
    headers = site.signed(raw)
    with closing(sqlite3.connect(site.database, isolation_level=None)) as file:
        file.execute("BEGIN IMMEDIATE")
        with closing(http.client.HTTPConnection("127.0.0.1", site.served.port, timeout=10)) as connection:
            connection.request("POST", "/conversation", raw, headers)
            answer = connection.getresponse()
            assert (answer.status, answer.getheader("Retry-After")) == (503, "5")
        file.execute("ROLLBACK")
    writer = Writer(site, who, random.Random(1))
    assert writer.messages == []
    for _ in range(2):
        assert site.deliver(raw, headers)[0] == 200
    assert len(writer.hear(1)) == 1


ANYTHING = ["x" * 100_000, "🥣" * 25_000, "", " ", "\u0000", "{{7*7}}"]


@pytest.mark.parametrize("number", range(len(ANYTHING)))
def test_anything_can_be_written(site: Site, number: int) -> None:
    words, who = ANYTHING[number], f"1202555017{number}"
    writer = Writer(site, who, random.Random(1))
    writer.write(bodies.text("claim"))
    assert len(writer.hear(1)) == 1
    writer.write(bodies.text(words))
    assert writer.hear(1)[0].startswith("What happened?")
    writer.write(bodies.text("gone"))
    assert writer.hear(1) == ["We look for it."]


@pytest.mark.parametrize("value", ["30", "0.5s", "2h", "soon", "-1s"])
def test_a_lease_that_cannot_be_is_refused_in_one_sentence(value: str) -> None:
    with pytest.raises(Refusal, match=r"^FLOWENGINE_LEASE.*30s|^FLOWENGINE_LEASE: found"):
        Settings.read({"FLOWENGINE_LEASE": value, "FLOWENGINE_ENV": "development"})


def test_a_lease_is_a_duration() -> None:
    assert [lease({}), lease({"FLOWENGINE_LEASE": "2m"})] == [30.0, 120.0]


# --- many chats at once ------------------------------------------------------------------------------------------


@dataclass
class History:
    """What happened, in order: what was acknowledged of each contact, all that was sent, and when receipts came."""

    written: dict[str, list[str]]
    sent: list[Record]
    receipts: dict[str, float]
    kills: int
    left: int
    letters: int

    def doubled(self) -> list[tuple[Record, Record]]:
        """Messages that were taken more than once, each with the one before."""
        last: dict[str, Record] = {}
        found = []
        for each in self.sent:
            if each.metadata in last:
                found.append((last[each.metadata], each))
            last[each.metadata] = each
        return found

    def lost(self) -> list[tuple[str, str]]:
        """What was acknowledged and has not all of its answers."""
        heard: dict[str, set[str]] = defaultdict(set)
        for each in self.sent:
            heard[each.identity].add(each.text)
        wanted = [(who, text) for who, said in self.written.items() for text in self._answers(said)]
        return [(who, text) for who, text in wanted if text not in heard[who]]

    def disordered(self) -> list[str]:
        """Contacts whose answers are not those of their messages in that order, each once."""
        once: dict[str, list[str]] = defaultdict(list)
        seen: set[str] = set()
        for each in self.sent:
            if each.metadata not in seen:
                seen.add(each.metadata)
                once[each.identity].append(each.text)
        return [who for who, said in self.written.items() if once[who] != self._answers(said)]

    def unexcused(self, slack: float = 1.0) -> list[Record]:
        """Doubled although the receipt had come so many seconds before (a send that was under way may still end)."""
        return [
            again
            for first, again in self.doubled()
            if self.receipts.get(first.message_id, again.time) + slack < again.time
        ]

    @staticmethod
    def _answers(said: list[str]) -> list[str]:
        """What the flow answers, worked out apart from it."""
        found = ["0"]
        for number, words in enumerate(said[1:], 1):
            found += [f"looked for {words}"] if "slow" in words else []
            found.append(f"{number} {words}")
        return found


REFUSED = Answer(503)


def chats(
    folder: Path,
    contacts: int,
    turns: int,
    kills: int,
    *,
    share: float = 0.2,
    step: Step = REFUSED,
    told: bool = True,
    workers: int = 2,
    seed: int = 1,
) -> History:
    """So many contacts write so often while workers are killed and a share of the messages is answered by ``step``.

    ``told``: receipts come.
    """
    receipts: dict[str, float] = {}
    done = threading.Event()
    with FakeSinch(seed=seed) as sinch:
        site = Site(folder, sinch, LOOP, looks=0.05)
        watching = threading.Thread(target=_watch, args=(sinch, receipts, done))
        try:
            for _ in range(workers):
                site.work()
            site.ready()
            sinch.flaky(share, step, seed)
            sinch.receipts(site.url, after=0.05, submit=told, deliver=told)
            watching.start()
            people = [f"1202555{5000 + n}" for n in range(contacts)]
            with ThreadPoolExecutor(25) as pool:
                killing = pool.submit(_kill, site, kills, random.Random(seed))
                written = dict(zip(people, pool.map(_chat(site, turns, seed), people), strict=True))
                killing.result()
            _drained(site)
            sinch.settle(60)
            (rows,) = site.rows("SELECT (SELECT count(*) FROM outbox), (SELECT count(*) FROM dead_letters)")
            assert sinch.problems == []
            return History(written, sinch.sent, receipts, kills, *rows)
        finally:
            done.set()
            site.stop()


def _watch(sinch: FakeSinch, receipts: dict[str, float], done: threading.Event) -> None:
    """When the first receipt of each message had been acknowledged."""
    known = 0
    while not done.wait(0.02):
        posted, now = sinch.posted, time.time()
        for each in posted[known:]:
            told = each.body.get("message_submit_notification") or each.body["message_delivery_report"]
            if each.status == 200:
                receipts.setdefault(told["message_id"], now)
        known = len(posted)


def _kill(site: Site, times: int, dice: random.Random) -> None:
    for _ in range(times):
        time.sleep(dice.uniform(0.2, 1.0))
        site.kill(dice.randrange(len(site.workers)))


def _chat(site: Site, turns: int, seed: int) -> Callable[[str], list[str]]:
    """One contact's messages, one after the other: some at once, some after an answer, some twice, old ones again."""

    def chat(who: str) -> list[str]:
        dice, past, said = random.Random(f"{seed} {who}"), [], []
        for number in range(turns + 1):
            said.append(f"{'slow' if dice.random() < 0.2 else 'word'} {number}")
            raw = orjson.dumps(site.sinch.bodies.inbound(bodies.text(said[-1]), "SMS", who, ""))
            past.append((raw, site.signed(raw)))
            _until_taken(site, past[-1])
            for each in dice.sample(past, dice.randrange(min(3, len(past)) + 1)):
                _until_taken(site, each)
            if dice.random() < 0.2:
                _answered(site, who, len(said))
        return said

    return chat


def _until_taken(site: Site, webhook: tuple[bytes, dict[str, str]]) -> None:
    for _ in range(100):
        if site.deliver(*webhook)[0] == 200:
            return
        time.sleep(0.1)
    raise AssertionError("a webhook was never acknowledged")


def _answered(site: Site, who: str, count: int) -> None:
    for _ in range(100):
        if sum(each.identity == who for each in site.sinch.sent) >= count:
            return
        time.sleep(0.05)


def _drained(site: Site, seconds: float = 120.0) -> None:
    until = time.monotonic() + seconds
    while site.rows("SELECT count(*) FROM outbox") != [(0,)]:
        assert time.monotonic() < until, site.rows("SELECT kind, attempts FROM outbox")
        time.sleep(0.1)


def test_the_history_tells_what_went_wrong() -> None:
    def told(*sent: tuple[str, str, float], receipts: dict[str, float] | None = None) -> list[int]:
        bodies = [{"message": {"text_message": {"text": text}}, "message_metadata": row} for row, text, _ in sent]
        who = {"identified_by": {"channel_identities": [{"channel": "SMS", "identity": ANNA}]}}
        times = [each[2] for each in sent]
        taken = [
            Record(f"m{n}", {**body, "recipient": who}, at)
            for n, (body, at) in enumerate(zip(bodies, times, strict=True))
        ]
        history = History({ANNA: ["word 0", "slow 1"]}, taken, receipts or {}, 1, 0, 0)
        found = history.lost(), history.disordered(), history.doubled(), history.unexcused()
        return [len(each) for each in found]

    hello, looked, asked = ("a", "0", 1.0), ("b", "looked for slow 1", 2.0), ("c", "1 slow 1", 3.0)
    assert told(hello, looked, asked) == [0, 0, 0, 0]
    assert told(hello, looked) == [1, 1, 0, 0]
    assert told(hello, asked, looked) == [0, 1, 0, 0]
    assert told(hello, looked, asked, ("d", "1 slow 1", 4.0)) == [0, 1, 0, 0]
    assert told(hello, ("a", "0", 5.0), looked, asked, receipts={"m0": 4.5}) == [0, 0, 1, 0]
    assert told(hello, ("a", "0", 5.0), looked, asked, receipts={"m0": 1.5}) == [0, 0, 1, 1]


def test_nothing_is_lost_doubled_or_out_of_order_while_workers_are_killed(tmp_path: Path) -> None:
    history = chats(tmp_path, contacts=20, turns=8, kills=5)
    assert history.lost() == []
    assert history.disordered() == []
    assert history.unexcused() == []
    assert len(history.doubled()) <= history.kills
    assert (history.left, history.letters) == (0, 0)
