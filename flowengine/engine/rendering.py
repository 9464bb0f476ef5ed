"""Linked values of a message, with the words of the contact's language and channel put in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flowengine.linking import Wording, fill

if TYPE_CHECKING:
    from flowengine.engine.chat_turn import ChatTurn


def rendered(turn: ChatTurn, item: Any, scope: Mapping[str, Any] | None = None) -> Any:
    """Any JSON of an op; ``scope`` in place of the turn's."""
    seen = turn.scope if scope is None else scope
    if isinstance(item, Wording):
        return item.words(turn.language, turn.talk.channel, seen)
    if isinstance(item, Mapping):
        return {key: rendered(turn, each, seen) for key, each in item.items()}
    if isinstance(item, list | tuple):
        return [rendered(turn, each, seen) for each in item]
    return fill(item, seen)


def varies(item: Any) -> bool:
    """Whether anything in it is filled in: what does not vary is the same in every turn."""
    if isinstance(item, Wording):
        return any(type(each) is not str for each in item.texts.values())
    if isinstance(item, Mapping):
        return any(varies(each) for each in item.values())
    if isinstance(item, list | tuple):
        return any(varies(each) for each in item)
    return not isinstance(item, str | int | float | bool | None)
