"""What stands on the buttons or before the lines of a prompt: the one place that sending and matching both ask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import count
from typing import Any, Literal

from flowengine.messages.channels import channel
from flowengine.messages.folding import fold, leading_number

Option = Mapping[str, Any]
Layout = Literal["buttons", "list", "text"]


def kind_of(option: Option) -> str:
    """``reply``, which answers, or what else a tap on it does."""
    return str(option.get("kind") or "reply")


def label_of(option: Option) -> str:
    """What is shown; empty for an option that is understood and not shown."""
    return "" if option.get("shown") is False else str(option.get("label") or "")


def rows_of(section: Mapping[str, Any]) -> list[Option]:
    """The rows of one section of a list, as options: what a row calls its title is a label."""
    return [{**row, "label": row.get("label") or row.get("title")} for row in section.get("items") or ()]


def layout(options: Sequence[Option], name: str, forced: str = "", text: str = "") -> Layout:
    """How the options stand on a channel: buttons if the channel has them and they fit, else a list, else lines.

    ``text`` is what stands beside them. ``forced`` (``buttons``, ``list`` or ``text``) wins where the channel has
    such a thing; labels that are too long are cut then.
    """
    seen = [option for option in options if label_of(option)]
    kinds = {kind_of(option) for option in seen}
    limits = channel(name)
    if not seen or forced == "text" or (limits.beside and units(text) > limits.beside):
        return "text"
    as_list = kinds == {"reply"} and len(seen) <= limits.rows
    as_buttons = kinds <= limits.options and len(seen) <= (limits.buttons if len(kinds) == 1 else limits.mixed)
    if forced == "list" and as_list:
        return "list"
    if as_buttons and (forced == "buttons" or _labels_fit(seen, limits.label)):
        return "buttons"
    rows_fit = _labels_fit(seen, limits.row_title) and all(
        units(str(option.get("description") or "")) <= limits.row_description for option in seen
    )
    return "list" if as_list and rows_fit else "text"


def shown(
    options: Sequence[Option], name: str, forced: str = "", text: str = "", lettered: bool = False
) -> list[tuple[str, Option]]:
    """The options that are shown, each with the mark that stands before its line: empty on buttons and in lists.

    Lines of replies are numbered; they are lettered where a label begins with a digit, or if ``lettered`` says
    that a number means something else. An option's own ``key`` is its mark. No other mark is a key, a label or
    one of the ``words`` of any option, shown or not. What is no reply (a link, a telephone number) has no mark.
    """
    seen = [option for option in options if label_of(option)]
    if layout(options, name, forced, text) != "text":
        return [("", option) for option in seen]
    marks = _marks(options, lettered or any(leading_number(label_of(option)) for option in seen))
    return [(_mark(option, marks), option) for option in seen]


def _mark(option: Option, marks: Iterator[str]) -> str:
    if kind_of(option) != "reply":
        return ""
    return str(option.get("key") or "") or next(marks)


def _marks(options: Iterable[Option], lettered: bool) -> Iterator[str]:
    taken = {fold(word) for option in options for word in _said(option)}
    return (mark for mark in (_letters() if lettered else map(str, count(1))) if mark not in taken)


def _said(option: Option) -> list[str]:
    return [str(option.get("key") or ""), label_of(option), *map(str, option.get("words") or ())]


def _letters() -> Iterator[str]:
    """a to z, then aa, ab and so on."""
    for number in count():
        word, rest = "", number + 1
        while rest:
            rest, letter = divmod(rest - 1, 26)
            word = chr(97 + letter) + word
        yield word


def line(mark: str, label: str) -> str:
    """One numbered line.

    >>> line("1", "Book a table")
    '1. Book a table'
    """
    return f"{mark}. {label}" if mark else label


def postback(value: str, tag: str, room: int) -> str:
    """What a tap sends back: the value, or a digest where it would take more than ``room`` bytes, and the tag.

    >>> postback("yes", "k3", 2048)
    'yes#k3'
    """
    end = f"#{tag}" if tag else ""
    whole = value.encode("utf-8", "replace").decode("utf-8")
    return (whole if len((whole + end).encode()) <= room else digest(value)) + end


def digest(value: str) -> str:
    """What stands for a value that is too long to be sent back."""
    return "=" + blake2b(value.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _labels_fit(options: Iterable[Option], room: int) -> bool:
    return all(units(label_of(option)) <= room for option in options)


def units(text: str) -> int:
    """The length of ``text`` in UTF-16 units, as most channels count.

    >>> units("a👍")
    3
    """
    return len(text) + sum(char > "\uffff" for char in text)
