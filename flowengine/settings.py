"""What the environment says: one place that reads it, so that nothing is decided twice."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any

from flowengine import metrics, spans
from flowengine.breaker import Breaker
from flowengine.engine.library import Library, open_library
from flowengine.fetch import Fetcher
from flowengine.problems import did_you_mean
from flowengine.service import Service
from flowengine.shelf import Shelf
from flowengine.sinch.credentials import Credentials, Misconfigured, must_check, verifier
from flowengine.sinch.signing import Verifier
from flowengine.sinch.webhook_signing import SECRET as WEBHOOK_SECRET
from flowengine.sinch.webhook_signing import Verifier as WebhookVerifier
from flowengine.sinch.webhook_signing import webhook_verifier
from flowengine.slots import Slots
from flowengine.stores import open_store
from flowengine.stores.base import Store
from flowengine.units import seconds

HOUR = 3600.0
LEASE = 30.0
"""Seconds that a worker has for a row of the outbox before another one may take it."""
DEFAULT_STORE = "sqlite:///var/flowengine.db"
KNOWN = (
    "FLOWENGINE_FLOWS",
    "FLOWENGINE_STORE",
    "FLOWENGINE_TOKEN",
    "FLOWENGINE_ENV",
    "FLOWENGINE_ARTEFACT",
    "FLOWENGINE_HTTP_INTERNAL",
    "FLOWENGINE_VOICE_URL",
    "FLOWENGINE_CONVERSATION_URL",
    "FLOWENGINE_AUTH_URL",
    "FLOWENGINE_PUBLIC_PREFIX",
    "FLOWENGINE_WORKERS",
    "FLOWENGINE_LEASE",
    "FLOWENGINE_DEBUG",
    "FLOWENGINE_LOG",
    "FLOWENGINE_METRICS",
    "FLOWENGINE_METRICS_TOKEN",
    "FLOWENGINE_METRICS_PORT",
)


class Refusal(Exception):
    """The process must not start like this: one sentence, and what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """``prefix`` is what a proxy strips from the public path before it reaches us."""

    flows: str
    artefact: str
    store: str
    token: str
    development: bool
    prefix: str
    workers: int
    verifier: Verifier | None

    @staticmethod
    def read(env: Mapping[str, str]) -> Settings:
        """Raises :class:`Refusal` for an unknown name or an unusable value."""
        for name in env:
            if name.startswith("FLOWENGINE_") and name not in KNOWN:
                hint = did_you_mean(name, KNOWN) or "; see docs/running.md"
                raise Refusal(f"the environment variable {name} means nothing here{hint}")
        try:
            checked = verifier(env)
        except Misconfigured as error:
            raise Refusal(str(error)) from None
        workers = env.get("FLOWENGINE_WORKERS") or "2"
        if not workers.isdigit() or int(workers) < 1:
            raise Refusal(f"FLOWENGINE_WORKERS is {workers!r}; expected a number such as 2")
        lease(env)
        return Settings(
            flows=env.get("FLOWENGINE_FLOWS") or "flows",
            artefact=env.get("FLOWENGINE_ARTEFACT", ""),
            store=env.get("FLOWENGINE_STORE") or DEFAULT_STORE,
            token=env.get("FLOWENGINE_TOKEN", ""),
            development=env.get("FLOWENGINE_ENV") == "development",
            prefix=env.get("FLOWENGINE_PUBLIC_PREFIX", "").rstrip("/"),
            workers=int(workers),
            verifier=checked,
        )


def lease(env: Mapping[str, str]) -> float:
    """Seconds that a worker has for a row. Raises :class:`Refusal`."""
    text = env.get("FLOWENGINE_LEASE", "").strip()
    try:
        found = seconds(text) if text else LEASE
    except ValueError as error:
        raise Refusal(f"FLOWENGINE_LEASE: {error}") from None
    if not 1 <= found <= HOUR:
        raise Refusal("FLOWENGINE_LEASE is shorter than 1s or longer than 1h; 30s is usual")
    return found


