"""What commands share that look for a person: who is named, and where they are looked for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from flowengine.cli import Sentence

if TYPE_CHECKING:
    from flowengine.recorded.contact import Contact
    from flowengine.stores.base import Store


def is_contact(name: str) -> bool:
    """Whether a word names a person, and not a call or a session."""
    return name.startswith("+") or name.count("/") == 2


def named(store: Store, name: str, app: str = "", channel: str = "", identity: str = "") -> Contact:
    """The contact: ``name`` is a number, or ``APP/CHANNEL/IDENTITY`` (``/CHANNEL/IDENTITY`` for the usual app)."""
    from flowengine.model import CHANNELS
    from flowengine.problems import did_you_mean
    from flowengine.recorded.contact import NoContact, contact
    from flowengine.redact import keyed_hash
    from flowengine.settings import journal_key
    from flowengine.sinch.credentials import APP
    from flowengine.webhooks.values import channel_named

    if name.count("/") == 2:
        app, channel, identity = name.split("/")
    channel = channel_named(channel)
    if channel and channel not in CHANNELS:
        raise Sentence(f'there is no channel "{channel[:32]}"{did_you_mean(channel, CHANNELS)}')
    number = "".join(each for each in name if each not in " ().-") if name.startswith("+") else ""
    key = journal_key(os.environ)
    apps = [app] if app else [os.environ.get(APP, ""), ""]
    try:
        return contact(store, number, channel, identity, apps, lambda text: keyed_hash(text, key))
    except NoContact as error:
        raise Sentence(str(error)) from None
