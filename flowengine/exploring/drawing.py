"""Hypothesis, which draws what nobody wrote, and keeps nothing in the folder that it is called in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

_within: list[str] = []
"""The folder that is used now: of one drawing within another, the outer one's."""


@contextmanager
def drawing() -> Iterator[None]:
    """Draw within this: what Hypothesis caches goes to a folder that is removed again."""
    from hypothesis.configuration import set_hypothesis_home_dir

    if _within:
        yield
        return
    with TemporaryDirectory(prefix="flowengine-") as folder:
        _within.append(folder)
        set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            set_hypothesis_home_dir(None)
            _within.clear()
