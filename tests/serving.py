"""Flows as text → a service over a real store, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from flowengine.build import build, read_artefact, write_artefact
from flowengine.engine.library import open_library
from flowengine.fetch import Request, Response
from flowengine.service import Reply, Service
from flowengine.stores import open_store

NOON = 1763978400.0  # Mon 24 Nov 2025 10:00 UTC
KEY, SECRET = "test-key", "dGVzdCBzZWNyZXQ="


class Line:
    """A phone line under test: flows, a store, a clock and a server that answers as told."""

    def __init__(self, folder: Path, *flows: str, store: str = "memory:", env: Mapping[str, str] | None = None) -> None:
        flow_folder = folder / "flows"
        flow_folder.mkdir(exist_ok=True)
        for number, text in enumerate(flows):
            (flow_folder / f"flow{number}.yaml").write_text(text)
        built = build([str(flow_folder)])
        assert built.artefact is not None, "\n".join(f"{each.mark} {each.message}" for each in built.problems)
        artefact, revision = read_artefact(write_artefact(built))
        self.now = NOON
        self.asked: list[Request] = []
        self.reply = Response(200, {}, "")
        self.env = dict(env or {})
        self.library = open_library(artefact, revision, self.env, b"key")
        self.store = open_store(store)
        self.service = Service(self.library, self.store, self._ask, self.env, self._call, lambda: self.now)
        self.results: dict[str, Any] = {}

    def _ask(self, request: Request, budget: float) -> Response:
        self.asked.append(request)
        return self.reply

    def _call(self, name: str, arguments: Mapping[str, Any], timeout: float) -> Any:
        return self.library.functions[name](**arguments)

    def send(self, event: str, call: str = "call-1", **fields: Any) -> Any:
        """One callback; the answer as data, None where it is empty."""
        reply = self.post(event, call, **fields)
        assert reply.status == 200
        return orjson.loads(reply.body) if reply.body else None

    def post(self, event: str, call: str = "call-1", **fields: Any) -> Reply:
        body = {"event": event, "callid": call, "version": 1, "timestamp": f"{self.now:.0f}", **fields}
        return self.service.callback(orjson.dumps(body))

    def ice(self, to: str = "+12025550100", call: str = "call-1", cli: str = "12025550150", **fields: Any) -> Any:
        return self.send("ice", call, cli=cli, to={"type": "did", "endpoint": to}, **fields)

    def pie(self, kind: str, value: str = "", menu: str = "main", call: str = "call-1") -> Any:
        result = {"menuId": menu, "type": kind, "value": value, "inputMethod": "dtmf"}
        return self.send("pie", call, menuResult=result)

    def ace(self, status: str = "", call: str = "call-1", **fields: Any) -> Any:
        amd = {"amd": {"status": status, "reason": "", "duration": 1}} if status else {}
        return self.send("ace", call, **amd, **fields)

    def dice(self, call: str = "call-1", result: str = "ANSWERED", **fields: Any) -> Any:
        return self.send("dice", call, result=result, reason="CALLERHANGUP", duration=5, **fields)

    def session(self, key: str) -> Any:
        from flowengine.engine.session import load

        loaded = self.store.load(key)
        assert loaded.session is not None
        return load(loaded.session)

    def key(self, call: str = "call-1") -> str:
        from flowengine.callbacks import Callback, call_key

        return self.store.load(call_key(Callback(call_id=call))).key


def said(answer: Any) -> list[str]:
    """What a caller hears of an answer, in order."""
    return [each["text"] for each in answer.get("instructions", []) if each["name"] == "say"]
