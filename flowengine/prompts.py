"""The small language of prompts: ``#tts[…]``, ``#ssml[…]``, ``#href[…]`` or a file name, joined by ``;``.

Whatever the text holds, the functions here write exactly one prompt. :func:`parse` reads prompts back and
knows nothing of how they were written, so that one can be held against the other.

A ``;`` separates prompts only outside brackets: XML entities need it inside. Should the platform ever
cut at every ``;``, no rest of a dynamic value could open a prompt, as none of them keeps a bracket.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape
from typing import Literal
from urllib.parse import urlsplit

from flowengine.svaml import MAX_SPEECH

Kind = Literal["tts", "ssml", "href", "file"]

MAX_SILENCE = 600.0
_LONGEST_BREAK = 10_000  # ms: speech engines cut a longer <break> short

_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # control characters that are no white space
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction marks
    "\ue000-\ue00f"  # our own placeholders for secrets
    "\ud800-\udfff\ufeff\ufffe\uffff]"
)
_PLAIN = str.maketrans({"[": "(", "]": ")", ";": ","})
_XML = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "[": "(", "]": ")", ";": ","}
)
_BRACKETS = str.maketrans({"[": "&#91;", "]": "&#93;"})
ordinary = re.compile(r"(?:[A-Za-z0-9.,:!?'\"()&/@+-]+ )*[A-Za-z0-9.,:!?'\"()&/@+-]+").fullmatch
"""Words with one blank between them, which :func:`plain` gives back as they are; else None.

Most of what is said, told apart in a third of the time of cleaning it.
"""

_OPENER = re.compile(r"#\s*(?:tts|ssml|href)\s*\[", re.IGNORECASE)
_URL = re.compile(r"https?://[!-~]+", re.IGNORECASE)
_NOT_IN_URL = re.compile(r"""[\[\];"<>\\^`{|}]""")
_NOT_IN_FILE = re.compile(r"[;\[\]#/\\\x00-\x1f\x7f-\x9f\ud800-\udfff\ue000-\ue00f]")
_SENTENCE_END = re.compile(r"[.!?…]['\")”’]*\s|[。！？]")

_TAG = re.compile(r"<[^>]*>")
_PARTING = re.compile(r"</?(?:break|p|s|speak|audio|mark)\b[^>]*>")
_KINDS: dict[str, Kind] = {"tts": "tts", "ssml": "ssml", "href": "href"}
_ONE = re.compile(
    r"#(?P<kind>tts|ssml|href)\[(?P<body>[^\[\]]*)\]"
    r"|(?P<file>[^;\[\]#/\\\s\x00-\x1f\x7f-\x9f][^;\[\]#/\\\x00-\x1f\x7f-\x9f]*)"
)


def clean(text: str) -> str:
    """``text`` without characters nobody can hear, white space collapsed to single blanks."""
    if not (text.isascii() and text.isprintable()):
        text = _INVISIBLE.sub("", text)
    return " ".join(text.split())


def plain(text: str) -> str:
    """``text`` to be spoken as it stands: round brackets and commas where prompts have signs of their own."""
    if ordinary(text) is not None:
        return text
    return clean(text).translate(_PLAIN)


def tts(text: str) -> str:
    """One spoken prompt."""
    return f"#tts[{plain(text)}]"


def escape_xml(text: str) -> str:
    """A value for a place inside SSML, in text or in a quoted attribute."""
    return clean(text).translate(_XML)


def ssml(markup: str) -> str:
    """One prompt of the author's markup, put into ``<speak>`` where that is missing.

    Values inside must have come through :func:`escape_xml`. Brackets become character references, so CDATA
    sections do not survive.
    """
    markup = clean(markup).translate(_BRACKETS)
    if not markup.startswith("<speak"):
        markup = f"<speak>{markup}</speak>"
    return f"#ssml[{markup}]"


def href(url: str) -> str:
    """One prompt of audio that the platform fetches. ValueError unless :func:`is_url`."""
    if not is_url(url):
        raise ValueError("a sound's address begins http(s)://, is ASCII, and has no blanks, brackets or ';'")
    return f"#href[{url}]"


