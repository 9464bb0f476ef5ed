"""The native kinds of message, as they are written on the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flowengine.messages.channels import Channel
from flowengine.messages.fitting import cut
from flowengine.messages.numbering import Option, kind_of, label_of, postback, rows_of
from flowengine.messages.plain import many

Content = Mapping[str, Any]
_MAP = "https://www.google.com/maps"


@dataclass(frozen=True, slots=True)
class Wire:
    """Where a message goes, and the tag of its replies."""

    limits: Channel
    tag: str


def beside(content: Content) -> str:
    """The text beside buttons or rows: the prompt or the list's own, and the address of a picture."""
    rows = content.get("list") or {}
    image = content.get("media") or {}
    parts = (content.get("text"), rows.get("title"), rows.get("description"), image.get("caption"), image.get("url"))
    return "\n".join(str(part) for part in parts if part)


def choice(content: Content, wire: Wire) -> dict[str, Any]:
    """Text with buttons."""
    rows = content.get("list") or {}
    options = [*(row for section in rows.get("sections") or () for row in rows_of(section))] or content.get("options")
    text = cut(beside(content), wire.limits.beside or wire.limits.text)
    said = {"text_message": {"text": text}} if text else {}
    return {"choice_message": {**said, "choices": _choices(options or (), wire)}}


def rows(content: Content, wire: Wire) -> dict[str, Any]:
    """A list to open; the options of a prompt are one section of it."""
    given = content.get("list") or {}
    sections = given.get("sections") or [{"items": content.get("options") or ()}]
    told = {
        "title": given.get("title") or beside(content),
        "description": given.get("description"),
        "sections": [each for each in (_section(section, wire) for section in sections) if each["items"]],
    }
    menu = cut(str(given.get("menu") or content.get("menu") or ""), wire.limits.menu)
    properties = {"message_properties": {"menu": menu}} if menu else {}
    return {"list_message": {**_filled(told), **properties}}


def _section(section: Mapping[str, Any], wire: Wire) -> dict[str, Any]:
    items = [{"choice": _row(item, wire)} for item in rows_of(section) if label_of(item)]
    return {**_filled({"title": cut(str(section.get("title") or ""), wire.limits.row_title)}), "items": items}


def _row(item: Option, wire: Wire) -> dict[str, Any]:
    title = cut(label_of(item), wire.limits.row_title)
    told = {"title": title, "description": cut(str(item.get("description") or ""), wire.limits.row_description)}
    return {**_filled(told), "postback_data": postback(str(item.get("value") or ""), wire.tag, wire.limits.postback)}


def card(content: Content, wire: Wire) -> dict[str, Any]:
    """A card; or a picture with its text, and the buttons of the prompt."""
    if content.get("card"):
        return {"card_message": _card(content["card"], wire)}
    image = content["media"]
    text = content.get("text") or image.get("caption")
    return {"card_message": _card({"description": text, "media": image, "choices": content.get("options")}, wire)}


def _card(given: Mapping[str, Any], wire: Wire) -> dict[str, Any]:
    image = given.get("media")
    told = {
        "title": given.get("title"),
        "description": given.get("description"),
        "height": str(given.get("height") or "").upper(),
        "media_message": _media({"url": image} if isinstance(image, str) else image) if image else None,
        "choices": _choices(given.get("choices") or (), wire),
    }
    return _filled(told)


def carousel(content: Content, wire: Wire) -> dict[str, Any]:
    """Cards side by side, and buttons that belong to none of them."""
    given = content["carousel"]
    outer = _choices(given.get("choices") or (), wire)
    return {
        "carousel_message": {"cards": [_card(each, wire) for each in given["cards"]], **_filled({"choices": outer})}
    }


def media(content: Content, wire: Wire) -> dict[str, Any]:
    """A picture, film, sound or document."""
    return {"media_message": _media(content["media"])}


def _media(given: Mapping[str, Any]) -> dict[str, Any]:
    return _filled({"url": given.get("url"), "filename_override": given.get("filename")})


def location(content: Content, wire: Wire) -> dict[str, Any]:
    """A place on the map."""
    return {"location_message": _place(content["location"], str(content["location"].get("title") or ""))}


def _place(given: Mapping[str, Any], title: str) -> dict[str, Any]:
    where = {"latitude": _number(given.get("latitude")), "longitude": _number(given.get("longitude"))}
    return {"title": title, **_filled({"label": given.get("label")}), "coordinates": where}


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def contact(content: Content, wire: Wire) -> dict[str, Any]:
    """A business card."""
    given = content["contact"]
    organization = given.get("organization")
    told = {
        "name": {"full_name": str(given.get("name") or "")},
        "phone_numbers": [{"phone_number": each} for each in many(given.get("phone"))],
        "email_addresses": [{"email_address": each} for each in many(given.get("email"))],
        "organization": {"company": str(organization)} if organization else None,
        "urls": [{"url": each} for each in many(given.get("url"))],
    }
    return {"contact_info_message": {"phone_numbers": [], **_filled(told)}}


def _choices(options: Sequence[Option], wire: Wire) -> list[dict[str, Any]]:
    return [_choice(option, wire) for option in options if label_of(option)]


def _choice(option: Option, wire: Wire) -> dict[str, Any]:
    """One button; each carries postback data, so that a tap never comes back as a made-up one."""
    title = cut(label_of(option), wire.limits.label)
    key, told = _BUTTONS.get(kind_of(option), _reply)(option, title)
    return {key: told, "postback_data": postback(str(option.get("value") or ""), wire.tag, wire.limits.postback)}


Button = tuple[str, dict[str, Any]]


def _reply(option: Option, title: str) -> Button:
    return "text_message", {"text": title}


def _url(option: Option, title: str) -> Button:
    return "url_message", {"title": title, "url": str(option.get("url") or "")}


def _call(option: Option, title: str) -> Button:
    return "call_message", {"title": title, "phone_number": str(option.get("number") or option.get("call") or "")}


def _show_place(option: Option, title: str) -> Button:
    return "location_message", _place(option.get("location") or {}, title)


def _ask_place(option: Option, title: str) -> Button:
    return "share_location_message", {"title": title, "fallback_url": str(option.get("url") or _MAP)}


def _calendar(option: Option, title: str) -> Button:
    """An event for the calendar; without times that are times, the page that tells of it."""
    given = option.get("calendar") or {}
    start, end = _moment(given.get("start")), _moment(given.get("end"))
    fallback = str(option.get("url") or given.get("url") or "https://calendar.google.com")
    if not start or not end:
        return _url({"url": fallback}, title)
    told = {
        "event_start": start,
        "event_end": end,
        "event_title": str(given.get("title") or title),
        "event_description": str(given.get("description") or ""),
    }
    return "calendar_message", {"title": title, **_filled(told), "fallback_url": fallback}


def _moment(value: Any) -> str:
    """A time as it stands on the wire, in UTC where it names no offset; nothing where it is none."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return ""
    return (
        (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat(timespec="seconds").replace("+00:00", "Z")
    )


_BUTTONS = {
    "reply": _reply,
    "url": _url,
    "call": _call,
    "location": _show_place,
    "share_location": _ask_place,
    "calendar": _calendar,
}


def _filled(told: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in told.items() if value not in (None, "", [], {})}
