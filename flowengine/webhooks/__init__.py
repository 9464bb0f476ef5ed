"""What the Conversation API posts, decoded into one :class:`Webhook`, and the keys it is filed under."""

from flowengine.callbacks import BadBody
from flowengine.webhooks.content import MAX_TEXT
from flowengine.webhooks.keys import dedupe_key, label_of, talk_key
from flowengine.webhooks.parts import Consent, Identity, Inbound, Link, Location, Media, Person, Receipt, Webhook
from flowengine.webhooks.reading import SUBMITTED, TRIGGERS, rank, read
from flowengine.webhooks.values import phone, unix

__all__ = [
    "MAX_TEXT",
    "SUBMITTED",
    "TRIGGERS",
    "BadBody",
    "Consent",
    "Identity",
    "Inbound",
    "Link",
    "Location",
    "Media",
    "Person",
    "Receipt",
    "Webhook",
    "dedupe_key",
    "label_of",
    "phone",
    "rank",
    "read",
    "talk_key",
    "unix",
]
