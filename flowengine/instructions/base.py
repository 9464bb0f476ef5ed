"""What every instruction says about itself."""

from __future__ import annotations

from typing import Any, ClassVar

from flowengine.document import Node
from flowengine.fields import Reader, Type
from flowengine.lowering import lower
from flowengine.model import Instruction


class Instruct:
    """One instruction. The docstring begins with a worked example, then says what it does."""

    name: ClassVar[str]
    type: ClassVar[Type]
    emits: ClassVar[tuple[str, ...]] = ()
    """The SVAML instructions it may become; empty where it adds nothing to an answer."""

    sound: ClassVar[bool] = False
    channels: ClassVar[tuple[str, ...]] = ("voice", "message")
    nearest: ClassVar[str] = ""
    """What to write in the other sort of flow."""

    def read(self, node: Node, reader: Reader) -> Any:
        """The value as written, or None where it cannot be used; then the reader was told."""
        return self.type.read(node, reader)

    def lower(self, value: Any) -> Any:
        """What the engine needs, as JSON."""
        return lower(value)

    def run(self, op: Any, call: Any) -> None:
        """Add to the answer of the turn, or change what the session knows."""
        raise NotImplementedError

    def writes(self, value: Any) -> tuple[str, ...]:
        """Names of variables it gives a value."""
        return ()

    def svaml(self, instruction: Instruction) -> tuple[str, ...]:
        """The SVAML instructions this one becomes."""
        return self.emits
