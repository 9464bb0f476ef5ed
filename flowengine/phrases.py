"""Words to look for in what people hear and read: plain ones, or ``/…/``, a regular expression (RE2)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flowengine.document import Node
from flowengine.fields import TEXTUAL, Reader, Template, Type
from flowengine.patterns import BadPattern, compile_pattern


@dataclass(frozen=True, slots=True)
class Phrase:
    """``source`` as written. Plain words are found whatever their case and white space, a pattern as it stands."""

    source: str

    @property
    def pattern(self) -> str:
        """What stands between the slashes; empty for plain words."""
        found = len(self.source) > 2 and self.source[0] == self.source[-1] == "/"
        return self.source[1:-1] if found else ""

    def found_in(self, text: str) -> bool:
        if not self.pattern:
            return _folded(self.source) in _folded(text)
        try:
            return compile_pattern(self.pattern).compiled.search(_on_one_line(text)) is not None
        except UnicodeEncodeError:
            return False

    def __str__(self) -> str:
        return self.source if self.pattern else f'"{self.source}"'


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


@lru_cache(maxsize=4096)
def _folded(text: str) -> str:
    return _on_one_line(text).casefold()


@dataclass(frozen=True)
class Phrased(Type):
    """Reads a :class:`Phrase`."""

    def read(self, node: Node, reader: Reader) -> Phrase | None:
        text = Template(prose=True).read(node, reader)
        if text is None or getattr(node, "empty", False):
            return None
        if not text.text.strip():
            reader.problem("shape", node, f"found no words; expected {self.phrase()}", "write what is said")
            return None
        return Phrase(text.text) if self._is_sound(text.text, node, reader) else None

    def _is_sound(self, text: str, node: Node, reader: Reader) -> bool:
        pattern = Phrase(text).pattern
        try:
            everywhere = text == "//" or bool(pattern and compile_pattern(pattern).matches(""))
        except BadPattern as error:
            message = f"not a regular expression (RE2): {error}"
            reader.problem("pattern", node, message, "look-around and \\1 do not exist")
            return False
        if everywhere:
            reader.problem("pattern", node, f"{text} is found in every text", "write what must be there")
        return not everywhere

    def schema(self) -> dict[str, Any]:
        return {"type": TEXTUAL, "pattern": "[^ ]"}

    def phrase(self) -> str:
        return "words, or a pattern such as /tot(al|als)/"


PHRASE = Phrased()
