"""Flows that a date or the day of the week begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from flowengine.chats import Address
from flowengine.delivery.base import Desk
from flowengine.engine.occasions import LATE, Occasion, latest
from flowengine.messages.channels import is_phone
from flowengine.stores.base import Leased, Record


@dataclass(frozen=True, slots=True)
class Dates:
    """A date that a contact's field held: it counts if the field still holds it."""

    desk: Desk

    def __call__(self, leased: Leased, payload: Mapping[str, Any]) -> None:
        known = {each.key: each for own in self.desk.service.library.occasions.dates.values() for each in own}
        occasion = known.get(payload["key"])
        contact = orjson.loads(self.desk.store.record(payload["contact"]) or b"{}")
        if occasion is not None and contact.get("fields", {}).get(occasion.field) == payload["value"]:
            begin(self.desk, occasion, payload["contact"], contact, str(payload["value"]))
        self.desk.store.settle(leased)


@dataclass(frozen=True, slots=True)
class Schedules:
    """Days of the week: whoever carries the tag is written to, once for every time that comes."""

    desk: Desk

    def tick(self) -> None:
        now = self.desk.now()
        for each in self.desk.service.library.occasions.schedules:
            due = latest(each, now)
            key = f"schedule/{each.key}"
            if due and now - due <= LATE and _kept(self.desk.store.record(key)) < due:
                self._keep(each, due)
                self.desk.store.merge(Record(key, orjson.dumps({"kept": due})))

    def _keep(self, schedule: Occasion, due: float) -> None:
        for key, document in self.desk.store.records("contact/"):
            contact = orjson.loads(document)
            if contact.get("tags", {}).get(schedule.tag):
                begin(self.desk, schedule, key, contact, f"{due:.0f}")


def _kept(record: bytes | None) -> float:
    return float(orjson.loads(record)["kept"]) if record else 0.0


def begin(desk: Desk, occasion: Occasion, key: str, contact: Mapping[str, Any], once: str) -> None:
    """Begin the flow with this contact, once for this value; one who cannot be written to is left out."""
    address = _address(desk, occasion, contact)
    if address is None:
        desk.service.counted("occasion_without_address")
        return
    dedupe = f"occasion/{occasion.key}/{key}/{once}"
    desk.service.chats.begin(occasion.flow, address, {}, occasion.enter, dedupe)


def _address(desk: Desk, occasion: Occasion, contact: Mapping[str, Any]) -> Address | None:
    """The flow's first channel on which the contact is known, else its first for phones, else where they are."""
    channels = desk.service.library.programs[occasion.flow].image["channels"]
    talks = [Address(*each) for each in contact.get("talks", {}).values()]
    for channel in channels:
        for talk in talks:
            if talk.channel == channel:
                return talk
    number = str(contact.get("number", "")).removeprefix("+")
    phone = next((each for each in channels if is_phone(each)), "")
    if number and phone:
        return Address(desk.service.chats.app, phone, number)
    return talks[0] if talks and not channels else None
