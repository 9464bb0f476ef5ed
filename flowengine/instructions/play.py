"""
```yaml
do:
  - play: [welcome.wav, "https://cdn.example.com/news.mp3"]
```
Plays files without a gap: names of `sounds`, files uploaded to the account, or https URLs.
"""

from __future__ import annotations

from typing import Any

from flowengine.document import Node, Seq, Text
from flowengine.fields import TEXTUAL, Custom, Reader, source
from flowengine.instructions.base import Instruct
from flowengine.lowering import lower_prompt
from flowengine.model import Part, Prompt, Source


def _read(node: Node, reader: Reader) -> Prompt | None:
    nodes = node.items if isinstance(node, Seq) else [node]
    parts = [_file(each, reader) for each in nodes]
    kept = tuple(part for part in parts if part is not None)
    return Prompt({"": kept}, node.mark) if kept else None


def _file(node: Node, reader: Reader) -> Part | None:
    if not isinstance(node, Text):
        reader.expected(node, "a file, an https URL or a name of sounds")
        return None
    written = source(node)
    known = reader.sounds.get(written.text)
    return Part("play", Source(known, written.mark) if known else written)


class Play(Instruct):
    name = "play"
    type = Custom(
        _read,
        {"anyOf": [{"type": TEXTUAL}, {"type": "array", "items": {"type": TEXTUAL}, "maxItems": 64}]},
        "a file or a list of files",
    )
    emits = ("playFiles",)
    channels = ("voice",)
    nearest = "send: { media: https://… }"
    sound = True

    def lower(self, value: Any) -> Any:
        return lower_prompt(value)

    def run(self, op: Any, call: Any) -> None:
        call.play(op)
