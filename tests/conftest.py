"""Fixtures that several files use."""

from chatting import open_chat
from problem_fixtures import problems, told

__all__ = ["open_chat", "problems", "told"]