def is_url(text: str) -> bool:
    """Whether a prompt may fetch from ``text``: http(s), a host, no user name, no sign of this language."""
    if not _URL.fullmatch(text) or _NOT_IN_URL.search(text):
        return False
    where = urlsplit(text).netloc
    return bool(where) and "@" not in where and not where.startswith(":")


def file(name: str) -> str:
    """One prompt of an uploaded file. ValueError when the name would end the prompt or be a path."""
    if not name or name != name.strip() or _NOT_IN_FILE.search(name):
        raise ValueError("a file's name is not empty and has no ';', '#', '[', ']', '/' or '\\'")
    return name


def silence(seconds: float) -> str:
    """One prompt of ``seconds`` of nothing, up to ten minutes. ValueError outside that."""
    if not 0 < seconds <= MAX_SILENCE:
        raise ValueError(f"a pause lasts more than 0 and at most {MAX_SILENCE:.0f} seconds")
    whole, rest = divmod(max(1, round(seconds * 1000)), _LONGEST_BREAK)
    breaks = [_LONGEST_BREAK] * whole + [rest] * (rest > 0)
    return ssml("".join(f'<break time="{each}ms"/>' for each in breaks))


def joined(prompts: Iterable[str]) -> str:
    """Several prompts as the one string that the platform plays without gaps."""
    return ";".join(prompts)


def split(text: str, limit: int = MAX_SPEECH) -> list[str]:
    """Pieces of at most ``limit`` characters, cut after a sentence, else after a word, else anywhere."""
    rest = text.strip()
    pieces = []
    while len(rest) > limit:
        cut = _cut(rest, limit)
        pieces.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*pieces, rest] if rest else pieces


def _cut(text: str, limit: int) -> int:
    head = text[: limit + 1]  # a blank may stand just behind the last character that fits
    ends = [found.end() for found in _SENTENCE_END.finditer(head)]
    fitting = [end for end in ends if len(head[:end].rstrip()) <= limit]
    if fitting:
        return fitting[-1]
    blank = max(head.rfind(" "), head.rfind("\n"), head.rfind("\t"))
    return blank if blank > 0 else limit


def parse(prompts: str) -> list[tuple[Kind, str]]:
    """The prompts of a string in order, each as its kind and its inside. ValueError when malformed."""
    found: list[tuple[Kind, str]] = []
    at = 0
    while one := _ONE.match(prompts, at):
        kind, body, name = one.groups()
        found.append(("file", name) if kind is None else (_KINDS[kind], body))
        at = one.end()
        if at == len(prompts):
            return found
        if prompts[at] != ";":
            break
        at += 1
    raise ValueError("not a list of prompts")


def heard(prompts: str) -> list[tuple[Kind, str]]:
    """What is heard of a string: words without their markup, and names of files; pauses are nothing. Never raises."""
    if not prompts:
        return []
    try:
        found = parse(prompts)
    except ValueError:
        return [("file", prompts)]
    told = [(kind, " ".join((_words(body) if kind == "ssml" else body).split())) for kind, body in found]
    return [(kind, words) for kind, words in told if words]


def spoken(prompts: str) -> str:
    """What is heard of a string, as one text."""
    return " ".join(words for _, words in heard(prompts))


def _words(markup: str) -> str:
    """The text between tags, of which some stand in the middle of a word and others part words."""
    return unescape(_TAG.sub("", _PARTING.sub(" ", markup)))


def author_escape(text: str) -> str | None:
    """Why a constant text would leave its prompt, as a sentence, or None when it would not."""
    opener = _OPENER.search(text)
    if opener:
        return f'"{opener[0]}" would begin a prompt inside this text.'
    if "]" in text:
        return '"]" would end the prompt before the text is over.'
    return None


def opens_prompt(text: str) -> bool:
    """Whether ``text`` holds the beginning of a prompt, in any case and spacing."""
    return "[" in text and _OPENER.search(text) is not None
