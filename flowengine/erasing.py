"""Erasing a person: what they said, what was said to them, what is known of them, and what names them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from flowengine.build import BadArtefact, read_artefact
from flowengine.recorded.contact import Contact, is_with, of_letters, read, sessions
from flowengine.stores.base import Record, Store

PASSES = 5
"""Times that a store is looked through: somebody who goes on talking leaves something new each time."""

Rest = Callable[[Contact], Iterable[str]]
"""Finds keys of sessions that are gone, of which something that names the contact is left."""


@dataclass(slots=True)
class Found:
    """What there is of a contact. ``calls``, ``talks`` and ``naming`` are keys of sessions, the last of others.

    ``turns`` counts rows of journals, ``live`` the sessions that go on. ``rest`` are keys of sessions that are gone but
    for dead letters, answers and rows of the outbox. ``records`` are their own, ``patches`` take them out of others'.
    ``opted_out`` are records of conversations that they opted out of, as short as they can be.
    """

    calls: list[str] = field(default_factory=list)
    talks: list[str] = field(default_factory=list)
    naming: list[str] = field(default_factory=list)
    turns: int = 0
    live: int = 0
    rest: set[str] = field(default_factory=set)
    records: list[str] = field(default_factory=list)
    patches: list[Record] = field(default_factory=list)
    opted_out: list[Record] = field(default_factory=list)

    @property
    def sessions(self) -> list[str]:
        return [*self.calls, *self.talks, *self.naming]

    def __bool__(self) -> bool:
        return bool(self.sessions or self.rest or self.records or self.patches)


def look(store: Store, who: Contact, rest: Rest | None = None) -> Found:
    """What there is of them. Reads everything."""
    found = Found()
    for key in sessions(store, who):
        _sort(found, store, key, who)
    found.rest = (of_letters(store, who) | set(rest(who) if rest is not None else ())) - set(found.sessions)
    known = zip(who.records, store.read(*who.records), strict=True) if who.records else ()
    for name, document in known:
        if document is not None:
            found.records.append(name)
            told = orjson.loads(document)
            if told.get("out"):
                found.opted_out.append(Record(name, orjson.dumps({"out": True, "left": told.get("left", 0)})))
    found.patches = [Record(key, orjson.dumps(patch)) for key, patch in _named_in(store, who)]
    return found


def _sort(found: Found, store: Store, key: str, who: Contact) -> None:
    session = read(store, key)
    found.turns += len(store.journal(key))
    found.live += session is not None and not (session.ended and not session.place)
    if session is None or not is_with(session, who):
        found.naming.append(key)
    elif session.talk is None:
        found.calls.append(key)
    else:
        found.talks.append(key)


def _named_in(store: Store, who: Contact) -> Iterator[tuple[str, dict[str, Any]]]:
    """Records of others that name them, each with the patch that takes those values away."""
    for key, document in store.records(""):
        if key not in who.records and who.in_text(document.decode("utf-8", "replace")):
            yield key, _without(orjson.loads(document), who)


def _without(told: Mapping[str, Any], who: Contact) -> dict[str, Any]:
    patch: dict[str, Any] = {}
    for name, value in told.items():
        if not who.in_text(orjson.dumps({name: value}).decode()):
            continue
        patch[name] = _without(value, who) if isinstance(value, Mapping) and not who.in_text(name) else None
    return patch


def erase(store: Store, who: Contact, rest: Rest | None = None, keep_opt_out: bool = False) -> bool:
    """Erase all of it. False: something came anew each time it was looked for.

    ``keep_opt_out`` leaves that they opted out, under hashes of where they wrote from.
    """
    for _ in range(PASSES):
        found = look(store, who, rest)
        kept = {each.key for each in found.opted_out} if keep_opt_out else set()
        bare = {each.key: each.patch for each in found.opted_out}
        records = [key for key in found.records if key not in kept or store.record(key) != bare[key]]
        if not (found.sessions or found.rest or records or found.patches):
            return True
        for key in (*found.sessions, *sorted(found.rest), *who.keys):
            store.forget(key)
        for key in records:
            store.forget_record(key)
            if key in kept:
                store.merge(Record(key, bare[key]))
        for each in found.patches:
            store.merge(each)
    return False


def own_numbers(store: Store) -> dict[str, str]:
    """The numbers that flows answer, by their digits, each with the flow: those of every revision that is kept."""
    found: dict[str, str] = {}
    for each in store.revisions():
        data = store.artefact(each.hash)
        try:
            flows = read_artefact(data)[0]["flows"] if data is not None else {}
        except BadArtefact:
            continue
        for name, flow in flows.items():
            for kind, value, more in flow["triggers"]:
                to = value if kind == "to" else more.get("to") if isinstance(more, Mapping) else ""
                found |= {"".join(filter(str.isdigit, to or "")): name} if to else {}
    return found
