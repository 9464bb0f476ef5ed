"""The examples in the docstrings hold."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

from flowengine import messages


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(messages.__path__)])
def test_docstrings(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"flowengine.messages.{name}")).failed == 0
