"""What a person reads of a message on the wire, and what they can tap: the one place that reads sent bodies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

Part = Mapping[str, Any]
_OPENS = ("url_message", "call_message", "location_message", "calendar_message")


class Button(NamedTuple):
    """Something to tap. ``postback`` is what it sends back, empty where the platform makes that up.

    ``kind`` is its key on the wire; ``row`` for one of a list, ``payload`` for one of a template, which nobody but the
    channel can name: its value stands for its label.
    """

    label: str
    postback: str = ""
    kind: str = "text_message"

    @property
    def value(self) -> str:
        """What it stands for, without the question that it belongs to."""
        return self.postback.rpartition("#")[0] if "#" in self.postback else self.postback

    @property
    def opens(self) -> bool:
        """Whether it opens a page, a call, a map or a calendar; all others answer."""
        return self.kind in _OPENS

    @property
    def asks_place(self) -> bool:
        return self.kind == "share_location_message"


def texts(message: Part, channel: str = "") -> Iterator[str]:
    """What is read of it on this channel from top to bottom, without what can be tapped.

    Of a template, whose words only the channel knows, its name, its language and its values; of a form that is the
    channel's own, that form.
    """
    for kind, part in _shown(message, channel).items():
        if kind in _TEXTS:
            yield from (text for text in _TEXTS[kind](part) if text)


def buttons(message: Part, channel: str = "") -> list[Button]:
    """Everything that can be tapped, in its order."""
    return [button for part in _shown(message, channel).values() if isinstance(part, Mapping) for button in _in(part)]


def kind_of(message: Part) -> str:
    """What sort of message it is: ``text``, ``card``, ``template`` …"""
    return next(iter(message), "").removesuffix("_message")


def _shown(message: Part, channel: str) -> Part:
    """What this channel shows where the message says something else for some."""
    own: Part = message.get("explicit_channel_message", {})
    if channel in own or (own and len(message) == 1):
        return {"own": own.get(channel) or next(iter(own.values()))}
    found: Part = message.get("explicit_channel_omni_message", {}).get(channel, message)
    return found


# --- what is read ------------------------------------------------------------------------------------------


def _named(*names: str) -> Callable[[Part], Iterator[str]]:
    return lambda part: (str(part.get(name) or "") for name in names)


def _choice(part: Part) -> Iterator[str]:
    yield str(part.get("text_message", {}).get("text", ""))


def _card(part: Part) -> Iterator[str]:
    yield from _named("title", "description")(part)
    yield str(part.get("media_message", {}).get("url", ""))


def _carousel(part: Part) -> Iterator[str]:
    for card in part["cards"]:
        yield from _card(card)


def _list(part: Part) -> Iterator[str]:
    yield from _named("title", "description")(part)
    for section in part["sections"]:
        yield str(section.get("title", ""))
        for item in section["items"]:
            yield str(item.get("choice", {}).get("description", ""))


def _contact(part: Part) -> Iterator[str]:
    yield str(part.get("name", {}).get("full_name", ""))
    yield str(part.get("organization", {}).get("company", ""))
    for several, one in (("phone_numbers", "phone_number"), ("email_addresses", "email_address"), ("urls", "url")):
        yield from (str(each.get(one, "")) for each in part.get(several, ()))


def _template(part: Part) -> Iterator[str]:
    found = _filled(part)
    name = " ".join(str(found[key]) for key in ("template_id", "language_code") if found.get(key))
    values = [text for key, text in found.get("parameters", {}).items() if key.startswith(("header", "body"))]
    yield " ".join((f"[{name}]", *values))


def _filled(part: Part) -> Part:
    """The template itself, wherever it stands."""
    of_channels: Mapping[str, Part] = part.get("channel_template", {})
    found: Part = part.get("omni_template") or next(iter(of_channels.values()), part)
    return found


_TEXTS: dict[str, Callable[[Any], Iterator[str]]] = {
    "text_message": _named("text"),
    "choice_message": _choice,
    "card_message": _card,
    "carousel_message": _carousel,
    "list_message": _list,
    "media_message": _named("url"),
    "location_message": _named("title", "label"),
    "contact_info_message": _contact,
    "template_message": _template,
    "template_reference": _template,
    "own": lambda native: iter((str(native),)),
}


# --- what can be tapped ------------------------------------------------------------------------------------


def _in(part: Part) -> Iterator[Button]:
    for card in part.get("cards", ()):
        yield from _in(card)
    for section in part.get("sections", ()):
        for item in section["items"]:
            row = item.get("choice", {})
            yield Button(str(row.get("title", "")), str(row.get("postback_data", "")), "row")
    for choice in part.get("choices", ()):
        kind, told = next(((name, each) for name, each in choice.items() if isinstance(each, Mapping)), ("", {}))
        yield Button(str(told.get("text") or told.get("title") or ""), str(choice.get("postback_data", "")), kind)
    for key, payload in _filled(part).get("parameters", {}).items():
        if "quick_reply" in key and payload:
            button = Button("", str(payload), "payload")
            yield button._replace(label=button.value)
