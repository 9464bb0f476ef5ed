"""What somebody typed, as it is compared: written however, on whatever keyboard."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import islice

_JOINER = "\u200d"
_KEYCAP = "\u20e3"
_BLACK_FLAG = "\U0001f3f4"
_VARIATIONS = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), *range(0x180B, 0x180E), 0x034F)))
_SKIN_TONES = frozenset(map(chr, range(0x1F3FB, 0x1F400)))
_TAGS = frozenset(map(chr, range(0xE0020, 0xE0080)))
_SAME = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′`´ʼ", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        "\u066b": ".",
        "\u066c": ",",
        "\U0001f51f": "10",
    }
)
# No colon or semicolon before: ":D" is a face, not the letter.
_BEFORE = " .,!?\"'([{>¡¿…。！？、，「『《؟،"
_AFTER = " .,!?\"')]};:…。！？、，」』》؟،؛"
_MARKUP = "*_~"
_NUMBER = re.compile(r"[0-9](?:[0-9.,]*[0-9])?")
_GROUPS = re.compile(r"([0-9]{1,3})([.,])[0-9]{3}(?:(?:\2[0-9]{3})+|(?=(?!\2)[.,]))(?:(?!\2)([.,])[0-9]+)?")
_LEADING = re.compile(r"[0-9]+(?:[.,][0-9]+)?(?![0-9])")
_LONGEST_NUMBER = 15
REMEMBERED = 40
"""Characters up to which what a text folds to is remembered: labels and words are compared again and again."""


def fold(text: str) -> str:
    """``text`` as it is compared: one case, one form of each character, bare of quotes and outer punctuation.

    Digits of every script and key-cap digits become ASCII; skin tones, direction marks and variation selectors
    go; a leading ``>`` goes. Joined emoji stay apart from the same emoji side by side. Text that is nothing but
    punctuation stays. Folding twice changes nothing more.

    >>> fold(' > "YES, please!" '), fold("٢"), fold("1\ufe0f\u20e3"), fold("?!")
    ('yes, please', '2', '1', '?!')
    """
    return _short(text) if len(text) <= REMEMBERED else _folded(text)


def _folded(text: str) -> str:
    before = None
    while text != before:
        before = text
        text = _bare(" ".join(_plain(text).casefold().split()))
    return text


_short = lru_cache(maxsize=8192)(_folded)


def without_pictures(folded: str) -> str:
    """Folded text bare of the emoji before and after it; empty if nothing is left.

    >>> without_pictures("✅ yes"), without_pictures("👍")
    ('yes', '')
    """
    start, end = 0, len(folded)
    while start < end and _is_decoration(folded[start]):
        start += 1
    while start < end and _is_decoration(folded[end - 1]):
        end -= 1
    return fold(folded[start:end])


def _is_decoration(char: str) -> bool:
    return char in (" ", _JOINER) or char in _TAGS or _is_picture(char)


def _bare(text: str) -> str:
    start, end = 0, len(text)
    while True:
        start = _past_opening(text, start, end)
        end = _before_closing(text, start, end)
        if end - start < 3 or text[start] != text[end - 1] or text[start] not in _MARKUP:
            return text[start:end] or text
        start, end = start + 1, end - 1


def _past_opening(text: str, start: int, end: int) -> int:
    """Past quotes and brackets, and dashes that stand apart."""
    while start < end:
        if text[start] in _BEFORE:
            start += 1
            continue
        place = start
        while place < end and text[place] == "-":
            place += 1
        if place in (start, end) or text[place] != " ":
            return start
        start = place
    return start


def _before_closing(text: str, start: int, end: int) -> int:
    while start < end:
        if text[end - 1] in _AFTER:
            end -= 1
            continue
        place = end
        while place > start and text[place - 1] == "-":
            place -= 1
        if place in (start, end) or text[place - 1] != " ":
            return end
        end = place
    return end


def _plain(text: str) -> str:
    """Compatible forms, ASCII digits, nothing invisible; the case and the punctuation as they were."""
    if text.isascii():
        return "".join(char if char >= " " else " " for char in text) if not text.isprintable() else text
    return _visible(unicodedata.normalize("NFKC", text.translate(_SAME)))


def _visible(text: str) -> str:
    out: list[str] = []
    for place, char in enumerate(text):
        if char.isascii() or char.isalpha():
            out.append(char if char >= " " else " ")
        elif not _is_dropped(char, out[-1] if out else "", text[place + 1 : place + 2]):
            out.append(_digit(char))
    return "".join(out)


def _is_dropped(char: str, before: str, after: str) -> bool:
    if char in _VARIATIONS:
        return True
    if char in _SKIN_TONES:
        return _is_picture(before)
    if char == _KEYCAP:
        return before != "" and before in "0123456789#*"
    if char == _JOINER:
        return not (_is_picture(before) and _is_picture(after))
    if char in _TAGS:
        return not (before == _BLACK_FLAG or before in _TAGS)
    return unicodedata.category(char) == "Cf"


def _is_picture(char: str) -> bool:
    return char != "" and not char.isascii() and unicodedata.category(char) in ("So", "Sm", "Sk")


def _digit(char: str) -> str:
    if unicodedata.category(char) == "Cc":
        return " "
    value = unicodedata.decimal(char, None)
    return char if value is None else str(value)


def digits_of(text: str) -> str:
    """Every decimal digit in ``text``, of any script, as ASCII.

    >>> digits_of("12-٣٤")
    '1234'
    """
    return "".join(char for char in _plain(text) if char in "0123456789")


def number_in(text: str) -> int | float | None:
    """The one number written in digits in ``text``; None if there is none, more than one, or a doubtful one.

    A decimal comma or point is read, and ``1,234,500`` or ``1.234,50`` in groups. ``1,000`` may mean one or a
    thousand, so it is no number; nor are the digits of ``A4`` or ``covid-19``.

    >>> number_in("2 people"), number_in("12,5"), number_in("2 or 3"), number_in("1,000")
    (2, 12.5, None, None)
    """
    plain = _plain(text)
    found = list(islice(_NUMBER.finditer(plain), 2))
    if len(found) != 1:
        return None
    before = plain[: found[0].start()][-2:]
    of_a_word = before[:-1].isalpha()
    if before[-1:].isalpha() or (of_a_word and before.endswith("-")):
        return None
    is_fraction = before.endswith((".", ",")) and not of_a_word
    value = _value("0." * is_fraction + found[0][0])
    return -value if value is not None and before.endswith("-") else value


def _value(digits: str) -> int | float | None:
    if len(digits) > _LONGEST_NUMBER:
        return None
    marks = [char for char in digits if char in ".,"]
    if not marks:
        return int(digits)
    groups = _GROUPS.fullmatch(digits)
    if groups:
        digits = digits.replace(groups[2], "")
    elif len(marks) > 1 or _may_be_a_group(digits):
        return None
    number = float(digits.replace(",", "."))
    return int(number) if number == int(number) else number


def _may_be_a_group(digits: str) -> bool:
    whole, _, rest = digits.replace(",", ".").partition(".")
    return len(rest) == 3 and len(whole) <= 3 and not whole.startswith("0")


def leading_number(text: str) -> str:
    """The digits that ``text`` begins with once folded, or empty.

    >>> leading_number("2 people"), leading_number("20:30"), leading_number("two")
    ('2', '20', '')
    """
    match = _LEADING.match(fold(text))
    return match[0] if match else ""


def words_of(text: str) -> list[str]:
    """The words of a text that is folded already; whatever is neither letter, digit nor accent parts them.

    >>> words_of("an agent, please 👍")
    ['an', 'agent', 'please', '👍']
    """
    out: list[str] = []
    word = ""
    for char in text:
        if char.isalnum() or char in "_'" or unicodedata.category(char).startswith("M"):
            word += char
            continue
        out += [part for part in (word, char if _is_picture(char) else "") if part]
        word = ""
    return [*out, word] if word else out
