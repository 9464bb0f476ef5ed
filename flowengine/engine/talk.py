"""What a session remembers of a conversation, beside what every session remembers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Talk:
    """Who writes over which channel, and the question that stands.

    ``channels`` are tried in order where we write first. ``identity`` is the contact as the channel names them,
    ``contact`` their id in CONVERSATION mode, ``sender`` the business number they wrote to. ``born`` makes the ids of
    sends unlike those of a conversation that was forgotten. Times are Unix seconds: ``latest`` is when the newest
    message heard was accepted, ``due`` when the place wakes up and why (``settle remind tick timeout elapsed
    expire``).

    Of the question: ``asked`` is the turn that put it, ``row`` its row of the outbox, ``options`` what an ``each``
    offered, ``marks`` what stood before the line of each value, ``tries`` the answers not understood, ``reminded``
    the reminders sent, ``burst`` what came while more is waited for. ``acted`` are the last taps that answered.
    ``queued`` messages are with the workers. ``stale``: the session expired, and the next message hears the question
    again. ``wakes`` is when the timer in the store fires, which may be before anything is due: it is not set anew for
    every message.
    """

    app: str = ""
    channel: str = ""
    identity: str = ""
    channels: list[str] = field(default_factory=list)
    contact: str = ""
    sender: str = ""
    born: str = ""
    latest: float = 0.0
    asked: int = 0
    row: str = ""
    tries: int = 0
    reminded: int = 0
    acted: list[str] = field(default_factory=list)
    marks: dict[str, str] = field(default_factory=dict)
    options: list[dict[str, Any]] = field(default_factory=list)
    burst: list[str] = field(default_factory=list)
    due: dict[str, float] = field(default_factory=dict)
    queued: int = 0
    stale: bool = False
    wakes: float = 0.0

    @property
    def tag(self) -> str:
        """What buttons of the standing question carry, so that an old one is known."""
        return f"{self.born}.{self.asked}"
