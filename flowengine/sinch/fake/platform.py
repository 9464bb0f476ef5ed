"""The fake platform's memory: who may ask, what was taken, what is answered next. For any number of threads."""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flowengine.sinch.fake.checking import Fault, faults
from flowengine.sinch.fake.ids import Ids
from flowengine.sinch.fake.records import Callout, Event, Json, Patch, Problem, Record
from flowengine.sinch.fake.script import Accept, Place, Step
from flowengine.sinch.oauth import basic

T = TypeVar("T")
UNREAD = "is no JSON, or its Content-Type is not application/json"


@dataclass(frozen=True, slots=True)
class Account:
    """Whose platform it is. The secrets are made up and the same everywhere."""

    project: str = "0f1d2c3b-4a59-4687-9a0b-1c2d3e4f5a6b"
    key_id: str = "fake-key"
    key_secret: str = "fake-key-secret"
    app: str = "01FAKEAPP00000000000000000"
    webhook_secret: str = "fake-webhook-secret"
    voice_key: str = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
    voice_secret: str = "ZmFrZSB2b2ljZSBzZWNyZXQ="


@dataclass
class Platform:
    """``token_life`` is how many seconds an access token is good for, by ``clock`` (Unix time)."""

    account: Account
    ids: Ids
    clock: Callable[[], float]
    token_life: float = 3600.0
    sent: list[Record] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    callouts: list[Callout] = field(default_factory=list)
    patches: list[Patch] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    token_requests: int = 0
    listeners: list[Callable[[Any], None]] = field(default_factory=list)
    """Called with each record, event, callout, patch and problem, in the thread of its request."""
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.changed = threading.Condition()
        self._tokens: dict[str, float] = {}
        self._script: dict[Place, deque[Step]] = {}
        self._flaky: tuple[float, Step, random.Random] | None = None

    # --- who may ask ---------------------------------------------------------------------------------------

    def token(self) -> str:
        token = f"fake-token-{self.ids.new()}"
        with self.changed:
            self._tokens[token] = self.clock() + self.token_life
        return token

    def known_key(self, authorization: str) -> bool:
        return authorization == basic(self.account.key_id, self.account.key_secret)

    def admitted(self, authorization: str) -> str:
        """Nothing, or why not."""
        scheme, _, token = authorization.partition(" ")
        if self.known_key(authorization):
            return ""
        with self.changed:
            until = self._tokens.get(token, 0.0) if scheme.lower() == "bearer" else 0.0
        if not until:
            return "invalid"
        return "" if self.clock() < until else "expired"

    def expire_tokens(self) -> None:
        """From now on no token given so far is accepted."""
        with self.changed:
            self._tokens = dict.fromkeys(self._tokens, -1.0)

    # --- what is answered next -----------------------------------------------------------------------------

    def script(self, steps: Iterable[Step], at: Place) -> None:
        with self.changed:
            self._script.setdefault(at, deque()).extend(steps)

    def flaky(self, share: float, step: Step, seed: int) -> None:
        self._flaky = (share, step, random.Random(seed)) if share else None

    def step(self, at: Place) -> Step:
        with self.changed:
            self.token_requests += at == "token"
            if waiting := self._script.get(at):
                return waiting.popleft()
            if self._flaky and at == "send" and self._flaky[2].random() < self._flaky[0]:
                return self._flaky[1]
        return Accept()

    # --- what is taken -------------------------------------------------------------------------------------

    def check(self, request: str, body: Any) -> list[Fault]:
        """What is wrong with a body, None where it could not be read; kept as a problem."""
        found = [Fault("", UNREAD)] if body is None else faults(request, body)
        if found:
            sentence = "; ".join(map(str, found))
            self._add(self.problems, Problem(request, sentence, body))
        return found

    def take(self, body: Json) -> Record:
        return self._add(self.sent, Record(self.ids.new(), body, self.clock()))

    def take_event(self, body: Json) -> Event:
        return self._add(self.events, Event(self.ids.new(), body, self.clock()))

    def take_callout(self, body: Json, svaml: Json) -> Callout:
        return self._add(self.callouts, Callout(self.ids.new().lower(), body, svaml, self.clock()))

    def take_patch(self, call_id: str, svaml: Json) -> Patch:
        return self._add(self.patches, Patch(call_id, svaml, self.clock()))

    def _add(self, found: list[T], new: T) -> T:
        with self.changed:
            found.append(new)
            self.changed.notify_all()
        for listener in self.listeners:
            listener(new)
        return new
