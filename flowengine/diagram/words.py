"""What a card says: prompts and instructions in a few short lines."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from flowengine.content import SHAPES
from flowengine.model import Flow, Instruction, Prompt, State
from flowengine.states import KINDS
from flowengine.states.base import spoken

FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
WIDTH = 34
LINES = 2
UNREADABLE = "unreadable"
SOUND = ("say", "play")
DONE = {
    "log": "logs",
    "track": "tracks",
    "tag": "tags",
    "untag": "untags",
    "dtmf": "sends tones",
    "cookie": "sets a cookie",
}


def wrapped(text: str, width: int = WIDTH, lines: int = LINES) -> list[str]:
    """The text in at most ``lines`` lines of ``width`` characters; what is left out shows as "…"."""
    return textwrap.wrap(clean(text), width, max_lines=lines, placeholder="…", break_on_hyphens=False)


def clean(text: str) -> str:
    """The text without what XML cannot hold."""
    return FORBIDDEN.sub(" ", text)


def body(state: State, flow: Flow) -> tuple[str, ...]:
    """The lines under a card's header: what it does first, then what its kind does."""
    done = " · ".join(filter(None, (_done(each, flow) for each in state.do)))
    paragraphs = [done]
    if state.kind and state.kind != "route":
        paragraphs += KINDS[state.kind].summary(state, flow).splitlines()
    return tuple(line for text in paragraphs for line in wrapped(text))


def _done(instruction: Instruction, flow: Flow) -> str:
    name, value = instruction.name, instruction.value
    if isinstance(value, Prompt):
        return spoken(value, flow)
    if name == "send":
        return f"sends {sent(value, flow)}"
    if name == "record":
        return "stops recording" if value == "stop" else "records"
    if name in ("set", "clear"):
        return f"{name}s {', '.join(value)}"
    return DONE.get(name, name.replace("_", " "))


def sent(value: Mapping[str, Any], flow: Flow) -> str:
    """What a ``send`` sends, in a few words: its text, or the title of what it is."""
    text = value.get("text")
    if isinstance(text, Prompt):
        return spoken(text, flow)
    if text:
        return f"“{text.text}”"
    what = next((name for name in SHAPES if value.get(name)), "")
    title = value[what].get("title") or value[what].get("name") if what else None
    named = f" {spoken(title, flow)}" if isinstance(title, Prompt) else f" {title}" if isinstance(title, str) else ""
    return f"{what if what == 'media' else f'a {what}'}{named}" if what else "a message"


def tag(state: State) -> str:
    """The word for what a state is: its kind, or the first thing it does, sounds before the rest."""
    if state.kind_mark != state.mark and not state.kind:
        return UNREADABLE
    names = [each.name for each in state.do]
    return state.kind or next(iter([name for name in names if name in SOUND] or names), "next")


def first_of(words: Iterable[str]) -> str:
    """The first of some words, and how many more there are."""
    unique = list(dict.fromkeys(words))
    more = f" +{len(unique) - 1}" if len(unique) > 1 else ""
    return f"{unique[0]}{more}" if unique else ""