def webhook_checks(library: Library, env: Mapping[str, str]) -> tuple[bool, WebhookVerifier | None]:
    """Whether Conversation webhooks are answered, and what checks them. Raises :class:`Refusal`.

    They are where a flow is made of messages, and where a secret is set: receipts of what calls send come too.
    """
    talks = any(program.channel == "message" for program in library.programs.values())
    if not talks and not env.get(WEBHOOK_SECRET, "").strip():
        return False, None
    try:
        return True, webhook_verifier(env)
    except Misconfigured as error:
        raise Refusal(str(error)) from None


def application(env: Mapping[str, str]) -> str:
    """The application key that callbacks are filed under: empty where signatures are not checked."""
    credentials = Credentials.from_env(env) if must_check(env) else None
    return credentials.keys[0][0] if credentials is not None else ""


def journal_key(env: Mapping[str, str]) -> bytes:
    """The key of the hashes that stand for numbers, the same in every process of an application."""
    return blake2b((env.get("VOICE_APPLICATION_SECRET") or "development").encode(), digest_size=32).digest()


def artefact_bytes(settings: Settings) -> bytes:
    """The artefact: a file, or the flows compiled by a child process, so that no checker is loaded here."""
    if settings.artefact:
        with open(settings.artefact, "rb") as file:
            return file.read()
    command = [sys.executable, "-P", "-m", "flowengine.build", settings.flows]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise Refusal(f"the flows cannot be served: {said[-1] if said else 'the compiler failed'}")
    return done.stdout


def open_flows(settings: Settings, env: Mapping[str, str], store: Store) -> tuple[Library, bytes]:
    """The flows to serve, and the artefact they were read from."""
    from flowengine.build import BadArtefact, read_artefact

    try:
        data = artefact_bytes(settings)
        artefact, revision = read_artefact(data)
    except (BadArtefact, OSError) as error:
        raise Refusal(f"{settings.artefact or settings.flows}: {error}") from None
    return open_library(artefact, revision, env, journal_key(env)), data


class Functions:
    """Runs the functions of ``functions.py`` within their time. A late one is left to itself, its result unused."""

    def __init__(self, library: Library) -> None:
        self.known: Mapping[str, Callable[..., Any]] = library.functions
        self.slots = Slots("function")

    def __call__(self, name: str, arguments: Mapping[str, Any], timeout: float) -> Any:
        return self.slots.run(partial(self.known[name], **arguments), timeout)


def settle_memory() -> None:
    """Compiled flows live as long as the process: no collection need walk them again, and none need come often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def open_service(library: Library, store: Store, env: Mapping[str, str]) -> Service:
    try:
        fetcher = Fetcher.from_env(env)
    except ValueError as error:
        raise Refusal(str(error)) from None
    if any(program.asks for program in library.programs.values()):
        fetcher.warm_up()
    return Service(library, store, fetcher, env, Functions(library))


Opened = Callable[[Settings, Mapping[str, str], Store], tuple[Library, bytes]]
"""Finds the flows to serve, and the artefact they were read from."""


def open_all(env: Mapping[str, str], workers: int = 1, flows: Opened = open_flows) -> tuple[Settings, Service]:
    """Settings, flows and store, ready to serve. Raises :class:`Refusal`."""
    from flowengine.stores.base import StoreDown, StoreRefused

    settings = Settings.read(env)
    try:
        store = open_store(settings.store, workers)
    except (StoreRefused, StoreDown) as error:
        raise Refusal(str(error)) from None
    if store.shared:  # one that lives in this process cannot be away
        store = Breaker(store)
    try:
        library, data = flows(settings, env, store)
    except StoreDown as error:
        raise Refusal(str(error)) from None
    service = open_service(library, store, env)
    shelf = Shelf(store, env, journal_key(env), Functions, (library.revision, data))
    service.older = service.chats.older = shelf
    try:
        shelf.keep(service.clock())
    except StoreDown as error:
        raise Refusal(str(error)) from None
    return settings, service


def watch(service: Service, env: Mapping[str, str]) -> None:
    """Count what it does, and tell of it in spans, where that is wanted: for processes that serve. Raises Refusal."""
    try:
        wanted = metrics.wanted(env)
    except ValueError as error:
        raise Refusal(str(error)) from None
    if wanted:
        from flowengine.metrics.exposing import instrument

        instrument(service, env)
    if spans.set_up(env):
        service.heeds(spans.spans())
