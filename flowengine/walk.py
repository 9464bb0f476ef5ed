"""Every :class:`~flowengine.model.Source` of a flow, wherever it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from flowengine.model import Flow, Source

_SKIPPED = {"project", "lines", "mark", "kind_mark", "start_mark"}


def sources(flow: Flow) -> Iterator[Source]:
    yield from within(flow)


def within(value: Any) -> Iterator[Source]:
    """Every source inside a value of the model."""
    if isinstance(value, Source):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from within(each)
    elif isinstance(value, tuple | list):
        for each in value:
            yield from within(each)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            if field.name not in _SKIPPED:
                yield from within(getattr(value, field.name))
