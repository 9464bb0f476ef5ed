"""The model's values → the JSON of a compiled flow.

Text without ``{{ }}`` stays text. ``{"$t": source, "at": place}`` is a template, ``{"$g": …}`` a guard,
``{"$p": {language: [[kind, value], …]}}`` a prompt, ``{"$map": {…}}`` data whose keys the author chose.
:mod:`flowengine.linking` turns them into something that can be run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowengine.model import Branch, Handler, Prompt, Source


def lower(value: Any) -> Any:
    """A config value of any shape as JSON."""
    if isinstance(value, Source):
        return lower_source(value)
    if isinstance(value, Prompt):
        return lower_prompt(value)
    if isinstance(value, Mapping):
        return {"$map": {key: lower(each) for key, each in value.items()}}
    if isinstance(value, list | tuple):
        return [lower(each) for each in value]
    return value


def lower_source(source: Source) -> Any:
    if not source.dynamic:
        return source.text
    return {"$g" if source.guard else "$t": source.text, "at": str(source.mark)}


def lower_url(source: Source) -> Any:
    """A URL: what is put in is escaped."""
    return {"$u": source.text, "at": str(source.mark)} if source.dynamic else source.text


def lower_prompt(prompt: Prompt) -> dict[str, Any]:
    return {
        "$p": {
            language: [[part.kind, lower_source(part.source)] for part in parts]
            for language, parts in prompt.wording.items()
        }
    }


def lower_fields(config: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The named fields that have a value, lowered."""
    return {name: lower(config[name]) for name in names if config.get(name) is not None}


def lower_branch(branch: Branch) -> dict[str, Any]:
    from flowengine.instructions import lower_all

    lowered: dict[str, Any] = {"to": branch.to, "line": branch.mark.line}
    if branch.when is not None:
        lowered["when"] = lower_source(branch.when)
    if branch.do:
        lowered["do"] = lower_all(branch.do)
    return lowered


def lower_handler(handler: Handler) -> dict[str, Any]:
    lowered: dict[str, Any] = {"branches": [lower_branch(branch) for branch in handler.branches]}
    if handler.retry:
        lowered["retry"] = handler.retry
    return lowered
