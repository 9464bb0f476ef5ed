"""
```yaml
do:
  - say: "Hello {{ name }}."
```
Speaks a prompt: text, `{play: file}`, `{ssml: markup}`, `{pause: 1s}`, a list of these, or a map by language.
Text becomes `say`, the rest `playFiles`; text longer than 600 characters is split at a sentence. In a message flow it
sends a text, which may go by language and by channel.
"""

from __future__ import annotations

from typing import Any

from flowengine.fields import PROMPT
from flowengine.instructions.base import Instruct
from flowengine.model import Instruction, Prompt


class Say(Instruct):
    name = "say"
    type = PROMPT
    emits = ("say", "playFiles")
    sound = True

    def svaml(self, instruction: Instruction) -> tuple[str, ...]:
        prompt: Prompt = instruction.value
        return tuple(dict.fromkeys("say" if part.kind == "say" else "playFiles" for part in prompt.parts()))

    def run(self, op: Any, call: Any) -> None:
        call.speak(op)
