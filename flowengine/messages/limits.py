"""What of a content is more than a channel shows, in sentences; for constant texts, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flowengine.messages.channels import CARDS, Channel, channel
from flowengine.messages.compose import Content, form, options_of
from flowengine.messages.numbering import Option, kind_of, label_of, units

_AS_LINES = "so the choices are sent as lines of text"


def limits(content: Content, name: str) -> list[str]:
    """One sentence for each thing that is cut, or becomes text, because it is over the limits of the channel.

    >>> limits({"text": "a" * 1001}, "VIBERBM")
    ['the text has 1,001 characters; VIBERBM takes 1,000, so it is cut']
    """
    if form(content, name) in ("explicit", "template"):
        return []
    shows = channel(name)
    told = [*_text(content, shows), *_card(content, shows), *_carousel(content, shows), *_list(content, shows)]
    if content.get("options") and not content.get("card"):
        told += _options(content, shows)
    return list(dict.fromkeys(told))


def _over(what: str, text: Any, most: int | None, name: str, then: str) -> Iterator[str]:
    size = units(str(text or ""))
    if most is not None and size > most:
        yield f"{what} has {size:,} characters; {name} takes {most:,}, so {then}"


def _text(content: Content, shows: Channel) -> Iterator[str]:
    yield from _over("the text", content.get("text"), shows.text, shows.name, "it is cut")


def _options(content: Content, shows: Channel) -> Iterator[str]:
    """Why the options do not stand on buttons or in a list, where the channel has these."""
    options = [option for option in content["options"] if label_of(option)]
    kinds = {kind_of(option) for option in options}
    if not kinds <= shows.options or content.get("as") == "text" or (len(kinds) > 1 and not shows.mixed):
        return
    if shows.beside is not None and units(str(content.get("text") or "")) > shows.beside:
        then = f"it takes {shows.beside:,} beside choices, {_AS_LINES}"
        yield f"the text has {units(str(content['text'])):,} characters; with {shows.name} {then}"
    buttons = shows.buttons if len(kinds) == 1 else shows.mixed
    if len(options) > max(buttons, shows.rows):
        yield f"there are {len(options)} choices; {shows.name} shows {max(buttons, shows.rows)}, {_AS_LINES}"
    elif form(content, shows.name) == "text" or content.get("as") == "buttons":
        yield from _labels(options, shows.label if len(options) <= buttons else shows.row_title, shows, content)


def _labels(options: Sequence[Option], most: int, shows: Channel, content: Content) -> Iterator[str]:
    then = "it is cut" if content.get("as") == "buttons" else _AS_LINES.removeprefix("so ")
    for option in options:
        yield from _over(f'the label "{label_of(option)}"', label_of(option), most, shows.name, then)
        yield from _over(
            f'the description of "{label_of(option)}"',
            option.get("description") if len(options) > shows.buttons else "",
            shows.row_description,
            shows.name,
            then,
        )


def _card(content: Content, shows: Channel, card: Mapping[str, Any] | None = None) -> Iterator[str]:
    card = card or content.get("card") or {}
    if "card" not in shows.native:
        return
    then = "the card is sent as text"
    yield from _over("the title of the card", card.get("title"), shows.card_title, shows.name, then)
    yield from _over("the description of the card", card.get("description"), shows.card_description, shows.name, then)
    choices = [option for option in card.get("choices") or () if label_of(option)]
    if len(choices) > shows.card_buttons:
        most = f"{shows.name} shows {shows.card_buttons} on a card"
        yield f"the card has {len(choices)} choices; {most}, so {then}"
    for option in choices:
        yield from _over(f'the label "{label_of(option)}"', label_of(option), shows.label, shows.name, then)


def _carousel(content: Content, shows: Channel) -> Iterator[str]:
    carousel = content.get("carousel") or {}
    cards = carousel.get("cards") or ()
    if "carousel" not in shows.native:
        return
    if len(cards) > CARDS[1]:
        yield f"the carousel has {len(cards)} cards; {shows.name} shows {CARDS[1]}, so they are sent as text"
    outer = carousel.get("choices") or ()
    if len(outer) > shows.outer_buttons:
        most = f"{shows.name} shows {shows.outer_buttons}"
        yield f"the carousel has {len(outer)} choices of its own; {most}, so it is sent as text"
    for card in cards:
        yield from _card(content, shows, card)


def _list(content: Content, shows: Channel) -> Iterator[str]:
    given = content.get("list") or {}
    if "list" not in shows.native or not given:
        return
    then = "the list is sent as text"
    rows = options_of(content)
    if len(rows) > shows.rows:
        yield f"the list has {len(rows)} rows; {shows.name} shows {shows.rows}, so {then}"
    yield from _over("the word that opens the list", given.get("menu"), shows.menu, shows.name, "it is cut")
    for row in rows:
        yield from _over(f'the row "{label_of(row)}"', label_of(row), shows.row_title, shows.name, then)
        what = f'the description of "{label_of(row)}"'
        yield from _over(what, row.get("description"), shows.row_description, shows.name, then)
