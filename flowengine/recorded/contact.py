"""One person, and everything that is kept about them: found by their number, or by how a channel names them.

Sessions hold numbers as they came and are found by these; a journal holds keyed hashes, by which it is found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from flowengine.engine.person import contact_record, talk_record
from flowengine.engine.session import BadSession, Session, load
from flowengine.messages.channels import PHONE_CHANNELS
from flowengine.numbers import e164, spellings
from flowengine.stores.base import Store
from flowengine.webhooks import phone, talk_key

MOST = 10_000
"""Dead letters that are looked through."""

Digest = Callable[[str], str]


class NoContact(Exception):
    """What was given names nobody: one sentence with what to do."""


@dataclass(frozen=True, slots=True)
class Contact:
    """``number`` is in E.164, empty for somebody who is known by none; ``identity`` is how a channel names them.

    ``written`` is how that may stand in what is kept, ``hashes`` what stands for it in a journal. ``keys`` are those
    that conversations with them have, ``records`` those of what outlives conversations.
    """

    number: str
    identity: str
    written: tuple[str, ...]
    hashes: tuple[str, ...]
    keys: tuple[str, ...]
    records: tuple[str, ...]

    @property
    def shown(self) -> str:
        """Who it is, for a screen: the last three characters."""
        whole = self.number or self.identity
        return f"{whole[:1] if self.number else ''}…{whole[-3:]}"

    def in_text(self, text: str) -> bool:
        """Whether the text names them: by no part of a longer number."""
        return any(each in text for each in self.hashes) or any(
            self._stands_alone(text, each) for each in self.written if each in text
        )

    def _stands_alone(self, text: str, written: str) -> bool:
        if self.number:
            return re.search(rf"(?<![0-9])(?<![0-9]\.){re.escape(written)}(?![0-9])", text) is not None
        return True

    @property
    def wanted(self) -> tuple[str, ...]:
        """The texts to search for: whatever has one of ``written`` or ``hashes`` has one of these."""
        shortest = [each for each in self.written if not any(each != other and other in each for other in self.written)]
        return *shortest, *self.hashes


def contact(store: Store, number: str, channel: str, identity: str, apps: Sequence[str], digest: Digest) -> Contact:
    """Whom a number names, or an identity on a channel. Raises :class:`NoContact`.

    ``apps`` are the Conversation apps that they may have written to; ``digest`` makes the hashes of the journal.
    """
    if not number and phone(channel, identity):
        number = phone(channel, identity)
    if number:
        return _of_number(store, number, apps, digest)
    if not channel or not identity:
        raise NoContact("a contact without a number is named by channel and identity together")
    keys = tuple(talk_key(app, channel, identity) for app in dict.fromkeys(apps))
    # As it stands in a session: nobody else's longer identity begins with it.
    return _complete(store, Contact("", identity, (orjson.dumps(identity).decode(),), (), keys, ()))


def _of_number(store: Store, number: str, apps: Sequence[str], digest: Digest) -> Contact:
    plain = e164(number)
    if plain is None:
        raise NoContact('the number is no phone number in E.164; write it with + and the country, as in "+12025550150"')
    written = spellings(plain)
    hashes = tuple(f"~{digest(each)}" for each in written if each.isdigit())
    keys = tuple(talk_key(app, channel, plain) for app in dict.fromkeys(apps) for channel in sorted(PHONE_CHANNELS))
    return _complete(store, Contact(plain, "", written, hashes, keys, (contact_record(plain),)))


def _complete(store: Store, known: Contact) -> Contact:
    """With the conversations that records name: of other apps, and those that go over several channels."""
    keys, records = dict.fromkeys(known.keys), dict.fromkeys(known.records)
    grows = -1
    while grows != len(keys) + len(records):
        grows = len(keys) + len(records)
        if not known.number:
            records |= dict.fromkeys(contact_record("", key) for key in keys)
        records |= dict.fromkeys(talk_record(key) for key in keys)
        for document in store.read(*records):
            told = orjson.loads(document) if document else {}
            keys |= dict.fromkeys([*told.get("talks", {}), *([told["session"]] if told.get("session") else [])])
    return Contact(known.number, known.identity, known.written, known.hashes, tuple(keys), tuple(records))


def sessions(store: Store, who: Contact) -> Iterator[str]:
    """Own keys of the sessions that are with them or name them, each once, in no order. Reads everything."""
    told: set[str] = set()
    for key in who.keys:
        loaded = store.load(key)
        if loaded.session is not None and loaded.key not in told:
            told.add(loaded.key)
            yield loaded.key
    for text in who.wanted:
        for key in store.search(text):
            if key not in told and _names(store, key, who):
                told.add(key)
                yield key


def _names(store: Store, key: str, who: Contact) -> bool:
    session = store.load(key).session
    if session is not None and who.in_text(session.decode("utf-8", "replace")):
        return True
    return any(who.in_text(row.body.decode("utf-8", "replace")) for row in store.journal(key))


def is_with(session: Session, who: Contact) -> bool:
    """Whether they are at the other end of it, and not only named in it."""
    if session.talk is not None:
        return session.id in who.keys or (session.talk.identity or "-") in (who.identity, who.number[1:])
    call: dict[str, Any] = session.call
    ends = {str(call.get("cli") or ""), str(call.get("to") or ""), str(session.known.get("number") or "")}
    return bool(who.number) and (who.number in ends or session.person in who.records)


def read(store: Store, key: str) -> Session | None:
    """The session, or None where there is none that can be read."""
    data = store.load(key).session
    try:
        return load(data) if data is not None else None
    except BadSession:
        return None


def of_letters(store: Store, who: Contact) -> set[str]:
    """Keys of sessions, most of them long gone, whose dead letters name them or are of conversations with them."""
    return {
        each.session
        for each in store.letters(MOST)
        if each.session
        and (each.session in who.keys or who.in_text(f"{each.reason} {each.payload.decode('utf-8', 'replace')}"))
    }
