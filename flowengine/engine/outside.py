"""Steps that ask somebody else: http and functions, their time, their secrets, and what is kept of the reply."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from secrets import token_hex
from time import monotonic
from typing import TYPE_CHECKING, Any

import orjson

from flowengine import prompts
from flowengine.engine.outcome import TurnFailed
from flowengine.engine.world import World
from flowengine.expressions import EvaluationFailed
from flowengine.fetch import Request
from flowengine.filters import printed
from flowengine.linking import fill
from flowengine.values import BadValue

if TYPE_CHECKING:
    from flowengine.engine.turn import Turn

Save = list[tuple[str, Any]]
LEAST = 0.01
"""Seconds without which a step is not worth beginning."""


class Named(dict[str, str]):
    """``secret.NAME`` in a request that is sent later: the name, told apart from all text by a nonce.

    Only the names go to the store; :func:`put_in` puts the values in as the request leaves.
    """

    def __init__(self, known: Mapping[str, str], nonce: str) -> None:
        super().__init__()
        self.known, self.nonce = known, nonce

    def get(self, key: str, default: Any = None) -> Any:
        return f"{{secret:{self.nonce}:{key}}}" if self.known.get(key) else default


def put_in(text: str, nonce: str, known: Mapping[str, str]) -> str:
    """JSON text with the values of the secrets it names."""
    first, *rest = text.split(f"{{secret:{nonce}:")
    for part in rest:
        name, _, after = part.partition("}")
        first += orjson.dumps(known.get(name, "")).decode()[1:-1] + after
    return first


def ask_server(turn: Turn, op: Mapping[str, Any]) -> str:
    """An http step: ``ok`` or ``error``."""
    turn.fact("response", _seen("", 0))
    later = op.get("wait") is False
    nonce = token_hex(8) if later else ""
    try:
        request = _request(turn, op, Named(turn.world.secrets, nonce) if later else turn.world.secrets)
    except (BadValue, ValueError, EvaluationFailed):
        turn.note("http", "the request could not be written: a secret or value it names is missing")
        return "error"
    if later:
        turn.effect("http", {"request": asdict(request), "nonce": nonce})
        return "ok"
    left = _time_left(turn, op)
    if left <= LEAST:
        return "error"
    turn.world.before_outside()
    status, data, failure, took = turn.world.once(_named("http", turn), lambda: _asked(turn.world, request, left))
    turn.spent += took
    turn.fact("response", _seen(data, status))
    if failure or not 200 <= status < 300:
        turn.note("http", failure or f"status {status}")
        return "error"
    return save(turn, op["save"])


def ask_function(turn: Turn, op: Mapping[str, Any]) -> str:
    """A function step: ``ok`` or ``error``."""
    arguments = turn.value(op["with"]) if "with" in op else {}
    left = _time_left(turn, op)
    if left <= LEAST:
        return "error"
    turn.world.before_outside()
    result, failure, took = turn.world.once(
        _named("function", turn), lambda: _called(turn.world, op["name"], arguments, left)
    )
    turn.spent += took
    if failure:
        turn.note("function", failure)
        return "error"
    turn.fact("result", result)
    return save(turn, op["save"])


def save(turn: Turn, wanted: Save) -> str:
    """``save``: a missing path is the variable's default, without one an ``error``; a wrong type too."""
    for name, item in wanted:
        try:
            value = turn.value(item)
        except EvaluationFailed:
            if name not in turn.program.defaults:
                turn.note("save", f"nothing came for {name}")
                return "error"
            value = turn.program.defaults[name]
        try:
            turn.store(name, value)
        except TurnFailed:
            turn.note("save", f"what came for {name} is not of its type")
            return "error"
    return "ok"


def _named(kind: str, turn: Turn) -> str:
    return f"{kind} {turn.program.name}.{turn.state}"


def _time_left(turn: Turn, op: Mapping[str, Any]) -> float:
    left = float(min(op["timeout"], turn.world.budget - turn.spent))
    if left <= LEAST:
        turn.note("budget", "the time of the turn for steps outside is spent")
    return left


def _request(turn: Turn, op: Mapping[str, Any], secrets: Mapping[str, str]) -> Request:
    scope = {**turn.scope, "secret": secrets}

    def pairs(name: str) -> tuple[tuple[str, str], ...]:
        filled = fill(op[name], scope) if name in op else {}
        return tuple((key, prompts.clean(printed(value))) for key, value in filled.items())

    body = fill(op["json"], scope) if "json" in op else None
    url = str(fill(op["url"], scope))
    return Request(op["method"], url, pairs("headers"), pairs("query"), body, pairs("form"), op["timeout"])


def _asked(world: World, request: Request, budget: float) -> list[Any]:
    response, took = _timed(lambda: world.ask(request, min(budget, world.by - monotonic())))
    return [response.status, response.data, response.failure, took]


def _called(world: World, name: str, arguments: Mapping[str, Any], timeout: float) -> list[Any]:
    began = monotonic()
    try:
        # Only what JSON can say may be remembered: a set or half a character would break the turn later.
        returned = world.call(name, arguments, min(timeout, world.by - began))
        return [orjson.loads(orjson.dumps(returned)), "", round(monotonic() - began, 6)]
    except Exception as error:
        return [None, f"{name} raised {type(error).__name__}", round(monotonic() - began, 6)]


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = monotonic()
    return work(), round(monotonic() - began, 6)


def _seen(data: Any, status: int) -> Any:
    """``response``: the fields of a JSON object, else the whole as ``body``; always with its ``status``."""
    if isinstance(data, dict):
        return {**data, "status": data.get("status", status)}
    return {"body": data, "status": status}
