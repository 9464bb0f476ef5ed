"""Functions that a flow may call: ``@function`` in the ``functions.py`` beside the flows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

MARK = "__flowengine_function__"


def function(target: F) -> F:
    """Offer ``target`` to the flows of this folder under its own name.

    It is called with the ``with:`` of the state as keyword arguments and returns JSON-like data, which the
    flow reads as ``result``. Raising anything leads to the state's ``error``.
    """
    setattr(target, MARK, True)
    return target


def offered(namespace: dict[str, Any]) -> dict[str, Callable[..., Any]]:
    """The functions a module namespace offers, by name."""
    return {name: value for name, value in namespace.items() if getattr(value, MARK, False)}
