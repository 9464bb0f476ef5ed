"""A session goes on with the flows it began with, whatever is served meanwhile, and ends when nothing is heard."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from flowengine.build import build, write_artefact
from flowengine.callbacks import Callback, call_key
from flowengine.engine.library import Library, open_library
from flowengine.engine.session import Session, load
from flowengine.fetch import Response
from flowengine.service import Service
from flowengine.settings import Functions
from flowengine.shelf import Shelf
from flowengine.stores import Store, open_store
from flowengine.turns import CALL_LIFE, ENDED_LIFE
from flowengine.worker import Worker

KEY = b"key"
VOICE = """
flow: desk
channel: voice
triggers: [ { to: "+12025550100" } ]
start: main
states:
  main:
    menu: { prompt: FIRST, choices: { NAME: 1 } }
    on: { timeout: bye, invalidinput: bye }
  NAME: { function: { name: price, save: { p: "{{ result }}" } }, on: { ok: told, error: bye } }
  told: { say: "It is {{ p }}.", next: main }
  bye: { say: Goodbye., next: end }
variables: { p: { type: number, default: 0 } }
"""
CHAT = """
flow: visit
channel: message
triggers: [ { keywords: [visit] } ]
session: { expires: 3d }
start: ask
states:
  ask:
    ask: { prompt: FIRST, choices: { NAME: { label: NAME } } }
    on: { timeout: end, invalidinput: end, failed: end }
  NAME: { say: Thank you for NAME., next: end }
"""
FUNCTIONS = "from flowengine.functions import function\n\n\n@function\ndef price() -> int:\n    return PRICE\n"


class Deployment:
    """Processes that come and go on one store; every one serves its own flows."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.store, self.now = folder, open_store(url), 1_795_000_000.0
        self.call = "c1"

    def compiled(self, name: str, price: int, **replaced: str) -> tuple[Library, bytes]:
        folder = self.folder / f"{name}{price}"
        folder.mkdir()
        for file, text in {"desk.yaml": VOICE, "visit.yaml": CHAT}.items():
            text = text.replace("FIRST", f"This is {name}.").replace("NAME", name)
            (folder / file).write_text(text)
        (folder / "functions.py").write_text(FUNCTIONS.replace("PRICE", str(price)))
        built = build([str(folder)])
        assert built.artefact is not None, built.problems
        return open_library(built.artefact, built.revision, {}, KEY), write_artefact(built)

    def process(self, name: str, price: int = 1) -> Service:
        library, data = self.compiled(name, price)
        service = Service(library, self.store, lambda *_: Response(), {}, Functions(library), clock=lambda: self.now)
        shelf = Shelf(self.store, {}, KEY, Functions, (library.revision, data))
        shelf.keep(self.now)
        service.older = service.chats.older = shelf
        return service

    def post(self, service: Service, event: str, **fields: Any) -> str:
        self.now += 1
        body = {"event": event, "callid": self.call, "timestamp": f"t{self.now}", "version": 1, **fields}
        return service.callback(orjson.dumps(body)).body.decode()

    def ring(self, service: Service) -> str:
        return self.post(service, "ice", cli="+12025550142", to={"type": "did", "endpoint": "+12025550100"})

    def press(self, service: Service, value: str) -> str:
        return self.post(service, "pie", menuResult={"menuId": "main", "type": "return", "value": value})

    def write(self, service: Service, text: str) -> list[str]:
        self.now += 1
        message = {
            "id": f"M{self.now:.0f}",
            "direction": "TO_APP",
            "contact_message": {"text_message": {"text": text}},
            "channel_identity": {"channel": "SMS", "identity": "12025550150", "app_id": ""},
            "accept_time": "2026-11-24T10:00:00Z",
            "sender_id": "12025550199",
            "processing_mode": "DISPATCH",
        }
        body = {"app_id": "APP", "project_id": "p", "accepted_time": "2026-11-24T10:00:00Z", "message": message}
        assert service.chats.webhook(orjson.dumps(body)) == 200
        taken = self.store.take(self.now, 30.0)
        for each in taken:
            self.store.settle(each)
        return [orjson.loads(each.payload)["content"]["text"] for each in taken if each.kind == "send"]

    def session(self, key: str = "") -> Session:
        found = self.store.load(key or call_key(Callback(call_id=self.call))).session
        assert found is not None
        return load(found)


@pytest.fixture(params=["memory", "sqlite"])
def deployed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployment]:
    found = Deployment(tmp_path, "memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/flows.db")
    yield found
    found.store.close()


def test_a_call_goes_on_with_the_flow_it_began_with(deployed: Deployment) -> None:
    """The new flow has neither the state nor the choice, and its function says something else."""
    before, after = deployed.process("alpha", price=1), deployed.process("beta", price=2)
    assert "This is alpha." in deployed.ring(before)
    assert "It is 1." in deployed.press(after, "alpha")
    assert "This is alpha." in deployed.press(after, "alpha")
    assert after.counters == {}
    deployed.call = "c2"
    assert "This is beta." in deployed.ring(after)
    assert "It is 2." in deployed.press(after, "beta")


