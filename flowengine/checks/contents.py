"""What a flow sends, as data: each message in each language and for each channel, its expressions left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flowengine.checks.base import View
from flowengine.checks.texts import HIDDEN, literal
from flowengine.graph import branches_of
from flowengine.model import Choice, Instruction, Prompt, Source, State
from flowengine.problems import Mark

BODIES = ("card", "carousel", "list", "media", "location", "contact", "template")


@dataclass(frozen=True, slots=True)
class Sent:
    """One message. ``channels`` are those it may go to; ``value`` is the ask's or send's config, or the prompt.

    ``text`` is what stands in it as text, ``role`` says what of a state it is: ``say``, ``send``, ``prompt``,
    ``repeat_prompt`` or ``remind``.
    """

    state: str
    role: str
    mark: Mark
    channels: tuple[str, ...]
    text: Prompt | None
    value: Mapping[str, Any]


def messages(view: View) -> list[Sent]:
    """Every message of the flow, in the order of the file."""
    if "messages" not in view.cache:
        view.cache["messages"] = list(_messages(view))
    found: list[Sent] = view.cache["messages"]
    return found


def _messages(view: View) -> Iterator[Sent]:
    for handler in view.flow.on.values():
        for branch in handler.branches:
            yield from _instructed(view, branch.do, "")
    for state in view.flow.states.values():
        yield from _instructed(view, state.do, state.name)
        if state.kind == "ask" and state.config:
            yield from _asked(view, state)
        for branch in branches_of(state):
            yield from _instructed(view, branch.do, state.name)


def _instructed(view: View, do: tuple[Instruction, ...], state: str) -> Iterator[Sent]:
    talks = view.flow.channel == "message"
    for each in do:
        if each.name == "say" and talks:
            yield Sent(state, "say", each.mark, view.flow.channels, each.value, {})
        elif each.name == "send" and isinstance(each.value, Mapping):
            own = each.value.get("channel")
            channels = (own,) if own else view.flow.channels if talks else ("SMS",)
            yield Sent(state, "send", each.mark, channels, each.value.get("text"), each.value)


def _asked(view: View, state: State) -> Iterator[Sent]:
    config, channels = state.config, view.flow.channels
    yield Sent(state.name, "prompt", config["prompt"].mark, channels, config["prompt"], config)
    if config["repeat_prompt"]:
        yield Sent(state.name, "repeat_prompt", config["repeat_prompt"].mark, channels, config["repeat_prompt"], config)
    for each in config["remind"] or ():
        yield Sent(state.name, "remind", each["say"].mark, channels, each["say"], {})


def in_words(view: View, prompt: Prompt | Source, language: str, channel: str) -> str:
    """The words for a language and a channel, as far as they are the same for everybody."""
    if isinstance(prompt, Source):
        return literal(view, prompt).replace(HIDDEN, "")
    parts = prompt.in_language(language, view.flow.languages[0], channel)
    return "".join(literal(view, part.source).replace(HIDDEN, "") for part in parts)


def content(view: View, sent: Sent, language: str, channel: str) -> dict[str, Any]:
    """The message as it is composed for the channel (see :mod:`flowengine.messages.compose`)."""

    def words(value: Any) -> Any:
        if isinstance(value, Prompt | Source):
            return in_words(view, value, language, channel)
        if isinstance(value, Mapping):
            return {key: _part(key, each, words) for key, each in value.items() if each is not None}
        return [words(each) for each in value] if isinstance(value, tuple) else value

    found: dict[str, Any] = {"text": words(sent.text)} if sent.text is not None else {}
    choices = sent.value.get("choices")
    if choices:
        found["options"] = _options(choices, words)
    for name in BODIES if sent.role == "send" else ():
        if sent.value.get(name):
            value = sent.value[name]
            found[name] = {"url": words(value)} if isinstance(value, Source) else words(value)
    if sent.value.get("media") and sent.role == "prompt":
        found["media"] = {"url": words(sent.value["media"])}
    if sent.value.get("as"):
        found["as"] = sent.value["as"]
    return found


def _part(key: str, value: Any, words: Callable[[Any], Any]) -> Any:
    return _options(value, words) if key == "choices" else words(value)


def _options(choices: tuple[Choice, ...], words: Callable[[Any], Any]) -> list[dict[str, Any]]:
    return [_option(each, words) for each in choices]


def _option(choice: Choice, words: Callable[[Any], Any]) -> dict[str, Any]:
    kinds = ("url", "call", "location", "calendar", "share_location")
    found = {"value": choice.value, "kind": next((kind for kind in kinds if getattr(choice, kind)), "reply")}
    if choice.key:
        found["key"] = choice.key
    if choice.label is None:
        return {**found, "shown": False}
    description = {"description": words(choice.description)} if choice.description else {}
    return {**found, "label": words(choice.label), **description}
