"""Everything as text, for channels that show nothing else: each reply on a line with its mark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from flowengine.messages.numbering import Option, kind_of, label_of, line, rows_of

Marks = Iterator[tuple[str, Option]]


def as_text(content: Mapping[str, Any], marked: Sequence[tuple[str, Option]]) -> str:
    """``content`` as text. ``marked`` are its shown options in their order, with their marks."""
    marks = iter(marked)
    blocks = [block for key, write in _BLOCKS.items() if content.get(key) for block in write(content[key], marks)]
    lines = [option_line(mark, option) for mark, option in marks]
    head = [str(content.get("text") or ""), *(_media(content.get("media")))]
    return "\n\n".join(block for block in ("\n".join(filter(None, head)), *blocks, "\n".join(lines)) if block)


def option_line(mark: str, option: Option) -> str:
    """The line of one option: a reply with its mark, a link as ``Label: address``."""
    label, kind = label_of(option), kind_of(option)
    if kind == "reply":
        return line(mark, " - ".join(filter(None, (label, str(option.get("description") or "")))))
    return ": ".join(filter(None, (label, _leads_to(kind, option))))


def map_url(place: Mapping[str, Any]) -> str:
    """A link that shows the place on a map."""
    return f"https://www.google.com/maps/search/?api=1&query={place.get('latitude')},{place.get('longitude')}"


def _leads_to(kind: str, option: Option) -> str:
    if kind == "location":
        return map_url(option.get("location") or {})
    if kind == "call":
        return str(option.get("number") or option.get("call") or "")
    return str(option.get("url") or (option.get("calendar") or {}).get("url") or "")


def _card(card: Mapping[str, Any], marks: Marks) -> Iterator[str]:
    lines = _take(card.get("choices") or (), marks)
    head = (str(card.get("title") or ""), str(card.get("description") or ""), *_media(card.get("media")))
    yield "\n".join(part for part in (*head, *lines) if part)


def _carousel(carousel: Mapping[str, Any], marks: Marks) -> Iterator[str]:
    for card in carousel.get("cards") or ():
        yield from _card(card, marks)
    if lines := _take(carousel.get("choices") or (), marks):
        yield "\n".join(lines)


def _list(rows: Mapping[str, Any], marks: Marks) -> Iterator[str]:
    yield "\n".join(filter(None, (str(rows.get("title") or ""), str(rows.get("description") or ""))))
    for section in rows.get("sections") or ():
        lines = _take(rows_of(section), marks)
        yield "\n".join(filter(None, (str(section.get("title") or ""), *lines)))


def _take(options: Sequence[Option], marks: Marks) -> list[str]:
    return [option_line(*each) for each in islice(marks, sum(1 for option in options if label_of(option)))]


def _location(place: Mapping[str, Any], marks: Marks) -> Iterator[str]:
    name = str(place.get("title") or place.get("label") or "")
    yield f"{name}: {map_url(place)}" if name else map_url(place)


def _contact(person: Mapping[str, Any], marks: Marks) -> Iterator[str]:
    keys = ("name", "organization", "phone", "email", "url")
    yield "\n".join(each for key in keys for each in many(person.get(key)))


def _media(media: Any) -> list[str]:
    if isinstance(media, Mapping):
        return [each for each in (str(media.get("caption") or ""), str(media.get("url") or "")) if each]
    return [str(media)] if media else []


def many(value: Any) -> list[str]:
    """One text or a list of them, as a list without the empty ones."""
    if value is None or value == "":
        return []
    return [str(each) for each in value if each] if isinstance(value, list | tuple) else [str(value)]


_BLOCKS = {"card": _card, "carousel": _carousel, "list": _list, "location": _location, "contact": _contact}
