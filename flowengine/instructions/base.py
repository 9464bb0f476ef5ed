"""What every instruction says about itself."""

from __future__ import annotations

from typing import Any, ClassVar

from flowengine.fields import Type
from flowengine.lowering import lower
from flowengine.model import Instruction


class Instruct:
    """One instruction. The docstring begins with a worked example, then says what it does."""

    name: ClassVar[str]
    type: ClassVar[Type]
    emits: ClassVar[tuple[str, ...]] = ()
    """The SVAML instructions it may become; empty where it adds nothing to an answer."""

    sound: ClassVar[bool] = False

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