def test_an_old_process_plays_what_began_with_the_new_flows(deployed: Deployment) -> None:
    """During a deployment callbacks of one call reach both."""
    before, after = deployed.process("alpha", price=1), deployed.process("beta", price=2)
    deployed.ring(after)
    assert "It is 2." in deployed.press(before, "beta")


def test_a_process_takes_over_new_flows_while_it_runs(deployed: Deployment) -> None:
    service = deployed.process("alpha")
    deployed.ring(service)
    library, data = deployed.compiled("beta", 2)
    service.store.keep(library.revision, data, deployed.now)
    service.serve(library)
    assert "This is alpha." in deployed.press(service, "alpha")
    deployed.call = "c2"
    assert "This is beta." in deployed.ring(service)


def test_a_conversation_is_answered_as_it_was_asked_and_begins_anew_with_the_new_flow(deployed: Deployment) -> None:
    before, after = deployed.process("alpha"), deployed.process("beta")
    assert deployed.write(before, "visit") == ["This is alpha."]
    deployed.now += 2 * 86_400
    assert deployed.write(after, "alpha") == ["Thank you for alpha."]
    assert deployed.write(after, "visit") == ["This is beta."]
    assert deployed.write(before, "beta") == ["Thank you for beta."]


def test_flows_are_kept_as_long_as_a_session_runs_on_them(deployed: Deployment) -> None:
    before = deployed.process("alpha")
    deployed.ring(before)
    after = deployed.process("beta")
    worker = Worker(after, None)
    old, new = before.library.revision, after.library.revision
    counts = {each.hash: (each.sessions, each.live) for each in deployed.store.revisions()}
    assert counts == {old: (1, 1), new: (0, 0)}
    deployed.post(after, "dice", result="ANSWERED", reason="CALLERHANGUP", duration=1)
    assert {each.hash: each.live for each in deployed.store.revisions()}[old] == 0
    deployed.now += ENDED_LIFE + 86_400 + 10
    worker.service.look_after()
    worker.service.look_after()
    assert [each.hash for each in deployed.store.revisions()] == [new]


def test_flows_that_nobody_has_any_more_leave_the_call_to_those_served_now(deployed: Deployment) -> None:
    """As when somebody empties the store's artefacts by hand: an apology, never an exception."""
    before = deployed.process("alpha")
    deployed.ring(before)
    after = deployed.process("beta")
    after.older = after.chats.older = _Lost()
    assert "hangup" in deployed.press(after, "alpha")
    assert after.counters["unknown_revision"] > 0


class _Lost:
    def __call__(self, revision: str) -> None:
        return None

    def keep(self, now: float) -> None:
        return None


def test_a_damaged_artefact_is_none(deployed: Deployment) -> None:
    service = deployed.process("alpha")
    deployed.store.keep("damaged", b"no artefact", deployed.now)
    assert service.older("damaged") is None and service.older("unknown") is None


def test_a_call_whose_end_was_never_told_ends_once(deployed: Deployment) -> None:
    service = deployed.process("alpha")
    deployed.ring(service)
    deployed.now += CALL_LIFE + 60
    service.look_after()
    session = deployed.session()
    assert session.ended and session.over and session.call["result"] == "N/A"
    turns = len(deployed.store.journal(call_key(Callback(call_id="c1"))))
    service.look_after()
    assert deployed.post(service, "dice", result="ANSWERED", reason="CALLERHANGUP", duration=1) == ""
    assert len(deployed.store.journal(call_key(Callback(call_id="c1")))) <= turns + 1
    assert deployed.session().call["result"] == "N/A"


@pytest.mark.parametrize("late", [lambda deployed, service: deployed.press(service, "alpha")])
def test_what_comes_after_the_end_is_answered_and_changes_nothing(
    deployed: Deployment, late: Callable[[Deployment, Service], str]
) -> None:
    service = deployed.process("alpha")
    deployed.ring(service)
    deployed.now += CALL_LIFE + 60
    service.look_after()
    assert "hangup" in late(deployed, service)
    assert deployed.session().ended


def test_a_conversation_whose_timer_was_lost_ends(deployed: Deployment) -> None:
    service = deployed.process("alpha")
    deployed.write(service, "visit")
    for _ in range(3):
        for timer in deployed.store.due(deployed.now + 30 * 86_400, 1.0):
            deployed.store.fired(timer)
    deployed.now += 30 * 86_400
    service.look_after()
    assert deployed.write(service, "visit") == ["This is alpha."]


def journaled(store: Store, key: str) -> list[Mapping[str, Any]]:
    return [orjson.loads(each.body) for each in store.journal(key)]


def test_the_journal_names_the_revision_that_played_the_turn(deployed: Deployment) -> None:
    before, after = deployed.process("alpha"), deployed.process("beta")
    deployed.ring(before)
    deployed.press(after, "alpha")
    rows = deployed.store.journal(call_key(Callback(call_id="c1")))
    assert {each.revision for each in rows} == {before.library.revision}
