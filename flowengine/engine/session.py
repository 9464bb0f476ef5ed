"""What is remembered of one call or conversation between its turns, as JSON that orjson writes and reads."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any

import orjson

from flowengine.engine.talk import Talk

VERSION = 1


class BadSession(Exception):
    """The stored bytes are not a session of this version."""


@dataclass(slots=True)
class Session:
    """``place`` is the state that waits (empty: none), ``pos`` the position its answer had.

    ``frames`` are the flows that play the current one, outermost first. ``back`` are the menus gone through, the
    current one last. ``armed`` maps ``recording`` and ``amd`` to ``[flow, state]``. ``until`` is when a wait is
    over; ``over`` that the call is, ``timed`` that a timer is set. ``pending`` is the change of the live call that
    is being made, as JSON. ``visits`` and ``retries`` count by flow. ``talk`` is there in a conversation and in no
    call; ``told`` names the conversation that placed this call and wants to know what it came to. ``person`` is
    the key of what is kept of the one at the other end of a call, where some flow asks for it, and ``known`` their
    name, language, time zone and tags.
    """

    v: int = VERSION
    id: str = ""
    rev: str = ""
    flow: str = ""
    place: str = ""
    pos: str = "I"
    lang: str = ""
    n: int = 0
    started: float = 0.0
    until: float = 0.0
    ended: bool = False
    over: bool = False
    timed: bool = False
    pending: str = ""
    vars: dict[str, Any] = field(default_factory=dict)
    call: dict[str, Any] = field(default_factory=dict)
    visits: dict[str, dict[str, int]] = field(default_factory=dict)
    retries: dict[str, int] = field(default_factory=dict)
    draws: dict[str, str] = field(default_factory=dict)
    armed: dict[str, list[Any]] = field(default_factory=dict)
    back: list[str] = field(default_factory=list)
    frames: list[dict[str, Any]] = field(default_factory=list)
    inbox: list[list[Any]] = field(default_factory=list)
    contact: dict[str, Any] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)
    person: str = ""
    known: dict[str, Any] = field(default_factory=dict)
    talk: Talk | None = None

    @property
    def durable(self) -> bool:
        """What was written to us was acknowledged and must not be lost; a call that a power cut ends is over."""
        return self.talk is not None

    def dump(self) -> bytes:
        """A JSON array, the version first: half the time and size of an object."""
        row = _row(self)
        return orjson.dumps(row if self.talk is None else (*row[:-1], _talk_row(self.talk)))


_row = attrgetter(*(each.name for each in fields(Session)))
_talk_row = attrgetter(*(each.name for each in fields(Talk)))


def load(data: bytes) -> Session:
    """Raises :class:`BadSession`."""
    try:
        row = orjson.loads(data)
        if row[0] == VERSION:
            session = Session(*row)
            if session.talk is not None:
                session.talk = Talk(*session.talk)  # type: ignore[misc]  # as JSON has it
            return session
    except (orjson.JSONDecodeError, LookupError, TypeError):
        pass
    raise BadSession("the stored session is not of this version")


def begun_anew(session: Session, flow: str, revision: str) -> None:
    """A flow begins in a conversation; what was going on in it is forgotten."""
    session.flow, session.rev, session.place, session.until = flow, revision, "", 0.0
    session.ended = session.over = False
    session.vars, session.visits, session.retries, session.draws, session.armed = {}, {}, {}, {}, {}
    session.back, session.frames, session.inbox = [], [], []
    talk = session.talk
    assert talk is not None
    talk.due, talk.options, talk.marks, talk.burst, talk.stale = {}, [], {}, [], False


def new_call(call_id: str = "") -> dict[str, Any]:
    """The ``call.`` facts of a call that has just begun."""
    return {
        "id": call_id,
        "cli": "",
        "cli_known": False,
        "to": "",
        "domain": "",
        "answered": False,
        "result": "",
        "reason": "",
        "duration": 0,
        "custom": "",
        "headers": {},
        "url": "",
    }
