"""The typed parts of what the Conversation API posts."""

from __future__ import annotations

from dataclasses import dataclass

from flowengine.callbacks import Fields


@dataclass(frozen=True, slots=True, repr=False)
class Media:
    """A file the contact sent. ``url`` may stop working soon; it is the sender's word and may point anywhere."""

    url: str
    caption: str = ""
    filename: str = ""
    thumbnail: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Location:
    """``latitude`` and ``longitude`` in degrees, within ±90 and ±180."""

    title: str
    label: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True, repr=False)
class Inbound:
    """What a contact sent. Texts are ``""`` where the body has none.

    ``kind`` is text, media, location, tap, product, fallback (the channel's message could not be converted),
    channel_specific (WhatsApp forms) or unknown. ``text`` is what the contact typed: a text message, the
    caption of a file, the note with an order; ``cut`` tells that it was longer than ``MAX_TEXT``.

    ``identity`` is the contact, without ``+`` where it is a phone number, and ``sender`` the business's side.
    ``app_scoped`` is set where the identity holds in one app only. ``contact_id`` and ``conversation_id`` are
    empty in DISPATCH mode. Of a tap, ``answers`` is the message that was tapped and ``postback`` what its
    button carried. ``metadata`` is that of the message answered, or the channel's own. ``accept`` is in Unix
    seconds; two waiting messages of a contact sort by ``(accept, id)``.
    """

    id: str
    kind: str
    channel: str
    identity: str
    app_scoped: str
    sender: str
    contact_id: str
    conversation_id: str
    metadata: str
    mode: str
    injected: bool
    accept: float
    reply_to: str = ""
    text: str = ""
    cut: bool = False
    media: tuple[Media, ...] = ()
    location: Location | None = None
    postback: str = ""
    answers: str = ""
    products: tuple[Fields, ...] = ()
    form: Fields | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Receipt:
    """How a send fared. ``message_id`` is an event's id where the trigger is EVENT_DELIVERY.

    ``status`` is upper case, ``SUBMITTED`` of a submit notification; one that is not known is not ``final``.
    ``reason`` is the code. ``metadata`` is what the send gave as its own. Receipts come in any order: one counts
    only if its :func:`rank` is above what is known.
    """

    message_id: str
    status: str
    final: bool
    channel: str
    identity: str
    contact_id: str
    metadata: str
    reason: str = ""
    sub_code: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Consent:
    """An opt-in or opt-out that the platform registered. ``identity`` may be missing."""

    out: bool
    succeeded: bool
    channel: str
    identity: str
    contact_id: str
    request_id: str


@dataclass(frozen=True, slots=True, repr=False)
class Link:
    """A contact opened a short link: no message, but it can begin a flow."""

    id: str
    payload: str
    ref: str
    title: str
    source: str
    channel: str
    identity: str
    app_scoped: str
    contact_id: str
    conversation_id: str
    mode: str
    accept: float


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    channel: str
    identity: str
    app_scoped: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """A contact as the platform knows it, also on deletion; of a merge the one that stays, and ``merged`` is gone.

    ``name`` and ``language`` are empty where the platform says ``Unknown`` and ``UNSPECIFIED``.
    """

    id: str
    name: str = ""
    language: str = ""
    email: str = ""
    external_id: str = ""
    identities: tuple[Identity, ...] = ()
    merged: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Webhook:
    """One notification. At most one of the typed parts is there.

    ``trigger`` is ``""`` of a body that tells of none: it is to be answered like any other. ``accepted`` is in
    Unix seconds, 0 where the body has no time. ``metadata`` is the conversation's, not the message's.
    ``event`` names what came as EVENT_INBOUND and is no input of the contact's: ``composing``, ``reaction``,
    ``comment`` and so on. ``fields`` is the body as it came. The repr shows none of it.
    """

    trigger: str
    app: str
    project: str
    accepted: float
    metadata: str
    correlation: str
    fields: Fields
    inbound: Inbound | None = None
    receipt: Receipt | None = None
    consent: Consent | None = None
    link: Link | None = None
    person: Person | None = None
    event: str = ""

    def __repr__(self) -> str:
        return f"Webhook(trigger={self.trigger!r})"
