"""One contact: what they read of real messages, and what they write, tap and share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from flowengine.messages.readable import Button
from flowengine.simulator.seen import CannotAct, Saw, Seen
from flowengine.sinch.fake import bodies as contents
from flowengine.sinch.fake.bodies import Bodies
from flowengine.sinch.fake.ids import Ids
from flowengine.sinch.fake.records import Record

TELLS_LINKS = ("RCS",)
"""Channels that tell of a tap on a button that opens something; on the others it only opens."""


class Chat:
    """One contact of an app: what they read, and what they write, tap and share.

    ``deliver`` posts a webhook. ``business`` is the number (or name) that they write to. ``seed`` makes the ids of
    messages, the same ones in every play unless it is another.
    """

    def __init__(
        self,
        deliver: Callable[[bytes], None],
        clock: Callable[[], float],
        saw: Saw,
        app: str,
        channel: str,
        identity: str,
        business: str = "",
        seed: int = 0,
    ) -> None:
        self._deliver, self._saw, self._clock = deliver, saw, clock
        self.channel, self.identity, self.business = channel, identity, business
        self._ids = Ids(seed)
        self._bodies = Bodies(app, "project", self._ids, clock, "DISPATCH")
        self.got: list[Record] = []

    # --- what comes ----------------------------------------------------------------------------------------

    def receive(self, body: Mapping[str, Any], question: bool) -> None:
        """A message was sent, as the body of the request says; ``question``: it waits for an answer."""
        self.take(self._record(body), question)

    def take(self, record: Record, question: bool) -> None:
        """A message was sent that has its id already."""
        if record.identity == self.identity.removeprefix("+"):
            self.got.append(record)
            self._saw(read(record, question))
        else:
            self._saw(_elsewhere(record))

    def receive_elsewhere(self, body: Mapping[str, Any]) -> None:
        """A message was sent to somebody else, or by a call."""
        self._saw(_elsewhere(self._record(body)))

    def _record(self, body: Mapping[str, Any]) -> Record:
        return Record(self._ids.new(), dict(body), self._clock())

    # --- what the contact does -----------------------------------------------------------------------------

    def write(self, text: str) -> None:
        self._say(contents.text(text))

    def share(self, content: Mapping[str, Any]) -> None:
        """Something else than text: ``{media: url, text}`` or ``{location: {latitude, longitude, title}}``."""
        if "media" in content:
            self._say(contents.media(str(content["media"]), str(content.get("text") or "")))
            return
        place = content["location"]
        where = float(place.get("latitude", 0.0)), float(place.get("longitude", 0.0))
        self._say(contents.location(*where, str(place.get("title") or "")))

    def tap(self, what: str) -> None:
        """The newest button or row with this label or value."""
        record, button = self._button(what)
        if button.opens and self.channel not in TELLS_LINKS:
            raise CannotAct(f'"{button.label}" only opens something: {self.channel} does not tell that it was tapped')
        if button.asks_place:
            raise CannotAct(f'"{button.label}" asks where the contact is: sharing a location answers it')
        self._say(contents.tap(record.message_id, button.postback), record.metadata)

    def _button(self, what: str) -> tuple[Record, Button]:
        wanted = _folded(what)
        for record in reversed(self.got):
            for button in record.buttons:
                if wanted in (_folded(button.label), _folded(button.value)):
                    return record, button
        raise CannotAct(f'nothing to tap is called "{what}"; {self._tappable()}')

    def _tappable(self) -> str:
        labels = [label for label, _ in self.got[-1].options] if self.got else []
        if labels:
            return f"the last message shows {', '.join(labels)}"
        return f"{self.channel} shows no buttons here: write the answer"

    def follow_link(self, payload: str) -> None:
        self._send(self._bodies.event(contents.link(payload, payload), self.channel, self.identity))

    def receipt(self, status: str) -> None:
        """What became of the last message: ``DELIVERED``, or ``FAILED``."""
        if not self.got:
            raise CannotAct("nothing has been sent yet that a receipt could be of")
        reason = "RECIPIENT_NOT_REACHABLE" if status == "FAILED" else ""
        self._send(self._bodies.receipt(self.got[-1], status, reason))

    def _say(self, content: dict[str, Any], metadata: str = "") -> None:
        self._send(self._bodies.inbound(content, self.channel, self.identity, self.business, metadata=metadata))

    def _send(self, body: Mapping[str, Any]) -> None:
        self._deliver(orjson.dumps(body))


def _elsewhere(record: Record) -> Seen:
    return Seen("sends", record.text, more=record.body, name=record.identity)


def read(record: Record, question: bool) -> Seen:
    """A message as its reader sees it; one with a button that answers waits for an answer."""
    found = record.buttons
    asks = question or any(not each.opens for each in found)
    return Seen("reads", record.text, asks, tuple(each.label for each in found), record.body)


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
