"""Telephone numbers: which text is one, where it belongs, and what it costs to be wrong about it.

The number metadata is large, so it is loaded by the first question that needs it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

E164 = re.compile(r"\+[1-9][0-9]{6,14}")

_LONGEST_CALLER = 128
_LONGEST_DAY = len("20261231")
_IN_BRACKETS = re.compile(r"<([^<>]*)>\s*$")
_PUNCTUATION = re.compile(r"[ ().\-]")

# Premium numbers that the metadata does not call numbers at all (1-900, 1-976 and the 976 exchanges),
# and satellite networks, which cost as much and are what toll fraud dials.
_DEAR = re.compile(r"\+(?:1900|1976|1[2-9][0-9]{2}976|979|870|881|882)")


def e164(text: str) -> str | None:
    """``text`` as a valid number in E.164 (``+`` and 7 to 15 ASCII digits), or None when it is not one.

    Only that one spelling is read: no blanks, extensions, letters, ``00`` or digits of other scripts.
    """
    return _valid(text) if E164.fullmatch(text) else None


def region(number: str) -> str:
    """The country of an E.164 number, such as ``US``; ``001`` for world-wide numbers, empty when unknown."""
    return _region(number) if E164.fullmatch(number) else ""


def is_country(code: str) -> bool:
    """Whether numbers can belong to this country, such as ``US``."""
    from phonenumbers import SUPPORTED_REGIONS

    return code in SUPPORTED_REGIONS


def spellings(number: str) -> tuple[str, ...]:
    """How people and programs write an E.164 number, the shortest first; without the ``+``, which is a sign beside it.

    Digits without the country are left out where they could be a day: there must be nine of them on end.
    """
    import phonenumbers

    digits = number.removeprefix("+")
    found: list[str] = []
    if (parsed := _parsed(number)) is not None:
        forms = phonenumbers.PhoneNumberFormat
        shown = [phonenumbers.format_number(parsed, each) for each in (forms.NATIONAL, forms.INTERNATIONAL)]
        own = phonenumbers.national_significant_number(parsed), "".join(filter(str.isdigit, shown[0]))
        found = [each.removeprefix("+") for each in (*own, *shown)]
        found = [each for each in found if not each.isdigit() or len(each) > _LONGEST_DAY]
    return tuple(sorted({digits, f"00{digits}", *found}, key=lambda each: (len(each), each)))


def is_premium(number: str) -> bool:
    """Whether calling costs more than a call: premium rate, shared cost, satellite.

    The question is asked before dialling, so what is no E.164 number counts as premium.
    """
    return _premium(number) if E164.fullmatch(number) else True


def may_be_called(number: str, countries: Collection[str]) -> bool:
    """Whether this is the one spelling of a number that is not premium and lies in ``countries``, if any are named."""
    return e164(number) == number and not is_premium(number) and (not countries or region(number) in countries)


def normal_caller(text: object) -> str:
    """The caller of a callback in E.164, or empty when there is none. Never raises.

    The platform leaves out the ``+``, writes ``private``, ``anonymous``, ``Name <+digits>`` or nothing.
    """
    if not isinstance(text, str) or len(text) > _LONGEST_CALLER:
        return ""
    named = _IN_BRACKETS.search(text)
    return _caller(_PUNCTUATION.sub("", named[1] if named else text).strip())


def _caller(spelling: str) -> str:
    if spelling.startswith("+"):
        return spelling if E164.fullmatch(spelling) else ""
    return e164("+" + spelling.removeprefix("00")) or ""


def _parsed(number: str) -> PhoneNumber | None:
    import phonenumbers

    try:
        return phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return None


@lru_cache(maxsize=4096)
def _valid(number: str) -> str | None:
    import phonenumbers

    parsed = _parsed(number)
    if parsed is None or not phonenumbers.is_valid_number(parsed):
        return None
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


@lru_cache(maxsize=4096)
def _region(number: str) -> str:
    import phonenumbers

    parsed = _parsed(number)
    return (phonenumbers.region_code_for_number(parsed) or "") if parsed else ""


@lru_cache(maxsize=4096)
def _premium(number: str) -> bool:
    import phonenumbers

    parsed = _parsed(number)
    if parsed is None or _DEAR.match(number):
        return True
    kind = phonenumbers.number_type(parsed)
    return kind in (phonenumbers.PhoneNumberType.PREMIUM_RATE, phonenumbers.PhoneNumberType.SHARED_COST)
