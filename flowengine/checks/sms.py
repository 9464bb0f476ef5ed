"""The constant texts of a flow that go out as SMS, and what each costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flowengine.checks.base import View
from flowengine.checks.contents import Sent, content, messages
from flowengine.messages.compose import compose
from flowengine.messages.segments import Segments, count
from flowengine.model import Prompt, Source
from flowengine.problems import Mark
from flowengine.walk import within

SMS = "SMS"


@dataclass(frozen=True, slots=True)
class Text:
    """One text as it is sent, choices and all; ``sources`` are what it was written as."""

    text: str
    mark: Mark
    state: str
    language: str
    segments: Segments
    sources: tuple[Source, ...]


def texts_of(view: View) -> list[Text]:
    """Every SMS whose words are known, once for each wording; nothing of a flow that sends no SMS."""
    key = (SMS, view.flow.name)
    if key not in view.book.cache:
        view.book.cache[key] = list(_texts(view))
    found: list[Text] = view.book.cache[key]
    return found


def _texts(view: View) -> Iterator[Text]:
    for sent in messages(view):
        if SMS in sent.channels and not _has_own_form(sent):
            told: set[str] = set()
            for language in view.flow.languages:
                sources = tuple(_sources(view, sent, language))
                if any(each.dynamic for each in sources) or sent.value.get("each"):
                    continue
                text = _composed(view, sent, language)
                if text and text not in told:
                    told.add(text)
                    mark = sources[0].mark if sent.text is not None and sources else sent.mark
                    yield Text(text, mark, sent.state, language, count(text), sources)


def _has_own_form(sent: Sent) -> bool:
    template = sent.value.get("template") if sent.role == "send" else None
    return bool(template) or SMS in (sent.value.get("explicit") or {})


def _composed(view: View, sent: Sent, language: str) -> str:
    message = compose(content(view, sent, language, SMS), SMS)
    return str((message.get("text_message") or {}).get("text") or "")


def _sources(view: View, sent: Sent, language: str) -> Iterator[Source]:
    """What the text is made of, in this language."""
    yield from _worded(view, sent.text, language)
    shown = ("choices", "media", "card", "carousel", "list", "location", "contact")
    for name in shown if sent.role in ("prompt", "repeat_prompt", "send") else ():
        yield from _worded(view, sent.value.get(name), language)


def _worded(view: View, value: Any, language: str) -> Iterator[Source]:
    if isinstance(value, Prompt):
        yield from (part.source for part in value.in_language(language, view.flow.languages[0], SMS))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _worded(view, each, language)
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _worded(view, each, language)
    elif hasattr(value, "label"):
        for each in (value.label, value.description, value.url, value.call, value.location, value.calendar):
            yield from _worded(view, each, language)
    else:
        yield from within(value)
