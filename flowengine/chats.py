"""Conversations: webhooks in, messages into the outbox; one turn at a time, and each one write.

A webhook is acknowledged once what it says is on disk. A turn that asks nobody outside is made at once, in that same
write; one that does is left to a worker, and what comes after it in the conversation waits behind it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, NamedTuple

import orjson

from flowengine.callbacks import BadBody
from flowengine.engine import chat
from flowengine.engine.chat_turn import ChatTurn
from flowengine.engine.library import Library
from flowengine.engine.outcome import Effect as Wish
from flowengine.engine.outcome import NotTaken, Reacted
from flowengine.engine.person import Names, Person, contact_record, names_of, read_person
from flowengine.engine.quiet import end_of_quiet
from flowengine.engine.session import BadSession, Session, load
from flowengine.engine.talk import Talk
from flowengine.engine.world import World
from flowengine.heard import Heard
from flowengine.logs import told
from flowengine.messages.channels import is_phone
from flowengine.messages.consent import LONGEST, is_stop_class
from flowengine.stores.base import KEPT, Loaded, Record, StoreDown
from flowengine.turns import Attempt, Result, Turns
from flowengine.webhooks import Consent, Inbound, Link, Receipt, Webhook, dedupe_key, phone, read, talk_key
from flowengine.webhooks import Person as Known

LOG = logging.getLogger("flowengine")
BUDGET = 10.0
"""Seconds that the http steps of one turn may take in a worker."""
LANE = "wait/"
"""The lane in which what happens in a conversation waits for a worker."""
OVERTAKEN = 900.0
"""Seconds that a timer is held back by messages that came before it and are still with the workers."""
BEHIND = 5.0
"""Seconds until such a timer looks again."""
PAUSE = 60.0
"""Seconds after which a flow that found its contact busy tries again."""


class Happening(NamedTuple):
    """One thing that happens in a conversation: ``what`` the journal tells of it, and what it comes to.

    ``react`` is told the flows that the conversation runs on, and gives None where it is past: nothing is written.
    """

    what: Inbound | Link | Mapping[str, Any]
    react: Callable[[Library, Session, World, Person], Reacted | None]


class Deferred(Exception):
    """The turn asks somebody outside: a worker makes it."""


class Joined(Exception):
    """What is written to this address belongs to the conversation ``key``, which goes over several channels."""

    def __init__(self, key: str) -> None:
        super().__init__("the conversation goes over several channels")
        self.key = key


class Engaged(Exception):
    """Another flow is going on with the contact, or they are not to be disturbed before ``until`` (Unix seconds)."""

    def __init__(self, until: float) -> None:
        super().__init__("the contact is engaged")
        self.until = until


class Address(NamedTuple):
    """Whom a conversation is with. ``sender`` is the business's side, ``contact`` the platform's id, where known."""

    app: str
    channel: str
    identity: str
    scope: str = ""
    sender: str = ""
    contact: str = ""

    @property
    def key(self) -> str:
        return talk_key(self.app, self.channel, self.identity, self.scope)


@dataclass(slots=True)
class Chats(Turns[Session]):
    """``app`` is the one that is written from where nobody has written to one of ours."""

    app: str = ""

    def opened(self, data: bytes) -> Session:
        return load(data)

    def begun(self, key: str, now: float) -> Session:
        return Session(id=key, started=now)

    def runs_on(self, session: Session) -> Library:
        """A conversation in which no flow stands begins the next one with what is served now."""
        return Turns.runs_on(self, session) if chat.stands(session) else self.library

    def _attempt(self, loaded: Loaded, dedupe: str, replay: list[Any]) -> Attempt[Session]:
        """A session that cannot be read, of another version say, is begun anew; its journal goes on."""
        try:
            attempt = Turns._attempt(self, loaded, dedupe, replay)
            if attempt.session.id == loaded.key:
                return attempt
        except BadSession:
            pass
        self.counted("unreadable_session")
        sentence = "a conversation is begun anew: its session is not of this version"
        LOG.error(sentence, extra=told("unreadable_session"))
        attempt = Turns._attempt(self, loaded._replace(session=None), dedupe, replay)
        attempt.session.n = max((row.n for row in self.store.journal(loaded.key)), default=0)
        return attempt

    # --- webhooks ------------------------------------------------------------------------------------------

    def webhook(self, body: bytes) -> int:
        """One authentic webhook: the status of its answer. 200: what it says is on disk, or says nothing to us."""
        try:
            webhook = read(body)
        except BadBody as error:
            self.counted("bad_body")
            reason = error.reason
            return self._kept(lambda: self._unreadable(reason, body))
        return self._kept(lambda: self._told(webhook, body))

    def _kept(self, work: Callable[[], None]) -> int:
        try:
            work()
            return 200
        except StoreDown as error:
            self.counted("store_down")
            LOG.error("the store is down: %s", error, extra=told("store_down", on="webhook"))
        except Exception as error:
            self.counted("failed_turn")
            incident, name = token_hex(4), type(error).__name__
            extra = told("failed_turn", incident=incident, error=name, on="webhook")
            LOG.error("incident %s: %s in a webhook", incident, name, extra=extra)
        return 503

    def _unreadable(self, reason: str, body: bytes) -> None:
        self.store.dead_letter("webhook", reason, orjson.dumps({"bytes": len(body)}), self.clock())

    def _told(self, webhook: Webhook, body: bytes) -> None:
        dedupe = dedupe_key(webhook, body, self.app)
        part = webhook.inbound or webhook.link
        if part is not None and not (part.channel and part.identity):
            self.counted("webhook_of_nobody")
        elif part is not None:
            cause = {} if _stops(webhook) else {"cause": "webhook", "body": body.decode("utf-8", "replace")}
            address, happening = self._written_by(webhook)
            self._happens(address, dedupe, cause, happening, webhook.accepted)
        elif webhook.receipt is not None:
            self._receipt(webhook.receipt, dedupe)
        elif webhook.consent is not None:
            self._consented(webhook, webhook.consent, dedupe)
        elif webhook.person is not None:
            self._known(webhook.person)
        else:
            self.counted(f"webhook_{(webhook.event or webhook.trigger or 'unknown').lower()}")

    def _written_by(self, webhook: Webhook) -> tuple[Address, Happening]:
        """Who wrote, and what that comes to."""
        part: Inbound | Link | None = webhook.inbound or webhook.link
        assert part is not None
        sender = webhook.inbound.sender if webhook.inbound is not None else ""
        app = webhook.app or self.app
        address = Address(app, part.channel, part.identity, part.app_scoped, sender, part.contact_id)

        def happens(library: Library, session: Session, world: World, person: Person) -> Reacted:
            if webhook.inbound is not None:
                return chat.hear(library, session, webhook.inbound, world, person)
            assert webhook.link is not None
            return chat.follow_link(library, session, webhook.link, world, person)

        return address, Happening(part, happens)

    def _receipt(self, receipt: Receipt, dedupe: str) -> None:
        """A send that came back: its row is done, however it fared. What stood in it may be the question that waits."""
        row = receipt.metadata
        if self.store.arrived(row):
            self.counted("settled_by_receipt")
        if receipt.status != "FAILED":
            return
        self.counted("undelivered")
        self.undelivered(row, receipt.reason, dedupe)

    def undelivered(self, row: str, reason: str, dedupe: str = "") -> None:
        """A message will not reach its contact: ``failed`` where it was the question that stands."""
        key = row.partition(".")[0]
        if not self.store.load(key).session:
            return

        cause = {"cause": "failed", "row": row, "reason": reason}
        self._happens_in(key, dedupe, cause, self._failing(cause))

    def _failing(self, cause: Mapping[str, Any]) -> Happening:
        row, reason = cause["row"], cause["reason"]

        def happens(library: Library, session: Session, world: World, person: Person) -> Reacted | None:
            return chat.failed(library, session, row, reason, world, person)

        return Happening({"event": "receipt", "status": "FAILED", "reason": reason}, happens)

    def _consented(self, webhook: Webhook, consent: Consent, dedupe: str) -> None:
        if not consent.identity or not consent.succeeded:
            self.counted("consent_without_effect")
            return
        address = Address(webhook.app or self.app, consent.channel, consent.identity, "", "", consent.contact_id)

        def happens(library: Library, session: Session, world: World, person: Person) -> Reacted:
            return chat.platform_consent(library, session, consent.out, world, person)

        happening = Happening({"event": "consent", "out": consent.out}, happens)
        self._happens(address, dedupe, {}, happening, webhook.accepted)

    def _known(self, known: Known) -> None:
        """What the platform knows of a contact, kept where the number is one of ours."""
        for each in known.identities:
            number = phone(each.channel, each.identity)
            patch = {name: value for name, value in (("name", known.name), ("language", known.language)) if value}
            if patch:
                key = Address(self.app, each.channel, each.identity, each.app_scoped).key
                self.store.merge(Record(contact_record(number, key), orjson.dumps(patch)))

    # --- what others do ------------------------------------------------------------------------------------

    def event(self, key: str, name: str, data: Any) -> str:
        """An event from another program. Raises :class:`NotTaken`."""
        cause = {"cause": "event", "name": name, "data": data}
        return self._happens_in(key, "", cause, self._told_by_another(cause))

    def _told_by_another(self, cause: Mapping[str, Any]) -> Happening:
        name, data = cause["name"], cause["data"]

        def happens(library: Library, session: Session, world: World, person: Person) -> Reacted:
            return chat.outside(library, session, name, data, world, person)

        return Happening({"event": "outside", "name": name, "data": data}, happens)

    def begin(self, flow: str, address: Address, inputs: Mapping[str, Any], state: str = "", dedupe: str = "") -> str:
        """Begin a flow with somebody: ``start``, or ``later`` when they are engaged, ``skipped``, ``opted_out``."""
        cause = {"cause": "begin", "flow": flow, "inputs": dict(inputs), "state": state, "address": [*address]}
        return self._happens(address, dedupe, cause, self._beginning(cause), 0.0)

    def _beginning(self, cause: Mapping[str, Any]) -> Happening:
        program = self.library.programs[cause["flow"]]
        busy = program.image["busy"]

        def happens(library: Library, session: Session, world: World, person: Person) -> Reacted:
            address = Address(*cause["address"])
            person = self._person(session, Talk(address.app, address.channel, address.identity))
            if person.out:
                return Reacted("opted_out", chat.unchanged(session, world.at), source=session.place)
            quiet = end_of_quiet(program.image.get("quiet"), person.timezone, world.at)
            engaged = chat.stands(session) and not _paused(session) and busy != "replace"
            if engaged and busy == "skip":
                return Reacted("skipped", chat.unchanged(session, world.at), source=session.place)
            if quiet or engaged:
                raise Engaged(quiet or world.at + PAUSE)
            _meet(session, address)
            assert session.talk is not None
            session.talk.channels = _channels(session.talk.channel, program.image["channels"])
            return chat.begin(self.library, session, program.name, cause["state"], cause["inputs"], world, person)

        what = {"event": "start", "flow": program.name, "inputs": cause["inputs"], "channel": cause["address"][1]}
        return Happening({**what, "state": cause["state"]} if cause["state"] else what, happens)

    def woken(self, key: str) -> None:
        """The timer of a conversation, in a worker."""

        def happens(library: Library, session: Session, world: World, person: Person) -> Reacted | None:
            talk = session.talk
            assert talk is not None
            if talk.queued and talk.due and world.at - min(talk.due.values()) < OVERTAKEN:
                # What the contact wrote in time waits for a worker, and comes before the time is over.
                return Reacted("behind", chat.unchanged(session, world.at, BEHIND))
            return chat.wake(library, session, world, person)

        self._happens_in(key, "", None, Happening({"event": "timer"}, happens))

    def called(self, told: Mapping[str, Any]) -> None:
        """What a call came to that a conversation had placed, in a worker."""

        def happens(library: Library, session: Session, world: World, person: Person) -> Reacted | None:
            return chat.returned(library, session, told, world, person)

        what = {"event": "called", "outcome": told["outcome"], "result": told["result"]}
        self._happens_in(told["session"], "", None, Happening(what, happens))

    def carry(self, row: str, key: str, cause: Mapping[str, Any]) -> None:
        """What was left to a worker, once."""
        happening, address = self._happening(cause)

        def run(attempt: Attempt[Session]) -> Result:
            if address is not None and (attempt.session.talk is None or cause["cause"] != "begin"):
                _meet(attempt.session, address)
            talk = attempt.session.talk
            if talk is not None and not cause.get("later"):
                talk.queued = max(0, talk.queued - 1)
            try:
                result = self._turn(attempt, happening, None)
            except NotTaken:
                result = Result(kept=False)
            except Engaged as engaged:
                if cause.get("later"):
                    raise
                return _queued(attempt, cause, 0.0, engaged.until)
            # That nothing came of it must be written too: the conversation no longer waits for this row.
            return result if result.kept else _past(attempt)

        if self.once(key, f"row/{row}", run) is None:
            raise StoreDown("the conversation kept changing")

    def _happening(self, cause: Mapping[str, Any]) -> tuple[Happening, Address | None]:
        """What a row of the outbox says has happened, and with whom where that may not be known any more."""
        if cause["cause"] == "webhook":
            address, happening = self._written_by(read(cause["body"].encode()))
            return happening, address
        if cause["cause"] == "begin":
            return self._beginning(cause), Address(*cause["address"])
        if cause["cause"] == "failed":
            return self._failing(cause), None
        return self._told_by_another(cause), None

    # --- the turn ------------------------------------------------------------------------------------------

    def _happens(
        self, address: Address, dedupe: str, cause: Mapping[str, Any], happening: Happening, accepted: float
    ) -> str:
        """Something that names its conversation by an address, known to us or not."""
        key = address.key
        try:
            return self._run(key, dedupe, cause, happening, accepted, address, _names(address, key, key))
        except Joined as joined:
            return self._run(joined.key, dedupe, cause, happening, accepted, address, _names(address, key, joined.key))

    def _happens_in(self, key: str, dedupe: str, cause: Mapping[str, Any] | None, happening: Happening) -> str:
        """Something that happens in a conversation that there is; without a ``cause`` it cannot be left to a worker."""
        return self._run(key, dedupe, cause, happening, self.clock())

    def _run(
        self,
        key: str,
        dedupe: str,
        cause: Mapping[str, Any] | None,
        happening: Happening,
        accepted: float,
        address: Address | None = None,
        names: Names | None = None,
    ) -> str:
        """What it came to, in one word; ``again`` where it had come before. ``names`` are those of the address."""
        came: list[str] = []
        begins = (cause or {}).get("cause") == "begin"
        if begins:
            names = None  # the contact may be on another channel by now than the one that is named

        def run(attempt: Attempt[Session]) -> Result:
            if address is not None and (attempt.session.talk is None or not begins):
                _meet(attempt.session, address)
            result = self._turn(attempt, happening, cause, accepted, address is not None, names)
            came[:] = [result.event]
            return result

        records = (names.contact, names.talk) if names is not None else ()
        if self.once(key, dedupe, run, *records) is None:
            raise StoreDown("the conversation kept changing")
        return came[0] if came else "again"

    def _turn(
        self,
        attempt: Attempt[Session],
        happening: Happening,
        cause: Mapping[str, Any] | None,
        accepted: float = 0.0,
        addressed: bool = False,
        names: Names | None = None,
    ) -> Result:
        """``addressed``: the conversation was found by an address, which may be joined to another one.

        ``names`` are those of the contact where their records were read together with the session.
        """
        session, world = attempt.session, attempt.world
        talk = session.talk
        if talk is None:
            return Result(kept=False)
        if names is None:
            person = self._person(session, talk)
        else:
            person = read_person(names, talk.identity, *attempt.loaded.records)
        if addressed and person.joined not in ("", session.id):
            raise Joined(person.joined)
        if cause and talk.queued:
            return _queued(attempt, cause, accepted)
        world.budget = BUDGET
        world.before_outside = _defer if cause else _go_ahead
        if known := person.known():
            world.recorded.append(["contact", known])
        source, hidden = session.place, attempt.library.hidden(session) if attempt.library.hides else []
        attempt.heard = Heard(happening.what, session.flow, source)
        try:
            reacted = happening.react(attempt.library, session, world, person)
        except Deferred:
            assert cause is not None
            self._back(attempt, talk)
            return _queued(attempt, cause, accepted)
        except Engaged as engaged:
            if cause is None:
                raise
            return _queued(attempt, cause, accepted, engaged.until)
        except (StoreDown, NotTaken):
            raise
        except Exception as error:
            return self._broken(attempt, talk, error, source, hidden)
        if reacted is None:
            return Result(kept=False)
        return Result(reacted.event, reacted.source, reacted.outcome, hidden=hidden)

    def _person(self, session: Session, talk: Talk) -> Person:
        """Consent and window belong to the channel, also where one session goes over several."""
        names = _names(talk, talk_key(talk.app, talk.channel, talk.identity), session.id)
        return read_person(names, talk.identity, *self.store.read(names.contact, names.talk))

    def _back(self, attempt: Attempt[Session], talk: Talk) -> None:
        """The session as it was read: what the turn began to do is forgotten."""
        if attempt.loaded.session is not None:
            met = talk.app, talk.channel, talk.identity, talk.sender, talk.contact, talk.queued
            attempt.session = load(attempt.loaded.session)
            again = attempt.session.talk
            if again is not None:
                again.app, again.channel, again.identity, again.sender, again.contact, again.queued = met
        else:
            attempt.session = Session(id=attempt.loaded.key, started=attempt.now, n=attempt.session.n, talk=talk)

    def _broken(
        self, attempt: Attempt[Session], talk: Talk, error: Exception, source: str, hidden: list[str]
    ) -> Result:
        """The conversation ends with an apology, which needs nothing that could break too."""
        incident = token_hex(4)
        self.counted("failed_turn")
        flow = attempt.session.flow
        name = type(error).__name__
        extra = told("failed_turn", incident=incident, error=name, on="message", flow=flow, state=source)
        LOG.error("incident %s: %s in a conversation with %s at %s", incident, name, flow, source, extra=extra)
        self._back(attempt, talk)
        session = attempt.session
        assert session.talk is not None
        person = self._person(session, session.talk)
        turn = ChatTurn(attempt.library, session, attempt.world, attempt.library.program(flow), person)
        if not person.out:
            turn.phrase("apology")
        turn.end_conversation()
        return Result("error", source, turn.outcome(), incident=incident, error=error, hidden=hidden)


def _names(who: Address | Talk, own: str, session: str) -> Names:
    """Where what is known of somebody is kept: under the channel's ``own`` key where they have a number."""
    number = phone(who.channel, who.identity)
    return names_of(number, own if number else session)


