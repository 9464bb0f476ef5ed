"""Fixtures that several files use."""

from chatting import open_chat

__all__ = ["open_chat"]
