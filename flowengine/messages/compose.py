"""Neutral content, rendered already, as the ``message`` of one send to one channel.

Content is plain data: ``text``, ``options``, at most one of ``card carousel list media location contact template``
(``media`` also beside ``text``, ``template`` also beside a prompt), ``as`` (buttons, list, text), ``lettered``,
``menu`` (what opens a list) and ``explicit`` (native JSON by channel).

Which form a channel gets is decided by :func:`form` and nowhere else, so that the lines that are sent and the lines
that are understood (:func:`offered`) are the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from flowengine.messages import native
from flowengine.messages.channels import CARDS, Channel, channel
from flowengine.messages.fitting import clean_all, cut
from flowengine.messages.numbering import Option, kind_of, label_of, layout, rows_of, shown, units
from flowengine.messages.plain import as_text
from flowengine.messages.templates import template_message

Content = Mapping[str, Any]
Form = Literal["explicit", "template", "carousel", "card", "list", "choice", "media", "location", "contact", "text"]
_OWN = "explicit_channel_message"
_SENDERS = {"SMS": "SMS_SENDER", "MMS": "MMS_SENDER"}


def compose(content: Content, name: str, tag: str = "") -> dict[str, Any]:
    """The wire message of ``content`` on the channel ``name``; ``tag`` goes with every reply (``value#tag``).

    Never raises on what a template rendered: what is too long is cut, what cannot be shown becomes text.
    """
    content = fit(_normal(content), name)
    chosen = form(content, name)
    if chosen == "explicit":
        return {_OWN: {name: _json(content["explicit"][name])}}
    if chosen == "template":
        return dict(template_message(content["template"], options_of(content), name, tag, channel(name).postback))
    if chosen == "text":
        return _text(content, name)
    return _BUILD[chosen](content, native.Wire(channel(name), tag))


def compose_for(content: Content, names: Sequence[str], tag: str = "") -> dict[str, Any]:
    """The wire message of one send that may fall back from channel to channel: each gets its own form of it.

    The first channel decides the kind; where another gets something else, that stands beside it.
    """
    message = compose(content, names[0], tag)
    others = {name: compose(content, name, tag) for name in names[1:]}
    beside = {name: _reference(other) for name, other in others.items() if other != message}
    own = {name: other.pop(_OWN)[name] for name, other in beside.items() if _OWN in other}
    if own and _OWN not in message:
        message[_OWN] = own
    elif own:
        message[_OWN].update(own)
    templates = [other.pop("channel_template") for other in beside.values() if "channel_template" in other]
    for each in templates if "template_message" in message else ():
        message["template_message"].setdefault("channel_template", {}).update(each)
    if rest := {name: other for name, other in beside.items() if other}:
        message["explicit_channel_omni_message"] = rest
    return message


def _reference(message: Mapping[str, Any]) -> dict[str, Any]:
    """A template as it stands beside another message; every other kind as it is."""
    template = message.get("template_message")
    if template is None:
        return dict(message)
    return {"template_reference": template["omni_template"]} if "omni_template" in template else dict(template)


def _text(content: Content, name: str) -> dict[str, Any]:
    """Text; with its one picture shown, not named, where a card can hold both."""
    marked, limits = offered(content, name), channel(name)
    card, image = content.get("card") or {}, content.get("media") or {}
    picture = image.get("url") or card.get("media")
    if picture and "card" in limits.native:
        bare = {**content, "media": {**image, "url": ""}, "card": {**card, "media": ""} if card else None}
        text = as_text(bare, marked)
        if text and units(text) <= limits.card_description:
            shown_with = {"description": text, "media": {**image, "url": picture}}
            return native.card({"card": shown_with}, native.Wire(limits, ""))
    return {"text_message": {"text": cut(as_text(content, marked), limits.text)}}


def offered(content: Content, name: str) -> list[tuple[str, Option]]:
    """The options as the contact sees them, each with the mark before its line; the mark is empty on buttons."""
    content = _normal(content)
    options = options_of(content)
    if form(content, name) == "text":
        return shown(options, name, "text", lettered=bool(content.get("lettered")))
    return [("", option) for option in options if label_of(option)]


def options_of(content: Content) -> list[Option]:
    """Every option of ``content``, of its cards and rows too, in the order in which they are shown."""
    card, carousel, rows = (content.get(key) or {} for key in ("card", "carousel", "list"))
    found: list[Option] = list(card.get("choices") or ())
    for each in carousel.get("cards") or ():
        found += each.get("choices") or ()
    found += carousel.get("choices") or ()
    for section in rows.get("sections") or ():
        found += rows_of(section)
    return [*found, *(content.get("options") or ())]


def form(content: Content, name: str) -> Form:
    """Which kind of message ``content`` becomes on the channel ``name``."""
    content, limits = _normal(content), channel(name)
    if name in (content.get("explicit") or {}):
        return "explicit"
    template = content.get("template")
    if template and (template.get("version") or name == "WHATSAPP" or not _has_else(content)):
        return "template"
    for key, decide in _DECIDE.items():
        if content.get(key):
            return decide(content, limits)
    return _of_options(content, limits)


def _has_else(content: Content) -> bool:
    return any(content.get(key) for key in ("text", *_DECIDE))


def _of_options(content: Content, limits: Channel) -> Form:
    text = native.beside(content)
    found = layout(content.get("options") or (), limits.name, content.get("as") or "", text)
    if found == "list" and not text.strip():
        return "text"  # a list has a heading
    return "choice" if found == "buttons" else found


def _of_card(content: Content, limits: Channel) -> Form:
    card = content["card"]
    forced = content.get("as") == "buttons"
    fits = "card" in limits.native and _card_fits(card, limits, forced)
    return "card" if fits and content.get("as") != "text" else "text"


def _card_fits(card: Mapping[str, Any], limits: Channel, forced: bool = False) -> bool:
    options = [option for option in card.get("choices") or () if label_of(option)]
    return (
        units(str(card.get("title") or "")) <= limits.card_title
        and units(str(card.get("description") or "")) <= limits.card_description
        and _buttons_fit(options, limits, limits.card_buttons, forced)
    )


def _buttons_fit(options: Sequence[Option], limits: Channel, most: int, forced: bool = False) -> bool:
    if not options:
        return True
    kinds = {kind_of(option) for option in options}
    mixed = len(kinds) == 1 or len(options) <= limits.mixed
    fits = forced or all(units(label_of(option)) <= limits.label for option in options)
    return len(options) <= most and kinds <= limits.options and mixed and fits


def _of_carousel(content: Content, limits: Channel) -> Form:
    cards, outer = content["carousel"].get("cards") or (), content["carousel"].get("choices") or ()
    fits = "carousel" in limits.native and CARDS[0] <= len(cards) <= CARDS[1]
    fits = fits and all(_card_fits(card, limits) for card in cards) and content.get("as") != "text"
    return "carousel" if fits and _buttons_fit(outer, limits, limits.outer_buttons) else "text"


def _of_list(content: Content, limits: Channel) -> Form:
    rows = options_of(content)
    forced = content.get("as") or "list"
    heading = native.beside(content)
    found = layout(rows, limits.name, forced, heading) if heading.strip() else "text"
    if found == "list" and (content.get("as") == "list" or _rows_fit(rows, limits)):
        return "list"
    is_flat = len(content["list"].get("sections") or ()) <= 1 and not any(row.get("description") for row in rows)
    return "choice" if is_flat and layout(rows, limits.name, "", native.beside(content)) == "buttons" else "text"


def _rows_fit(rows: Sequence[Option], limits: Channel) -> bool:
    return all(
        units(label_of(row)) <= limits.row_title and units(str(row.get("description") or "")) <= limits.row_description
        for row in rows
    )


def _of_media(content: Content, limits: Channel) -> Form:
    text = str(content.get("text") or content["media"].get("caption") or "")
    options = content.get("options") or ()
    if not text and not options:
        return "media" if "media" in limits.native else "text"
    as_card = {"description": text, "choices": options}
    wanted = "card" in limits.native and content.get("as") in (None, "", "buttons")
    if wanted and _card_fits(as_card, limits, content.get("as") == "buttons"):
        return "card"
    return _of_options(content, limits)


def _if_native(kind: Form) -> Callable[[Content, Channel], Form]:
    return lambda content, limits: kind if kind in limits.native else "text"


_DECIDE: dict[str, Callable[[Content, Channel], Form]] = {
    "carousel": _of_carousel,
    "card": _of_card,
    "list": _of_list,
    "media": _of_media,
    "location": _if_native("location"),
    "contact": _if_native("contact"),
}
_BUILD: dict[str, Callable[[Content, native.Wire], dict[str, Any]]] = {
    "carousel": native.carousel,
    "card": native.card,
    "list": native.rows,
    "choice": native.choice,
    "media": native.media,
    "location": native.location,
    "contact": native.contact,
}


def _normal(content: Content) -> dict[str, Any]:
    """One spelling: media is a mapping, a carousel of one card is a card, options belong to the card or list."""
    content = dict(content)
    if isinstance(content.get("media"), str):
        content["media"] = {"url": content["media"]} if content["media"] else None
    if carousel := content.get("carousel"):
        content["carousel"] = carousel = _with(carousel, "choices", content.pop("options", None))
        cards = carousel.get("cards") or []
        if len(cards) == 1:
            content["card"] = _with(cards[0], "choices", carousel.get("choices"))
            del content["carousel"]
    if card := content.get("card"):
        texts = (content.pop("text", None), card.get("description"))
        card = {**card, "description": "\n\n".join(str(text) for text in texts if text)}
        content["card"] = _with(card, "choices", content.pop("options", None))
    if content.get("list") and content.get("options"):
        content["list"] = _with(content["list"], "sections", [{"items": content.pop("options")}])
    return content


def _with(given: Mapping[str, Any], key: str, more: Any) -> dict[str, Any]:
    return {**given, key: [*(given.get(key) or ()), *(more or ())]}


def fit(content: Content, name: str) -> dict[str, Any]:
    """``content`` with its text cut to the channel's limit, leaving room for its lines; and all of it clean."""
    content = dict(clean_all(dict(content)))
    room = channel(name).text
    text = content.get("text")
    if room is None or not isinstance(text, str):
        return content
    lines = units(as_text({**content, "text": ""}, offered(content, name))) if form(content, name) == "text" else 0
    left = room - lines - 2 * bool(lines)
    content["text"] = cut(text, left if left >= room // 4 else room // 4)
    return content


def properties(name: str, sender: str) -> dict[str, str]:
    """The channel properties that keep the thread on the number the contact wrote to.

    >>> properties("SMS", "12025550100")
    {'SMS_SENDER': '12025550100'}
    """
    return {_SENDERS[name]: sender} if sender and name in _SENDERS else {}


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