def _meet(session: Session, address: Address) -> None:
    """Who they are, and where they wrote last."""
    if session.talk is None:
        session.talk = Talk(born=token_hex(4))
    talk = session.talk
    talk.app, talk.channel, talk.identity = address.app, address.channel, address.identity
    talk.channels = []
    talk.sender, talk.contact = address.sender or talk.sender, address.contact or talk.contact


def _queued(attempt: Attempt[Session], cause: Mapping[str, Any], accepted: float, due: float | None = None) -> Result:
    """Leave it to a worker: all that happens after it waits behind it, unless it is ``due`` only later."""
    session = attempt.session
    talk = session.talk
    assert talk is not None
    session.until = max(session.until, (due or attempt.now) + KEPT)
    if due is None:
        talk.queued += 1
        wish = Wish("turn", dict(cause), lane=LANE + session.id, rank=accepted)
    else:
        wish = Wish("turn", {**cause, "later": True}, due=due)
    outcome = chat.unchanged(session, attempt.now)._replace(effects=[wish])
    return Result("queued" if due is None else "later", session.place, outcome, told=False)


def _past(attempt: Attempt[Session]) -> Result:
    """Nothing came of it; what is due stays so."""
    outcome = chat.unchanged(attempt.session, attempt.now) if attempt.session.talk is not None else None
    return Result("past", attempt.session.place, outcome, told=False)


def _stops(webhook: Webhook) -> bool:
    """Whether it opts out, wherever the flow stands: that waits for nobody."""
    inbound = webhook.inbound
    if inbound is None or inbound.kind != "text" or len(inbound.text) > LONGEST:
        return False
    return is_stop_class(inbound.text)


def _paused(session: Session) -> bool:
    """Whether its time is over and it only waits for the contact to write again."""
    return session.talk is not None and session.talk.stale


def _channels(first: str, others: Sequence[str]) -> list[str]:
    """The channels that are tried, in order: where the contact is a number, all of the flow's that take one."""
    return [first, *(each for each in others if each != first and is_phone(each))] if is_phone(first) else [first]


def _defer() -> None:
    raise Deferred


def _go_ahead() -> None:
    return None
