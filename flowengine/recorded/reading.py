"""The journal of one call or conversation, found by what people have of it at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from flowengine.callbacks import Callback, call_key
from flowengine.problems import listed
from flowengine.stores.base import JournalRow, Store

SHORTEST = 6
"""Characters of a key that name a session, where no other begins with them."""
_SHOWN = 12


class NotFound(Exception):
    """No session, or several: one sentence with what to do."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One turn, as the journal has it: numbers are hashes, what is sensitive is ``****``.

    ``at`` is in Unix seconds, UTC. ``event`` came at the state ``source`` (empty: none waited) and led over ``path``
    to ``target`` (empty: nothing waits any more) of ``flow``. ``heard`` is what came, with its own ``event``.
    ``because`` are the guards that were asked: line, source, whether it was true. ``recorded`` is what servers,
    functions and chance gave, and what was known of the contact: who asked, and what came back. ``answer`` is SVAML,
    ``said`` the words of the messages that were sent. ``root`` is the flow that plays ``flow``, where one does.
    ``incident`` is the number under which the log has what broke the turn.
    """

    n: int
    at: float
    flow: str
    event: str
    source: str
    target: str
    revision: str
    heard: Mapping[str, Any] = field(default_factory=dict)
    path: Sequence[str] = ()
    because: Sequence[tuple[int, str, bool]] = ()
    changes: Mapping[str, Any] = field(default_factory=dict)
    effects: Sequence[str] = ()
    notes: Sequence[tuple[str, str]] = ()
    recorded: Sequence[tuple[str, Any]] = ()
    answer: Mapping[str, Any] | None = None
    incident: str = ""
    said: Sequence[str] = ()
    root: str = ""

    @property
    def begun(self) -> str:
        """The flow that plays the one it stands in, or is it."""
        return self.root or self.flow


def history(store: Store, key: str) -> list[Recorded]:
    """Every turn of a session, in order."""
    return [read_row(row) for row in store.journal(key)]


def read_row(row: JournalRow) -> Recorded:
    told = orjson.loads(row.body)
    return Recorded(
        *row[:7],
        heard=told.get("heard", {}),
        path=tuple(told.get("path", ())),
        because=tuple((line, source, true) for line, source, true in told.get("because", ())),
        changes=told.get("changes", {}),
        effects=tuple(told.get("effects", ())),
        notes=tuple((kind, text) for kind, text in told.get("notes", ())),
        recorded=tuple((asker, value) for asker, value in told.get("recorded", ())),
        answer=told.get("answer"),
        incident=told.get("incident", ""),
        said=tuple(told.get("said", ())),
        root=told.get("root", ""),
    )


def find(store: Store, name: str, *applications: str) -> str:
    """The key of a session by a call id, its own key, or how its key begins. Raises :class:`NotFound`.

    ``applications`` are the keys that may have signed the callbacks of the call; an empty one is always tried, as
    where signatures are not checked.
    """
    keys = [name, *(call_key(Callback(call_id=name), each) for each in dict.fromkeys([*applications, ""]))]
    for key in keys:
        loaded = store.load(key)
        if loaded.session is not None:
            return loaded.key
    found = store.keys(name, 2) if len(name) >= SHORTEST else []
    if len(found) > 1:
        raise NotFound(f'"{name}" begins several keys, {listed([_short(each) for each in found])}; type more of it')
    if not found:
        raise NotFound(_unknown(name))
    return found[0]


def _short(key: str) -> str:
    return f"{key[:_SHOWN]}…" if len(key) > _SHOWN else key


def _unknown(name: str) -> str:
    short = f", of which at least {SHORTEST} characters are needed" if len(name) < SHORTEST else ""
    return (
        f'the store knows no call or conversation "{name[:64]}"; expected a call id or a session\'s key{short}. '
        "Ended ones are forgotten after a day"
    )
