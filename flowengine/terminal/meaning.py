"""A typed line → the act of a scenario that it stands for, or a command of the terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

import orjson

from flowengine.document import Seq, read
from flowengine.fields import Reader
from flowengine.problems import did_you_mean
from flowengine.scenarios.steps import ACTS, Step, read_step
from flowengine.scenarios.values import CALLEE


@dataclass(frozen=True, slots=True)
class Command:
    """One of :data:`COMMANDS`, and what was typed behind it."""

    name: str
    rest: str = ""


class NotUnderstood(Exception):
    """A line that means nothing here: one sentence, and what can be typed."""


@dataclass(frozen=True, slots=True)
class Situation:
    """Where things stand when a line is typed.

    ``asked``: a question plays; ``called``: somebody is rung, or talks with whoever is on the line; ``labels`` are
    those of the newest message that shows any; ``due`` is in how many seconds something happens by itself.
    ``bare`` is the channel if it shows no buttons, ``lines`` then the mark and the label of each line to choose from.
    """

    channel: Literal["voice", "message"]
    asked: bool = False
    called: bool = False
    labels: tuple[str, ...] = ()
    due: float | None = None
    bare: str = ""
    lines: tuple[tuple[str, str], ...] = ()


COMMANDS: Mapping[str, str] = {
    "help": "what can be typed",
    "state": "where the flow stands",
    "vars": "what its variables hold; sensitive ones are ****",
    "contact": "what is known of the contact",
    "svaml": "the last answer to the platform; in a chat the last message, as its API takes it",
    "save": "NAME [FILE]: keep what was played as a scenario",
    "quit": "end",
}
SHORT: Mapping[str, str] = {
    "wait": "time passes",
    "again": "callback comes again",
    "photo": "shares: photo",
    "location": "shares: location",
    "tap": "taps",
    "press": "presses",
    "write": "writes",
    "dial": "caller dials",
    "start": "flow starts",
    "hangup": "hangs up",
    "link": "follows link",
}
_ALSO = {"exit": "quit", "bye": "quit", "?": "help", "variables": "vars", "q": "quit"}
_KEYS = re.compile(r"[0-9*#]+")
_NUMBERED = re.compile(r"\[([0-9]{1,3})\]?")
_TAP = re.compile(r"tap\s+(\S.*)", re.IGNORECASE)
_HANG_UP = ("hangup", "hang up", "hangs up")
_CALLEE = {
    **{each: each for each in CALLEE},
    "answer": "answers",
    "noanswer": "no answer",
    "notsure": "not sure",
    "voicemail": "machine",
}


def meant(line: str, now: Situation) -> Step | Command | None:
    """What a line stands for; None for an empty line of a chat. Raises :class:`NotUnderstood`."""
    text = line.strip()
    if text.startswith("/"):
        return _slash(text[1:].strip(), now)
    return _in_chat(text, now) if now.channel == "message" else _on_phone(text, now)


# --- without a slash -------------------------------------------------------------------------------------


def _on_phone(text: str, now: Situation) -> Step:
    if _KEYS.fullmatch(text):
        return step("presses", text)
    if text in ("", "."):
        return step("says nothing") if now.asked or now.due is None else _until_due(now)
    word = _worded(text)
    if word in _HANG_UP and not (word == "hangs up" and now.called):
        return step("hangs up")
    if word in _CALLEE:
        return step("callee", _CALLEE[word])
    hint = did_you_mean(word, [*_CALLEE, "hangup"])
    hint = hint or "; type keys, hangup, or . for silence"
    raise NotUnderstood(f'"{text}" means nothing here{hint} (/help says more)')


def _in_chat(text: str, now: Situation) -> Step | None:
    if not text:
        return None
    if text == ".":
        return _until_due(now)
    numbered = _NUMBERED.fullmatch(text)
    if numbered and now.labels:
        return step("taps", _label(int(numbered[1]), now.labels))
    tapped = _TAP.fullmatch(text)
    if now.bare and (numbered or tapped):
        raise NotUnderstood(_nothing_to_tap(text, numbered[1] if numbered else "", tapped[1] if tapped else "", now))
    return step("taps", tapped[1]) if tapped and now.labels else step("writes", text)


def _nothing_to_tap(text: str, number: str, label: str, now: Situation) -> str:
    """``SMS shows no buttons: write 2``."""
    at = int(number or 0) - 1
    if number:
        mark = now.lines[at][0] if 0 <= at < len(now.lines) else ""
    else:
        mark = next((mark for mark, each in now.lines if each.casefold() == label.casefold()), "")
    return f"{now.bare} shows no buttons: write {mark or 'what you choose'} (/write {text} sends these very words)"


def _label(number: int, labels: Sequence[str]) -> str:
    if not 1 <= number <= len(labels):
        shown = "; ".join(f"[{at} {label}]" for at, label in enumerate(labels, 1))
        raise NotUnderstood(f"there is no [{number}]: the last message shows {shown}")
    return labels[number - 1]


def _until_due(now: Situation) -> Step:
    if now.due is None:
        raise NotUnderstood("nothing happens by itself now, however long one waits")
    return Step("time passes", float(max(1, ceil(now.due))))


def _worded(text: str) -> str:
    return " ".join(re.split(r"[\s_-]+", text.casefold()))


# --- with a slash ----------------------------------------------------------------------------------------


def _slash(text: str, now: Situation) -> Step | Command | None:
    if not text:
        return Command("help")
    for act in sorted(ACTS, key=len, reverse=True):
        if found := re.fullmatch(rf"{act.replace(' ', '[ _-]')}(?:\s*:\s*|\s+|$)(.*)", text, re.IGNORECASE):
            return step(act, found[1].strip())
    word, _, rest = text.partition(" ")
    name = _ALSO.get(word.lower(), word.lower())
    if name in COMMANDS:
        return Command(name, rest.strip())
    if name == "wait" and not rest.strip():
        return _until_due(now)
    if name in SHORT:
        act, _, value = SHORT[name].partition(": ")
        return step(act, value or rest.strip())
    hint = did_you_mean(name, [*COMMANDS, *SHORT, *ACTS]) or "; /help lists what there is"
    raise NotUnderstood(f"there is no /{word}{hint}")


def step(word: str, value: str = "") -> Step:
    """An act, its value read as in a file of scenarios. Raises :class:`NotUnderstood`."""
    text = f"steps:\n- {word}" + (f": {_WRITTEN.get(word, _quoted)(value)}" if value else "") + "\n"
    document = read(text.encode("utf-8", "replace"), "")
    found = document.root.entries.get("steps") if document.root is not None else None
    reader = Reader("")
    made = read_step(found.items[0], reader) if isinstance(found, Seq) and found.items else None
    problems = [*document.problems, *reader.problems]
    if made is None or problems:
        raise NotUnderstood(_told(word, value, f"{problems[0].message}" if problems else "that cannot be read"))
    return Step(made.word, made.value)


def _told(word: str, value: str, message: str) -> str:
    return f"{message} (/{word} …)" if not value else message


def _quoted(value: str) -> str:
    """As YAML: data in braces as it stands, everything else as text."""
    return value if value[0] in "{[" else orjson.dumps(value).decode()


def _written(value: str) -> str:
    return orjson.dumps(value).decode()


def _event(value: str) -> str:
    """``paid {"amount": 12}``."""
    name, _, data = value.partition(" ")
    if value[0] == "{" or not data.strip():
        return _quoted(value)
    return f"{{name: {_written(name)}, data: {_quoted(data.strip())}}}"


def _inputs(value: str) -> str:
    """``name=Ann time=noon``, or a mapping."""
    if "=" not in value or value[0] == "{":
        return _quoted(value)
    pairs = re.findall(r"([A-Za-z_]\w*)=(.*?)(?=\s+[A-Za-z_]\w*=|$)", value)
    return "{" + ", ".join(f"{name}: {_written(each)}" for name, each in pairs) + "}"


_WRITTEN: Mapping[str, Callable[[str], str]] = {"writes": _written, "event": _event, "flow starts": _inputs}

HELP: Mapping[str, Sequence[tuple[str, str]]] = {
    "voice": (
        ("2   1234#", "keys that are pressed"),
        (".   or an empty line", "says nothing, until the question gives up"),
        ("hangup", "who is on the line hangs up"),
        ("answers, no answer, busy …", "what becomes of the one who is rung: " + ", ".join(CALLEE)),
    ),
    "message": (
        ("any text", "what the contact writes"),
        ("[2   or tap LABEL", "taps what the newest message shows"),
        (".", "waits until something happens by itself"),
    ),
}


def help_lines(channel: str) -> list[str]:
    """What can be typed, a line each."""
    acts = [
        *HELP[channel],
        ("/wait 3d", "time passes; without a length until the next thing happens"),
        ("/again", "the last callback or webhook comes a second time"),
        ("/dial, /start NAME=VALUE", "another call comes in; the flow is started from outside"),
        ("/photo, /location", "what the contact shares"),
        ("/event NAME [JSON]", "another program tells of an event"),
        ("/receipt failed", "what becomes of the last message"),
        ("/notify NAME", "a notification, such as recording_available"),
        ("/ACT VALUE", "any act of a scenario, such as /platform refuses or /menu fails"),
    ]
    told = [(f"/{name}", doc) for name, doc in COMMANDS.items()]
    return [f"  {typed:<26} {doc}" for typed, doc in [*acts, *told]]
